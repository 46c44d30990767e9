"""The crawler's own database: visits of a pass, and what is remembered of pages. The catalog does not depend on it."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
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


class CrawlDatabase:
    """One SQLite connection, used from one thread at a time.

    Args:
        path: of the database; made when it is not there.

    Raises:
        StorageError: the database cannot be used.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        with storage_faults(path):
            path.parent.mkdir(parents=True, exist_ok=True)
            self.connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False, timeout=10)
            self.connection.execute("PRAGMA journal_mode = WAL")
            self.connection.execute("PRAGMA synchronous = NORMAL")
            self.connection.executescript(_SCHEMA)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.connection.close()

    @contextmanager
    def change(self) -> Iterator[sqlite3.Connection]:
        """One transaction.

        Raises:
            StorageError: it could not be written; nothing was.
        """
        with storage_faults(self._path):
            try:
                self.connection.execute("BEGIN IMMEDIATE")
                yield self.connection
                self.connection.execute("COMMIT")
            except BaseException:
                self.connection.rollback()
                raise
