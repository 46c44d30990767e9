"""The writing end of an ingestion: pages are gathered into batches and put into the index by one thread."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from time import monotonic

from ingest.store import Store
from ingest.visited import Visited
from rag.errors import FootnoteError
from rag.index.asked import LastAsked
from rag.index.rows import PageState
from rag.index.writer import PageChange
from rag.vocabulary import Chunk, Page

BATCH_CHUNKS = 256
MOST_WAITING = 64
GIVE_UP_AFTER = 3
_STILL_ASKING = 2.0
_LONGEST_PAUSE = 2.0
LINGER = 0.25
"""Seconds. A batch costs a few waits for the disk, however small it is."""
Pause = Callable[[float], Awaitable[None]]
Written = Callable[[Visited, PageChange | None, FootnoteError | None], None]


async def no_pause(seconds: float) -> None:
    """Writes at full speed."""


def give_way(asked: LastAsked, sleep: Callable[[float], Awaitable[None]] = asyncio.sleep) -> Pause:
    """Waits as long as the batch took, when a question was asked meanwhile, in whatever process."""

    async def pause(seconds: float) -> None:
        if asked.seconds_ago() < seconds + _STILL_ASKING:
            await sleep(min(seconds, _LONGEST_PAUSE))

    return pause


class WriteQueue:
    """Takes pages as they are read, writes them in batches, and says of each whether it is written.

    A batch is what has gathered while the last one was written, and what comes within a moment while more pages are
    on their way: a single page goes in at once, and a busy crawl embeds hundreds of chunks together. It is embedded
    while the one before it is written. As long as writing does not work no page waits for another, so that this is
    found out soon.

    Args:
        more: whether further pages are on their way.
        linger: seconds to wait for them.
        written: called with each page and its change, or the error that kept it out.
        pause: called after each batch with the seconds it took; may wait, so that a server has the machine meanwhile.
    """

    def __init__(
        self,
        store: Store,
        written: Written,
        *,
        more: Callable[[], bool] = lambda: False,
        pause: Pause = no_pause,
        linger: float = LINGER,
    ) -> None:
        self._store = store
        self._written = written
        self._more = more
        self._pause = pause
        self._linger = linger
        self._queue: asyncio.Queue[Visited | None] = asyncio.Queue(MOST_WAITING)
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="ingest-write")
        self._ahead = ThreadPoolExecutor(1, thread_name_prefix="ingest-embed")
        self._failures = 0
        self._works = False
        self.pending = 0

    async def put(self, visited: Visited) -> None:
        """Hands a page over; waits when too many are waiting already."""
        self.pending += 1
        await self._queue.put(visited)

    async def close(self) -> None:
        """Says that no more pages will come: `run` ends when all are written."""
        await self._queue.put(None)

    async def run(self) -> None:
        """Writes until closed.

        Raises:
            FootnoteError: three batches in a row could not be written; the index or the model does not work.
        """
        open_ = True
        writing = asyncio.create_task(self._write([]))
        try:
            while open_:
                batch, open_ = await self._gather()
                started = monotonic()
                try:
                    embedded = await self._is_embedded(batch)
                finally:
                    await writing
                await self._pause(monotonic() - started)
                if embedded:
                    writing = asyncio.create_task(self._write(batch))
                if not self._works:
                    await writing
            await writing
        finally:
            self._ahead.shutdown(wait=True)
            self._thread.shutdown(wait=True)

    async def call(self, function: Callable[[], object]) -> None:
        """Runs a small change to the store in the writing thread."""
        await asyncio.get_running_loop().run_in_executor(self._thread, function)

    async def _gather(self) -> tuple[list[Visited], bool]:
        """The next batch, and whether more may come."""
        batch: list[Visited] = []
        chunks = 0
        item = await self._queue.get()
        deadline = asyncio.get_running_loop().time() + self._linger
        while item is not None:
            batch.append(item)
            chunks += len(item.chunks or ())
            if chunks >= BATCH_CHUNKS or (self._queue.empty() and not (self._works and self._more())):
                return batch, True
            try:
                async with asyncio.timeout_at(deadline):
                    item = await self._queue.get()
            except TimeoutError:
                return batch, True
        return batch, False

    async def _is_embedded(self, batch: Sequence[Visited]) -> bool:
        """Embeds what is new in a batch, while the one before may be being written."""
        new = _new(batch)
        try:
            if new:
                await asyncio.get_running_loop().run_in_executor(self._ahead, self._store.embed, new)
        except FootnoteError as error:
            self._failed(batch, error)
            return False
        return True

    async def _write(self, batch: Sequence[Visited]) -> None:
        if not batch:
            return
        try:
            changes = await asyncio.get_running_loop().run_in_executor(self._thread, self._store_batch, batch)
        except FootnoteError as error:
            self._failed(batch, error)
            return
        self._failures, self._works = 0, True
        self._tell(batch, changes, None)

    def _failed(self, batch: Sequence[Visited], error: FootnoteError) -> None:
        self._failures, self._works = self._failures + 1, False
        self._tell(batch, {}, error)
        if self._failures >= GIVE_UP_AFTER:
            raise error

    def _store_batch(self, batch: Sequence[Visited]) -> dict[str, PageChange]:
        states: dict[PageState, list[str]] = {}
        unchanged: list[tuple[Page, str | None]] = []
        for visited in batch:
            if visited.state is not None:
                states.setdefault(visited.state, []).append(visited.url)
            elif visited.page is not None and visited.chunks is None:
                unchanged.append((visited.page, visited.memory.lastmod if visited.memory else None))
        for state, urls in states.items():
            self._store.set_state(urls, state)
        if unchanged:
            self._store.visited(unchanged)
        new = _new(batch)
        return {change.url: change for change in self._store.write(new)} if new else {}

    def _tell(self, batch: Sequence[Visited], changes: dict[str, PageChange], error: FootnoteError | None) -> None:
        for visited in batch:
            self.pending -= 1
            self._written(visited, changes.get(visited.url), error)


def _new(batch: Sequence[Visited]) -> list[tuple[Page, Sequence[Chunk]]]:
    return [(item.page, item.chunks) for item in batch if item.page is not None and item.chunks is not None]
