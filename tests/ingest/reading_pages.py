"""Short ways to make and read pages in the tests of reading."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from ingest.reading.read import read_page
from ingest.reading.reading import Reading
from rag.vocabulary import Block, BlockKind

URL = "https://site.example/guide/page.html"
FETCHED_AT = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
PROSE = "The refund window is thirty days after delivery, and you need the receipt that came with the parcel."


def read(html: str | bytes, **options: Any) -> Reading:
    return read_page(html, options.pop("url", URL), fetched_at=FETCHED_AT, **options)


def blocks(body: str) -> list[Block]:
    """The blocks of a page whose main element holds `body`."""
    return list(read(f"<html><body><main>{body}</main></body></html>").page.blocks)


def shown(body: str, kind: BlockKind | None = None) -> list[str]:
    return [block.text for block in blocks(body) if kind is None or block.kind == kind]
