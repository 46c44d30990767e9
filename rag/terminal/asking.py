"""`footnote ask`: one question, shown as it is answered."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import cast

from rag.events import Event
from rag.request import AskRequest
from rag.service import Footnote
from rag.settings import Settings
from rag.terminal.screen import Screen, checked, open_screen


async def ask_once(settings: Settings, request: AskRequest, *, as_json: bool = False) -> None:
    """Asks, and shows the run on standard output.

    Raises:
        FootnoteError: whatever kept the answer from being finished.
    """
    screen = open_screen(as_json=as_json)
    async with Footnote.open(settings) as footnote:
        await show_run(footnote, request, screen)


async def show_run(footnote: Footnote, request: AskRequest, screen: Screen) -> None:
    """Shows each event as it comes; leaving early stops the run."""
    try:
        async with aclosing(cast(AsyncGenerator[Event], footnote.stream(request))) as events:
            async for event in events:
                screen.show(checked(event))
    finally:
        screen.close()
