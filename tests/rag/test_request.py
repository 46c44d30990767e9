"""What can be asked: checked once, for every way of asking."""

from __future__ import annotations

import pytest

from rag.errors import InvalidRequest
from rag.request import MAX_QUESTION_CHARACTERS, AskRequest, parse_request


@pytest.mark.parametrize(
    "question",
    ["", " \n\t", "\u200b\u2060\ufeff", "\u3000\u00a0", "\u3164", "\u115f\u1160", "\u2800", "\u034f\ufe0f", "\u00ad"],
    ids=ascii,
)
def test_what_looks_empty_is_blank(question: str) -> None:
    """Spaces, zero-width characters, fillers and marks on nothing are no question."""
    with pytest.raises(InvalidRequest, match="write some text"):
        parse_request(question=question)


@pytest.mark.parametrize("question", ["?", "为什么", "\u0e01\u0e34", "\U0001f914"], ids=ascii)
def test_short_questions_are_questions(question: str) -> None:
    """One visible character is enough, in any script."""
    assert parse_request(question=question).question == question


def test_length_is_counted_after_trimming() -> None:
    """4,000 characters pass with spaces around them; one more is refused with both numbers."""
    longest = "a" * MAX_QUESTION_CHARACTERS
    assert parse_request(question=f"  {longest}\n").question == longest
    with pytest.raises(InvalidRequest, match="it has 4,001 characters; 4,000 are allowed at most"):
        parse_request(question=longest + "a")
    with pytest.raises(InvalidRequest, match="it has 200,000 characters"):
        parse_request(question="a" * 200_000)


def test_the_schema_tells_the_length() -> None:
    """A client that reads the schema knows the limits beforehand."""
    schema = AskRequest.model_json_schema()["properties"]["question"]
    assert (schema["minLength"], schema["maxLength"]) == (1, MAX_QUESTION_CHARACTERS)
