"""The catalog: pages, chunks and vectors in one SQLite file. It is the truth; Chroma and tantivy are indexes of it.

Whatever a search finds is looked up here, so a chunk that is only staged, or was removed, is never shown, however the
indexes stand. The texts of a page are kept twice, once whole (compressed: it is seldom read) and once as its chunks
(plain: fifty are read in well under a millisecond). A vector is kept under the SHA-256 of the text that was embedded,
so the table is at once the store for `footnote rebuild` and the cache that makes unchanged text cost no embedding.
Vectors are float32: an index made anew is the same to the last bit.

This module reads; `rag/index/changes.py` writes, and `rag/index/rows.py` says what the rows are.
"""

from __future__ import annotations

import contextlib
import json
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from rag.errors import IndexMismatch
from rag.index.database import Database
from rag.index.migrations import migrate
from rag.index.moment import Moment
from rag.index.rows import (
    CHUNK_COLUMNS,
    PAGE_COLUMNS,
    Counts,
    Identity,
    PageRow,
    PageState,
    StoredChunk,
    chunk_of,
    page_row_of,
    unpack_blocks,
)
from rag.vocabulary import BLOCK_SEPARATOR, Block, Chunk, Filter, Page

_LAST = "\U0010ffff"
_ROWS = 500
_WHOLE_VECTOR = """
    SELECT 1 FROM vectors v WHERE v.hash = c.hash AND v.model = :model AND length(v.vector) = :bytes
"""


