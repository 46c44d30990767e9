"""All runs: those of this process, live, and those in the journal, whoever made them."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import Callable, Coroutine, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any, Literal, Protocol, TypeVar

from rag.errors import FootnoteError, NotFound, Overloaded, RunInterrupted
from rag.events import Event
from rag.stream.feedback import Rating, read_ratings, write_rating
from rag.stream.journal import Batch, Journal, RunRow
from rag.stream.readers import EventReader, JournalReader
from rag.stream.recorder import Recorder
from rag.stream.runs import Produce, Run, new_run_id

logger = logging.getLogger(__name__)
T = TypeVar("T")

_LOOK_SECONDS = 0.25
_SWEEP_SECONDS = 600.0
_RETRY_AFTER_SECONDS = 2.0
_LAST_WORDS_SECONDS = 1.5
_CANCELLED_ELSEWHERE_SECONDS = 3.0


class Stoppable(Protocol):
    """Work that can be stopped, with the error to be told to whoever waits for it."""

    def cancel(self, why: FootnoteError) -> None: ...


class Runs:
    """Starts runs, finds them again, ends them.

    Args:
        limit: how many may run at once in this process.
        keep_seconds: how long a finished run can be read again.
        deadline: seconds a run may take.
        clock: seconds since the epoch.
    """

    def __init__(
        self,
        data_dir: Path,
        *,
        limit: int,
        keep_seconds: float,
        deadline: float,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.limit = limit
        self._keep_seconds = keep_seconds
        self._deadline = deadline
        self._clock = clock
        self._journal = Journal(data_dir, clock=clock)
        self._journal.sweep(older_than=keep_seconds)
        self._recorder = Recorder(self._journal, clock=clock)
        self._threads = ThreadPoolExecutor(2, thread_name_prefix="footnote-runs")
        self._live: dict[str, Run] = {}
        self._others: set[Stoppable] = set()
        self._draining = False
        self._idle = asyncio.Event()
        self._idle.set()
        self._watching: asyncio.Task[None] | None = None
        self._unread: dict[str, Run] = {}
        self._errands: set[asyncio.Task[None]] = set()

    @property
    def active(self) -> int:
        """How many runs are under way in this process."""
        return len(self._live) + len(self._others)

    async def check_writable(self) -> None:
        """Whether a run could be kept now.

        Raises:
            StorageError: the journal cannot be written.
        """
        await self._in_thread(self._journal.check_writable)

    def check_room(self) -> None:
        """Raises Overloaded when no further run may start now."""
        if self._draining:
            raise Overloaded("The server is stopping.", "Ask again in a moment.", retry_after=_RETRY_AFTER_SECONDS)
        if self.active >= self.limit:
            raise Overloaded(
                f"All {self.limit} places are taken.",
                "Ask again in a moment, or raise RAG_MAX_STREAMS.",
                retry_after=_RETRY_AFTER_SECONDS,
            )

    def new(
        self,
        question: str,
        *,
        principal: str = "",
        thread_id: str | None = None,
        on_disconnect: Literal["cancel", "continue"] = "cancel",
    ) -> Run:
        """A run that has a place and a number, and is yet to be started by `start`.

        Raises:
            Overloaded: there is no place.
        """
        self.check_room()
        row = RunRow(new_run_id(), self._journal.owner, principal, question, thread_id, self._clock())
        run = Run(row, self._recorder, self._lookup, on_disconnect=on_disconnect)
        self._live[run.id] = run
        self._idle.clear()
        if self._watching is None:
            self._watching = asyncio.create_task(self._watch(), name="runs")
        return run

    async def start(self, run: Run, produce: Produce, first: Event) -> None:
        """Starts it.

        Raises:
            StorageError: the journal cannot be written.
        """
        run.on_end = self.forget
        run.on_unread = self._left_by_all
        await run.start(produce, first, deadline=self._deadline)

    def take_place(self, work: Stoppable) -> None:
        """Counts other work as a run, and stops it with them; `give_place` when it has ended.

        Raises:
            Overloaded: there is no place.
        """
        self.check_room()
        self._others.add(work)
        self._idle.clear()

    def give_place(self, work: Stoppable) -> None:
        self._others.discard(work)
        self._look_idle()

    async def find(self, run_id: str, principal: str = "") -> RunRow:
        """What is known of a run.

        Raises:
            NotFound: there is no such run, it has expired, or it is somebody else's.
        """
        row = await self._in_thread(self._journal.run, run_id)
        if row is None or row.principal != principal:
            raise NotFound(f"There is no run {run_id!r}.", "It may have expired; ask again.")
        return row

    async def follow(self, run_id: str, after: int = 0, principal: str = "") -> EventReader | None:
        """A reader of the events after a number; None when the run has ended and there are none.

        Raises:
            NotFound: as `find`.
        """
        row = await self.find(run_id, principal)
        if (run := self._live.get(run_id)) is not None:
            return run.read_from(after)
        if row.status != "running" and await self._in_thread(self._journal.last_seq, run_id) <= after:
            return None
        if row.status != "running" or row.owner == self._journal.owner:
            return JournalReader(run_id, after, self._lookup, self._is_running)
        reader_id = await self._in_thread(self._journal.attendance.join, run_id)
        left = partial(self._soon, partial(self._journal.attendance.leave, reader_id))
        return JournalReader(run_id, after, self._lookup, self._is_running, on_close=left)

    async def cancel(self, run_id: str, principal: str = "") -> RunRow:
        """Stops a run, whichever process works on it, and returns what is known of it then.

        Raises:
            NotFound: as `find`.
        """
        row = await self.find(run_id, principal)
        if (run := self._live.get(run_id)) is not None:
            run.cancel()
            await run.ended.wait()
            return await self.find(run_id, principal)
        if row.status == "running":
            await self._in_thread(self._journal.ask_to_cancel, run_id)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_CANCELLED_ELSEWHERE_SECONDS):
                    while await self._is_running(run_id):  # noqa: ASYNC110 - it ends in another process
                        await asyncio.sleep(_LOOK_SECONDS / 5)
        return await self.find(run_id, principal)

    async def events(self, run_id: str) -> list[Batch]:
        """All that a run has said."""
        batches: list[Batch] = []
        while more := await self._lookup(run_id, batches[-1].last if batches else 0):
            batches += more
        return batches

    async def rate(self, run_id: str, rating: Rating, principal: str = "") -> None:
        """Keeps what a reader thought of a run, in place of what was kept before.

        Raises:
            NotFound: as `find`.
        """
        await self.find(run_id, principal)

        def write() -> None:
            with self._journal.database.write() as connection:
                write_rating(connection, run_id, rating, self._clock())

        await self._in_thread(write)

    async def ratings(self, run_ids: Sequence[str]) -> dict[str, Rating]:
        """The ratings of those of the runs that have one."""

        def read() -> dict[str, Rating]:
            with self._journal.database.read() as connection:
                return read_ratings(connection, run_ids)

        return await self._in_thread(read)

    @property
    def draining(self) -> bool:
        """Whether no new runs are taken any more."""
        return self._draining

    def drain(self) -> None:
        """No new runs from now on."""
        self._draining = True

    async def idle(self) -> None:
        """Waits until no run is under way."""
        await self._idle.wait()

    async def finish(self, grace: float) -> None:
        """Waits up to `grace` seconds for the runs under way, then ends them with an `error` event."""
        self.drain()
        try:
            async with asyncio.timeout(grace):
                await self._idle.wait()
        except TimeoutError:
            stopped: FootnoteError = RunInterrupted("The server is being stopped.", "Ask again in a moment.")
            for work in [*self._live.values(), *self._others]:
                work.cancel(stopped)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_LAST_WORDS_SECONDS):
                    await self._idle.wait()

    async def close(self) -> None:
        """Ends what still runs, and writes the journal to its end."""
        await self.finish(0)
        for run in list(self._live.values()):
            await run.stopped()
        if self._watching is not None:
            self._watching.cancel()
            await asyncio.wait([self._watching, *self._errands])
        await self._in_thread(self._recorder.close)
        await self._in_thread(self._journal.close)
        self._threads.shutdown()

    def forget(self, run: Run) -> None:
        """Frees the place of a run that has ended, or could not be started."""
        self._live.pop(run.id, None)
        self._unread.pop(run.id, None)
        self._look_idle()

    def _look_idle(self) -> None:
        if not self.active:
            self._idle.set()

    async def _lookup(self, run_id: str, after: int) -> list[Batch]:
        return await self._in_thread(self._journal.read, run_id, after)

    async def _is_running(self, run_id: str) -> bool:
        row = await self._in_thread(self._journal.run, run_id)
        return row is not None and row.status == "running"

    def _left_by_all(self, run: Run) -> None:
        """Nobody reads the run in this process any more; it ends, unless somebody does in another one."""
        self._unread[run.id] = run
        self._errand(self._cancel_unread())

    async def _cancel_unread(self) -> None:
        runs = dict(self._unread)
        read: set[str] = set()
        try:
            if self._journal.is_shared:
                read = await self._in_thread(self._journal.attendance.read_elsewhere, runs)
        except FootnoteError as error:
            logger.warning("Who reads a run elsewhere is not known: %s", error)
        for run_id in runs.keys() - read:
            self._unread.pop(run_id, None)
            runs[run_id].cancel_unread()

    def _soon(self, work: Callable[[], None]) -> None:
        """Does it in a thread; nobody waits for it."""

        async def errand() -> None:
            try:
                await self._in_thread(work)
            except FootnoteError as error:
                logger.warning("The journal of runs: %s", error)

        self._errand(errand())

    def _errand(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work, name="errand of runs")
        self._errands.add(task)
        task.add_done_callback(self._errands.discard)

    async def _watch(self) -> None:
        """Does what others have left word for, and from time to time clears up."""
        swept = time.monotonic()
        while True:
            await asyncio.sleep(_LOOK_SECONDS)
            try:
                if self._live:
                    for run_id in await self._in_thread(self._journal.asked_to_cancel):
                        if (run := self._live.get(run_id)) is not None:
                            run.cancel()
                if self._unread:
                    await self._cancel_unread()
                if time.monotonic() - swept > _SWEEP_SECONDS:
                    swept = time.monotonic()
                    await self._in_thread(lambda: self._journal.sweep(older_than=self._keep_seconds))
            except FootnoteError as error:
                logger.warning("The journal of runs: %s", error)

    async def _in_thread(self, work: Callable[..., T], *arguments: Any) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._threads, work, *arguments)
