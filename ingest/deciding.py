"""What becomes of a page that was read: indexed, left as it is, left out, or not known before others are read."""

from __future__ import annotations

from collections.abc import Sequence

from ingest.apart.page import ReadPage
from ingest.frontier.frontier import REPLACED, Found
from ingest.frontier.listing import is_bare_list
from ingest.frontier.memory import Memory
from ingest.media import looks_like_page
from ingest.spec import IngestSpec
from ingest.urls import site_of
from ingest.visited import Rooms, Visited
from rag.errors import SourceUnreachable


class Decider:
    """Decides for the pages of one pass; remembers which of them show the same."""

    def __init__(self, spec: IngestSpec, rooms: Rooms) -> None:
        self._spec = spec
        self._rooms = rooms
        self._contents: dict[str, str] = {}
        self._shown: dict[str, str] = {}
        self._shared: set[str] = set()

    def decide(self, result: Visited, read: ReadPage, body_hash: str, tags: frozenset[str]) -> Visited:
        """Ends the visit of a page that was read, or leaves `outcome` None where other pages decide.

        Args:
            body_hash: SHA-256 of what was fetched.
            tags: robots directives that came in the headers.
        """
        reading, page = read.reading, read.reading.page
        robots = tags if self._spec.ignore_robots else tags | reading.robots
        if self._is_replaced(result, read):
            return result.defer(REPLACED)
        self._rooms.scope.learn_mirror(result.url, reading.canonical)
        links = () if "nofollow" in robots else self._followable(read)
        result.found = self.links(result, links)
        result.outline = read.outline
        if robots & {"noindex", "none"}:
            return self.noindex(result)
        result.memory = self._remembered(result, read, body_hash, links)
        if result.row is None and (reason := self._rule(result, read)):
            return result.end("skipped", reason) if reason in ("duplicate", "listing") else result.defer(reason)
        self._contents.setdefault(page.content_hash, result.url)
        result.page = page
        if result.row is not None and result.row.content_hash == page.content_hash:
            return result.end("unchanged")
        result.chunks = read.chunks
        self._rooms.store.prepare()
        return result.end("indexed")

    def noindex(self, result: Visited) -> Visited:
        """Ends the visit of a page that asks not to be indexed."""
        result.sure = True
        return result.end("gone" if result.row is not None else "skipped", "noindex")

    def links(self, result: Visited, links: Sequence[str]) -> list[Found]:
        """Those of a page's links that the crawl goes on to, one step further from where it began."""
        visit = result.visits[0]
        if not self._spec.crawl or visit.depth >= self._spec.depth:
            return []
        return [Found(url, visit.depth + 1, "link") for url in links if self._may_follow(url)]

    def target(self, result: Visited, url: str) -> list[Found]:
        """Where a page that only leads on leads to, if the visit may go there."""
        visit = result.visits[0]
        within = site_of(url) == site_of(result.url) or self._rooms.scope.covers(url)
        return [Found(url, visit.depth, visit.origin)] if within else []

    def _is_replaced(self, result: Visited, read: ReadPage) -> bool:
        """Whether a known page shows something else altogether, as a site does whose errors look like pages.

        Such a page is visited again at the end of the pass, when it is known whether others show the same.

        Raises:
            SourceUnreachable: it still does then, and others show the same.
        """
        page = read.reading.page
        if self._shown.setdefault(page.content_hash, result.url) != result.url:
            self._shared.add(page.content_hash)
        if result.row is None or result.row.content_hash == page.content_hash or result.url.startswith("file:"):
            return False
        shared = page.content_hash in self._shared
        if result.visits[0].origin == "again":
            if shared:
                raise SourceUnreachable(
                    f"{result.url!r} shows what other pages show, and not what it showed before.", "Try again later."
                )
            return False
        strange = page.title != result.row.title and self._rooms.openings.are_new(result.url, read.outline.openings)
        return shared or strange

    def _rule(self, result: Visited, read: ReadPage) -> str:
        """Why a page that is not known yet is left out, or what its fate depends on; empty when it is to be indexed."""
        page, visit = read.reading.page, result.visits[0]
        holder = self._contents.get(page.content_hash, result.url)
        twin = self._rooms.memories.twin(result.url, page.content_hash)
        if holder != result.url or (twin is not None and self._rooms.store.row(twin) is not None):
            return "duplicate"
        chosen = visit.origin == "named" and not self._spec.crawl
        is_list = read.is_list and not chosen and not result.url.startswith("file:")
        if is_list and is_bare_list(read.outline, len(read.links)):
            return "listing"
        if visit.origin == "again":
            return ""
        canonical = self._rooms.scope.canonical(result.url, read.reading.canonical)
        if canonical is not None and not (chosen or self._spec.wants(canonical)):
            canonical = None
        if canonical is not None:
            result.found.append(Found(canonical, visit.depth, visit.origin))
        return f"{'list' if is_list else 'page'} {canonical or ''}".strip() if is_list or canonical else ""

    def _remembered(self, result: Visited, read: ReadPage, body_hash: str, links: Sequence[str]) -> Memory:
        page = read.reading.page
        return Memory(
            url=result.url,
            reading=self._rooms.reader.key,
            body_hash=body_hash,
            content_hash=page.content_hash,
            lastmod=result.visits[0].lastmod,
            etag=page.etag,
            last_modified=page.last_modified,
            links=tuple(links),
        )

    def _followable(self, read: ReadPage) -> list[str]:
        wanted = [link.url for link in read.links if self._spec.ignore_robots or not link.nofollow]
        return self._rooms.scope.inside(wanted, read.reading.page.url)

    def _may_follow(self, url: str) -> bool:
        scope = self._rooms.scope
        if not scope.covers(url) or not looks_like_page(url) or not self._spec.wants(url):
            return False
        return self._rooms.frontier.has(url) or not scope.is_maze(url)
