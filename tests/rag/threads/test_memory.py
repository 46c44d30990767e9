"""The contract of a thread store, held by SQLite and Postgres alike."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

import pytest

from rag.errors import ConfigurationError, Conflict, NotFound
from rag.events import Step
from rag.settings import Settings
from rag.threads.memory import Outcome, ThreadStore, open_threads
from rag.threads.sql import SqlThreads
from rag.vocabulary import Citation
from tests.fakes import make_documents

OUTCOME = Outcome("Paris [1].", "What is the capital of France?", "stop")


def answered(store: ThreadStore, thread_id: str, question: str, run_id: str, owner: str = "") -> None:
    store.begin(thread_id, question, run_id=run_id, owner=owner)
    store.finish(thread_id, OUTCOME, run_id=run_id, owner=owner)


def test_a_finished_turn_comes_back_whole_from_another_store(open_store: Callable[[], ThreadStore]) -> None:
    documents = make_documents("Paris is the capital.", "Lyon is not.")
    citation = Citation(1, 0, 5, "verbatim", documents[0].id, "Paris", 0, 5, "https://example.org/1#:~:text=Paris")
    store = open_store()
    assert store.begin("t", "Which?", run_id="r1") == 1
    store.finish("t", Outcome("Paris [1].", "Which city?", "stop", documents, [citation]), run_id="r1")
    (turn,) = open_store().turns("t")
    assert (turn.n, turn.run_id, turn.state, turn.finish_reason) == (1, "r1", "done", "stop")
    assert (turn.question, turn.standalone_question, turn.answer) == ("Which?", "Which city?", "Paris [1].")
    assert turn.documents == tuple(documents)
    assert turn.citations == (citation,)
    assert turn.ended_at is not None
    assert turn.ended_at > turn.asked_at


def test_what_an_agent_did_is_kept_with_its_turn(open_store: Callable[[], ThreadStore]) -> None:
    """Of a finished turn and of one that was stopped; a number that JSON has no word for, and NUL, do no harm."""
    taken = {"query": "a\x00b \ud83d", "least": float("nan")}
    steps = [Step(0, "action", "search", input=taken), Step(1, "observation", "search", output="[1] Chroma keeps…")]
    store = open_store()
    store.begin("t", "Which?", run_id="r1")
    store.finish("t", Outcome("Paris [1].", steps=steps), run_id="r1")
    store.begin("t", "Where?", run_id="r2")
    store.interrupt("t", "", steps[:1], run_id="r2")
    answered(store, "t", "Who?", "r3")
    done, stopped, plain = open_store().turns("t")
    first = Step(0, "action", "search", input={"query": "a\x00b \ufffd", "least": "NaN"})
    assert done.steps == (first, steps[1])
    assert stopped.steps == (first,)
    assert plain.steps == ()


def test_long_steps_are_cut_and_none_is_lost(store: ThreadStore) -> None:
    """What was done stays told when a model reads a hundred pages."""
    page = "".join(f"line {n}\n" for n in range(20_000))
    steps = [Step(n, "observation", "open_document", output=page) for n in range(100)]
    steps.append(Step(100, "action", "search", input={"query": page}))
    store.begin("t", "Which?", run_id="r1")
    store.finish("t", Outcome("Paris [1].", steps=steps), run_id="r1")
    (turn,) = store.turns("t")
    assert [(step.index, step.kind, step.tool) for step in turn.steps] == [(s.index, s.kind, s.tool) for s in steps]
    assert turn.steps[0].output == page[:8_000] + " …"
    assert sum(len(str(step.output)) for step in turn.steps) < 70_000
    assert len(str(turn.steps[-1].input)) < 100


def test_a_database_made_before_steps_were_kept_is_given_them(open_store: Callable[[], ThreadStore]) -> None:
    store = open_store()
    answered(store, "t", "Old?", "r1")
    assert isinstance(store, SqlThreads)
    with store._transaction() as execute:
        execute("ALTER TABLE turns DROP COLUMN steps")
    again, other = open_store(), open_store()
    again.begin("t", "New?", run_id="r2")
    again.finish("t", Outcome("Yes.", steps=[Step(0, "action", "search", input={})]), run_id="r2")
    assert [len(turn.steps) for turn in other.turns("t")] == [0, 1]


def test_recall_gives_questions_answers_and_the_pages_that_were_cited(store: ThreadStore) -> None:
    documents = make_documents("Paris is the capital.", "Lyon is not.")
    store.begin("t", "Which?", run_id="r1")
    citations = [Citation(1, 0, 5, "verbatim", documents[0].id)]
    store.finish("t", Outcome("Paris [1].", documents=documents, citations=citations), run_id="r1")
    (exchange,) = store.recall("t").exchanges
    assert (exchange.question, exchange.answer) == ("Which?", "Paris [1].")
    assert exchange.sources == ({"n": 1, "title": "A page", "url": "https://example.org/1"},)
    assert store.recall("other").exchanges == ()


def test_a_second_question_at_once_is_refused_and_leaves_no_trace(open_store: Callable[[], ThreadStore]) -> None:
    store = open_store()
    store.begin("t", "First?", run_id="r1")
    for other in (store, open_store()):
        with pytest.raises(Conflict, match="being answered") as refused:
            other.begin("t", "Second?", run_id="r2")
        assert refused.value.retry_after
    store.finish("t", OUTCOME, run_id="r1")
    assert store.begin("t", "Third?", run_id="r3") == 2
    assert store.get("t").turns == 2


def test_of_twenty_questions_at_once_one_is_taken(store: ThreadStore) -> None:
    barrier = threading.Barrier(20)

    def begin(n: int) -> bool:
        barrier.wait()
        try:
            store.begin("t", f"Question {n}?", run_id=f"r{n}")
        except Conflict:
            return False
        return True

    with ThreadPoolExecutor(20) as pool:
        assert sum(pool.map(begin, range(20))) == 1


def test_an_interrupted_turn_keeps_what_was_said_and_is_not_recalled(store: ThreadStore) -> None:
    store.begin("t", "First?", run_id="r1")
    store.interrupt("t", "Par", run_id="r1")
    store.interrupt("t", "again", run_id="r1")
    (turn,) = store.turns("t")
    assert (turn.state, turn.answer) == ("interrupted", "Par")
    assert store.recall("t").exchanges == ()
    answered(store, "t", "Second?", "r2")


def test_a_turn_that_was_given_up_cannot_be_finished(store: ThreadStore) -> None:
    store.begin("t", "First?", run_id="r1")
    store.interrupt("t", run_id="r1")
    with pytest.raises(Conflict, match="not running"):
        store.finish("t", OUTCOME, run_id="r1")


def test_owners_do_not_see_each_other_even_under_one_name(store: ThreadStore) -> None:
    answered(store, "t", "Mine?", "r1", owner="a")
    answered(store, "t", "Yours?", "r2", owner="b")
    assert [turn.question for turn in store.turns("t", owner="a")] == ["Mine?"]
    assert [thread.title for thread in store.threads(owner="b")] == ["Yours?"]
    for act in (store.get, store.turns, store.delete):
        with pytest.raises(NotFound):
            act("t", owner="c")
    store.delete("t", owner="a")
    assert store.get("t", owner="b").turns == 1


def test_threads_are_listed_by_use_and_paged(store: ThreadStore) -> None:
    for name in ("one", "two", "three"):
        answered(store, name, f"What is {name}?", f"run-{name}")
    answered(store, "one", "And again?", "run-again")
    first = store.threads(limit=2)
    assert [thread.id for thread in first] == ["one", "three"]
    assert [thread.id for thread in store.threads(before=first[-1].updated_at)] == ["two"]


def test_a_title_is_the_first_question_until_it_is_renamed(store: ThreadStore) -> None:
    answered(store, "t", "What\n is " + "very " * 40 + "long?", "r1")
    assert store.get("t").title.startswith("What is very")
    assert len(store.get("t").title) <= 80
    store.rename("t", "Geography")
    assert store.get("t").title == "Geography"


def test_a_thread_in_use_is_not_deleted(store: ThreadStore) -> None:
    store.begin("t", "First?", run_id="r1")
    with pytest.raises(Conflict):
        store.delete("t")
    store.finish("t", OUTCOME, run_id="r1")
    store.delete("t")
    with pytest.raises(NotFound):
        store.get("t")


def test_threads_expire_unless_they_are_in_use(store: ThreadStore) -> None:
    answered(store, "old", "Old?", "r1")
    store.begin("busy", "Busy?", run_id="r2")
    answered(store, "new", "New?", "r3")
    assert store.expire(store.get("new").updated_at) == 1
    assert {thread.id for thread in store.threads()} == {"busy", "new"}


def test_a_summary_replaces_the_turns_it_covers_in_what_is_recalled(store: ThreadStore) -> None:
    for n in range(1, 5):
        answered(store, "t", f"Question {n}?", f"r{n}")
    store.summarize("t", "They asked three things.", through=3)
    store.summarize("t", "An older summary that came late.", through=2)
    memory = store.recall("t")
    assert memory.summary == "They asked three things."
    assert [exchange.n for exchange in memory.exchanges] == [4]
    assert len(store.turns("t")) == 4


def test_odd_characters_of_a_model_are_stored_at_the_same_length(store: ThreadStore) -> None:
    store.begin("t", "Odd?", run_id="r1")
    store.finish("t", Outcome("a\x00b\ud800c 中文"), run_id="r1")
    assert len(store.turns("t")[0].answer) == len("a\x00b\ud800c 中文")
    assert store.turns("t")[0].answer == "a\ufffdb\ufffdc 中文"


KILLED = """
import os, sys
from pathlib import Path
sys.path.insert(0, os.getcwd())
if sys.argv[1] == "sqlite":
    from rag.threads.sqlite import SqliteThreads
    store = SqliteThreads(Path(sys.argv[2]))
