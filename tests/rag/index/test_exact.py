"""A small index: what is nearest does not depend on the order in which it was added, and is never out of date."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence

import pytest

from rag.errors import IndexMismatch, IndexUnavailable
from rag.index.changes import CatalogChanges
from rag.index.exact import ExactSearch, SureVectors
from rag.index.nearest import Hits
from rag.index.parts import IndexParts
from rag.index.rows import Identity
from rag.index.words import WordIndex
from rag.index.writer import IndexWriter
from rag.vocabulary import Filter
from tests.fakes import FakeEmbeddings, make_chunks, make_page


class Forgetful:
    """An approximate index that misses everything, or fails."""

    def __init__(self, failure: Exception | None = None) -> None:
        self.failure = failure

    def ask(self, vector: Sequence[float], k: int, filter: Filter | None = None) -> Hits:
        if self.failure is not None:
            raise self.failure
        return lambda: [("approximate", 0.5)]

    def close(self) -> None: ...


@pytest.fixture
def write(writer: IndexWriter) -> Callable[[str, str], None]:
    def write(url: str, text: str) -> None:
        page = make_page(text, url=url)
        writer.write([(page, make_chunks(page))])

    return write


@pytest.fixture
def exact(parts: IndexParts) -> ExactSearch:
    return ExactSearch(parts.catalog)


def found(exact: ExactSearch, embeddings: FakeEmbeddings, question: str, k: int = 3) -> list[str]:
    hits = exact.nearest(embeddings.embed_query(question), k)
    assert hits is not None
    return [chunk_id for chunk_id, _ in hits]


def test_every_change_is_seen_at_the_next_search(
    write: Callable[[str, str], None],
    writer: IndexWriter,
    exact: ExactSearch,
    embeddings: FakeEmbeddings,
    parts: IndexParts,
) -> None:
    """A page that was added, changed or removed since the last search is found as it is now."""
    write("https://a.example/1", "The harbour opens at six.")
    write("https://a.example/2", "Bread is baked at night.")
    before = found(exact, embeddings, "harbour opens", 1)
    assert before == [parts.catalog.page_chunks("https://a.example/1")[0].id]

    write("https://a.example/1", "Ferries sail on Sundays.")
    assert found(exact, embeddings, "ferries sail", 1) == [parts.catalog.page_chunks("https://a.example/1")[0].id]
    assert before[0] not in found(exact, embeddings, "harbour opens", 9)

    writer.remove(["https://a.example/1"])
    assert found(exact, embeddings, "ferries sail", 9) == [parts.catalog.page_chunks("https://a.example/2")[0].id]


def test_equals_are_ordered_and_cut_by_their_ids(
    write: Callable[[str, str], None], exact: ExactSearch, embeddings: FakeEmbeddings, parts: IndexParts
) -> None:
    """Of ten chunks with one text the same three are found, whichever was added first."""
    for number in random.Random(4).sample(range(10), 10):
        write(f"https://a.example/{number}", "The same words on every page.")
    assert found(exact, embeddings, "same words") == sorted(parts.catalog.chunk_ids())[:3]


def test_of_a_large_index_nothing_is_copied(
    write: Callable[[str, str], None], parts: IndexParts, embeddings: FakeEmbeddings
) -> None:
    """Beyond its limit the exact search steps back, and what Chroma found counts."""
    write("https://a.example/1", "The harbour opens at six.")
    small = ExactSearch(parts.catalog, most_bytes=embeddings.dimension * 4 - 1)
    vector = embeddings.embed_query("harbour")
    assert small.nearest(vector, 3) is None
    assert SureVectors(Forgetful(), small).search(vector, 3) == [("approximate", 0.5)]


def test_an_empty_index_has_nothing_near(exact: ExactSearch) -> None:
    """Before anything is written, a search finds nothing and does not fail."""
    assert exact.nearest([1.0, 0.0], 3) == []


def test_what_the_graph_misses_is_found(
    write: Callable[[str, str], None], exact: ExactSearch, embeddings: FakeEmbeddings, parts: IndexParts
) -> None:
    """An approximate answer is replaced by the exact one; a filtered one is left as it is."""
    write("https://a.example/1", "The harbour opens at six.")
    sure, vector = SureVectors(Forgetful(), exact), embeddings.embed_query("harbour")
    assert [chunk_id for chunk_id, _ in sure.search(vector, 3)] == list(parts.catalog.chunk_ids())
    assert sure.search(vector, 3, Filter(language="en")) == [("approximate", 0.5)]


def test_chroma_that_does_not_answer_is_told(exact: ExactSearch) -> None:
    """That the comparison would do without Chroma does not hide its failure."""
    with pytest.raises(IndexUnavailable):
        SureVectors(Forgetful(IndexUnavailable("Chroma is away.")), exact).search([1.0], 3)


def test_vectors_of_another_generation_are_not_mixed_in(
    write: Callable[[str, str], None], exact: ExactSearch, embeddings: FakeEmbeddings, parts: IndexParts
) -> None:
    """After a rebuild with another model nothing is left of the vectors that the old one made."""
    write("https://a.example/1", "The harbour opens at six.")
    assert found(exact, embeddings, "harbour")
    CatalogChanges(parts.catalog).new_generation("other", Identity("other", 2, 1))
    assert exact.nearest([1.0, 0.0], 3) == []


def test_a_question_of_another_dimension_is_refused(write: Callable[[str, str], None], exact: ExactSearch) -> None:
    """Vectors of two models are never compared."""
    write("https://a.example/1", "The harbour opens at six.")
    with pytest.raises(IndexMismatch):
        exact.nearest([1.0, 0.0], 3)


def test_equal_words_are_ordered_by_their_ids(words: WordIndex) -> None:
    """The words index finds the same chunks among equals, in whatever batches they came."""
    page = [
        make_chunks(make_page("Lighthouse keepers write letters.", url=f"https://a.example/{n}"))[0] for n in range(30)
    ]
    random.Random(7).shuffle(page)
    for first in range(0, 30, 7):
        words.add(page[first : first + 7])
        words.commit()
    assert [chunk_id for chunk_id, _ in words.search("lighthouse", 5)] == sorted(chunk.id for chunk in page)[:5]
