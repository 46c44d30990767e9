"""What is indexed: list it, add to it with live progress, remove from it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing
from typing import Annotated, Any, cast

from fastapi import APIRouter, Body, Header, Path, Query, Request
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import JSONResponse, Response, StreamingResponse

from api.bodies import CheckedRoute
from api.examples import BODY_PROBLEMS, STREAM, problem
from api.sse import SSE_HEADERS
from ingest.jobs import Job, JobEvent, Jobs
from ingest.progress import event_data
from ingest.spec import IngestSpec
from rag.errors import NotFound, without_password
from rag.events import timestamp
from rag.index.rows import PageRow
from rag.service import Footnote
from rag.stream.wire import PING, to_json

router = APIRouter(route_class=CheckedRoute, tags=["sources"])

Url = Annotated[str, Field(min_length=1, max_length=2_000)]
JobId = Annotated[str, Path(max_length=128)]
MAX_SOURCES = 10_000


class NewSources(BaseModel):
    """What to ingest. `sources` are URLs; files are ingested with the `ingest` command on the server."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [
                {"sources": ["https://example.org/docs/"], "crawl": True, "max_pages": 200},
                {"sitemaps": ["https://example.org/sitemap.xml"]},
                {"refresh": True},
            ]
        },
    )

    sources: Annotated[list[Url], Field(max_length=MAX_SOURCES)] = []
    sitemaps: Annotated[list[Url], Field(max_length=100)] = []
    crawl: bool = Field(False, description="Follow links inside the site and path of each URL.")
    depth: Annotated[int, Field(ge=0, le=50)] = 3
    max_pages: Annotated[int, Field(ge=1, le=1_000_000)] = 1_000
    include: Annotated[list[Url], Field(max_length=100)] = []
    exclude: Annotated[list[Url], Field(max_length=100)] = []
    only: Annotated[list[Url], Field(max_length=100)] = Field([], description="CSS selectors of the elements to read.")
    refresh: bool = Field(False, description="Visit again every page that is known.")
    prune: bool = Field(False, description="With `refresh`, remove pages that are gone.")
    max_prune: Annotated[float, Field(ge=0, le=100)] = 20.0

    def to_spec(self) -> IngestSpec:
        fields = self.model_dump().items()
        given: dict[str, Any] = {name: tuple(value) if isinstance(value, list) else value for name, value in fields}
        return IngestSpec(**given)


@router.get("/sources", summary="The pages that answers come from")
async def list_sources(
    request: Request,
    prefix: Annotated[str | None, Query(max_length=2_000, description="Only URLs that start so.")] = None,
    limit: Annotated[int, Query(ge=1, le=MAX_SOURCES)] = MAX_SOURCES,
) -> dict[str, Any]:
    """At most `limit` of them, by URL; `total` counts all that are indexed."""
    service: Footnote = request.app.state.service
    catalog = (await service.index()).catalog

    def listed() -> dict[str, Any]:
        rows: list[dict[str, Any]] = []
        for row in catalog.pages(prefix):
            if len(rows) == limit:
                break
            rows.append(_page_data(row))
        return {"sources": rows, "total": catalog.counts().pages}

    return await asyncio.to_thread(listed)


@router.post(
    "/sources",
    summary="Start an ingestion",
    status_code=202,
    responses={
        202: {"description": "A job; follow its events."},
        409: problem("Another ingestion is at work."),
        **BODY_PROBLEMS,
    },
)
async def add_sources(request: Request, body: Annotated[NewSources, Body()]) -> Response:
    job = await (await _jobs(request)).start(body.to_spec())
    headers = {"Location": f"/sources/jobs/{job.id}"}
    return JSONResponse(_job_data(job), status_code=202, headers=headers)


@router.delete("/sources", summary="Remove a page", responses={404: problem("There is no such page.")})
async def remove_source(
    request: Request, url: Annotated[str, Query(max_length=2_000, description="As listed.")]
) -> dict[str, Any]:
    """Answers no longer use the page as soon as this returns."""
    service: Footnote = request.app.state.service
    index = await service.index()

    def remove() -> int:
        if index.catalog.page_row(url) is None:
            raise NotFound(f"There is no source {without_password(url)[:200]!r}.", "GET /sources lists them.")
        with index.writer("removing a source") as writer:
            return sum(change.removed for change in writer.remove([url]))

    return {"url": url, "chunks_removed": await asyncio.to_thread(remove)}


