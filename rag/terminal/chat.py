"""`footnote chat`: a conversation in a terminal."""

from __future__ import annotations

import asyncio
import secrets
import signal
import sys
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import TextIO

from rich.console import Console
from rich.text import Text

from rag.errors import FootnoteError, NotFound
from rag.events import Failed
from rag.request import parse_request
from rag.service import Footnote
from rag.settings import Settings
from rag.stream.readers import EventTap
from rag.stream.runs import Run
from rag.terminal.screen import Screen, checked, open_screen, told
from rag.terminal.text import Wrapping, harmless
from rag.terminal.upkeep import show_sources
from rag.threads.memory import ThreadStore, open_threads

_HELP = """\
/sources     the pages that answer questions; /sources URL lists those under it
/history     what was asked and answered in this conversation
/threads     all conversations
/thread ID   go on with another one
/new         start a new one
/quit        leave (also Ctrl-D)"""


_SOURCES_LISTED = 50


class Chat:
    """A conversation and its commands.

    Args:
        read_line: asks for one line; raises EOFError at the end of the input.
        screen: makes the screen of each answer.
    """

    def __init__(
        self,
        footnote: Footnote,
        threads: ThreadStore,
        thread_id: str | None,
        *,
        read_line: Callable[[str], Awaitable[str]],
        screen: Callable[[], Screen] = open_screen,
        console: Console | None = None,
    ) -> None:
        self._footnote = footnote
        self._threads = threads
        self.thread_id = thread_id or _new_name()
        self._read_line = read_line
        self._screen = screen
        self._console = console or Console(highlight=False)

    async def run(self) -> None:
        """Answers line after line until /quit or the end of the input."""
        self._say(f"Thread {self.thread_id}. Ask a question; /help lists the commands.")
        while True:
            try:
                line = (await self._read_line("\n› ")).strip()
            except EOFError:
                return
            if line in ("/quit", "/exit"):
                return
            try:
                await (self._obey(line) if line.startswith("/") else self._answer(line))
            except FootnoteError as error:
                self._say(str(error), "red")

    async def _answer(self, question: str) -> None:
        if not question:
            return
        request = parse_request(question=question, thread_id=self.thread_id)
        with _interrupts() as interrupted, unechoed(sys.stdin):
            run = await self._footnote.start(request)
            stopping = asyncio.create_task(_stop_when(interrupted, run))
            tap, screen = EventTap(run), self._screen()
            try:
                async for event in tap:
                    if isinstance(event, Failed) and interrupted.is_set():
                        break
                    screen.show(checked(event))
            finally:
                tap.close()
                stopping.cancel()
                screen.close()
        if interrupted.is_set():
            self._say("\n(stopped)")

    async def _obey(self, line: str) -> None:
        command, _, argument = line.partition(" ")
        argument = argument.strip()
        match command:
            case "/sources":
                show_sources(self._footnote.settings, argument or None, as_json=False, most=_SOURCES_LISTED)
            case "/history":
                await self._show_history()
            case "/threads":
                for thread in await asyncio.to_thread(self._threads.threads):
                    self._say(f"{thread.id}  {thread.updated_at:%Y-%m-%d %H:%M}  {thread.turns:>3}  {thread.title}", "")
            case "/thread" if argument:
                parse_request(question="?", thread_id=argument)
                self.thread_id = argument
                self._say(f"Thread {self.thread_id}.")
            case "/thread":
                self._say("Which one? /thread ID; /threads lists them.")
            case "/new":
                self.thread_id = _new_name()
                self._say(f"Thread {self.thread_id}.")
            case "/help":
                self._say(_HELP)
            case _:
                self._say(f"There is no command {line!r}.\n{_HELP}")

    async def _show_history(self) -> None:
        try:
            turns = await asyncio.to_thread(self._threads.turns, self.thread_id)
        except NotFound:
            self._say("Nothing was asked here yet.")
            return
        for turn in turns:
            self._say(f"› {turn.question}", "bold")
            for step in turn.steps:
                if step.kind == "action":
                    self._say(told(step))
            self._answered(turn.answer if turn.state == "done" else f"{turn.answer.rstrip()} ({turn.state})".strip())

    def _answered(self, text: str) -> None:
        """An answer again, wrapped as it was when it came."""
        wrapping = Wrapping(lambda: self._console.width)
        wrapped = wrapping.feed(text) + wrapping.finish() if self._console.is_terminal else harmless(text)
        self._console.print(wrapped, markup=False, soft_wrap=True)

    def _say(self, text: str, style: str = "dim") -> None:
        self._console.print(Text(harmless(text), style=style), soft_wrap=not self._console.is_terminal)


async def chat(settings: Settings, thread_id: str | None) -> None:
    """Talks on standard input and output."""
    if thread_id is not None:
        parse_request(question="?", thread_id=thread_id)
    threads = open_threads(settings)
    try:
        async with Footnote.open(settings) as footnote:
            await Chat(footnote, threads, thread_id, read_line=_read_line).run()
    finally:
        threads.close()


async def _read_line(prompt: str) -> str:
    """One line of standard input, with editing and history where it is a terminal; Ctrl-C gives an empty one."""
    if not sys.stdin.isatty():
        if line := str(await asyncio.to_thread(sys.stdin.readline)):
            return line
        raise EOFError
    import readline  # its import gives `input` its editing

    readline.parse_and_bind("set enable-bracketed-paste on")  # pasted lines are one question, not many
    # In this thread, where Ctrl-C arrives; nothing else is at work while a question is typed.
    previous = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        return input(prompt)  # noqa: ASYNC250
    except KeyboardInterrupt:
        sys.stdout.write("\n")
        return ""
    finally:
        signal.signal(signal.SIGINT, previous)


async def _stop_when(interrupted: asyncio.Event, run: Run) -> None:
    await interrupted.wait()
    run.cancel()


@contextmanager
def _interrupts() -> Iterator[asyncio.Event]:
    """Ctrl-C sets the event, and does nothing else, until the body has ended."""
    loop, interrupted = asyncio.get_running_loop(), asyncio.Event()
    loop.add_signal_handler(signal.SIGINT, interrupted.set)
    try:
        yield interrupted
    finally:
        loop.remove_signal_handler(signal.SIGINT)


@contextmanager
def unechoed(terminal: TextIO) -> Iterator[None]:
    """What is typed meanwhile stays out of the answer, and is there at the next prompt. Does nothing to a pipe."""
    if not terminal.isatty():
        yield
        return
    import termios

    before = termios.tcgetattr(terminal)
    silent = [*before]
    silent[3] &= ~termios.ECHO
    termios.tcsetattr(terminal, termios.TCSADRAIN, silent)
    try:
        yield
    finally:
        termios.tcsetattr(terminal, termios.TCSADRAIN, before)


def _new_name() -> str:
    return secrets.token_hex(4)
