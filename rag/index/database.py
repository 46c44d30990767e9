"""One SQLite file, used by many threads and processes at once: connections, transactions, faults.

WAL: readers never wait for the writer and see whole transactions only. `synchronous=FULL`: what was committed survives
kill -9 and a power cut; it costs one fsync a transaction, and a transaction holds a whole batch of pages.
"""

from __future__ import annotations

import contextlib
import sqlite3
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from rag.index.faults import storage_faults

_BUSY_SECONDS = 15.0
_PRAGMAS = (
    "PRAGMA journal_mode = WAL",
    "PRAGMA synchronous = FULL",
    "PRAGMA foreign_keys = ON",
    "PRAGMA cache_size = -16000",
    "PRAGMA temp_store = MEMORY",
    "PRAGMA mmap_size = 2147418112",  # all that SQLite allows: a search reads some 200 pages, all over the file
    "PRAGMA journal_size_limit = 67108864",
)
_ROWS_AT_ONCE = 500  # of at most eleven values each; SQLite takes 32,766 in a statement


class Database:
    """Lends connections: a thread takes one for a moment, or for a transaction, and gives it back.

    Args:
        path: the file; made, with its folder, when it is missing.
        prepare: called with the first connection, to bring the schema up to date.

    Raises (every method):
        StorageError: the file cannot be read or written, is damaged, or the disk is full.
    """

    def __init__(self, path: Path, prepare: Callable[[sqlite3.Connection], None]) -> None:
        self.path = path
        self._idle: deque[sqlite3.Connection] = deque()
        self._closed = False
        with storage_faults(path):
            path.parent.mkdir(parents=True, exist_ok=True)
            connection = self._connect()
            try:
                prepare(connection)
            except BaseException:
                connection.close()
                raise
        self._idle.append(connection)

    @contextlib.contextmanager
    def read(self) -> Iterator[sqlite3.Connection]:
        """A connection for single statements, each of which sees the last commit."""
        with storage_faults(self.path):
            connection = self._taken()
            try:
                yield connection
            finally:
                self._give_back(connection)

    @contextlib.contextmanager
    def snapshot(self) -> Iterator[sqlite3.Connection]:
        """A connection whose statements all see the same commit."""
        with self.read() as connection, _transaction(connection, "BEGIN"):
            yield connection

    @contextlib.contextmanager
    def write(self) -> Iterator[sqlite3.Connection]:
        """A transaction: all of it is kept when the body ends, nothing when it raises."""
        with self.read() as connection, _transaction(connection, "BEGIN IMMEDIATE"):
            yield connection

    def close(self) -> None:
        """Closes what is not lent out; the rest is closed when it comes back."""
        self._closed = True
        with contextlib.suppress(IndexError):
            while True:
                self._idle.pop().close()

    def _taken(self) -> sqlite3.Connection:
        try:
            return self._idle.pop()
        except IndexError:
            return self._connect()

    def _give_back(self, connection: sqlite3.Connection) -> None:
        if self._closed:
            connection.close()
        else:
            self._idle.append(connection)

    def _connect(self) -> sqlite3.Connection:
        connection = sqlite3.connect(
            self.path, timeout=_BUSY_SECONDS, isolation_level=None, check_same_thread=False, cached_statements=64
        )
        try:
            for pragma in _PRAGMAS:
                connection.execute(pragma)
        except BaseException:
            connection.close()
            raise
        return connection


def insert_rows(connection: sqlite3.Connection, statement: str, rows: Sequence[Sequence[object]]) -> None:
    """Runs a statement that says `VALUES {rows}` with many rows at a time.

    Python's sqlite3 lets go of the interpreter's lock at each row of `executemany`, and gets it back from a busy thread
    after 5 ms only.
    """
    for first in range(0, len(rows), _ROWS_AT_ONCE):
        some = rows[first : first + _ROWS_AT_ONCE]
        marks = ", ".join([f"({', '.join('?' * len(some[0]))})"] * len(some))
        connection.execute(statement.format(rows=marks), [value for row in some for value in row])


@contextlib.contextmanager
def _transaction(connection: sqlite3.Connection, begin: str) -> Iterator[None]:
    connection.execute(begin)
    try:
        yield
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise
