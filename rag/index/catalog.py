"""The catalog: pages, chunks and vectors in one SQLite file. It is the truth; Chroma and tantivy are indexes of it.

Whatever a search finds is looked up here, so a chunk that is only staged, or was removed, is never shown, however the
indexes stand. The texts of a page are kept twice, once whole (compressed: it is seldom read) and once as its chunks
(plain: fifty are read in well under a millisecond). A vector is kept under the SHA-256 of the text that was embedded,
so the table is at once the store for `footnote rebuild` and the cache that makes unchanged text cost no embedding.
Vectors are float32: an index made anew is the same to the last bit.

This module reads; `rag/index/changes.py` writes.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import sqlite3
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Literal, NamedTuple

from rag.errors import IndexMismatch
from rag.index.database import Database
from rag.index.migrations import migrate
from rag.vocabulary import BLOCK_SEPARATOR, Block, Chunk, Filter, Page

PageState = Literal["present", "gone", "unknown"]

_LAST = "\U0010ffff"
_ROWS = 500
_CHUNK_COLUMNS = """
    c.id, p.url, c.ordinal, c.start, c."end", c.text, coalesce(c.title, p.title), c.section, c.anchor,
    coalesce(c.language, p.language)
"""
_WHOLE_VECTOR = """
    SELECT 1 FROM vectors v WHERE v.hash = c.hash AND v.model = :model AND length(v.vector) = :bytes
"""
_PAGE_COLUMNS = """
    url, site, title, language, author, published, modified, etag, last_modified, lastmod, fetched_at, content_hash,
    state, state_since, chunks, characters
