"""The whole search: a real catalog and words index, vectors in memory."""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterable, Iterator, Sequence
from functools import partial
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from langchain_core.callbacks import Callbacks
from langchain_core.documents import Document as LangChainDocument
from langchain_core.documents.compressor import BaseDocumentCompressor

from rag.errors import ConfigurationError, IndexUnavailable, InvalidRequest, ModelError, StorageError
from rag.index.candidates import Asked
from rag.index.catalog import Catalog
from rag.index.fusion import READ_AHEAD, READ_CLOSELY
from rag.index.locks import WriterLock
from rag.index.moment import Moment
from rag.index.nearest import Hits
from rag.index.rerank import Reranker
from rag.index.rows import StoredChunk
from rag.index.search import Index
from rag.index.words import WordIndex
from rag.index.writer import IndexWriter
from rag.models.embeddings import EmbeddingModel
from rag.vocabulary import Chunk, Filter, Hit, Page
from tests.fakes import FakeEmbeddings, make_chunks, make_page


class VectorsInMemory:
    """Stands in for Chroma."""

    def __init__(self) -> None:
        self.vectors: dict[str, tuple[Chunk, Sequence[float]]] = {}
        self.failure: Exception | None = None
        self.gate: threading.Event | None = None
        self.patience: float | None = None

    def add(self, chunks: Sequence[Chunk], vectors: Sequence[Sequence[float]]) -> None:
        self.vectors.update({chunk.id: (chunk, vector) for chunk, vector in zip(chunks, vectors, strict=True)})

    def delete(self, ids: Sequence[str]) -> None:
        for chunk_id in ids:
            self.vectors.pop(chunk_id, None)

    def ask(self, vector: Sequence[float], k: int, filter: Filter | None = None) -> Hits:
        return partial(self.search, vector, k, filter)

    def search(self, vector: Sequence[float], k: int, filter: Filter | None = None) -> list[tuple[str, float]]:
        if self.gate is not None:
            assert self.gate.wait(self.patience)
        if self.failure is not None:
            raise self.failure
        found = [
            (chunk_id, max(0.0, float(np.dot(vector, other))))
            for chunk_id, (chunk, other) in self.vectors.items()
            if not filter or chunk.url.startswith(filter.url_prefix or "")
        ]
        return sorted(found, key=lambda hit: -hit[1])[:k]

    def tidy(self) -> None: ...
    def close(self) -> None: ...


class World:
    """An index and what it is made of."""

    def __init__(self, folder: Path, **options: Any) -> None:
        self.embeddings = FakeEmbeddings()
        model = EmbeddingModel("fake", self.embeddings, 64, languages=frozenset({"en"}))
        self.vectors = VectorsInMemory()
        catalog, words = Catalog(folder / "catalog.db"), WordIndex(folder / "words")

        def writer(purpose: str, version: int) -> IndexWriter:
            return IndexWriter(catalog, self.vectors, words, model, lock=WriterLock(folder, purpose))  # type: ignore[arg-type]

        self.index = Index(catalog, self.vectors, words, model, writer=writer, **options)

    def write(self, *pages: Page) -> None:
        with self.index.writer() as writer:
            writer.write([(page, make_chunks(page)) for page in pages])


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    world = World(tmp_path)
    yield world
    world.index.close()


HANDBOOK = (
    make_page(
        "Run footnote rebuild to make both indexes anew.",
        "Nothing is fetched again.",
        url="https://a.org/rebuild",
        title="Rebuilding",
    ),
    make_page("Cats sleep for most of the day.", url="https://a.org/cats", title="Cats"),
    make_page("思维链让模型一步一步地推理。", url="https://b.org/zh", title="思维链", language="zh"),
    make_page("The service listens on port 8000.", url="https://b.org/serve", title="Serving"),
)


def urls(hits: list[Hit]) -> list[str]:
    return [hit.chunk.url for hit in hits]


def test_the_page_that_answers_is_first(world: World) -> None:
    """English and Chinese questions find their page; scores fall and lie between 0 and 1."""
    world.write(*HANDBOOK)
    hits = world.index.search("How do I rebuild the indexes?", limit=3)
    assert urls(hits)[0] == "https://a.org/rebuild"
    assert urls(world.index.search("什么是思维链？", limit=3))[0] == "https://b.org/zh"
    scores = [hit.score for hit in hits]
    assert scores == sorted(scores, reverse=True)
    assert all(0 < score < 1 for score in scores)


def test_an_empty_index_finds_nothing(world: World) -> None:
    """Before anything was ingested a question has no documents, and no error."""
    assert world.index.search("anything", limit=5) == []
    assert world.index.documents("anything", top_k=5, context_tokens=500) == []


