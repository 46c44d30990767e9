"""A question is read for its words, its names and numbers, and the kind of its answer."""

from __future__ import annotations

import pytest

from rag.models.question import Question


@pytest.mark.parametrize(
    ("question", "kind"),
    [
        ("Who led the Norse?", "name"),
        ("Where is Chroma kept?", "name"),
        ("When did it begin?", "time"),
        ("What year did it begin?", "year"),
        ("How many pages are there?", "number"),
        ("How much did it cost?", "money"),
        ("What percentage of pages failed?", "share"),
        ("Why is it cut?", "reason"),
        ("What is task decomposition?", ""),
        ("谁写的？", "name"),
        ("什么时候开始的？", "time"),
        ("有多少页？", "number"),
        ("为什么会失败？", "reason"),
    ],
)
def test_kind(question: str, kind: str) -> None:
    assert Question(question).kind == kind


@pytest.mark.parametrize(
    ("question", "answer", "other"),
    [
        ("Who led the Norse?", "In the end it was Rollo.", "In the end it was the Norse."),
        ("When did the embargo begin?", "It began in October 1973.", "It began after the war."),
        ("How many pages failed?", "Twelve pages failed.", "Some pages failed."),
        ("What percent failed?", "It was 12 percent.", "It was twelve."),
        ("为什么会失败？", "因为没有权限。", "它失败了。"),
    ],
)
def test_an_answer_holds_what_the_kind_asks_for(question: str, answer: str, other: str) -> None:
    assert Question(question).is_cued_by(answer)
    assert not Question(question).is_cued_by(other)


def test_keys_are_names_numbers_and_quoted_words() -> None:
    keys = Question("What did Rollo call 'the deal' in 911?").keys
    assert {"rollo", "deal", "911"} <= keys
    assert "call" not in keys


def test_a_question_of_stop_words_still_has_terms() -> None:
    assert Question("Who is he?").terms
    assert Question("").terms == frozenset()


@pytest.mark.parametrize(
    ("question", "form"),
    [
        ("What is domain randomization?", "definition"),
        ("What does GloVe do?", "definition"),
        ("什么是虚拟节点？", "definition"),
        ("How do I remove a page?", "method"),
        ("How does selective search work?", "method"),
        ("怎样移除一个网页？", "method"),
        ("Why is it cut?", "reason"),
        ("What is the capital of France?", ""),
        ("What are stators attached to?", ""),
        ("What is the bad air theory officially known as?", ""),
        ("How did the Huguenots defend themselves?", ""),
        ("How many pages are there?", ""),
        ("识别问题的表达式是什么？", ""),
    ],
)
def test_form_tells_questions_for_an_explanation_from_those_for_a_fact(question: str, form: str) -> None:
    assert Question(question).form == form


@pytest.mark.parametrize(
    ("question", "subject"),
    [
        ("What is the reparameterization trick in a VAE?", {"trick"}),
        ("How does selective search work?", {"select", "search"}),
        ("什么是分段？", {"分段"}),
    ],
)
def test_the_subject_is_what_is_to_be_explained(question: str, subject: set[str]) -> None:
    found = Question(question).subject
    assert subject <= found
    assert not found & {"vae", "work", "what", "什么"}
