"""The journal keeps what was sent, ends what was left, and forgets in time; the recorder writes many runs at once."""

from __future__ import annotations

import asyncio
import sqlite3
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from rag.errors import StorageError
from rag.events import Token
from rag.stream.journal import Batch, Journal, RunRow, insert_batches, insert_run
from rag.stream.recorder import Recorder, Track
from rag.stream.wire import after, decode, encode, to_json


def _row(journal: Journal, run_id: str = "r", owner: str | None = None) -> RunRow:
    return RunRow(run_id, owner or journal.owner, "", "What?", None, 1_000.0)


def _batch(first: int, last: int, run_id: str = "r") -> Batch:
    events = b"".join(encode(number, Token(f"t{number}")) for number in range(first, last + 1))
    return Batch(run_id, first, last, 0, events)


@pytest.fixture
def journal(tmp_path: Path) -> Any:
    opened = Journal(tmp_path, clock=lambda: 5_000.0)
    yield opened
    opened.close()


def test_batches_are_read_after_an_event(journal: Journal) -> None:
    """Whole batches, from the one that holds the next event."""
    with journal.database.write() as connection:
        insert_run(connection, _row(journal))
        insert_batches(connection, [_batch(1, 3), _batch(4, 4), _batch(5, 9)])
    assert [batch.first for batch in journal.read("r", 0)] == [1, 4, 5]
    assert [batch.first for batch in journal.read("r", 3)] == [4, 5]
    assert [batch.first for batch in journal.read("r", 2)] == [1, 4, 5]
    assert journal.read("r", 9) == []
    assert journal.last_seq("r") == 9
    assert journal.last_seq("unknown") == 0


def test_the_run_of_a_dead_process_is_interrupted_with_a_last_event(tmp_path: Path) -> None:
    """What was said stays, an `error` follows it, and that only once."""
    script = (
        "import os, sys; from pathlib import Path; sys.path.insert(0, sys.argv[2])\n"
        "from rag.stream.journal import *; from rag.stream.wire import encode; from rag.events import Token\n"
        "journal = Journal(Path(sys.argv[1]))\n"
        "with journal.database.write() as connection:\n"
        "    insert_run(connection, RunRow('r', journal.owner, '', 'What?', None, 1.0))\n"
        "    insert_batches(connection, [Batch('r', 1, 1, 0, encode(1, Token('one')))])\n"
        "os._exit(9)"
    )
    root = Path(__file__).parents[3]
    assert subprocess.run([sys.executable, "-c", script, str(tmp_path), str(root)], check=False).returncode == 9
    journal = Journal(tmp_path, clock=lambda: 5.0)
    try:
        assert journal.sweep(older_than=1e9) == 1
        assert journal.sweep(older_than=1e9) == 0
        row = journal.run("r")
        assert row is not None
        assert (row.status, row.finished_at) == ("interrupted", 5.0)
        events = [event for batch in journal.read("r", 0) for event in decode(batch.events)]
        assert [(event.seq, event.name) for event in events] == [(1, "token"), (2, "error")]
        assert events[1].data["type"] == "urn:footnote:error:interrupted"
        assert list((tmp_path / "runs").glob("*.lock")) == [tmp_path / "runs" / f"{journal.owner}.lock"]
    finally:
        journal.close()


def test_the_run_of_a_living_process_goes_on(tmp_path: Path) -> None:
    """A second process on the same folder leaves the runs of the first alone, and can ask to cancel one."""
    first, second = Journal(tmp_path), Journal(tmp_path)
    try:
        with first.database.write() as connection:
            insert_run(connection, _row(first))
        assert second.sweep(older_than=0) == 0
        row = second.run("r")
        assert row is not None
        assert row.status == "running"
        assert first.asked_to_cancel() == []
        second.ask_to_cancel("r")
        assert (first.asked_to_cancel(), second.asked_to_cancel()) == (["r"], [])
    finally:
        first.close()
        second.close()


