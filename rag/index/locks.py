"""Locks on files, so that processes that share a data folder take turns.

The operating system drops a lock when its holder dies, kill -9 included, so no lock is ever stale.
"""

from __future__ import annotations

import fcntl
import json
import os
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from rag.errors import Conflict
from rag.index.faults import storage_faults

_POLL_SECONDS = 0.02


class FileLock:
    """A lock on one file, held by this object. Two objects in one process exclude each other as two processes do."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._descriptor: int | None = None

    @property
    def held(self) -> bool:
        return self._descriptor is not None

    def take(self, *, shared: bool = False, timeout: float = 0.0, clock: Callable[[], float] = time.monotonic) -> bool:
        """Takes the lock within `timeout` seconds; False when others kept it.

        Raises:
            StorageError: the file cannot be made.
        """
        if self.held:
            return True
        with storage_faults(self.path):
            self.path.parent.mkdir(parents=True, exist_ok=True)
            descriptor = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        kind = (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB
        deadline = clock() + timeout
        while True:
            try:
                fcntl.flock(descriptor, kind)
            except BlockingIOError:
                if clock() >= deadline:
                    os.close(descriptor)
                    return False
                time.sleep(_POLL_SECONDS)
            else:
                self._descriptor = descriptor
                return True

    def drop(self) -> None:
        descriptor, self._descriptor = self._descriptor, None
        if descriptor is not None:
            os.close(descriptor)

    def taken_by_other(self) -> bool:
        """Whether someone else holds it exclusively. Takes the lock for a moment to find out."""
        if self.held or not self.path.exists():
            return False
        if not self.take(shared=True):
            return True
        self.drop()
        return False

    def write(self, text: str) -> None:
        """Replaces the content of the file; only for the holder."""
        if self._descriptor is not None:
            os.ftruncate(self._descriptor, 0)
            os.pwrite(self._descriptor, text.encode(), 0)


class WriterLock:
    """Only one may write to a data folder; a second is told who does, and since when."""

    def __init__(self, data_dir: Path, purpose: str = "writing") -> None:
        self._lock = FileLock(data_dir / "writer.lock")
        self._purpose = purpose

    def take(self) -> None:
        """Takes the lock.

        Raises:
            Conflict: another writer is at work.
            StorageError: the data folder cannot be written.
        """
        if not self._lock.take():
            raise Conflict(
                f"The data folder {str(self._lock.path.parent)!r} is being written by {self._holder()}.",
                "Wait until it has finished, or stop it.",
            )
        note = {"pid": os.getpid(), "since": datetime.now(UTC).isoformat(timespec="seconds"), "purpose": self._purpose}
        with storage_faults(self._lock.path):
            self._lock.write(json.dumps(note))

    def try_take(self) -> bool:
        """Takes the lock when it is free."""
        try:
            self.take()
        except Conflict:
            return False
        return True

    def drop(self) -> None:
        self._lock.drop()

    def __enter__(self) -> Self:
        self.take()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.drop()

    def _holder(self) -> str:
        note = read_json(self._lock.path)
        if not note:
            return "another process"
        return f"process {note.get('pid')} ({note.get('purpose')}) since {note.get('since')}"


def read_json(path: Path) -> dict[str, Any]:
    """The JSON object in a small file that others write; empty when there is none."""
    try:
        value = json.loads(path.read_text())
    except (OSError, ValueError):
        return {}
    return value if isinstance(value, dict) else {}
