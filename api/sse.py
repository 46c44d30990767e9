"""Answers that follow a run: as server-sent events, or as one JSON object. A client that leaves is noticed at once."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from typing import Any

from starlette.responses import Response, StreamingResponse
from starlette.types import Receive, Scope, Send

from api.connections import keep_little_ahead
from rag.stream.readers import EventReader
from rag.stream.wire import PING, to_json

SSE_HEADERS = {
    "Cache-Control": "no-cache, no-transform",
    "X-Accel-Buffering": "no",
}


class EventStream(StreamingResponse):
    """The events that `reader` finds, as bytes; a comment keeps the connection open when there are none."""

    media_type = "text/event-stream"

    def __init__(self, reader: EventReader, *, ping_interval: float, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(_chunks(reader, ping_interval), headers={**SSE_HEADERS, **(headers or {})})
        self._reader = reader

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            keep_little_ahead(scope)
            await super().__call__(scope, receive, send)
        finally:
            self._reader.close()  # also when the client has left before the first byte


async def _chunks(reader: EventReader, ping_interval: float) -> AsyncIterator[bytes]:
    while (chunk := await reader.read(ping_interval)) is not None:
        yield chunk or PING


def one_object(data: dict[str, Any]) -> Response:
    """JSON in ASCII: an answer may hold half of a character, which UTF-8 cannot say and FastAPI fails at."""
    return Response(to_json(data), media_type="application/json")


async def gone(receive: Receive) -> None:
    """Returns when the client has left."""
    while (await receive())["type"] != "http.disconnect":
        pass


class WhenDone(Response):
    """Answers with what `work` returns, and cancels it when the client leaves first."""

    def __init__(self, work: asyncio.Task[Response]) -> None:
        super().__init__()
        self._work = work

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        leaving = asyncio.create_task(gone(receive))
        try:
            await asyncio.wait({self._work, leaving}, return_when=asyncio.FIRST_COMPLETED)
            if self._work.done():
                response = self._work.result()
                await response(scope, receive, send)
        finally:
            for task in (self._work, leaving):
                task.cancel()
            await asyncio.gather(self._work, leaving, return_exceptions=True)
