"""Pages are replaced whole, unchanged text is never embedded again, and a kill at any step can be made good."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import pytest

from rag.errors import Conflict, IndexMismatch, IndexUnavailable, InvalidRequest, ModelStreamBroken
from rag.index.check import verify_parts
from rag.index.locks import WriterLock
from rag.index.parts import IndexParts
from rag.index.pending import recover_if_idle
from rag.index.vectors import VectorIndex
from rag.index.words import WordIndex
from rag.index.writer import IndexWriter, PageChange
from rag.models.embeddings import EmbeddingModel
from rag.settings import Settings
from rag.vocabulary import Chunk, Page
from tests.fakes import FakeEmbeddings, make_chunks, make_page

URL = "https://example.org/page"


def chunked(*pages: Page) -> list[tuple[Page, list[Chunk]]]:
    return [(page, make_chunks(page)) for page in pages]


def texts(parts: IndexParts, url: str = URL) -> list[str]:
    return [chunk.text for chunk in parts.catalog.page_chunks(url)]


def test_a_new_page_is_embedded_and_can_be_found(
    writer: IndexWriter, parts: IndexParts, embeddings: FakeEmbeddings
) -> None:
    """What `write` returns is in the catalog and in both indexes."""
    (change,) = writer.write(chunked(make_page("bread is baked", "the moon is far")))

    assert change == PageChange(URL, added=2, kept=0, removed=0, embedded=2)
    found = parts.vectors.search(embeddings.embed_query("A page\nbread is baked"), 1) + parts.words.search("bread", 1)
    assert {chunk.chunk.text for chunk in parts.catalog.load_chunks([hit[0] for hit in found]).values()} == {
        "bread is baked"
    }
    assert verify_parts(parts).problems == ()


def test_an_unchanged_page_costs_no_embedding(writer: IndexWriter, embeddings: FakeEmbeddings) -> None:
    """Nor does one whose blocks only moved."""
    writer.write(chunked(make_page("one", "two")))
    before = len(embeddings.texts)

    (change,) = writer.write(chunked(make_page("one", "two")))
    assert change == PageChange(URL, added=0, kept=2, removed=0, embedded=0)
    assert len(embeddings.texts) == before


def test_one_changed_paragraph_embeds_one_chunk(
    writer: IndexWriter, parts: IndexParts, embeddings: FakeEmbeddings
) -> None:
    """The others are kept where they are, at their new offsets."""
    writer.write(chunked(make_page("one", "two", "three")))
    embeddings.texts.clear()

    (change,) = writer.write(chunked(make_page("one", "two and a half", "three")))

    assert change == PageChange(URL, added=1, kept=2, removed=1, embedded=1)
    assert embeddings.texts == ["A page\ntwo and a half"]
    assert texts(parts) == ["one", "two and a half", "three"]
    assert verify_parts(parts).problems == ()


def test_a_new_title_is_embedded_under_the_same_ids(writer: IndexWriter, parts: IndexParts) -> None:
    """The title is part of what is embedded and of what words find."""
    writer.write(chunked(make_page("one")))

    (change,) = writer.write(chunked(make_page("one", title="Mountains")))

    assert change == PageChange(URL, added=0, kept=1, removed=0, embedded=1)
    assert parts.words.search("mountains", 1)
    assert verify_parts(parts).problems == ()


def test_what_was_embedded_ahead_is_not_embedded_again(writer: IndexWriter, embeddings: FakeEmbeddings) -> None:
    """Nor when two batches that are embedded before either is written share a text; each text counts once."""
    first, second = chunked(make_page("one", "two")), chunked(make_page("two", "three", url=f"{URL}/2"))
    writer.embed(first)
    writer.embed(second)
    ahead = list(embeddings.texts)

    changes = [*writer.write(first), *writer.write(second)]

    assert embeddings.texts == ahead == ["A page\none", "A page\ntwo", "A page\nthree"]
    assert [change.embedded for change in changes] == [2, 1]
    writer.embed(first)
    assert embeddings.texts == ahead


def test_chroma_is_up_before_the_first_text_is_embedded(
    writer: IndexWriter, parts: IndexParts, embeddings: FakeEmbeddings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is brought up once, however often that is asked for, and a Chroma that is away does not keep texts back."""
    order: list[str] = []

    def connect() -> None:
        order.append(f"connected before {len(embeddings.texts)} texts")
        raise IndexUnavailable("Chroma is away.", "Try again later.")

    monkeypatch.setattr(parts.vectors, "connect", connect)
    writer.prepare()
    writer.prepare()
    writer.embed(chunked(make_page("one")))
    assert order == ["connected before 0 texts"]
    assert embeddings.texts == ["A page\none"]


