"""Files of questions: what a line may say, and how a wrong one is told."""

from __future__ import annotations

from pathlib import Path

import pytest

from rag.errors import InvalidRequest
from rag.evaluation.dataset import read_cases


def written(tmp_path: Path, *lines: str) -> Path:
    path = tmp_path / "questions.jsonl"
    path.write_text("\n".join(lines), "utf-8")
    return path


def test_lines_become_cases(tmp_path: Path) -> None:
    """Only the question is required; other names of the same members, grades and bare history are understood."""
    cases = read_cases(
        written(
            tmp_path,
            '{"question": " How long? ", "gold": ["https://a.b/c"], "answers": "72 hours"}',
            "",
            '{"query_id": "q2", "query": "那么呢？", "gold": {"x.html": 2, "y.html": 0}, "history": ["How?", "So."]}',
            '{"id": 7, "question": "Who won?", "answerable": false}',
        )
    )
    assert [case.id for case in cases] == ["1", "q2", "7"]
    assert cases[0].question == "How long?"
    assert cases[0].answers == ("72 hours",)
    assert cases[1].gold == {"x.html": 2.0}
    assert [message["role"] for message in cases[1].history] == ["user", "assistant"]
    assert not cases[2].answerable


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("{not json", "no JSON at column 2"),
        ('["question"]', "not an object"),
        ('{"answers": ["x"]}', '"question" is missing'),
        ('{"question": "x", "gold": [1]}', '"gold" must be a list of texts'),
        ('{"question": "x", "gold": {"a": "b"}}', "grades"),
        ('{"question": "x", "history": [{"role": "user"}]}', '"role" and "content"'),
        ('{"question": "x", "answerable": "no"}', "true or false"),
        ('{"question": "x", "history": [{"role": "robot", "content": "y"}]}', "'user' or 'assistant'"),
        ('{"question": "\\ud800"}', "lone surrogate"),
        ('{"question": "x", "gold": {"u": Infinity}}', "numbers from 0"),
        ("[" * 100_000, "recursion"),
    ],
)
def test_a_wrong_line_is_named(tmp_path: Path, line: str, reason: str) -> None:
    """The message has the line's number, what is wrong with it, and the cure."""
    with pytest.raises(InvalidRequest) as caught:
        read_cases(written(tmp_path, '{"question": "fine"}', line))
    assert "Line 2" in str(caught.value)
    assert reason in str(caught.value)
    assert "Correct that line" in caught.value.cure


def test_a_missing_or_empty_file_is_told(tmp_path: Path) -> None:
    """Nothing to ask is an error, not a perfect score."""
    with pytest.raises(InvalidRequest, match="cannot be read"):
        read_cases(tmp_path / "none.jsonl")
    with pytest.raises(InvalidRequest, match="no questions"):
        read_cases(written(tmp_path, "", " "))
