"""The words index, on real folders."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rag.errors import Conflict, IndexMismatch, IndexUnavailable
from rag.index.words import WordIndex
from rag.vocabulary import Chunk, Filter


def chunk(
    number: int,
    text: str,
    *,
    url: str = "https://example.org/a",
    title: str = "",
    section: tuple[str, ...] = (),
    language: str = "en",
) -> Chunk:
    return Chunk(f"{number:032x}", url, 0, 0, len(text), text, title=title, section=section, language=language)


@pytest.fixture
def words(tmp_path: Path) -> WordIndex:
    return WordIndex(tmp_path / "words")


def numbers(found: list[tuple[str, float]]) -> list[int]:
    return [int(chunk_id, 16) for chunk_id, _ in found]


def fill(words: WordIndex, *chunks: Chunk) -> WordIndex:
    words.add(chunks)
    words.commit()
    return words


def test_a_question_finds_the_chunk_that_says_it(words: WordIndex) -> None:
    """Stems match, the better match is first, scores fall, and what shares no word is not found."""
    fill(
        words,
        chunk(1, "Indexes are rebuilt from the catalog."),
        chunk(2, "The catalog is a database."),
        chunk(3, "Cats."),
    )
    found = words.search("How do I rebuild the index from the catalog?", 10)
    assert numbers(found) == [1, 2]
    assert found[0][1] > found[1][1] > 0


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("什么是思维链?", 1),
        ("RAG_TOP_K", 2),
        ("top k", 2),
        ("1000000 euros", 3),
        ("BM25 检索", 4),
        ("astream log", 5),
        ("beyonce", 6),
        ("the of", 7),
    ],
)
def test_chinese_identifiers_numbers_and_mixed_text_are_found(words: WordIndex, query: str, expected: int) -> None:
    """A question in the reader's own spelling reaches the chunk; stop words alone still find something."""
    fill(
        words,
        chunk(1, "思维链让模型一步一步地推理。", language="zh"),
        chunk(2, "Set `RAG_TOP_K` to show fewer documents."),
        chunk(3, "It cost 1,000,000 euros."),
        chunk(4, "用 BM25 做检索。", language="zh"),
        chunk(5, "call astreamLog()"),
        chunk(6, "Beyoncé’s album"),
        chunk(7, "The end of it"),
    )
    assert numbers(words.search(query, 3))[0] == expected


def test_title_and_headings_are_searched(words: WordIndex) -> None:
    """A chunk that does not repeat its page's title or heading is found by them."""
    fill(
        words,
        chunk(1, "Run it.", title="Rebuilding"),
        chunk(2, "Run it.", section=("Upgrading", "Postgres")),
        chunk(3, "Run it."),
    )
    assert numbers(words.search("rebuilding", 5)) == [1]
    assert numbers(words.search("postgres upgrade", 5)) == [2]


def test_filters_are_exact(words: WordIndex) -> None:
    """A URL prefix is a prefix of the URL to the letter, whatever characters it has; a language is a language."""
    urls = [
        "https://a.org/docs/x?p=1",
        "https://a.org/docs.old/x",
        "https://a.org/docsXold/x",
        "https://b.org/docs/x",
        "https://a.org/路径/页",
    ]
    fill(words, *(chunk(n, "same words", url=url, language="zh" if n == 4 else "en") for n, url in enumerate(urls)))

    def found(prefix: str | None = None, language: str | None = None) -> set[int]:
        return set(numbers(words.search("words", 10, Filter(prefix, language))))

    assert found("https://a.org/docs/") == {0}
    assert found("https://a.org/docs") == {0, 1, 2}
    assert found("https://a.org/docs.") == {1}
    assert found("https://a.org/docs/x?p=") == {0}
    assert found("https://a.org/docs/x?p=1") == {0}
    assert found("https://a.org/路") == {4}
    assert found("https://a.org/.*") == set()
    assert found("") == {0, 1, 2, 3, 4}
    assert found(language="zh") == {4}
    assert found("https://b.org/", "zh") == set()


def test_a_deep_url_is_found_by_any_of_its_prefixes(words: WordIndex) -> None:
    """Prefixes beyond those kept as terms are walked for."""
    url = "https://a.org/" + "d/" * 60
    fill(words, chunk(1, "deep", url=url))
    assert numbers(words.search("deep", 1, Filter(url[:100]))) == [1]
    assert numbers(words.search("deep", 1, Filter(url + "x/"))) == []


def test_adding_again_replaces_and_deleting_removes(words: WordIndex) -> None:
    """One id has one entry, whether it comes twice in one commit or in two; removing the unknown is no error."""
    words.add([chunk(1, "old"), chunk(1, "older")])
    fill(words, chunk(1, "new"))
    assert words.count() == 1
    assert words.search("old", 5) == []
    assert numbers(words.search("new", 5)) == [1]
    words.delete([f"{1:032x}", f"{9:032x}"])
    words.commit()
    assert words.count() == 0
    assert words.ids() == []


def test_nothing_is_seen_before_the_commit_and_all_of_it_after(words: WordIndex, tmp_path: Path) -> None:
    """Another reader of the folder sees the commit at its next search, without being told."""
    reader = WordIndex(tmp_path / "words")
    words.add([chunk(1, "page")])
    assert reader.search("page", 5) == []
    words.commit()
    assert numbers(reader.search("page", 5)) == [1]
    assert reader.ids() == [f"{1:032x}"]
    words.clear()
    words.commit()
    assert reader.count() == 0


