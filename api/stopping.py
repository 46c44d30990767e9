"""Ends open streams properly when the server is told to stop.

uvicorn waits for open connections before it tells the app that it stops, so an endless stream would keep it for ever.
The signal is therefore heard beside uvicorn: no new runs, those under way get their grace, then an `error` event.
"""

from __future__ import annotations

import asyncio
import logging
import signal
import threading
from collections.abc import Callable
from types import FrameType
from typing import Any

from rag.service import Footnote

logger = logging.getLogger(__name__)

_SIGNALS = (signal.SIGTERM, signal.SIGINT)
_UNTIL_FORCED_SECONDS = 2.0


class Stopping:
    """Listens for SIGTERM and SIGINT between `listen` and `forget`; only in the main thread of a process."""

    def __init__(self, service: Footnote) -> None:
        self._service = service
        self._previous: dict[int, Any] = {}
        self._task: asyncio.Task[None] | None = None

    def listen(self) -> None:
        if threading.current_thread() is not threading.main_thread():
            return
        loop = asyncio.get_running_loop()
        for number in _SIGNALS:
            self._previous[number] = signal.getsignal(number)
            signal.signal(number, self._chained(loop, number))

    def forget(self) -> None:
        for number, previous in self._previous.items():
            signal.signal(number, previous)
        self._previous.clear()

    def _chained(self, loop: asyncio.AbstractEventLoop, number: int) -> Callable[[int, FrameType | None], None]:
        previous = self._previous[number]

        def heard(signum: int, frame: FrameType | None) -> None:
            loop.call_soon_threadsafe(self._begin)
            if callable(previous):
                previous(signum, frame)

        return heard

    def _begin(self) -> None:
        if self._task is None:
            self._task = asyncio.create_task(self._stop(), name="stopping")

    async def _stop(self) -> None:
        await self._service.finish()
        await asyncio.sleep(_UNTIL_FORCED_SECONDS)
        # Something still holds a connection, such as a reader that takes nothing. A second SIGINT is uvicorn's word
        # for "do not wait for connections".
        logger.warning("Connections are still open; they are dropped now.")
        await self._service.aclose()
        previous = self._previous.get(signal.SIGINT)
        if callable(previous):
            previous(signal.SIGINT, None)