def test_text_that_two_pages_share_is_embedded_once(writer: IndexWriter, embeddings: FakeEmbeddings) -> None:
    """Within a batch and over batches."""
    pages = chunked(make_page("same", url="https://a.org/1"), make_page("same", url="https://a.org/2"))

    assert [change.embedded for change in writer.write(pages)] == [1, 0]
    assert [change.embedded for change in writer.write(chunked(make_page("same", url="https://a.org/3")))] == [0]
    assert embeddings.texts == ["A page\nsame"]


def test_a_removed_page_is_gone_everywhere(writer: IndexWriter, parts: IndexParts) -> None:
    """Unknown URLs are left out; vectors that nothing uses go when the writer closes."""
    writer.write(chunked(make_page("one", "two"), make_page("two", url="https://a.org/2")))

    assert writer.remove([URL, "https://unknown.org/"]) == [PageChange(URL, 0, 0, 2, 0)]

    assert (parts.vectors.count(), parts.words.count()) == (1, 1)
    assert parts.catalog.counts() == (1, 1, 2)
    writer.close()
    assert parts.catalog.counts() == (1, 1, 1)


def test_many_pages_go_in_by_batches(writer: IndexWriter, parts: IndexParts, embeddings: FakeEmbeddings) -> None:
    """More chunks than a batch holds; the same URL twice in a row ends as the second says."""
    pages = [make_page(*(f"text {n} {m}" for m in range(9)), url=f"https://a.org/{n}") for n in range(60)]
    changes = writer.write(chunked(*pages, make_page("first"), make_page("second")))

    assert len(changes) == 62
    assert texts(parts) == ["second"]
    assert embeddings.calls < 6
    assert verify_parts(parts).problems == ()


def test_a_page_without_chunks_is_kept_as_a_page(writer: IndexWriter, parts: IndexParts) -> None:
    """Nothing to index is no error."""
    assert writer.write([(make_page("text"), [])]) == [PageChange(URL, 0, 0, 0, 0)]
    assert parts.catalog.page_text(URL) == "text"


def test_bad_chunks_are_refused_before_anything_is_written(writer: IndexWriter, parts: IndexParts) -> None:
    """One bad page keeps its whole call out."""
    page = make_page("one")
    with pytest.raises(InvalidRequest):
        writer.write([*chunked(make_page("x", url="https://a.org/")), (page, [replace(make_chunks(page)[0], end=1)])])
    assert parts.catalog.counts() == (0, 0, 0)


