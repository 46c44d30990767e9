"""The node that makes a follow-up searchable on its own: by the chat model, or by rules where there is none."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from langchain_core.messages import BaseMessage
from langchain_core.runnables import RunnableConfig, RunnableLambda
from langgraph.runtime import Runtime

from rag.chain.condense import summary_told
from rag.chain.context import REWRITE_TAG, AskState, ChainContext, config_with_tags
from rag.chain.guarded_model import BLOCKED
from rag.chain.leaning import recent_context, rewritten_by_rules
from rag.chain.model_stream import ModelCall
from rag.chain.prompts import rewrite_messages
from rag.chain.rewriting import accepted_rewrite
from rag.errors import ModelError


def needs_contextualizing(state: AskState) -> bool:
    """Whether there is something to take a subject from, and the caller wants it taken."""
    return bool(
        (state.get("history") or state.get("summary"))
        and state.get("rewrite", True) is not False
        and not state.get("standalone_question")
    )


async def contextualize(state: AskState, runtime: Runtime[ChainContext]) -> dict[str, Any]:
    """Rewrites the question from the conversation; every run inside carries the tag `contextualize_q_chain`.

    A reply of the model that is no rewrite leaves the question as it was; a model that fails leaves it to the rules.
    The user's own words are searched beside a rewritten question.
    """
    question = state["question"]
    config = config_with_tags(REWRITE_TAG)
    standalone = None if runtime.context.chat.extractive else await _by_model(state, config, runtime.context)
    if standalone is None:
        return await _by_rules(question, state.get("history", []), config)
    return _contextualized(question, standalone, [question])


async def _by_model(state: AskState, config: RunnableConfig, context: ChainContext) -> str | None:
    question = state["question"]
    summary = summary_told(state.get("summary", ""), context.settings.history_tokens)
    messages = rewrite_messages(question, state.get("history", []), summary)
    try:
        reply = await ModelCall(context.chat, context.settings).run(messages, config)
    except ModelError:
        return None  # the answer's own call will tell, if the model stays away
    if reply.finish_reason in ("length", BLOCKED):
        return question
    return accepted_rewrite(question, reply.text) or question


async def _by_rules(question: str, history: Sequence[BaseMessage], config: RunnableConfig) -> dict[str, Any]:
    def rewrite(asked: str) -> str:
        return rewritten_by_rules(asked, history)

    rules: RunnableLambda[str, str] = RunnableLambda(rewrite, name="RewriteByRules")
    standalone = await rules.ainvoke(question, config)
    return _contextualized(question, standalone, [question, recent_context(question, history)])


def _contextualized(question: str, standalone: str, also: list[str]) -> dict[str, Any]:
    if standalone == question:
        return {"standalone_question": question, "rewritten": False}
    return {"standalone_question": standalone, "rewritten": True, "also": [phrasing for phrasing in also if phrasing]}
