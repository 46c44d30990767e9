"""An ingestion into the real index: what is written is found, and a second writer is told."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from ingest.opening import open_ingestion, user_agent
from ingest.spec import IngestSpec
from rag.errors import Conflict
from rag.index.search import Index
from rag.models.embeddings import EmbeddingModel
from rag.settings import Settings
from tests.fakes import FakeEmbeddings
from tests.ingest.site import Site, page, prose


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(data_dir=tmp_path / "data", allow_hosts=("127.0.0.1",), contact="mailto:a@example.org")


@pytest.fixture
def embeddings() -> EmbeddingModel:
    return EmbeddingModel("fake", FakeEmbeddings(), 64, max_tokens=240)


@pytest.fixture
def index(settings: Settings, embeddings: EmbeddingModel) -> Iterator[Index]:
    index = Index.open(settings, embeddings)
    yield index
    index.close()


async def test_ingested_pages_are_found_and_changed_and_removed(
    site: Site, settings: Settings, index: Index, embeddings: EmbeddingModel
) -> None:
    async def ingest(*sources: str, **options: bool) -> dict[str, int]:
        spec = IngestSpec(sources, max_prune=100, **options)
        async with open_ingestion(spec, settings, index=index, embeddings=embeddings) as ingestion:
            return dict((await ingestion.run()).data()["pages"])

    site.pages["/apples"] = page("Apples", prose("apple"))
    site.pages["/pears"] = page("Pears", prose("pear"))
    urls = [site.url("/apples"), site.url("/pears")]
    assert (await ingest(*urls))["indexed"] == 2
    assert index.search("apple number", limit=1)[0].chunk.url == urls[0]
    assert (await ingest(*urls))["unchanged"] == 2
    site.pages["/apples"] = page("Apples", prose("quince"))
    assert (await ingest(*urls))["indexed"] == 1
    assert index.search("quince number", limit=1)[0].chunk.url == urls[0]
    del site.pages["/pears"]
    assert (await ingest(refresh=True, prune=True))["gone"] == 1
    assert (await ingest(refresh=True, prune=True))["pruned"] == 1
    assert [row.url for row in index.catalog.pages()] == [urls[0]]
    assert "mailto:a@example.org" in site.requests[0].headers["User-Agent"]


async def test_a_second_writer_is_told_who_is_at_work(
    settings: Settings, index: Index, embeddings: EmbeddingModel
) -> None:
    spec = IngestSpec(("http://127.0.0.1:1/",))
    async with open_ingestion(spec, settings, index=index, embeddings=embeddings):
        with pytest.raises(Conflict, match=r"process \d+ .* since 2"):
            async with open_ingestion(spec, settings, index=index, embeddings=embeddings):
                raise AssertionError("two writers at once")


def test_the_user_agent_is_honest(settings: Settings) -> None:
    assert user_agent(settings) == "Footnote/0.1 (+mailto:a@example.org)"
    assert user_agent(Settings(user_agent="Mine/2")) == "Mine/2"
