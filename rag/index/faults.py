"""What the disk and SQLite raise, told as our errors, each with its cure."""

from __future__ import annotations

import contextlib
import errno
import sqlite3
from collections.abc import Iterator
from pathlib import Path

from rag.errors import StorageError

_FULL = "Free some space and try again; nothing was half written."
_READ_ONLY = "Make it writable for this user, or set RAG_DATA_DIR to another folder."
_DAMAGED = "Restore it from a backup, or delete it and ingest again."

_SQLITE_FAULTS: tuple[tuple[str, str, str], ...] = (
    ("disk is full", "has no space left", _FULL),
    ("readonly", "cannot be written", _READ_ONLY),
    ("unable to open", "cannot be opened", _READ_ONLY),
    ("locked", "is held by another program", "Close what else has it open and try again."),
    ("not a database", "is not a catalog", _DAMAGED),
    ("malformed", "is damaged", _DAMAGED),
    ("disk i/o error", "cannot be read or written", "Check the disk, its space and its mount, and try again."),
)
"""Part of SQLite's message → what is wrong, cure."""

_SYSTEM_FAULTS: dict[int, tuple[str, str]] = {
    errno.ENOSPC: ("has no space left", _FULL),
    errno.EDQUOT: ("has no space left", _FULL),
    errno.EFBIG: ("is too large for this disk", _FULL),
    errno.EROFS: ("cannot be written", _READ_ONLY),
    errno.EACCES: ("cannot be written", _READ_ONLY),
    errno.EPERM: ("cannot be written", _READ_ONLY),
    errno.ENOTDIR: ("is not in a folder", _READ_ONLY),
    errno.EEXIST: ("is not a folder", _READ_ONLY),
    errno.EMFILE: ("cannot be opened, too many files are open", "Raise the limit (`ulimit -n`)."),
}


@contextlib.contextmanager
def storage_faults(path: Path) -> Iterator[None]:
    """Turns what the body raises about `path` into a StorageError; programming errors of SQL are left alone."""
    try:
        yield
    except sqlite3.DatabaseError as error:
        if isinstance(error, sqlite3.ProgrammingError | sqlite3.IntegrityError | sqlite3.InterfaceError):
            raise
        raise _sqlite_fault(path, error) from error
    except OSError as error:
        wrong, cure = _SYSTEM_FAULTS.get(error.errno or 0, ("cannot be used", "Check the disk and try again."))
        raise StorageError(f"{str(path)!r} {wrong} ({error.strerror or error}).", cure) from error


def _sqlite_fault(path: Path, error: sqlite3.DatabaseError) -> StorageError:
    message = str(error).lower()
    for part, wrong, cure in _SQLITE_FAULTS:
        if part in message:
            return StorageError(f"{str(path)!r} {wrong} (SQLite: {error}).", cure)
    return StorageError(f"{str(path)!r} cannot be used (SQLite: {error}).", "Check the disk and try again.")
