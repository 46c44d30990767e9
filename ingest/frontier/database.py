"""The crawler's own database: visits of a pass, and what is remembered of pages. The catalog does not depend on it."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from time import monotonic
from typing import Self

from rag.index.faults import storage_faults

_SCHEMA = """
CREATE TABLE IF NOT EXISTS pass (
    id INTEGER PRIMARY KEY AUTOINCREMENT, key TEXT NOT NULL, started_at TEXT NOT NULL, finished_at TEXT);
CREATE TABLE IF NOT EXISTS visit (
    id INTEGER PRIMARY KEY, pass INTEGER NOT NULL, url TEXT NOT NULL, site TEXT NOT NULL, depth INTEGER NOT NULL,
    origin TEXT NOT NULL, lastmod TEXT, state TEXT NOT NULL DEFAULT 'waiting', outcome TEXT, UNIQUE (pass, url));
CREATE INDEX IF NOT EXISTS visit_next ON visit (pass, state, site, depth, id);
CREATE TABLE IF NOT EXISTS page (
    url TEXT PRIMARY KEY, site TEXT NOT NULL, reading TEXT, body_hash TEXT, content_hash TEXT,
    lastmod TEXT, etag TEXT, last_modified TEXT, links BLOB, skip TEXT, missing_since INTEGER, gone TEXT);
CREATE TABLE IF NOT EXISTS opening (hash INTEGER NOT NULL, url TEXT NOT NULL, PRIMARY KEY (hash, url)) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS opening_url ON opening (url);
CREATE INDEX IF NOT EXISTS page_content ON page (site, content_hash);
CREATE INDEX IF NOT EXISTS page_gone ON page (gone) WHERE gone IS NOT NULL;
"""


COMMIT_AFTER = 0.25
"""Seconds. What a killed ingestion forgets it does again; a commit for each page is a tenth of its cost."""


class CrawlDatabase:
    """One SQLite connection, used from one thread at a time.

    Changes made within a moment are kept together, in the order in which they were made: after a kill the database is
    as it was a moment ago.

    Args:
        path: of the database; made when it is not there.
        commit_after: how long that moment is, in seconds.

    Raises:
        StorageError: the database cannot be used.
    """

    def __init__(self, path: Path, *, commit_after: float = COMMIT_AFTER) -> None:
        self._path = path
        self._commit_after = commit_after
        self._begun = 0.0
        with storage_faults(path):
            path.parent.mkdir(parents=True, exist_ok=True)
            self.connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False, timeout=10)
            self.connection.execute("PRAGMA journal_mode = WAL")
            self.connection.execute("PRAGMA synchronous = NORMAL")
            self.connection.executescript(_SCHEMA)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        try:
            self.commit()
        finally:
            self.connection.close()

    @contextmanager
    def change(self) -> Iterator[sqlite3.Connection]:
        """One change: all of it is made when the body ends, nothing when it raises.

        Raises:
            StorageError: it could not be written; nothing was, of this change or of those of the last moment.
        """
        with storage_faults(self._path):
            self._begin()
            self.connection.execute("SAVEPOINT change")
            try:
                yield self.connection
            except BaseException:
                if self.connection.in_transaction:  # a full disk ends it
                    self.connection.execute("ROLLBACK TO change")
                raise
            self.connection.execute("RELEASE change")
            self._commit_in_time()

    def run(self, statement: str, values: Sequence[object]) -> None:
        """One change of a single statement, which needs nothing around it to be made whole or not at all.

        Raises:
            StorageError: as `change` does.
        """
        with storage_faults(self._path):
            self._begin()
            self.connection.execute(statement, values)
            self._commit_in_time()

    def commit(self) -> None:
        """Makes the changes of the last moment durable.

        Raises:
            StorageError: they could not be written; none was.
        """
        with storage_faults(self._path):
            try:
                if self.connection.in_transaction:
                    self.connection.execute("COMMIT")
            except BaseException:
                self.connection.rollback()
                raise

    def _begin(self) -> None:
        if not self.connection.in_transaction:
            self.connection.execute("BEGIN IMMEDIATE")
            self._begun = monotonic()

    def _commit_in_time(self) -> None:
        if monotonic() - self._begun >= self._commit_after:
            self.commit()
