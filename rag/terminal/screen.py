"""Shows the events of a run as they come: on a terminal, in a pipe, or as one JSON object."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from typing import Any, Protocol, TextIO

from rich.console import Console
from rich.control import Control
from rich.segment import ControlType
from rich.style import Style
from rich.text import Text

from rag.errors import ConfigurationError, FootnoteError
from rag.events import (
    DocumentsFound,
    Done,
    Event,
    Failed,
    QuestionUnderstood,
    RunStarted,
    Step,
    Token,
    document_data,
    done_data,
)
from rag.terminal.footnotes import MARKS, footnotes, place, plain_lines
from rag.terminal.text import Wrapping, harmless, json_line, readable_link
from rag.vocabulary import Document, Verdict

_STYLES: dict[Verdict, str] = {"verbatim": "green", "supported": "magenta", "unsupported": "red"}


class RunFailed(FootnoteError):
    """The run ended with an `error` event, which says why."""


class Screen(Protocol):
    """Shows one run."""

    def show(self, event: Event) -> None: ...
    def close(self) -> None:
        """Called when the run ended or was stopped."""
        ...


def open_screen(*, as_json: bool = False) -> Screen:
    """The screen that suits standard output."""
    if as_json:
        return JsonScreen(sys.stdout)
    console = Console(highlight=False)
    return TerminalScreen(console) if console.is_terminal else PlainScreen(sys.stdout)


def checked(event: Event) -> Event:
    """The event, unless it says that the run failed.

    Raises:
        RunFailed: with the detail of the `error` event.
        ConfigurationError: likewise, when a setting was the reason.
    """
    if isinstance(event, Failed):
        detail = str(event.problem.get("detail") or event.problem.get("title") or "The run failed.")
        raise ConfigurationError(detail) if _blames_a_setting(event.problem) else RunFailed(detail)
    return event


def _blames_a_setting(problem: Mapping[str, Any]) -> bool:
    settings: list[type[FootnoteError]] = [ConfigurationError, *ConfigurationError.__subclasses__()]
    return str(problem.get("type")).rpartition(":")[2] in {kind.slug for kind in settings}


class PlainScreen:
    """For a pipe: the answer as it comes, then one footnote a line, fields separated by tabs."""

    def __init__(self, out: TextIO) -> None:
        self._out = out
        self._documents: Sequence[Document] = ()
        self._answered = False

    def show(self, event: Event) -> None:
        match event:
            case DocumentsFound():
                self._documents = event.documents
            case Token():
                self._write(harmless(event.text))
            case Done():
                notes = footnotes(event.answer, event.citations, self._documents)
                lines = [*plain_lines(notes), *_endings(event)]
                self._write("\n" + "".join(f"\n{line}" for line in lines) + ("\n" if lines else ""))

    def close(self) -> None:
        self._out.flush()

    def _write(self, text: str) -> None:
        self._out.write(text)
        self._out.flush()


class JsonScreen:
    """The `done` data plus `documents`, as `POST /ask` gives it to a client that accepts JSON."""

    def __init__(self, out: TextIO) -> None:
        self._out = out
        self._documents: Sequence[Document] = ()

    def show(self, event: Event) -> None:
        match event:
            case DocumentsFound():
                self._documents = event.documents
            case Done():
                data = {**done_data(event), "documents": [document_data(document) for document in self._documents]}
                self._out.write(json_line(data, self._out))

    def close(self) -> None:
        self._out.flush()


class TerminalScreen:
    """For a person: what was searched, the documents, the answer as it grows, its footnotes.

    Words have the terminal's own colour, so that they can be read on light and dark whatever its palette; only the sign
    of a verdict is green, magenta or red, beside the word for it.
    """

    def __init__(self, console: Console) -> None:
        self._console = console
        self._wrapping = Wrapping(lambda: console.width)
        self._documents: Sequence[Document] = ()
        self._answering = False
        self._waiting = False

    def show(self, event: Event) -> None:
        if not isinstance(event, RunStarted):
            self._stop_waiting()
        match event:
            case RunStarted():
                self._wait()
            case DocumentsFound():
                self._show_documents(event.documents)
            case QuestionUnderstood(rewritten=True):
                self._line(f"Searched: {event.text}", "dim")
            case Step():
                self._show_step(event)
            case Token():
                self._show_token(event.text)
            case Done():
                self._show_done(event)

    def close(self) -> None:
        self._stop_waiting()
        if self._answering:
            self._console.print(self._wrapping.finish(), markup=False, soft_wrap=True)
            self._answering = False

    def _wait(self) -> None:
        """A sign that something is at work: a model may take its time to rewrite a question."""
        if not self._console.is_dumb_terminal:
            self._console.print("…", end="", style="dim")
            self._waiting = True

    def _stop_waiting(self) -> None:
        if self._waiting:
            self._console.control(Control(ControlType.CARRIAGE_RETURN, (ControlType.ERASE_IN_LINE, 2)))
            self._waiting = False

    def _show_documents(self, documents: Sequence[Document]) -> None:
        self._documents = documents
        for document in documents:
            line = Text()
            line.append(f"{document.n:>2}  ", style="dim")
            line.append(place(document), style="bold")
            line.append(f"  {harmless(document.url)}", style="dim")
            line.truncate(self._console.width, overflow="ellipsis")
            self._console.print(line, soft_wrap=True)

    def _show_step(self, step: Step) -> None:
        line = Text(told(step), style="dim")
        line.truncate(self._console.width, overflow="ellipsis")
        self._console.print(line, soft_wrap=True)

    def _show_token(self, text: str) -> None:
        if not self._answering:
            self._console.print()
            self._answering = True
        self._console.print(self._wrapping.feed(text), end="", markup=False, soft_wrap=True)

    def _show_done(self, done: Done) -> None:
        self.close()
        for note in footnotes(done.answer, done.citations, self._documents):
            head = Text(f"\n{note.label} ")
            head.append(MARKS[note.verdict], style=_STYLES[note.verdict])
            head.append(f" {note.verdict}")
            head.append(f"  {note.place}", style=Style(dim=True, link=harmless(note.link) if note.link else None))
            self._console.print(head)
            if note.claim is not None:
                self._indented(f"claim: {note.claim}")
            if note.quote is not None:
                self._indented(f"{'nearest: ' if note.claim else ''}“{note.quote}”")
            if note.link:
                self._console.print(Text(f"    {readable_link(note.link)}", style="dim"), soft_wrap=True)
        for ending in _endings(done):
            self._line(f"\n{ending}", "dim")

    def _indented(self, text: str) -> None:
        wrapping = Wrapping(lambda: self._console.width, indent=4)
        self._console.print(f"    {wrapping.feed(text)}{wrapping.finish()}", markup=False, soft_wrap=True)

    def _line(self, text: str, style: str) -> None:
        self._console.print(Text(harmless(text), style=style))


def told(step: Step) -> str:
    """A step on one line."""
    sign, what = ("→", step.input) if step.kind == "action" else ("←", step.output)
    text = what if isinstance(what, str) else json.dumps(what, ensure_ascii=False)
    return f"{sign} {step.tool}: {' '.join(harmless(text).split())}"


def _endings(done: Done) -> list[str]:
    """What a reader must know of an answer that is not whole."""
    if done.finish_reason == "length":
        return ["(The answer was cut at the model's length limit; raise RAG_MAX_ANSWER_TOKENS.)"]
    if done.finish_reason == "blocked":
        return ["(The answer was stopped by a filter.)"]
    return []
