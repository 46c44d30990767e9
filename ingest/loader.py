"""`PageLoader`: LangChain's `WebBaseLoader` over Footnote's fetching and reading."""

from __future__ import annotations

import asyncio
import logging
import warnings
from collections.abc import AsyncIterator, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any

from bs4 import BeautifulSoup
from langchain_core.documents import Document

from ingest.fetching.answers import Fetched, Limits, Request
from ingest.fetching.fetch import Fetcher
from ingest.fetching.guard import Guard
from ingest.fetching.politeness import HostGate
from ingest.fetching.robots import Robots
from ingest.media import TEXT_TYPES, media_type
from ingest.opening import user_agent
from ingest.reading.charset import decode_page
from ingest.reading.read import read_page, read_text
from ingest.reading.reading import Reading
from rag.errors import InvalidRequest, SourceError
from rag.settings import Settings

with warnings.catch_warnings():
    # It says on import that it is no longer developed; its loaders are what people know and have code for.
    warnings.filterwarnings("ignore", "`langchain-community` is being sunset", DeprecationWarning)
    from langchain_community.document_loaders import WebBaseLoader

logger = logging.getLogger(__name__)


class PageLoader(WebBaseLoader):
    """Loads web pages as LangChain documents; takes the place of `WebBaseLoader` without other changes.

    Fetching is guarded, bounded in time and size, and heeds robots.txt; the text is the page's main content (or what
    `bs_kwargs={"parse_only": SoupStrainer(...)}` chooses), and a page that cannot be read is an error, or is left out
    with `continue_on_failure`, never an empty document.

        loader = PageLoader(web_paths=["https://example.com/a"], bs_kwargs={"parse_only": SoupStrainer("article")})
        documents = loader.load()   # metadata: source, title, description, language

    Args:
        requests_per_second: pages fetched at once, as in `WebBaseLoader`.
        header_template: further request headers; `User-Agent` replaces Footnote's own.
        allow_hosts: private or loopback hosts that may be reached, `HOST` or `HOST:PORT`.
        ignore_robots: for sites of your own.
        settings: limits and user agent; read from the environment when None.

    Raises:
        InvalidRequest: `verify_ssl=False` or `proxies`, which would go round the guard.
        SourceError: (on loading) a page cannot be fetched or read.
    """

    def __init__(
        self,
        web_path: str | Sequence[str] = "",
        *arguments: Any,
        allow_hosts: Sequence[str] = (),
        ignore_robots: bool = False,
        settings: Settings | None = None,
        **options: Any,
    ) -> None:
        super().__init__(web_path, *arguments, **options)
        if not self.session.verify or self.session.proxies:
            raise InvalidRequest(
                "PageLoader verifies certificates and connects by itself.", "Leave out verify_ssl and proxies."
            )
        self._headers = dict(options.get("header_template") or (arguments[0] if arguments else None) or {})
        self._settings = settings or Settings.load()
        self._guard = Guard((*self._settings.allow_hosts, *allow_hosts))
        self._ignore_robots = ignore_robots

    def lazy_load(self) -> Iterator[Document]:
        """The documents in the order of `web_paths`, one page after the other."""
        with ThreadPoolExecutor(1, thread_name_prefix="page-loader") as thread:
            for url in self.web_paths:
                document = thread.submit(asyncio.run, self._alone(url)).result()
                if document is not None:
                    yield document

    async def alazy_load(self) -> AsyncIterator[Document]:
        """The documents in the order of `web_paths`, several pages at once."""
        async with self._fetcher() as fetcher:
            robots = self._robots(fetcher)
            tasks = [asyncio.create_task(self._document(url, fetcher, robots)) for url in self.web_paths]
            try:
                for task in tasks:
                    if (document := await task) is not None:
                        yield document
            finally:
                for task in tasks:
                    task.cancel()
                await asyncio.gather(*tasks, return_exceptions=True)

    async def _fetch(self, url: str, retries: int = 3, cooldown: int = 2, backoff: float = 1.5) -> str:
        """The page's HTML, for `scrape_all` and `aload` of the base class."""
        async with self._fetcher() as fetcher:
            fetched = await self._get(url, fetcher, self._robots(fetcher))
        return self._decoded(fetched)

    def _scrape(self, url: str, parser: str | None = None, bs_kwargs: dict[str, Any] | None = None) -> BeautifulSoup:
        """The page as a soup, for `scrape` of the base class."""
        with ThreadPoolExecutor(1) as thread:
            html = thread.submit(asyncio.run, self._fetch(url)).result()
        chosen = parser or ("xml" if url.endswith(".xml") else self.default_parser)
        self._check_parser(chosen)
        return BeautifulSoup(html, chosen, **(bs_kwargs or {}))

    def _decoded(self, fetched: Fetched) -> str:
        """The text of a fetched page, in the encoding that was given, or that the page and its bytes tell."""
        if self.encoding is not None:
            return fetched.body.decode(self.encoding, "replace")
        return decode_page(fetched.body, fetched.content_type)

    async def _alone(self, url: str) -> Document | None:
        async with self._fetcher() as fetcher:
            return await self._document(url, fetcher, self._robots(fetcher))

    async def _document(self, url: str, fetcher: Fetcher, robots: Robots) -> Document | None:
        try:
            fetched = await self._get(url, fetcher, robots)
            return await asyncio.to_thread(self._read, url, fetched)
        except SourceError as error:
            if not self.continue_on_failure:
                raise
            logger.warning("Left out: %s", error)
            return None

    async def _get(self, url: str, fetcher: Fetcher, robots: Robots) -> Fetched:
        await robots.check(url)

        async def admit(target: str, permanent: bool) -> None:
            await robots.check(target)

        return await fetcher.get(Request(url, admit=admit))

    def _read(self, url: str, fetched: Fetched) -> Document:
        html, now = self._decoded(fetched), datetime.now(UTC)
        if media_type(fetched.content_type) in TEXT_TYPES:
            return _as_document(read_text(html, fetched.final_url, fetched_at=now), url, "")
        only = self.bs_kwargs.get("parse_only")
        reading = read_page(
            html, fetched.final_url, fetched_at=now, content_type=media_type(fetched.content_type), only=only
        )
        return _as_document(reading, url, html)

    def _fetcher(self) -> Fetcher:
        settings = self._settings
        agent = {name.lower(): value for name, value in self._headers.items()}.get("user-agent") or user_agent(settings)
        return Fetcher(
            self._guard,
            HostGate(min(self.requests_per_second, settings.per_host), settings.delay),
            user_agent=agent,
            limits=Limits(seconds=settings.fetch_timeout, bytes=settings.max_bytes),
            headers=self._headers,
        )

    def _robots(self, fetcher: Fetcher) -> Robots:
        return Robots(fetcher, self._settings.user_agent, ignore=self._ignore_robots)


def _as_document(reading: Reading, url: str, html: str) -> Document:
    """The shape of `WebBaseLoader`'s documents, its words for what is missing included."""
    soup = BeautifulSoup(html[:100_000], "lxml")
    root, description = soup.find("html"), soup.find("meta", attrs={"name": "description"})
    metadata: dict[str, Any] = {"source": url, "title": reading.page.title}
    if description is not None:
        metadata["description"] = description.get("content", "No description found.")
    declared = root.get("lang") if root is not None else None
    metadata["language"] = declared or reading.page.language
    return Document(page_content=reading.page.text, metadata=metadata)
