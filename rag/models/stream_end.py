"""Whether a provider's stream came to its end.

A server that speaks OpenAI's protocol ends a stream with `data: [DONE]`. Its client takes a stream that just ends for a
complete one; here that is a broken connection, which the chain knows how to tell.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import openai

_ENDS = (b"\ndata: [DONE]", b"\ndata:[DONE]")
_LONGEST_END = len(_ENDS[0])


def watching_client() -> openai.DefaultAsyncHttpxClient:
    """A client for OpenAI's library that raises RemoteProtocolError when an event stream ends without its last line."""
    from openai import DefaultAsyncHttpxClient

    # Words of an answer are too short to be worth compressing, and what is compressed cannot be looked into.
    return DefaultAsyncHttpxClient(headers={"Accept-Encoding": "identity"}, event_hooks={"response": [_watch]})


async def _watch(response: Any) -> None:
    """Leaves alone what is no stream, and what is compressed and cannot be looked into."""
    kind, coding = response.headers.get("content-type", ""), response.headers.get("content-encoding", "identity")
    if response.is_success and kind.startswith("text/event-stream") and coding == "identity":
        response.stream = _watched(response.stream)


def _watched(stream: Any) -> Any:
    import httpx2

    class Watched(httpx2.AsyncByteStream):
        async def __aiter__(self) -> AsyncIterator[bytes]:
            ended, tail = False, b"\n"
            async for chunk in stream:
                seen = tail + chunk
                ended = ended or any(end in seen for end in _ENDS)
                tail = seen[-_LONGEST_END:]
                yield chunk
            if not ended:
                raise httpx2.RemoteProtocolError("The stream ended without [DONE].")

        async def aclose(self) -> None:
            await stream.aclose()

    return Watched()
