"""A site on loopback, and an ingestion over it whose index is in memory and whose waits take no time."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
import uvloop
from aiohttp import web

from ingest.apart.page import PageReader
from ingest.fetching.answers import Limits
from ingest.fetching.fetch import Fetcher
from ingest.fetching.guard import Guard
from ingest.fetching.politeness import HostGate
from ingest.frontier.database import CrawlDatabase
from ingest.pipeline import Ingestion, IngestParts
from ingest.progress import IngestEvent
from ingest.report import Report
from ingest.spec import IngestSpec
from rag.models.embeddings import EmbeddingModel
from rag.settings import Settings
from tests.fakes import FakeEmbeddings
from tests.ingest.site import Site
from tests.ingest.store import MemoryStore


def pytest_asyncio_loop_factories() -> Mapping[str, Callable[[], asyncio.AbstractEventLoop]]:
    """Ingestions run on uvloop, in the command as in the server."""
    return {"uvloop": uvloop.new_event_loop}


EMBEDDINGS = EmbeddingModel("fake", FakeEmbeddings(), 64, max_tokens=400)


class FastTime:
    """A clock that only goes on when someone sleeps, and then at once."""

    def __init__(self) -> None:
        self.now = 1_000.0

    def __call__(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        self.now += seconds
        await asyncio.sleep(0)


@pytest.fixture
async def site() -> AsyncIterator[Site]:
    """An empty site that listens on a free port."""
    site = Site()
    application = web.Application()
    application.router.add_route("*", "/{path:.*}", site.handle)
    runner = web.AppRunner(application, shutdown_timeout=0.1)
    await runner.setup()
    listener = web.TCPSite(runner, "127.0.0.1", 0)
    await listener.start()
    site.port = runner.addresses[0][1]
    yield site
    site.stall.set()
    await runner.cleanup()


def make_fetcher(guard: Guard, **limits: Any) -> Fetcher:
    """A fetcher whose waits take no time."""
    time = FastTime()
    gate = HostGate(clock=time, sleep=time.sleep)
    return Fetcher(guard, gate, user_agent="Footnote/0.1", limits=Limits(**limits), sleep=time.sleep)


@pytest.fixture
async def fetcher(site: Site) -> AsyncIterator[Fetcher]:
    """A fetcher that may reach the site."""
    async with make_fetcher(Guard([f"127.0.0.1:{site.port}"])) as fetcher:
        yield fetcher


class Crawler:
    """Runs ingestions over one data folder, each as a new process would."""

    def __init__(self, folder: Path) -> None:
        self.store = MemoryStore()
        self.events: list[IngestEvent] = []
        self.folder = folder
        self.limits: dict[str, Any] = {"seconds": 5.0}
        self.guard = Guard(["127.0.0.1"])
        self.hook: Callable[[Ingestion, IngestEvent], None] | None = None
        self.reader: Callable[[EmbeddingModel, Sequence[str]], PageReader] = PageReader

    async def run(self, *sources: str, **options: Any) -> Report:
        """One ingestion of `sources`; further options are those of the spec."""
        sitemaps = options.pop("sitemap", None)
        spec = IngestSpec(sources=sources, sitemaps=(sitemaps,) if sitemaps else (), **options)
        settings = Settings(data_dir=self.folder)
        with CrawlDatabase(self.folder / "frontier.db") as database:
            parts = IngestParts(
                store=self.store,
                reader=self.reader(EMBEDDINGS, spec.only),
                fetcher=make_fetcher(self.guard, **self.limits),
                guard=self.guard,
                database=database,
            )

            def listener(event: IngestEvent) -> None:
                self.events.append(event)
                if self.hook is not None:
                    self.hook(ingestion, event)

            ingestion = Ingestion(spec, settings, parts, listener=listener)
            return await ingestion.run()


@pytest.fixture
def crawler(tmp_path: Path) -> Crawler:
    return Crawler(tmp_path / "data")
