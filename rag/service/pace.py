"""Shares the event loop between tokens, which cannot wait, and costly steps, which can a little."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager

_SECONDS_A_TURN = 0.005


class Pace:
    """Lets the costly steps of all runs take some milliseconds of each turn of the event loop, and no more.

    Two hundred answers whose sentences end at the same moment would otherwise stand still until all are checked.
    """

    def __init__(self) -> None:
        self._spent = 0.0
        self._counting = False
        self._waiting: deque[asyncio.Future[None]] = deque()

    @property
    def has_time(self) -> bool:
        """Whether a step may be taken now, out of turn."""
        return self._spent < _SECONDS_A_TURN and not self._waiting

    async def turn(self) -> None:
        """Waits for the turn of the caller, first come first served."""
        if self.has_time:
            return
        loop = asyncio.get_running_loop()
        future: asyncio.Future[None] = loop.create_future()
        self._waiting.append(future)
        self._count(loop)
        await future

    @contextmanager
    def step(self) -> Iterator[None]:
        """One costly step."""
        loop = asyncio.get_running_loop()
        started = loop.time()
        try:
            yield
        finally:
            self._spent += loop.time() - started
            self._count(loop)

    def _count(self, loop: asyncio.AbstractEventLoop) -> None:
        if not self._counting:
            self._counting = True
            loop.call_soon(self._next_turn, loop)

    def _next_turn(self, loop: asyncio.AbstractEventLoop) -> None:
        """Once a turn of the loop: whoever waits longest goes on, one at a time."""
        self._spent, self._counting = 0.0, False
        while self._waiting:
            future = self._waiting.popleft()
            if not future.done():
                future.set_result(None)
                break
        if self._waiting:
            self._count(loop)
