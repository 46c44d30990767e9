"""Runs: exactly one last event whatever happens, a deadline, readers that hold back and that leave, draining."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from rag.errors import ModelStreamBroken, NotFound, Overloaded, RunInterrupted, StorageError
from rag.events import Done, Event, Token
from rag.stream.attendance import Attendance
from rag.stream.registry import Runs
from rag.stream.runs import WINDOW_BYTES, Run
from rag.stream.wire import SentEvent, decode
from rag.vocabulary import Timing

FIRST = Token("first")


def _done(run: Run) -> Event:
    return Done(run.id, "", "", (), {}, Timing(), "stop")


@pytest.fixture
async def runs(tmp_path: Path) -> AsyncIterator[Runs]:
    made = Runs(tmp_path, limit=3, keep_seconds=3_600, deadline=5.0)
    yield made
    await made.close()


async def _all(reader: Any) -> list[SentEvent]:
    events: list[SentEvent] = []
    while (chunk := await reader.read(5.0)) is not None:
        events += decode(chunk)
    reader.close()
    return events


async def _status(runs: Runs, run: Run) -> str:
    await run.ended.wait()
    return (await runs.find(run.id)).status


async def test_a_run_ends_with_done(runs: Runs) -> None:
    """Its events in order, and its place is free again."""

    async def produce(run: Run) -> None:
        run.emit(Token("two"))
        run.emit(_done(run))

    run = runs.new("What?")
    await runs.start(run, produce, FIRST)
    events = await _all(run.read_from(0))
    assert [(event.seq, event.name) for event in events] == [(1, "token"), (2, "token"), (3, "done")]
    assert await _status(runs, run) == "done"
    assert runs.active == 0


@pytest.mark.parametrize(
    ("error", "slug"),
    [
        (ModelStreamBroken("It broke.", ""), "model-stream-broken"),
        (ValueError("secret"), "internal"),
        (TimeoutError("inner"), "internal"),
        (None, "internal"),
    ],
)
async def test_a_failing_run_ends_with_one_error(runs: Runs, error: Exception | None, slug: str) -> None:
    """Our errors as they are, others without their words, and a run that forgets to say `done` too."""

    async def produce(run: Run) -> None:
        if error is not None:
            raise error

    run = runs.new("What?")
    await runs.start(run, produce, FIRST)
    events = await _all(run.read_from(0))
    assert [event.name for event in events] == ["token", "error"]
    assert events[-1].data["type"] == f"urn:footnote:error:{slug}"
    assert "secret" not in str(events[-1].data)
    assert await _status(runs, run) == "failed"


async def test_the_deadline_ends_a_run(tmp_path: Path) -> None:
    """Also one that waits for ever."""
    runs = Runs(tmp_path, limit=3, keep_seconds=3_600, deadline=0.05)

    async def produce(run: Run) -> None:
        await asyncio.Event().wait()

    run = runs.new("What?")
    await runs.start(run, produce, FIRST)
    assert (await _all(run.read_from(0)))[-1].data["type"] == "urn:footnote:error:deadline-exceeded"
    await runs.close()


async def test_the_deadline_counts_from_the_question(tmp_path: Path) -> None:
    """What a run waited for before it began, a conversation or the journal, is not added to it."""
    runs = Runs(tmp_path, limit=3, keep_seconds=3_600, deadline=3_600)

    async def produce(run: Run) -> None:
        await asyncio.Event().wait()

    run = runs.new("What?")
    run.began -= 3_600
    await runs.start(run, produce, FIRST)
    async with asyncio.timeout(5):
        events = await _all(run.read_from(0))
    assert events[-1].data["type"] == "urn:footnote:error:deadline-exceeded"
    await runs.close()


async def test_cancelling_at_once_still_ends_with_an_error(runs: Runs) -> None:
    """A run that is cancelled before its task has taken a step."""

    async def produce(run: Run) -> None:
        raise AssertionError("not reached")

    run = runs.new("What?")
    await runs.start(run, produce, FIRST)
    run.cancel()
    assert [event.name for event in await _all(run.read_from(0))] == ["token", "error"]
    assert await _status(runs, run) == "cancelled"


async def test_the_last_reader_to_leave_cancels(runs: Runs) -> None:
    """The first one does not."""
    begun, left = asyncio.Event(), asyncio.Event()

    async def produce(run: Run) -> None:
        try:
            begun.set()
            await asyncio.Event().wait()
        finally:
            left.set()

    run = runs.new("What?")
    await runs.start(run, produce, FIRST)
    one, two = run.read_from(0), run.read_from(0)
    await begun.wait()
    one.close()
    one.close()
    assert run.status == "running"
    two.close()
    await left.wait()
    assert await _status(runs, run) == "cancelled"


async def test_a_reader_that_takes_nothing_holds_the_run_back(runs: Runs) -> None:
    """It is at most a window ahead; when the reader takes, it goes on; another that takes sets the pace for both."""
    made, held_back = 0, asyncio.Event()

    async def produce(run: Run) -> None:
        nonlocal made
        for _ in range(2_000):
            run.emit(Token("x" * 1_000))
            made += 1
            if run.is_ahead:
                held_back.set()
            await run.room()
        run.emit(_done(run))

    run = runs.new("What?")
    await runs.start(run, produce, FIRST)
    silent = run.read_from(0)
    await held_back.wait()
    assert made < 2 * WINDOW_BYTES / 1_000
    reading = asyncio.create_task(_all(run.read_from(0)))
    events = await reading
    assert len(events) == 2_002
    assert len(await _all(silent)) == 2_002


async def test_a_late_reader_reads_from_the_journal(runs: Runs) -> None:
    """More than memory keeps, from the start, while the run goes on."""
    go_on = asyncio.Event()

    async def produce(run: Run) -> None:
        for _ in range(1_000):
            run.emit(Token("x" * 1_000))
            await run.room()
        await go_on.wait()
        run.emit(_done(run))

    run = runs.new("What?")
    await runs.start(run, produce, FIRST)
    reader = run.read_from(0)
    while run.kept < 1_001:
        await reader.read(5.0)
    assert run.recent(0) is None
    reading = asyncio.create_task(_all(run.read_from(0)))
    go_on.set()
    assert [event.seq for event in await reading] == list(range(1, 1_003))


async def test_a_silent_run_times_its_readers_out(runs: Runs) -> None:
    """An empty read, for a ping, then the events go on."""
    go_on = asyncio.Event()

    async def produce(run: Run) -> None:
        await go_on.wait()
        run.emit(_done(run))

    run = runs.new("What?")
    await runs.start(run, produce, FIRST)
    reader = run.read_from(1)
    assert await reader.read(0.001) == b""
    go_on.set()
    assert [event.name for event in await _all(reader)] == ["done"]


async def test_places_are_limited(runs: Runs) -> None:
    """The one too many is refused; a run that could not be started gives its place back."""
    taken = [runs.new("What?") for _ in range(3)]
    with pytest.raises(Overloaded) as refused:
        runs.new("What?")
    assert refused.value.retry_after
    runs.forget(taken[0])
    runs.new("What?")


async def test_draining_ends_what_does_not_end_by_itself(runs: Runs) -> None:
    """Within the grace `done`, after it `error`; nothing new is started."""
    go_on = asyncio.Event()

    async def ends(run: Run) -> None:
        await go_on.wait()
        run.emit(_done(run))

    async def hangs(run: Run) -> None:
        await asyncio.Event().wait()

    first, second = runs.new("What?"), runs.new("What?")
    await runs.start(first, ends, FIRST)
    await runs.start(second, hangs, FIRST)
    finishing = asyncio.create_task(runs.finish(0.1))
    await asyncio.sleep(0)
    with pytest.raises(Overloaded):
        runs.new("What?")
    go_on.set()
    await finishing
    assert [await _status(runs, run) for run in (first, second)] == ["done", "interrupted"]
    assert isinstance(second.failure, RunInterrupted)


async def test_another_process_follows_and_cancels(tmp_path: Path, runs: Runs) -> None:
    """A second registry on the same folder reads a run live, and has it cancelled by its owner."""
    go_on = asyncio.Event()

    async def produce(run: Run) -> None:
        run.emit(Token("two"))
        await go_on.wait()
        run.emit(Token("three"))
        await asyncio.Event().wait()

    other = Runs(tmp_path, limit=3, keep_seconds=3_600, deadline=5.0)
    run = runs.new("What?")
    await runs.start(run, produce, FIRST)
    reader = await other.follow(run.id)
    assert reader is not None
    chunk = await reader.read(5.0)
    assert chunk is not None
    go_on.set()
    assert (await other.cancel(run.id)).status == "cancelled"
    events = [*decode(chunk), *await _all(reader)]
    assert [event.seq for event in events] == list(range(1, len(events) + 1))
    assert events[-1].data["type"] == "urn:footnote:error:cancelled"
    assert await other.follow(run.id, events[-1].seq) is None
    await other.close()


async def test_a_reader_in_another_process_keeps_a_run_going(tmp_path: Path, runs: Runs) -> None:
    """The run ends when that one leaves as well; a reader of a process that is gone keeps nothing."""
    other, gone = (Runs(tmp_path, limit=3, keep_seconds=3_600, deadline=5.0) for _ in range(2))

    async def produce(run: Run) -> None:
        await asyncio.Event().wait()

    run = runs.new("What?")
    await runs.start(run, produce, FIRST)
    here, there = run.read_from(0), await other.follow(run.id)
    assert there is not None
    assert await gone.follow(run.id) is not None
    await gone.close()
    here.close()
    assert await there.read(5.0)
    assert await there.read(0.5) == b""
    assert run.status == "running"
    there.close()
    assert await _status(runs, run) == "cancelled"
    await other.close()


async def test_a_process_alone_asks_nobody_who_reads_elsewhere(
    tmp_path: Path, runs: Runs, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A busy machine would make the model wait for the answer; with a second process there is no way round it."""
    asked: list[list[str]] = []
    monkeypatch.setattr(Attendance, "read_elsewhere", lambda _, run_ids: asked.append([*run_ids]) or set())

    async def produce(run: Run) -> None:
        await asyncio.Event().wait()

    async def leave_one() -> Run:
        run = runs.new("What?")
        await runs.start(run, produce, FIRST)
        run.read_from(0).close()
        assert await _status(runs, run) == "cancelled"
        return run

    await leave_one()
    assert asked == []
    other = Runs(tmp_path, limit=3, keep_seconds=3_600, deadline=5.0)
    run = await leave_one()
    assert asked == [[run.id]]
    await other.close()


