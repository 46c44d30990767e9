"""Keeps an ingestion's memory together, and Python's collector from looking through what is there to stay."""

from __future__ import annotations

import ctypes
import gc
import sys

_M_ARENA_MAX = -8
_ARENAS = 2
_COLLECT_AFTER = 20_000
"""Objects made and not yet freed."""


def share_arenas() -> None:
    """Lets all threads of this process allocate from two arenas (mallopt(3)); elsewhere than on glibc, nothing.

    glibc gives each thread arenas of its own, which keep what was freed there.
    A dozen threads that parse, embed and write in turn otherwise hold some 250 MB that none of them uses.
    """
    if sys.platform == "linux":
        mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
        if mallopt is not None:
            mallopt(_M_ARENA_MAX, _ARENAS)


def keep_imports() -> None:
    """Takes what was imported until now, which stays, out of the collector's sight, and lets it look more seldom.

    Pages make many objects and hardly a cycle: a tenth of the work of reading one was looking for those.
    """
    gc.freeze()
    gc.set_threshold(_COLLECT_AFTER)
