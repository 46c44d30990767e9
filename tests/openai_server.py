"""A loopback server that speaks the OpenAI wire protocol, follows a script, and fails the ways real servers fail.

    async with OpenAIServer(Reply(["Chroma ", "keeps vectors [1]."]), Reply(status=429)) as server:
        ChatOpenAI(base_url=server.url, api_key="k", model="m")
        server.requests[0].body, server.requests[0].closed_early

By hand: `python tests/openai_server.py --port 9000`, then `OPENAI_BASE_URL=http://127.0.0.1:9000/v1`. Chat completions
(streamed or not, tool calls, usage), embeddings (float or base64) and models are there; HTTP/1.1 with keep-alive.
"""

from __future__ import annotations

import argparse
import asyncio
import base64
import contextlib
import enum
import hashlib
import json
import re
import struct
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Self

DEFAULT_ANSWER = "Footnote answers from the pages you chose [1]. Each sentence carries a footnote that was checked [1]."


class Fault(enum.Enum):
    """A part of an answer where something goes wrong."""

    STALL = "stall"  # nothing more, the connection stays open
    CUT = "cut"  # the connection ends in the middle of the body
    RESET = "reset"  # and with a TCP reset
    GARBAGE = "garbage"  # a line of the stream that is no JSON
    WRONG_SHAPE = "wrong_shape"  # JSON that is no chunk
    ERROR_EVENT = "error_event"  # an error object inside the stream, as some servers send


@dataclass(frozen=True)
class ToolCall:
    """A part of an answer: the model asks for a tool."""

    name: str
    arguments: str = "{}"
    id: str = "call_1"


Part = str | ToolCall | Fault | asyncio.Event


@dataclass(frozen=True)
class Reply:
    """How one request is answered.

    Attributes:
        parts: tokens; an event is waited for, a `Fault` happens at its place. One string is cut into words.
        before: happens before the status line is sent.
        finish_reason: None leaves it out.
        done: whether `data: [DONE]` ends the stream.
        delay: seconds before each token.
    """

    parts: Sequence[Part] | str = DEFAULT_ANSWER
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    before: Fault | asyncio.Event | None = None
    finish_reason: str | None = "stop"
    done: bool = True
    delay: float = 0.0
    content_type: str = "text/event-stream; charset=utf-8"
    body: bytes | None = None

    @property
    def tokens(self) -> Sequence[Part]:
        return re.findall(r"\s*\S+\s*$|\s*\S+", self.parts) if isinstance(self.parts, str) else self.parts


@dataclass
class Request:
    """What was asked, and how it ended.

    Attributes:
        sent: tokens written so far.
        closed_early: the client left before the answer was complete.
        finished: set when the answer is complete or the client has left.
    """

    path: str
    headers: Mapping[str, str]
    body: Any
    sent: int = 0
    closed_early: bool = False
    finished: asyncio.Event = field(default_factory=asyncio.Event)
    started: asyncio.Event = field(default_factory=asyncio.Event)


class _Broken(Exception):
    """The connection is to be dropped."""


