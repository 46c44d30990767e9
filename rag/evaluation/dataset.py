"""Questions whose answers are known: one JSON object a line.

    {"question": "How long is a run kept?", "gold": ["https://example.org/runs.html"], "answers": ["72 hours"]}
    {"question": "And a thread?", "history": [{"role": "user", "content": "How long is a run kept?"}], "gold": [...]}
    {"question": "Who won the cup?", "answerable": false}

Only `question` is required. `gold` names what should be found: URLs, ends of URLs (`runs.html`), or passages of text;
as an object it maps them to grades (`{"…": 2, "…": 1}`). A question with `answerable: false` should be refused.
`id` names it in reports; `query_id` and `query` are read as `id` and `question`.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rag.errors import InvalidRequest
from rag.request import parse_request

_KNOWN = frozenset("id query_id question query gold answers history answerable".split())


@dataclass(frozen=True)
class Case:
    """One question and what is known about it.

    Attributes:
        gold: URL, end of a URL or passage → grade (1 unless graded); empty when it is not known what should be found.
        answers: any of them is right; empty when it is not known.
        history: earlier messages, `role` and `content`.
        answerable: whether the index holds an answer.
    """

    id: str
    question: str
    gold: Mapping[str, float] = field(default_factory=dict)
    answers: tuple[str, ...] = ()
    history: tuple[Mapping[str, str], ...] = ()
    answerable: bool = True


def read_cases(path: Path) -> list[Case]:
    """Reads a file of questions; blank lines are skipped, unknown members left alone.

    Raises:
        InvalidRequest: the file cannot be read, is empty, or a line is wrong; says which and how.
    """
    try:
        text = path.read_text("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        raise InvalidRequest(
            f"The questions in {str(path)!r} cannot be read: {why}.", "Give a UTF-8 file of one JSON object a line."
        ) from error
    cases = [_case(path, number, line) for number, line in _lines(text)]
    if not cases:
        raise InvalidRequest(f"There are no questions in {str(path)!r}.", 'Write one a line: {"question": "…"}.')
    return cases


def _lines(text: str) -> Iterator[tuple[int, str]]:
    return ((number, line) for number, line in enumerate(text.split("\n"), 1) if line.strip())


def _case(path: Path, number: int, line: str) -> Case:
    """One line as a case."""
    try:
        row = json.loads(line)
        if not isinstance(row, dict):
            raise ValueError(f"it is {type(row).__name__}, not an object")
        question = row.get("question", row.get("query"))
        if not isinstance(question, str) or not question.strip():
            raise ValueError('"question" is missing or no text')
        case = Case(
            id=str(row.get("id", row.get("query_id", number))),
            question=question.strip(),
            gold=_gold(row.get("gold", {})),
            answers=_texts(row.get("answers", ()), "answers"),
            history=_history(row.get("history", ())),
            answerable=_flag(row.get("answerable", True)),
        )
        parse_request(question=case.question, history=case.history or None)
        return case
    except (ValueError, RecursionError, InvalidRequest) as error:
        why = f"it is no JSON at column {error.colno}" if isinstance(error, json.JSONDecodeError) else str(error)
        why = why.rstrip(".")
        known = ", ".join(sorted(_KNOWN - {"query", "query_id"}))
        raise InvalidRequest(
            f"Line {number} of {str(path)!r} cannot be used: {why}.", f"Correct that line; it may have {known}."
        ) from error


def _gold(value: Any) -> dict[str, float]:
    if isinstance(value, dict):
        grades = value.items()
        if not all(isinstance(grade, int | float) and 0 <= grade < math.inf for _, grade in grades):
            raise ValueError('the grades of "gold" must be numbers from 0')
        return {name: float(grade) for name, grade in grades if grade > 0}
    return dict.fromkeys(_texts(value, "gold"), 1.0)


def _texts(value: Any, name: str) -> tuple[str, ...]:
    if isinstance(value, str):
        value = [value]
    if not isinstance(value, list | tuple) or not all(isinstance(text, str) for text in value):
        raise ValueError(f'"{name}" must be a list of texts')
    return tuple(value)


def _history(value: Any) -> tuple[Mapping[str, str], ...]:
    """Messages as objects, or as bare texts that alternate, the user's first."""
    if not isinstance(value, list | tuple):
        raise ValueError('"history" must be a list of messages')
    messages = []
    for place, message in enumerate(value):
        if isinstance(message, str):
            message = {"role": "assistant" if place % 2 else "user", "content": message}
        if not isinstance(message, dict) or not {"role", "content"} <= message.keys():
            raise ValueError('a message of "history" needs "role" and "content"')
        messages.append({"role": str(message["role"]), "content": str(message["content"])})
    return tuple(messages)


def _flag(value: Any) -> bool:
    if not isinstance(value, bool):
        raise ValueError('"answerable" must be true or false')
    return value
