"""What the crawler needs of the index: what is known, and a place to put pages."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Protocol

from rag.index.catalog import Catalog
from rag.index.rows import PageRow, PageState
from rag.index.writer import IndexWriter, PageChange
from rag.vocabulary import Chunk, Page


class Store(Protocol):
    """Where pages go. The reading side may be called from any thread, the writing side from one at a time.

    `prepare` says that new pages will come; `embed` does ahead what of `write` is for the model, beside other writes.
    """

    def row(self, url: str) -> PageRow | None: ...
    def known(self, site: str | None = None) -> Iterator[str]: ...
    def prepare(self) -> None: ...
    def embed(self, pages: Sequence[tuple[Page, Sequence[Chunk]]]) -> None: ...
    def write(self, pages: Sequence[tuple[Page, Sequence[Chunk]]]) -> list[PageChange]: ...
    def visited(self, pages: Sequence[tuple[Page, str | None]]) -> int: ...
    def set_state(self, urls: Sequence[str], state: PageState) -> None: ...
    def remove(self, urls: Sequence[str]) -> list[PageChange]: ...


class IndexStore:
    """The store that is a catalog and its writer."""

    def __init__(self, catalog: Catalog, writer: IndexWriter) -> None:
        self._catalog = catalog
        self._writer = writer

    def row(self, url: str) -> PageRow | None:
        return self._catalog.page_row(url)

    def known(self, site: str | None = None) -> Iterator[str]:
        """URLs of the pages of a site (host and port, or `file`), or of all."""
        for prefix in (None,) if site is None else _prefixes(site):
            for row in self._catalog.pages(prefix):
                yield row.url

    def prepare(self) -> None:
        self._writer.prepare()

    def embed(self, pages: Sequence[tuple[Page, Sequence[Chunk]]]) -> None:
        self._writer.embed(pages)

    def write(self, pages: Sequence[tuple[Page, Sequence[Chunk]]]) -> list[PageChange]:
        return self._writer.write(pages)

    def visited(self, pages: Sequence[tuple[Page, str | None]]) -> int:
        return self._writer.visited(pages)

    def set_state(self, urls: Sequence[str], state: PageState) -> None:
        self._writer.set_state(urls, state)

    def remove(self, urls: Sequence[str]) -> list[PageChange]:
        return self._writer.remove(urls)


def _prefixes(site: str) -> tuple[str, ...]:
    return ("file:",) if site == "file" else (f"http://{site}/", f"https://{site}/")