@pytest.mark.parametrize("bad", [[[0.0] * 64], [[float("nan")] * 64] * 2, [[1.0], [1.0, 2.0]], [[1.0] * 3] * 2])
def test_vectors_that_cannot_be_used_are_refused(
    bad: list[list[float]], writer: IndexWriter, embeddings: FakeEmbeddings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Too few, not finite, uneven, or of another dimension than before."""
    writer.write(chunked(make_page("first", url="https://a.org/")))
    monkeypatch.setattr(embeddings, "embed_documents", lambda texts: bad)
    with pytest.raises((ModelStreamBroken, IndexMismatch), match="fake"):
        writer.write(chunked(make_page("one", "two")))


def test_only_one_writer_at_a_time(
    writer: IndexWriter, parts: IndexParts, model: EmbeddingModel, settings: Settings
) -> None:
    """The second is told; and none disturbs the writer by making good what is only under way."""
    lock = WriterLock(settings.data_dir)
    with pytest.raises(Conflict, match="testing"):
        IndexWriter(parts.catalog, parts.vectors, parts.words, model, lock=lock)
    assert recover_if_idle(parts.catalog, parts.vectors, parts.words, lock) == 0


def test_another_model_or_chunker_is_refused_and_the_lock_is_free(
    writer: IndexWriter, parts: IndexParts, model: EmbeddingModel, settings: Settings
) -> None:
    """A writer that cannot start does not keep others out."""
    writer.write(chunked(make_page("one")))
    writer.close()
    other = EmbeddingModel("other", FakeEmbeddings(), 64)
    for wrong, version in ((other, 1), (model, 2)):
        with pytest.raises(IndexMismatch, match="footnote rebuild"):
            IndexWriter(
                parts.catalog, parts.vectors, parts.words, wrong,
                lock=WriterLock(settings.data_dir), chunker_version=version,
            )  # fmt: skip
    assert WriterLock(settings.data_dir).try_take()


def test_a_batch_that_fails_leaves_the_old_page_and_the_writer_goes_on(
    writer: IndexWriter, parts: IndexParts, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Chroma fails once: the page stays as it was, and the next write is whole."""
    writer.write(chunked(make_page("one", "two")))
    with monkeypatch.context() as broken:
        broken.setattr(parts.vectors, "add", _raise(IndexUnavailable("down")))
        with pytest.raises(IndexUnavailable):
            writer.write(chunked(make_page("one", "three")))
    assert texts(parts) == ["one", "two"]

    writer.write(chunked(make_page("four", url="https://a.org/4")))

    assert verify_parts(parts).problems == ()
    assert parts.catalog.pending() == []


def _raise(error: BaseException) -> Callable[..., Any]:
    def fail(*args: Any, **kwargs: Any) -> Any:
        raise error

    return fail


class Killed(BaseException):
    """What kill -9 does, as near as a test in one process can."""


class Mine:
    """Stands before a part and raises at its n-th call, before or after it was done."""

    def __init__(self, target: Any, countdown: list[int], after: bool) -> None:
        self._target, self._countdown, self._after = target, countdown, after

    def __getattr__(self, name: str) -> Any:
        value = getattr(self._target, name)
        if name not in {"add", "delete", "commit", "stage", "switch", "settle", "forget_pages"}:
            return value

        def call(*args: Any, **kwargs: Any) -> Any:
            self._countdown[0] -= 1
            if self._countdown[0] == 0 and not self._after:
                raise Killed
            result = value(*args, **kwargs)
            if self._countdown[0] == 0:
                raise Killed
            return result

        return call


def mined_writer(
    parts: IndexParts, model: EmbeddingModel, settings: Settings, steps: list[int], after: bool
) -> IndexWriter:
    writer = IndexWriter(parts.catalog, parts.vectors, parts.words, model, lock=WriterLock(settings.data_dir))
    countdown = steps
    for name in ("_vectors", "_words", "_changes"):
        setattr(writer, name, Mine(getattr(writer, name), countdown, after))
    return writer


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("step", range(1, 12))
def test_a_writer_that_dies_at_any_step_leaves_old_or_new_and_can_be_made_good(
    step: int, after: bool, open_parts: Callable[[], IndexParts], model: EmbeddingModel, settings: Settings
) -> None:
    """Readers see one whole page at once; after the next start all three agree, and the same write ends the same."""
    first = open_parts()
    old = chunked(make_page("one", "two", "three", title="Old"), make_page("else", url="https://a.org/"))
    new = chunked(make_page("one", "two and a half", title="Old"), make_page("else", url="https://a.org/", title="New"))
    with IndexWriter(first.catalog, first.vectors, first.words, model, lock=WriterLock(settings.data_dir)) as writer:
        writer.write(old)
    dying = mined_writer(first, model, settings, [step], after)
    try:
        dying.write(new)
        dying.remove(["https://a.org/"])
    except Killed:
        assert texts(first) in (["one", "two", "three"], ["one", "two and a half"])
    dying._lock.drop()
    first.words.close()

    second = open_parts()
    recover_if_idle(second.catalog, second.vectors, second.words, WriterLock(settings.data_dir))

    assert second.catalog.pending() == []
    assert verify_parts(second).problems == ()
    assert texts(second) in (["one", "two", "three"], ["one", "two and a half"])
    with IndexWriter(second.catalog, second.vectors, second.words, model, lock=WriterLock(settings.data_dir)) as writer:
        assert sum(change.embedded for change in writer.write(new)) <= 2
    assert texts(second) == ["one", "two and a half"]
    assert verify_parts(second).problems == ()


def test_making_good_writes_only_what_is_wrong(
    writer: IndexWriter, parts: IndexParts, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A chunk that Chroma has, with its vector, is not put there again; a wrong or missing one is."""
    page = make_page("one", "two", "three")
    writer.write(chunked(page))
    good, missing, wrong = make_chunks(page)
    parts.vectors.delete([missing.id])
    parts.vectors.add([wrong], [[1.0] + [0.0] * 63])
    writer._changes.stage([good.id, missing.id, wrong.id], {}, "fake")
    added: list[str] = []
    add = parts.vectors.add
    monkeypatch.setattr(
        parts.vectors, "add", lambda chunks, vectors: (added.extend(one.id for one in chunks), add(chunks, vectors))
    )

    assert writer.recover() == 3

    assert sorted(added) == sorted([missing.id, wrong.id])
    assert verify_parts(parts).problems == ()


def test_after_a_kill_scores_are_those_of_an_index_that_was_never_killed(
    writer: IndexWriter, parts: IndexParts, tmp_path: Path
) -> None:
    """Deleted chunks count in tantivy's statistics until they are merged away, and then the lengths are guessed."""
    pages = [make_page("bread " * (number + 1), "moon", url=f"https://a.org/{number}") for number in range(8)]
    for page in pages[:7]:
        writer.write(chunked(page))
    killed = make_chunks(pages[7])
    writer._changes.stage([chunk.id for chunk in killed], {}, "fake")
    parts.words.add(killed)
    parts.words.commit()  # which merges the eight commits into one segment

    assert writer.recover() == 2

    undisturbed = WordIndex(tmp_path / "undisturbed")
    undisturbed.add([chunk for page in pages[:7] for chunk in make_chunks(page)])
    undisturbed.commit()
    assert parts.words.search("bread", 20) == undisturbed.search("bread", 20)
    assert verify_parts(parts).problems == ()
    writer.write(chunked(pages[7]))
    undisturbed.add(killed)
    undisturbed.commit()
    assert parts.words.search("bread moon", 20) == undisturbed.search("bread moon", 20)


def test_a_large_words_index_is_not_filled_anew(
    writer: IndexWriter, parts: IndexParts, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("rag.index.pending._FILLED_ANEW", 2)
    monkeypatch.setattr(parts.words, "clear", lambda: pytest.fail("filled anew"))
    page = make_page("one", "two", "three")
    writer.write(chunked(page))
    lost = make_chunks(make_page("four", url="https://a.org/"))
    parts.words.add(lost)
    parts.words.commit()
    writer._changes.stage([chunk.id for chunk in (*lost, *make_chunks(page))], {}, "fake")
    assert writer.recover() == 4
    assert sorted(parts.words.ids()) == sorted(chunk.id for chunk in make_chunks(page))
    assert verify_parts(parts).problems == ()


def test_a_pass_that_changes_nothing_asks_nothing_of_chroma(
    writer: IndexWriter, parts: IndexParts, settings: Settings, embeddings: FakeEmbeddings
) -> None:
    """Unchanged pages are noted, whether Chroma can be reached or not: it need not be started for them."""
    page = make_page("one", "two")
    writer.write(chunked(page))
    writer.close()
    lock = WriterLock(settings.data_dir)
    model = EmbeddingModel("fake", embeddings, max_tokens=256)
    with IndexWriter(parts.catalog, cast(VectorIndex, object()), parts.words, model, lock=lock) as second:
        assert second.write(chunked(page)) == [PageChange(URL, added=0, kept=2, removed=0, embedded=0)]
        assert second.visited([(page, None)]) == 1
        with pytest.raises(AttributeError):
            second.write(chunked(make_page("one", "three")))
