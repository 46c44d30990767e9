"""One store of each kind, for the contract they share."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from rag.threads.memory import ThreadStore
from rag.threads.sqlite import SqliteThreads


class Clock:
    """Time that passes when it is told to."""

    def __init__(self) -> None:
        self.now = 1_800_000_000.0

    def __call__(self) -> float:
        self.now += 1
        return self.now


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def open_store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Callable[[], ThreadStore]]:
    """Opens a store over the same data each time it is called."""
    clock = Clock()
    opened: list[ThreadStore] = []
    url = os.environ.get("RAG_TEST_POSTGRES", "")
    if request.param == "postgres" and not url:
        pytest.skip("RAG_TEST_POSTGRES names no database")

    def open_one() -> ThreadStore:
        if request.param == "sqlite":
            store: ThreadStore = SqliteThreads(tmp_path / "threads.db", clock=clock)
        else:
            from rag.threads.postgres import PostgresThreads

            store = PostgresThreads(url, clock=clock)
        opened.append(store)
        return store

    if request.param == "postgres":
        _empty(url)
    yield open_one
    for store in opened:
        store.close()


@pytest.fixture
def store(open_store: Callable[[], ThreadStore]) -> ThreadStore:
    return open_store()


def _empty(url: str) -> None:
    import psycopg

    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("DROP TABLE IF EXISTS turns, threads")