else:
    from rag.threads.postgres import PostgresThreads
    store = PostgresThreads(sys.argv[2])
store.begin("t", "Killed?", run_id="killed")
print("begun", flush=True)
sys.stdin.read()
"""


def test_a_turn_whose_process_is_killed_is_interrupted_and_the_thread_goes_on(
    open_store: Callable[[], ThreadStore], request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    store = open_store()
    kind = request.node.callspec.params["open_store"]
    where = str(tmp_path / "threads.db") if kind == "sqlite" else os.environ["RAG_TEST_POSTGRES"]
    for number in (1, 3):
        child = subprocess.Popen(
            [sys.executable, "-c", KILLED, kind, where], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        with child:
            assert child.stdout is not None
            assert child.stdout.readline() == "begun\n"
            with pytest.raises(Conflict):
                store.begin("t", "Too soon?", run_id="soon")
            child.send_signal(signal.SIGKILL)
            child.wait()
        assert store.turns("t")[-1].state == "interrupted"
        assert store.begin("t", "Next?", run_id=f"next{number}") == number + 1
        store.finish("t", OUTCOME, run_id=f"next{number}")


def test_the_file_grows_by_the_turn_and_not_by_the_history(tmp_path: Path) -> None:
    settings = Settings(_env_file=None, data_dir=tmp_path)
    store = open_threads(settings)
    path = tmp_path / "threads.db"
    sizes = []
    for n in range(200):
        answered(store, "t", f"Question {n}?", f"r{n}")
        if n in (99, 199):
            store.close()
            sizes.append(path.stat().st_size)
            store = open_threads(settings)
    store.close()
    assert sizes[1] < 2.2 * sizes[0]
    assert not list((tmp_path / "threads.open").iterdir())


def test_deleting_gives_the_space_back(tmp_path: Path) -> None:
    settings = Settings(_env_file=None, data_dir=tmp_path)
    store = open_threads(settings)
    store.begin("t", "Long?", run_id="r1")
    store.finish("t", Outcome("word " * 200_000), run_id="r1")
    store.delete("t")
    store.close()
    assert (tmp_path / "threads.db").stat().st_size < 200_000


def test_a_wrong_postgres_url_is_refused_without_showing_it() -> None:
    with pytest.raises(ConfigurationError, match="RAG_THREADS_URL") as refused:
        open_threads(Settings(_env_file=None, threads_url="mysql://user:secret@host/db"))
    assert "secret" not in str(refused.value)


def test_times_are_aware(store: ThreadStore) -> None:
    answered(store, "t", "When?", "r1")
    assert store.get("t").created_at.tzinfo is UTC
    assert isinstance(store.turns("t")[0].asked_at, datetime)
