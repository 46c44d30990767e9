"""Checking stays cheap whatever the documents are. Effort is counted in calls, which a busy machine does not move."""

from __future__ import annotations

import sys
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from rag.citations.verify import Verifier
from rag.vocabulary import Claim, Document

ONE_STEP = 15_000
"""Calls; a millisecond or two."""

REPEATING = {
    "names": "Bob met Ann in May 5 " * 380,
    "words": "rome paris alpha beta gamma delta zeta " * 200,
    "lines": "x y z.\n" * 1_000,
    "initials": "A.B. " * 1_600,
    "chinese": "北京上海广州的人是在中国大学" * 550,
}
PROSE = {
    "english": "".join(f"The {n}th keeper of Rome{n} wrote {n * 7} letters home in May {n}. " for n in range(140)),
    "chinese": "".join(f"第{n}任馆长在罗马写了{n * 7}封关于海港的信，其中一半没有寄出。" for n in range(300)),
}


def document(text: str, n: int = 1) -> Document:
    url = f"https://example.org/{n}"
    return Document(n, f"{n:032x}", url, "Keepers", (), text, 1.0, url, "en", datetime(2026, 1, 1, tzinfo=UTC))


def _calls(work: Callable[[], Any]) -> int:
    count = 0

    def called(frame: Any, event: str, argument: Any) -> None:
        nonlocal count
        count += event in ("call", "c_call")

    before = sys.getprofile()
    sys.setprofile(called)
    try:
        work()
    finally:
        sys.setprofile(before)
    return count


def _efforts(verifier: Verifier, claim: Claim) -> list[int]:
    """Of each step."""
    Verifier([document("It is.")]).verify(_claim("It was so."))  # tables are read once
    steps = verifier.checking(claim)
    efforts = []
    while steps.gi_frame is not None:
        efforts.append(_calls(lambda: next(steps, None)))
    return efforts


def _claim(text: str, *cites: int) -> Claim:
    return Claim(0, len(text), text, cites or (1,))


def _turned_round(text: str) -> Claim:
    part = text[2_001:2_400].strip()
    return _claim(" ".join(reversed(part.split(" "))) if " " in part else part[::-1])


@pytest.mark.parametrize("kind", REPEATING)
def test_a_document_that_repeats_itself_is_no_more_work(kind: str) -> None:
    """Equal words are not compared each with each."""
    verifier = Verifier([document(REPEATING[kind])])
    claim = _turned_round(REPEATING[kind])
    verifier.verify(claim)
    assert _calls(lambda: verifier.verify(claim)) < 3 * ONE_STEP


@pytest.mark.parametrize("kind", PROSE)
def test_a_long_document_is_read_in_short_steps(kind: str) -> None:
    """The first claim on a document of 8,000 characters lets tokens through while the document is read."""
    efforts = _efforts(Verifier([document(PROSE[kind])]), _turned_round(PROSE[kind]))
    assert len(efforts) > 6
    assert max(efforts) < ONE_STEP


def test_a_claim_that_cites_many_documents_is_checked_one_by_one() -> None:
    """Twenty documents at once take no longer than one before others have their turn."""
    documents = [document(PROSE["english"][60 * n : 60 * n + 900], n) for n in range(1, 21)]
    efforts = _efforts(Verifier(documents), _claim("The 7th keeper wrote a letter to the 9th one.", *range(1, 21)))
    assert len(efforts) > 40
    assert max(efforts) < ONE_STEP