class OpenAIServer:
    """Answers from a script; when that is used up, with `respond(body)`, by default a fixed cited answer.

    Attributes:
        url: up to and including /v1, as `OPENAI_BASE_URL` wants it.
        keep_alive: off by default, for the clients of LangChain never close the connections they keep.
        requests: every request, in order; `chats` are those for chat completions.
        open_connections: how many clients are connected now.
    """

    def __init__(
        self,
        *script: Reply,
        respond: Callable[[Any], Reply] | None = None,
        key: str | None = None,
        dimension: int = 64,
        keep_alive: bool = False,
    ) -> None:
        self.script = list(script)
        self.requests: list[Request] = []
        self.open_connections = 0
        self._respond = respond or (lambda _: Reply())
        self._key = key
        self._dimension = dimension
        self._keep_alive = keep_alive
        self._tasks: set[asyncio.Task[None]] = set()
        self._arrived = asyncio.Condition()

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    async def start(self, port: int = 0) -> None:
        self._server = await asyncio.start_server(self._connected, "127.0.0.1", port, limit=1 << 24)
        self.port: int = self._server.sockets[0].getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}/v1"

    async def stop(self) -> None:
        """Refuses new connections and drops the open ones."""
        self._server.close()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._server.wait_closed()

    @property
    def chats(self) -> list[Request]:
        return [request for request in self.requests if request.path == "/v1/chat/completions"]

    async def chat(self, number: int) -> Request:
        """The chat request of that number, counted from 0, as soon as it has arrived."""
        async with self._arrived:
            await self._arrived.wait_for(lambda: len(self.chats) > number)
        return self.chats[number]

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        self.open_connections += 1
        try:
            while await self._one_request(reader, writer):
                pass
        except (_Broken, ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass  # the script or the client ended it
        finally:
            self.open_connections -= 1
            self._tasks.discard(task)
            writer.close()

    async def _one_request(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        head = await reader.readuntil(b"\r\n\r\n")
        first, *lines = head.decode("latin-1").split("\r\n")
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines if line)}
        raw = await reader.readexactly(int(headers.get("content-length", 0)))
        path = first.split(" ")[1].partition("?")[0]
        request = Request(path, headers, json.loads(raw) if raw else None)
        async with self._arrived:
            self.requests.append(request)
            self._arrived.notify_all()
        answering = asyncio.create_task(self._answer(request, writer))
        leaving = asyncio.create_task(reader.read(1))
        try:
            await asyncio.wait({answering, leaving}, return_when=asyncio.FIRST_COMPLETED)
            failed = answering.done() and isinstance(answering.exception(), ConnectionError)
            request.closed_early = failed or not answering.done()
            if request.closed_early:
                raise _Broken
            await answering
            return self._keep_alive
        finally:
            for task in (answering, leaving):
                task.cancel()
            await asyncio.gather(answering, leaving, return_exceptions=True)
            request.finished.set()

    async def _answer(self, request: Request, writer: asyncio.StreamWriter) -> None:
        wire = _Wire(writer, request, keep_alive=self._keep_alive)
        if self._key is not None and request.headers.get("authorization") != f"Bearer {self._key}":
            await wire.json(_error("Incorrect API key provided: sk-secret", "invalid_api_key"), 401)
        elif request.path == "/v1/chat/completions":
            reply = self.script.pop(0) if self.script else self._respond(request.body)
            await self._chat(reply, request.body, wire)
        elif request.path == "/v1/embeddings":
            reply = self.script.pop(0) if self.script and self.script[0].status != 200 else None
            await (self._fail(reply, wire) if reply else wire.json(self._embeddings(request.body)))
        elif request.path.startswith("/v1/models"):
            await wire.json({"object": "list", "data": [{"id": "fake", "object": "model", "owned_by": "footnote"}]})
        else:
            await wire.json(_error(f"Unknown path {request.path}", "not_found"), 404)

    async def _fail(self, reply: Reply, wire: _Wire) -> None:
        await wire.json(_error(f"Made-up failure {reply.status}", None), reply.status, reply.headers)

    async def _chat(self, reply: Reply, body: Any, wire: _Wire) -> None:
        if reply.before is not None:
            await wire.happen(reply.before)
        if reply.status != 200:
            await self._fail(reply, wire)
        elif reply.body is not None:
            await wire.plain(reply.body, reply.content_type)
        elif body.get("stream"):
            await self._stream(reply, body, wire)
        else:
            await wire.json(_completion(reply, body))

    async def _stream(self, reply: Reply, body: Any, wire: _Wire) -> None:
        await wire.start(reply.content_type, reply.headers)
        chunk = _Chunks(body.get("model", "fake"))
        await wire.event(chunk.delta({"role": "assistant", "content": ""}))
        tools = 0
        for part in reply.tokens:
            if reply.delay:
                await asyncio.sleep(reply.delay)
            if isinstance(part, str):
                wire.request.sent += 1
                await wire.event(chunk.delta({"content": part}))
                wire.request.started.set()
            elif isinstance(part, ToolCall):
                for delta in _tool_deltas(part, tools):
                    await wire.event(chunk.delta({"tool_calls": [delta]}))
                tools += 1
            else:
                await wire.happen(part)
        if reply.finish_reason is not None:
            reason = "tool_calls" if tools and reply.finish_reason == "stop" else reply.finish_reason
            await wire.event(chunk.delta({}, reason))
        if (body.get("stream_options") or {}).get("include_usage"):
            await wire.event(chunk.usage(_usage(body, len(reply.tokens))))
        if reply.done:
            await wire.line("data: [DONE]")
        await wire.end()

    def _embeddings(self, body: Any) -> dict[str, Any]:
        given = body["input"]
        texts = given if isinstance(given, list) and not (given and isinstance(given[0], int)) else [given]
        size = body.get("dimensions") or self._dimension
        vectors = [_vector(text, size) for text in texts]
        if body.get("encoding_format") == "base64":
            data: list[Any] = [base64.b64encode(struct.pack(f"<{size}f", *vector)).decode() for vector in vectors]
        else:
            data = vectors
        rows = [{"object": "embedding", "index": index, "embedding": row} for index, row in enumerate(data)]
        tokens = sum(len(str(text).split()) for text in texts)
        usage = {"prompt_tokens": tokens, "total_tokens": tokens}
        return {"object": "list", "data": rows, "model": body.get("model", "fake"), "usage": usage}


