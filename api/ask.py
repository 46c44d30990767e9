"""`POST /ask`: a question in, the events of its run out; or, on request, one JSON object when it is done."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterable
from typing import Annotated

from fastapi import APIRouter, Body, Header, Request
from starlette.responses import Response

from api.bodies import CheckedRoute
from api.errors import error_response
from api.examples import ASK_EXAMPLES, ASK_RESPONSES
from api.sse import EventStream, WhenDone, one_object
from rag.errors import FootnoteError
from rag.events import answer_data
from rag.request import AskRequest
from rag.service import Footnote
from rag.stream.runs import Run

router = APIRouter(route_class=CheckedRoute, tags=["ask"])


@router.post("/ask", summary="Ask a question", responses=ASK_RESPONSES)
async def ask(
    request: Request,
    body: Annotated[AskRequest, Body(openapi_examples=ASK_EXAMPLES)],
    accept: Annotated[str, Header(description="`application/json` for one object, else events.")] = "*/*",
) -> Response:
    """Answers with `text/event-stream`: documents first, then the question as understood, then the answer.

    With `Accept: application/json` the answer is one object: the data of `done`, and `documents`.
    """
    service: Footnote = request.app.state.service
    run = await service.start(body, principal=request.state.principal)
    if wants_json(accept):
        return WhenDone(asyncio.create_task(_answer(run)))
    headers = {"Location": f"/runs/{run.id}", "X-Run-Id": run.id}
    return EventStream(run.read_from(0), ping_interval=service.settings.ping_interval, headers=headers)


def wants_json(accept: str) -> bool:
    """Whether JSON is named, and an event stream neither before it nor with a greater weight."""
    weights: dict[str, float] = {}
    for part in accept.split(","):
        kind, *parameters = (piece.strip().lower() for piece in part.split(";"))
        weights.setdefault(kind, _weight(parameters))
    named = [kind for kind in weights if kind in _FORMS and weights[kind] > 0]
    return bool(named) and max(named, key=weights.__getitem__) == _FORMS[0]


_FORMS = ("application/json", "text/event-stream")
_WEIGHT = re.compile(r"q\s*=\s*([01](?:\.\d{0,3})?)")


def _weight(parameters: Iterable[str]) -> float:
    return next((float(found[1]) for one in parameters if (found := _WEIGHT.fullmatch(one))), 1.0)


async def _answer(run: Run) -> Response:
    reader = run.read_from(0, taken=float("inf"))
    try:
        await run.ended.wait()
    finally:
        reader.close()
    if run.answer is None:
        return error_response(run.failure or FootnoteError("The run ended without an answer."))
    return one_object(answer_data(run.answer))
