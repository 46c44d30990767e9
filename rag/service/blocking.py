"""Footnote for programs without an event loop: the same, run in a loop of its own in a thread of its own."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Coroutine, Iterator
from typing import Any, Self, TypeVar

from rag.errors import Overloaded
from rag.events import Event
from rag.request import AskRequest
from rag.service.footnote import Footnote
from rag.settings import Settings
from rag.vocabulary import Answer

T = TypeVar("T")


class BlockingFootnote:
    """Footnote without `await`; may be used from several threads.

    with BlockingFootnote.open() as footnote:
        print(footnote.ask("How do I index a site?").text)
    """

    def __init__(self, settings: Settings | None = None, **seams: Any) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="footnote", daemon=True)
        self._thread.start()
        try:
            self._footnote = self._wait(self._opened(settings, seams))
        except BaseException:
            self._stop()
            raise

    @classmethod
    def open(cls, settings: Settings | None = None, **seams: Any) -> Self:
        """As `Footnote.open`."""
        return cls(settings, **seams)

    def ask(self, request: AskRequest | str) -> Answer:
        """As `Footnote.ask`."""
        return self._wait(self._footnote.ask(request))

    def stream(self, request: AskRequest | str) -> Iterator[Event]:
        """As `Footnote.stream`. Leaving early cancels the run."""
        events = self._footnote.stream(request)
        try:
            while (event := self._wait(_next(events))) is not None:
                yield event
        finally:
            if not self._loop.is_closed():
                self._wait(_closed(events))

    def close(self) -> None:
        """May be called more than once."""
        if self._loop.is_closed():
            return
        self._wait(self._footnote.aclose())
        self._stop()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    async def _opened(self, settings: Settings | None, seams: dict[str, Any]) -> Footnote:
        return Footnote.open(settings, **seams)

    def _wait(self, work: Coroutine[Any, Any, T]) -> T:
        if self._loop.is_closed():
            work.close()
            raise Overloaded("This Footnote is closed.", "Open another one.")
        return asyncio.run_coroutine_threadsafe(work, self._loop).result()

    def _stop(self) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()


async def _next(events: AsyncIterator[Event]) -> Event | None:
    return await anext(events, None)


async def _closed(events: AsyncIterator[Event]) -> None:
    await events.aclose()  # type: ignore[attr-defined]