class _Wire:
    """Writes one response."""

    def __init__(self, writer: asyncio.StreamWriter, request: Request, *, keep_alive: bool) -> None:
        self._writer = writer
        self._connection = "keep-alive" if keep_alive else "close"
        self.request = request

    async def json(self, data: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> None:
        await self.plain(json.dumps(data).encode(), "application/json", status, headers)

    async def plain(
        self, body: bytes, content_type: str, status: int = 200, headers: Mapping[str, str] | None = None
    ) -> None:
        lines = {"content-type": content_type, "content-length": str(len(body)), **(headers or {})}
        self._head(status, lines)
        await self._write(body)

    async def start(self, content_type: str, headers: Mapping[str, str]) -> None:
        self._head(200, {"content-type": content_type, "transfer-encoding": "chunked", **headers})
        await self._writer.drain()

    async def event(self, data: Any) -> None:
        await self.line("data: " + json.dumps(data))

    async def line(self, text: str) -> None:
        body = text.encode() + b"\n\n"
        await self._write(b"%x\r\n%s\r\n" % (len(body), body))

    async def end(self) -> None:
        await self._write(b"0\r\n\r\n")

    async def happen(self, fault: Fault | asyncio.Event) -> None:
        match fault:
            case asyncio.Event():
                await fault.wait()
            case Fault.STALL:
                await asyncio.Event().wait()
            case Fault.CUT:
                self._writer.close()
                raise _Broken
            case Fault.RESET:
                self._writer.transport.abort()
                raise _Broken
            case Fault.GARBAGE:
                await self.line('data: {"choices": [{"delta": {"content": "half an')
            case Fault.WRONG_SHAPE:
                await self.line('data: {"choices": "none", "usage": [1]}')
            case Fault.ERROR_EVENT:
                await self.event(_error("The server had an error with key sk-secret", "server_error"))

    def _head(self, status: int, headers: Mapping[str, str]) -> None:
        named = {"connection": self._connection, **headers}
        lines = "".join(f"{name}: {value}\r\n" for name, value in named.items())
        self._writer.write(f"HTTP/1.1 {status} Scripted\r\n{lines}\r\n".encode())

    async def _write(self, body: bytes) -> None:
        self._writer.write(body)
        await self._writer.drain()


class _Chunks:
    """The chunk objects of one streamed answer."""

    def __init__(self, model: str) -> None:
        self._base = {
            "id": "chatcmpl-1",
            "object": "chat.completion.chunk",
            "created": int(time.time()),
            "model": model,
        }

    def delta(self, delta: dict[str, Any], finish_reason: str | None = None) -> dict[str, Any]:
        return {**self._base, "choices": [{"index": 0, "delta": delta, "finish_reason": finish_reason}], "usage": None}

    def usage(self, usage: dict[str, int]) -> dict[str, Any]:
        return {**self._base, "choices": [], "usage": usage}


def _tool_deltas(call: ToolCall, index: int) -> list[dict[str, Any]]:
    """A call as it comes in pieces: first the name, then the arguments in two halves."""
    middle = len(call.arguments) // 2
    first = {"index": index, "id": call.id, "type": "function", "function": {"name": call.name, "arguments": ""}}
    halves = (call.arguments[:middle], call.arguments[middle:])
    return [first, *({"index": index, "function": {"arguments": half}} for half in halves)]


def _completion(reply: Reply, body: Any) -> dict[str, Any]:
    text = "".join(part for part in reply.tokens if isinstance(part, str))
    calls = [
        {"id": part.id, "type": "function", "function": {"name": part.name, "arguments": part.arguments}}
        for part in reply.tokens
        if isinstance(part, ToolCall)
    ]
    message = {"role": "assistant", "content": text or None, **({"tool_calls": calls} if calls else {})}
    reason = "tool_calls" if calls else reply.finish_reason
    return {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "created": int(time.time()),
        "model": body.get("model", "fake"),
        "choices": [{"index": 0, "message": message, "finish_reason": reason}],
        "usage": _usage(body, len(reply.tokens)),
    }


def _usage(body: Any, completion: int) -> dict[str, int]:
    prompt = sum(len(str(message.get("content")).split()) for message in body.get("messages", []))
    return {"prompt_tokens": prompt, "completion_tokens": completion, "total_tokens": prompt + completion}


def _error(message: str, code: str | None) -> dict[str, Any]:
    return {"error": {"message": message, "type": "scripted", "param": None, "code": code}}


def _vector(text: Any, size: int) -> list[float]:
    """Texts that share words get near vectors."""
    vector = [0.0] * size
    words = re.findall(r"[^\W\d_a-zA-Z]|\w+", text.lower()) if isinstance(text, str) else [str(token) for token in text]
    for word in words:
        number = int.from_bytes(hashlib.blake2b(word.encode(), digest_size=8).digest(), "big")
        vector[(number >> 1) % size] += 1.0 if number & 1 else -1.0
    length = sum(value * value for value in vector) ** 0.5
    return [value / length for value in vector] if length else [1.0] + [0.0] * (size - 1)


@contextlib.asynccontextmanager
async def openai_server(*script: Reply, **options: Any) -> AsyncIterator[OpenAIServer]:
    """The server for the time of a `with` block."""
    async with OpenAIServer(*script, **options) as server:
        yield server


def _main() -> None:
    parser = argparse.ArgumentParser(description="A loopback server that speaks the OpenAI wire protocol.")
    parser.add_argument("--port", type=int, default=9000)
    parser.add_argument("--answer", default=DEFAULT_ANSWER)
    parser.add_argument("--tokens", type=int, help="answer with that many made-up tokens")
    parser.add_argument("--rate", type=float, default=0.0, help="tokens a second; 0 for as fast as possible")
    parser.add_argument("--fault", choices=[fault.value for fault in Fault], help="happens after five tokens")
    given = parser.parse_args()
    parts: list[Part] = list(Reply(given.answer).tokens)
    if given.tokens:
        parts = [f"word{number} " for number in range(given.tokens)]
    if given.fault:
        parts.insert(5, Fault(given.fault))
    reply = Reply(parts, delay=1 / given.rate if given.rate else 0.0)

    async def serve() -> None:
        server = OpenAIServer(respond=lambda _: reply, keep_alive=True)
        await server.start(given.port)
        print(f"OPENAI_BASE_URL={server.url}", flush=True)  # noqa: T201
        await asyncio.Event().wait()

    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(serve())


if __name__ == "__main__":
    _main()
