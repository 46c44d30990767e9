from __future__ import annotations

import asyncio
import io
import os
import pty
import signal
import termios
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from rag.errors import ModelUnavailable
from rag.index.catalog import Catalog
from rag.index.changes import CatalogChanges
from rag.index.parts import catalog_path
from rag.terminal.chat import Chat, unechoed
from rag.terminal.screen import PlainScreen
from tests.fakes import ScriptedChatModel, make_chunks, make_page
from tests.service_fakes import make_service

ANSWER = "Chroma keeps the vectors of every chunk [1]."


def typed(*lines: str) -> Callable[[str], Awaitable[str]]:
    """What a person types, line after line, then Ctrl-D."""
    left = iter(lines)

    async def read_line(prompt: str) -> str:
        try:
            return next(left)
        except StopIteration:
            raise EOFError from None

    return read_line


async def talk(tmp_path: Path, model: ScriptedChatModel, *lines: str, thread: str | None = "t") -> tuple[str, Chat]:
    out = io.StringIO()
    async with make_service(tmp_path, model, model_retries=0) as footnote:
        console = Console(file=out, width=80, highlight=False)
        store = await footnote.conversations.store()
        chat = Chat(footnote, store, thread, read_line=typed(*lines), screen=lambda: PlainScreen(out), console=console)
        await chat.run()
    return out.getvalue(), chat


async def test_questions_are_answered_with_footnotes_and_remembered(tmp_path: Path) -> None:
    model = ScriptedChatModel(ANSWER, "What keeps the words?", ANSWER)
    shown, _ = await talk(tmp_path, model, "What keeps vectors?", "", "And words?", "/history", "/quit", "never")
    assert model.used_up
    assert shown.count("[1]\tverbatim") == 2
    assert "› What keeps vectors?" in shown
    assert "› And words?" in shown


async def test_sources_are_listed_as_far_as_a_screen_reaches(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Of sixty pages fifty and how many more; under an address, those."""
    catalog = Catalog(catalog_path(tmp_path))
    pages = [make_page("Text.", url=f"https://example.org/{n}") for n in range(60)]
    CatalogChanges(catalog).switch([(page, make_chunks(page)) for page in pages], [])
    catalog.close()
    await talk(tmp_path, ScriptedChatModel(), "/sources")
    shown = capsys.readouterr().out
    assert shown.count("https://") == 50
    assert shown.endswith("… and 10 more.\n")
    await talk(tmp_path, ScriptedChatModel(), "/sources https://example.org/5")
    assert capsys.readouterr().out.count("https://example.org/5") == 11


async def test_new_starts_a_thread_and_thread_goes_back(tmp_path: Path) -> None:
    shown, chat = await talk(tmp_path, ScriptedChatModel(ANSWER), "What?", "/new", "/history", "/thread t", "/threads")
    assert "Nothing was asked here yet." in shown
    assert chat.thread_id == "t"
    assert shown.rstrip().endswith("What?")


async def test_a_chat_without_a_name_gets_one(tmp_path: Path) -> None:
    shown, chat = await talk(tmp_path, ScriptedChatModel(), thread=None)
    assert f"Thread {chat.thread_id}." in shown


async def test_errors_and_unknown_commands_are_told_and_the_chat_goes_on(tmp_path: Path) -> None:
    model = ScriptedChatModel(ModelUnavailable("The model is down."), ANSWER)
    shown, _ = await talk(tmp_path, model, "What?", "/nope", "/thread", "/thread a b", "What?")
    assert "The model is down." in shown
    assert "There is no command '/nope'." in shown
    assert "Which one?" in shown
    assert "thread id cannot be used" in shown
    assert ANSWER in shown


async def test_ctrl_c_stops_the_answer_and_not_the_program(tmp_path: Path) -> None:
    model = ScriptedChatModel(["Chroma ", asyncio.Event()], ANSWER)

    async def interrupt() -> None:
        await model.waiting.wait()
        signal.raise_signal(signal.SIGINT)

    interrupting = asyncio.create_task(interrupt())
    shown, _ = await talk(tmp_path, model, "What keeps vectors?", "/history", "What keeps vectors?")
    await interrupting
    assert "Chroma (stopped)" in shown.replace("\n", "")
    assert "Chroma (interrupted)" in shown
    assert "[1]\tverbatim" in shown
    assert model.abandoned == 1
    previous: Any = signal.getsignal(signal.SIGINT)
    assert previous is signal.default_int_handler


def test_what_is_typed_during_an_answer_is_not_echoed_into_it() -> None:
    ours, theirs = pty.openpty()
    with open(theirs) as terminal:
        with unechoed(terminal):
            assert not termios.tcgetattr(terminal)[3] & termios.ECHO
        assert termios.tcgetattr(terminal)[3] & termios.ECHO
    os.close(ours)
    with unechoed(io.StringIO()):
        pass
