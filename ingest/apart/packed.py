"""A page that was read, as plain JSON: how the process that reads hands it to the one that writes.

What comes back from that process is data and never code, whatever a hostile page made of its parser.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

from ingest.apart.page import ReadPage
from ingest.frontier.listing import Outline
from ingest.reading.reading import Link, Reading
from rag.errors import SourceError, SourceUnreadable
from rag.vocabulary import Block, Chunk, Page


def packed(read: ReadPage) -> bytes:
    """All of `read` but the links as they were written."""
    page = read.reading.page
    head = replace(page, blocks=(), fetched_at=page.fetched_at)
    fields = {name: getattr(head, name) for name in _PAGE_FIELDS}
    row = {
        "page": fields,
        "hash": page.content_hash,
        "blocks": [block.fields for block in page.blocks],
        "chunks": [(chunk.id, chunk.start, chunk.end, chunk.section, chunk.anchor) for chunk in read.chunks],
        "canonical": read.reading.canonical,
        "robots": sorted(read.reading.robots),
        "outline": (read.outline.openings, read.outline.prose, read.outline.characters),
        "is_list": read.is_list,
        "links": [(link.url, link.nofollow) for link in read.links],
    }
    return json.dumps(row).encode()


_PAGE_FIELDS = ("url", "title", "language", "author", "published", "modified", "etag", "last_modified")


def unpacked(data: bytes, fetched_at: Any) -> ReadPage:
    """The inverse of `packed`; `fetched_at` is what was given to the reader."""
    row = json.loads(data)
    blocks = tuple(Block(*fields) for fields in row["blocks"])
    page = Page(blocks=blocks, fetched_at=fetched_at, **row["page"])
    vars(page)["content_hash"] = row["hash"]  # a cached property: hashed there, and not once more here
    openings, prose, characters = row["outline"]
    return ReadPage(
        Reading(page, row["canonical"], frozenset(row["robots"])),
        tuple(_chunks(page, row["chunks"])),
        Outline(tuple(openings), prose, characters),
        row["is_list"],
        tuple(Link(url, nofollow) for url, nofollow in row["links"]),
    )


def _chunks(page: Page, rows: Sequence[Any]) -> Iterator[Chunk]:
    for ordinal, (chunk_id, start, end, section, anchor) in enumerate(rows):
        text = page.text[start:end]
        yield Chunk(chunk_id, page.url, ordinal, start, end, text, page.title, tuple(section), anchor, page.language)


def packed_error(error: SourceError) -> bytes:
    """An error of the page, by the name of its class."""
    return json.dumps((type(error).__name__, error.detail, error.cure)).encode()


def unpacked_error(data: bytes) -> SourceError:
    """The inverse of `packed_error`."""
    name, detail, cure = json.loads(data)
    return _classes(SourceError).get(name, SourceUnreadable)(detail, cure)


def _classes(base: type[SourceError]) -> dict[str, type[SourceError]]:
    found = {base.__name__: base}
    for child in base.__subclasses__():
        found |= _classes(child)
    return found
