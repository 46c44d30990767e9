"""Conversations in Postgres, for several machines. Needs the extra `postgres`."""

from __future__ import annotations

import hashlib
import re
import secrets
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from rag.errors import ConfigurationError, StorageError
from rag.threads.sql import LATER_COLUMNS, SCHEMA, Execute, SqlThreads

if TYPE_CHECKING:
    import psycopg

_PARAMETER = re.compile(r"(?<!:):([a-z_]+)")
_SCHEMA_LOCK = 0x666F6F746E6F7465
_TIMEOUTS = "-c statement_timeout=15000 -c lock_timeout=10000"


class PostgresThreads(SqlThreads):
    """A `ThreadStore` in Postgres. Its connection holds an advisory lock, which the server drops when we die.

    Args:
        url: `postgresql://user:password@host/database`.
    """

    def __init__(self, url: str, *, clock: Callable[[], float] = time.time) -> None:
        super().__init__(secrets.token_hex(8), clock)
        if not url.startswith(("postgresql://", "postgres://")):
            raise ConfigurationError(
                f"RAG_THREADS_URL starts with {url.partition(':')[0]!r}.",
                "Use postgresql://user:password@host/database.",
            )
        self._url = url
        self._one_at_a_time = threading.RLock()
        self._connection: psycopg.Connection[Any] | None = None
        with self._transaction() as execute:
            execute("SELECT pg_advisory_xact_lock(:key)", key=_SCHEMA_LOCK)
            for statement in SCHEMA:
                execute(statement.format(real="DOUBLE PRECISION", blob="BYTEA"))
            for name, kind in LATER_COLUMNS.items():
                execute(f"ALTER TABLE turns ADD COLUMN IF NOT EXISTS {name} {kind.format(blob='BYTEA')}")

    def close(self) -> None:
        with self._one_at_a_time:
            if self._connection is not None:
                self._connection.close()
                self._connection = None

    @contextmanager
    def _transaction(self) -> Iterator[Execute]:
        import psycopg

        with self._one_at_a_time:
            try:
                connection = self._connected()
                with connection.transaction():
                    yield _executing(connection)
            except psycopg.Error as error:
                if self._connection is not None and self._connection.broken:
                    self.close()
                raise StorageError(
                    f"The conversations in Postgres cannot be used: {type(error).__name__}.",
                    "Check that the server of RAG_THREADS_URL runs and lets this user in.",
                ) from error

    def _is_alive(self, instance: str) -> bool:
        if instance == self.instance:
            return True
        connection = self._connected()
        key = _lock_key(instance)
        row = connection.execute("SELECT pg_try_advisory_lock(%s)", (key,)).fetchone()
        free = bool(row and row[0])
        if free:
            connection.execute("SELECT pg_advisory_unlock(%s)", (key,))
        return not free

    def _give_back_space(self) -> None:
        """Nothing: autovacuum does it."""

    def _connected(self) -> psycopg.Connection[Any]:
        if self._connection is None or self._connection.closed:
            try:
                import psycopg
            except ImportError as error:
                raise ConfigurationError(
                    "RAG_THREADS_URL needs the Postgres driver.", "Install it: pip install 'footnote-rag[postgres]'."
                ) from error
            connection = psycopg.connect(self._url, autocommit=True, connect_timeout=10, options=_TIMEOUTS)
            connection.execute("SELECT pg_advisory_lock(%s)", (_lock_key(self.instance),))
            self._connection = connection
        return self._connection


def _lock_key(instance: str) -> int:
    return int.from_bytes(hashlib.sha256(f"footnote {instance}".encode()).digest()[:8], "big", signed=True)


def _executing(connection: psycopg.Connection[Any]) -> Execute:
    def execute(sql: str, **parameters: Any) -> Sequence[Sequence[Any]]:
        named = _PARAMETER.sub(r"%(\1)s", sql)
        cursor = connection.execute(named.encode(), parameters or None)
        return cursor.fetchall() if cursor.description else [(cursor.rowcount,)]

    return execute
