"""Verify finds every planted fault, names it, and says how to cure it; rebuild cures what can be cured."""

from __future__ import annotations

import os
import shutil
import signal
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from rag.errors import Conflict, IndexMismatch
from rag.index.check import verify, verify_parts
from rag.index.locks import WriterLock
from rag.index.parts import IndexParts, catalog_path, words_folder
from rag.index.rebuild import Chunker, rebuild
from rag.index.writer import IndexWriter
from rag.models.embeddings import EmbeddingModel
from rag.settings import Settings
from tests.fakes import FakeEmbeddings, make_chunk, make_chunks, make_page

PAGES = [
    make_page(*(f"paragraph {m} of page {n}" for m in range(4)), url=f"https://example.org/{n}", title=f"Page {n}")
    for n in range(5)
]


@pytest.fixture
def filled(writer: IndexWriter, parts: IndexParts) -> IndexParts:
    """Five pages of four chunks, and no writer at work."""
    writer.write([(page, make_chunks(page)) for page in PAGES])
    writer.close()
    return parts


def sql(settings: Settings, statement: str) -> None:
    """Damages the catalog behind our back."""
    connection = sqlite3.connect(catalog_path(settings.data_dir))
    with connection:
        assert connection.execute(statement).rowcount > 0
    connection.close()


def only(problems: tuple[str, ...], *parts: str) -> bool:
    return len(problems) == 1 and all(part in problems[0] for part in parts)


def test_a_sound_index_has_no_problems_and_is_counted(filled: IndexParts, settings: Settings) -> None:
    """The counts of all three are told."""
    report = verify(settings)

    assert report.ok
    assert report.counts == {
        "pages": 5, "chunks": 20, "vectors": 20, "vectors_indexed": 20, "words_indexed": 20,
        "unreachable": 0, "recovered": 0,
    }  # fmt: skip


def test_an_empty_data_folder_is_sound(settings: Settings) -> None:
    """Before the first page, there is nothing to disagree about."""
    assert verify(settings).problems == ()


def test_progress_is_told(filled: IndexParts) -> None:
    """Step by step, up to the last."""
    steps: list[tuple[str, int, int]] = []
    verify_parts(filled, lambda *step: steps.append(step))
    assert [name for name, _, _ in steps] == ["catalog", "ids", "vectors", "words"]
    assert steps[-1][1:] == (4, 4)


def test_a_chunk_missing_in_chroma_is_found_and_cured(
    filled: IndexParts, settings: Settings, model: EmbeddingModel, embeddings: FakeEmbeddings
) -> None:
    """The cure embeds nothing."""
    filled.vectors.delete(sorted(filled.catalog.chunk_ids())[:2])
    assert only(verify(settings).problems, "Missing in Chroma: 2 chunks", "footnote rebuild")

    before = embeddings.calls
    done = rebuild(settings, model)

    assert (done.pages, done.chunks, done.embedded, embeddings.calls) == (5, 20, 0, before)
    assert verify(settings).ok


def test_a_chunk_too_many_in_chroma_is_found_and_cured(
    filled: IndexParts, settings: Settings, model: EmbeddingModel
) -> None:
    """Ids that the catalog does not know."""
    filled.vectors.add([make_chunk("extra")], [[1.0] * 64])
    assert only(verify(settings).problems, "In Chroma and not in the catalog: 1 chunk (")
    rebuild(settings, model)
    assert verify(settings).ok


def test_chunks_missing_and_too_many_in_the_words_index_are_found_and_cured(
    filled: IndexParts, settings: Settings, model: EmbeddingModel
) -> None:
    """Both at once."""
    filled.words.delete(sorted(filled.catalog.chunk_ids())[:1])
    filled.words.add([make_chunk("extra")])
    filled.words.commit()
    problems = verify(settings).problems
    assert [problem.split(":")[0] for problem in problems] == [
        "Missing in the words index",
        "In the words index and not in the catalog",
    ]
    rebuild(settings, model)
    assert verify(settings).ok


def test_lost_and_uneven_vectors_are_found_and_embedded_again(
    filled: IndexParts, settings: Settings, model: EmbeddingModel, embeddings: FakeEmbeddings
) -> None:
    """Only those, from the stored texts."""
    sql(settings, "DELETE FROM vectors WHERE seq = 1")
    sql(settings, "UPDATE vectors SET vector = x'0000' WHERE seq IN (2, 3)")
    problems = verify(settings).problems
    assert "No vector in the catalog: 1 chunk" in problems[0]
    assert "not 64 dimensions: 2 chunks" in problems[1]
    embeddings.texts.clear()

    assert rebuild(settings, model).embedded == 3

    assert len(embeddings.texts) == 3
    assert verify(settings).ok


