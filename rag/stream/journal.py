"""The journal of runs: SQLite, each event as it was sent, so that any stream can be read again.

Rows are batches: some consecutive events of one run, in their form on the wire. A run belongs to the process that
works on it, which holds a lock on a file as long as it lives; a run whose owner is gone is `interrupted`. The journal
survives kill -9 at any moment; at a power cut the last moments may be missing.
"""

from __future__ import annotations

import os
import sqlite3
import time
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from rag.errors import RunInterrupted
from rag.events import Failed
from rag.index.database import Database, insert_rows
from rag.index.locks import FileLock
from rag.stream.attendance import ATTENDANCE_SCHEMA, Attendance
from rag.stream.feedback import FEEDBACK_SCHEMA
from rag.stream.wire import encode

RunStatus = Literal["running", "done", "interrupted", "failed", "cancelled"]

_SCHEMA = """
CREATE TABLE IF NOT EXISTS runs (
    id TEXT PRIMARY KEY,
    owner TEXT NOT NULL,
    principal TEXT NOT NULL,
    question TEXT NOT NULL,
    thread_id TEXT,
    created_at REAL NOT NULL,
    finished_at REAL,
    status TEXT NOT NULL,
    cancel_requested INTEGER NOT NULL DEFAULT 0
);
CREATE INDEX IF NOT EXISTS runs_by_status ON runs (status, owner);
CREATE INDEX IF NOT EXISTS runs_by_end ON runs (finished_at);
CREATE TABLE IF NOT EXISTS batches (
    run_id TEXT NOT NULL,
    first INTEGER NOT NULL,
    last INTEGER NOT NULL,
    start INTEGER NOT NULL,
    events BLOB NOT NULL
);
CREATE UNIQUE INDEX IF NOT EXISTS batches_by_run ON batches (run_id, last);
"""

_READ_BYTES = 256 * 1024
_EXPIRED_AT_ONCE = 200


@dataclass(frozen=True, slots=True)
class RunRow:
    """What the journal knows of a run. `principal` is whose it is: only that key may read it.

    Times are seconds since the epoch.
    """

    id: str
    owner: str
    principal: str
    question: str
    thread_id: str | None
    created_at: float
    status: RunStatus = "running"
    finished_at: float | None = None


@dataclass(frozen=True, slots=True)
class Batch:
    """Consecutive events `first` to `last` of a run; `start` counts the bytes of the run before them."""

    run_id: str
    first: int
    last: int
    start: int
    events: bytes

    @property
    def end(self) -> int:
        return self.start + len(self.events)


