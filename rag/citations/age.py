"""What has become of the pages that a stored answer cites."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Literal, NamedTuple, Protocol

from rag.vocabulary import Citation, Document

Standing = Literal["current", "changed", "gone"]


class PageState(Protocol):
    """What the catalog knows of a page without its text."""

    @property
    def state(self) -> str: ...

    @property
    def fetched_at(self) -> datetime: ...


class Pages(Protocol):
    """The part of the catalog this needs."""

    def page_row(self, url: str) -> PageState | None: ...

    def page_text(self, url: str) -> str | None: ...


class CitationAge(NamedTuple):
    """How a citation stands today.

    Attributes:
        standing: `current`: the page still has the quoted words (or, without a quote, the document's text); `changed`:
            it has not; `gone`: the page was removed, or was not there when last visited.
        fetched_at: when the words were read.
        seen_at: when the page was last fetched; None when nothing is known of it any more.
    """

    n: int
    standing: Standing
    fetched_at: datetime
    seen_at: datetime | None


def citation_ages(citations: Iterable[Citation], documents: Iterable[Document], pages: Pages) -> list[CitationAge]:
    """How the citations of a stored answer stand against the catalog of today, in their order.

    Citations that name no document have no age and are left out. Each page is looked up once.

    Args:
        citations: of the answer.
        documents: the documents it was given, as they were then.
        pages: the catalog.
    """
    by_number = {document.n: document for document in documents}
    texts: dict[str, str | None] = {}
    ages = []
    for citation in citations:
        document = by_number.get(citation.n)
        if document is None:
            continue
        row = pages.page_row(document.url)
        if document.url not in texts:
            texts[document.url] = None if row is None or row.state == "gone" else pages.page_text(document.url)
        standing = _standing(citation.quote or document.text, texts[document.url])
        ages.append(CitationAge(citation.n, standing, document.fetched_at, row.fetched_at if row else None))
    return ages


def _standing(words: str, page_text: str | None) -> Standing:
    if page_text is None:
        return "gone"
    return "current" if words in page_text else "changed"
