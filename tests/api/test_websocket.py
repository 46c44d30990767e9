"""`WS /ws`: the same events as messages; several questions, cancel, ping, resume; bad messages are answered."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from starlette.websockets import WebSocketDisconnect

from api.app import create_app
from tests.fakes import ScriptedChatModel

ANSWER = "Chroma keeps the vectors of every chunk [1]."


class _Socket:
    """The client's end of a socket, over ASGI."""

    def __init__(self, service: Any, headers: dict[str, str] | None = None) -> None:
        self._in: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self._out: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        raw = [(name.encode(), value.encode()) for name, value in (headers or {}).items()]
        scope = {"type": "websocket", "asgi": {"version": "3.0"}, "path": "/ws", "raw_path": b"/ws", "headers": raw}
        scope |= {"query_string": b"", "root_path": "", "scheme": "ws", "subprotocols": [], "state": {}}
        self._task = asyncio.create_task(create_app(service=service)(scope, self._in.get, self._out.put))  # type: ignore[arg-type]
        self._in.put_nowait({"type": "websocket.connect"})

    async def __aenter__(self) -> _Socket:
        assert (await self._out.get())["type"] == "websocket.accept"
        return self

    async def __aexit__(self, *_: object) -> None:
        self._in.put_nowait({"type": "websocket.disconnect", "code": 1000})
        await self._task

    def say(self, message: Any) -> None:
        self._in.put_nowait(
            {"type": "websocket.receive", "text": message if isinstance(message, str) else json.dumps(message)}
        )

    def say_bytes(self, message: bytes) -> None:
        self._in.put_nowait({"type": "websocket.receive", "bytes": message})

    async def hear(self) -> Any:
        message = await self._out.get()
        if message["type"] == "websocket.close":
            raise WebSocketDisconnect(message["code"])
        return json.loads(message["text"])

    async def hear_until_end(self) -> list[Any]:
        heard = [await self.hear()]
        while heard[-1]["type"] != "end":
            heard.append(await self.hear())
        return heard


async def test_a_question_is_answered_with_the_events_of_ask(make_client: Any) -> None:
    """`accepted`, each event with its number, `end`."""
    _, service = await make_client(ScriptedChatModel(ANSWER))
    async with _Socket(service) as socket:
        socket.say({"type": "ask", "question": "What?", "ref": 7})
        heard = await socket.hear_until_end()
    assert heard[0]["type"] == "accepted"
    assert heard[0]["ref"] == 7
    events = heard[1:-1]
    assert [event["id"] for event in events] == list(range(1, len(events) + 1))
    assert [event["event"] for event in events[:3]] == ["run", "documents", "question"]
    assert events[-1]["event"] == "done"
    assert events[-1]["data"]["answer"] == ANSWER


async def test_the_body_of_ask_is_a_message(make_client: Any) -> None:
    """What is sent to `POST /ask` may be sent as it is."""
    _, service = await make_client(ScriptedChatModel(ANSWER))
    async with _Socket(service) as socket:
        socket.say({"question": "What?"})
        heard = await socket.hear_until_end()
    assert [message["event"] for message in heard[1:3]] == ["run", "documents"]


async def test_two_questions_at_once_and_one_cancelled(make_client: Any) -> None:
    """Runs are told apart by `run_id`; cancelling one leaves the other."""
    gate = asyncio.Event()
    model = ScriptedChatModel(["one ", asyncio.Event()], ["two ", gate, "done."])
    _, service = await make_client(model)
    async with _Socket(service) as socket:
        ids: list[str] = []
        for ref in ("a", "b"):
            socket.say({"type": "ask", "question": ref, "ref": ref})
            while (message := await socket.hear())["type"] != "accepted":
                pass
            ids.append(message["run_id"])
            while (message := await socket.hear()).get("event") != "token":
                pass
        socket.say({"type": "cancel", "run_id": ids[0]})
        heard = await socket.hear_until_end()
        assert {message["run_id"] for message in heard if message["type"] == "end"} == {ids[0]}
        assert [m["event"] for m in heard if m["type"] == "event" and m["run_id"] == ids[0]][-1] == "error"
        gate.set()
        heard = await socket.hear_until_end()
        assert heard[-2]["event"] == "done"
        assert heard[-2]["run_id"] == ids[1]