def test_finished_runs_expire(journal: Journal) -> None:
    """What ended long enough ago is deleted with its events; what runs is not."""
    with journal.database.write() as connection:
        for run_id in ("old", "new", "running"):
            insert_run(connection, _row(journal, run_id))
            insert_batches(connection, [_batch(1, 1, run_id)])
        connection.execute("UPDATE runs SET status = 'done', finished_at = 1000 WHERE id = 'old'")
        connection.execute("UPDATE runs SET status = 'done', finished_at = 4900 WHERE id = 'new'")
    journal.sweep(older_than=3_600)
    assert (journal.run("old"), journal.read("old", 0)) == (None, [])
    assert journal.run("new") is not None
    assert journal.run("running") is not None


@pytest.fixture
async def recorder(journal: Journal) -> AsyncIterator[Recorder]:
    made = Recorder(journal, clock=lambda: 7.0)
    yield made
    await asyncio.to_thread(made.close)


async def test_what_waits_is_written_together_and_told_in_order(journal: Journal, recorder: Recorder) -> None:
    """Events of two runs, in far fewer batches than events, with their outcome."""
    ended = {name: asyncio.Event() for name in "ab"}
    told: dict[str, list[Batch]] = {"a": [], "b": []}

    def track(name: str) -> Track:
        def kept(batch: Batch | None, status: Any, error: Any) -> None:
            assert error is None
            told[name].append(batch)  # type: ignore[arg-type]
            if status:
                ended[name].set()

        return Track(name, _row(journal, name), asyncio.get_running_loop(), kept)

    tracks = [track(name) for name in "ab"]
    for number in range(1, 1_001):
        for one in tracks:
            recorder.append(one, encode(number, Token("x")), "done" if number == 1_000 else None)
    for name in "ab":
        await ended[name].wait()
        batches = told[name]
        assert [batch.first for batch in batches] == [1, *(batch.last + 1 for batch in batches[:-1])]
        assert [batch.start for batch in batches] == [0, *(batch.end for batch in batches[:-1])]
        assert b"".join(batch.events for batch in journal.read(name, 0)) == b"".join(batch.events for batch in batches)
        assert len(batches) < 500
        row = journal.run(name)
        assert row is not None
        assert (row.status, row.finished_at) == ("done", 7.0)


async def test_a_journal_that_cannot_be_written_tells_so(journal: Journal, recorder: Recorder) -> None:
    """StorageError for the run at hand, and the thread lives on."""
    with sqlite3.connect(journal.database.path) as connection:
        connection.execute("ALTER TABLE batches RENAME TO elsewhere")
    connection.close()
    failed: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
    track = Track("r", _row(journal), asyncio.get_running_loop(), lambda *told: failed.set_result(told[2]))
    recorder.append(track, encode(1, Token("x")))
    assert isinstance(await failed, StorageError)


def test_whether_it_can_be_written_is_tried_on_the_disk(journal: Journal) -> None:
    """A look that commits nothing would call a full disk good."""
    log = journal.database.path.with_name("runs.sqlite-wal")
    before = log.stat().st_size
    journal.check_writable()
    assert log.stat().st_size > before


def test_after_finds_the_next_event() -> None:
    """Also when a text looks like an id."""
    chunk = encode(8, Token("id: 10\n")) + encode(9, Token("id: 11")) + encode(10, Token("x")) + encode(11, Token("y"))
    assert after(chunk, 9) == encode(10, Token("x")) + encode(11, Token("y"))
    assert after(chunk, 11) == b""


def test_json_says_what_json_cannot() -> None:
    """NaN, and values of other kinds, become text; a document of a tool never breaks the stream."""
    assert (
        to_json({"a": float("nan"), "b": [Path("/x")], "c": "é\u2028"}) == '{"a":"nan","b":["/x"],"c":"\\u00e9\\u2028"}'
    )


def test_more_batches_than_one_statement_takes_are_all_written(journal: Journal) -> None:
    with journal.database.write() as connection:
        insert_batches(connection, [_batch(number, number) for number in range(1, 2_502)])
    assert [batch.first for batch in journal.read("r", 0)] == list(range(1, 2_502))
