"""The node that answers: streams the chat model over the documents, and says how the answer ended."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from langchain_core.messages import BaseMessage, HumanMessage
from langchain_core.runnables import RunnableConfig
from langgraph.runtime import Runtime

from rag.chain.condense import summary_told
from rag.chain.context import ANSWER_TAG, AskState, ChainContext, config_with_tags, is_empty
from rag.chain.model_stream import ModelCall, Reply
from rag.chain.prompts import answer_messages, phrases_for, says_no_answer
from rag.citations.markers import read_markers
from rag.errors import ModelError
from rag.index.documents import document_from_langchain
from rag.models.chat import ChatModel
from rag.models.prepared import PreparedAnswer, PreparedChatModel
from rag.request import is_blank
from rag.vocabulary import Document, FinishReason

_FINISH_REASONS: dict[str, FinishReason] = {
    "stop": "stop",
    "no_answer": "no_answer",
    "length": "length",
    "content_filter": "blocked",
}


class FixedReply(PreparedChatModel):
    """Says one thing. It stands in for the model where there is nothing to ask it, so that the run looks the same."""

    text: str
    finish_reason: str = "no_answer"

    @property
    def _llm_type(self) -> str:
        return "fixed"

    def prepare(self, messages: list[BaseMessage], **kwargs: Any) -> PreparedAnswer:
        return PreparedAnswer(self.text, self.finish_reason)


async def answer(state: AskState, runtime: Runtime[ChainContext]) -> dict[str, Any]:
    """Answers from the documents of the state; without any it says so, and no model is asked."""
    documents = [document_from_langchain(document) for document in state.get("documents", [])]
    question = state["question"]
    reply = await _reply(state, documents, config_with_tags(ANSWER_TAG), runtime.context)
    return finished(question, reply, documents)


async def _reply(
    state: AskState, documents: Sequence[Document], config: RunnableConfig, context: ChainContext
) -> Reply:
    question = state["question"]
    standalone = state.get("standalone_question") or question
    settings = context.settings
    if not documents:
        words = phrases_for(question)
        text = words.empty_index if await is_empty(context.index) else words.no_answer
        nothing = ChatModel("fixed", FixedReply(text=text), extractive=True)
        return await ModelCall(nothing, settings).run([HumanMessage(question)], config)
    call = ModelCall(context.chat, settings, settings.model_retries)
    if context.chat.extractive:
        return await call.run([HumanMessage(standalone)], config, documents=list(documents), question=standalone)
    messages = answer_messages(
        question,
        documents,
        standalone=standalone,
        history=state.get("history", []),
        summary=summary_told(state.get("summary", ""), settings.history_tokens),
    )
    return await call.run(messages, config)


def finished(question: str, reply: Reply, documents: Sequence[Document]) -> dict[str, Any]:
    """What the answer adds to the state: text, finish reason, usage, and the turn for the conversation.

    Raises:
        ModelError: the model ended in a way that is no answer.
    """
    reason = _FINISH_REASONS.get(reply.finish_reason or "")
    if reason is None:
        raise ModelError(f"The model ended its answer with {reply.finish_reason!r}.", "Ask again.")
    text = reply.text
    if reply.calls_tools and is_blank(text):
        raise ModelError("The model called a tool that it was not given, and said nothing.", "Ask again.")
    if reason == "stop" and says_no_answer(text):
        reason = "no_answer"
    # Plain dictionaries, which `add_messages` reads too: LangGraph would send message objects out as tokens again.
    remembered = {
        "role": "assistant",
        "content": text,
        "additional_kwargs": {"sources": sources_of(text, documents)},
    }
    return {
        "answer": text,
        "finish_reason": reason,
        "usage": reply.usage,
        "history": [{"role": "user", "content": question}, remembered],
    }


def sources_of(text: str, documents: Sequence[Document]) -> list[dict[str, Any]]:
    """The documents whose numbers stand in an answer, as `n`, `title` and `url`: what a conversation remembers."""
    named = {number for marker in read_markers(text) for number in marker.numbers}
    return [
        {"n": document.n, "title": document.title, "url": document.url} for document in documents if document.n in named
    ]