def test_one_writes_at_a_time(words: WordIndex, tmp_path: Path) -> None:
    """A second writer is told so, and may write as soon as the first has committed or given up."""
    other = WordIndex(tmp_path / "words")
    words.add([chunk(1, "apples")])
    with pytest.raises(Conflict, match="Try again"):
        other.add([chunk(2, "pears")])
    words.close()
    fill(other, chunk(2, "pears"))
    fill(words, chunk(3, "apples"))
    assert set(numbers(words.search("apples pears", 5))) == {2, 3}


def test_a_killed_writer_leaves_the_last_commit_and_no_lock(words: WordIndex, tmp_path: Path) -> None:
    """kill -9 in mid-change loses only what was not committed."""
    fill(words, chunk(1, "kept"))
    script = (
        "import os, signal, sys; from pathlib import Path; from rag.index.words import WordIndex;"
        "from rag.vocabulary import Chunk; words = WordIndex(Path(sys.argv[1]));"
        "words.add([Chunk('f' * 32, 'u', 0, 0, 4, 'lost')]); words.delete(['%032x' % 1]);"
        "os.kill(os.getpid(), signal.SIGKILL)"
    )
    result = subprocess.run([sys.executable, "-c", script, str(tmp_path / "words")], check=False)
    assert result.returncode == -9
    assert numbers(words.search("kept lost", 5)) == [1]
    fill(words, chunk(2, "next"))
    assert words.count() == 2


def test_scores_of_given_chunks_equal_those_of_a_search(words: WordIndex) -> None:
    """The scores that fill in for chunks which only the vectors found are the same BM25."""
    fill(words, *(chunk(n, "apple " * (n % 3) + "pear plum " * n, title="Apples") for n in range(1, 9)), chunk(9, "x"))
    found = dict(words.search("apples and plums", 10))
    ids = [f"{n:032x}" for n in (2, 5, 9, 77)]
    scores = words.scores("apples and plums", ids)
    assert scores == pytest.approx({ids[0]: found[ids[0]], ids[1]: found[ids[1]], ids[2]: 0.0})
    assert words.scores("???", ids[:1]) == {ids[0]: 0.0}
    assert words.scores("apples", []) == {}


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(query=st.text(max_size=60) | st.sampled_from(['"', "a:b", "text:*", "(((", "+ - AND OR NOT", "\\", "[a TO b]"]))
def test_no_question_is_a_query_language(words: WordIndex, query: str) -> None:
    """Any text is searched for its words, never parsed."""
    fill(words, chunk(1, "a b text to"))
    assert all(score >= 0 for _, score in words.search(query, 5))


def test_a_long_question_is_searched_by_its_rarest_words(words: WordIndex) -> None:
    """Thousands of words cost no more than a few, and the telling one is among them."""
    common = [f"word{n}" for n in range(100)]
    fill(words, *(chunk(n, " ".join(common)) for n in range(5)), chunk(6, "needle"))
    assert 6 in numbers(words.search(" ".join(common) + " needle", 10))


def test_in_a_large_index_chunks_with_only_frequent_words_make_way(
    words: WordIndex, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Those with a rarer word are scored as ever; the others are looked for where these are too few."""
    fill(words, *(chunk(n, "apple " * (n % 5 + 1) + "pear " * (n % 3)) for n in range(40)))
    fill(words, *(chunk(n, f"plum {'apple ' * (n % 4)}") for n in range(40, 50)), chunk(50, "plum pear apple"))
    question = "apples, pears and plums"
    every = words.search(question, 51)
    with_plums = [(key, score) for key, score in every if int(key, 16) >= 40]
    monkeypatch.setattr("rag.index.word_query._MOST_CHUNKS", 15)
    words.reload()

    assert numbers(words.search(question, 11)) == numbers(with_plums)
    assert dict(words.search(question, 11)) == pytest.approx(dict(with_plums))
    assert numbers(words.search(question, 4)) == numbers(with_plums[:4])
    assert numbers(words.search(question, 12)) == numbers(every[:12])
    assert len(words.search(question, 100)) == 51
    assert len(words.search("apples", 100)) == 48


def test_an_index_of_another_layout_is_refused(words: WordIndex, tmp_path: Path) -> None:
    """An old index is not searched with new terms; the message names the cure."""
    fill(words, chunk(1, "text"))
    (tmp_path / "words" / "layout").write_text("0")
    with pytest.raises(IndexMismatch, match="footnote rebuild"):
        WordIndex(tmp_path / "words")


def test_a_damaged_folder_is_named_with_its_cure(words: WordIndex, tmp_path: Path) -> None:
    """Garbage in place of the index, or a file in place of the folder, is one clear error."""
    fill(words, chunk(1, "text"))
    (tmp_path / "words" / "meta.json").write_text("{")
    with pytest.raises(IndexUnavailable, match="footnote rebuild"):
        WordIndex(tmp_path / "words")
    (tmp_path / "file").write_text("")
    with pytest.raises(IndexUnavailable):
        WordIndex(tmp_path / "file")
