"""Languages are told by script and common words."""

from __future__ import annotations

import pytest

from rag.text.language import detect_language, has_cjk, is_cjk


@pytest.mark.parametrize(
    ("language", "text"),
    [
        ("en", "What is task decomposition?"),
        ("en", "The word 中文 means Chinese in the language itself"),
        ("zh", "如何重建索引？"),
        ("zh", "什么是 chain of thought?"),
        ("ja", "東京は日本の首都です"),
        ("ko", "서울은 한국의 수도입니다"),
        ("ru", "Где находится Москва?"),
        ("uk", "Київ є столицею України"),
        ("ar", "ما هي عاصمة مصر"),
        ("de", "Wie heißt die Hauptstadt?"),
        ("fr", "Quelle est la capitale de la France ?"),
        ("es", "¿Cuál es la capital de España?"),
        ("und", "RAG_TOP_K"),
        ("und", ""),
        ("und", "\ud800 \x00 123"),
    ],
)
def test_each_language_is_told_from_a_short_question(language: str, text: str) -> None:
    """A question is enough; a quotation in another script does not change the language, a name has none."""
    assert detect_language(text) == language


def test_only_the_beginning_of_a_long_text_is_read() -> None:
    """A huge page costs no more than its first 4,000 characters."""
    assert detect_language("the cat is on the mat. " * 400 + "中文" * 100_000) == "en"


def test_cjk_characters_are_known_apart() -> None:
    """Chinese, kana and hangul are CJK; Latin letters and punctuation are not."""
    assert all(map(is_cjk, "中のカ한𠀀々"))
    assert not any(map(is_cjk, "aé1,。—"))
    assert has_cjk("RAG 系统")
    assert not has_cjk("naïve café")
