from __future__ import annotations

import io
import json
import re
from typing import Any

import pytest
from rich.console import Console

from rag.errors import ConfigurationError, IndexMismatch, MissingCredentials
from rag.events import CitationMade, DocumentsFound, Done, Event, Failed, QuestionUnderstood, RunStarted, Step, Token
from rag.terminal.footnotes import footnotes
from rag.terminal.screen import JsonScreen, PlainScreen, RunFailed, TerminalScreen, checked
from rag.vocabulary import Citation, Timing
from tests.fakes import EPOCH, make_document

DOCUMENT = make_document("Chroma keeps vectors.", title="Chroma", section=("Guide",))
ANSWER = "Chroma keeps vectors [1]. It is red."
CITATIONS = (
    Citation(1, 0, 25, "verbatim", DOCUMENT.id, "Chroma keeps vectors.", 0, 21, "https://example.org/page#:~:text=C"),
    Citation(0, 26, 36, "unsupported"),
)


def done(**fields: Any) -> Done:
    defaults: dict[str, Any] = {
        "run_id": "r",
        "answer": ANSWER,
        "question": "What keeps vectors?",
        "citations": CITATIONS,
        "usage": {},
        "timing": Timing(1, 2, 3),
        "finish_reason": "stop",
    }
    return Done(**{**defaults, **fields})


EVENTS: list[Event] = [
    DocumentsFound((DOCUMENT,)),
    QuestionUnderstood("What keeps vectors?", "What does?", True),
    *(Token(part) for part in ("Chroma keeps ", "vectors [1", "]. It is red.")),
    CitationMade(CITATIONS[0]),
    done(),
]


def test_a_pipe_gets_the_answer_and_a_footnote_a_line() -> None:
    out = io.StringIO()
    screen = PlainScreen(out)
    for event in EVENTS:
        screen.show(event)
    answer, empty, first, second = out.getvalue().rstrip("\n").split("\n")
    assert (answer, empty) == (ANSWER, "")
    assert first.split("\t") == [
        "[1]",
        "verbatim",
        "Chroma keeps vectors.",
        "Chroma › Guide",
        "https://example.org/page#:~:text=C",
    ]
    assert second.split("\t")[:4] == ["[–]", "unsupported", "It is red.", "no source named"]


def test_a_pipe_gets_each_token_at_once() -> None:
    out = io.StringIO()
    PlainScreen(out).show(Token("Chroma "))
    assert out.getvalue() == "Chroma "


def test_json_is_the_done_data_with_the_documents() -> None:
    out = io.StringIO()
    screen = JsonScreen(out)
    for event in EVENTS:
        screen.show(event)
    data = json.loads(out.getvalue())
    assert data["answer"] == ANSWER
    assert data["documents"][0]["title"] == "Chroma"
    assert data["citations"][0]["verdict"] == "verbatim"


@pytest.mark.parametrize("width", [80, 40])
def test_a_terminal_shows_documents_question_answer_and_footnotes(width: int) -> None:
    out = io.StringIO()
    screen = TerminalScreen(Console(file=out, width=width, force_terminal=True, color_system=None, highlight=False))
    step = Step(0, "action", "search", input={"query": "vectors"})
    for event in (*EVENTS[:2], step, *EVENTS[2:]):
        screen.show(event)
    screen.close()
    shown = out.getvalue()
    places = [
        shown.index(part)
        for part in (
            "Chroma › Guide",
            "Searched: What keeps",
            "→ search:",
            "Chroma keeps vectors [1]",
            "[1] ✓ verbatim",
        )
    ]
    assert places == sorted(places)
    assert "“Chroma keeps vectors.”" in shown
    assert "[–] ✗ unsupported" in shown
    links = [line for line in shown.split("\n") if "https://example.org/page#" in line]
    assert len(links) == 1


@pytest.mark.parametrize(
    ("reason", "shown"), [("length", "RAG_MAX_ANSWER_TOKENS"), ("blocked", "filter"), ("stop", "")]
)
def test_an_answer_that_is_not_whole_says_so(reason: Any, shown: str) -> None:
    out = io.StringIO()
    PlainScreen(out).show(done(citations=(), finish_reason=reason))
    assert shown in out.getvalue()


def test_a_failed_run_raises_its_detail() -> None:
    with pytest.raises(RunFailed, match="The model said no"):
        checked(Failed({"title": "x", "detail": "The model said no."}))
    assert checked(EVENTS[0]) is EVENTS[0]


def test_a_run_that_a_setting_made_fail_is_a_wrong_setting() -> None:
    """So the commands exit with 2, whether they meet it before the run or in it."""
    for kind in (IndexMismatch, MissingCredentials):
        with pytest.raises(ConfigurationError, match="set it back"):
            checked(Failed(kind("It is another model.", "Please set it back.").problem()))


def test_one_quote_is_one_footnote_and_a_missing_document_is_named() -> None:
    twice = (CITATIONS[0], CITATIONS[0], Citation(7, 0, 5, "unsupported"))
    notes = footnotes(ANSWER, twice, [DOCUMENT])
    assert [(note.label, note.place) for note in notes] == [("[1]", "Chroma › Guide"), ("[7]", "no such document")]


def test_what_a_document_does_not_say_is_told_as_the_claim_and_not_as_a_quote() -> None:
    """Each such claim, also where the nearest words are the same; the nearest words are called so."""
    answer = "It is red [1]. It is blue [1]. It is green."
    near = {"document_id": DOCUMENT.id, "quote": "Chroma keeps vectors.", "quote_start": 0, "quote_end": 21}
    claims = [Citation(1, 0, 13, "unsupported", **near), Citation(1, 15, 29, "unsupported", **near)]
    out = io.StringIO()
    screen = TerminalScreen(Console(file=out, width=80, force_terminal=True, color_system=None, highlight=False))
    screen.show(DocumentsFound((DOCUMENT,)))
    screen.show(done(answer=answer, citations=(*claims, Citation(0, 31, 43, "unsupported"))))
    lines = [line.strip() for line in out.getvalue().splitlines()]
    for claim in ("It is red [1]", "It is blue [1]", "It is green."):
        assert f"claim: {claim}" in lines
        assert f"“{claim}”" not in lines
    assert lines.count("nearest: “Chroma keeps vectors.”") == 2


def test_only_signs_are_coloured() -> None:
    """Green on white, or red on black, is hard to read in some palettes; the words have the terminal's own colour."""
    out = io.StringIO()
    console = Console(file=out, width=80, force_terminal=True, color_system="standard", highlight=False, no_color=False)
    screen = TerminalScreen(console)
    for event in EVENTS:
        screen.show(event)
    coloured = re.findall("\x1b\\[[0-9;]*3[0-7]m([^\x1b]*)", out.getvalue())
    assert coloured == ["✓", "✗"]


def test_a_terminal_shows_that_something_is_at_work_and_takes_it_back() -> None:
    out = io.StringIO()
    screen = TerminalScreen(Console(file=out, width=80, force_terminal=True, color_system=None, highlight=False))
    screen.show(RunStarted("r", "What?", "scripted", "fake", EPOCH))
    assert out.getvalue() == "…"
    screen.show(EVENTS[0])
    assert out.getvalue().startswith("…\r\x1b[2K")
    screen.close()
    assert out.getvalue().count("\x1b[2K") == 1