"""


@dataclass(frozen=True, slots=True)
class StoredChunk:
    """A chunk and when its page was fetched (aware, UTC)."""

    chunk: Chunk
    fetched_at: datetime


class Head(NamedTuple):
    """What every candidate of a search is weighed by, without its text."""

    id: str
    title: str
    language: str


@dataclass(frozen=True, slots=True)
class PageRow:
    """What is known about a page without reading its text.

    Attributes:
        site: scheme and host, such as `https://example.org`.
        lastmod: what the site's sitemap said when it was last read.
        state: `present`; `gone`, when a visit found it gone; `unknown`, when a visit failed.
        state_since: when it came into that state.
        chunks, characters: how many.
    """

    url: str
    site: str
    title: str
    language: str
    author: str | None
    published: str | None
    modified: str | None
    etag: str | None
    last_modified: str | None
    lastmod: str | None
    fetched_at: datetime
    content_hash: str
    state: PageState
    state_since: datetime
    chunks: int
    characters: int


@dataclass(frozen=True, slots=True)
class Identity:
    """What the vectors and chunks of a catalog were made with; they must not be mixed with those of another."""

    embeddings: str
    dimension: int
    chunker_version: int


class Counts(NamedTuple):
    """How much is in the catalog."""

    pages: int
    chunks: int
    vectors: int


class Moment:
    """What a search looks up, as the catalog is at one moment.

    Each look-up is one row: Python's sqlite3 lets go of the interpreter at every row, and has to wait for it where an
    event loop is busy.
    """

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def heads(self, ids: Iterable[str]) -> list[Head]:
        """Those of `ids` that are in force, in that order: a third of the work of loading them."""
        sql = """
            SELECT json_group_array(json_array(c.id, coalesce(c.title, p.title), coalesce(c.language, p.language)))
            FROM json_each(?) j CROSS JOIN chunks c ON c.id = j.value JOIN pages p ON p.id = c.page
        """
        found = self._connection.execute(sql, (json.dumps(list(ids)),)).fetchone()
        return [Head(*row) for row in json.loads(found[0])]

    def load_chunks(self, ids: Iterable[str]) -> dict[str, StoredChunk]:
        """The chunks of `ids` that are in force; others are absent."""
        sql = f"""
            SELECT json_group_array(json_array({_CHUNK_COLUMNS}, p.fetched_at)) FROM json_each(?) j
            CROSS JOIN chunks c ON c.id = j.value JOIN pages p ON p.id = c.page
        """  # noqa: S608 - constant columns
        found = self._connection.execute(sql, (json.dumps(list(ids)),)).fetchone()
        return {row[0]: StoredChunk(_chunk(row), datetime.fromisoformat(row[10])) for row in json.loads(found[0])}

    def vectors(self, ids: Iterable[str], model: str) -> dict[str, bytes]:
        """Vectors of `model`, as float32 in machine order, by the id of the chunk they are of; others are absent."""
        sql = """
            SELECT json_group_array(json_array(c.id, length(v.vector))), CAST(group_concat(v.vector, '') AS BLOB)
            FROM json_each(?) j
            CROSS JOIN chunks c ON c.id = j.value CROSS JOIN vectors v ON v.hash = c.hash AND v.model = ?
        """
        names, joined = self._connection.execute(sql, (json.dumps(list(ids)), model)).fetchone()
        found: dict[str, bytes] = {}
        start = 0
        for chunk_id, length in json.loads(names):
            found[chunk_id] = joined[start : start + length]
            start += length
        return found


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
        """Several look-ups that all see the same commit; for one thread, and not for long."""
        with self.database.snapshot() as connection:
            yield Moment(connection)

    def load_chunks(self, ids: Sequence[str]) -> dict[str, StoredChunk]:
        """The chunks of `ids` that are in force, all of one moment; others are absent."""
        with self.database.read() as connection:
            return Moment(connection).load_chunks(ids)

    def page_chunks(self, url: str) -> list[Chunk]:
        """The chunks of a page, in reading order."""
        sql = f"""
            SELECT {_CHUNK_COLUMNS} FROM pages p JOIN chunks c ON c.page = p.id WHERE p.url = ? ORDER BY c.ordinal
        """  # noqa: S608
        with self.database.read() as connection:
            return [_chunk(row) for row in connection.execute(sql, (url,))]

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
            SELECT {_PAGE_COLUMNS} FROM pages
            WHERE url > :after AND url >= :first AND url < :last AND (:site IS NULL OR site = :site)
            AND (:state IS NULL OR state = :state) AND (:language IS NULL OR language = :language)
            ORDER BY url LIMIT :rows
        """  # noqa: S608
        wanted = {"site": site, "state": state, "language": language, "rows": _ROWS, **_under(prefix)}
        after = ""
        while True:
            with self.database.read() as connection:
                rows = connection.execute(sql, {**wanted, "after": after}).fetchall()
            yield from map(_page_row, rows)
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
            SELECT {_CHUNK_COLUMNS}, v.vector, c.seq FROM chunks c JOIN pages p ON p.id = c.page
            LEFT JOIN vectors v ON v.hash = c.hash AND v.model = ?
            WHERE c.seq > ? ORDER BY c.seq LIMIT ?
        """  # noqa: S608
        after = 0
        while True:
            with self.database.read() as connection:
                found = connection.execute(sql, (model, after, rows)).fetchall()
            if not found:
                return
            yield [(_chunk(row), row[10]) for row in found]
            after = found[-1][11]

    def embedded_by_id(self, ids: Sequence[str]) -> dict[str, tuple[Chunk, bytes | None]]:
        """Chunks with their vectors (None when missing); chunks that are not in force are absent."""
        sql = f"""
            SELECT {_CHUNK_COLUMNS}, v.vector FROM json_each(?) j
            CROSS JOIN chunks c ON c.id = j.value JOIN pages p ON p.id = c.page
            LEFT JOIN vectors v ON v.hash = c.hash AND v.model = (SELECT value FROM meta WHERE key = 'embeddings')
        """  # noqa: S608
        with self.database.read() as connection:
            return {row[0]: (_chunk(row), row[10]) for row in connection.execute(sql, (json.dumps(list(ids)),))}

    def unembedded(self, model: str, dimension: int, rows: int) -> dict[bytes, str]:
        """At most `rows` texts, by hash, of chunks that have no vector of `model`, or none of that dimension."""
        sql = f"""
            SELECT {_CHUNK_COLUMNS}, c.hash FROM chunks c JOIN pages p ON p.id = c.page
            WHERE NOT EXISTS ({_WHOLE_VECTOR}) LIMIT :rows
        """  # noqa: S608
        with self.database.read() as connection:
            found = connection.execute(sql, {"model": model, "bytes": dimension * 4, "rows": rows})
            return {row[10]: _chunk(row).embedded_text for row in found}

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


def text_hash(embedded_text: str) -> bytes:
    """The key under which the vector of a text is kept."""
    return hashlib.sha256(embedded_text.encode()).digest()


def pack_blocks(blocks: Sequence[Block]) -> bytes:
    rows = [block.fields for block in blocks]
    return zlib.compress(json.dumps(rows, ensure_ascii=False, separators=(",", ":")).encode(), 6)


def _blocks(connection: sqlite3.Connection, url: str) -> tuple[Block, ...] | None:
    sql = "SELECT b.blocks FROM page_blocks b JOIN pages p ON p.id = b.page WHERE p.url = ?"
    row = connection.execute(sql, (url,)).fetchone()
    return tuple(Block(*fields) for fields in json.loads(zlib.decompress(row[0]))) if row else None


def _row_of(connection: sqlite3.Connection, url: str) -> PageRow | None:
    sql = f"SELECT {_PAGE_COLUMNS} FROM pages WHERE url = ?"  # noqa: S608
    row = connection.execute(sql, (url,)).fetchone()
    return _page_row(row) if row else None


def _under(prefix: str | None) -> dict[str, str]:
    """URLs that begin with `prefix` as a range, which an index can walk."""
    return {"first": prefix or "", "last": (prefix or "") + _LAST}


def _conditions(filter: Filter | None) -> Mapping[str, str | None]:
    return {**_under(filter.url_prefix if filter else None), "language": filter.language if filter else None}


def _chunk(row: Sequence[Any]) -> Chunk:
    return Chunk(
        id=row[0],
        url=row[1],
        ordinal=row[2],
        start=row[3],
        end=row[4],
        text=row[5],
        title=row[6],
        section=tuple(json.loads(row[7])) if row[7] != "[]" else (),
        anchor=row[8],
        language=row[9],
    )


def _page_row(row: Sequence[Any]) -> PageRow:
    values = dict(zip(PageRow.__slots__, row, strict=True))
    for name in ("fetched_at", "state_since"):
        values[name] = datetime.fromisoformat(values[name])
    return PageRow(**values)
