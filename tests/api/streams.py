"""Reads event streams in tests, strictly."""

from __future__ import annotations

import json
import re
from typing import Any, NamedTuple

_EVENT = re.compile(r"id: (\d+)\nevent: (\w+)\ndata: ([^\n]*)\Z")


class Read(NamedTuple):
    """An event as it was read."""

    id: int
    name: str
    data: Any


def events_of(text: str) -> list[Read]:
    """The events of a stream; everything in it must be an event or a comment."""
    *blocks, rest = text.split("\n\n")
    assert rest == ""
    found = []
    for block in blocks:
        if block.startswith(":"):
            continue
        match = _EVENT.match(block)
        assert match, block
        found.append(Read(int(match[1]), match[2], json.loads(match[3])))
    return found


def answer_of(events: list[Read]) -> str:
    """The tokens put together."""
    return "".join(event.data["text"] for event in events if event.name == "token")