@router.get("/sources/jobs", summary="The ingestions of this server, newest first")
async def list_jobs(request: Request) -> dict[str, Any]:
    return {"jobs": [_job_data(job) for job in (await _jobs(request)).list()]}


@router.get("/sources/jobs/{job_id}", summary="An ingestion", responses={404: problem("There is no such job.")})
async def get_job(request: Request, job_id: JobId) -> dict[str, Any]:
    job = (await _jobs(request)).get(job_id)
    return {**_job_data(job), "report": job.report.data()}


@router.post("/sources/jobs/{job_id}/cancel", summary="Stop an ingestion", responses={404: problem("None such.")})
async def cancel_job(request: Request, job_id: JobId) -> dict[str, Any]:
    """Stops after the pages at hand; what was read is kept."""
    job = (await _jobs(request)).get(job_id)
    job.cancel()
    return _job_data(job)


@router.get(
    "/sources/jobs/{job_id}/events",
    summary="The progress of an ingestion",
    response_class=Response,
    responses={200: STREAM, 204: {"description": "It has ended, and you have all."}, 404: problem("None such.")},
)
async def job_events(
    request: Request, job_id: JobId, last_event_id: Annotated[str | None, Header()] = None
) -> Response:
    """`page` for each page, `progress` now and then, at last `done` with the report, or `error`."""
    service: Footnote = request.app.state.service
    job = (await _jobs(request)).get(job_id)
    text = (last_event_id or "").strip()
    after = int(text) if text.isascii() and text.isdigit() and len(text) < 18 else 0
    if job.finished_at is not None and not [event async for event in job.events(after)]:
        return Response(status_code=204)
    chunks = _job_chunks(job, after, service.settings.ping_interval)
    return StreamingResponse(chunks, media_type="text/event-stream", headers=SSE_HEADERS)


async def _job_chunks(job: Job, after: int, ping_interval: float) -> AsyncIterator[bytes]:
    async with aclosing(cast(Any, job.events(after))) as events:
        waiting: asyncio.Future[JobEvent | None] | None = None
        try:
            while True:
                waiting = waiting or asyncio.ensure_future(anext(events, None))
                await asyncio.wait({waiting}, timeout=ping_interval)
                if not waiting.done():
                    yield PING
                    continue
                numbered, waiting = waiting.result(), None
                if numbered is None:
                    return
                yield _job_event(numbered)
        finally:
            if waiting is not None:
                waiting.cancel()
                await asyncio.wait({waiting})


def _job_event(numbered: JobEvent) -> bytes:
    data = to_json(event_data(numbered.event))
    return f"id: {numbered.sequence}\nevent: {numbered.event.name}\ndata: {data}\n\n".encode("ascii")


async def _jobs(request: Request) -> Jobs:
    """The jobs of this app, made at the first use."""
    state = request.app.state
    service: Footnote = state.service
    if state.jobs is None:
        index = await service.index()
        if state.jobs is None:
            state.jobs = Jobs.of(service.settings, index, service.embeddings, pause=service.give_way)
    return cast(Jobs, state.jobs)


def _page_data(row: PageRow) -> dict[str, Any]:
    data = {
        "url": row.url,
        "title": row.title,
        "site": row.site,
        "language": row.language,
        "state": row.state,
        "chunks": row.chunks,
        "characters": row.characters,
        "fetched_at": timestamp(row.fetched_at),
        "published": row.published,
        "modified": row.modified,
        "author": row.author,
    }
    return {name: value for name, value in data.items() if value is not None}


def _job_data(job: Job) -> dict[str, Any]:
    data: dict[str, Any] = {
        "job_id": job.id,
        "state": job.state,
        "created_at": timestamp(job.created_at),
        "events": f"/sources/jobs/{job.id}/events",
    }
    if job.finished_at is not None:
        data["finished_at"] = timestamp(job.finished_at)
    return data
