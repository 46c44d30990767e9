"""When questions were last asked of a data folder, told to other processes by the time of an empty file.

An ingestion that runs beside a server gives way while questions come in: it reads the time after each batch.
"""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Callable
from pathlib import Path

_OFTEN_ENOUGH = 0.5


class LastAsked:
    """The time of the last question, to about half a second; noting one costs a few microseconds.

    Args:
        clock: seconds since 1970.
    """

    def __init__(self, data_dir: Path, clock: Callable[[], float] = time.time) -> None:
        self._path = data_dir / "asked"
        self._clock = clock
        self._noted = 0.0

    def note(self) -> None:
        """Notes that a question is being asked; nothing happens where the data folder cannot be written."""
        now = self._clock()
        if 0.0 <= now - self._noted < _OFTEN_ENOUGH:
            return
        self._noted = now
        with contextlib.suppress(OSError):
            try:
                os.utime(self._path, (now, now))
            except FileNotFoundError:
                self._path.touch()
                os.utime(self._path, (now, now))

    def seconds_ago(self) -> float:
        """How long ago that was; infinite when it never was."""
        try:
            return abs(self._clock() - self._path.stat().st_mtime)
        except OSError:
            return float("inf")
