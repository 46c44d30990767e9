"""What both search indexes promise, run over each: chunks in, ids with scores out, filters exact."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Protocol

import pytest

from rag.index.catalog import Catalog
from rag.index.changes import CatalogChanges
from rag.index.chroma_collection import ChromaCollection
from rag.index.chroma_server import ChromaServer
from rag.index.embedding import packed
from rag.index.endpoint import own_endpoint
from rag.index.rows import Identity, text_hash
from rag.index.vectors import VectorIndex
from rag.index.words import WordIndex
from rag.vocabulary import Chunk, Filter, Page
from tests.fakes import FakeEmbeddings, make_chunks, make_page


class SearchIndex(Protocol):
    def add(self, pages: Sequence[Page]) -> list[str]: ...
    def delete(self, ids: Sequence[str]) -> None: ...
    def search(self, text: str, k: int, filter: Filter | None = None) -> list[tuple[str, float]]: ...
    def count(self) -> int: ...
    def ids(self) -> list[str]: ...
    def another(self) -> SearchIndex: ...


def in_catalog(catalog: Catalog, pages: Sequence[Page], embeddings: FakeEmbeddings) -> list[Chunk]:
    """Puts pages in force, a chunk for each paragraph."""
    changes = CatalogChanges(catalog)
    changes.set_identity(Identity("fake", embeddings.dimension, 1))
    chunks = [(page, make_chunks(page)) for page in pages]
    every = [chunk for _, some in chunks for chunk in some]
    vectors = {text_hash(one.embedded_text): packed(embeddings.embed_query(one.embedded_text)) for one in every}
    changes.stage([], vectors, "fake")
    changes.switch(chunks, [])
    return every


class OverVectors:
    """Chroma, asked by text."""

    def __init__(self, catalog: Catalog, make: Callable[[], VectorIndex]) -> None:
        self._catalog, self._make = catalog, make
        self._index = make()
        self._embeddings = FakeEmbeddings()

    def add(self, pages: Sequence[Page]) -> list[str]:
        chunks = [chunk for page in pages for chunk in make_chunks(page)]
        self._index.add(chunks, [self._embeddings.embed_query(chunk.embedded_text) for chunk in chunks])
        in_catalog(self._catalog, pages, self._embeddings)
        return [chunk.id for chunk in chunks]

    def delete(self, ids: Sequence[str]) -> None:
        self._index.delete(ids)

    def search(self, text: str, k: int, filter: Filter | None = None) -> list[tuple[str, float]]:
        return self._index.search(self._embeddings.embed_query(text), k, filter)

    def count(self) -> int:
        return self._index.count()

    def ids(self) -> list[str]:
        return self._index.ids()

    def another(self) -> OverVectors:
        return OverVectors(self._catalog, self._make)


class OverWords:
    """tantivy, committed after each change."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._index = WordIndex(folder)

    def add(self, pages: Sequence[Page]) -> list[str]:
        chunks = [chunk for page in pages for chunk in make_chunks(page)]
        self._index.add(chunks)
        self._index.commit()
        return [chunk.id for chunk in chunks]

    def delete(self, ids: Sequence[str]) -> None:
        self._index.delete(ids)
        self._index.commit()

    def search(self, text: str, k: int, filter: Filter | None = None) -> list[tuple[str, float]]:
        return self._index.search(text, k, filter)

    def count(self) -> int:
        return self._index.count()

    def ids(self) -> list[str]:
        return self._index.ids()

    def another(self) -> OverWords:
        return OverWords(self._folder)


@pytest.fixture(params=["words", "vectors", "vectors, filters by widening"])
def index(
    request: pytest.FixtureRequest, tmp_path: Path, chroma: ChromaServer, catalog: Catalog
) -> Iterator[SearchIndex]:
    if request.param == "words":
        yield OverWords(tmp_path / "words")
        return
    made: list[VectorIndex] = []

    def make() -> VectorIndex:
        exact = 0 if "widening" in request.param else 10_000
        collection = f"contract-{tmp_path.name}"
        made.append(
            VectorIndex(ChromaCollection(own_endpoint(chroma), catalog, name=collection), catalog, exact_chunks=exact)
        )
        return made[-1]

    yield OverVectors(catalog, make)
    for one in made:
        one.close()


