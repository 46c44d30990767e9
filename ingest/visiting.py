"""One visit: fetch a page unless nothing can have changed, read it, and decide what becomes of it."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from urllib.parse import urlsplit

from ingest.apart.page import ReadPage, refresh_target
from ingest.apart.processes import Reader
from ingest.fetching.answers import Fetched, Request, Validators
from ingest.fetching.fetch import Fetcher
from ingest.fetching.local import read_file
from ingest.fetching.robots import Robots, robots_tags
from ingest.frontier.frontier import REPLACED, Found, Frontier, Visit
from ingest.frontier.listing import Openings, Outline, is_bare_list
from ingest.frontier.memory import Memories, Memory
from ingest.frontier.scope import Scope
from ingest.media import HTML_TYPES, looks_like_page, media_type
from ingest.report import Outcome
from ingest.spec import IngestSpec
from ingest.store import Store
from ingest.urls import site_of
from rag.errors import SourceError, SourceExcluded, SourceGone, SourceUnreachable, SourceUnreadable
from rag.index.rows import PageRow, PageState
from rag.vocabulary import Chunk, Page


@dataclass(slots=True)
class Visited:
    """How a visit ended, before anything is written.

    Attributes:
        visits: the visit, and those that its redirects took over; all end alike.
        url: the page's identity, after redirects.
        outcome: None when the decision waits for other pages; then `reason` is `list` or `page`, and the canonical
            address when that is another page.
        page: to be written with `chunks`, or, when these are None, to be noted as unchanged.
        memory: to be kept once the page is written.
        found: links to visit.
        state: to be noted in the catalog.
        sure: a missing page need not be looked for again.
    """

    visits: list[Visit]
    url: str
    outcome: Outcome | None = None
    reason: str = ""
    detail: str = ""
    row: PageRow | None = None
    page: Page | None = None
    chunks: Sequence[Chunk] | None = None
    memory: Memory | None = None
    outline: Outline | None = None
    found: list[Found] = field(default_factory=list)
    sure: bool = False
    state: PageState | None = None

    def end(self, outcome: Outcome, reason: str = "", detail: str = "") -> Visited:
        """This, with its end."""
        self.outcome, self.reason, self.detail = outcome, reason, detail
        return self


@dataclass(frozen=True, slots=True)
class Rooms:
    """What a visit works with."""

    fetcher: Fetcher
    robots: Robots
    reader: Reader
    store: Store
    frontier: Frontier
    memories: Memories
    openings: Openings
    scope: Scope
    executor: Executor


class Visitor:
    """Makes visits.

    Args:
        agent: user agent, for robots directives that name one.
        max_bytes: of a local file.
        clock: aware, UTC.
    """

    def __init__(
        self,
        spec: IngestSpec,
        rooms: Rooms,
        *,
        agent: str,
        max_bytes: int,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._spec = spec
        self._rooms = rooms
        self._agent = agent
        self._max_bytes = max_bytes
        self._clock = clock
        self._contents: dict[str, str] = {}
        self._shown: dict[str, str] = {}
        self._shared: set[str] = set()

    async def visit(self, visit: Visit, asked: Callable[[], None] = lambda: None) -> Visited:
        """Makes one visit. Whatever happens to the page is in the result; it raises only for faults of our own.

        Args:
            asked: called when the site has answered, or will not be asked.
        """
        result = Visited([visit], visit.url, row=self._rooms.store.row(visit.url))
        memory = self._memory(visit.url, result.row)
        if memory is None and self._rooms.reader.expect(self._rooms.frontier.unread):
            self._rooms.store.prepare()
        try:
            try:
                if self._is_fresh(visit, memory):
                    return self._unchanged(result, memory, None)
                fetched = await self._fetch(visit, result, memory)
            finally:
                asked()
            if fetched.final_url != visit.url:
                result.url, result.row = fetched.final_url, self._rooms.store.row(fetched.final_url)
                memory = self._memory(result.url, result.row)
            return await self._judge(result, fetched, memory)
        except SourceError as error:
            return self._failed(result, error)

    def _memory(self, url: str, row: PageRow | None) -> Memory | None:
        """What is remembered, if it still tells of what the catalog holds."""
        memory = self._rooms.memories.recall(url)
        if memory is None or memory.reading != self._rooms.reader.key:
            return None
        if memory.skip and memory.skip != "listing":
            return None
        return memory if memory.content_hash == (row.content_hash if row else None) else None

    def _is_fresh(self, visit: Visit, memory: Memory | None) -> bool:
        """Whether the sitemap says that nothing changed since the page was read."""
        return bool(visit.lastmod and memory and memory.lastmod == visit.lastmod and not self._spec.refresh)

    async def _fetch(self, visit: Visit, result: Visited, memory: Memory | None) -> Fetched:
        if visit.url.startswith("file:"):
            return await asyncio.to_thread(read_file, visit.url, self._max_bytes)
        await self._rooms.robots.check(visit.url)

        async def admit(target: str, permanent: bool) -> None:
            await self._admit(result, target, permanent)

        validators = Validators(memory.etag, memory.last_modified) if memory else Validators()
        request = Request(visit.url, validators=validators, admit=admit)
        fetched = await self._rooms.fetcher.get(request)
        if _may_be_cut(fetched) and (await self._rooms.fetcher.get(request)).body != fetched.body:
            raise _cut_short(visit.url)
        return fetched

    async def _admit(self, result: Visited, target: str, permanent: bool) -> None:
        """Follows a redirect only to where the visit might have gone by itself, and to no page twice."""
        visit = result.visits[0]
        if any(target == other.url for other in result.visits):
            return
        if result.row is not None and not permanent and self._is_another(visit.url, target):
            raise SourceUnreachable(
                f"{visit.url!r} leads for now to another page, {target!r}.", "What was read before is kept; try again."
            )
        if permanent and result.row is not None and urlsplit(target).path not in ("", "/"):
            result.sure = False
            self._rooms.memories.note_missing(visit.url, "moved", number=self._rooms.frontier.number)
        if visit.origin == "named":
            if self._spec.crawl:
                self._rooms.scope.add_seed(target)
        elif site_of(target) != site_of(visit.url) and not self._rooms.scope.covers(target):
            raise SourceExcluded(f"{visit.url!r} redirects to another site, {target!r}.", rule="off_site")
        await self._rooms.robots.check(target)
        claimed = self._rooms.frontier.claim(target, visit)
        if claimed is None:
            raise SourceExcluded(f"{visit.url!r} redirects to {target!r}, which is visited anyway.", rule="duplicate")
        result.visits.append(claimed)

    def _is_another(self, url: str, target: str) -> bool:
        """Whether `target` is neither `url` at another host or scheme, nor known: such as a form to sign in."""
        return urlsplit(url)[2:4] != urlsplit(target)[2:4] and self._rooms.store.row(target) is None

    async def _judge(self, result: Visited, fetched: Fetched, memory: Memory | None) -> Visited:
        tags = frozenset() if self._spec.ignore_robots else robots_tags(fetched.robots_tags, self._agent)
        if fetched.not_modified:
            if memory is None:
                raise SourceUnreachable(f"{result.url!r} says 304, but was not asked.", "Try again later.")
            return self._unchanged(result, memory, fetched)
        if not fetched.body.strip():
            raise SourceUnreachable(f"{result.url!r} sent an empty page.", "Try again later.")
        if "noindex" in tags:
            return self._noindex(result)
        body_hash = hashlib.sha256(fetched.body).hexdigest()
        if memory is not None and memory.body_hash == body_hash:
            return self._unchanged(result, memory, fetched)
        if (target := refresh_target(fetched)) is not None and target != result.url:
            result.found = self._links(result, [target], same_depth=True)
            return result.end("skipped", "redirect")
        read = await self._read(fetched, result.row)
        if _may_be_cut(fetched) and result.row and len(read.reading.page.text) < result.row.characters:
            raise _cut_short(result.url)
        return self._decide(result, read, body_hash, tags)

    async def _read(self, fetched: Fetched, row: PageRow | None) -> ReadPage:
        known_hash = row.content_hash if row else None
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(
            self._rooms.executor, self._rooms.reader.read, fetched, self._clock(), known_hash
        )

    def _decide(self, result: Visited, read: ReadPage, body_hash: str, tags: frozenset[str]) -> Visited:
        reading, page = read.reading, read.reading.page
        robots = tags if self._spec.ignore_robots else tags | reading.robots
        if self._is_replaced(result, read):
            return self._defer(result, REPLACED)
        self._rooms.scope.learn_mirror(result.url, reading.canonical)
        links = () if "nofollow" in robots else self._followable(read)
        result.found = self._links(result, links)
        result.outline = read.outline
        if robots & {"noindex", "none"}:
            return self._noindex(result)
        result.memory = self._remembered(result, read, body_hash, links)
        if result.row is None and (reason := self._rule(result, read)):
            return result.end("skipped", reason) if reason in ("duplicate", "listing") else self._defer(result, reason)
        self._contents.setdefault(page.content_hash, result.url)
        result.page = page
        if result.row is not None and result.row.content_hash == page.content_hash:
            return result.end("unchanged")
        result.chunks = read.chunks
        self._rooms.store.prepare()
        return result.end("indexed")

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

    def _defer(self, result: Visited, reason: str) -> Visited:
        result.reason = reason
        return result

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

    def _unchanged(self, result: Visited, memory: Memory | None, fetched: Fetched | None) -> Visited:
        if memory is None:
            raise AssertionError("only a remembered page can be found unchanged")
        result.found = self._links(result, memory.links)
        if memory.skip:
            result.memory = memory
            return result.end("skipped", memory.skip)
        etag = (fetched.etag if fetched else None) or memory.etag
        last_modified = (fetched.last_modified if fetched else None) or memory.last_modified
        lastmod = result.visits[0].lastmod or memory.lastmod
        result.memory = replace(memory, etag=etag, last_modified=last_modified, lastmod=lastmod)
        if fetched is not None and result.row is not None:
            result.page = _as_visited(result.row, self._clock(), etag, last_modified)
        return result.end("unchanged")

    def _noindex(self, result: Visited) -> Visited:
        result.sure = True
        return result.end("gone" if result.row is not None else "skipped", "noindex")

    def _failed(self, result: Visited, error: SourceError) -> Visited:
        detail = str(error)
        origin = result.visits[0].origin
        if isinstance(error, SourceExcluded):
            return result.end("skipped", error.rule, detail)
        if result.row is not None:
            missing = isinstance(error, SourceGone) and origin != "named" and len(result.visits) == 1
            return result.end("gone" if missing else "failed", error.reason, detail)
        if origin == "link" and isinstance(error, SourceGone):
            return result.end("skipped", "dead_link", detail)
        if origin in ("link", "sitemap") and isinstance(error, SourceUnreadable):
            return result.end("skipped", error.reason, detail)
        return result.end("failed", error.reason, detail)

    def _followable(self, read: ReadPage) -> list[str]:
        wanted = [link.url for link in read.links if self._spec.ignore_robots or not link.nofollow]
        return self._rooms.scope.inside(wanted, read.reading.page.url)

    def _links(self, result: Visited, links: Sequence[str], *, same_depth: bool = False) -> list[Found]:
        visit = result.visits[0]
        if same_depth:
            return [
                Found(url, visit.depth, visit.origin)
                for url in links
                if site_of(url) == site_of(result.url) or self._rooms.scope.covers(url)
            ]
        if not self._spec.crawl or visit.depth >= self._spec.depth:
            return []
        return [Found(url, visit.depth + 1, "link") for url in links if self._may_follow(url)]

    def _may_follow(self, url: str) -> bool:
        scope = self._rooms.scope
        if not scope.covers(url) or not looks_like_page(url) or not self._spec.wants(url):
            return False
        return self._rooms.frontier.has(url) or not scope.is_maze(url)


def _may_be_cut(fetched: Fetched) -> bool:
    """Whether nothing tells that all of a page came: the connection just ended, and the HTML does not."""
    if fetched.framed or fetched.not_modified or media_type(fetched.content_type) not in HTML_TYPES:
        return False
    return b"</html" not in fetched.body[-2_000:].lower()


def _cut_short(url: str) -> SourceUnreachable:
    return SourceUnreachable(f"The body of {url!r} was cut short.", "Try again later.")


def _as_visited(row: PageRow, now: datetime, etag: str | None, last_modified: str | None) -> Page:
    """The page of a catalog row without its text, for noting a visit."""
    return Page(
        url=row.url,
        title=row.title,
        blocks=(),
        fetched_at=now,
        language=row.language,
        author=row.author,
        published=row.published,
        modified=row.modified,
        etag=etag,
        last_modified=last_modified,
    )
