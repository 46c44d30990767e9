"""`POST /ask/stream_log`: the raw patches of the chain's run, in the form that LangServe clients read."""

from __future__ import annotations

import asyncio
import json
import logging
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from typing import Annotated, Any

from fastapi import APIRouter, Body, Request
from langchain_core.runnables import RunnableConfig
from langchain_core.tracers.log_stream import RunLogPatch
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import Response, StreamingResponse
from starlette.types import Receive, Scope, Send

from api.bodies import CheckedRoute
from api.connections import keep_little_ahead
from api.examples import PROBLEMS, STREAM
from api.sse import SSE_HEADERS
from rag.errors import DeadlineExceeded, FootnoteError, RunInterrupted
from rag.request import AskRequest
from rag.service import Footnote
from rag.stream.run_log import stop
from rag.stream.wire import PING, to_json

logger = logging.getLogger(__name__)
router = APIRouter(route_class=CheckedRoute, tags=["ask"])

END = b"event: end\ndata: {}\n\n"
_WAITING_BYTES = 128 * 1024

Names = list[Annotated[str, Field(max_length=200)]]


class LogConfig(BaseModel):
    """The part of LangChain's configuration that a client may set."""

    model_config = ConfigDict(extra="ignore")

    tags: Names | None = None
    metadata: dict[str, Any] | None = None
    run_name: str | None = None


class StreamLogRequest(BaseModel):
    """As LangServe takes it. The filters are those of `astream_log`; `input` is the body of `/ask`."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [{"input": {"question": "How do I index a site?"}, "include_names": ["Retriever"]}]
        },
    )

    input: AskRequest
    config: LogConfig | None = None
    kwargs: dict[str, Any] | None = Field(None, description="Taken and not used.")
    diff: bool = Field(True, description="Patches (true). Whole states are not sent.")
    include_names: Names | None = None
    include_types: Names | None = None
    include_tags: Names | None = None
    exclude_names: Names | None = None
    exclude_types: Names | None = None
    exclude_tags: Names | None = None

    def filters(self) -> dict[str, Names]:
        given = self.model_dump(include=_FILTERS, exclude_none=True)
        return given


_FILTERS = {
    "include_names",
    "include_types",
    "include_tags",
    "exclude_names",
    "exclude_types",
    "exclude_tags",
}


@router.post("/ask/stream_log", summary="The raw patches of a run", responses={200: STREAM, **PROBLEMS})
async def stream_log(request: Request, body: Annotated[StreamLogRequest, Body()]) -> Response:
    """`event: data` with `{"ops": […]}` (JSON patches, RFC 6902), at last `event: end`; `event: error` before it when
    the run has failed. The run ends when the client leaves, and is not journaled."""
    service: Footnote = request.app.state.service
    service.runs.check_room()
    config: RunnableConfig = body.config.model_dump(exclude_none=True) if body.config else {}  # type: ignore[assignment]
    log = await service.log(body.input, config, **body.filters())
    return PatchResponse(PatchPump(service, log), service.settings.ping_interval)


class PatchPump:
    """Reads the patches in a task of its own, with the deadline of an answer, and holds the run back for its reader."""

    def __init__(self, service: Footnote, log: AsyncGenerator[RunLogPatch, None]) -> None:
        self._runs = service.runs
        self._runs.take_place(self)
        self._deadline = service.settings.ask_timeout
        self._waiting: deque[bytes] = deque()
        self._size = 0
        self._more = asyncio.Event()
        self._room = asyncio.Event()
        self._why: FootnoteError | None = None
        self._task = asyncio.create_task(self._pump(log), name="stream_log")
        self._task.add_done_callback(self._ended)

    def cancel(self, why: FootnoteError) -> None:
        self._why = self._why or why
        self._task.cancel()

    async def close(self) -> None:
        await stop(self._task)

    async def chunks(self, ping_interval: float) -> AsyncIterator[bytes]:
        while True:
            if self._waiting:
                chunk = b"".join(self._waiting)
                self._waiting.clear()
                self._size = 0
                self._room.set()
                yield chunk
            elif self._task.done():
                return
            else:
                yield await self._something(ping_interval)

    async def _something(self, ping_interval: float) -> bytes:
        self._more.clear()
        try:
            async with asyncio.timeout(ping_interval):
                await self._more.wait()
        except TimeoutError:
            return PING
        return b""

    async def _pump(self, log: AsyncGenerator[RunLogPatch, None]) -> None:
        limit = asyncio.timeout(self._deadline)
        try:
            async with limit, aclosing(log):
                async for patch in log:
                    self._put(b"event: data\ndata: %s\n\n" % encode_patch(patch))
                    while self._size > _WAITING_BYTES:
                        self._room.clear()
                        await self._room.wait()
        except FootnoteError as error:
            self._why = error
        except Exception as error:
            if limit.expired():
                self._why = DeadlineExceeded(f"The run took longer than {self._deadline:g} seconds.", "Ask again.")
            else:
                logger.error("A logged run failed", exc_info=error)
                self._why = FootnoteError("Something unexpected happened.", "The server's log says more.")

    def _put(self, chunk: bytes) -> None:
        self._waiting.append(chunk)
        self._size += len(chunk)
        self._more.set()

    def _ended(self, task: asyncio.Task[None]) -> None:
        if task.cancelled():
            self._why = self._why or RunInterrupted("The server stopped.", "Ask again.")
        if self._why is not None:
            self._put(b"event: error\ndata: %s\n\n" % to_json(self._why.problem()).encode())
        self._put(END)
        self._runs.give_place(self)


class PatchResponse(StreamingResponse):
    """Sends what a pump reads, and ends it when the client has left."""

    media_type = "text/event-stream"

    def __init__(self, pump: PatchPump, ping_interval: float) -> None:
        super().__init__(pump.chunks(ping_interval), headers=SSE_HEADERS)
        self._pump = pump

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            keep_little_ahead(scope)
            await super().__call__(scope, receive, send)
        finally:
            await self._pump.close()


def encode_patch(patch: RunLogPatch) -> bytes:
    """One line of ASCII JSON; messages and documents as LangServe writes them, with their `type`."""
    return json.dumps({"ops": patch.ops}, default=_plain, separators=(",", ":")).encode("ascii")


def _plain(value: Any) -> Any:
    return value.model_dump() if isinstance(value, BaseModel) else str(value)
