"""Ends open streams properly when the server is told to stop.

uvicorn closes sockets as soon as it hears the signal, and would wait for ever for an endless stream. The signal is
therefore heard here first: no new runs, those under way get their grace, then an `error` event; then uvicorn is told.
A second signal is passed on at once.
"""

from __future__ import annotations

import asyncio
import logging
import signal
import threading
from types import FrameType
from typing import Any

from rag.errors import FootnoteError
from rag.service import Footnote

logger = logging.getLogger(__name__)

_SIGNALS = (signal.SIGTERM, signal.SIGINT)
_UNTIL_FORCED_SECONDS = 1.0


class Stopping:
    """Listens for SIGTERM and SIGINT between `listen` and `forget`; only in the main thread of a process."""

    def __init__(self, service: Footnote) -> None:
        self._service = service
        self._previous: dict[int, Any] = {}
        self._task: asyncio.Task[None] | None = None
        self._heard: int | None = None
        self._passed_on = False

    def listen(self) -> None:
        if threading.current_thread() is not threading.main_thread():
            return
        self._loop = asyncio.get_running_loop()
        for number in _SIGNALS:
            self._previous[number] = signal.getsignal(number)
            signal.signal(number, self._hear)

    def forget(self) -> None:
        for number, previous in self._previous.items():
            signal.signal(number, previous)
        self._previous.clear()

    def _hear(self, number: int, frame: FrameType | None) -> None:
        if self._heard is None:
            self._heard = number
            self._loop.call_soon_threadsafe(self._begin)
        else:
            self._pass_on()
            self._tell(number)

    def _begin(self) -> None:
        self._task = asyncio.create_task(self._stop(), name="stopping")

    async def _stop(self) -> None:
        try:
            await self._service.finish()
        except FootnoteError as error:
            logger.warning("Running answers cannot be waited for: %s", error)
        finally:
            self._pass_on()
        await asyncio.sleep(_UNTIL_FORCED_SECONDS)
        # Something still holds a connection, such as a reader that takes nothing. A second SIGINT is uvicorn's word
        # for "do not wait for connections".
        logger.warning("Connections are still open; they are dropped now.")
        await self._service.aclose()
        self._tell(signal.SIGINT)

    def _pass_on(self) -> None:
        if not self._passed_on and self._heard is not None:
            self._passed_on = True
            self._tell(self._heard)

    def _tell(self, number: int) -> None:
        previous = self._previous.get(number)
        if callable(previous):
            previous(number, None)
