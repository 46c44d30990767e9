"""Where a pass begins: what the sources, the sitemaps and the known pages add to the frontier."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Iterator
from itertools import chain, islice

from ingest.fetching.fetch import Fetcher
from ingest.fetching.local import escaping_links, local_pages
from ingest.frontier.frontier import Found, Frontier
from ingest.frontier.scope import Scope
from ingest.frontier.sitemap import Entry, OffSite, Unread, walk_sitemap
from ingest.report import Report
from ingest.spec import IngestSpec
from ingest.store import Store
from ingest.urls import identify, is_web, site_of
from rag.errors import SourceError, without_password

_AT_ONCE = 200


def _nothing() -> None:
    """Nobody waits for additions."""


class Seeder:
    """Fills the frontier; what cannot be used goes to the report.

    Attributes:
        unread_sites: sites with a sitemap that could not be read, so that nobody knows all of their pages.
    """

    def __init__(self, spec: IngestSpec, frontier: Frontier, scope: Scope, store: Store, report: Report) -> None:
        self._spec = spec
        self._frontier = frontier
        self._scope = scope
        self._store = store
        self._report = report
        self.unread_sites: set[str] = set()
        self._added: Callable[[], None] = _nothing

    async def seed(self, fetcher: Fetcher, added: Callable[[], None]) -> None:
        """Adds sources, sitemap entries and known pages, in this order; calls `added` now and then."""
        sites: set[str] = set()
        self._added = added
        await self._add(chain.from_iterable(self._named(source, sites) for source in self._spec.sources))
        for sitemap in self._spec.sitemaps:
            await self._walk(fetcher, sitemap, sites)
        if self._spec.refresh:
            everything = not (self._spec.sources or self._spec.sitemaps)
            for site in (None,) if everything else sorted(sites):
                await self._add(self._known(site))

    def _named(self, source: str, sites: set[str]) -> Iterator[Found]:
        try:
            if is_web(source):
                url = identify(source)
                sites.add(site_of(url))
                if self._spec.crawl:
                    self._scope.add_seed(url)
                yield Found(url, 0, "named")
                return
            sites.add("file")
            for link in escaping_links(source):
                self._report.count("skipped", str(link), "symlink")
            for url in local_pages(source):
                yield Found(url, 0, "named")
        except SourceError as error:
            self._report.count("failed", without_password(source), error.reason, str(error))

    async def _walk(self, fetcher: Fetcher, sitemap: str, sites: set[str]) -> None:
        try:
            sites.add(site_of(identify(sitemap)))
            async for item in walk_sitemap(fetcher, sitemap):
                self._take_entry(item)
        except SourceError as error:
            self._report.count("failed", without_password(sitemap), error.reason, str(error))

    def _take_entry(self, item: Entry | Unread | OffSite) -> None:
        match item:
            case Entry():
                if self._spec.wants(item.url):
                    self._frontier.add([Found(item.url, 0, "sitemap", item.lastmod)])
                    self._added()
                else:
                    self._report.count("skipped", item.url, "excluded")
            case Unread():
                self.unread_sites.add(site_of(item.url))
                self._report.count("failed", item.url, item.error.reason, str(item.error))
            case OffSite():
                self._report.count("skipped", item.url, "off_site")

    def _known(self, site: str | None) -> Iterator[Found]:
        depth = self._spec.depth if self._spec.crawl else 0
        for url in self._store.known(site):
            yield Found(url, depth, "known")

    async def _add(self, found: Iterable[Found]) -> None:
        """Adds many without holding up the event loop."""
        remaining = iter(found)
        while group := list(islice(remaining, _AT_ONCE)):
            self._frontier.add(group)
            self._added()
            await asyncio.sleep(0)
