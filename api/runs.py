"""Runs live on the server, apart from any connection: look at them, read them again, cancel them."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Header, Path, Query, Request
from starlette.responses import Response

from api.afterwards import add_afterwards
from api.bodies import CheckedRoute
from api.examples import STREAM, problem
from api.sse import EventStream, one_object
from rag.service import Footnote

router = APIRouter(route_class=CheckedRoute, tags=["runs"], responses={404: problem("There is no such run.")})

RunId = Annotated[str, Path(max_length=128, description="As in the first event.")]


@router.get("/runs/{run_id}", summary="State and result of a run", response_model=dict[str, Any])
async def get_run(request: Request, run_id: RunId) -> Response:
    """`state` is `running`, `done`, `interrupted`, `failed` or `cancelled`.

    `result` is what `done` said, with `documents`; without it `answer` has what was said so far, and `error` why it
    ended. A rated run has `rating`; citations whose words the page no longer has say so in `age`.
    """
    service: Footnote = request.app.state.service
    found = await service.run_summary(run_id, principal=request.state.principal)
    await add_afterwards(service, [found.get("result", found)])
    return one_object(found)


@router.get(
    "/runs/{run_id}/events",
    summary="The events of a run, from the start or after one of them",
    response_class=Response,
    responses={200: STREAM, 204: {"description": "The run has ended, and you have all of it."}},
)
async def get_events(
    request: Request,
    run_id: RunId,
    last_event_id: Annotated[str | None, Header(description="Sent by clients that reconnect.")] = None,
    after: Annotated[int, Query(ge=0, le=2**53, description="The same, for clients that cannot set headers.")] = 0,
) -> Response:
    """Replays what was said, then goes on live; for any number of readers."""
    service: Footnote = request.app.state.service
    seen = _number(last_event_id, after)
    reader = await service.runs.follow(run_id, seen, request.state.principal)
    if reader is None:
        return Response(status_code=204)
    return EventStream(reader, ping_interval=service.settings.ping_interval)


@router.post("/runs/{run_id}/cancel", summary="Stop a run", response_model=dict[str, Any])
async def cancel_run(request: Request, run_id: RunId) -> Response:
    """Stops the model at once. Readers get an `error` event; a run that has ended stays as it is."""
    service: Footnote = request.app.state.service
    await service.runs.cancel(run_id, request.state.principal)
    return one_object(await service.run_summary(run_id, principal=request.state.principal))


def _number(last_event_id: str | None, after: int) -> int:
    """An id that is none of ours means from the start, as the standard has it."""
    text = (last_event_id or "").strip()
    return int(text) if text.isascii() and text.isdigit() and len(text) < 18 else after
