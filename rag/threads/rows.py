"""Turns and threads as rows: documents and citations as JSON, the documents compressed."""

from __future__ import annotations

import json
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

from rag.text.characters import REPLACEMENT, whole_characters
from rag.threads.memory import Exchange, Outcome, Thread, Turn
from rag.threads.steps import kept_steps, steps_from
from rag.vocabulary import Citation, Document

TURN_COLUMNS = (
    "n, run_id, state, question, asked_at, standalone_question, answer, finish_reason, documents, citations, ended_at, "
    "steps"
)
THREAD_COLUMNS = "id, title, created_at, updated_at, turns, summary, summarized_through"
_TITLE_LENGTH = 80


def title_of(question: str) -> str:
    """The first question, on one line and not too long."""
    line = " ".join(question.split())
    return line if len(line) <= _TITLE_LENGTH else line[: _TITLE_LENGTH - 1].rstrip() + "…"


def outcome_columns(outcome: Outcome) -> dict[str, Any]:
    return {
        "answer": storable(outcome.answer),
        "standalone_question": outcome.standalone_question,
        "finish_reason": outcome.finish_reason,
        "documents": zlib.compress(_json([_document_data(document) for document in outcome.documents]).encode()),
        "citations": _json([asdict(citation) for citation in outcome.citations]),
        "sources": _json(_sources(outcome)),
        "steps": kept_steps(outcome.steps),
    }


def storable(text: str) -> str:
    """`text` as both databases take it, of the same length: a model may send NUL or half a surrogate pair."""
    return whole_characters(text).replace("\x00", REPLACEMENT)


def thread_from(row: Sequence[Any]) -> Thread:
    return Thread(row[0], row[1], moment(row[2]), moment(row[3]), row[4], row[5], row[6])


def turn_from(row: Sequence[Any]) -> Turn:
    return Turn(
        n=row[0],
        run_id=row[1],
        state=row[2],
        question=row[3],
        asked_at=moment(row[4]),
        standalone_question=row[5],
        answer=row[6],
        finish_reason=row[7],
        documents=tuple(map(_document, json.loads(zlib.decompress(row[8])))) if row[8] else (),
        citations=tuple(Citation(**data) for data in json.loads(row[9])) if row[9] else (),
        ended_at=None if row[10] is None else moment(row[10]),
        steps=steps_from(row[11]),
    )


def exchange_from(row: Sequence[Any]) -> Exchange:
    """From the columns n, question, answer, sources."""
    return Exchange(row[0], row[1], row[2], tuple(json.loads(row[3])) if row[3] else ())


def moment(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)


def _sources(outcome: Outcome) -> list[dict[str, Any]]:
    """The documents that the answer cites, each once."""
    if outcome.sources is not None:
        return list(outcome.sources)
    cited = {citation.document_id for citation in outcome.citations if citation.document_id is not None}
    return [
        {"n": document.n, "title": document.title, "url": document.url}
        for document in outcome.documents
        if document.id in cited
    ]


def _document_data(document: Document) -> dict[str, Any]:
    return {**asdict(document), "fetched_at": document.fetched_at.isoformat()}


def _document(data: Mapping[str, Any]) -> Document:
    changed = {"section": tuple(data["section"]), "fetched_at": datetime.fromisoformat(data["fetched_at"])}
    return Document(**{**data, **changed})


def _json(data: Any) -> str:
    return json.dumps(data, ensure_ascii=False, separators=(",", ":"))