@pytest.mark.parametrize(
    "damage",
    [
        "UPDATE chunks SET text = 'other' WHERE seq = 1",
        "UPDATE chunks SET start = start + 1 WHERE seq = 1",
        "UPDATE pages SET content_hash = 'x' WHERE id = 1",
        "UPDATE pages SET chunks = 7 WHERE id = 1",
        "DELETE FROM chunks WHERE seq = 1",
    ],
)
def test_a_page_that_is_not_what_it_was_is_found(damage: str, filled: IndexParts, settings: Settings) -> None:
    """Texts, offsets, hashes and counts are compared; the page is named."""
    sql(settings, damage)
    found = [problem for problem in verify(settings).problems if problem.startswith("Not the same")]
    assert only(tuple(found), "1 page ('https://example.org/0')", "Ingest it again")


def test_a_damaged_catalog_is_found(filled: IndexParts, settings: Settings, tmp_path: Path) -> None:
    """SQLite's own check is asked, and the message says what to do."""
    filled.close()
    copied = settings.model_copy(update={"data_dir": tmp_path / "damaged"})
    copied.data_dir.mkdir()
    data = bytearray(catalog_path(settings.data_dir).read_bytes())
    data[4096 * 3 : 4096 * 5] = b"\xff" * 4096 * 2
    catalog_path(copied.data_dir).write_bytes(data)

    report = verify(copied)

    assert not report.ok
    assert all(problem.endswith(".") for problem in report.problems)


def test_what_a_killed_writer_left_is_made_good_first(filled: IndexParts, settings: Settings) -> None:
    """Pending chunks are no problem but work, and it is told that it was done."""
    (extra, known) = make_chunk("extra"), sorted(filled.catalog.chunk_ids())[0]
    filled.vectors.add([extra], [[1.0] * 64])
    filled.vectors.delete([known])
    connection = sqlite3.connect(catalog_path(settings.data_dir))
    with connection:
        connection.executemany("INSERT INTO pending VALUES (?)", [(extra.id,), (known,)])
    connection.close()

    report = verify(settings)

    assert report.ok
    assert report.counts["recovered"] == 2


def test_what_a_writer_is_at_is_no_disagreement(filled: IndexParts, settings: Settings) -> None:
    """Pending chunks of a writer that is at work are left to it."""
    (known, *_) = sorted(filled.catalog.chunk_ids())
    with WriterLock(settings.data_dir):
        filled.vectors.delete([known])
        connection = sqlite3.connect(catalog_path(settings.data_dir))
        with connection:
            connection.execute("INSERT INTO pending VALUES (?)", (known,))
        connection.close()
        assert verify(settings).ok
    assert verify(settings).counts["recovered"] == 1


def test_a_dead_vector_graph_is_found(filled: IndexParts, monkeypatch: pytest.MonkeyPatch) -> None:
    """It counts right and finds nothing: the probe sees through it."""
    monkeypatch.setattr(filled.vectors, "search", lambda vector, k, filter=None: [])
    assert only(verify_parts(filled).problems, "Chroma is dead or damaged", "20 chunks", "footnote rebuild")


def test_a_dead_words_index_is_found(filled: IndexParts, monkeypatch: pytest.MonkeyPatch) -> None:
    """Likewise."""
    monkeypatch.setattr(filled.words, "scores", lambda query, ids: {})
    assert only(verify_parts(filled).problems, "The words index is damaged", "20 chunks", "footnote rebuild")


def test_a_words_folder_that_cannot_be_opened_is_found_and_made_anew(
    filled: IndexParts, settings: Settings, model: EmbeddingModel
) -> None:
    """Of another version, or in pieces."""
    filled.close()
    (words_folder(settings.data_dir) / "layout").write_text("0")
    assert only(verify(settings).problems, "words index", "footnote rebuild")

    rebuild(settings, model)

    assert verify(settings).ok
    assert [path.name for path in settings.data_dir.glob("words*")] == ["words"]


