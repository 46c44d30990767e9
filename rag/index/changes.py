"""The catalog's writing side: every method is one transaction, so each is done or not done.

`stage`, `switch` and `settle` are the three steps of replacing pages while others read; see `rag/index/writer.py`.
"""

from __future__ import annotations

import json
import sqlite3
import uuid
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from urllib.parse import urlsplit

from rag.errors import IndexMismatch, InvalidRequest
from rag.index.catalog import Catalog
from rag.index.database import insert_rows
from rag.index.rows import Identity, PageState, pack_blocks, text_hash
from rag.vocabulary import Chunk, Page

Pages = Sequence[tuple[Page, Sequence[Chunk]]]

_PAGE_COLUMNS = (
    "site", "title", "language", "author", "published", "modified", "etag", "last_modified", "lastmod", "fetched_at",
    "content_hash", "state", "state_since", "chunks", "characters",
)  # fmt: skip
_PUT_PAGE = f"""
    INSERT INTO pages (url, {", ".join(_PAGE_COLUMNS)}) VALUES (:url, {", ".join(f":{name}" for name in _PAGE_COLUMNS)})
    ON CONFLICT (url) DO UPDATE SET {", ".join(f"{name} = excluded.{name}" for name in _PAGE_COLUMNS)}
    RETURNING id
"""  # noqa: S608 - constant columns
_PUT_CHUNKS = """
    INSERT INTO chunks (id, page, ordinal, start, "end", text, title, language, section, anchor, hash) VALUES {rows}
    ON CONFLICT (id) DO UPDATE SET page = excluded.page, ordinal = excluded.ordinal, start = excluded.start,
        "end" = excluded."end", text = excluded.text, title = excluded.title, language = excluded.language,
        section = excluded.section, anchor = excluded.anchor, hash = excluded.hash
"""


