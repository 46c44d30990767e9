"""Who reads a run from another process: written down beside the journal, so that the run goes on for them.

A process knows its own readers; those that have reached another worker of the same server are known only by this.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Collection

from rag.index.database import Database

ATTENDANCE_SCHEMA = """
CREATE TABLE IF NOT EXISTS readers (
    id TEXT PRIMARY KEY,
    run_id TEXT NOT NULL,
    owner TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS readers_by_run ON readers (run_id);
CREATE TRIGGER IF NOT EXISTS forget_readers AFTER DELETE ON runs BEGIN
    DELETE FROM readers WHERE run_id = old.id;
END;
"""


class Attendance:
    """The readers of runs that another process works on.

    Args:
        owner: this process.
        is_dead: tells whether a process is gone; its readers are gone with it.

    Raises (every method):
        StorageError: the file cannot be read or written.
    """

    def __init__(self, database: Database, owner: str, is_dead: Callable[[str], bool]) -> None:
        self._database = database
        self._owner = owner
        self._is_dead = is_dead

    def join(self, run_id: str) -> str:
        """Somebody here begins to read a run of another process; returns what to `leave` with."""
        reader_id = uuid.uuid4().hex
        with self._database.write() as connection:
            connection.execute("INSERT INTO readers VALUES (?, ?, ?)", (reader_id, run_id, self._owner))
        return reader_id

    def leave(self, reader_id: str) -> None:
        """And reads no more."""
        with self._database.write() as connection:
            connection.execute("DELETE FROM readers WHERE id = ?", (reader_id,))

    def read_elsewhere(self, run_ids: Collection[str]) -> set[str]:
        """Those of the runs that somebody reads from a process that is alive."""
        with self._database.read() as connection:
            rows = connection.execute("SELECT DISTINCT run_id, owner FROM readers").fetchall()
        dead = {owner for owner in {row[1] for row in rows} if self._is_dead(owner)}
        return {run_id for run_id, owner in rows if run_id in run_ids and owner not in dead}

    def sweep(self) -> None:
        """Forgets the readers of processes that are gone."""
        with self._database.read() as connection:
            owners = [row[0] for row in connection.execute("SELECT DISTINCT owner FROM readers").fetchall()]
        dead = [(owner,) for owner in owners if self._is_dead(owner)]
        if dead:
            with self._database.write() as connection:
                connection.executemany("DELETE FROM readers WHERE owner = ?", dead)