class Journal:
    """One file in the data folder, for all processes that serve it.

    Raises (every method):
        StorageError: the file cannot be read or written.
    """

    def __init__(self, data_dir: Path, *, clock: Callable[[], float] = time.time) -> None:
        self.owner = uuid.uuid4().hex
        self._clock = clock
        self._locks = data_dir / "runs"
        self._lock = FileLock(self._locks / f"{self.owner}.lock")
        self._lock.take()
        try:
            self.database = Database(data_dir / "runs.sqlite", lambda connection: _prepare(connection))
            self.attendance = Attendance(self.database, self.owner, self._is_dead)
        except BaseException:
            self._let_go()
            raise

    def close(self) -> None:
        self.database.close()
        self._let_go()

    @property
    def is_shared(self) -> bool:
        """Whether another process may be using the file too. One look at a folder: cheap enough for the event loop."""
        try:
            return any(name != self._lock.path.name for name in os.listdir(self._locks))
        except OSError:
            return True

    def check_writable(self) -> None:
        """Commits something that says nothing: that is how a full disk shows."""
        with self.database.write() as connection:
            (version,) = connection.execute("PRAGMA user_version").fetchone()
            connection.execute(f"PRAGMA user_version = {int(version)}")  # the same value is written all the same

    def run(self, run_id: str) -> RunRow | None:
        """The run, or None when there is none. One whose owner is gone has become `interrupted` by now."""
        row = self._row(run_id)
        if row is not None and row.status == "running" and self._is_dead(row.owner):
            self._interrupt(row.id)
            row = self._row(run_id)
        return row

    def read(self, run_id: str, after: int) -> list[Batch]:
        """Some of the batches with events after the one numbered `after`, in order; empty when there are none yet."""
        batches: list[Batch] = []
        size = 0
        with self.database.read() as connection:
            rows = connection.execute(
                "SELECT run_id, first, last, start, events FROM batches WHERE run_id = ? AND last > ? ORDER BY last",
                (run_id, after),
            )
            for row in rows:
                batches.append(Batch(*row))
                size += len(row[4])
                if size >= _READ_BYTES:
                    break
            rows.close()
        return batches

    def last_seq(self, run_id: str) -> int:
        with self.database.read() as connection:
            row = connection.execute("SELECT max(last) FROM batches WHERE run_id = ?", (run_id,)).fetchone()
        return int(row[0] or 0)

    def ask_to_cancel(self, run_id: str) -> None:
        """Leaves word for the owner of the run, which looks for it a few times a second."""
        with self.database.write() as connection:
            connection.execute("UPDATE runs SET cancel_requested = 1 WHERE id = ?", (run_id,))

    def asked_to_cancel(self) -> list[str]:
        """The running runs of this process that others want cancelled."""
        with self.database.read() as connection:
            rows = connection.execute(
                "SELECT id FROM runs WHERE status = 'running' AND owner = ? AND cancel_requested", (self.owner,)
            ).fetchall()
        return [row[0] for row in rows]

    def sweep(self, *, older_than: float) -> int:
        """Marks what dead processes left as interrupted, and deletes what ended `older_than` seconds ago or earlier.

        Returns how many runs were marked.
        """
        with self.database.read() as connection:
            rows = connection.execute("SELECT id, owner FROM runs WHERE status = 'running'").fetchall()
        dead = {owner for owner in {row[1] for row in rows} if self._is_dead(owner)}
        marked = sum(self._interrupt(run_id) for run_id, owner in rows if owner in dead)
        while self._delete_some(self._clock() - older_than):
            pass
        self.attendance.sweep()
        self._forget_locks()
        return marked

    def _row(self, run_id: str) -> RunRow | None:
        with self.database.read() as connection:
            row = connection.execute(
                "SELECT id, owner, principal, question, thread_id, created_at, status, finished_at FROM runs"
                " WHERE id = ?",
                (run_id,),
            ).fetchone()
        return RunRow(*row) if row else None

    def _is_dead(self, owner: str) -> bool:
        return owner != self.owner and not FileLock(self._locks / f"{owner}.lock").taken_by_other()

    def _interrupt(self, run_id: str) -> bool:
        """Ends a run that nobody works on any more; False when it has ended meanwhile."""
        problem = RunInterrupted("The server stopped while this answer was being written.", "Ask again.").problem()
        with self.database.write() as connection:
            update = "UPDATE runs SET status = 'interrupted', finished_at = ? WHERE id = ? AND status = 'running'"
            if not connection.execute(update, (self._clock(), run_id)).rowcount:
                return False
            last, start = connection.execute(
                "SELECT coalesce(max(last), 0), coalesce(max(start + length(events)), 0) FROM batches WHERE run_id = ?",
                (run_id,),
            ).fetchone()
            event = encode(last + 1, Failed(problem))
            insert_batches(connection, [Batch(run_id, last + 1, last + 1, start, event)])
        return True

    def _delete_some(self, before: float) -> bool:
        with self.database.write() as connection:
            rows = connection.execute(
                "SELECT id FROM runs WHERE finished_at <= ? LIMIT ?", (before, _EXPIRED_AT_ONCE)
            ).fetchall()
            connection.executemany("DELETE FROM batches WHERE run_id = ?", rows)
            connection.executemany("DELETE FROM runs WHERE id = ?", rows)
        return bool(rows)

    def _forget_locks(self) -> None:
        for path in self._locks.glob("*.lock"):
            if self._is_dead(path.stem):
                path.unlink(missing_ok=True)

    def _let_go(self) -> None:
        self._lock.path.unlink(missing_ok=True)
        self._lock.drop()


def insert_run(connection: sqlite3.Connection, row: RunRow) -> None:
    connection.execute(
        "INSERT INTO runs (id, owner, principal, question, thread_id, created_at, status) VALUES (?, ?, ?, ?, ?, ?, ?)",
        (row.id, row.owner, row.principal, row.question, row.thread_id, row.created_at, row.status),
    )


def insert_batches(connection: sqlite3.Connection, batches: Sequence[Batch]) -> None:
    insert_rows(
        connection,
        "INSERT INTO batches (run_id, first, last, start, events) VALUES {rows}",
        [(batch.run_id, batch.first, batch.last, batch.start, batch.events) for batch in batches],
    )


def finish_run(connection: sqlite3.Connection, run_id: str, status: RunStatus, moment: float) -> None:
    connection.execute("UPDATE runs SET status = ?, finished_at = ? WHERE id = ?", (status, moment, run_id))


def _prepare(connection: sqlite3.Connection) -> None:
    connection.executescript(_SCHEMA + FEEDBACK_SCHEMA + ATTENDANCE_SCHEMA)