def test_filters_narrow_both_indexes(world: World) -> None:
    """Nothing outside the prefix is found, however well it fits."""
    world.write(*HANDBOOK)
    found = world.index.search("rebuild the indexes", limit=5, filter=Filter("https://b.org/"))
    assert set(urls(found)) == {"https://b.org/zh", "https://b.org/serve"}


def test_further_phrasings_add_what_they_find(world: World) -> None:
    """The user's own words beside a rewritten question bring in their page; repeats and blanks are left out."""
    world.write(*HANDBOOK)
    alone = urls(world.index.search("cats", limit=2))
    both = urls(world.index.search("cats", limit=2, also=["which port does the service listen on", "cats", " "]))
    assert alone[0] == both[0] == "https://a.org/cats"
    assert both[1] == "https://b.org/serve"


def test_removed_pages_are_not_found_though_an_index_lags(world: World) -> None:
    """The catalog decides: a chunk that Chroma still has but the catalog does not is no hit."""
    world.write(*HANDBOOK)
    left_over = dict(world.vectors.vectors)
    with world.index.writer() as writer:
        writer.remove(["https://a.org/cats"])
    world.vectors.vectors = left_over
    assert "https://a.org/cats" not in urls(world.index.search("cats sleep", limit=10))


def test_a_new_page_answers_at_once(world: World) -> None:
    """What is written after the index was opened is found by the next search."""
    world.write(HANDBOOK[1])
    assert world.index.search("rebuild", limit=1)[0].chunk.url == "https://a.org/cats"
    world.write(HANDBOOK[0])
    assert world.index.search("rebuild", limit=1)[0].chunk.url == "https://a.org/rebuild"


def test_neighbours_of_a_page_come_as_one_document(world: World) -> None:
    """Both paragraphs of the page fit the question and are shown together, as the page has them."""
    world.write(*HANDBOOK)
    first = world.index.documents(
        "footnote rebuild both indexes, nothing is fetched again", top_k=2, context_tokens=500
    )[0]
    assert first.text == HANDBOOK[0].text
    assert first.n == 1


