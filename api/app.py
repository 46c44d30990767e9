"""The HTTP face: `create_app()`, for uvicorn as `api.app:create_app --factory`."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager

from fastapi import FastAPI, Request
from starlette.responses import Response

from api import ask, documents, feedback, health, runs, sources, stream_log, threads, websocket
from api.bodies import authenticate
from api.connections import ConnectedApp
from api.errors import add_error_answers
from api.examples import EVERYWHERE
from api.garbage import collected_between_answers
from api.headers import SecurityHeaders
from api.hosts import KnownHosts
from api.metrics import CountRequests, Metrics
from api.page_route import add_page
from api.reference import add_reference
from api.stopping import Stopping
from rag.index.recovery import recover_left_over
from rag.service import Footnote
from rag.settings import Settings

logger = logging.getLogger(__name__)

_DESCRIPTION = """\
Answers questions over web pages you chose, and backs every sentence with a checked footnote.

Errors are problem documents (RFC 9457). When keys are set, send one as `Authorization: Bearer KEY` or `X-API-Key: KEY`.
"""


def create_app(settings: Settings | None = None, service: Footnote | None = None) -> FastAPI:
    """The application. It opens its service when it starts, and closes it when it stops.

    Args:
        settings: read from the environment when None; not used when there is a `service`.
        service: what answers; closed when the app stops.

    Raises:
        ConfigurationError: a setting cannot work.
    """
    service = service or Footnote.open(settings)
    app = ConnectedApp(
        title="Footnote",
        version="0.1.0",
        description=_DESCRIPTION,
        lifespan=_lifespan(service),
        docs_url=None,
        redoc_url=None,
        responses=EVERYWHERE,
    )
    app.state.service = service
    metrics = Metrics()
    metrics.watch(service)
    app.state.jobs = None
    for room in (ask, stream_log, runs, feedback, threads, sources, documents, health, websocket):
        app.include_router(room.router)
    _add_metrics(app, metrics)
    add_page(app)
    add_reference(app)
    add_error_answers(app)
    if not service.settings.api_keys:
        app.add_middleware(KnownHosts, names=service.settings.served_hosts)
    app.add_middleware(CountRequests, metrics=metrics)
    app.add_middleware(SecurityHeaders)
    return app


def _lifespan(service: Footnote) -> Callable[[FastAPI], AbstractAsyncContextManager[None]]:
    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        stopping = Stopping(service)
        stopping.listen()
        warming = asyncio.create_task(_warm(service), name="warming")
        try:
            async with collected_between_answers(service):
                yield
        finally:
            stopping.forget()
            warming.cancel()
            await asyncio.wait([warming])
            if app.state.jobs is not None:
                await app.state.jobs.close()
            await service.aclose()

    return lifespan


async def _warm(service: Footnote) -> None:
    """Opens the index and loads the models, so that the first question need not wait for them; tidies the index."""
    health = await service.health()
    for part, problem in health.problems.items():
        logger.warning("Not ready, %s: %s", part, problem)
    if health.ok:
        await service.chain()
    await asyncio.to_thread(recover_left_over, service.settings)


def _add_metrics(app: FastAPI, metrics: Metrics) -> None:
    async def get_metrics(request: Request) -> Response:
        """For Prometheus."""
        authenticate(request)
        body, media_type = metrics.text()
        return Response(body, headers={"Content-Type": media_type})

    app.add_api_route("/metrics", get_metrics, methods=["GET"], tags=["health"], response_class=Response)