def found(hits: Sequence[tuple[str, float]]) -> list[str]:
    return [chunk_id for chunk_id, _ in hits]


def test_an_empty_index_finds_nothing(index: SearchIndex) -> None:
    """Before anything was added, every question has an answer, and it is: nothing."""
    assert index.search("anything", 5) == []
    assert index.search("anything", 5, Filter(language="en")) == []
    assert index.count() == 0
    assert index.ids() == []


def test_what_was_added_is_found_best_first(index: SearchIndex) -> None:
    """The chunk that shares the words of the question comes first, and scores fall from hit to hit."""
    ids = index.add([make_page("the tree of thoughts explores", "a chain of thought", "bread is baked", title="")])

    hits = index.search("tree of thoughts", 3)

    assert hits[0][0] == ids[0]
    assert [score for _, score in hits] == sorted((score for _, score in hits), reverse=True)
    assert found(index.search("bread baked", 1)) == [ids[2]]


def test_no_more_than_k_hits_come_back(index: SearchIndex) -> None:
    """`k` is a bound; more than there is asks for all of it, and zero for none."""
    index.add([make_page(*(f"bread number{n}" for n in range(5)), title="")])

    assert len(index.search("bread", 2)) == 2
    assert len(index.search("bread", 50)) == 5
    assert index.search("bread", 0) == []


def test_adding_again_replaces(index: SearchIndex) -> None:
    """A chunk that is added twice is there once."""
    page = make_page("bread is baked", "and eaten")

    assert index.add([page]) == index.add([page])

    assert index.count() == 2
    assert len(index.ids()) == 2


def test_what_was_deleted_is_not_found(index: SearchIndex) -> None:
    """Deleting takes chunks out of count, ids and hits; ids that are not there do no harm."""
    ids = index.add([make_page("bread is baked", "bread is eaten", title="")])

    index.delete([ids[0], "0" * 32])
    index.delete([])

    assert found(index.search("bread baked", 5)) == [ids[1]]
    assert index.ids() == [ids[1]]
    assert index.count() == 1


def test_a_filter_on_a_prefix_finds_the_few_among_the_many(index: SearchIndex) -> None:
    """One page under the prefix is found though many others fit the question better."""
    many = [make_page("bread bread bread", url=f"https://example.org/many/{n}", title="") for n in range(60)]
    rare = make_page("one word of bread among all that is said here", url="https://example.org/rare/page", title="")
    index.add(many)
    (rare_id,) = index.add([rare])

    assert found(index.search("bread", 3, Filter("https://example.org/rare/"))) == [rare_id]
    assert found(index.search("bread", 3, Filter("https://example.org/rare/pa"))) == [rare_id]
    assert found(index.search("bread", 3, Filter("https://example.org/none/"))) == []
    assert len(index.search("bread", 61, Filter("https://example.org/"))) == 61
    assert rare_id not in found(index.search("bread", 61, Filter("https://example.org/many/")))


def test_a_filter_on_a_language_and_both_filters_together(index: SearchIndex) -> None:
    """Language and prefix must both fit."""
    (english,) = index.add([make_page("bread is baked", url="https://example.org/en/1", title="")])
    (chinese,) = index.add([make_page("bread 面包", url="https://example.org/zh/1", title="", language="zh")])

    assert found(index.search("bread", 5, Filter(language="zh"))) == [chinese]
    assert found(index.search("bread", 5, Filter("https://example.org/en/", "en"))) == [english]
    assert found(index.search("bread", 5, Filter("https://example.org/en/", "zh"))) == []


def test_a_prefix_is_taken_literally(index: SearchIndex) -> None:
    """Characters that mean something to SQL or to regular expressions mean themselves."""
    (odd,) = index.add([make_page("bread", url="https://example.org/a_b%20(c).*/x?q=1", title="")])
    index.add([make_page("bread", url="https://example.org/aXb%20(c)zz/x", title="")])

    assert found(index.search("bread", 5, Filter("https://example.org/a_b%20(c).*"))) == [odd]


def test_a_second_handle_sees_what_the_first_wrote(index: SearchIndex) -> None:
    """A reader that was open before the change finds it at its next search."""
    reader = index.another()
    assert reader.search("bread", 5) == []

    ids = index.add([make_page("bread is baked")])

    assert found(reader.search("bread", 5)) == ids
    assert reader.count() == 1
