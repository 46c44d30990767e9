"""Asynchronous work for callers that have no event loop: it runs in a loop of its own, in a thread of its own."""

from __future__ import annotations

import asyncio
import contextvars
import queue
import threading
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from typing import Any, TypeVar

T = TypeVar("T")
_END = object()


def run_blocking(work: Callable[[], Coroutine[Any, Any, T]]) -> T:
    """Runs `work()` to its end and returns its result; safe to call where a loop is already running."""
    results: list[T] = []

    async def one() -> AsyncIterator[T]:
        yield await work()

    results.extend(iterate_blocking(one))
    return results[0]


def iterate_blocking(source: Callable[[], AsyncIterator[T]]) -> Iterator[T]:
    """Yields the items of `source()` as they come. Leaving early cancels it and waits until it has ended."""
    items: queue.SimpleQueue[Any] = queue.SimpleQueue()
    ready = threading.Event()
    running: list[tuple[asyncio.AbstractEventLoop, asyncio.Task[Any]]] = []

    async def drive() -> None:
        task = asyncio.current_task()
        assert task is not None  # noqa: S101 - a coroutine under asyncio.run has a task
        running.append((asyncio.get_running_loop(), task))
        ready.set()
        async for item in source():
            items.put(item)

    def body() -> None:
        try:
            asyncio.run(drive())
        except BaseException as error:  # handed to the caller's thread, which raises it
            items.put(_Raised(error))
        finally:
            ready.set()
            items.put(_END)

    thread = threading.Thread(target=contextvars.copy_context().run, args=(body,), name="footnote-run", daemon=True)
    thread.start()
    try:
        while (item := items.get()) is not _END:
            if isinstance(item, _Raised):
                raise item.error
            yield item
    finally:
        ready.wait()
        if thread.is_alive() and running:
            loop, task = running[0]
            _cancel(loop, task)
        thread.join()


class _Raised:
    """An exception on its way to another thread."""

    def __init__(self, error: BaseException) -> None:
        self.error = error


def _cancel(loop: asyncio.AbstractEventLoop, task: asyncio.Task[Any]) -> None:
    try:
        loop.call_soon_threadsafe(task.cancel)
    except RuntimeError:
        return  # the loop has just closed, so the work has ended
