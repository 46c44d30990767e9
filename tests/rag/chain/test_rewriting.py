from __future__ import annotations

import pytest

from rag.chain.rewriting import accepted_rewrite, looks_like_question

QUESTION = "When was it released?"


@pytest.mark.parametrize(
    ("reply", "rewrite"),
    [
        ("When was Chroma released?", "When was Chroma released?"),
        ('  "When was Chroma released?"\n', "When was Chroma released?"),
        ("Standalone question: When was Chroma released?", "When was Chroma released?"),
        ("**When was Chroma released?**", "When was Chroma released?"),
        ("In which year was Chroma released?", "In which year was Chroma released?"),
    ],
)
def test_a_rewritten_question_is_taken_without_its_wrapping(reply: str, rewrite: str) -> None:
    assert accepted_rewrite(QUESTION, reply) == rewrite


@pytest.mark.parametrize(
    "reply",
    [
        "",
        "   \n",
        "Chroma was released in 2022.",
        "Chroma was released in 2022 [1].",
        "I'm sorry, I cannot tell when it was released?",
        "Yes, when was Chroma released?",
        "When was Chroma released?\n\nIt was released in 2022.",
        "Chroma 是什么时候发布的？",
        "Quand est-ce que Chroma a été publié par la société ?",
        "When was " + "the very famous " * 60 + "Chroma released?",
        "?",
    ],
)
def test_what_is_no_rewrite_is_refused(reply: str) -> None:
    assert accepted_rewrite(QUESTION, reply) is None


def test_a_chinese_question_is_rewritten_in_chinese() -> None:
    assert accepted_rewrite("它有什么优点？", "问题：思维链有什么优点？") == "思维链有什么优点？"
    assert accepted_rewrite("它有什么优点？", "What are the advantages of it?") is None
    assert accepted_rewrite("它有什么优点？", "思维链可以提高准确率。") is None


def test_a_request_may_become_a_question_and_a_fragment_may_stay_one() -> None:
    assert accepted_rewrite("Tell me more about it", "Tell me more about Chroma") == "Tell me more about Chroma"
    assert accepted_rewrite("mortgage scams", "What are mortgage scams?") == "What are mortgage scams?"


def test_questions_are_told_from_statements() -> None:
    assert all(map(looks_like_question, ("Is it so", "and how", "Please explain RAG", "多少钱", "Really?")))
    assert not any(map(looks_like_question, ("It is so.", "Chroma keeps vectors.", "它保存向量。")))
