"""The one logic of both stores, in SQL that SQLite and Postgres share; parameters are written `:name`.

A running turn belongs to an instance, one open store. Each instance holds a lock that the operating system or the
database server drops when its process dies, so whether a turn still runs is known at once, with no clock and no lease.
"""

# ruff: noqa: S608 - what is put into these statements are constants of this package; values are parameters

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from datetime import datetime
from typing import Any

from rag.errors import Conflict, NotFound
from rag.events import Step
from rag.threads.memory import Memory, Outcome, Thread, Turn
from rag.threads.rows import (
    THREAD_COLUMNS,
    TURN_COLUMNS,
    exchange_from,
    outcome_columns,
    storable,
    thread_from,
    title_of,
    turn_from,
)
from rag.threads.steps import kept_steps

Execute = Callable[..., Sequence[Sequence[Any]]]
"""Runs one statement with named parameters; returns its rows, or one row with the count of changed ones."""

_RETRY_AFTER = 2.0
_MOST_RECALLED = 2_000
"""Turns that are not in the summary yet; as many as these are only in a conversation of very short ones."""

SCHEMA = (
    """CREATE TABLE IF NOT EXISTS threads (
        owner TEXT NOT NULL, id TEXT NOT NULL, title TEXT NOT NULL,
        created_at {real} NOT NULL, updated_at {real} NOT NULL, turns INTEGER NOT NULL,
        summary TEXT NOT NULL DEFAULT '', summarized_through INTEGER NOT NULL DEFAULT 0,
        PRIMARY KEY (owner, id))""",
    "CREATE INDEX IF NOT EXISTS threads_by_use ON threads (owner, updated_at)",
    """CREATE TABLE IF NOT EXISTS turns (
        owner TEXT NOT NULL, thread_id TEXT NOT NULL, n INTEGER NOT NULL,
        run_id TEXT NOT NULL, instance TEXT NOT NULL, state TEXT NOT NULL,
        question TEXT NOT NULL, asked_at {real} NOT NULL,
        standalone_question TEXT, answer TEXT NOT NULL DEFAULT '', finish_reason TEXT,
        documents {blob}, citations TEXT, sources TEXT, ended_at {real},
        PRIMARY KEY (owner, thread_id, n),
        FOREIGN KEY (owner, thread_id) REFERENCES threads (owner, id) ON DELETE CASCADE)""",
    "CREATE UNIQUE INDEX IF NOT EXISTS turns_running ON turns (owner, thread_id) WHERE state = 'running'",
)
LATER_COLUMNS = {"steps": "{blob}"}
"""Of `turns`, in the order in which they came: a database made before them is given them when it is opened."""

_THIS_THREAD = "owner = :owner AND id = :thread_id"
_THESE_TURNS = "owner = :owner AND thread_id = :thread_id"