class CatalogChanges:
    """Writes to a catalog. For the one holder of the writer lock.

    Raises (every method):
        StorageError: the disk is full or read-only; nothing of the change is kept.
    """

    def __init__(self, catalog: Catalog) -> None:
        self._database = catalog.database
        self._catalog = catalog

    def claim(self, identity: Identity) -> None:
        """Records what pages will be made with; the first writer decides.

        Raises:
            IndexMismatch: the catalog was made with something else.
        """
        self._catalog.check_embeddings(identity.embeddings, identity.dimension)
        known = self._catalog.identity()
        if known is None:
            self.set_identity(identity)
        elif known.chunker_version != identity.chunker_version:
            raise IndexMismatch(
                f"The pages were cut into chunks by version {known.chunker_version} of the chunker, and this Footnote "
                f"has version {identity.chunker_version}.",
                "Run `footnote rebuild`, or go back to the Footnote that wrote them.",
            )

    def set_identity(self, identity: Identity) -> None:
        with self._database.write() as connection:
            _put_meta(connection, _identity_rows(identity))

    def new_generation(self, generation: str, identity: Identity | None) -> None:
        """Hands the readers over to the vectors collection of `generation`, made with `identity`."""
        rows = {"generation": generation, **(_identity_rows(identity) if identity else {})}
        with self._database.write() as connection:
            _put_meta(connection, rows)

    def add_vectors(self, vectors: Mapping[bytes, bytes], model: str) -> None:
        """Keeps vectors (float32 in machine order) under the hashes of their texts."""
        with self._database.write() as connection:
            _put_vectors(connection, vectors, model)

    def stage(self, ids: Iterable[str], vectors: Mapping[bytes, bytes], model: str) -> None:
        """Before the indexes are touched: keeps new vectors, and notes which chunks are about to change there."""
        with self._database.write() as connection:
            _put_vectors(connection, vectors, model)
            _put_pending(connection, ids)

    def switch(self, pages: Pages, settled: Iterable[str]) -> None:
        """Puts pages in force with exactly these chunks, for every reader at once; clears `settled` from the notes."""
        now = datetime.now(UTC).isoformat()
        with self._database.write() as connection:
            rows = [row for page, chunks in pages for row in _put_page(connection, page, chunks, now)]
            insert_rows(connection, _PUT_CHUNKS, rows)
            _drop_pending(connection, settled)
            _note_revision(connection)

    def forget_pages(self, urls: Sequence[str]) -> dict[str, list[str]]:
        """Takes pages out of force; their chunk ids, by URL, are noted as pending. Unknown URLs are absent."""
        removed: dict[str, list[str]] = {}
        sql = "SELECT c.id FROM chunks c JOIN pages p ON p.id = c.page WHERE p.url = ?"
        with self._database.write() as connection:
            for url in urls:
                ids = [row[0] for row in connection.execute(sql, (url,))]
                _put_pending(connection, ids)
                if connection.execute("DELETE FROM pages WHERE url = ?", (url,)).rowcount:
                    removed[url] = ids
            _note_revision(connection)
        return removed

    def settle(self, ids: Iterable[str]) -> None:
        """After the indexes agree with the catalog about these chunks."""
        with self._database.write() as connection:
            _drop_pending(connection, ids)

    def visited(self, pages: Iterable[tuple[Page, str | None]]) -> int:
        """Notes visits that found pages unchanged: date, validators and state, and `lastmod` where one is given.

        Returns:
            How many of the pages are known.
        """
        sql = """
            UPDATE pages SET fetched_at = ?, etag = ?, last_modified = ?, lastmod = coalesce(?, lastmod),
                published = ?, modified = ?, author = ?,
                state_since = CASE state WHEN 'present' THEN state_since ELSE ? END, state = 'present'
            WHERE url = ?
        """
        now = datetime.now(UTC).isoformat()
        rows = [
            (
                page.fetched_at.isoformat(), page.etag, page.last_modified, lastmod,
                page.published, page.modified, page.author, now, page.url,
            )
            for page, lastmod in pages
        ]  # fmt: skip
        with self._database.write() as connection:
            return connection.executemany(sql, rows).rowcount

    def set_state(self, urls: Sequence[str], state: PageState) -> None:
        """Notes what a visit found; `state_since` stays when the state does."""
        now = datetime.now(UTC).isoformat()
        sql = "UPDATE pages SET state = ?, state_since = ? WHERE url = ? AND state != ?"
        with self._database.write() as connection:
            connection.executemany(sql, [(state, now, url, state) for url in urls])

    def forget_vectors(self, hashes: Iterable[bytes] | None = None) -> int:
        """Drops the vectors that no chunk uses, among `hashes` or all; returns how many."""
        unused = "NOT EXISTS (SELECT 1 FROM chunks WHERE chunks.hash = vectors.hash)"
        with self._database.write() as connection:
            if hashes is None:
                return connection.execute(f"DELETE FROM vectors WHERE {unused}").rowcount  # noqa: S608
            sql = f"DELETE FROM vectors WHERE hash = ? AND {unused}"  # noqa: S608
            return connection.executemany(sql, [(value,) for value in hashes]).rowcount

    def forget_other_models(self, model: str) -> int:
        """Drops the vectors of every other embedding model; returns how many."""
        with self._database.write() as connection:
            return connection.execute("DELETE FROM vectors WHERE model != ?", (model,)).rowcount


def _identity_rows(identity: Identity) -> dict[str, str]:
    return {
        "embeddings": identity.embeddings,
        "dimension": str(identity.dimension),
        "chunker_version": str(identity.chunker_version),
    }


def new_generation_name() -> str:
    return uuid.uuid4().hex[:16]


