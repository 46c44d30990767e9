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

    `result` is the data of `done` with `documents`; a run without it has `answer`, what was said so far, and `error`
    when it has ended. `last_event` is the number to read on after.
    """
    found: dict[str, Any] = {"run_id": row.id, "state": row.status, "question": row.question}
    if row.thread_id is not None:
        found["thread_id"] = row.thread_id
    found["created_at"] = _moment(row.created_at)
    if row.finished_at is not None:
        found["finished_at"] = _moment(row.finished_at)
    found["last_event"] = 0
    said: list[str] = []
    documents: list[Any] = []
    for batch in batches:
        for event in decode(batch.events):
            found["last_event"] = event.seq
            match event.name:
                case "token":
                    said.append(event.data["text"])
                case "documents":
                    documents = event.data["documents"]
                case "done":
                    found["result"] = {**event.data, "documents": documents}
                case "error":
                    found["error"] = event.data
    if "result" not in found:
        found["answer"] = "".join(said)
    return found


def _moment(seconds: float) -> str:
    return timestamp(datetime.fromtimestamp(seconds, UTC))
