"""Agent mode: a model that searches as often as it needs to, within limits, and then answers with citations.

Built on LangChain's `create_agent`. Input and output are those of the chain. Each tool call is traced as two runs named
`AgentStep`, one before and one after it, whose output is `{"kind", "tool", "input" or "output"}`. The model's runs
carry the tag `answer`, and say nothing but tool calls and the answer.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, Literal

from langchain_core.messages import AIMessage, HumanMessage, ToolMessage
from langchain_core.runnables import Runnable, RunnableLambda
from langgraph.checkpoint.base import BaseCheckpointSaver
from langgraph.graph import END, START, StateGraph
from langgraph.runtime import Runtime

from rag.chain.answer import FixedReply, finished
from rag.chain.answering_model import AnsweringModel
from rag.chain.condense import condense, needs_condensing
from rag.chain.context import ANSWER_TAG, AskInput, AskOutput, AskState, ChainContext, config_with_tags
from rag.chain.graph import AskChain, AskGraph, check_question
from rag.chain.model_stream import ModelCall, Reply, finish_reason
from rag.chain.prompts import agent_rules, new_boundary, phrases_for, without_markers
from rag.chain.retrieve import wanted_documents, wanted_filter
from rag.chain.tools import FoundDocuments, IndexTools
from rag.errors import FootnoteError, InvalidRequest
from rag.index.documents import document_to_langchain
from rag.models.chat import ChatModel

STEP_NAME = "AgentStep"
_BUDGETS = 4
"""How many times the context budget an agent may find before it has to answer."""


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
    graph.add_conditional_edges(START, _first_node)
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
    limits = _limits(found, steps=context.settings.agent_steps, tokens=_BUDGETS * context.settings.context_tokens)
    searching = create_agent(
        AnsweringModel(chat=context.chat, settings=context.settings, tags=[ANSWER_TAG]),
        tools.all(),
        system_prompt=agent_rules(question, boundary),
        middleware=[limits],
    )
    messages: list[Any] = [*map(without_markers, state.get("history", [])), HumanMessage(_with_summary(state))]
    config = config_with_tags()
    config["recursion_limit"] = 10 * context.settings.agent_steps + 25
    result = await searching.ainvoke({"messages": messages}, config)
    last = result["messages"][-1]
    reply = _reply_of(last) if isinstance(last, AIMessage) and last.text.strip() else await _cut(question, context)
    update = finished(question, reply, found.documents)
    documents = [document_to_langchain(document) for document in found.documents]
    return {**update, "standalone_question": question, "rewritten": False, "documents": documents}


def _limits(found: FoundDocuments, *, steps: int, tokens: int) -> Any:
    """Middleware of `create_agent`: counts and traces tool calls, makes observations of errors, ends the search."""
    from langchain.agents.middleware import AgentMiddleware, ModelRequest, ModelResponse, hook_config
    from langchain.tools.tool_node import ToolCallRequest
    from langgraph.types import Command

    class Limits(AgentMiddleware[Any, Any, Any]):
        def __init__(self) -> None:
            super().__init__()
            self.calls = 0

        @property
        def reached(self) -> bool:
            return self.calls >= steps or found.tokens >= tokens

        async def awrap_model_call(
            self, request: ModelRequest[Any], handler: Callable[[ModelRequest[Any]], Awaitable[ModelResponse[Any]]]
        ) -> ModelResponse[Any]:
            return await handler(request.override(tools=[]) if self.reached else request)

        @hook_config(can_jump_to=["end"])
        async def aafter_model(self, state: Any, runtime: Any) -> dict[str, Any] | None:
            last = state["messages"][-1]
            return {"jump_to": "end"} if self.reached and getattr(last, "tool_calls", None) else None

        async def awrap_tool_call(
            self, request: ToolCallRequest, handler: Callable[[ToolCallRequest], Awaitable[ToolMessage | Command[Any]]]
        ) -> ToolMessage | Command[Any]:
            call = request.tool_call
            self.calls += 1
            await _trace("action", call["name"], input=call["args"])
            if self.calls > steps:
                message: ToolMessage | Command[Any] = _observation(
                    call, f"The limit of {steps} tool calls is reached. Answer now."
                )
            else:
                message = await _observed(call, lambda: handler(request))
            await _trace("observation", call["name"], output=getattr(message, "text", ""))
            return message

    return Limits()


async def _observed(call: Any, act: Callable[[], Awaitable[Any]]) -> Any:
    """What a tool returned, or why it failed, for the model to read."""
    try:
        return await act()
    except FootnoteError as error:
        return _observation(call, str(error))
    except Exception as error:  # an agent may try another way; what broke is named, and its details are not
        return _observation(call, f"The tool failed ({type(error).__name__}). Try another way.")


def _observation(call: Any, text: str) -> ToolMessage:
    return ToolMessage(text, tool_call_id=call["id"], name=call["name"], status="error")


async def _trace(kind: Literal["action", "observation"], tool: str, **fields: Any) -> None:
    step: RunnableLambda[dict[str, Any], dict[str, Any]] = RunnableLambda(lambda taken: taken, name=STEP_NAME)
    await step.ainvoke({"kind": kind, "tool": tool, **fields})


async def _cut(question: str, context: ChainContext) -> Reply:
    """The answer of an agent that would not stop searching."""
    fixed = ChatModel("fixed", FixedReply(text=phrases_for(question).cut, finish_reason="length"), extractive=True)
    return await ModelCall(fixed, context.settings).run([HumanMessage(question)], config_with_tags(ANSWER_TAG))


def _reply_of(message: AIMessage) -> Reply:
    usage = {name: count for name, count in (message.usage_metadata or {}).items() if isinstance(count, int)}
    return Reply([message.text], finish_reason(message) or "stop", usage)


def _with_summary(state: AskState) -> str:
    words, summary = phrases_for(state["question"]), state.get("summary")
    return f"{words.earlier.format(summary=summary)}\n\n{state['question']}" if summary else state["question"]


def _first_node(state: AskState, runtime: Runtime[ChainContext]) -> Literal["condense", "agent"]:
    check_question(state)
    return "condense" if needs_condensing(state, runtime.context.settings.history_tokens) else "agent"
