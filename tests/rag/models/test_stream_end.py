"""Streams of a provider that end without saying so."""

from __future__ import annotations

from collections.abc import AsyncIterator

import httpx2
import pytest

from rag.models.stream_end import _watched

SAID = b'data: {"choices": [{"delta": {"content": "Write\\ndata: [DONE]"}}]}\n\n'


class _Sent(httpx2.AsyncByteStream):
    def __init__(self, body: bytes, size: int) -> None:
        self._chunks = [body[start : start + size] for start in range(0, len(body), size)]

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for chunk in self._chunks:
            yield chunk


@pytest.mark.parametrize("size", [1, 7, 10_000])
@pytest.mark.parametrize("end", [b"data: [DONE]\n\n", b"data:[DONE]\n\n: a long farewell, which nobody reads\n\n"])
async def test_a_stream_with_its_last_line_is_whole(end: bytes, size: int) -> None:
    """However it is cut, and whatever follows."""
    assert b"".join([chunk async for chunk in _watched(_Sent(SAID + end, size))]) == SAID + end


@pytest.mark.parametrize("size", [1, 7, 10_000])
async def test_a_stream_without_its_last_line_is_broken(size: int) -> None:
    """Also when the answer speaks of that line."""
    with pytest.raises(httpx2.RemoteProtocolError):
        _ = [chunk async for chunk in _watched(_Sent(SAID, size))]
