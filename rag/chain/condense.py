"""The node that keeps a long conversation within its budget: older turns become a summary, the last ones stay verbatim.

A summary keeps each fact's source: facts carry their page in parentheses, and every page that was ever cited stands in
a list at its end, which is kept by the program and not left to a model.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from langchain_core.messages import AIMessage, BaseMessage, HumanMessage
from langgraph.config import get_config
from langgraph.constants import TAG_NOSTREAM
from langgraph.runtime import Runtime

from rag.chain.context import AskState, ChainContext, config_with_tags
from rag.chain.guarded_model import BLOCKED
from rag.chain.model_stream import ModelCall
from rag.chain.prompts import cited_sources, summary_messages
from rag.citations.markers import read_markers
from rag.errors import ModelError
from rag.text.sentences import split_sentences
from rag.text.tokens import count_tokens

_SOURCES = "\n\nSources:\n"
_SUMMARY_SHARE = 0.5
_FACTS_PER_ANSWER = 3


def history_size(history: Sequence[BaseMessage]) -> int:
    """Tokens of a conversation, estimated."""
    return sum(count_tokens(message.text) for message in history)


def needs_condensing(state: AskState, budget: int) -> bool:
    """Whether the conversation has more than `budget` tokens."""
    return history_size(state.get("history", [])) > budget


def turns_to_summarize(history: Sequence[BaseMessage], budget: int) -> list[BaseMessage]:
    """The oldest messages, whole turns, so that the rest fits in half of `budget`; the last turn always stays.

    Half, so that a conversation is condensed once in several turns and not at each.
    """
    starts = [place for place, message in enumerate(history) if isinstance(message, HumanMessage)]
    starts = starts or list(range(len(history)))
    kept_from = starts[-1] if starts else 0
    for start in reversed(starts):
        if history_size(history[start:]) > budget * _SUMMARY_SHARE:
            break
        kept_from = start
    return list(history[:kept_from])


async def condense(state: AskState, runtime: Runtime[ChainContext]) -> dict[str, Any]:
    """Moves the oldest turns into `summary`; of a last turn that is too long by itself, the middle is left out.

    The model writes it where the conversation is kept by `thread_id`; for one that the client holds, which comes back
    at every question, the best sentences serve, as they do without a model or when the model fails.
    """
    context = runtime.context
    budget = context.settings.history_tokens
    history = state.get("history", [])
    older = turns_to_summarize(history, budget)
    changed: dict[str, Any] = {"history": _shortened(history[len(older) :], budget)}
    if older:
        summary = state.get("summary", "")
        text: str | None = None
        if not context.chat.extractive and get_config().get("configurable", {}).get("thread_id"):
            text = await _by_model(older, summary, context)
        condensed = extractive_summary(older, summary, budget // 2) if text is None else text
        changed["summary"] = with_sources(condensed, older, summary)
        changed["history"] += [{"role": "remove", "content": "", "id": message.id} for message in older]
    return changed


def _shortened(rest: Sequence[BaseMessage], budget: int) -> list[dict[str, Any]]:
    """Those of the messages that have more than their share of the budget, without their middle."""
    if history_size(rest) <= budget:
        return []
    share = budget // len(rest)
    return [
        {
            "role": message.type,
            "content": _without_middle(message.text, share),
            "id": message.id,
            "additional_kwargs": message.additional_kwargs,
        }
        for message in rest
        if count_tokens(message.text) > share
    ]


def _without_middle(text: str, tokens: int) -> str:
    kept = max(2, len(text) * tokens // count_tokens(text))
    return f"{text[: kept * 2 // 3].rstrip()} … {text[-(kept // 3) :].lstrip()}"


async def _by_model(older: Sequence[BaseMessage], summary: str, context: ChainContext) -> str | None:
    words = context.settings.history_tokens // 4
    asked = summary_messages([_with_named_sources(message) for message in older], summary, words=words)
    quiet = config_with_tags("summary", TAG_NOSTREAM)
    try:
        reply = await ModelCall(context.chat, context.settings).run(asked, quiet)
    except ModelError:
        return None
    text = reply.text.strip()
    usable = reply.finish_reason not in ("length", BLOCKED) and count_tokens(text) <= context.settings.history_tokens
    return text if usable else None


def extractive_summary(older: Sequence[BaseMessage], summary: str, budget: int) -> str:
    """Each question with the first cited sentences of its answer, oldest first; the oldest go when it gets long."""
    lines = [line for line in summary.partition(_SOURCES)[0].split("\n") if line]
    for message in older:
        if isinstance(message, AIMessage):
            lines.extend(f"  {fact}" for fact in _facts(message))
        else:
            lines.append(f"- {' '.join(message.text.split())[:300]}")
    while len(lines) > 1 and count_tokens("\n".join(lines)) > budget:
        del lines[0]
    return "\n".join(lines)


def with_sources(summary: str, older: Sequence[BaseMessage], earlier: str) -> str:
    """A summary with the list of every page cited so far, each once."""
    known = [line for line in earlier.partition(_SOURCES)[2].split("\n") if line]
    for message in older:
        known += [
            " ".join(f"- {source.get('title') or source.get('url')}: {source.get('url')}".split())
            for source in cited_sources(message)
        ]
    text = summary.partition(_SOURCES)[0]
    listed = "\n".join(dict.fromkeys(known))
    return f"{text}{_SOURCES}{listed}" if listed else text


def summary_told(summary: str, budget: int) -> str:
    """A summary as a model is told it: the pages named last, as far as half of `budget` reaches."""
    text, mark, listed = summary.partition(_SOURCES)
    lines, left = listed.split("\n"), budget // 2
    told: list[str] = []
    while lines and (left := left - count_tokens(lines[-1])) >= 0:
        told.insert(0, lines.pop())
    return f"{text}{mark}{chr(10).join(told)}" if told else text


def _facts(message: AIMessage) -> list[str]:
    """The first sentences of an answer, those that cite before others, with their sources named."""
    named = _with_named_sources(message).text
    sentences = [named[span.start : span.end] for span in split_sentences(named)]
    return sentences[:_FACTS_PER_ANSWER]


def _with_named_sources(message: BaseMessage) -> BaseMessage:
    """An answer whose `[n]` are replaced by the page they meant; one that meant nothing known is dropped."""
    if not isinstance(message, AIMessage):
        return message
    names = {str(source.get("n")): source.get("title") or source.get("url") for source in cited_sources(message)}

    told, position = "", 0
    for marker in read_markers(message.text):
        known = dict.fromkeys(filter(None, (names.get(str(number)) for number in marker.numbers)))
        told += message.text[position : marker.start].rstrip() + (f" ({'; '.join(known)})" if known else "")
        position = marker.end
    told += message.text[position:]
    return AIMessage(told, id=message.id, additional_kwargs=message.additional_kwargs)
