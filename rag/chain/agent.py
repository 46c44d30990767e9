"""Agent mode: a model that searches as often as it needs to, within limits, and then answers with citations.

Built on LangChain's `create_agent`. Input and output are those of the chain. Each tool call is traced as two runs named
`AgentStep`, one before and one after it, whose output is `{"kind", "tool", "input" or "output"}`. The model's runs
carry the tag `answer`, and say nothing but tool calls and the answer.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

from langchain_core.messages import AIMessage, BaseMessage, HumanMessage
from langchain_core.runnables import Runnable
from langgraph.checkpoint.base import BaseCheckpointSaver
from langgraph.graph import END, START, StateGraph
from langgraph.runtime import Runtime

from rag.chain.answer import FixedReply, finished
from rag.chain.answering_model import PARAGRAPH, AnsweringModel, said_before
from rag.chain.condense import condense, needs_condensing, summary_told
from rag.chain.context import ANSWER_TAG, AskInput, AskOutput, AskState, ChainContext, config_with_tags
from rag.chain.graph import AskChain, AskGraph, Choice
from rag.chain.guarded_model import BLOCKED
from rag.chain.model_stream import ModelCall, Reply, finish_reason
from rag.chain.prompts import agent_rules, disarmed, new_boundary, phrases_for, without_markers
from rag.chain.retrieve import check_question, tell, wanted_documents, wanted_filter
from rag.chain.steps import Budget, Steps, limits
from rag.chain.tools import FoundDocuments, IndexTools
from rag.errors import InvalidRequest
from rag.events import DocumentsFound, QuestionUnderstood
from rag.index.documents import document_to_langchain
from rag.models.chat import ChatModel
from rag.settings import Settings

_BUDGETS = 4
"""How many times the context budget an agent may find before it has to answer."""

_SEARCHING_SHARE = 0.5
"""Of the time for an answer; the rest is for saying it."""


def build_agent(context: ChainContext, *, checkpointer: BaseCheckpointSaver[Any] | None = None) -> Runnable[Any, Any]:
    """The agent bound to its dependencies, to be used as what `build_chain` returns.

    Raises:
        InvalidRequest: the model cannot call tools.
    """
    check_tool_calling(context.chat)
    output_keys = sorted(AskOutput.__annotations__)
    kwargs = {"context": context, "stream_mode": "values", "output_keys": output_keys}
    return AskChain(bound=build_agent_graph(checkpointer=checkpointer), kwargs=kwargs)


def build_agent_graph(*, checkpointer: BaseCheckpointSaver[Any] | None = None) -> AskGraph:
    """The compiled graph: condense a long conversation, then let the agent work."""
    graph = StateGraph(AskState, ChainContext, input_schema=AskInput, output_schema=AskOutput)
    graph.add_node("condense", condense)
    graph.add_node("agent", agent)
    graph.add_conditional_edges(START, Choice("first", _first_node), ["condense", "agent"])
    graph.add_edge("condense", "agent")
    graph.add_edge("agent", END)
    return graph.compile(checkpointer=checkpointer, name="footnote-agent")


def check_tool_calling(chat: ChatModel) -> None:
    """Raises InvalidRequest unless the model can call tools."""
    from langchain_core.tools import tool

    @tool
    def probe() -> str:
        """Nothing."""
        return ""

    try:
        chat.model.bind_tools([probe])
    except NotImplementedError as error:
        raise InvalidRequest(
            f"The model {chat.name!r} cannot call tools, which the mode 'agent' needs.",
            "Use the mode 'chain', or set RAG_CHAT_MODEL to a model that can, such as openai:gpt-4o-mini.",
        ) from error


async def agent(state: AskState, runtime: Runtime[ChainContext]) -> dict[str, Any]:
    """Lets the model search until it answers or a limit is reached."""
    from langchain.agents import create_agent

    context, question = runtime.context, state["question"]
    found, boundary = FoundDocuments(), new_boundary()
    tools = IndexTools(
        context.index,
        found,
        boundary=boundary,
        top_k=wanted_documents(state, context),
        context_tokens=context.settings.context_tokens,
        filter=wanted_filter(state),
    )
    settings = context.settings
    budget = Budget(
        found,
        steps=settings.agent_steps,
        tokens=_BUDGETS * settings.context_tokens,
        seconds=_SEARCHING_SHARE * settings.ask_timeout,
    )
    searching = create_agent(
        AnsweringModel(chat=context.chat, settings=settings, found=found, tags=[ANSWER_TAG]),
        tools.all(),
        system_prompt=agent_rules(question, boundary),
        middleware=[limits(budget, Steps(runtime.stream_writer, settings.blocked_phrases, boundary))],
    )
    messages: list[Any] = [
        *map(without_markers, state.get("history", [])),
        HumanMessage(_with_summary(state, settings)),
    ]
    config = config_with_tags()
    config["recursion_limit"] = 10 * settings.agent_steps + 25
    result = await searching.ainvoke({"messages": messages}, config)
    reply = await _reply(result["messages"], question, context)
    reply.usage = _usage(result["messages"])
    update = finished(question, reply, found.documents)
    documents = [document_to_langchain(document) for document in found.documents]
    tell(runtime, DocumentsFound(tuple(found.documents)))
    tell(runtime, QuestionUnderstood(text=question, original=question, rewritten=False))
    return {**update, "standalone_question": question, "rewritten": False, "documents": documents}


async def _reply(messages: Sequence[BaseMessage], question: str, context: ChainContext) -> Reply:
    """All that was said of the answer; nearly always that is the last message."""
    last, before = messages[-1], said_before(messages[:-1])
    reason = finish_reason(last) if isinstance(last, AIMessage) else None
    if last.text.strip() or reason == BLOCKED:
        return Reply(before + last.text, "stop" if reason in (None, "tool_calls") else reason)
    return await _cut(question, context, before)


async def _cut(question: str, context: ChainContext, before: str) -> Reply:
    """The answer of an agent that would not stop searching."""
    text = (PARAGRAPH if before else "") + phrases_for(question).cut
    fixed = ChatModel("fixed", FixedReply(text=text, finish_reason="length"), extractive=True)
    reply = await ModelCall(fixed, context.settings).run([HumanMessage(question)], config_with_tags(ANSWER_TAG))
    return Reply(before + reply.text, reply.finish_reason)


def _usage(messages: Sequence[BaseMessage]) -> dict[str, int]:
    """The tokens of all calls of the model, those that searched included."""
    total: Counter[str] = Counter()
    for message in messages:
        if isinstance(message, AIMessage):
            total.update({name: n for name, n in (message.usage_metadata or {}).items() if isinstance(n, int)})
    return dict(total)


def _with_summary(state: AskState, settings: Settings) -> str:
    question, summary = state["question"], summary_told(state.get("summary", ""), settings.history_tokens)
    earlier = phrases_for(question).earlier.format(summary=disarmed(summary))
    return f"{earlier}\n\n{question}" if summary else question


def _first_node(state: AskState, context: ChainContext) -> str:
    check_question(state)
    return "condense" if needs_condensing(state, context.settings.history_tokens) else "agent"
