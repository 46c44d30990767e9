"""Keeps the garbage collector from stopping every stream at once.

Model libraries keep an object or ten for each token until its answer is done. With many long answers under way a full
collection walks through millions of them and stands still for a second, and Python starts one whenever the heap has
grown by a quarter. Here full collections are made when no answer is under way, at most every ten seconds, or else once
a minute.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import time
from collections.abc import AsyncIterator

from rag.service import Footnote

_YOUNG = 5_000
_MIDDLE = 10
_NEVER = 1_000_000
_LOOK_SECONDS = 2.0
_AT_MOST_EVERY_SECONDS = 10.0
_AT_LEAST_EVERY_SECONDS = 60.0


@contextlib.asynccontextmanager
async def collected_between_answers(service: Footnote) -> AsyncIterator[None]:
    """For the time of the body, of a process that serves; what is loaded by now is not looked at again."""
    before = gc.get_threshold()
    gc.collect()
    gc.freeze()
    gc.set_threshold(_YOUNG, _MIDDLE, _NEVER)
    task = asyncio.create_task(_collect(service), name="garbage")
    try:
        yield
    finally:
        task.cancel()
        await asyncio.wait([task])
        gc.set_threshold(*before)
        gc.unfreeze()


async def _collect(service: Footnote) -> None:
    collected, worked = time.monotonic(), False
    while True:
        await asyncio.sleep(_LOOK_SECONDS)
        worked = worked or service.active > 0
        waited = time.monotonic() - collected
        if worked and waited > (_AT_LEAST_EVERY_SECONDS if service.active else _AT_MOST_EVERY_SECONDS):
            gc.collect()
            collected, worked = time.monotonic(), service.active > 0
