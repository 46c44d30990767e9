"""Chroma under Footnote: deadlines, restarts, foreign collections, rebuilds beside readers, addresses."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from rag.errors import ConfigurationError, IndexMismatch, IndexUnavailable
from rag.index.catalog import Catalog
from rag.index.changes import CatalogChanges
from rag.index.chroma_client import ChromaClient
from rag.index.chroma_collection import ChromaCollection
from rag.index.chroma_server import ChromaServer
from rag.index.embedding import packed
from rag.index.endpoint import Endpoint, own_endpoint, remote_endpoint
from rag.index.nearest import nearest
from rag.index.rows import Identity
from rag.index.vectors import VectorIndex
from rag.settings import Settings
from tests.fakes import FakeEmbeddings, make_chunk, make_chunks, make_page

EMBEDDINGS = FakeEmbeddings()


def add(index: VectorIndex, *texts: str) -> list[str]:
    chunks = [make_chunk(text, ordinal=n, title="") for n, text in enumerate(texts)]
    index.add(chunks, [EMBEDDINGS.embed_query(chunk.embedded_text) for chunk in chunks])
    return [chunk.id for chunk in chunks]


@pytest.fixture
def server(tmp_path: Path) -> Iterator[ChromaServer]:
    """A server of this test's own, to be killed."""
    server = ChromaServer(tmp_path)
    yield server
    server.stop()
    server.close()


def test_similarity_is_the_cosine_clipped_to_zero(vectors: VectorIndex) -> None:
    """The same direction gives 1 whatever the length, the opposite one 0."""
    vectors.add([make_chunk("a"), make_chunk("b"), make_chunk("c")], [[2.0, 0.0], [0.0, 3.0], [-1.0, 0.0]])

    assert [round(score, 5) for _, score in vectors.search([5.0, 0.0], 3)] == [1.0, 0.0, 0.0]


def test_more_than_one_batch_goes_in_and_comes_out(vectors: VectorIndex) -> None:
    """Batches and pages of ids meet without gaps."""
    ids = add(vectors, *(f"text{n}" for n in range(450)))

    assert vectors.count() == 450
    assert sorted(vectors.ids()) == sorted(ids)
    vectors.delete(ids[:401])
    assert sorted(vectors.ids()) == sorted(ids[401:])


def test_vectors_of_another_dimension_are_refused_with_the_cure(vectors: VectorIndex) -> None:
    """For adding and for searching."""
    add(vectors, "text")
    with pytest.raises(IndexMismatch, match="footnote rebuild"):
        vectors.add([make_chunk("b")], [[1.0, 2.0]])
    with pytest.raises(IndexMismatch, match="footnote rebuild"):
        vectors.search([1.0, 2.0], 3)


def test_a_killed_server_costs_one_retry(server: ChromaServer, catalog: Catalog) -> None:
    """After kill -9 the next search starts another server, on another port, and finds what was acknowledged."""
    index = VectorIndex(ChromaCollection(own_endpoint(server), catalog), catalog)
    ids = add(index, "bread is baked", "the moon")
    before = server.live()
    assert before is not None
    os.kill(before.pid, signal.SIGKILL)

    assert index.search(EMBEDDINGS.embed_query("bread"), 1)[0][0] == ids[0]

    after = server.live()
    assert after is not None
    assert after.pid != before.pid
    os.kill(after.pid, signal.SIGKILL)
    assert add(index, "more")
    assert index.count() == 3
    index.close()


