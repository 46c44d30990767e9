"""Thumbs up or down for an answer."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Body, Path, Request
from pydantic import BaseModel, ConfigDict

from api.bodies import CheckedRoute
from api.examples import BODY_PROBLEMS, problem
from rag.service import Footnote
from rag.stream.feedback import Rating

router = APIRouter(route_class=CheckedRoute, tags=["runs"], responses={404: problem("There is no such run.")})


class Feedback(BaseModel):
    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"rating": "up"}]})

    rating: Rating


@router.put("/runs/{run_id}/feedback", summary="Rate an answer", responses=BODY_PROBLEMS)
async def put_feedback(
    request: Request,
    run_id: Annotated[str, Path(max_length=128, description="As in the first event.")],
    body: Annotated[Feedback, Body()],
) -> dict[str, Any]:
    """Kept with the run, in place of an earlier rating; shown as `rating` where the run is."""
    service: Footnote = request.app.state.service
    await service.runs.rate(run_id, body.rating, request.state.principal)
    return {"run_id": run_id, "rating": body.rating}
