"""What a server holds does not grow with the tokens that have passed through it."""

from __future__ import annotations

import asyncio
import gc
from collections import Counter
from pathlib import Path
from typing import Any

from tests.fakes import ScriptedChatModel
from tests.service_fakes import make_service


async def _read(reader: Any) -> None:
    while await reader.read(5.0) is not None:
        pass


def _objects() -> Counter[str]:
    gc.collect()
    return Counter(type(thing).__name__ for thing in gc.get_objects())


async def test_no_object_is_kept_for_a_token(tmp_path: Path) -> None:
    """Between the 200th and the 1,200th token of an answer that is still under way."""
    few, many = asyncio.Event(), asyncio.Event()
    model = ScriptedChatModel([*["word "] * 200, few, *["word "] * 1_000, many, "end."])
    async with make_service(tmp_path, model) as service:
        run = await service.start("What keeps vectors?")
        reading = asyncio.create_task(_read(run.read_from(0)))
        await model.waiting.wait()
        before = _objects()
        few.set()
        while model.waiting.is_set():  # noqa: ASYNC110 - the model clears it when it goes on
            await asyncio.sleep(0)
        await model.waiting.wait()
        grown = _objects() - before
        many.set()
        await reading
    assert run.answer is not None
    assert grown.total() < 300, grown.most_common(5)
