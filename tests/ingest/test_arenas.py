"""The allocator setting does no harm, here or where there is no glibc."""

from __future__ import annotations

import sys

import pytest

from ingest.arenas import share_arenas


@pytest.mark.parametrize("platform", ["linux", "darwin"])
def test_sharing_arenas_never_fails(platform: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is a hint to the allocator, and may be given again."""
    monkeypatch.setattr(sys, "platform", platform)
    share_arenas()
    share_arenas()
