"""Conversations that the server remembers."""

from __future__ import annotations

import asyncio
from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Body, Path, Query, Request
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import Response

from api.afterwards import add_afterwards
from api.bodies import CheckedRoute
from api.examples import BODY_PROBLEMS, problem
from rag.errors import InvalidRequest
from rag.events import citation_data, document_data, event_data, timestamp
from rag.request import readable_text
from rag.service import Footnote
from rag.threads.memory import Thread, Turn

router = APIRouter(route_class=CheckedRoute, tags=["threads"])

ThreadId = Annotated[str, Path(max_length=128, description="As sent with the first question.")]
_NONE: dict[int | str, dict[str, Any]] = {404: problem("There is no such conversation.")}


class NewTitle(BaseModel):
    model_config = ConfigDict(extra="forbid")

    title: Annotated[str, Field(min_length=1, max_length=200)]


@router.get("/threads", summary="Your conversations, last used first")
async def list_threads(
    request: Request,
    limit: Annotated[int, Query(ge=1, le=500)] = 100,
    before: Annotated[str | None, Query(description="`updated_at` of the last one seen, to page on.")] = None,
) -> dict[str, Any]:
    service: Footnote = request.app.state.service
    store = await service.conversations.store()
    owner = request.state.principal
    threads = await asyncio.to_thread(lambda: store.threads(owner=owner, limit=limit, before=_moment(before)))
    return {"threads": [thread_data(thread) for thread in threads]}


@router.get("/threads/{thread_id}", summary="A conversation with all its turns", responses=_NONE)
async def get_thread(request: Request, thread_id: ThreadId) -> dict[str, Any]:
    """Each turn with its documents and citations, an agent's with its `steps`.

    `summary` is what long conversations are shortened to.
    """
    service: Footnote = request.app.state.service
    store = await service.conversations.store()
    owner = request.state.principal
    thread = await asyncio.to_thread(lambda: store.get(thread_id, owner=owner))
    turns = await asyncio.to_thread(lambda: store.turns(thread_id, owner=owner))
    found: dict[str, Any] = {**thread_data(thread), "turns": [turn_data(turn) for turn in turns]}
    await add_afterwards(service, found["turns"])
    if thread.summary:
        found |= {"summary": thread.summary, "summarized_through": thread.summarized_through}
    return found


@router.patch("/threads/{thread_id}", summary="Give a conversation another title", responses={**_NONE, **BODY_PROBLEMS})
async def rename_thread(request: Request, thread_id: ThreadId, body: Annotated[NewTitle, Body()]) -> dict[str, Any]:
    service: Footnote = request.app.state.service
    store = await service.conversations.store()
    owner = request.state.principal
    try:
        title = readable_text(body.title)
    except ValueError as error:
        raise InvalidRequest(f"The field 'title' cannot be used: {error}.") from None
    await asyncio.to_thread(lambda: store.rename(thread_id, title, owner=owner))
    return thread_data(await asyncio.to_thread(lambda: store.get(thread_id, owner=owner)))


@router.delete(
    "/threads/{thread_id}",
    summary="Forget a conversation",
    status_code=204,
    response_class=Response,
    responses={**_NONE, 409: problem("A question is being answered in it.")},
)
async def delete_thread(request: Request, thread_id: ThreadId) -> Response:
    service: Footnote = request.app.state.service
    store = await service.conversations.store()
    owner = request.state.principal
    await asyncio.to_thread(lambda: store.delete(thread_id, owner=owner))
    return Response(status_code=204)


def thread_data(thread: Thread) -> dict[str, Any]:
    return {
        "id": thread.id,
        "title": thread.title,
        "created_at": timestamp(thread.created_at),
        "updated_at": thread.updated_at.isoformat().replace("+00:00", "Z"),
        "turn_count": thread.turns,
    }


def turn_data(turn: Turn) -> dict[str, Any]:
    data = {
        "n": turn.n,
        "run_id": turn.run_id,
        "state": turn.state,
        "question": turn.question,
        "standalone_question": turn.standalone_question,
        "answer": turn.answer,
        "finish_reason": turn.finish_reason,
        "documents": [document_data(document) for document in turn.documents],
        "citations": [citation_data(citation) for citation in turn.citations],
        "steps": [event_data(step) for step in turn.steps] or None,
        "asked_at": timestamp(turn.asked_at),
        "ended_at": timestamp(turn.ended_at) if turn.ended_at is not None else None,
    }
    return {name: value for name, value in data.items() if value is not None}


def _moment(text: str | None) -> datetime | None:
    if text is None:
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None:
        raise InvalidRequest(f"before={text[:40]!r} is no time.", "Send an `updated_at` as it was listed.")
    return moment
