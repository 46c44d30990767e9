"""Ages: a stored answer knows whether its pages still say what it cites."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime

from rag.citations.age import citation_ages
from rag.vocabulary import Citation
from tests.fakes import make_document

LATER = datetime(2026, 9, 9, tzinfo=UTC)


@dataclass
class Row:
    state: str
    fetched_at: datetime = LATER


class Pages:
    def __init__(self, pages: dict[str, tuple[str, str]]) -> None:
        self._pages = pages

    def page_row(self, url: str) -> Row | None:
        return Row(self._pages[url][0]) if url in self._pages else None

    def page_text(self, url: str) -> str | None:
        return self._pages[url][1] if url in self._pages else None


def test_current_changed_and_gone() -> None:
    """What counts is whether the quoted words are still on the page, not whether the page is the same."""
    texts = ["The port is 8000.", "It is free.", "It was here.", "It was removed."]
    urls = [f"https://example.org/{n}" for n in range(1, 5)]
    documents = [make_document(text, n, url=urls[n - 1]) for n, text in enumerate(texts, 1)]
    citations = [
        Citation(n, 0, 5, "verbatim", documents[n - 1].id, documents[n - 1].text, 0, len(documents[n - 1].text))
        for n in range(1, 5)
    ]
    pages = Pages(
        {
            urls[0]: ("present", "News! The port is 8000. More."),
            urls[1]: ("present", "It is no longer free."),
            urls[2]: ("gone", "It was here."),
        }
    )
    ages = citation_ages([*citations, replace(citations[0], n=9)], documents, pages)
    assert [(age.n, age.standing) for age in ages] == [(1, "current"), (2, "changed"), (3, "gone"), (4, "gone")]
    assert [age.seen_at for age in ages] == [LATER, LATER, LATER, None]
    assert ages[0].fetched_at == documents[0].fetched_at
