"""The schema goes forward step by step, never half a step, and never back."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from rag.errors import IndexMismatch
from rag.index.catalog import Catalog
from rag.index.migrations import MIGRATIONS, migrate


@pytest.fixture
def connection(tmp_path: Path) -> Iterator[sqlite3.Connection]:
    connection = sqlite3.connect(tmp_path / "x.db", isolation_level=None)
    yield connection
    connection.close()


def version(connection: sqlite3.Connection) -> int:
    return int(connection.execute("PRAGMA user_version").fetchone()[0])


def test_a_new_file_gets_every_step_once(connection: sqlite3.Connection) -> None:
    """Migrating again changes nothing."""
    migrate(connection)
    generation = connection.execute("SELECT value FROM meta WHERE key = 'generation'").fetchone()
    migrate(connection)

    assert version(connection) == len(MIGRATIONS)
    assert connection.execute("SELECT value FROM meta WHERE key = 'generation'").fetchone() == generation


def test_an_old_file_is_brought_forward_with_its_rows(connection: sqlite3.Connection) -> None:
    """Only the missing steps run."""
    first = "CREATE TABLE t (a);\nINSERT INTO t VALUES (1)"
    migrate(connection, (first,))
    migrate(connection, (first, "ALTER TABLE t ADD COLUMN b DEFAULT 2"))

    assert connection.execute("SELECT a, b FROM t").fetchall() == [(1, 2)]
    assert version(connection) == 2


def test_a_step_that_fails_leaves_the_version_before_it(connection: sqlite3.Connection) -> None:
    """Half a step is no step: its first statement is undone with the second."""
    with pytest.raises(sqlite3.OperationalError):
        migrate(connection, ("CREATE TABLE t (a)", "CREATE TABLE u (a);\nINSERT INTO nowhere VALUES (1)"))

    assert version(connection) == 1
    assert connection.execute("SELECT name FROM sqlite_schema").fetchall() == [("t",)]


def test_a_newer_schema_is_refused_with_the_cure(tmp_path: Path) -> None:
    """An old Footnote does not touch what a new one wrote."""
    Catalog(tmp_path / "x.db").close()
    connection = sqlite3.connect(tmp_path / "x.db")
    connection.execute("PRAGMA user_version = 99")
    connection.close()

    with pytest.raises(IndexMismatch, match=r"schema 99.*Upgrade Footnote"):
        Catalog(tmp_path / "x.db")
