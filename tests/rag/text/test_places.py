"""Where a question's words stand in a text."""

from __future__ import annotations

from rag.text.places import TermFinder
from rag.text.tokens import content_terms


def finder(question: str) -> TermFinder:
    return TermFinder(dict.fromkeys(content_terms(question), 1.0))


def test_forms_of_a_word_are_found_where_they_stand() -> None:
    """Stems are matched against whole words, in any case and with accents."""
    text = "Cities were rebuilt; the CITY; citizen Beyoncé."
    places = finder("city rebuilt Beyonce").places(text)
    assert [text[start:].split()[0] for start, _ in places] == ["Cities", "rebuilt;", "CITY;", "Beyoncé."]


def test_no_place_is_within_another() -> None:
    """A part of an identifier that was found whole, or the middle of a word, is no word of the text."""
    text = "Release v1.5.9 of 9 overlays; lay it in RAG_TOP_K, not TOP."
    places = finder("v1.5.9 lay RAG_TOP_K").places(text)
    assert [text[start:].split()[0] for start, _ in places] == ["v1.5.9", "9", "lay", "RAG_TOP_K,", "TOP."]


def test_words_that_stand_together_count_for_more_than_words_that_are_scattered() -> None:
    """One sentence that says it all is nearer than a page that has the words somewhere."""
    question = finder("capital of France")
    together = question.closeness("Paris is the capital of France.")
    scattered = question.closeness("France is large. " + "Filler words go here. " * 20 + "It raised capital.")
    assert together.near == together.phrase == 1.0
    assert scattered.near == 0.5
    assert scattered.phrase == 0.0


def test_rare_words_weigh_more() -> None:
    """Finding the telling word alone is worth more than finding the common one alone."""
    weighted = TermFinder({"page": 1.0, "chroma": 9.0})
    assert weighted.closeness("Chroma").near == 0.9
    assert weighted.closeness("page").near == 0.1


def test_chinese_is_found_by_its_bigrams() -> None:
    """Without spaces, pairs of characters are the words."""
    question = finder("思维链是什么")
    assert question.closeness("思维链让模型推理。").near == 1.0
    assert question.closeness("思考的维度").near == 0.0


def test_nothing_to_find_is_no_error() -> None:
    """A question without terms, an empty text and special characters give no closeness."""
    assert finder("???").closeness("text") == (0.0, 0.0)
    assert finder("text").closeness("") == (0.0, 0.0)
    assert finder("(((").closeness("((( ++") == (0.0, 0.0)
