"""One visit: fetch a page unless nothing can have changed, read it, and have it decided what becomes of it."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from urllib.parse import urlsplit

from ingest.apart.page import ReadPage, refresh_target
from ingest.deciding import Decider
from ingest.fetching.answers import Fetched, Request, Validators
from ingest.fetching.local import read_file
from ingest.fetching.robots import robots_tags
from ingest.frontier.frontier import Visit
from ingest.frontier.memory import Memory
from ingest.media import HTML_TYPES, media_type
from ingest.spec import IngestSpec
from ingest.urls import site_of
from ingest.visited import Rooms, Visited
from rag.errors import SourceError, SourceExcluded, SourceGone, SourceUnreachable, SourceUnreadable
from rag.index.rows import PageRow
from rag.vocabulary import Page


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
        self._decider = Decider(spec, rooms)

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
            return self._decider.noindex(result)
        body_hash = hashlib.sha256(fetched.body).hexdigest()
        if memory is not None and memory.body_hash == body_hash:
            return self._unchanged(result, memory, fetched)
        if (target := refresh_target(fetched)) is not None and target != result.url:
            result.found = self._decider.target(result, target)
            return result.end("skipped", "redirect")
        read = await self._read(fetched, result.row)
        if _may_be_cut(fetched) and result.row and len(read.reading.page.text) < result.row.characters:
            raise _cut_short(result.url)
        return self._decider.decide(result, read, body_hash, tags)

    async def _read(self, fetched: Fetched, row: PageRow | None) -> ReadPage:
        known_hash = row.content_hash if row else None
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(
            self._rooms.executor, self._rooms.reader.read, fetched, self._clock(), known_hash
        )

    def _unchanged(self, result: Visited, memory: Memory | None, fetched: Fetched | None) -> Visited:
        if memory is None:
            raise AssertionError("only a remembered page can be found unchanged")
        result.found = self._decider.links(result, memory.links)
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
