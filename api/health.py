"""Whether the server lives, and whether it can answer."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request
from starlette.responses import JSONResponse, Response

from api.errors import problem_response
from api.examples import problem
from rag.service import Footnote

router = APIRouter(tags=["health"])


@router.get("/health/live", summary="The process runs")
async def live() -> dict[str, str]:
    return {"status": "live"}


@router.get(
    "/health/ready",
    summary="Questions can be answered",
    responses={503: problem("Not now; `reasons` says why.")},
)
async def ready(request: Request) -> Response:
    """Asks the index, and looks at the journal and the models. 503 with `reasons` when something is missing.

    `modes` are those that the model can be asked in: `agent` takes one that can call tools.
    """
    service: Footnote = request.app.state.service
    health = await service.health()
    facts: dict[str, Any] = {
        "chat_model": service.chat.name,
        "embeddings": service.embeddings.name,
        "modes": service.modes,
    }
    if health.ok:
        return JSONResponse({"status": "ready", **facts})
    detail = " ".join(health.problems.values())
    return problem_response(
        {
            "type": "urn:footnote:error:not-ready",
            "title": "Questions cannot be answered now",
            "status": 503,
            "detail": detail,
            "retryable": True,
            "reasons": [{"part": part, "reason": reason} for part, reason in health.problems.items()],
            **facts,
        }
    )
