"""Reading in processes of their own, so that fetching, reading and writing each have a core, and no page can harm us.

A few pages are read here: one page is done before a process would be up. When many are on their way all are read
apart, for this process has the indexes to open meanwhile, and need not load the parsers. What takes too long, or
crashes the parser, ends its process and is that page's failure; the pages behind it are read again by the next process.
"""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
import threading
from collections import deque
from concurrent.futures import Future
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, BinaryIO, Protocol, Self, cast

from ingest.apart.child import ERROR, FAULT, PAGE_SECONDS, READ, READY, receive, send
from ingest.apart.packed import unpacked, unpacked_error
from rag.errors import SourceUnreadable

if TYPE_CHECKING:
    from ingest.apart.page import PageReader, ReadPage
    from ingest.fetching.answers import Fetched

READ_HERE = 8
"""Pages read in this process before others are started, when no more are known to come."""
LARGE = 1_000_000
"""Bytes of a page that is never read in this process, where nothing could end what takes too long."""
MOST_READERS = 3
AHEAD = 4
"""Pages that a process is given at a time, so that the next is there when one is done, however busy this one is."""
_TRIES = 3


class Reader(Protocol):
    """What a visit needs of a reader.

    Attributes:
        key: changes when the same bytes would be read differently.
        at_once: from how many threads it is worth reading.
    """

    key: str
    at_once: int

    def expect(self, pages: int) -> bool: ...
    def read(self, fetched: Fetched, fetched_at: datetime, known_hash: str | None = None) -> ReadPage: ...


class _Lost(Exception):
    """The process ended before it came to this page."""


class ApartReader:
    """Reads as `reader` does, in up to `processes` processes. A context manager, safe to use from several threads.

    Where a process cannot be started, or the reader cannot be sent to one, pages are read here.

    Args:
        seconds: processor time that a page may take.
        read_here: pages that are read in this process before any other is started, unless so many are expected.

    Attributes:
        read_apart: how many pages were given to another process.
    """

    def __init__(
        self,
        reader: PageReader,
        *,
        processes: int | None = None,
        seconds: float = PAGE_SECONDS,
        read_here: int = READ_HERE,
    ) -> None:
        self.key = reader.key
        self._reader = reader
        self._seconds = seconds
        self._left_here = self._read_here = read_here
        self._many = False
        self._most = spare_cores() if processes is None else processes
        self._sent = _pickled(reader) if self._most else None
        self.at_once = max(reader.at_once, AHEAD * self._most if self._sent else 0)
        self._lock = threading.Lock()
        self._children: list[_Child] = []
        self._lost = False
        self.read_apart = 0

    def expect(self, pages: int) -> bool:
        """Says how many pages are on their way: when many, none is read here, and the processes come up for them.

        Returns:
            Whether these, or those of an earlier call, are many.
        """
        if not self._many and pages >= max(1, self._read_here):
            self._many = True
            with self._lock:
                self._start_missing()
        return self._many

    def read(self, fetched: Fetched, fetched_at: datetime, known_hash: str | None = None) -> ReadPage:
        """Reads a page, and chunks it unless its content is what was known.

        Raises:
            SourceUnreadable: there is no text in it, or it was too much for the process that read it.
            SourceTooLarge: it is nested too deep.
        """
        for _ in range(_TRIES):
            child = self._child(large=len(fetched.body) > LARGE)
            if child is None:
                break
            try:
                self.read_apart += 1
                kind, body = child.ask(pickle.dumps((fetched, fetched_at, known_hash), protocol=5)).result()
            except _Lost:
                continue
            if kind == READ:
                return unpacked(body, fetched_at)
            raise unpacked_error(body) if kind == ERROR else _unreadable(fetched.final_url, kind, body)
        return self._reader.read(fetched, fetched_at, known_hash)

    @property
    def processes(self) -> list[int]:
        """The ids of those that are up."""
        with self._lock:
            return [child.number for child in self._children if child.up]

    def wait_until_up(self) -> None:
        """Starts the processes now, and waits for them."""
        self._left_here = 0
        self._child()
        for child in list(self._children):
            child.begun.wait()

    def close(self) -> None:
        """Ends the processes."""
        with self._lock:
            self._sent = None
            children, self._children = self._children, []
        for child in children:
            child.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _child(self, *, large: bool = False) -> _Child | None:
        """The process with the least to do; None as long as none is up, unless the page is large or one of many."""
        with self._lock:
            self._left_here -= 1
            if self._sent is None or (self._left_here >= 0 and not large and not self._many):
                return None
            if any(child.failed for child in self._children):
                self._sent = None  # it cannot be done here, and trying again with each page would not change that
                return None
            self._start_missing()
            up = [child for child in self._children if child.up]
            # Where a page has ended a process there may be more such pages: better to wait than to read them here.
            ready = up or (self._children if self._lost or large or self._many else [])
            return min(ready, key=lambda child: child.waiting, default=None)

    def _start_missing(self) -> None:
        alive = [child for child in self._children if child.alive]
        self._lost = self._lost or len(alive) < len(self._children)
        self._children = alive
        while self._sent is not None and len(self._children) < self._most:
            self._children.append(_Child(self._sent, self._seconds))