def test_every_new_server_is_woken_once(
    server: ChromaServer, catalog: Catalog, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It reads the graph before a search waits for it, which may take longer than a search is allowed to."""
    woken: list[int] = []
    monkeypatch.setattr(ChromaClient, "wake", lambda client, collection, dimension: woken.append(dimension))
    CatalogChanges(catalog).claim(Identity("fake", 64, 1))
    index = VectorIndex(ChromaCollection(own_endpoint(server), catalog), catalog)
    add(index, "bread")
    for count in (1, 2):
        assert index.search(EMBEDDINGS.embed_query("bread"), 1)
        assert index.count() == 1
        assert woken == [64] * count
        server.stop()
    index.close()


def test_a_stalled_server_ends_in_an_error_and_not_in_waiting(server: ChromaServer, catalog: Catalog) -> None:
    """Every call has a deadline, and the next call works when the server does."""
    index = VectorIndex(ChromaCollection(own_endpoint(server), catalog, timeout=0.3, write_timeout=0.4), catalog)
    add(index, "bread")
    live = server.live()
    assert live is not None
    os.kill(live.pid, signal.SIGSTOP)
    try:
        for call in (index.count, index.ids, lambda: add(index, "x"), lambda: index.search([1.0] * 64, 1)):
            with pytest.raises(IndexUnavailable, match=r"did not answer in time \(RAG_INDEX_TIMEOUT is 0.3 s\)"):
                call()
    finally:
        os.kill(live.pid, signal.SIGCONT)
    slow = VectorIndex(ChromaCollection(own_endpoint(server), catalog), catalog)
    assert slow.count() >= 1
    index.close()
    slow.close()


def test_a_search_does_not_wait_for_who_writes_chromas_database(server: ChromaServer, catalog: Catalog) -> None:
    index = VectorIndex(ChromaCollection(own_endpoint(server), catalog, timeout=2.0), catalog)
    (chunk_id,) = add(index, "planet")
    found = index.search(EMBEDDINGS.embed_query("planet"), 1)
    with contextlib.closing(sqlite3.connect(server.data_dir / "chroma" / "chroma.sqlite3")) as database:
        database.execute("BEGIN EXCLUSIVE")
        assert index.search(EMBEDDINGS.embed_query("planet"), 1) == found
    assert found[0][0] == chunk_id
    index.close()


def test_a_server_that_only_listens_ends_in_an_error(catalog: Catalog) -> None:
    """A port that accepts and says nothing is no Chroma."""
    with socket.create_server(("127.0.0.1", 0)) as mute:
        endpoint = Endpoint(f"http://user:secret@127.0.0.1:{mute.getsockname()[1]}", {})
        index = VectorIndex(ChromaCollection(lambda again: endpoint, catalog, timeout=0.2), catalog)
        with pytest.raises(IndexUnavailable, match="did not answer") as caught:
            index.count()
        assert "secret" not in str(caught.value)
        index.close()


def test_nobody_listening_ends_in_an_error_with_the_cure(catalog: Catalog, tmp_path: Path) -> None:
    """A shared server that is down is named by its setting."""
    with socket.create_server(("127.0.0.1", 0)) as gone:
        url = f"http://127.0.0.1:{gone.getsockname()[1]}"
    index = VectorIndex.open(Settings(data_dir=tmp_path, chroma_url=url), catalog)
    with pytest.raises(IndexUnavailable, match="RAG_CHROMA_URL"):
        index.count()
    index.close()


def test_the_collection_of_another_data_folder_is_refused(
    vectors: VectorIndex, chroma: ChromaServer, tmp_path: Path
) -> None:
    """On a shared server two data folders cannot write into one collection by mistake."""
    add(vectors, "text")
    other = Catalog(tmp_path / "other.db")
    index = VectorIndex(ChromaCollection(own_endpoint(chroma), other, name=vectors._chroma.name), other)

    with pytest.raises(IndexMismatch, match=r"another data folder.*RAG_COLLECTION"):
        add(index, "text")

    index.close()
    other.close()


def test_a_collection_that_is_lost_is_told_and_not_taken_for_empty(vectors: VectorIndex, catalog: Catalog) -> None:
    """The catalog has chunks, Chroma has nothing: the cure is a rebuild, not silence."""
    page = make_page("text")
    CatalogChanges(catalog).switch([(page, make_chunks(page))], [])

    with pytest.raises(IndexUnavailable, match=r"is not there.*footnote rebuild"):
        vectors.search([1.0], 1)


def test_a_reader_goes_on_through_a_rebuild(
    vectors: VectorIndex, catalog: Catalog, another: Callable[[], VectorIndex]
) -> None:
    """The old collection answers until the catalog names the new one, and the new one from then on."""
    add(vectors, "old")
    reader = another()
    query = EMBEDDINGS.embed_query("new")
    assert reader.count() == 1

    fresh = vectors.replacement("next-generation", Identity("fake", 64, 1))
    (new_id, _) = add(fresh, "new", "newer")
    assert reader.count() == 1
    CatalogChanges(catalog).new_generation("next-generation", Identity("fake", 64, 1))
    assert reader.count() in (1, 2)
    vectors.tidy()

    assert reader.search(query, 1)[0][0] == new_id
    assert reader.count() == vectors.count() == another().count() == 2
    fresh.close()


def test_a_rebuild_that_was_killed_leaves_the_old_in_force(
    vectors: VectorIndex, another: Callable[[], VectorIndex]
) -> None:
    """Its remains are cleared away, and the next one starts anew."""
    (old,) = add(vectors, "old")
    fresh = vectors.replacement("abandoned", Identity("fake", 64, 1))
    add(fresh, "new")
    fresh.close()

    after = another()
    after.tidy()

    assert after.ids() == [old]


def test_a_rebuild_that_was_killed_after_the_handover_is_finished(
    vectors: VectorIndex, catalog: Catalog, another: Callable[[], VectorIndex]
) -> None:
    """Readers find the new collection under its second name until it is renamed."""
    add(vectors, "old")
    fresh = vectors.replacement("next", Identity("fake", 64, 1))
    (new,) = add(fresh, "new")
    fresh.close()
    CatalogChanges(catalog).new_generation("next", Identity("fake", 64, 1))

    reader = another()
    assert reader.ids() == [new]
    another().tidy()
    assert reader.ids() == another().ids() == [new]


@pytest.fixture
def another(vectors: VectorIndex, chroma: ChromaServer, catalog: Catalog) -> Iterator[Callable[[], VectorIndex]]:
    """Opens the collection again, as another process would."""
    made: list[VectorIndex] = []

    def make() -> VectorIndex:
        made.append(VectorIndex(ChromaCollection(own_endpoint(chroma), catalog, name=vectors._chroma.name), catalog))
        return made[-1]

    yield make
    for index in made:
        index.close()


@pytest.mark.parametrize("url", ["chroma:8000", "ftp://x", "http://", "file:///x", "x y"])
def test_an_address_that_is_none_is_refused(url: str) -> None:
    """With an example of one."""
    with pytest.raises(ConfigurationError, match=r"RAG_CHROMA_URL.*http://HOST:PORT"):
        remote_endpoint(Settings(chroma_url=url))


def test_an_address_may_carry_path_tenant_and_database() -> None:
    """And the token goes into the headers that servers and Chroma Cloud read."""
    settings = Settings(chroma_url="https://c.example.org:9/base/?tenant=t&database=d", chroma_token="k")
    endpoint = remote_endpoint(settings)(False)

    assert (endpoint.url, endpoint.tenant, endpoint.database) == ("https://c.example.org:9/base", "t", "d")
    assert endpoint.headers == {"Authorization": "Bearer k", "X-Chroma-Token": "k"}
    assert not endpoint.is_cloud
    assert Endpoint("https://api.trychroma.com", {}).is_cloud


def test_exact_neighbours_come_in_order_over_several_groups() -> None:
    """Of groups of any size, the best of all, ties by id; other dimensions are refused."""
    groups = [
        [("a", packed([1.0, 0.0])), ("b", packed([1.0, 1.0]))],
        [("c", packed([0.0, 2.0])), ("d", packed([3.0, 0.0]))],
    ]

    assert [chunk_id for chunk_id, _ in nearest(groups, [1.0, 0.0], 3)] == ["a", "d", "b"]
    assert nearest([], [1.0], 3) == []
    with pytest.raises(IndexMismatch, match="footnote rebuild"):
        nearest(groups, [1.0, 0.0, 0.0], 3)


def test_a_closed_index_connects_no_more(vectors: VectorIndex) -> None:
    """A search that outlives its index by a moment would leave a connection behind."""
    vectors.close()
    with pytest.raises(IndexUnavailable, match="closed"):
        vectors.search([1.0, 0.0], 1)
