"""The node that makes a follow-up searchable on its own: by the chat model, or by rules where there is none."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from langchain_core.messages import BaseMessage
from langchain_core.runnables import RunnableConfig, RunnableLambda
from langgraph.runtime import Runtime

from rag.chain.context import REWRITE_TAG, AskState, ChainContext, config_with_tags
from rag.chain.leaning import rewritten_by_rules
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
    """
    question, history, summary = state["question"], state.get("history", []), state.get("summary", "")
    config = config_with_tags(REWRITE_TAG)
    context = runtime.context
    standalone: str | None = None
    if not context.chat.extractive:
        try:
            reply = await ModelCall(context.chat, context.settings).run(
                rewrite_messages(question, history, summary), config
            )
            standalone = accepted_rewrite(question, reply.text) or question
        except ModelError:
            standalone = None  # the answer's own call will tell, if the model stays away
    if standalone is None:
        standalone = await _by_rules(question, history, config)
    return {"standalone_question": standalone, "rewritten": standalone != question}


async def _by_rules(question: str, history: Sequence[BaseMessage], config: RunnableConfig) -> str:
    rules: RunnableLambda[str, str] = RunnableLambda(
        lambda asked: rewritten_by_rules(asked, history), name="RewriteByRules"
    )
    return await rules.ainvoke(question, config)
