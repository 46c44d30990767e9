"""The index is opened once, whoever waits for it."""

from __future__ import annotations

import asyncio
import threading
from pathlib import Path
from typing import Any

import pytest

from rag.errors import IndexUnavailable
from rag.settings import Settings
from tests.fakes import ScriptedChatModel, make_documents
from tests.service_fakes import ListedIndex, make_service


class Opener:
    """Opens an index when it is let, and counts how often it was asked to."""

    def __init__(self, *faults: Exception) -> None:
        self.faults = list(faults)
        self.count = 0
        self.begun = threading.Event()
        self.let = threading.Event()

    def __call__(self, settings: Settings, embeddings: Any) -> Any:
        self.count += 1
        self.begun.set()
        self.let.wait(30)
        if self.faults:
            raise self.faults.pop()
        return ListedIndex(make_documents("Chroma keeps vectors."))


async def test_one_who_stops_waiting_does_not_make_it_begin_anew(tmp_path: Path) -> None:
    """A health check that gives up after a second must not keep a slow start from ever ending."""
    opener = Opener()
    async with make_service(tmp_path, ScriptedChatModel(), seams={"open_index": opener}) as footnote:
        first = asyncio.create_task(footnote.index())
        await asyncio.to_thread(opener.begun.wait, 30)
        first.cancel()
        with pytest.raises(asyncio.CancelledError):
            await first
        opener.let.set()
        assert await footnote.index() is await footnote.index()
    assert opener.count == 1


async def test_an_opening_that_failed_is_tried_again(tmp_path: Path) -> None:
    """A Chroma server that comes up late needs no restart of ours."""
    opener = Opener(IndexUnavailable("Chroma does not answer.", "Wait."))
    opener.let.set()
    async with make_service(tmp_path, ScriptedChatModel(), seams={"open_index": opener}) as footnote:
        with pytest.raises(IndexUnavailable):
            await footnote.index()
        assert await footnote.index() is not None
    assert opener.count == 2
