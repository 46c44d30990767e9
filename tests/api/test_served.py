"""The app in a process of its own, under uvicorn: hang-ups, SIGTERM, kill -9, silent readers, the docs' client."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import websockets

from tests.api.streams import answer_of, events_of
from tests.openai_server import Fault, OpenAIServer, Reply
from tests.serving import ROOT, ServedApp

WORDS = [f"word{number} é💡 " for number in range(30)]


@pytest.fixture
async def model() -> AsyncIterator[OpenAIServer]:
    async with OpenAIServer(respond=lambda _: Reply(["Chroma ", "keeps ", Fault.STALL])) as server:
        yield server


async def _read(
    url: str,
    body: dict[str, Any],
    heard: list[str],
    accept: str = "text/event-stream",
    until: tuple[str, asyncio.Event] | None = None,
) -> None:
    """Reads a stream into `heard`, line by line, and sets the event when the text of `until` has come."""
    async with (
        httpx.AsyncClient(base_url=url, timeout=30) as client,
        client.stream("POST", "/ask", json=body, headers={"accept": accept}) as response,
    ):
        async for line in response.aiter_lines():
            heard.append(line)
            if until is not None and until[0] in line:
                until[1].set()


@pytest.mark.parametrize("accept", ["text/event-stream", "application/json"])
async def test_hanging_up_closes_the_connection_to_the_model(tmp_path: Path, model: OpenAIServer, accept: str) -> None:
    """Ten times; afterwards no run, and no descriptor more than after the first."""
    async with ServedApp(tmp_path, OPENAI_BASE_URL=model.url) as app:
        descriptors: list[int] = []
        for number in range(10):
            reading = asyncio.create_task(_read(app.url, {"question": "What?"}, [], accept))
            request = await model.chat(number)
            await request.started.wait()
            reading.cancel()
            await asyncio.gather(reading, return_exceptions=True)
            await asyncio.wait_for(request.finished.wait(), 5)
            assert request.closed_early
            descriptors.append(len(os.listdir(f"/proc/{app.pid}/fd")))
        assert descriptors[-1] <= descriptors[1] + 2
        async with httpx.AsyncClient(base_url=app.url) as client:
            async with asyncio.timeout(30):  # the last run ends a moment after its connection
                while "footnote_runs_active 0.0" not in (await client.get("/metrics")).text:
                    pass


@pytest.mark.parametrize(("parts", "last"), [(WORDS, "done"), ([*WORDS, Fault.STALL], "error")])
async def test_sigterm_ends_every_stream_with_a_last_event(tmp_path: Path, parts: list[Any], last: str) -> None:
    """Within the grace `done`, after it `error`; the process exits although a silent reader holds a socket."""
    async with OpenAIServer(respond=lambda _: Reply(parts, delay=0.02)) as model:
        async with ServedApp(tmp_path, OPENAI_BASE_URL=model.url, RAG_SHUTDOWN_GRACE="2") as app:
            heard: list[list[str]] = [[] for _ in range(5)]
            readers = [asyncio.create_task(_read(app.url, {"question": "What?"}, lines)) for lines in heard]
            host, _, port = app.url.removeprefix("http://").partition(":")
            _, silent = await asyncio.open_connection(host, int(port))
            body = b'{"question": "What?"}'
            head = f"POST /ask HTTP/1.1\r\nhost: localhost\r\ncontent-length: {len(body)}\r\n"
            silent.write(head.encode() + b"content-type: application/json\r\n\r\n" + body)
            await (await model.chat(5)).started.wait()
            await asyncio.wait_for(app.stop(), 8)
            await asyncio.gather(*readers)
            silent.close()
    for lines in heard:
        names = [line for line in lines if line.startswith("event: ")]
        assert names[-1] == f"event: {last}"
        assert sum(name in ("event: done", "event: error") for name in names) == 1


async def test_workers_share_their_runs(tmp_path: Path) -> None:
    """A run goes on for a reader that has reached another worker, ends when that one leaves, and is cancelled there."""
    go_on = asyncio.Event()
    script = [Reply(["Chroma ", go_on, "keeps ", Fault.STALL]), Reply(["Chroma ", Fault.STALL])]
    async with (
        OpenAIServer(*script) as model,
        ServedApp(tmp_path, OPENAI_BASE_URL=model.url) as one,
        ServedApp(tmp_path, OPENAI_BASE_URL=model.url) as two,
        httpx.AsyncClient(base_url=two.url, timeout=30) as client,
    ):
        reading, run_id = await _asked(one.url)
        async with client.stream("GET", f"/runs/{run_id}/events") as response:
            lines = response.aiter_lines()
            while "Chroma" not in await anext(lines):
                pass
            reading.cancel()
            await asyncio.gather(reading, return_exceptions=True)
            go_on.set()
            while "keeps" not in await anext(lines):
                pass
            assert (await client.get(f"/runs/{run_id}")).json()["state"] == "running"
        await asyncio.wait_for((await model.chat(0)).finished.wait(), 5)
        reading, run_id = await _asked(one.url)
        assert (await client.post(f"/runs/{run_id}/cancel")).json()["state"] == "cancelled"
        await reading


async def _asked(url: str) -> tuple[asyncio.Task[None], str]:
    """A question whose first token is here: who reads it, and its run."""
    heard: list[str] = []
    begun = asyncio.Event()
    reading = asyncio.create_task(_read(url, {"question": "What?"}, heard, until=('"Chroma "', begun)))
    await begun.wait()
    return reading, json.loads(next(line for line in heard if line.startswith("data: "))[6:])["run_id"]


async def test_while_it_stops_answers_go_on_and_questions_are_refused(tmp_path: Path) -> None:
    """After SIGTERM: not ready, 503 with Retry-After; a stream and a socket that were open have their `done`."""
    gate = asyncio.Event()
    async with OpenAIServer(respond=lambda _: Reply(["Chroma ", gate, "keeps vectors [1]."])) as model:
        async with (
            ServedApp(tmp_path, OPENAI_BASE_URL=model.url, RAG_SHUTDOWN_GRACE="20") as app,
            httpx.AsyncClient(base_url=app.url, timeout=30) as client,
            websockets.connect(f"{app.url.replace('http', 'ws', 1)}/ws") as socket,
        ):
            heard: list[str] = []
            reading = asyncio.create_task(_read(app.url, {"question": "What?"}, heard))
            await socket.send('{"question": "What?"}')
            await (await model.chat(1)).started.wait()
            stopping = asyncio.create_task(app.stop())
            while (await client.get("/health/ready")).status_code == 200:
                pass
            refused = await client.post("/ask", json={"question": "What?"})
            assert (refused.status_code, refused.headers["retry-after"]) == (503, "2")
            gate.set()
            messages = [json.loads(message) async for message in _until_closed(socket)]
            await asyncio.gather(reading, stopping)
    assert [message["event"] for message in messages if message["type"] == "event"][-1] == "done"
    assert [line for line in heard if line.startswith("event: ")][-1] == "event: done"


async def _until_closed(socket: websockets.ClientConnection) -> AsyncIterator[str | bytes]:
    with contextlib.suppress(websockets.ConnectionClosedError):  # 1012: the service restarts
        async for message in socket:
            yield message


async def test_a_killed_server_leaves_an_interrupted_run(tmp_path: Path, model: OpenAIServer) -> None:
    """After the restart: what was said, then `error`; the thread can go on."""
    body = {"question": "What?", "thread_id": "t", "on_disconnect": "continue"}
    async with ServedApp(tmp_path, OPENAI_BASE_URL=model.url) as app:
        heard: list[str] = []
        seen = asyncio.Event()
        reading = asyncio.create_task(_read(app.url, body, heard, until=('"keeps "', seen)))
        request = await model.chat(0)
        await request.started.wait()
        await seen.wait()
        await app.kill()
        await asyncio.gather(reading, return_exceptions=True)
    run_id = json.loads(next(line for line in heard if line.startswith("data: "))[6:])["run_id"]
    model.script = [Reply("Chroma keeps vectors [1].")]
    async with (
        ServedApp(tmp_path, OPENAI_BASE_URL=model.url) as app,
        httpx.AsyncClient(base_url=app.url, timeout=30) as client,
    ):
        state = (await client.get(f"/runs/{run_id}")).json()
        assert (state["state"], state["answer"]) == ("interrupted", "Chroma keeps ")
        events = events_of((await client.get(f"/runs/{run_id}/events")).text)
        assert answer_of(events) == "Chroma keeps "
        assert (events[-1].name, events[-1].data["type"]) == ("error", "urn:footnote:error:interrupted")
        turns = (await client.get("/threads/t")).json()["turns"]
        assert [turn["state"] for turn in turns] == ["interrupted"]
        model.script = [Reply("What does Chroma keep?"), Reply("Chroma keeps vectors [1].")]
        events = events_of((await client.post("/ask", json=body)).text)
        assert events[-1].name == "done"


async def test_a_reader_that_takes_nothing_costs_little_memory(tmp_path: Path) -> None:
    """A fifty-megabyte answer: the server stays small, answers others, and lets the model go when the reader does."""
    huge = Reply(["x" * 9_999 + " "] * 5_000)
    small = Reply("Chroma keeps vectors [1].")
    async with (
        OpenAIServer(respond=lambda body: huge if "huge" in str(body["messages"][-1]) else small) as model,
        ServedApp(tmp_path, OPENAI_BASE_URL=model.url) as app,
        httpx.AsyncClient(base_url=app.url, timeout=30) as client,
    ):
        for _ in range(10):
            await client.post("/ask", json={"question": "What?"})
        before = _memory(app.pid)
        host, _, port = app.url.removeprefix("http://").partition(":")
        _, silent = await asyncio.open_connection(host, int(port), limit=1)
        body = b'{"question": "huge"}'
        head = f"POST /ask HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ncontent-length: {len(body)}"
        silent.write(head.encode() + b"\r\n\r\n" + body)
        request = await model.chat(10)
        await request.started.wait()
        for _ in range(10):
            assert (await client.post("/ask", json={"question": "What?"})).status_code == 200
        assert request.sent < 5_000
        assert _memory(app.pid) - before < 15
        silent.transport.abort()
        await asyncio.wait_for(request.finished.wait(), 5)


def _memory(pid: int) -> float:
    """Megabytes."""
    found = re.search(r"VmRSS:\s+(\d+)", Path(f"/proc/{pid}/status").read_text())
    assert found
    return int(found[1]) / 1024


async def test_the_python_client_of_the_docs_works(tmp_path: Path) -> None:
    """As it is printed, against a server that cuts the connection: it resumes, and nothing comes twice."""
    code = re.search(r"```python\n(.*?)```", (ROOT / "docs" / "streaming.md").read_text(), re.DOTALL)
    assert code
    names: dict[str, Any] = {}
    exec(code[1], names)  # noqa: S102 - the point is to run what the docs print
    async with (
        OpenAIServer(respond=lambda _: Reply(WORDS, delay=0.005)) as model,
        ServedApp(tmp_path, OPENAI_BASE_URL=model.url) as app,
    ):
        relay = await _cutting_relay(app.url)
        async with relay:
            url = f"http://127.0.0.1:{relay.sockets[0].getsockname()[1]}"
            events = await asyncio.to_thread(lambda: list(names["ask"](url, "What?")))
    answer = "".join(data["text"] for name, data in events if name == "token")
    assert events[-1][0] == "done"
    assert answer == events[-1][1]["answer"] == "".join(WORDS)


async def _cutting_relay(url: str) -> asyncio.Server:
    """Passes bytes on, and cuts each connection after 3,000 bytes of the answer."""
    host, _, port = url.removeprefix("http://").partition(":")

    async def relay(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        inner, outer = await asyncio.open_connection(host, int(port))
        request = asyncio.create_task(_copy(reader, outer, None))
        await _copy(inner, writer, 3_000)
        writer.transport.abort()
        outer.transport.abort()
        request.cancel()
        await asyncio.gather(request, return_exceptions=True)

    return await asyncio.start_server(relay, "127.0.0.1", 0)


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, limit: int | None) -> None:
    copied = 0
    while (limit is None or copied < limit) and (chunk := await reader.read(500)):
        writer.write(chunk)
        await writer.drain()
        copied += len(chunk)
