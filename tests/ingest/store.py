"""An index in memory, at the seam between crawling and storing."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

from ingest.urls import site_of
from rag.errors import FootnoteError
from rag.index.rows import PageRow, PageState
from rag.index.writer import PageChange
from rag.vocabulary import Chunk, Page


@dataclass
class MemoryStore:
    """Keeps pages as the index does, and counts what a real one would embed.

    Attributes:
        failure: raised instead of writing, when set; `unembeddable` instead of embedding.
        prepared: new pages were announced.
    """

    pages: dict[str, tuple[Page, tuple[Chunk, ...]]] = field(default_factory=dict)
    rows: dict[str, PageRow] = field(default_factory=dict)
    embedded: set[str] = field(default_factory=set)
    batches: list[int] = field(default_factory=list)
    failure: FootnoteError | None = None
    unembeddable: FootnoteError | None = None
    prepared: bool = False

    def row(self, url: str) -> PageRow | None:
        return self.rows.get(url)

    def known(self, site: str | None = None) -> Iterator[str]:
        yield from sorted(url for url in self.rows if site is None or site_of(url) == site)

    def prepare(self) -> None:
        self.prepared = True

    def embed(self, pages: Sequence[tuple[Page, Sequence[Chunk]]]) -> None:
        """What would be embedded is counted when it is written."""
        if self.unembeddable is not None:
            raise self.unembeddable

    def write(self, pages: Sequence[tuple[Page, Sequence[Chunk]]]) -> list[PageChange]:
        if self.failure is not None:
            raise self.failure
        self.batches.append(len(pages))
        return [self._put(page, tuple(chunks)) for page, chunks in pages]

    def visited(self, pages: Sequence[tuple[Page, str | None]]) -> int:
        for page, lastmod in pages:
            row = replace(self.rows[page.url], etag=page.etag, fetched_at=page.fetched_at)
            self.rows[page.url] = replace(row, lastmod=lastmod, state="present")
        return len(pages)

    def set_state(self, urls: Sequence[str], state: PageState) -> None:
        for url in urls:
            self.rows[url] = replace(self.rows[url], state=state)

    def remove(self, urls: Sequence[str]) -> list[PageChange]:
        changes = []
        for url in urls:
            _, chunks = self.pages.pop(url)
            del self.rows[url]
            changes.append(PageChange(url, 0, 0, len(chunks), 0))
        return changes

    def _put(self, page: Page, chunks: tuple[Chunk, ...]) -> PageChange:
        old = {chunk.id for chunk in self.pages[page.url][1]} if page.url in self.pages else set()
        new = {chunk.id for chunk in chunks}
        texts = {chunk.embedded_text for chunk in chunks} - self.embedded
        self.embedded |= texts
        self.pages[page.url] = (page, chunks)
        self.rows[page.url] = PageRow(
            url=page.url,
            site=site_of(page.url),
            title=page.title,
            language=page.language,
            author=page.author,
            published=page.published,
            modified=page.modified,
            etag=page.etag,
            last_modified=page.last_modified,
            lastmod=None,
            fetched_at=page.fetched_at,
            content_hash=page.content_hash,
            state="present",
            state_since=datetime.now(UTC),
            chunks=len(chunks),
            characters=len(page.text),
        )
        return PageChange(page.url, len(new - old), len(new & old), len(old - new), len(texts))
