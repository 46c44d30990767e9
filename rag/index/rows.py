"""What the catalog keeps, as values: pages, chunks, what they were made with; and how its rows become them."""

from __future__ import annotations

import hashlib
import json
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal, NamedTuple

from rag.vocabulary import Block, Chunk

PageState = Literal["present", "gone", "unknown"]

CHUNK_COLUMNS = """
    c.id, p.url, c.ordinal, c.start, c."end", c.text, coalesce(c.title, p.title), c.section, c.anchor,
    coalesce(c.language, p.language)
"""
"""Of `chunks c JOIN pages p`, for `chunk_of`."""

PAGE_COLUMNS = """
    url, site, title, language, author, published, modified, etag, last_modified, lastmod, fetched_at, content_hash,
    state, state_since, chunks, characters
"""
"""Of `pages`, for `page_row_of`."""


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


def chunk_of(row: Sequence[Any]) -> Chunk:
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


def page_row_of(row: Sequence[Any]) -> PageRow:
    values = dict(zip(PageRow.__slots__, row, strict=True))
    for name in ("fetched_at", "state_since"):
        values[name] = datetime.fromisoformat(values[name])
    return PageRow(**values)


def text_hash(embedded_text: str) -> bytes:
    """The key under which the vector of a text is kept."""
    return hashlib.sha256(embedded_text.encode()).digest()


def pack_blocks(blocks: Sequence[Block]) -> bytes:
    rows = [block.fields for block in blocks]
    return zlib.compress(json.dumps(rows, ensure_ascii=False, separators=(",", ":")).encode(), 6)


def unpack_blocks(packed: bytes) -> tuple[Block, ...]:
    return tuple(Block(*fields) for fields in json.loads(zlib.decompress(packed)))
