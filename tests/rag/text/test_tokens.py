"""Terms for searching and comparing."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag.text.stems import english_stem
from rag.text.tokens import content_terms, count_tokens, search_terms


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("retrieving", "retrieved"),
        ("the cities", "the city"),
        ("Beyoncé's", "Beyonce"),
        ("U.S.", "US"),
        ("1,000,000", "1000000"),
        ("ＲＡＧ", "rag"),
        ("dying", "die"),
    ],
)
def test_spellings_of_one_thing_are_one_term(one: str, other: str) -> None:
    """Inflection, accents, width, separators and possessives do not keep a question from its page."""
    assert search_terms(one) == search_terms(other)


@pytest.mark.parametrize(
    ("text", "terms"),
    [
        ("RAG_TOP_K", {"rag_top_k", "rag", "top", "k"}),
        ("astreamLog", {"astreamlog", "astream", "log"}),
        ("HTTPServer", {"httpserver", "http", "server"}),
        ("v1.5.9", {"v1.5.9", "1", "5", "9"}),
        ("C++ and C#", {"c++", "c#"}),
        ("text-embedding-3-small", {"textembedding3small", "embed", "3", "small"}),
        ("3.14", {"3.14"}),
        ("1980s", {"1980s", "1980"}),
        ("模型", {"模", "模型", "型"}),
        ("用 BM25 检索", {"用", "bm25", "检索"}),
        ("東京タワー", {"东京", "タワ"}),
    ],
)
def test_identifiers_numbers_and_chinese_are_found_whole_and_in_parts(text: str, terms: set[str]) -> None:
    """What a reader may type of an identifier, a number or a Chinese word is among its terms."""
    assert terms <= set(search_terms(text))


def test_chinese_terms_are_characters_and_bigrams_in_reading_order() -> None:
    """Chinese has no spaces; bigrams stand in for words."""
    assert search_terms("思维链") == ["思", "思维", "维", "维链", "链"]
    assert search_terms("思維鏈") == search_terms("思维链")


def test_content_terms_leave_out_grammar() -> None:
    """Question words and function words say nothing about the subject, in English and in Chinese."""
    assert content_terms("What is the capital of France?") == ["capit", "franc"]
    assert content_terms("什么是索引的") == ["索", "索引", "引"]


@pytest.mark.parametrize(
    ("word", "stem"),
    [
        ("caresses", "caress"),
        ("ponies", "poni"),
        ("agreed", "agre"),
        ("hopping", "hop"),
        ("hoping", "hope"),
        ("relational", "relat"),
        ("generalization", "general"),
        ("universities", "universiti"),
        ("adding", "add"),
        ("succeed", "succeed"),
        ("skies", "sky"),
        ("sensational", "sensat"),
        ("happily", "happili"),
        ("by", "by"),
    ],
)
def test_stems_are_porter2s(word: str, stem: str) -> None:
    """The stemmer agrees with the published vocabulary."""
    assert english_stem(word) == stem


@given(st.text())
def test_any_text_has_terms_that_can_be_indexed(text: str) -> None:
    """Hostile text gives terms without white space, of bounded length, and never an error."""
    for term in search_terms(text):
        assert term
        assert not any(map(str.isspace, term))
        assert len(term) <= 64
    assert count_tokens(text) >= 0


def test_tokens_are_estimated_by_script() -> None:
    """A budget of tokens holds about four times as many Latin characters as Chinese ones."""
    assert count_tokens("abcd" * 100) == 100
    assert count_tokens("模型" * 100) == 200
    assert count_tokens("") == 0
