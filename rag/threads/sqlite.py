"""Conversations in one SQLite file, which several processes may share."""

from __future__ import annotations

import secrets
import sqlite3
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from rag.index.database import Database
from rag.index.locks import FileLock
from rag.threads.sql import LATER_COLUMNS, SCHEMA, Execute, SqlThreads

_INCREMENTAL = 2


class SqliteThreads(SqlThreads):
    """A `ThreadStore` in a file. Beside it, each open store holds a lock file for as long as its process lives."""

    def __init__(self, path: Path, *, clock: Callable[[], float] = time.time) -> None:
        super().__init__(secrets.token_hex(8), clock)
        self._database = Database(path, _prepare)
        self._folder = path.with_suffix(".open")
        self._alive = FileLock(self._folder / self.instance)
        self._alive.take()
        self._sweep()

    def close(self) -> None:
        self._database.close()
        self._alive.path.unlink(missing_ok=True)
        self._alive.drop()

    @contextmanager
    def _transaction(self) -> Iterator[Execute]:
        with self._database.write() as connection:
            yield _executing(connection)

    @contextmanager
    def _reading(self) -> Iterator[Execute]:
        with self._database.snapshot() as connection:  # waits for nobody who writes
            yield _executing(connection)

    def _is_alive(self, instance: str) -> bool:
        return instance == self.instance or FileLock(self._folder / instance).taken_by_other()

    def _give_back_space(self) -> None:
        with self._database.read() as connection:
            connection.executescript("PRAGMA incremental_vacuum")  # `execute` frees one page and stops

    def _sweep(self) -> None:
        """Removes the lock files of processes that were killed."""
        for path in self._folder.iterdir():
            lock = FileLock(path)
            if path.name != self.instance and lock.take():
                path.unlink(missing_ok=True)
                lock.drop()


def _prepare(connection: sqlite3.Connection) -> None:
    if connection.execute("PRAGMA auto_vacuum").fetchone()[0] != _INCREMENTAL:
        connection.execute("PRAGMA auto_vacuum = INCREMENTAL")
        connection.execute("VACUUM")  # in WAL mode the setting takes hold only so
    for statement in SCHEMA:
        connection.execute(statement.format(real="REAL", blob="BLOB"))
    _add_columns(connection)


def _add_columns(connection: sqlite3.Connection) -> None:
    """In a transaction, for another process may open the file at the same time."""
    connection.execute("BEGIN IMMEDIATE")
    with connection:
        present = {row[1] for row in connection.execute("PRAGMA table_info(turns)")}
        for name, kind in LATER_COLUMNS.items():
            if name not in present:
                connection.execute(f"ALTER TABLE turns ADD COLUMN {name} {kind.format(blob='BLOB')}")


def _executing(connection: sqlite3.Connection) -> Execute:
    def execute(sql: str, **parameters: Any) -> Sequence[Sequence[Any]]:
        cursor = connection.execute(sql, parameters)
        return cursor.fetchall() if cursor.description else [(cursor.rowcount,)]

    return execute
