"""Puts an ingestion together from the settings: the one place that knows all of its parts."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import TYPE_CHECKING

from ingest.fetching.answers import Limits
from ingest.fetching.fetch import Fetcher
from ingest.fetching.guard import Guard
from ingest.fetching.politeness import HostGate
from ingest.frontier.database import CrawlDatabase
from ingest.pipeline import Ingestion, IngestParts, nobody
from ingest.progress import Listener
from ingest.spec import IngestSpec
from ingest.writing import Pause, give_way
from rag.index.asked import LastAsked
from rag.settings import Settings

if TYPE_CHECKING:
    from rag.index.search import Index
    from rag.models.embeddings import EmbeddingModel

FRONTIER = "frontier.db"


def user_agent(settings: Settings) -> str:
    """The name that sites see: the configured one, with the contact where there is one."""
    return f"{settings.user_agent} (+{settings.contact})" if settings.contact else settings.user_agent


def open_fetcher(settings: Settings, guard: Guard) -> Fetcher:
    """A fetcher with the limits of the settings."""
    limits = Limits(seconds=settings.fetch_timeout, bytes=settings.max_bytes)
    gate = HostGate(settings.per_host, settings.delay)
    return Fetcher(guard, gate, user_agent=user_agent(settings), limits=limits)


@asynccontextmanager
async def open_ingestion(
    spec: IngestSpec,
    settings: Settings,
    *,
    index: Index,
    embeddings: EmbeddingModel,
    listener: Listener = nobody,
    pause: Pause | None = None,
) -> AsyncIterator[Ingestion]:
    """An ingestion that holds the writer's lock of the data folder; it is let go at the end.

    Args:
        pause: called after each batch with the seconds it took; None gives way while others ask questions.

    Raises:
        Conflict: another writer is at work; says who, and since when.
        IndexMismatch: the data folder was written with another embedding model or chunker.
        ConfigurationError: a host in `allow_hosts` cannot be read.
    """
    from ingest.apart.page import PageReader
    from ingest.apart.processes import ApartReader
    from ingest.chunk import CHUNKER_VERSION
    from ingest.store import IndexStore

    guard = Guard(settings.allow_hosts)
    async with AsyncExitStack() as stack:
        writer = await asyncio.to_thread(index.writer, "ingesting", chunker_version=CHUNKER_VERSION)
        stack.push_async_callback(asyncio.to_thread, writer.close)
        database = stack.enter_context(CrawlDatabase(settings.data_dir / FRONTIER))
        reader = ApartReader(PageReader(embeddings, spec.only))
        stack.push_async_callback(asyncio.to_thread, reader.close)
        parts = IngestParts(
            store=IndexStore(index.catalog, writer),
            reader=reader,
            fetcher=open_fetcher(settings, guard),
            guard=guard,
            database=database,
            pause=pause or give_way(LastAsked(settings.data_dir)),
        )
        yield Ingestion(spec, settings, parts, listener=listener)
