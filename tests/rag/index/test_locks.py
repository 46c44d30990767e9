"""Locks on files exclude, tell who holds them, and are never stale."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from rag.errors import Conflict
from rag.index.locks import FileLock, WriterLock, read_json


def test_a_second_writer_is_told_who_and_since_when(tmp_path: Path) -> None:
    """The message names process, purpose and time, and ends with the cure."""
    with WriterLock(tmp_path, "ingesting https://example.org/"):
        with pytest.raises(Conflict, match=rf"process {os.getpid()} \(ingesting https://example.org/\) since 20.*Wait"):
            WriterLock(tmp_path).take()
        assert not WriterLock(tmp_path).try_take()
    with WriterLock(tmp_path):
        pass


def test_a_record_without_a_lock_means_nothing(tmp_path: Path) -> None:
    """A writer that was killed leaves its note behind, and nobody minds."""
    (tmp_path / "writer.lock").write_text(json.dumps({"pid": 1, "since": "long ago"}))
    with WriterLock(tmp_path):
        assert read_json(tmp_path / "writer.lock")["pid"] == os.getpid()


def test_shared_locks_go_together_and_keep_an_exclusive_one_out(tmp_path: Path) -> None:
    """Any number share; one excludes; looking takes nothing away."""
    one, two, three = (FileLock(tmp_path / "x") for _ in range(3))
    assert one.take(shared=True)
    assert two.take(shared=True)
    assert not three.take()
    assert not three.taken_by_other()
    one.drop()
    two.drop()
    assert three.take()
    assert one.taken_by_other()
    assert not three.taken_by_other()
    three.drop()


def test_unreadable_json_is_empty(tmp_path: Path) -> None:
    """A file that is missing, cut short, or no object holds nothing."""
    (tmp_path / "cut").write_text('{"pid":')
    (tmp_path / "list").write_text("[1]")
    assert read_json(tmp_path / "none") == read_json(tmp_path / "cut") == read_json(tmp_path / "list") == {}
