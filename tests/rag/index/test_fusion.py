"""How signals become one score."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from rag.index.fusion import Fusion, Phrasing, Read, standardised
from rag.models.embeddings import EmbeddingModel
from rag.text.places import TermFinder
from rag.text.tokens import content_terms
from rag.vocabulary import Chunk
from tests.fakes import FakeEmbeddings, make_chunk

TEXTS = ("alpha beta", "gamma delta", "epsilon zeta", "eta theta")


def fusion(languages: frozenset[str] | None = frozenset({"en"}), weight: float | None = None) -> Fusion:
    return Fusion(EmbeddingModel("fake", FakeEmbeddings(), 64, languages=languages), weight)


def phrasing(text: str, dense: Sequence[float], words: Sequence[float]) -> Phrasing:
    return Phrasing(
        text, TermFinder(dict.fromkeys(content_terms(text), 1.0)), np.array(dense, float), np.array(words, float)
    )


def chunks_of(texts: Sequence[str] = TEXTS, language: str = "en", titles: Sequence[str] = ()) -> list[Chunk]:
    titles = titles or [""] * len(texts)
    return [
        make_chunk(text, f"https://e.org/{n}", language=language, title=title)
        for n, (text, title) in enumerate(zip(texts, titles, strict=True))
    ]


def best(scorer: Fusion, asked: Phrasing, chunks: list[Chunk]) -> int:
    return int(np.argmax(scorer.scores([asked], chunks, reader(chunks))))


def reader(chunks: Sequence[Chunk]) -> Read:
    return lambda places: [chunks[place].text for place in places]


NEAR_FIRST, FITS_SECOND = [0.9, 0.1, 0.1, 0.1], [0.0, 9.0, 0.0, 0.0]


def test_vectors_lead_where_the_embedder_knows_the_language() -> None:
    """An English question over English pages trusts the vectors more."""
    assert best(fusion(), phrasing("what is it", NEAR_FIRST, FITS_SECOND), chunks_of()) == 0


@pytest.mark.parametrize(
    ("question", "language"), [("这是什么呢", "zh"), ("what is it", "zh"), ("这是什么呢", "en"), ("wo ist das", "de")]
)
def test_words_lead_where_the_embedder_does_not(question: str, language: str) -> None:
    """A question or a page in a language it does not know is left to the words."""
    assert best(fusion(), phrasing(question, NEAR_FIRST, FITS_SECOND), chunks_of(language=language)) == 1


def test_an_embedder_of_all_languages_leads_in_all() -> None:
    """`languages` None means every language is known."""
    assert best(fusion(None), phrasing("这是什么呢", NEAR_FIRST, FITS_SECOND), chunks_of(language="zh")) == 0


def test_text_of_no_known_language_counts_by_its_script() -> None:
    """A bare command is as good as English; bare Chinese is not."""
    undetermined = chunks_of(language="und")
    assert best(fusion(), phrasing("RAG_TOP_K", NEAR_FIRST, FITS_SECOND), undetermined) == 0
    chinese = chunks_of(["一二", "三四", "五六", "七八"], language="und")
    assert best(fusion(), phrasing("RAG_TOP_K", NEAR_FIRST, FITS_SECOND), chinese) == 1


def test_a_set_weight_wins_over_the_language() -> None:
    """RAG_DENSE_WEIGHT is obeyed as it is."""
    asked = phrasing("这是什么呢", NEAR_FIRST, FITS_SECOND)
    assert best(fusion(weight=0.9), asked, chunks_of(language="zh")) == 0
    assert best(fusion(weight=0.0), phrasing("what is it", NEAR_FIRST, FITS_SECOND), chunks_of()) == 1


def test_words_in_one_place_beat_words_scattered() -> None:
    """Equal in both indexes, the passage that says it in one sentence is first."""
    filler = " and then something else was written down" * 8
    texts = [f"capital{filler} France", f"capital of France{filler}", filler, filler]
    assert best(fusion(), phrasing("capital of France", [0.5] * 4, [2.0] * 4), chunks_of(texts)) == 1


def test_pages_that_the_best_candidates_name_are_lifted() -> None:
    """The second step of a question that takes two: the first page names the second, as a whole word."""
    texts = ["It was painted by Anna Ancher in 1890.", "She was born in Skagen.", "He was born in Paris.", "Nothing."]
    chunks = chunks_of(texts, titles=["The Harvesters", "Anna Ancher (painter)", "Anna Anch", "Void"])
    asked = phrasing("Where was the maker of The Harvesters born?", [0.9, 0.3, 0.3, 0.1], [1.0, 1.0, 1.0, 0.0])
    scores = fusion().scores([asked], chunks, reader(chunks))
    assert scores[0] > scores[1] > scores[2]


def test_looking_ahead_changes_no_score() -> None:
    """A wrong guess costs time, and nothing else."""
    chunks = chunks_of([f"the {n}th town has a harbour {'of stone ' * (n % 4)}" for n in range(60)])
    nearness, fit = [n % 7 / 7 for n in range(60)], [n % 5 / 5 for n in range(60)]
    plain, ahead, wrong = (phrasing("harbour of stone", nearness, words) for words in (fit, fit, fit[::-1]))
    fusion().read_ahead([Phrasing(wrong.text, ahead.finder, wrong.dense, wrong.words)], chunks, reader(chunks))
    scores = [fusion().scores([asked], chunks, reader(chunks)).tolist() for asked in (plain, ahead)]
    assert scores[0] == scores[1]
    assert len(set(scores[0])) > 20


def test_every_phrasing_is_heard() -> None:
    """What is good for both phrasings comes before what is good for one."""
    one, other = phrasing("x", [0.9, 0.8, 0.1, 0.1], [0.0] * 4), phrasing("y", [0.1, 0.8, 0.9, 0.1], [0.0] * 4)
    scores = fusion().scores([one, other], chunks_of(), reader(chunks_of()))
    assert scores[1] > scores[0] > scores[3]


def test_scores_are_between_0_and_1_and_never_nan() -> None:
    """One candidate, or all the same, is no division by zero."""
    assert standardised(np.array([3.0, 3.0])).tolist() == [0.0, 0.0]
    for count in (1, 4):
        chunks = chunks_of(TEXTS[:count])
        scores = fusion().scores([phrasing("x", [0.0] * count, [0.0] * count)], chunks, reader(chunks))
        assert ((scores > 0) & (scores < 1)).all()
