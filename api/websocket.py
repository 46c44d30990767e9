"""`WS /ws`: the events of runs as JSON messages; several questions over one socket, cancel, ping, resume.

To the server: `{"type": "ask", …the body of /ask, "ref": "mine"}` (the type may be left out) ·
`{"type": "resume", "run_id", "after"}` · `{"type": "cancel", "run_id"}` · `{"type": "ping"}`.
From it: `{"type": "event", "run_id", "id", "event", "data"}` · `{"type": "accepted", "run_id", "ref"}` ·
`{"type": "end", "run_id"}` · `{"type": "pong"}` · `{"type": "error", …}`.
"""

from __future__ import annotations

import asyncio
import logging
from typing import Any

from fastapi import APIRouter, WebSocket
from pydantic import ValidationError
from starlette.types import Message
from starlette.websockets import WebSocketDisconnect

from api.bodies import authenticate, check_json
from api.errors import validation_problem
from rag.errors import FootnoteError, InvalidRequest, NotFound, Unauthorized
from rag.request import AskRequest
from rag.service import Footnote
from rag.stream.readers import EventReader
from rag.stream.wire import decode, to_json

logger = logging.getLogger(__name__)
router = APIRouter()

MAX_RUNS = 16
_UNAUTHORIZED = 4401
_FORBIDDEN = 4403


@router.websocket("/ws")
async def socket(websocket: WebSocket) -> None:
    service: Footnote = websocket.app.state.service
    if not service.settings.api_keys and _of_another_site(websocket):
        await websocket.close(_FORBIDDEN)  # before it is accepted: the client gets 403
        return
    await websocket.accept()
    talk = _Talk(websocket, service)
    try:
        if not await talk.introduce():
            return
        while True:
            await talk.hear(await websocket.receive())
    except WebSocketDisconnect:
        pass  # the client has left; its runs end as they said when they began
    finally:
        await talk.close()


class _Talk:
    """One socket."""

    def __init__(self, websocket: WebSocket, service: Footnote) -> None:
        self._socket = websocket
        self._service = service
        self._sending = asyncio.Lock()
        self._followed: dict[str, asyncio.Task[None]] = {}
        self._principal = ""

    async def introduce(self) -> bool:
        """Checks the key: in a header, or, as browsers cannot set one, in a first message `{"type":"key","key":…}`."""
        try:
            self._principal = authenticate(self._socket)
            return True
        except Unauthorized as missing:
            return await self._key_message(missing)

    async def _key_message(self, missing: Unauthorized) -> bool:
        problem = missing
        try:
            message = _object(_text(await self._socket.receive()))
            if message.get("type") == "key":
                self._principal = authenticate(self._socket, given=str(message.get("key", "")))
                return True
        except FootnoteError as error:
            problem = error if isinstance(error, Unauthorized) else missing
        await self._refuse(problem.problem(), None)
        await self._socket.close(_UNAUTHORIZED)
        return False

    async def hear(self, received: Message) -> None:
        """Answers one message; a bad one is answered too, and the talk goes on."""
        ref: Any = None
        try:
            message = _object(_text(received))
            ref = message.pop("ref", None)
            await self._answer(message, ref)
        except ValidationError as error:
            errors = error.errors(include_input=False, include_url=False)
            await self._refuse(validation_problem([dict(one) for one in errors]), ref)
        except FootnoteError as error:
            await self._refuse(error.problem(), ref)

    async def close(self) -> None:
        for task in self._followed.values():
            task.cancel()
        await asyncio.gather(*self._followed.values(), return_exceptions=True)

    async def _answer(self, message: dict[str, Any], ref: Any) -> None:
        kind = message.pop("type", "ask" if "question" in message else None)
        match kind:
            case "ping":
                await self._say({"type": "pong", **({"ref": ref} if ref is not None else {})})
            case "ask":
                self._require_room()
                run = await self._service.start(AskRequest.model_validate(message), principal=self._principal)
                await self._follow(run.id, run.read_from(0), ref)
            case "resume":
                self._require_room()
                run_id, after = _run_id(message), _number(message.get("after", 0))
                reader = await self._service.runs.follow(run_id, after, self._principal)
                await self._follow(run_id, reader, ref)
            case "cancel":
                await self._service.runs.cancel(_run_id(message), self._principal)
            case _:
                raise InvalidRequest("The message has no known type.", "Send `ask`, `resume`, `cancel` or `ping`.")

    def _require_room(self) -> None:
        self._followed = {run_id: task for run_id, task in self._followed.items() if not task.done()}
        if len(self._followed) >= MAX_RUNS:
            raise InvalidRequest(f"This socket follows {MAX_RUNS} runs already.", "Wait for one, or open another.")

    async def _follow(self, run_id: str, reader: EventReader | None, ref: Any) -> None:
        accepted = {"type": "accepted", "run_id": run_id, **({"ref": ref} if ref is not None else {})}
        task = asyncio.create_task(self._read(run_id, reader, accepted), name=f"ws {run_id}")
        if (before := self._followed.get(run_id)) is not None:
            before.cancel()
        self._followed[run_id] = task

    async def _read(self, run_id: str, reader: EventReader | None, accepted: dict[str, Any]) -> None:
        try:
            await self._say(accepted)
            while reader is not None and (chunk := await reader.read(self._service.settings.ping_interval)) is not None:
                for event in decode(chunk):
                    await self._say(
                        {"type": "event", "run_id": run_id, "id": event.seq, "event": event.name, "data": event.data}
                    )
            await self._say({"type": "end", "run_id": run_id})
        except (WebSocketDisconnect, RuntimeError, NotFound) as error:
            logger.debug("Run %s is not followed any more: %r", run_id, error)
        finally:
            if reader is not None:
                reader.close()

    async def _refuse(self, problem: dict[str, Any], ref: Any) -> None:
        title = {"problem": problem["type"]}
        rest = {name: value for name, value in problem.items() if name != "type"}
        await self._say({"type": "error", **title, **rest, **({"ref": ref} if ref is not None else {})})

    async def _say(self, message: dict[str, Any]) -> None:
        async with self._sending:
            await self._socket.send_text(to_json(message))


def _of_another_site(websocket: WebSocket) -> bool:
    """Whether a page of another site opens this socket: browsers let any page do so, and read the answers."""
    origin = websocket.headers.get("origin")
    ours = (websocket.headers.get("host"), websocket.headers.get("x-forwarded-host"))
    return origin is not None and origin.partition("://")[2] not in ours


def _text(received: Message) -> str:
    if received["type"] == "websocket.disconnect":
        raise WebSocketDisconnect(received.get("code", 1000))
    if received.get("text") is None:
        raise InvalidRequest("The message is binary.", "Send text: one JSON object.")
    return str(received["text"])


def _object(text: str) -> dict[str, Any]:
    message = check_json(text)
    if not isinstance(message, dict):
        raise InvalidRequest("The message is no JSON object.", 'Send {"type": "ask", "question": "…"}.')
    return message


def _run_id(message: dict[str, Any]) -> str:
    value = message.get("run_id")
    if not isinstance(value, str) or not value.isascii():
        raise InvalidRequest("`run_id` is not the id of a run.", "Send the one that `accepted` named.")
    return value


def _number(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < 2**53:
        raise InvalidRequest("`after` is not the number of an event.", "Send the last `id` you have seen, or 0.")
    return value
