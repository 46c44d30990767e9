"""Runs: each in a task of its own, apart from any connection, with a deadline, readers, and exactly one last event."""

from __future__ import annotations

import asyncio
import logging
import uuid
from collections import deque
from collections.abc import Awaitable, Callable
from typing import Literal

from rag.errors import (
    DeadlineExceeded,
    FootnoteError,
    RunCancelled,
    RunInterrupted,
    StorageError,
)
from rag.events import Done, Event, Failed
from rag.stream.journal import Batch, RunRow, RunStatus
from rag.stream.readers import Attached, Lookup, Reader
from rag.stream.recorder import Recorder, Track
from rag.stream.run_log import stop
from rag.stream.wire import encode
from rag.vocabulary import Answer

logger = logging.getLogger(__name__)

WINDOW_BYTES = 128 * 1024
"""How far a run may be ahead of its fastest reader, and of the journal, before it is held back."""

_TAIL_BYTES = 256 * 1024
_TAKEN_TAIL_BYTES = 8 * 1024
"""How much of its newest events a run keeps in memory: for readers that have yet to take them, and when all have."""

Produce = Callable[["Run"], Awaitable[None]]


class Run:
    """One execution. `produce(run)` makes its events by `emit`; it must emit `Done` last, or raise.

    Attributes:
        began: the loop's time at which it was made; its deadline counts from there.
        status: `running` until the last event is made.
        failure: what ended it, when it is not `done`; `answer`: what it came to, when it is.
        kept: number of the last event that is in the journal; only those are shown to readers.
        ended: set when the last event is in the journal.
        listeners: called with each event as it is made; `watchers` with the last one only.
        on_unread: called when the last reader here has left and the run is not to go on without; None cancels it.
    """

    def __init__(
        self, row: RunRow, recorder: Recorder, lookup: Lookup, *, on_disconnect: Literal["cancel", "continue"]
    ) -> None:
        self.id = row.id
        self.row = row
        self.lookup = lookup
        self.status: RunStatus = "running"
        self.failure: FootnoteError | None = None
        self.answer: Answer | None = None
        self.started_with: tuple[Event, ...] = ()
        self.kept = 0
        self.ended = asyncio.Event()
        self.listeners: list[Callable[[Event], None]] = []
        self.watchers: list[Callable[[Event], None]] = []
        self.on_end: Callable[[Run], None] | None = None
        self.on_unread: Callable[[Run], None] | None = None
        self._on_disconnect = on_disconnect
        self._recorder = recorder
        self.began = asyncio.get_running_loop().time()
        self._track = Track(row.id, row, asyncio.get_running_loop(), self._on_kept)
        self._tail: deque[Batch] = deque()
        self._tail_bytes = 0
        self._kept_bytes = 0
        self._readers: set[Attached] = set()
        self._room = asyncio.Event()
        self._first_kept: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._task: asyncio.Task[None] | None = None
        self._stopping: asyncio.Future[None] | None = None
        self._why_cancelled: FootnoteError | None = None

    async def start(self, produce: Produce, first: Event, *, deadline: float) -> None:
        """Begins with the event `first`, and returns when that is in the journal.

        Args:
            deadline: seconds from the making of the run, so that what was waited for since counts too.

        Raises:
            StorageError: the journal cannot be written; nothing was started.
        """
        self.started_with = (first,)
        self.emit(first)
        await asyncio.shield(self._first_kept)
        self._task = asyncio.create_task(self._execute(produce, deadline), name=f"run {self.id}")
        self._task.add_done_callback(self._say_last)

    def emit(self, event: Event) -> None:
        """The next event. Does not wait; call `room` now and then."""
        last: RunStatus | None = None
        if isinstance(event, Done | Failed):
            last = self.status = "done" if isinstance(event, Done) else self._status_of(self.failure)
            for watcher in self.watchers:
                watcher(event)
        self._recorder.append(self._track, encode(self._track.sent + 1, event), last)
        for listener in self.listeners:
            listener(event)

    @property
    def is_ahead(self) -> bool:
        """Whether to wait for `room` before going on."""
        if self._track.size - self._kept_bytes > WINDOW_BYTES:
            return True
        return bool(self._readers) and self._track.size - max(reader.taken for reader in self._readers) > WINDOW_BYTES

    async def room(self) -> None:
        """Waits until the journal, and one of the readers where there are any, has caught up."""
        while self.is_ahead:
            self._room.clear()
            await self._room.wait()

    def cancel(self, why: FootnoteError | None = None) -> None:
        """Stops it; readers get an `error` event. Does nothing when it has ended."""
        if self.status == "running" and self._why_cancelled is None:
            self._why_cancelled = why or RunCancelled("The answer was cancelled.", "Ask again.")
            if self._task is not None:
                self._task.cancel()
                self._stopping = asyncio.ensure_future(stop(self._task))

    async def stopped(self) -> None:
        """Waits until nothing of the run is left, cancelling it if it has not ended."""
        if self._task is not None and not self._task.done():
            await stop(self._task)

    def read_from(self, after: int, *, taken: float | None = None) -> Reader:
        """A reader of the events after the one numbered `after`; close it when done.

        Args:
            taken: `inf` for one that only waits for the end, and holds nothing back.
        """
        reader = Reader(self, after, taken=taken)
        if taken is None and after >= self.kept:
            reader.taken = self._kept_bytes  # it has all there is; it cannot be what holds the run back
        self.joined(reader)
        return reader

    def joined(self, reader: Attached) -> None:
        """Somebody reads."""
        self._readers.add(reader)

    def left(self, reader: Attached) -> None:
        """A reader has gone. The last one to leave a run that goes on for readers only ends it."""
        self._readers.discard(reader)
        self._room.set()
        if not self._readers and self._on_disconnect == "cancel" and self.status == "running":
            if self.on_unread is None:
                self.cancel_unread()
            else:
                self.on_unread(self)

    def cancel_unread(self) -> None:
        """Stops it, unless somebody has begun to read it again."""
        if not self._readers:
            self.cancel(RunCancelled("The reader left, so the answer was cancelled.", "Ask again."))

    def advanced(self) -> None:
        """A reader has taken something."""
        self._room.set()

    def recent(self, after: int) -> list[Batch] | None:
        """The kept events after that number, while they are still in memory; else None: look in the journal."""
        if self._tail and self._tail[0].first <= after + 1:
            return [batch for batch in self._tail if batch.last > after]
        return None

    def _on_kept(self, batch: Batch | None, status: RunStatus | None, error: StorageError | None) -> None:
        if not self._first_kept.done():
            if error is None:
                self._first_kept.set_result(None)
            else:
                self._first_kept.set_exception(error)
        if error is not None:
            self._not_kept(error)
        elif batch is not None:
            self._remember(batch)
        if status is not None:
            self._end()
        self._room.set()
        for reader in self._readers:
            reader.wake()

    def _remember(self, batch: Batch) -> None:
        self.kept, self._kept_bytes = batch.last, batch.end
        self._tail.append(batch)
        self._tail_bytes += len(batch.events)
        taken = min((reader.taken for reader in self._readers), default=self._kept_bytes)
        while len(self._tail) > 1:
            limit = _TAKEN_TAIL_BYTES if self._tail[0].end <= taken else _TAIL_BYTES
            if self._tail_bytes <= limit:
                break
            self._tail_bytes -= len(self._tail.popleft().events)

    def _not_kept(self, error: StorageError) -> None:
        """The journal is out of order: readers still get a last event, from memory."""
        self._kept_bytes = self._track.size
        self.cancel(error)
        if not self.ended.is_set():
            event = encode(self.kept + 1, Failed(error.problem()))
            self._remember(Batch(self.id, self.kept + 1, self.kept + 1, 0, event))
            self.failure = self.failure or error
            self._end()

    def _end(self) -> None:
        self.ended.set()
        if self.on_end is not None:
            self.on_end(self)

    async def _execute(self, produce: Produce, deadline: float) -> None:
        limit = asyncio.timeout_at(self.began + deadline)
        try:
            async with limit:
                await produce(self)
        except Exception as error:
            if self.status == "running":
                self.failure = self._failure(error, late=limit.expired(), deadline=deadline)

    def _say_last(self, task: asyncio.Task[None]) -> None:
        """Whatever happened to the task, the last event is made."""
        if self.status != "running":
            return
        if task.cancelled():
            self.failure = self._why_cancelled or RunInterrupted("The server stopped.", "Ask again.")
        if self.failure is None:
            self.failure = FootnoteError("The run ended without an answer.", "The server's log says more.")
        self.emit(Failed(self.failure.problem()))

    def _failure(self, error: Exception, *, late: bool, deadline: float) -> FootnoteError:
        if late:
            return DeadlineExceeded(
                f"The answer was not complete after {deadline:g} seconds.", "Ask again, or raise RAG_ASK_TIMEOUT."
            )
        if isinstance(error, FootnoteError):
            return error
        logger.error("Run %s failed", self.id, exc_info=error)
        return FootnoteError("Something unexpected happened.", "The server's log says more.")

    def _status_of(self, failure: FootnoteError | None) -> RunStatus:
        if isinstance(failure, RunCancelled):
            return "cancelled"
        return "interrupted" if isinstance(failure, RunInterrupted) else "failed"


def new_run_id() -> str:
    return uuid.uuid4().hex