async def test_resuming_gives_what_follows(make_client: Any) -> None:
    """A finished run, after one of its events; after its last only the end."""
    _, service = await make_client(ScriptedChatModel(ANSWER))
    answer = await service.ask("What?")
    async with _Socket(service) as socket:
        socket.say({"type": "resume", "run_id": answer.run_id, "after": 3})
        heard = await socket.hear_until_end()
        assert heard[1]["id"] == 4
        last = heard[-2]["id"]
        socket.say({"type": "resume", "run_id": answer.run_id, "after": last})
        assert [message["type"] for message in await socket.hear_until_end()] == ["accepted", "end"]


BAD: dict[str, Any] = {
    "no json": "{",
    "nan": '{"type": "ask", "question": NaN}',
    "a list": [1],
    "no type": {"text": "a"},
    "unknown type": {"type": "dance"},
    "blank": {"type": "ask", "question": " "},
    "unknown field": {"type": "ask", "question": "a", "sekret": 1},
    "unknown run": {"type": "resume", "run_id": "nope"},
    "bad number": {"type": "resume", "run_id": "nope", "after": "x"},
    "lone surrogate as run": '{"type": "resume", "run_id": "\\ud800"}',
    "cancel unknown": {"type": "cancel", "run_id": "nope"},
    "cancel a number": {"type": "cancel", "run_id": 7},
}


@pytest.mark.parametrize("name", BAD)
async def test_bad_messages_are_answered_and_the_talk_goes_on(make_client: Any, name: str) -> None:
    """An `error` message with the members of a problem, then a ping is answered."""
    _, service = await make_client(ScriptedChatModel())
    async with _Socket(service) as socket:
        socket.say(BAD[name])
        heard = await socket.hear()
        assert heard["type"] == "error"
        assert heard["status"] in (400, 404, 422)
        assert heard["detail"]
        socket.say({"type": "ping", "ref": "x"})
        assert await socket.hear() == {"type": "pong", "ref": "x"}


async def test_binary_messages_are_refused(make_client: Any) -> None:
    """Text only."""
    _, service = await make_client(ScriptedChatModel())
    async with _Socket(service) as socket:
        socket.say_bytes(b"\x00")
        assert (await socket.hear())["type"] == "error"


async def test_pages_of_other_sites_are_kept_out(make_client: Any) -> None:
    """Without keys a browser's page may come only from this server, by its own name or the one a proxy gives it."""
    _, service = await make_client(ScriptedChatModel())
    for origin in ("http://evil.example", "null", "http://evil.example:8000"):
        with pytest.raises(AssertionError):
            async with _Socket(service, {"origin": origin, "host": "localhost:8000"}):
                pass
    for headers in ({"host": "docs.example"}, {"host": "inner:8000", "x-forwarded-host": "docs.example"}):
        async with _Socket(service, {"origin": "https://docs.example", **headers}) as socket:
            socket.say({"type": "ping"})
            assert await socket.hear() == {"type": "pong"}


async def test_leaving_cancels_the_runs_of_the_socket(make_client: Any) -> None:
    """The socket closes, the model is released."""
    model = ScriptedChatModel(["one ", asyncio.Event()])
    _, service = await make_client(model)
    async with _Socket(service) as socket:
        socket.say({"type": "ask", "question": "What?"})
        await model.waiting.wait()
    await service.runs.idle()
    assert model.abandoned == 1


async def test_a_key_comes_in_a_header_or_in_the_first_message(make_client: Any) -> None:
    """Browsers cannot set headers on a socket."""
    _, service = await make_client(ScriptedChatModel(), api_keys=("one",))
    async with _Socket(service, {"x-api-key": "one"}) as socket:
        socket.say({"type": "ping"})
        assert await socket.hear() == {"type": "pong"}
    async with _Socket(service) as socket:
        socket.say({"type": "key", "key": "one"})
        socket.say({"type": "ping"})
        assert await socket.hear() == {"type": "pong"}


@pytest.mark.parametrize("first", [{"type": "ping"}, {"type": "key", "key": "wrong"}, "{"])
async def test_without_a_key_the_socket_is_closed(make_client: Any, first: Any) -> None:
    """An `error` of status 401, then close code 4401."""
    _, service = await make_client(ScriptedChatModel(), api_keys=("one",))
    async with _Socket(service) as socket:
        socket.say(first)
        assert (await socket.hear())["status"] == 401
        with pytest.raises(WebSocketDisconnect) as closed:
            await socket.hear()
        assert closed.value.code == 4401