class SqlThreads(ABC):
    """A `ThreadStore` over transactions. What the methods promise stands in `rag.threads.memory`.

    Args:
        instance: name of this open store.
        clock: seconds since the epoch.
    """

    def __init__(self, instance: str, clock: Callable[[], float] = time.time) -> None:
        self.instance = instance
        self._time = clock

    def _now(self) -> float:
        """Seconds, as exact as a time is listed, so that the list can be paged on from it."""
        return round(self._time(), 6)

    @abstractmethod
    def _transaction(self) -> AbstractContextManager[Execute]:
        """All statements of the body, or none."""

    def _reading(self) -> AbstractContextManager[Execute]:
        """Statements that change nothing, and all see the same state."""
        return self._transaction()

    @abstractmethod
    def _is_alive(self, instance: str) -> bool:
        """Whether that store is still open, in this process or another."""

    def begin(self, thread_id: str, question: str, *, run_id: str, owner: str = "") -> int:
        now, key = self._now(), {"owner": owner, "thread_id": thread_id}
        with self._transaction() as execute:
            execute(
                "INSERT INTO threads (owner, id, title, created_at, updated_at, turns) "
                "VALUES (:owner, :thread_id, :title, :now, :now, 1) "
                "ON CONFLICT (owner, id) DO UPDATE SET updated_at = :now, turns = threads.turns + 1",
                **key,
                title=title_of(question),
                now=now,
            )
            self._settle(execute, key, now)
            number = int(execute(f"SELECT coalesce(max(n), 0) + 1 FROM turns WHERE {_THESE_TURNS}", **key)[0][0])
            execute(
                "INSERT INTO turns (owner, thread_id, n, run_id, instance, state, question, asked_at) "
                "VALUES (:owner, :thread_id, :n, :run_id, :instance, 'running', :question, :now)",
                **key,
                n=number,
                run_id=run_id,
                instance=self.instance,
                question=question,
                now=now,
            )
            return number

    def finish(self, thread_id: str, outcome: Outcome, *, run_id: str, owner: str = "") -> None:
        with self._transaction() as execute:
            ended = self._end(execute, thread_id, owner, run_id, state="done", **outcome_columns(outcome))
        if not ended:
            raise Conflict(f"The turn of run {run_id!r} is not running any more.", "Ask the question again.")

    def interrupt(
        self, thread_id: str, partial: str = "", steps: Sequence[Step] = (), *, run_id: str, owner: str = ""
    ) -> None:
        columns = {"state": "interrupted", "answer": storable(partial), "steps": kept_steps(steps)}
        with self._transaction() as execute:
            self._end(execute, thread_id, owner, run_id, **columns)

    def recall(self, thread_id: str, *, owner: str = "") -> Memory:
        key = {"owner": owner, "thread_id": thread_id}
        with self._reading() as execute:
            threads = execute(f"SELECT summary, summarized_through FROM threads WHERE {_THIS_THREAD}", **key)
            if not threads:
                return Memory()
            summary, through = threads[0]
            rows = execute(
                f"SELECT n, question, answer, sources FROM turns WHERE {_THESE_TURNS} AND n > :through "
                "AND state = 'done' ORDER BY n DESC LIMIT :most",
                **key,
                through=through,
                most=_MOST_RECALLED,
            )
        return Memory(summary, tuple(map(exchange_from, reversed(rows))))

    def summarize(self, thread_id: str, summary: str, *, through: int, owner: str = "") -> None:
        with self._transaction() as execute:
            execute(
                "UPDATE threads SET summary = :summary, summarized_through = :through "
                f"WHERE {_THIS_THREAD} AND summarized_through <= :through",
                owner=owner,
                thread_id=thread_id,
                summary=summary,
                through=through,
            )

    def get(self, thread_id: str, *, owner: str = "") -> Thread:
        with self._reading() as execute:
            return self._thread(execute, thread_id, owner)

    def turns(self, thread_id: str, *, owner: str = "") -> list[Turn]:
        key = {"owner": owner, "thread_id": thread_id}
        with self._transaction() as execute:
            self._thread(execute, thread_id, owner)
            self._settle(execute, key, self._now(), refuse=False)
            rows = execute(f"SELECT {TURN_COLUMNS} FROM turns WHERE {_THESE_TURNS} ORDER BY n", **key)
        return [turn_from(row) for row in rows]

    def threads(self, *, owner: str = "", limit: int = 100, before: datetime | None = None) -> list[Thread]:
        with self._reading() as execute:
            rows = execute(
                f"SELECT {THREAD_COLUMNS} FROM threads WHERE owner = :owner AND updated_at < :before "
                "ORDER BY updated_at DESC, id LIMIT :limit",
                owner=owner,
                before=before.timestamp() if before else 1e12,
                limit=limit,
            )
        return [thread_from(row) for row in rows]

    def rename(self, thread_id: str, title: str, *, owner: str = "") -> None:
        with self._transaction() as execute:
            self._thread(execute, thread_id, owner)
            execute(
                f"UPDATE threads SET title = :title WHERE {_THIS_THREAD}",
                owner=owner,
                thread_id=thread_id,
                title=title_of(title),
            )

    def delete(self, thread_id: str, *, owner: str = "") -> None:
        key = {"owner": owner, "thread_id": thread_id}
        with self._transaction() as execute:
            self._thread(execute, thread_id, owner)
            self._settle(execute, key, self._now())
            execute(f"DELETE FROM threads WHERE {_THIS_THREAD}", **key)
        self._give_back_space()

    def expire(self, before: datetime) -> int:
        with self._transaction() as execute:
            rows = execute("SELECT owner, id FROM threads WHERE updated_at < :before", before=before.timestamp())
            for owner, thread_id in rows:
                self._settle(execute, {"owner": owner, "thread_id": thread_id}, self._now(), refuse=False)
            deleted = execute(
                "DELETE FROM threads WHERE updated_at < :before AND NOT EXISTS (SELECT 1 FROM turns "
                "WHERE turns.owner = threads.owner AND turns.thread_id = threads.id AND state = 'running')",
                before=before.timestamp(),
            )
        self._give_back_space()
        return int(deleted[0][0])

    def _settle(self, execute: Execute, key: dict[str, Any], now: float, *, refuse: bool = True) -> None:
        """Marks a running turn whose process died as interrupted.

        Raises:
            Conflict: it is alive, and `refuse` was asked for.
        """
        running = execute(f"SELECT n, instance FROM turns WHERE {_THESE_TURNS} AND state = 'running'", **key)
        for number, instance in running:
            if not self._is_alive(instance):
                execute(
                    f"UPDATE turns SET state = 'interrupted', ended_at = :now WHERE {_THESE_TURNS} AND n = :n",
                    **key,
                    n=number,
                    now=now,
                )
            elif refuse:
                raise Conflict(
                    f"Another question is being answered in the thread {key['thread_id']!r}.",
                    "Wait for its answer, cancel it, or use another thread.",
                    retry_after=_RETRY_AFTER,
                )

    def _end(self, execute: Execute, thread_id: str, owner: str, run_id: str, **columns: Any) -> int:
        now = self._now()
        changes = ", ".join(f"{name} = :{name}" for name in columns)
        rows = execute(
            f"UPDATE turns SET {changes}, ended_at = :now "
            f"WHERE {_THESE_TURNS} AND run_id = :run_id AND state = 'running'",
            **columns,
            owner=owner,
            thread_id=thread_id,
            run_id=run_id,
            now=now,
        )
        if changed := int(rows[0][0]):
            execute(
                f"UPDATE threads SET updated_at = :now WHERE {_THIS_THREAD}",
                owner=owner,
                thread_id=thread_id,
                now=now,
            )
        return changed

    def _thread(self, execute: Execute, thread_id: str, owner: str) -> Thread:
        rows = execute(f"SELECT {THREAD_COLUMNS} FROM threads WHERE {_THIS_THREAD}", owner=owner, thread_id=thread_id)
        if not rows:
            raise NotFound(f"There is no thread {thread_id!r}.", "`GET /threads` lists yours.")
        return thread_from(rows[0])

    @abstractmethod
    def _give_back_space(self) -> None:
        """Called after a deletion."""
