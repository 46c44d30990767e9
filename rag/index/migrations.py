"""The catalog's schema, as the steps that led to it. A step that was released is never changed; add another.

Sizes at a million chunks: vectors 1.6 GB, chunks with their texts 1.8 GB, pages with theirs (compressed) 0.6 GB. Every
look-up below is one walk down an index: by chunk id, by page, by URL or its beginning, by text hash.
"""

from __future__ import annotations

import sqlite3

from rag.errors import IndexMismatch

MIGRATIONS: tuple[str, ...] = (
    """
    CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
    INSERT INTO meta VALUES ('generation', lower(hex(randomblob(8))));

    CREATE TABLE pages (
        id INTEGER PRIMARY KEY,
        url TEXT NOT NULL UNIQUE,
        site TEXT NOT NULL,
        title TEXT NOT NULL,
        language TEXT NOT NULL,
        author TEXT,
        published TEXT,
        modified TEXT,
        etag TEXT,
        last_modified TEXT,
        lastmod TEXT,
        fetched_at TEXT NOT NULL,
        content_hash TEXT NOT NULL,
        state TEXT NOT NULL DEFAULT 'present' CHECK (state IN ('present', 'gone', 'unknown')),
        state_since TEXT NOT NULL,
        chunks INTEGER NOT NULL,
        characters INTEGER NOT NULL
    );
    CREATE INDEX pages_by_site ON pages (site, url);
    CREATE INDEX pages_sizes ON pages (url, language, chunks);

    CREATE TABLE page_blocks (
        page INTEGER PRIMARY KEY REFERENCES pages ON DELETE CASCADE,
        blocks BLOB NOT NULL
    );

    CREATE TABLE chunks (
        seq INTEGER PRIMARY KEY,
        id TEXT NOT NULL UNIQUE,
        page INTEGER NOT NULL REFERENCES pages ON DELETE CASCADE,
        ordinal INTEGER NOT NULL,
        start INTEGER NOT NULL,
        "end" INTEGER NOT NULL,
        text TEXT NOT NULL,
        title TEXT,
        language TEXT,
        section TEXT NOT NULL,
        anchor TEXT,
        hash BLOB NOT NULL
    );
    CREATE INDEX chunks_by_page ON chunks (page, ordinal);
    CREATE INDEX chunks_by_hash ON chunks (hash);

    CREATE TABLE vectors (
        seq INTEGER PRIMARY KEY,
        hash BLOB NOT NULL,
        model TEXT NOT NULL,
        vector BLOB NOT NULL,
        UNIQUE (hash, model)
    );

    CREATE TABLE pending (id TEXT PRIMARY KEY) WITHOUT ROWID;
    """,
)


def migrate(connection: sqlite3.Connection, steps: tuple[str, ...] = MIGRATIONS) -> None:
    """Brings the schema up to date, each step in a transaction of its own.

    Raises:
        IndexMismatch: a newer Footnote wrote it.
    """
    while (version := _version(connection, len(steps))) < len(steps):
        connection.execute("BEGIN IMMEDIATE")
        try:
            if _version(connection, len(steps)) == version:  # nobody was faster
                for statement in steps[version].split(";\n"):
                    connection.execute(statement)
                connection.execute(f"PRAGMA user_version = {version + 1}")
            connection.execute("COMMIT")
        except BaseException:
            connection.execute("ROLLBACK")
            raise


def _version(connection: sqlite3.Connection, known: int) -> int:
    version = int(connection.execute("PRAGMA user_version").fetchone()[0])
    if version > known:
        raise IndexMismatch(
            f"The catalog has schema {version!r}; this Footnote knows schemas up to {known!r}.",
            "Upgrade Footnote, or set RAG_DATA_DIR to another folder.",
        )
    return version