def check_pages(pages: Pages) -> None:
    """Refuses what could not be read back: chunks that are no slices of their page, ids used twice, lone surrogates.

    Raises:
        InvalidRequest: names the page.
    """
    owners: dict[str, str] = {}
    for page, chunks in pages:
        twice = len({chunk.id for chunk in chunks}) < len(chunks)
        for chunk in chunks:
            if chunk.url != page.url or page.text[chunk.start : chunk.end] != chunk.text:
                raise InvalidRequest(f"Chunk {chunk.id!r} is no part of the page {page.url!r}.", "Chunk it again.")
            if twice or owners.setdefault(chunk.id, page.url) != page.url:
                raise InvalidRequest(f"Two chunks have one id, on {page.url!r}.", "Chunk it again.")
        try:
            "".join((page.url, page.title, page.text)).encode()
        except UnicodeEncodeError as error:
            raise InvalidRequest(f"The page {page.url!r} has a lone surrogate in it.", "Read it again.") from error


def site_of(url: str) -> str:
    """Scheme and host (with its port) of a URL; `file:` for files."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}" if parts.netloc else f"{parts.scheme}:"


def _put_page(
    connection: sqlite3.Connection, page: Page, chunks: Sequence[Chunk], now: str
) -> list[tuple[object, ...]]:
    """Puts a page in force and drops the chunks that it has no longer; returns the rows of those that it has."""
    old = connection.execute("SELECT id, state, state_since, lastmod FROM pages WHERE url = ?", (page.url,)).fetchone()
    values = {
        "url": page.url,
        "site": site_of(page.url),
        "title": page.title,
        "language": page.language,
        "author": page.author,
        "published": page.published,
        "modified": page.modified,
        "etag": page.etag,
        "last_modified": page.last_modified,
        "lastmod": old[3] if old else None,
        "fetched_at": page.fetched_at.isoformat(),
        "content_hash": page.content_hash,
        "state": "present",
        "state_since": old[2] if old and old[1] == "present" else now,
        "chunks": len(chunks),
        "characters": len(page.text),
    }
    number = connection.execute(_PUT_PAGE, values).fetchone()[0]
    connection.execute("INSERT OR REPLACE INTO page_blocks VALUES (?, ?)", (number, pack_blocks(page.blocks)))
    kept = json.dumps([chunk.id for chunk in chunks])
    connection.execute(
        "DELETE FROM chunks WHERE page = ? AND id NOT IN (SELECT value FROM json_each(?))", (number, kept)
    )
    return [_chunk_values(chunk, number, page) for chunk in chunks]


def _chunk_values(chunk: Chunk, page_number: int, page: Page) -> tuple[object, ...]:
    return (
        chunk.id,
        page_number,
        chunk.ordinal,
        chunk.start,
        chunk.end,
        chunk.text,
        None if chunk.title == page.title else chunk.title,
        None if chunk.language == page.language else chunk.language,
        json.dumps(chunk.section, ensure_ascii=False),
        chunk.anchor,
        text_hash(chunk.embedded_text),
    )


def _put_vectors(connection: sqlite3.Connection, vectors: Mapping[bytes, bytes], model: str) -> None:
    rows = [(key, model, vector) for key, vector in vectors.items()]
    insert_rows(connection, "INSERT OR REPLACE INTO vectors (hash, model, vector) VALUES {rows}", rows)


def _put_pending(connection: sqlite3.Connection, ids: Iterable[str]) -> None:
    connection.execute("INSERT OR IGNORE INTO pending SELECT value FROM json_each(?)", (json.dumps(list(ids)),))


def _drop_pending(connection: sqlite3.Connection, ids: Iterable[str]) -> None:
    connection.execute("DELETE FROM pending WHERE id IN (SELECT value FROM json_each(?))", (json.dumps(list(ids)),))


def _note_revision(connection: sqlite3.Connection) -> None:
    """Tells whoever keeps a copy of the vectors that other chunks are in force."""
    connection.execute(
        "INSERT INTO meta VALUES ('revision', '1') ON CONFLICT (key) DO UPDATE SET value = CAST(value AS INTEGER) + 1"
    )


def _put_meta(connection: sqlite3.Connection, rows: Mapping[str, str]) -> None:
    connection.executemany("INSERT OR REPLACE INTO meta VALUES (?, ?)", list(rows.items()))