def test_another_embedding_model_is_embedded_anew_from_the_stored_texts(
    filled: IndexParts, settings: Settings, open_parts: Callable[[], IndexParts]
) -> None:
    """Every text once; the old vectors go; the catalog then refuses the old model."""
    other = FakeEmbeddings(32)

    done = rebuild(settings, EmbeddingModel("other", other, 32))

    assert done.embedded == len(other.texts) == 20
    assert verify(settings).ok
    after = open_parts()
    assert after.catalog.counts().vectors == 20
    assert len(after.vectors.search(other.embed_query("paragraph"), 3)) == 3
    with pytest.raises(IndexMismatch):
        after.catalog.check_embeddings("fake")


def test_another_chunker_cuts_the_stored_pages_anew(
    filled: IndexParts, settings: Settings, model: EmbeddingModel, open_parts: Callable[[], IndexParts]
) -> None:
    """Nothing is fetched; afterwards its version is on record."""
    steps: list[str] = []
    chunker = Chunker(2, lambda page: make_chunks(page, 2))

    done = rebuild(settings, model, lambda step, *_: steps.append(step), chunker=chunker)

    assert (done.rechunked, done.chunks, done.embedded) == (5, 10, 10)
    assert list(dict.fromkeys(steps)) == ["words", "vectors", "chunking"]
    assert verify(settings).ok
    identity = open_parts().catalog.identity()
    assert identity is not None
    assert identity.chunker_version == 2
    assert rebuild(settings, model, chunker=chunker).rechunked == 0


def test_a_rebuild_waits_for_no_writer(filled: IndexParts, settings: Settings, model: EmbeddingModel) -> None:
    """It says who is writing."""
    with WriterLock(settings.data_dir, "ingesting"), pytest.raises(Conflict, match="ingesting"):
        rebuild(settings, model)


def test_a_rebuild_of_nothing_makes_nothing(settings: Settings, model: EmbeddingModel) -> None:
    """An empty data folder stays empty and sound, and open to any model."""
    assert rebuild(settings, model).chunks == 0
    assert verify(settings).ok


def test_a_store_beyond_repair_is_replaced(tmp_path: Path, model: EmbeddingModel) -> None:
    """Our own Chroma does not start any more: rebuild puts its store aside and fills another from the catalog."""
    settings = Settings(data_dir=tmp_path / "own")
    parts = IndexParts.open(settings)
    with IndexWriter(parts.catalog, parts.vectors, parts.words, model, lock=WriterLock(settings.data_dir)) as writer:
        writer.write([(page, make_chunks(page)) for page in PAGES])
    assert parts.vectors.server is not None
    parts.vectors.server.stop()
    parts.close()
    shutil.rmtree(settings.data_dir / "chroma")
    (settings.data_dir / "chroma").mkdir()
    (settings.data_dir / "chroma" / "chroma.sqlite3").write_text("no database" * 1_000)
    assert any("Chroma does not start" in problem for problem in verify(settings).problems)

    rebuild(settings, model)

    assert verify(settings).ok


@pytest.mark.parametrize("crashes", [1, 99])
def test_a_chroma_that_crashes_at_a_query_is_a_finding_and_no_crash(
    crashes: int, tmp_path: Path, model: EmbeddingModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It dies by a segmentation fault as it is asked: once, it is started again; each time, verify says so and ends."""
    settings = Settings(data_dir=tmp_path / "own")
    parts = IndexParts.open(settings)
    with IndexWriter(parts.catalog, parts.vectors, parts.words, model, lock=WriterLock(settings.data_dir)) as writer:
        writer.write([(page, make_chunks(page)) for page in PAGES])
    server, left, armed = parts.vectors.server, [crashes], [False]
    assert server is not None
    resolved = parts.vectors._chroma._resolved

    def crash(*arguments: Any) -> Any:
        link, record = resolved(*arguments), server.live()
        if armed[0] and left[0] and record is not None:
            left[0] -= 1
            os.kill(record.pid, signal.SIGSEGV)
            while server.live() is not None:
                pass
        return link

    monkeypatch.setattr(parts.vectors._chroma, "_resolved", crash)

    def arm(step: str, done: int, total: int) -> None:
        armed[0] = step == "ids"

    report = verify_parts(parts, arm)

    parts.close()
    assert left[0] < crashes
    assert report.ok == (crashes == 1)
    assert all("Chroma" in problem for problem in report.problems)