class Catalog:
    """Reads the catalog at `path`, from any number of threads and processes.

    Raises (every method):
        StorageError: the file cannot be read, or is damaged.
    """

    def __init__(self, path: Path) -> None:
        """Opens the catalog; made when it is missing, brought up to date when it is old.

        Raises:
            IndexMismatch: a newer Footnote wrote it.
        """
        self.path = path
        self.database = Database(path, migrate)

    def close(self) -> None:
        self.database.close()

    def generation(self) -> str:
        """Names the vectors collection that belongs to this catalog; changes with `footnote rebuild`."""
        return self._meta()["generation"]

    def identity(self) -> Identity | None:
        """What it was made with; None as long as nothing was written."""
        meta = self._meta()
        if "embeddings" not in meta:
            return None
        return Identity(meta["embeddings"], int(meta["dimension"]), int(meta["chunker_version"]))

    def check_embeddings(self, name: str, dimension: int | None = None) -> None:
        """Refuses an embedding model other than the one the vectors are of; None when its dimension is not known yet.

        Raises:
            IndexMismatch: with the cure.
        """
        known = self.identity()
        if known and (known.embeddings, known.dimension) != (name, dimension or known.dimension):
            shown = f"{name!r} ({dimension})" if dimension else repr(name)
            raise IndexMismatch(
                f"The index was made with the embedding model {known.embeddings!r} ({known.dimension} dimensions), "
                f"and {shown} is set.",
                f"Set RAG_EMBEDDINGS={known.embeddings}, or run `footnote rebuild` to embed everything again.",
            )

    @contextlib.contextmanager
    def moment(self) -> Iterator[Moment]:
        """Several look-ups that all see the commit that is now the last; for one thread, and not for long."""
        with self.database.snapshot() as connection:
            connection.execute(
                "SELECT value FROM meta LIMIT 1"
            ).fetchone()  # until it reads, a transaction has no commit
            yield Moment(connection)

    def load_chunks(self, ids: Sequence[str]) -> dict[str, StoredChunk]:
        """The chunks of `ids` that are in force, all of one moment; others are absent."""
        with self.database.read() as connection:
            return Moment(connection).load_chunks(ids)

    def page_chunks(self, url: str) -> list[Chunk]:
        """The chunks of a page, in reading order."""
        sql = f"""
            SELECT {CHUNK_COLUMNS} FROM pages p JOIN chunks c ON c.page = p.id WHERE p.url = ? ORDER BY c.ordinal
        """  # noqa: S608
        with self.database.read() as connection:
            return [chunk_of(row) for row in connection.execute(sql, (url,))]

    def page_row(self, url: str) -> PageRow | None:
        with self.database.read() as connection:
            return _row_of(connection, url)

    def page(self, url: str) -> Page | None:
        """The page as it was read, blocks and all."""
        with self.database.snapshot() as connection:
            row, blocks = _row_of(connection, url), _blocks(connection, url)
        if row is None or blocks is None:
            return None
        return Page(
            url=row.url,
            title=row.title,
            blocks=blocks,
            fetched_at=row.fetched_at,
            language=row.language,
            author=row.author,
            published=row.published,
            modified=row.modified,
            etag=row.etag,
            last_modified=row.last_modified,
        )

    def page_text(self, url: str) -> str | None:
        """The text that the chunks of a page are slices of."""
        blocks = self.page_blocks(url)
        return None if blocks is None else BLOCK_SEPARATOR.join(block.text for block in blocks)

    def page_blocks(self, url: str) -> tuple[Block, ...] | None:
        """What a page consists of, in order."""
        with self.database.read() as connection:
            return _blocks(connection, url)

    def pages(
        self,
        prefix: str | None = None,
        *,
        site: str | None = None,
        state: PageState | None = None,
        language: str | None = None,
    ) -> Iterator[PageRow]:
        """Pages by URL; may be left and changed in the midst, for no statement is open between two rows."""
        sql = f"""
            SELECT {PAGE_COLUMNS} FROM pages
            WHERE url > :after AND url >= :first AND url < :last AND (:site IS NULL OR site = :site)
            AND (:state IS NULL OR state = :state) AND (:language IS NULL OR language = :language)
            ORDER BY url LIMIT :rows
        """  # noqa: S608
        wanted = {"site": site, "state": state, "language": language, "rows": _ROWS, **_under(prefix)}
        after = ""
        while True:
            with self.database.read() as connection:
                rows = connection.execute(sql, {**wanted, "after": after}).fetchall()
            yield from map(page_row_of, rows)
            if len(rows) < _ROWS:
                return
            after = rows[-1][0]

    def counts(self) -> Counts:
        with self.database.snapshot() as connection:
            sizes = [
                connection.execute(sql).fetchone()[0]
                for sql in (
                    "SELECT count(*) FROM pages",
                    "SELECT coalesce(sum(chunks), 0) FROM pages",
                    "SELECT count(*) FROM vectors",
                )
            ]
        return Counts(*sizes)

    def count_chunks(self, filter: Filter | None = None) -> int:
        """Chunks on the pages that `filter` lets through."""
        sql = """
            SELECT coalesce(sum(chunks), 0) FROM pages
            WHERE url >= :first AND url < :last AND (:language IS NULL OR language = :language)
        """
        with self.database.read() as connection:
            return int(connection.execute(sql, _conditions(filter)).fetchone()[0])

    def vectors(self, hashes: Sequence[bytes], model: str) -> dict[bytes, bytes]:
        """Vectors, as float32 in machine order, by the hash of the text they are of; unknown ones are absent."""
        found: dict[bytes, bytes] = {}
        with self.database.read() as connection:
            for first in range(0, len(hashes), _ROWS):
                some = hashes[first : first + _ROWS]
                marks = ", ".join("?" * len(some))
                sql = f"SELECT hash, vector FROM vectors WHERE model = ? AND hash IN ({marks})"  # noqa: S608
                found |= connection.execute(sql, (model, *some)).fetchall()
        return found

    def vectors_under(self, filter: Filter, rows: int = 2_000) -> Iterator[list[tuple[str, bytes]]]:
        """(chunk id, vector) of the chunks that `filter` lets through, in groups of at most `rows`."""
        sql = """
            SELECT c.id, v.vector FROM pages p CROSS JOIN chunks c ON c.page = p.id
            CROSS JOIN vectors v ON v.hash = c.hash AND v.model = (SELECT value FROM meta WHERE key = 'embeddings')
            WHERE p.url >= :first AND p.url < :last
            AND (:language IS NULL OR coalesce(c.language, p.language) = :language)
        """
        with self.database.read() as connection:
            cursor = connection.execute(sql, _conditions(filter))
            while group := cursor.fetchmany(rows):
                yield group

    def embedded_chunks(self, model: str, rows: int = 1_000) -> Iterator[list[tuple[Chunk, bytes | None]]]:
        """Every chunk with its vector of `model` (None when it is missing), in groups of at most `rows`."""
        sql = f"""
            SELECT {CHUNK_COLUMNS}, v.vector, c.seq FROM chunks c JOIN pages p ON p.id = c.page
            LEFT JOIN vectors v ON v.hash = c.hash AND v.model = ?
            WHERE c.seq > ? ORDER BY c.seq LIMIT ?
        """  # noqa: S608
        after = 0
        while True:
            with self.database.read() as connection:
                found = connection.execute(sql, (model, after, rows)).fetchall()
            if not found:
                return
            yield [(chunk_of(row), row[10]) for row in found]
            after = found[-1][11]

    def embedded_by_id(self, ids: Sequence[str]) -> dict[str, tuple[Chunk, bytes | None]]:
        """Chunks with their vectors (None when missing); chunks that are not in force are absent."""
        sql = f"""
            SELECT {CHUNK_COLUMNS}, v.vector FROM json_each(?) j
            CROSS JOIN chunks c ON c.id = j.value JOIN pages p ON p.id = c.page
            LEFT JOIN vectors v ON v.hash = c.hash AND v.model = (SELECT value FROM meta WHERE key = 'embeddings')
        """  # noqa: S608
        with self.database.read() as connection:
            return {row[0]: (chunk_of(row), row[10]) for row in connection.execute(sql, (json.dumps(list(ids)),))}

    def unembedded(self, model: str, dimension: int, rows: int) -> dict[bytes, str]:
        """At most `rows` texts, by hash, of chunks that have no vector of `model`, or none of that dimension."""
        sql = f"""
            SELECT {CHUNK_COLUMNS}, c.hash FROM chunks c JOIN pages p ON p.id = c.page
            WHERE NOT EXISTS ({_WHOLE_VECTOR}) LIMIT :rows
        """  # noqa: S608
        with self.database.read() as connection:
            found = connection.execute(sql, {"model": model, "bytes": dimension * 4, "rows": rows})
            return {row[10]: chunk_of(row).embedded_text for row in found}

    def count_unembedded(self, model: str, dimension: int) -> int:
        sql = f"SELECT count(DISTINCT c.hash) FROM chunks c WHERE NOT EXISTS ({_WHOLE_VECTOR})"  # noqa: S608
        with self.database.read() as connection:
            return int(connection.execute(sql, {"model": model, "bytes": dimension * 4}).fetchone()[0])

    def integrity(self) -> list[str]:
        """What SQLite finds wrong with the file; empty when nothing."""
        with self.database.read() as connection:
            faults = [str(row[0]) for row in connection.execute("PRAGMA integrity_check(10)")]
            faults += [f"a row of {row[0]} has lost its page" for row in connection.execute("PRAGMA foreign_key_check")]
        return [fault for fault in faults if fault != "ok"]

    def embedded_hashes(self, url: str) -> set[bytes]:
        """Under which hashes the vectors of a page's chunks are kept."""
        sql = "SELECT c.hash FROM chunks c JOIN pages p ON p.id = c.page WHERE p.url = ?"
        with self.database.read() as connection:
            return {row[0] for row in connection.execute(sql, (url,))}

    def chunk_ids(self) -> set[str]:
        with self.database.read() as connection:
            return {row[0] for row in connection.execute("SELECT id FROM chunks")}

    def pending(self) -> list[str]:
        """Ids of chunks whose place in the indexes may differ from the catalog, because a writer is at them or died."""
        with self.database.read() as connection:
            return [row[0] for row in connection.execute("SELECT id FROM pending ORDER BY id")]

    def _meta(self) -> dict[str, str]:
        with self.database.read() as connection:
            return dict(connection.execute("SELECT key, value FROM meta").fetchall())


def _blocks(connection: sqlite3.Connection, url: str) -> tuple[Block, ...] | None:
    sql = "SELECT b.blocks FROM page_blocks b JOIN pages p ON p.id = b.page WHERE p.url = ?"
    row = connection.execute(sql, (url,)).fetchone()
    return unpack_blocks(row[0]) if row else None


def _row_of(connection: sqlite3.Connection, url: str) -> PageRow | None:
    sql = f"SELECT {PAGE_COLUMNS} FROM pages WHERE url = ?"  # noqa: S608
    row = connection.execute(sql, (url,)).fetchone()
    return page_row_of(row) if row else None


def _under(prefix: str | None) -> dict[str, str]:
    """URLs that begin with `prefix` as a range, which an index can walk."""
    return {"first": prefix or "", "last": (prefix or "") + _LAST}


def _conditions(filter: Filter | None) -> Mapping[str, str | None]:
    return {**_under(filter.url_prefix if filter else None), "language": filter.language if filter else None}
