"""When a question was last asked, as another process sees it."""

from __future__ import annotations

from pathlib import Path

from rag.index.asked import LastAsked
from rag.index.search import Index
from rag.models.embeddings import EmbeddingModel
from rag.settings import Settings


def test_a_question_is_seen_by_others(tmp_path: Path) -> None:
    """One object notes it, another tells how long ago that was."""
    now = [1_000.0]
    asking, giving_way = (LastAsked(tmp_path, lambda: now[0]) for _ in range(2))
    assert giving_way.seconds_ago() == float("inf")
    asking.note()
    now[0] += 3
    assert giving_way.seconds_ago() == 3.0


def test_a_folder_that_cannot_be_written_does_not_keep_from_asking(tmp_path: Path) -> None:
    """The note is a courtesy, and a search does not fail for it."""
    LastAsked(tmp_path / "none").note()
    assert LastAsked(tmp_path / "none").seconds_ago() == float("inf")


def test_every_search_is_noted(settings: Settings, model: EmbeddingModel) -> None:
    """An ingestion in another process learns of it."""
    index = Index.open(settings, model)
    try:
        index.search("what?", limit=1)
    finally:
        index.close()
    assert LastAsked(settings.data_dir).seconds_ago() < 60