class _Child:
    """One process, and the thread that takes its answers.

    Attributes:
        up: it is ready to read.
        alive: it has not ended.
        failed: it ended before it was ready.
        begun: set when it is known which.
    """

    def __init__(self, reader: bytes, seconds: float) -> None:
        self.up = self.failed = False
        self.alive = True
        self._lock = threading.Lock()
        self.begun = threading.Event()
        self._asked: deque[Future[tuple[bytes, bytes]]] = deque()
        self._seconds = seconds
        self._process: subprocess.Popen[bytes] | None = None
        self._thread = threading.Thread(target=self._run, args=(reader,), name="ingest-answers", daemon=True)
        self._thread.start()

    @property
    def waiting(self) -> int:
        return len(self._asked)

    @property
    def number(self) -> int:
        return self._process.pid if self._process is not None else 0

    def ask(self, request: bytes) -> Future[tuple[bytes, bytes]]:
        """Sends a page; the answer comes when those before it are done.

        The future raises `_Lost` when the process ended before it came to this page.
        """
        answer: Future[tuple[bytes, bytes]] = Future()
        self.begun.wait()
        with self._lock:
            if not self.alive or self._process is None:
                answer.set_exception(_Lost())
                return answer
            self._asked.append(answer)
            try:
                send(cast(BinaryIO, self._process.stdin), READ, request)
            except OSError:
                pass  # it has ended, and the thread that hears it settles what was asked
        return answer

    def close(self) -> None:
        process = self._process
        if process is not None:
            process.kill()
        self._thread.join()

    def _run(self, reader: bytes) -> None:
        try:
            self._process = process = _started(self._seconds)
        except OSError:
            self.alive, self.failed = False, True
            self.begun.set()
            return
        with process:
            try:
                send(cast(BinaryIO, process.stdin), READ, reader)
                self._take_answers(cast(BinaryIO, process.stdout))
            except OSError:
                pass  # as when it ends by itself
            finally:
                process.kill()
                self._settle()
                self._close_quietly(process)

    def _take_answers(self, stream: BinaryIO) -> None:
        frame = receive(stream)
        self.up = frame is not None and frame[0] == READY
        self.begun.set()
        while self.up and (frame := receive(stream)) is not None:
            self._asked.popleft().set_result(frame)

    def _settle(self) -> None:
        """The page that was being read is to blame; those behind it were not begun."""
        with self._lock:
            self.failed, self.up, self.alive = not self.up, False, False
            for place, answer in enumerate(self._asked):
                if place == 0:
                    answer.set_result((FAULT, b""))
                else:
                    answer.set_exception(_Lost())
            self._asked.clear()
        self.begun.set()

    def _close_quietly(self, process: subprocess.Popen[bytes]) -> None:
        try:
            cast(BinaryIO, process.stdin).close()
        except OSError:
            pass  # what was still to be sent has nobody to go to


def spare_cores() -> int:
    """Processes worth starting beside this one: none on a single core."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return min(MOST_READERS, cores - 1)


def _pickled(reader: PageReader) -> bytes | None:
    """None for a reader that holds something that cannot be sent, such as a test's own counter of tokens."""
    try:
        return pickle.dumps(reader)
    except (pickle.PicklingError, AttributeError, TypeError):
        return None


def _started(seconds: float) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "ingest.apart.child", str(seconds)]
    package = Path(__file__).resolve().parents[2]
    return subprocess.Popen(  # noqa: S603 - our own
        command,
        cwd=package,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        start_new_session=True,  # Ctrl-C is for us, and we end it
    )


def _unreadable(url: str, kind: bytes, body: bytes) -> SourceUnreadable:
    told = f": {body.decode('utf-8', 'replace')[:200]}" if body else ", which took too long or too much memory"
    return SourceUnreadable(f"{url!r} was too much for the reader{told}.", "Leave it out, or name a part of it.")
