"""Readers of a run: of one in this process from memory or the journal, of any other from the journal alone."""

from __future__ import annotations

import asyncio
import math
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import TYPE_CHECKING, Protocol

from rag.events import Done, Event, Failed
from rag.stream.journal import Batch
from rag.stream.wire import after as events_after

if TYPE_CHECKING:
    from rag.stream.runs import Run

Lookup = Callable[[str, int], Awaitable[list[Batch]]]
"""Reads batches of a run after a number from the journal, off the event loop."""

IsRunning = Callable[[str], Awaitable[bool]]

_WAITING_EVENTS = 256
_SHARED_WRITE_BYTES = 64 * 1024
_POLL_SECONDS = 0.1
_ALIVE_SECONDS = 1.0


class EventReader(Protocol):
    """Reads the stream of a run."""

    async def read(self, timeout: float) -> bytes | None:
        """The next events, as many as are there; empty when none came in `timeout` seconds; None after the last."""
        ...

    def close(self) -> None:
        """Tells that nobody reads on. May be called more than once."""
        ...


class Attached(Protocol):
    """What a run knows of those who read it: how many bytes of it they have taken, and how to wake them."""

    @property
    def taken(self) -> float: ...

    def wake(self) -> None: ...


class Reader:
    """Reads a run of this process. Events that already wait come together."""

    def __init__(self, run: Run, after: int, *, taken: float | None = None) -> None:
        self._run = run
        self._seq = after
        self.taken: float = taken if taken is not None else 0.0
        self._counts = taken is None
        self._waiter: asyncio.Future[bool] | None = None
        self._closed = False

    async def read(self, timeout: float) -> bytes | None:
        while True:
            if self._seq < self._run.kept:
                return await self._next()
            if self._run.ended.is_set():
                return None
            if not await self._woken(timeout):
                return b""

    def wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(True)

    def close(self) -> None:
        if not self._closed:
            self._closed = True
            self._run.left(self)

    async def _next(self) -> bytes:
        batches = self._run.recent(self._seq)
        if batches is None:
            batches = await self._run.lookup(self._run.id, self._seq)
        chunk, self._seq, end = _cut(batches, self._seq)
        if self._counts:
            self.taken = end
            self._run.advanced()
        return chunk

    async def _woken(self, timeout: float) -> bool:
        loop = asyncio.get_running_loop()
        waiter: asyncio.Future[bool] = loop.create_future()
        self._waiter = waiter
        timer = loop.call_later(timeout, _resolve, waiter)
        try:
            return await waiter
        finally:
            timer.cancel()
            self._waiter = None


class EventTap:
    """The typed events of a run of this process, for programs that embed Footnote."""

    def __init__(self, run: Run) -> None:
        self._run = run
        self._events: deque[Event] = deque(run.started_with)
        self._more = asyncio.Event()
        run.listeners.append(self._hear)
        run.joined(self)

    @property
    def taken(self) -> float:
        return math.inf if len(self._events) < _WAITING_EVENTS else 0.0

    async def __aiter__(self) -> AsyncIterator[Event]:
        while True:
            while self._events:
                event = self._events.popleft()
                self._run.advanced()
                yield event
                if isinstance(event, Done | Failed):
                    return
            self._more.clear()
            await self._more.wait()

    def wake(self) -> None:
        """Events are heard as they are made; there is nothing to wake for."""

    def close(self) -> None:
        self._run.listeners.remove(self._hear)
        self._run.left(self)

    def _hear(self, event: Event) -> None:
        self._events.append(event)
        self._more.set()


class JournalReader:
    """Reads a run that has ended, or that another process works on.

    Args:
        on_close: called once, when nobody reads on.
    """

    def __init__(
        self,
        run_id: str,
        after: int,
        lookup: Lookup,
        is_running: IsRunning,
        *,
        on_close: Callable[[], None] | None = None,
    ) -> None:
        self._run_id = run_id
        self._seq = after
        self._lookup = lookup
        self._is_running = is_running
        self._on_close = on_close

    async def read(self, timeout: float) -> bytes | None:
        loop = asyncio.get_running_loop()
        give_up = loop.time() + timeout
        asked, running = 0.0, True
        while True:
            if loop.time() - asked >= _ALIVE_SECONDS:
                asked, running = loop.time(), await self._is_running(self._run_id)
            batches = await self._lookup(self._run_id, self._seq)
            if batches:
                chunk, self._seq, _ = _cut(batches, self._seq)
                return chunk
            if not running:
                return None
            if loop.time() >= give_up:
                return b""
            await asyncio.sleep(_POLL_SECONDS)

    def close(self) -> None:
        on_close, self._on_close = self._on_close, None
        if on_close is not None:
            on_close()


def _resolve(waiter: asyncio.Future[bool]) -> None:
    if not waiter.done():
        waiter.set_result(False)


def _cut(batches: list[Batch], seq: int) -> tuple[bytes, int, int]:
    """The events after `seq`, up to about one write's worth, the number of the last, and where it ends in the run."""
    parts: list[bytes] = []
    size = last = end = 0
    for batch in batches:
        parts.append(batch.events if batch.first > seq else events_after(batch.events, seq))
        size += len(parts[-1])
        last, end = batch.last, batch.end
        if size >= _SHARED_WRITE_BYTES:
            break
    return b"".join(parts), last, end
