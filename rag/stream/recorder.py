"""Writes the events of all runs to the journal in one thread, many at a time, and says when they are kept."""

from __future__ import annotations

import asyncio
import logging
import sqlite3
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from rag.errors import StorageError
from rag.index.faults import storage_faults
from rag.stream.journal import Batch, Journal, RunRow, RunStatus, finish_run, insert_batches, insert_run

logger = logging.getLogger(__name__)

LINGER_SECONDS = 0.004
LINGER_SECONDS_A_RUN = 0.000_25
LONGEST_LINGER_SECONDS = 0.05
"""After a commit, what comes within this time shares the next one: a lone stream loses nothing, many cost little."""

OnKept = Callable[[Batch | None, RunStatus | None, StorageError | None], None]


@dataclass(eq=False)
class Track:
    """The events of one run on their way to the journal.

    Attributes:
        row: of the run, until it is written.
        on_kept: called in `loop` with what was written, or with the error that kept it from being written.
        status: set at the end, to be written with the last events.
        sent: number of the last event given to the recorder; `size`: bytes of all of them.
    """

    run_id: str
    row: RunRow | None
    loop: asyncio.AbstractEventLoop
    on_kept: OnKept
    waiting: list[bytes] = field(default_factory=list)
    status: RunStatus | None = None
    sent: int = 0
    size: int = 0
    _kept: int = 0
    _kept_size: int = 0
    _queued: bool = False
    _broken: bool = False

    def take(self) -> tuple[RunRow | None, Batch | None, RunStatus | None]:
        """What is to be written now."""
        row, self.row = self.row, None
        status, self.status = self.status, None
        events, self.waiting = b"".join(self.waiting), []
        self._queued = False
        if not events:
            return row, None, status
        batch = Batch(self.run_id, self._kept + 1, self.sent, self._kept_size, events)
        self._kept, self._kept_size = self.sent, self._kept_size + len(events)
        return row, batch, status


class Recorder:
    """The one thread that writes to a journal."""

    def __init__(self, journal: Journal, *, clock: Callable[[], float] = time.time) -> None:
        self._journal = journal
        self._clock = clock
        self._lock = threading.Lock()
        self._queue: list[Track] = []
        self._wake = threading.Event()
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._write_all, name="footnote-journal", daemon=True)
        self._thread.start()

    def append(self, track: Track, event: bytes, status: RunStatus | None = None) -> None:
        """Hands over the next event of a run, the last one with its outcome.

        Returns at once; `track.on_kept` tells when it is kept.
        """
        with self._lock:
            track.waiting.append(event)
            track.status = status
            track.sent += 1
            track.size += len(event)
            if not track._queued and not track._broken:
                track._queued = True
                self._queue.append(track)
                self._wake.set()

    def close(self) -> None:
        """Returns when all that was handed over is written."""
        self._closing.set()
        self._wake.set()
        self._thread.join()

    def _write_all(self) -> None:
        with self._journal.database.read() as connection:
            # The catalog's fsync at each commit would cost more than the answer; kill -9 is survived without.
            connection.execute("PRAGMA synchronous = NORMAL")
            connection.execute("PRAGMA cache_size = -1000")
            while not (self._closing.is_set() and not self._queue):
                self._wake.wait()
                self._wake.clear()
                runs = self._write_some(connection)
                linger = max(LINGER_SECONDS, runs * LINGER_SECONDS_A_RUN)
                self._closing.wait(min(linger, LONGEST_LINGER_SECONDS))

    def _write_some(self, connection: sqlite3.Connection) -> int:
        """Writes what is waiting; returns of how many runs."""
        with self._lock:
            tracks, self._queue = self._queue, []
            taken = [(track, *track.take()) for track in tracks]
        if not taken:
            return 0
        error: StorageError | None = None
        try:
            with storage_faults(self._journal.database.path):
                self._commit(connection, taken)
        except StorageError as raised:
            error = raised
        except sqlite3.Error as raised:
            logger.exception("The journal of runs refuses a batch")
            error = StorageError(f"The journal of runs cannot be written: {raised}.", "Look into the server's log.")
        for track, _, batch, status in taken:
            track._broken = error is not None
            _tell(track, batch, status, error)
        return len(taken)

    def _commit(
        self,
        connection: sqlite3.Connection,
        taken: list[tuple[Track, RunRow | None, Batch | None, RunStatus | None]],
    ) -> None:
        connection.execute("BEGIN IMMEDIATE")
        try:
            for _, row, _, _ in taken:
                if row is not None:
                    insert_run(connection, row)
            insert_batches(connection, [batch for _, _, batch, _ in taken if batch is not None])
            for track, _, _, status in taken:
                if status is not None:
                    finish_run(connection, track.run_id, status, self._clock())
            connection.execute("COMMIT")
        except BaseException:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            raise


def _tell(track: Track, batch: Batch | None, status: RunStatus | None, error: StorageError | None) -> None:
    try:
        track.loop.call_soon_threadsafe(track.on_kept, batch, status, error)
    except RuntimeError:
        logger.debug("Nobody waits for run %s any more: its event loop is closed", track.run_id)
