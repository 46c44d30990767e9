"""Pages are written together when they come together, and at once when they come alone."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from queue import SimpleQueue

import pytest

from ingest.visited import Visited
from ingest.writing import GIVE_UP_AFTER, WriteQueue, give_way
from rag.errors import FootnoteError, ModelUnavailable
from rag.index.asked import LastAsked
from rag.index.writer import PageChange
from rag.vocabulary import Chunk, Page
from tests.fakes import make_chunks, make_page
from tests.ingest.store import MemoryStore

LONG = 600.0


def visited(number: int) -> Visited:
    page = make_page(f"Page number {number}.", url=f"https://example.org/{number}")
    return Visited([], page.url, outcome="indexed", page=page, chunks=make_chunks(page))


async def written(more: Callable[[], bool], linger: float, *, one_by_one: bool) -> list[int]:
    """How many pages the batches hold that four pages are written in."""
    store, done = MemoryStore(), asyncio.Event()
    queue = WriteQueue(store, lambda *_: done.set(), more=more, linger=linger)
    running = asyncio.create_task(queue.run())
    for number in range(4):
        await queue.put(visited(number))
        if one_by_one or not number:
            await done.wait()
            done.clear()
    await queue.close()
    await running
    return store.batches


async def test_what_is_on_its_way_is_waited_for() -> None:
    """While more pages are to come they gather, until no more will; the first goes in alone, to see that it can."""
    assert await written(lambda: True, LONG, one_by_one=False) == [1, 3]


async def test_the_last_page_is_not_held_back() -> None:
    """With nothing on its way a page is written at once, whatever the linger."""
    assert await written(lambda: False, LONG, one_by_one=True) == [1, 1, 1, 1]


async def test_no_page_is_held_back_for_long() -> None:
    """When the moment has passed what is there is written, though more was expected."""
    assert await written(lambda: True, 0.0, one_by_one=True) == [1, 1, 1, 1]


async def test_an_ingestion_gives_way_while_others_ask(tmp_path: Path) -> None:
    """It rests as long as its batch took when a question came meanwhile, two seconds at most, and else not at all."""
    now, rests = [1_000.0], list[float]()

    async def rest(seconds: float) -> None:
        rests.append(seconds)

    asked = LastAsked(tmp_path, lambda: now[0])
    pause = give_way(asked, rest)
    await pause(1.0)
    assert rests == []
    asked.note()
    await pause(0.5)
    await pause(60.0)
    assert rests == [0.5, 2.0]
    now[0] += 10
    await pause(1.0)
    assert rests == [0.5, 2.0]


class Paced(MemoryStore):
    """A store whose second write lasts until the third page has been embedded."""

    def __init__(self) -> None:
        super().__init__()
        self.ahead = threading.Event()
        self.embedded_pages: SimpleQueue[str] = SimpleQueue()

    def embed(self, pages: Sequence[tuple[Page, Sequence[Chunk]]]) -> None:
        for page, _ in pages:
            self.embedded_pages.put(page.url)
            if page.url == visited(2).url:
                self.ahead.set()

    def write(self, pages: Sequence[tuple[Page, Sequence[Chunk]]]) -> list[PageChange]:
        if len(self.batches) == 1:
            assert self.ahead.wait(LONG)
        return super().write(pages)


async def test_a_batch_is_embedded_while_the_one_before_it_is_written() -> None:
    """The second write ends only when the third batch has been embedded, and all go in in their order."""
    store, told = Paced(), asyncio.Queue[str]()
    queue = WriteQueue(store, lambda visited, *_: told.put_nowait(visited.url))
    running = asyncio.create_task(queue.run())
    for number in range(3):
        await queue.put(visited(number))
        assert await asyncio.to_thread(store.embedded_pages.get, timeout=LONG) == visited(number).url
        if not number:
            assert await told.get() == visited(0).url
    await queue.close()
    await running
    assert store.batches == [1, 1, 1]
    assert [told.get_nowait() for _ in range(2)] == [visited(1).url, visited(2).url]


async def test_pages_that_cannot_be_embedded_fail_and_three_times_end_it() -> None:
    """What the model says is told of each page, and none is written."""
    store, problems = MemoryStore(), asyncio.Queue[FootnoteError | None]()
    store.unembeddable = ModelUnavailable("The model is away.", "Try again later.")
    queue = WriteQueue(store, lambda _visited, _change, error: problems.put_nowait(error))
    running = asyncio.create_task(queue.run())
    for number in range(GIVE_UP_AFTER):
        await queue.put(visited(number))
        assert await problems.get() is store.unembeddable
    with pytest.raises(ModelUnavailable):
        await running
    assert store.batches == []
