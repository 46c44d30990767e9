"""A server that starts makes good what a killed writer left, and never fails for it."""

from __future__ import annotations

import shutil
from collections.abc import Callable

import pytest

from rag.errors import IndexUnavailable
from rag.index.check import verify_parts
from rag.index.locks import WriterLock
from rag.index.parts import IndexParts, words_folder
from rag.index.recovery import recover_left_over
from rag.index.writer import IndexWriter
from rag.models.embeddings import EmbeddingModel
from rag.settings import Settings
from tests.fakes import make_chunks, make_page

PAGE = make_page("one", "two")


@pytest.fixture
def unsettled(
    writer: IndexWriter, parts: IndexParts, monkeypatch: pytest.MonkeyPatch, open_parts: Callable[[], IndexParts]
) -> IndexParts:
    """A data folder whose writer died between catalog and indexes; the writer lock is free."""

    def die(ids: object) -> None:
        raise IndexUnavailable("killed here")

    writer.write([(PAGE, make_chunks(PAGE))])
    monkeypatch.setattr(parts.vectors, "delete", die)
    with pytest.raises(IndexUnavailable):
        writer.write([(make_page("one"), make_chunks(make_page("one")))])
    writer.close()
    return open_parts()


def test_what_was_left_is_made_good(unsettled: IndexParts, settings: Settings) -> None:
    """Afterwards the catalog and both indexes agree, and there is nothing more to do."""
    assert len(unsettled.catalog.pending()) == 1
    assert recover_left_over(settings) == 1
    assert unsettled.catalog.pending() == []
    assert verify_parts(unsettled).ok
    assert recover_left_over(settings) == 0


def test_a_writer_at_work_is_not_disturbed(unsettled: IndexParts, settings: Settings) -> None:
    """It has made good what was left, when it began."""
    with WriterLock(settings.data_dir, "ingesting"):
        assert recover_left_over(settings) == 0
    assert len(unsettled.catalog.pending()) == 1


def test_an_index_that_cannot_be_opened_is_only_logged(
    unsettled: IndexParts, settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    """The server says so, and goes on starting."""
    shutil.rmtree(words_folder(settings.data_dir))
    words_folder(settings.data_dir).write_text("in the way")
    assert recover_left_over(settings) == 0
    assert "could not be made good" in caplog.text


def test_an_empty_data_folder_stays_empty(settings: Settings, model: EmbeddingModel) -> None:
    """Starting a server makes no catalog."""
    assert recover_left_over(settings) == 0
    assert not settings.data_dir.exists()