async def test_the_last_reader_of_many_ends_a_run(runs: Runs) -> None:
    """One that comes back before the run has ended keeps it."""

    async def produce(run: Run) -> None:
        await asyncio.Event().wait()

    run = runs.new("What?")
    await runs.start(run, produce, FIRST)
    run.read_from(0).close()
    again = run.read_from(0)
    assert await again.read(5.0)
    assert await again.read(0.5) == b""
    assert run.status == "running"
    again.close()
    assert await _status(runs, run) == "cancelled"


async def test_runs_are_found_by_their_owner_only(runs: Runs) -> None:
    """For anybody else there is no such run."""
    run = runs.new("What?", principal="me")

    async def produce(run: Run) -> None:
        run.emit(_done(run))

    await runs.start(run, produce, FIRST)
    assert (await runs.find(run.id, "me")).id == run.id
    for principal in ("", "you"):
        with pytest.raises(NotFound):
            await runs.find(run.id, principal)


async def test_without_a_journal_nothing_is_started(tmp_path: Path, runs: Runs) -> None:
    """A disk that fails at the start is an error of the request; one that fails later ends the run with one error."""

    async def produce(run: Run) -> None:
        with sqlite3.connect(tmp_path / "runs.sqlite") as connection:
            connection.execute("ALTER TABLE batches RENAME TO elsewhere")
        connection.close()
        run.emit(Token("lost"))
        await asyncio.Event().wait()

    run = runs.new("What?")
    await runs.start(run, produce, FIRST)
    events = await _all(run.read_from(0))
    assert [event.name for event in events] == ["token", "error"]
    assert events[-1].data["type"] == "urn:footnote:error:storage"
    await run.stopped()
    again = runs.new("What?")
    with pytest.raises(StorageError):
        await runs.start(again, produce, FIRST)
    runs.forget(again)


async def test_a_reader_that_resumes_at_the_end_does_not_hold_the_run_back(runs: Runs) -> None:
    """It has all there is, however long the run was before it came."""
    go_on = asyncio.Event()

    async def produce(run: Run) -> None:
        for _ in range(3 * WINDOW_BYTES // 1_000):
            run.emit(Token("x" * 1_000))
            await run.room()
        await go_on.wait()
        run.emit(Token("more"))
        await run.room()
        run.emit(_done(run))

    run = runs.new("What?", on_disconnect="continue")
    await runs.start(run, produce, FIRST)
    first = run.read_from(0)
    while run.kept < 3 * WINDOW_BYTES // 1_000 + 1:
        await first.read(5.0)
    first.close()
    resumed = run.read_from(run.kept)
    go_on.set()
    assert [event.name for event in await _all(resumed)] == ["token", "done"]
