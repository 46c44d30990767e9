"""The part of an ingestion that keeps a processor busy: bytes to blocks to chunks. Runs off the event loop.

The parsers are imported with the first page that is read here: a process that hands all to others does without.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from ingest.frontier.listing import Outline, hints_at_list, outline
from ingest.media import TEXT_TYPES, media_type
from ingest.reading.reading import Link, Reading
from ingest.urls import resolve
from rag.errors import SourceUnreadable
from rag.vocabulary import Chunk

if TYPE_CHECKING:
    from ingest.fetching.answers import Fetched
    from rag.models.embeddings import EmbeddingModel

READER_VERSION = 3
"""Raised when the same bytes would be read differently, so that unchanged pages are read anew."""

_META_REFRESH = re.compile(
    rb"<meta[^>]+http-equiv\s*=\s*[\"']?refresh[\"']?[^>]*?url\s*=\s*[\"']?([^\"'>\s]+)", re.IGNORECASE
)
_STUB_BYTES = 4_096
_MOST_LINKS = 5_000


@dataclass(frozen=True, slots=True)
class ReadPage:
    """A page that was read.

    Attributes:
        chunks: empty when the content is what `known_hash` said.
        is_list: markup or address hint at a list of other pages.
        links: the identities of what the page links to, each once.
    """

    reading: Reading
    chunks: Sequence[Chunk]
    outline: Outline
    is_list: bool
    links: tuple[Link, ...]


class PageReader:
    """Reads and chunks pages for one embedding model. Safe to use from several threads.

    Args:
        only: CSS of the elements to read; all of the main content when empty.

    Attributes:
        at_once: from how many threads it is worth reading.
    """

    at_once = 2

    def __init__(self, embeddings: EmbeddingModel, only: Sequence[str] = ()) -> None:
        self._count_tokens: Callable[[str], int] = embeddings.count_tokens
        self._max_tokens = embeddings.max_tokens
        self._only = tuple(only)
        self.key = f"{READER_VERSION}:{hashlib.sha256(repr(self._only).encode()).hexdigest()[:12]}"

    def expect(self, pages: int) -> bool:
        """How many pages are on their way is all the same here."""
        return False

    def read(self, fetched: Fetched, fetched_at: datetime, known_hash: str | None = None) -> ReadPage:
        """Reads a page, and chunks it unless its content is what was known.

        Raises:
            SourceUnreadable: there is no text in it.
            SourceTooLarge: it is nested too deep.
        """
        from ingest.chunk import chunk_page

        reading = self._reading(fetched, fetched_at)
        page = reading.page
        is_list = hints_at_list(fetched.body, page.url)
        chunks: Sequence[Chunk] = ()
        if page.content_hash != known_hash:
            chunks = chunk_page(page, count_tokens=self._count_tokens, max_tokens=self._max_tokens)
            if not chunks:
                raise SourceUnreadable(f"{page.url!r} has no text worth a chunk.", "Open it in a browser.")
        return ReadPage(reading, chunks, outline(page, is_list=is_list), is_list, _identified(reading))

    def _reading(self, fetched: Fetched, fetched_at: datetime) -> Reading:
        from ingest.reading.only import strainer
        from ingest.reading.read import read_page, read_text

        kind = media_type(fetched.content_type)
        if kind in TEXT_TYPES or (not kind and not fetched.body.lstrip().startswith(b"<")):
            return read_text(
                fetched.body,
                fetched.final_url,
                fetched_at=fetched_at,
                content_type=fetched.content_type,
                etag=fetched.etag,
                last_modified=fetched.last_modified,
            )
        return read_page(
            fetched.body,
            fetched.final_url,
            fetched_at=fetched_at,
            content_type=fetched.content_type,
            only=strainer(self._only),
            etag=fetched.etag,
            last_modified=fetched.last_modified,
        )


def _identified(reading: Reading) -> tuple[Link, ...]:
    """The links by their identities, followed when any of several to one page may be."""
    found: dict[str, bool] = {}
    for link in reading.links[:_MOST_LINKS]:
        url = resolve(reading.page.url, link.url)
        if url is not None:
            found[url] = found.get(url, True) and link.nofollow
    return tuple(Link(url, nofollow) for url, nofollow in found.items())


def refresh_target(fetched: Fetched) -> str | None:
    """Where a page that is nothing but a `<meta http-equiv=refresh>` sends its reader."""
    if len(fetched.body) > _STUB_BYTES:
        return None
    match = _META_REFRESH.search(fetched.body)
    return resolve(fetched.final_url, match[1].decode("utf-8", "replace")) if match else None
