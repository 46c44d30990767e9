"""One ingestion from sources to index: fetching, reading, embedding and indexing overlap, and memory stays bounded.

Workers take visits from the frontier, fetch, and have pages read in threads; what is to be written goes through a
bounded queue to the one writing thread, which embeds and indexes whole batches. When writing is slow the queue fills
and the workers wait; when the site is slow the writer does. A visit is settled on disk only after its page is written,
so a killed ingestion repeats at most what was under way.
"""

from __future__ import annotations

import asyncio
import uuid
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial
from time import monotonic

from ingest.apart.processes import Reader
from ingest.fetching.fetch import Fetcher
from ingest.fetching.guard import Guard
from ingest.fetching.robots import Robots
from ingest.frontier.database import CrawlDatabase
from ingest.frontier.frontier import Frontier, State, Visit
from ingest.frontier.listing import Openings
from ingest.frontier.memory import Memories
from ingest.frontier.pruning import prune
from ingest.frontier.scope import Scope
from ingest.frontier.seeding import Seeder
from ingest.progress import IngestEvent, Listener, PageSettled, Progress
from ingest.report import Report
from ingest.spec import IngestSpec
from ingest.store import Store
from ingest.urls import site_of
from ingest.visited import Rooms, Visited
from ingest.visiting import Visitor
from ingest.writing import Pause, WriteQueue, no_pause
from rag.errors import FootnoteError, SourceGone
from rag.index.writer import PageChange
from rag.settings import Settings

PROGRESS_SECONDS = 0.25


@dataclass(frozen=True, slots=True)
class IngestParts:
    """What an ingestion works with; every part can be another.

    Attributes:
        database: of visits and memories.
        pause: called after each batch with the seconds its writing took.
    """

    store: Store
    reader: Reader
    fetcher: Fetcher
    guard: Guard
    database: CrawlDatabase
    pause: Pause = no_pause


def _utc_now() -> datetime:
    return datetime.now(UTC)


def nobody(event: IngestEvent) -> None:
    """Hears nothing."""


