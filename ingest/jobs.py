"""Ingestions that run inside a server: started, watched and cancelled while answers go on."""

from __future__ import annotations

import asyncio
import logging
import uuid
from collections import OrderedDict, deque
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Literal

from ingest.opening import open_ingestion
from ingest.pipeline import Ingestion
from ingest.progress import Broken, Finished, IngestEvent, Listener
from ingest.report import Report
from ingest.spec import IngestSpec
from ingest.urls import is_web
from ingest.writing import Pause, no_pause
from rag.errors import Conflict, FootnoteError, InvalidRequest, NotFound, without_password
from rag.settings import Settings

if TYPE_CHECKING:
    from rag.index.search import Index
    from rag.models.embeddings import EmbeddingModel

JobState = Literal["running", "done", "failed", "cancelled"]
MOST_JOBS = 100
MOST_EVENTS = 10_000
Open = Callable[[IngestSpec, Listener], AbstractAsyncContextManager[Ingestion]]

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class JobEvent:
    """An event with its number in the job, from 1."""

    sequence: int
    event: IngestEvent


class Job:
    """One ingestion in the background.

    Attributes:
        state: `failed` when the index or a model did not work; pages that could not be read only show in the report.
        report: grows while it runs.
    """

    def __init__(self, spec: IngestSpec) -> None:
        self.id = uuid.uuid4().hex
        self.spec = spec
        self.state: JobState = "running"
        self.created_at = datetime.now(UTC)
        self.finished_at: datetime | None = None
        self._events: deque[JobEvent] = deque(maxlen=MOST_EVENTS)
        self._count = 0
        self._news = asyncio.Event()
        self._ingestion: Ingestion | None = None

    @property
    def report(self) -> Report:
        """What was done so far."""
        return self._ingestion.report if self._ingestion else Report(self.id)

    async def events(self, after: int = 0) -> AsyncIterator[JobEvent]:
        """Events with a number above `after`, then new ones as they come; ends with `done` or `error`.

        Only the last 10,000 are kept; a reader who asks for older ones gets those that are left.
        """
        seen = after
        while True:
            news = self._news
            for event in [event for event in self._events if event.sequence > seen]:
                seen = event.sequence
                yield event
            if seen < self._count:
                continue
            if self.finished_at is not None:
                return
            await news.wait()

    def cancel(self) -> None:
        """Stops after the pages at hand; what was read is still written."""
        if self.state == "running":
            self.state = "cancelled"  # until it has ended, `finished_at` is None
            if self._ingestion is not None:
                self._ingestion.stop()

    def tell(self, event: IngestEvent) -> None:
        """Adds an event and wakes its readers."""
        self._count += 1
        self._events.append(JobEvent(self._count, event))
        news, self._news = self._news, asyncio.Event()
        news.set()

    async def run(self, opened: AbstractAsyncContextManager[Ingestion], ingestion: Ingestion) -> None:
        """Runs to the end and lets go of the index; then the last event says how it went."""
        self._ingestion = ingestion
        if self.state == "cancelled":
            ingestion.stop()
        state, event = await self._outcome(ingestion)
        await opened.__aexit__(None, None, None)
        self.state, self.finished_at = state, datetime.now(UTC)
        self.tell(event)

    async def _outcome(self, ingestion: Ingestion) -> tuple[JobState, IngestEvent]:
        try:
            report = await ingestion.run()
        except FootnoteError as error:
            return "failed", Broken(error.problem())
        except asyncio.CancelledError:
            return "cancelled", Finished(ingestion.report.data())
        except Exception:
            logger.exception("The ingestion %s failed", self.id)
            return "failed", Broken(FootnoteError("The ingestion failed.", "See the server's log.").problem())
        return "cancelled" if report.stopped else "done", Finished(report.data())


class Jobs:
    """The ingestions of a server, one at a time.

    Args:
        open_: opens an ingestion and holds the writer's lock while it is open.
    """

    def __init__(self, open_: Open) -> None:
        self._open = open_
        self._jobs: OrderedDict[str, Job] = OrderedDict()
        self._running: tuple[Job, asyncio.Task[None]] | None = None
        self._starting = asyncio.Lock()

    @classmethod
    def of(cls, settings: Settings, index: Index, embeddings: EmbeddingModel, *, pause: Pause = no_pause) -> Jobs:
        """Jobs that write to `index`.

        Args:
            pause: awaited after each batch with the seconds its writing took, so that answers get their turn.
        """

        def open_(spec: IngestSpec, listener: Listener) -> AbstractAsyncContextManager[Ingestion]:
            return open_ingestion(spec, settings, index=index, embeddings=embeddings, listener=listener, pause=pause)

        return cls(open_)

    async def start(self, spec: IngestSpec) -> Job:
        """Starts an ingestion of web pages; it runs in the background.

        Raises:
            InvalidRequest: a source is a local file; a client of the server must not read the server's disk.
            Conflict: another ingestion is at work, here or in another process; says who, and since when.
        """
        local = [source for source in spec.sources if not is_web(source)]
        if local:
            raise InvalidRequest(
                f"{without_password(local[0])!r} is not a URL.",
                "Send URLs; files are ingested with the `ingest` command on the server.",
            )
        async with self._starting:
            self._require_idle()
            job = Job(spec)
            opened = self._open(spec, job.tell)
            ingestion = await opened.__aenter__()
            task = asyncio.create_task(job.run(opened, ingestion))
            self._running = (job, task)
            task.add_done_callback(self._ended)
            self._jobs[job.id] = job
            while len(self._jobs) > MOST_JOBS:
                self._jobs.popitem(last=False)
        return job

    def get(self, job_id: str) -> Job:
        """A job by its id.

        Raises:
            NotFound: there is none, or it is long over.
        """
        if job_id not in self._jobs:
            raise NotFound(f"There is no job {job_id!r}.", "Start one with POST /sources.")
        return self._jobs[job_id]

    def list(self) -> list[Job]:
        """The jobs, newest first."""
        return list(reversed(self._jobs.values()))

    async def close(self) -> None:
        """Stops the running job and waits until what was read is written."""
        if self._running is not None:
            job, task = self._running
            job.cancel()
            await asyncio.wait([task])

    def _ended(self, task: asyncio.Task[None]) -> None:
        if not task.cancelled() and task.exception() is not None:
            logger.error("An ingestion could not be closed", exc_info=task.exception())

    def _require_idle(self) -> None:
        if self._running is not None and self._running[0].finished_at is None:
            job = self._running[0]
            since = job.created_at.isoformat(timespec="seconds")
            raise Conflict(
                f"The ingestion {job.id} has been running since {since}.", f"Wait for it, or cancel job {job.id}."
            )
