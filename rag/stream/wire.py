"""The form of an event on the wire: one server-sent event of ASCII, kept in the journal as it is sent."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from json.encoder import encode_basestring_ascii
from typing import Any, NamedTuple

from rag.events import Event, QuestionToken, Token, event_data

PING = b": ping\n\n"
"""A comment. It has no id, so that a client that reconnects after it misses nothing."""

_EVENT = re.compile(rb"id: (\d+)\nevent: (\w+)\ndata: ([^\n]*)\n\n")


class SentEvent(NamedTuple):
    """An event read back from its form on the wire."""

    seq: int
    name: str
    data: dict[str, Any]


def encode(seq: int, event: Event) -> bytes:
    """`id`, `event` and one line of ASCII JSON: line ends of any kind inside a text cannot break the stream."""
    if type(event) is Token or type(event) is QuestionToken:
        data = f'{{"text":{encode_basestring_ascii(event.text)}}}'
    else:
        data = to_json(event_data(event))
    return f"id: {seq}\nevent: {event.name}\ndata: {data}\n\n".encode("ascii")


def to_json(value: Any) -> str:
    """Compact ASCII JSON; what JSON cannot say becomes its `str`."""
    try:
        return json.dumps(value, separators=(",", ":"), allow_nan=False, default=str)
    except ValueError:
        return json.dumps(_finite(value), separators=(",", ":"), default=str)


def _finite(value: Any) -> Any:
    if isinstance(value, dict):
        return {str(key): _finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(item) for item in value]
    if isinstance(value, float) and (value != value or value in (float("inf"), float("-inf"))):
        return str(value)
    return value


def decode(chunk: bytes) -> Iterator[SentEvent]:
    """The events of a piece of the stream that begins and ends between events."""
    for match in _EVENT.finditer(chunk):
        yield SentEvent(int(match[1]), match[2].decode(), json.loads(match[3]))


def after(chunk: bytes, seq: int) -> bytes:
    """What follows the event numbered `seq` in a piece of the stream that has it."""
    mark = chunk.find(b"id: %d\n" % (seq + 1))
    while mark > 0 and chunk[mark - 1 : mark] != b"\n":
        mark = chunk.find(b"id: %d\n" % (seq + 1), mark + 1)
    return chunk[mark:] if mark >= 0 else b""