def test_a_signal_that_one_index_did_not_return_is_looked_up(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """A chunk found by its words alone has its similarity counted, as if both had found it."""
    world.write(*HANDBOOK)
    whole = world.index.search("the service listens on a port", limit=4)
    monkeypatch.setattr(world.vectors, "search", lambda *_: [])
    words_only = world.index.search("the service listens on a port", limit=4)
    assert words_only[0].chunk == whole[0].chunk


async def test_the_words_are_searched_while_the_question_is_embedded(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They need no vectors: here the embedder answers only when the words have been asked."""
    world.write(*HANDBOOK)
    asked = threading.Event()
    search, embed = world.index.words.search, world.embeddings.embed_query

    def noting(query: str, k: int, filter: Filter | None = None) -> list[tuple[str, float]]:
        asked.set()
        return search(query, k, filter)

    def waiting(text: str) -> list[float]:
        assert asked.wait(5.0)
        asked.clear()
        return embed(text)

    monkeypatch.setattr(world.index.words, "search", noting)
    monkeypatch.setattr(world.embeddings, "embed_query", waiting)
    assert urls(world.index.search("cats", limit=1)) == ["https://a.org/cats"]
    assert urls(await world.index.asearch("cats", limit=1)) == ["https://a.org/cats"]


def test_texts_are_read_only_where_they_count(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a hundred candidates the best thirty, those that were guessed to be, and what is returned; each once."""
    world.write(make_page(*(f"Cat number {n} sleeps {n % 7} hours." for n in range(100)), url="https://a.org/cats"))
    loaded: list[str] = []
    load = Moment.load_chunks

    def counted(moment: Moment, ids: Iterable[str]) -> dict[str, StoredChunk]:
        found = load(moment, ids)
        loaded.extend(found)
        return found

    monkeypatch.setattr(Moment, "load_chunks", counted)
    assert len(world.index.search("how long do cats sleep", limit=20)) == 20
    assert len(set(loaded)) == len(loaded)
    assert READ_CLOSELY <= len(loaded) <= READ_CLOSELY + READ_AHEAD


def test_it_is_all_the_same_which_index_is_faster(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """What one has found is looked up while the other searches; hits, their order and scores do not tell."""
    world.write(
        *HANDBOOK, make_page(*(f"Cat number {n} sleeps {n % 7} hours." for n in range(80)), url="https://c.org")
    )
    found = []
    for words_are_faster in (True, False):
        monkeypatch.setattr(Asked, "is_done", lambda _, faster=words_are_faster: faster)
        for also in ((), ("When do cats rest?",)):
            found.append(world.index.search("how long do cats sleep", limit=70, also=also))
    assert found[:2] == found[2:]
    assert found[0] != found[1]


def test_what_is_looked_up_is_of_one_moment(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """A page that is replaced while Chroma works is found as it was, not in two versions."""
    world.write(*HANDBOOK)
    found = world.vectors.search
    before = list(world.vectors.vectors)

    def late(vector: Sequence[float], k: int, filter: Filter | None = None) -> list[tuple[str, float]]:
        hits = found(vector, k, filter)
        if not replaced.is_set():
            replaced.set()
            world.write(make_page("Cats sleep all night now.", url="https://a.org/cats", title="Cats"))
            hits += found(vector, k, filter)
        return hits

    replaced = threading.Event()
    monkeypatch.setattr(world.vectors, "search", late)
    hits = world.index.search("cats", limit=10)
    assert {hit.chunk.id for hit in hits} == set(before)


def test_a_dead_index_is_an_error_not_a_worse_answer(world: World) -> None:
    """When Chroma does not answer, the caller is told."""
    world.write(*HANDBOOK)
    world.vectors.failure = IndexUnavailable("Chroma is down.")
    with pytest.raises(IndexUnavailable):
        world.index.search("cats", limit=1)


async def test_an_asynchronous_search_has_a_deadline(tmp_path: Path) -> None:
    """A search that hangs ends with the setting that bounds it; the same search in time gives the same hits."""
    world = World(tmp_path, timeout=0.05)
    world.write(*HANDBOOK)
    world.vectors.gate = threading.Event()
    with pytest.raises(IndexUnavailable, match="RAG_INDEX_TIMEOUT"):
        await world.index.asearch("cats", limit=1)
    world.vectors.gate.set()
    patient = World(tmp_path / "patient")
    patient.write(*HANDBOOK)
    assert await patient.index.asearch("cats", limit=2) == patient.index.search("cats", limit=2)
    assert len(await patient.index.adocuments("cats", top_k=2, context_tokens=500)) == 2


async def test_starting_the_server_is_no_part_of_a_searchs_deadline(tmp_path: Path) -> None:
    """The first search connects before its clock runs; when that fails it tells why, and the next one tries again."""
    tries: list[str] = []

    def connect() -> None:
        tries.append("once more")
        if len(tries) == 1:
            raise StorageError("The disk is full.")

    world = World(tmp_path, timeout=1e-9, connect=connect)
    world.write(*HANDBOOK)
    with pytest.raises(StorageError):
        await world.index.asearch("cats", limit=1)
    for _ in range(2):
        with pytest.raises(IndexUnavailable, match="RAG_INDEX_TIMEOUT"):
            await world.index.asearch("cats", limit=1)
    assert len(tries) == 2


@pytest.mark.parametrize(("question", "limit"), [("", 1), (" \n", 1), ("cats", 0)])
def test_a_search_for_nothing_is_refused(world: World, question: str, limit: int) -> None:
    """An empty question, or no results wanted, is the caller's mistake."""
    with pytest.raises(InvalidRequest):
        world.index.search(question, limit=limit)


class Backwards(BaseDocumentCompressor):
    """Puts the last first, and drops one."""

    def compress_documents(
        self, documents: Sequence[LangChainDocument], query: str, callbacks: Callbacks | None = None
    ) -> Sequence[LangChainDocument]:
        if query == "fail":
            raise RuntimeError("secret")
        return list(reversed(documents))[:-1]


def test_a_reranker_reorders_the_hits(tmp_path: Path) -> None:
    """A LangChain compressor decides the order; what it drops is not shown; scores still fall."""
    plain, reranked = World(tmp_path / "a"), World(tmp_path / "b", reranker=Reranker("test:backwards", Backwards()))
    for world in (plain, reranked):
        world.write(*HANDBOOK)
    expected = urls(plain.index.search("cats sleep", limit=10))[::-1][:-1]
    found = reranked.index.search("cats sleep", limit=10)
    assert urls(found) == expected
    assert [hit.score for hit in found] == sorted((hit.score for hit in found), reverse=True)
    with pytest.raises(ModelError, match="test:backwards") as caught:
        reranked.index.search("fail", limit=10)
    assert "secret" not in str(caught.value)


def test_a_reranker_is_loaded_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    """A compressor, or what makes one, is found as module:attribute; all else is refused by the setting's name."""
    module = ModuleType("rerankers_of_mine")
    vars(module).update(ready=Backwards(), make=Backwards, wrong=object())
    monkeypatch.setitem(sys.modules, "rerankers_of_mine", module)
    for name in ("rerankers_of_mine:ready", "rerankers_of_mine:make"):
        assert isinstance(Reranker.load(name), Reranker)
    for name in ("rerankers_of_mine:wrong", "rerankers_of_mine:none", "no_such_module:x", "nonsense", ""):
        with pytest.raises(ConfigurationError, match="RAG_RERANKER"):
            Reranker.load(name)