class Ingestion:
    """One ingestion. `run` it once; `stop` it from the same event loop.

    Args:
        listener: hears every page and how far things are; must not block.
        clock: aware, UTC.
    """

    def __init__(
        self,
        spec: IngestSpec,
        settings: Settings,
        parts: IngestParts,
        *,
        listener: Listener = nobody,
        clock: Callable[[], datetime] = _utc_now,
    ) -> None:
        self.report = Report(uuid.uuid4().hex)
        self._spec = spec
        self._settings = settings
        self._parts = parts
        self._listener = listener
        self._clock = clock
        self._frontier = Frontier(parts.database)
        self._memories = Memories(parts.database)
        self._openings = Openings(parts.database)
        self._scope = Scope(parts.guard)
        self._seeder = Seeder(spec, self._frontier, self._scope, parts.store, self.report)
        self._queue = WriteQueue(parts.store, self._written, more=self._more_to_come, pause=parts.pause)
        self._wake = asyncio.Event()
        self._visiting = 0
        self._asking: Counter[str] = Counter()
        self._workers: list[asyncio.Task[None]] = []
        self._stopping = self._seeded = False
        self._followed = 0
        self._cut_sites: set[str] = set()
        self._chunks = 0
        self._started = self._told = monotonic()

    async def run(self) -> Report:
        """Does it all.

        Raises:
            StorageError, IndexUnavailable, ModelError: the index or the model does not work; what was done stays done.
        """
        self._started = monotonic()
        self._frontier.begin(self._spec.key, self._clock())
        self.report.resumed = self._frontier.resumed
        self._followed = self._frontier.followed
        executor = ThreadPoolExecutor(self._parts.reader.at_once, thread_name_prefix="ingest-read")
        try:
            async with self._parts.fetcher as fetcher:
                visitor = self._visitor(fetcher, executor)
                await self._work_through(fetcher, visitor)
        finally:
            executor.shutdown(wait=False, cancel_futures=True)
            self._sum_up()
        return self.report

    def stop(self) -> None:
        """Takes no further page; what was read is still written. The same ingestion goes on there another time."""
        self._stopping = True
        self.report.stopped = True
        for worker in self._workers:
            worker.cancel()
        self._wake.set()

    def _more_to_come(self) -> bool:
        return not self._stopping and bool(self._frontier.waiting or self._visiting or not self._seeded)

    def progress(self) -> Progress:
        """How far it is."""
        done, seconds = self.report.pages, monotonic() - self._started
        fetching = self._visiting
        waiting = self._frontier.waiting + fetching + self._queue.pending
        rate = done / seconds if seconds else 0.0
        return Progress(
            done=done,
            waiting=waiting,
            fetching=fetching,
            writing=self._queue.pending,
            chunks=self._chunks,
            embedded=self.report.embedded,
            seconds=round(seconds, 3),
            rate=round(rate, 2),
            left=round(waiting / rate, 1) if done >= 5 and rate else None,
        )

    async def _work_through(self, fetcher: Fetcher, visitor: Visitor) -> None:
        writing = asyncio.create_task(self._queue.run())
        seeding = asyncio.create_task(self._seed(fetcher))
        self._workers = [asyncio.create_task(self._work(visitor)) for _ in range(self._settings.concurrency)]
        try:
            await self._until_done({seeding, *self._workers}, writing)
            if not self._stopping:
                await self._finish()
            await self._queue.close()
            await writing
            if not self._stopping:
                self._frontier.finish(self._clock())
        except BaseException:
            self.report.stopped = True
            raise
        finally:
            await _end([seeding, *self._workers, writing])

    async def _until_done(self, tasks: set[asyncio.Task[None]], writing: asyncio.Task[None]) -> None:
        """Waits for all of `tasks`; raises as soon as one of them, or the writing, fails."""
        waiting = {*tasks, writing}
        while waiting - {writing}:
            done, waiting = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                if not task.cancelled():
                    task.result()

    async def _seed(self, fetcher: Fetcher) -> None:
        try:
            await self._seeder.seed(fetcher, self._wake.set)
        finally:
            self._seeded = True
            self._wake.set()

    async def _work(self, visitor: Visitor) -> None:
        while (visit := await self._next_visit()) is not None:
            site = site_of(visit.url)
            self._visiting += 1
            self._asking[site] += 1
            try:
                visited = await visitor.visit(visit, partial(self._asked, site))
            finally:
                self._visiting -= 1
                self._wake.set()
            await self._take(visited)
            self._wake.set()

    def _asked(self, site: str) -> None:
        """The site may be asked for another page while this one is read."""
        self._asking[site] -= 1
        self._wake.set()

    async def _next_visit(self) -> Visit | None:
        while not self._stopping:
            visit = self._allowed_visit()
            if visit is not None:
                return visit
            if self._seeded and not self._frontier.waiting and not self._queue.pending and not self._visiting:
                if not self._revive():
                    self._wake.set()
                    return None
                continue
            self._wake.clear()
            await self._wake.wait()
        return None

    def _allowed_visit(self) -> Visit | None:
        """The next visit, as long as a crawl has not found its fill."""
        if self._spec.crawl and self._followed >= self._spec.max_pages:
            left = self._frontier.leave("max_pages")
            self._cut_sites.update(map(site_of, left))
            self.report.leave_out(left, "max_pages")
        busy = [site for site, count in self._asking.items() if count >= self._settings.per_host]
        visit = self._frontier.take(busy)
        if visit is not None and visit.origin in ("named", "link"):
            self._followed += 1
        return visit

    async def _take(self, visited: Visited) -> None:
        """Takes the result of a visit, and hands on what there is to write."""
        if visited.found:
            self._frontier.add(visited.found)
        if visited.outline is not None:
            self._openings.keep(visited.url, visited.outline.openings)
        if visited.outcome is None:
            if visited.memory is not None:
                self._memories.keep(replace(visited.memory, content_hash=None, skip=visited.reason))
            self._settle_visits(visited, visited.reason, "deferred")
        elif visited.page is not None or visited.row is not None:
            self._note_state(visited)
            self._chunks += len(visited.chunks or ())
            self._settle_visits(visited, visited.reason, "queued")
            await self._queue.put(visited)
        else:
            self._settle(visited)

    def _note_state(self, visited: Visited) -> None:
        if visited.outcome == "gone":
            gone = self._memories.note_missing(
                visited.url, visited.reason, number=self._frontier.number, sure=visited.sure
            )
            visited.state = "gone" if gone else "unknown"
        elif visited.outcome == "failed":
            visited.state = "unknown"

    def _written(self, visited: Visited, change: PageChange | None, error: FootnoteError | None) -> None:
        if error is not None:
            visited.end("failed", error.slug, str(error))
        elif change is not None:
            self.report.add_change(change)
        elif visited.outcome == "unchanged" and visited.row is not None:
            self.report.chunks_kept += visited.row.chunks
        self._settle(visited, change)
        self._wake.set()

    def _settle(self, visited: Visited, change: PageChange | None = None) -> None:
        outcome = visited.outcome or "failed"
        if outcome in ("indexed", "unchanged") and visited.memory is not None:
            self._memories.keep(visited.memory)
        elif outcome == "skipped" and visited.reason == "listing" and visited.memory is not None:
            self._memories.keep(replace(visited.memory, content_hash=None, skip="listing"))
        unsure = outcome == "failed" and visited.reason != SourceGone.reason
        self._settle_visits(visited, outcome, "failed" if unsure else "done")
        self.report.count(outcome, visited.url, visited.reason, visited.detail)
        chunks = change.added + change.kept if change else visited.row.chunks if visited.row else 0
        embedded = change.embedded if change else 0
        self._listener(PageSettled(visited.url, outcome, visited.reason, visited.detail, chunks, embedded))
        if monotonic() - self._told > PROGRESS_SECONDS:
            self._told = monotonic()
            self._listener(self.progress())

    def _settle_visits(self, visited: Visited, outcome: str, state: State) -> None:
        for visit in visited.visits:
            self._frontier.settle(visit, outcome, state=state)

    def _revive(self) -> bool:
        """Decides about deferred pages, now that all others are known. Returns whether any is to be visited again."""
        again: list[Visit] = []
        for visit, reason in self._frontier.deferred():
            memory = self._memories.recall(visit.url)
            kind, _, canonical = reason.partition(" ")
            if canonical and self._openings.are_borrowed(visit.url, [canonical]):
                self._settle(Visited([visit], visit.url, memory=memory).end("skipped", "canonical"))
            elif kind == "list" and memory and self._openings.are_borrowed(visit.url, memory.links):
                self._settle(Visited([visit], visit.url, memory=memory).end("skipped", "listing"))
            else:
                again.append(visit)
        self._frontier.revive(again)
        return bool(again)

    async def _finish(self) -> None:
        if not self._spec.prune:
            return
        incomplete = self._frontier.incomplete_sites() | self._seeder.unread_sites | self._cut_sites
        await self._queue.call(
            partial(prune, self._spec, self._parts.store, self._memories, self.report, incomplete=incomplete)
        )

    def _visitor(self, fetcher: Fetcher, executor: ThreadPoolExecutor) -> Visitor:
        rooms = Rooms(
            fetcher=fetcher,
            robots=Robots(fetcher, self._settings.user_agent, ignore=self._spec.ignore_robots),
            reader=self._parts.reader,
            store=self._parts.store,
            frontier=self._frontier,
            memories=self._memories,
            openings=self._openings,
            scope=self._scope,
            executor=executor,
        )
        return Visitor(
            self._spec, rooms, agent=self._settings.user_agent, max_bytes=self._settings.max_bytes, clock=self._clock
        )

    def _sum_up(self) -> None:
        traffic = self._parts.fetcher.traffic
        self.report.requests, self.report.bytes = traffic.requests, traffic.bytes
        self.report.not_modified = traffic.not_modified
        self.report.seconds = monotonic() - self._started


async def _end(tasks: list[asyncio.Task[None]]) -> None:
    """Cancels what still runs and waits for it, so that nothing outlives the ingestion."""
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
