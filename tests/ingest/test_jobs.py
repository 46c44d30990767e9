"""Ingestions in the background of a server."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from ingest.apart.page import PageReader
from ingest.frontier.database import CrawlDatabase
from ingest.jobs import Job, Jobs
from ingest.pipeline import Ingestion, IngestParts
from ingest.progress import Broken, Finished, Listener, PageSettled, event_data
from ingest.spec import IngestSpec
from rag.errors import Conflict, IndexUnavailable, InvalidRequest, NotFound
from rag.settings import Settings
from tests.ingest.conftest import EMBEDDINGS, Crawler, make_fetcher
from tests.ingest.site import Site, dripping, page, prose


@pytest.fixture
def jobs(crawler: Crawler) -> Jobs:
    """Jobs over the crawler's data folder."""

    @asynccontextmanager
    async def open_(spec: IngestSpec, listener: Listener) -> AsyncIterator[Ingestion]:
        with CrawlDatabase(crawler.folder / "frontier.db") as database:
            fetcher = make_fetcher(crawler.guard, **crawler.limits)
            parts = IngestParts(crawler.store, PageReader(EMBEDDINGS), fetcher, crawler.guard, database)
            yield Ingestion(spec, Settings(data_dir=crawler.folder), parts, listener=listener)

    return Jobs(open_)


async def finished(job: Job) -> list[str]:
    return [item.event.name async for item in job.events()]


async def test_a_job_tells_every_page_and_ends_with_its_report(site: Site, jobs: Jobs) -> None:
    site.pages["/a"] = page("A", prose("a"))
    job = await jobs.start(IngestSpec((site.url("/a"), site.url("/gone"))))
    items = [item async for item in job.events()]
    assert [item.sequence for item in items] == list(range(1, len(items) + 1))
    pages = [item.event for item in items if isinstance(item.event, PageSettled)]
    assert {event.outcome for event in pages} == {"indexed", "failed"}
    last = items[-1].event
    assert isinstance(last, Finished)
    assert last.report["pages"]["indexed"] == 1
    assert job.state == "done"
    assert event_data(last)["pages"]["failed"] == 1
    assert [item.sequence async for item in job.events(after=1)] == [item.sequence for item in items[1:]]


async def test_one_job_at_a_time_and_the_second_is_told_who_and_since_when(site: Site, jobs: Jobs) -> None:
    site.answers["/a"] = dripping(site)
    job = await jobs.start(IngestSpec((site.url("/a"),)))
    with pytest.raises(Conflict, match=f"{job.id} has been running since 2"):
        await jobs.start(IngestSpec((site.url("/b"),)))
    job.cancel()
    assert (await finished(job))[-1] == "done"
    assert job.state == "cancelled"
    site.pages["/b"] = page("B", prose("b"))
    assert (await finished(await jobs.start(IngestSpec((site.url("/b"),)))))[-1] == "done"


async def test_a_client_cannot_have_files_of_the_server_read(jobs: Jobs) -> None:
    for source in ("/etc/passwd", "docs", "notes.md", "-"):
        with pytest.raises(InvalidRequest, match="not a URL"):
            await jobs.start(IngestSpec((source,)))
    job = await jobs.start(IngestSpec(("file:///etc/passwd",)))
    await finished(job)
    assert job.report.failures[0].reason == "refused"


async def test_a_job_whose_index_does_not_work_ends_with_an_error(site: Site, jobs: Jobs, crawler: Crawler) -> None:
    crawler.store.failure = IndexUnavailable("Chroma does not answer.", "Start it.")
    for number in range(200):
        site.pages[f"/{number}"] = page(str(number), prose(str(number)))
    job = await jobs.start(IngestSpec(tuple(site.url(f"/{number}") for number in range(200))))
    items = [item.event async for item in job.events()]
    assert isinstance(items[-1], Broken)
    assert items[-1].problem["type"] == "urn:footnote:error:index-unavailable"
    assert job.state == "failed"


async def test_closing_the_server_stops_the_job(site: Site, jobs: Jobs) -> None:
    site.answers["/a"] = dripping(site)
    job = await jobs.start(IngestSpec((site.url("/a"),)))
    await jobs.close()
    assert job.finished_at is not None
    assert jobs.list() == [job]
    assert jobs.get(job.id) is job
    with pytest.raises(NotFound):
        jobs.get("nothing")
