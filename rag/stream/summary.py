"""What a run came to, read from its events."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

from rag.events import timestamp
from rag.stream.journal import Batch, RunRow
from rag.stream.wire import decode


def summary(row: RunRow, batches: Iterable[Batch]) -> dict[str, Any]:
    """The state of a run as plain JSON values.

    `result` is the data of `done` with `documents`, and with `steps` where an agent took some; a run without it has
    `answer`, what was said so far, and `error` when it has ended. `last_event` is the number to read on after.
    """
    found: dict[str, Any] = {"run_id": row.id, "state": row.status, "question": row.question}
    if row.thread_id is not None:
        found["thread_id"] = row.thread_id
    found["created_at"] = _moment(row.created_at)
    if row.finished_at is not None:
        found["finished_at"] = _moment(row.finished_at)
    found["last_event"] = 0
    told: dict[str, list[Any]] = {}
    for batch in batches:
        for event in decode(batch.events):
            found["last_event"] = event.seq
            told.setdefault(event.name, []).append(event.data)
    return found | _outcome(told)


def _outcome(told: dict[str, list[Any]]) -> dict[str, Any]:
    """What the events, by name, say of the end of the run."""
    ended: dict[str, Any] = {"error": told["error"][-1]} if "error" in told else {}
    if "done" not in told:
        return ended | {"answer": "".join(token["text"] for token in told.get("token", ()))}
    documents = told["documents"][-1]["documents"] if "documents" in told else []
    steps = {"steps": told["step"]} if "step" in told else {}
    return ended | {"result": {**told["done"][-1], "documents": documents, **steps}}


def _moment(seconds: float) -> str:
    return timestamp(datetime.fromtimestamp(seconds, UTC))
