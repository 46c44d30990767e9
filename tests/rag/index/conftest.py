"""One real Chroma server for all tests of this folder; every test has its own catalog, collection and words."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from rag.index.catalog import Catalog
from rag.index.chroma_collection import ChromaCollection
from rag.index.chroma_server import ChromaServer
from rag.index.endpoint import own_endpoint
from rag.index.locks import WriterLock
from rag.index.parts import IndexParts
from rag.index.vectors import VectorIndex
from rag.index.words import WordIndex
from rag.index.writer import IndexWriter
from rag.models.embeddings import EmbeddingModel
from rag.settings import Settings
from tests.fakes import FakeEmbeddings

_NUMBERS = itertools.count()


@pytest.fixture(scope="session")
def chroma(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ChromaServer]:
    """A local Chroma server, started as Footnote starts it."""
    server = ChromaServer(tmp_path_factory.mktemp("chroma"))
    server.port()
    yield server
    server.close()


@pytest.fixture
def settings(tmp_path: Path, chroma: ChromaServer) -> Settings:
    """Settings of a data folder of its own, whose Chroma is the shared one."""
    return Settings(
        data_dir=tmp_path / "data",
        chroma_url=f"http://127.0.0.1:{chroma.port()}",
        collection=f"test-{next(_NUMBERS)}",
        _env_file=None,  # type: ignore[call-arg]
    )


@pytest.fixture
def open_parts(settings: Settings) -> Iterator[Callable[[], IndexParts]]:
    """Opens the data folder, as another process would, as often as it is called."""
    opened: list[IndexParts] = []

    def open_them() -> IndexParts:
        opened.append(IndexParts.open(settings))
        return opened[-1]

    yield open_them
    for parts in opened:
        parts.close()


@pytest.fixture
def parts(open_parts: Callable[[], IndexParts]) -> IndexParts:
    return open_parts()


@pytest.fixture
def catalog(tmp_path: Path) -> Iterator[Catalog]:
    catalog = Catalog(tmp_path / "catalog.db")
    yield catalog
    catalog.close()


@pytest.fixture
def embeddings() -> FakeEmbeddings:
    return FakeEmbeddings()


@pytest.fixture
def model(embeddings: FakeEmbeddings) -> EmbeddingModel:
    return EmbeddingModel("fake", embeddings, embeddings.dimension)


@pytest.fixture
def writer(parts: IndexParts, model: EmbeddingModel, settings: Settings) -> Iterator[IndexWriter]:
    with IndexWriter(
        parts.catalog, parts.vectors, parts.words, model, lock=WriterLock(settings.data_dir, "testing")
    ) as writer:
        yield writer


@pytest.fixture
def vectors(chroma: ChromaServer, catalog: Catalog) -> Iterator[VectorIndex]:
    index = VectorIndex(ChromaCollection(own_endpoint(chroma), catalog, name=f"test-{next(_NUMBERS)}"), catalog)
    yield index
    index.close()


@pytest.fixture
def words(tmp_path: Path) -> Iterator[WordIndex]:
    index = WordIndex(tmp_path / "words")
    yield index
    index.close()
