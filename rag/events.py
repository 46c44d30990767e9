"""The typed events of a run, and their form on the wire.

A run is `run`, then `documents` and `question`, then `token`, `citation` and (agent mode) `step` events, then exactly
one of `done` and `error`. `docs/streaming.md` tells a client what to expect.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, ClassVar, Literal

from rag.vocabulary import Answer, Citation, Document, FinishReason, Timing


@dataclass(frozen=True, slots=True)
class RunStarted:
    name: ClassVar[str] = "run"
    run_id: str
    question: str
    chat_model: str
    embeddings: str
    created_at: datetime
    thread_id: str | None = None


@dataclass(frozen=True, slots=True)
class DocumentsFound:
    name: ClassVar[str] = "documents"
    documents: tuple[Document, ...]


@dataclass(frozen=True, slots=True)
class QuestionUnderstood:
    """`text` is what was searched; `original` what was asked."""

    name: ClassVar[str] = "question"
    text: str
    original: str
    rewritten: bool


@dataclass(frozen=True, slots=True)
class QuestionToken:
    name: ClassVar[str] = "question_token"
    text: str


@dataclass(frozen=True, slots=True)
class Token:
    name: ClassVar[str] = "token"
    text: str


@dataclass(frozen=True, slots=True)
class CitationMade:
    name: ClassVar[str] = "citation"
    citation: Citation


@dataclass(frozen=True, slots=True)
class Step:
    name: ClassVar[str] = "step"
    index: int
    kind: Literal["action", "observation"]
    tool: str
    input: Any = None
    output: Any = None


@dataclass(frozen=True, slots=True)
class Done:
    name: ClassVar[str] = "done"
    run_id: str
    answer: str
    question: str
    citations: tuple[Citation, ...]
    usage: Mapping[str, int]
    timing: Timing
    finish_reason: FinishReason


@dataclass(frozen=True, slots=True)
class Failed:
    """`problem` has the members of RFC 9457 and `retryable`, as `FootnoteError.problem()` gives them."""

    name: ClassVar[str] = "error"
    problem: Mapping[str, Any]


Event = RunStarted | DocumentsFound | QuestionUnderstood | QuestionToken | Token | CitationMade | Step | Done | Failed


def event_data(event: Event) -> dict[str, Any]:
    """The event's `data` object: plain JSON values, absent ones left out, times as ISO 8601 in UTC."""
    match event:
        case RunStarted():
            return _present(
                run_id=event.run_id,
                thread_id=event.thread_id,
                question=event.question,
                chat_model=event.chat_model,
                embeddings=event.embeddings,
                created_at=timestamp(event.created_at),
            )
        case DocumentsFound():
            return {"documents": [document_data(document) for document in event.documents]}
        case QuestionUnderstood():
            return {"text": event.text, "original": event.original, "rewritten": event.rewritten}
        case QuestionToken() | Token():
            return {"text": event.text}
        case CitationMade():
            return citation_data(event.citation)
        case Step():
            return _present(index=event.index, kind=event.kind, tool=event.tool, input=event.input, output=event.output)
        case Done():
            return done_data(event)
        case Failed():
            return dict(event.problem)


def done_data(event: Done) -> dict[str, Any]:
    """The `done` object."""
    timing = event.timing
    return {
        "run_id": event.run_id,
        "answer": event.answer,
        "question": event.question,
        "citations": [citation_data(citation) for citation in event.citations],
        "usage": dict(event.usage),
        "timing": _present(
            documents_ms=timing.documents_ms, first_token_ms=timing.first_token_ms, total_ms=timing.total_ms
        ),
        "finish_reason": event.finish_reason,
    }


def answer_data(answer: Answer) -> dict[str, Any]:
    """The JSON form of `/ask`: the `done` object plus `documents`."""
    done = Done(
        run_id=answer.run_id,
        answer=answer.text,
        question=answer.question,
        citations=answer.citations,
        usage=answer.usage,
        timing=answer.timing,
        finish_reason=answer.finish_reason,
    )
    return {**done_data(done), "documents": [document_data(document) for document in answer.documents]}


def document_data(document: Document) -> dict[str, Any]:
    return {
        "n": document.n,
        "id": document.id,
        "url": document.url,
        "title": document.title,
        "section": list(document.section),
        "text": document.text,
        "score": round(document.score, 4),
        "link": document.link,
        "language": document.language,
        "fetched_at": timestamp(document.fetched_at),
    }


def citation_data(citation: Citation) -> dict[str, Any]:
    return _present(
        n=citation.n,
        document_id=citation.document_id,
        claim={"start": citation.claim_start, "end": citation.claim_end},
        quote=citation.quote,
        quote_start=citation.quote_start,
        quote_end=citation.quote_end,
        verdict=citation.verdict,
        link=citation.link,
    )


def timestamp(moment: datetime) -> str:
    """ISO 8601 in UTC, to the second, ending in Z."""
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def _present(**members: Any) -> dict[str, Any]:
    return {name: value for name, value in members.items() if value is not None}
