"""Pages that an older chunker had cut are refused by an ingestion, and cut anew by `footnote rebuild`."""

from __future__ import annotations

from pathlib import Path

import pytest

from ingest.chunk import CHUNKER_VERSION, chunk_page
from ingest.opening import open_ingestion
from ingest.spec import IngestSpec
from rag.errors import IndexMismatch
from rag.index.check import verify
from rag.index.rebuild import installed_chunker
from rag.index.search import Index
from rag.models.embeddings import EmbeddingModel
from rag.settings import Settings
from rag.terminal.upkeep import show_rebuild
from tests.fakes import FakeEmbeddings, make_chunks, make_page

FAKE = EmbeddingModel("fake", FakeEmbeddings(), 64, max_tokens=240)
PAGE = make_page(*(f"Paragraph {number} is about apples and pears." for number in range(9)), url="https://a.example/")


def open_index(settings: Settings) -> Index:
    return Index.open(settings, FAKE)


def test_the_chunker_is_found_without_importing_it() -> None:
    """The entry point names this package's chunker and its version."""
    chunker = installed_chunker(FAKE)
    assert chunker is not None
    assert chunker.version == CHUNKER_VERSION
    assert list(chunker.chunk(PAGE)) == chunk_page(PAGE, count_tokens=FAKE.count_tokens, max_tokens=240)


async def test_a_rebuild_cures_a_catalog_of_an_older_chunker(
    settings: Settings, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Ingestion says what to do; after the rebuild the chunks are today's, and ingestion goes on."""
    (tmp_path / "page.md").write_text("# Plums\n\nPlums are not in season yet.\n")
    spec = IngestSpec((str(tmp_path / "page.md"),))
    index = open_index(settings)
    with index.writer("testing", chunker_version=0) as writer:
        writer.write([(PAGE, make_chunks(PAGE))])
    with pytest.raises(IndexMismatch, match="footnote rebuild"):
        async with open_ingestion(spec, settings, index=index, embeddings=FAKE):
            pass
    index.close()

    show_rebuild(settings, embeddings=FAKE)

    assert "1 pages cut anew" in capsys.readouterr().out
    index = open_index(settings)
    today = chunk_page(PAGE, count_tokens=FAKE.count_tokens, max_tokens=240)
    assert index.catalog.page_chunks(PAGE.url) == today
    async with open_ingestion(spec, settings, index=index, embeddings=FAKE) as ingestion:
        assert (await ingestion.run()).indexed == 1
    index.close()
    assert verify(settings).ok


def test_removing_needs_no_chunker(settings: Settings) -> None:
    """A page that an older chunker had cut can be removed as it is."""
    index = open_index(settings)
    with index.writer("testing", chunker_version=0) as writer:
        writer.write([(PAGE, make_chunks(PAGE))])
    with index.writer("removing a source") as writer:
        assert [change.url for change in writer.remove([PAGE.url])] == [PAGE.url]
    index.close()
