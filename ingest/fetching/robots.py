"""robots.txt (RFC 9309), meta robots and X-Robots-Tag."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Iterable
from dataclasses import dataclass
from urllib.parse import urlsplit

from protego import Protego

from ingest.fetching.answers import Request
from ingest.fetching.fetch import Fetcher
from ingest.urls import site_of
from rag.errors import SourceError, SourceExcluded, SourceRefused, SourceUnreachable

MAX_ROBOTS_BYTES = 500 * 1024
MAX_HOSTS = 1_000
_VALUED = frozenset({"max-snippet", "max-image-preview", "max-video-preview", "unavailable_after"})


@dataclass(frozen=True, slots=True)
class Rules:
    """What one host's robots.txt says; `unknown` tells why it could not be had, and then nothing may be fetched."""

    parsed: Protego | None = None
    unknown: SourceError | None = None

    def allows(self, url: str, agent: str) -> bool:
        return self.parsed is None or self.parsed.can_fetch(url, agent)

    def crawl_delay(self, agent: str) -> float | None:
        return self.parsed.crawl_delay(agent) if self.parsed else None

    def sitemaps(self) -> list[str]:
        return list(self.parsed.sitemaps) if self.parsed else []


class Robots:
    """The rules of each host, fetched once.

    Args:
        agent: user agent; its product name (before `/`) is looked up in the files.
        ignore: allow everything, for sites of one's own.
    """

    def __init__(self, fetcher: Fetcher, agent: str, *, ignore: bool = False) -> None:
        self._fetcher = fetcher
        self._agent = product(agent)
        self._ignore = ignore
        self._rules: OrderedDict[str, asyncio.Task[Rules]] = OrderedDict()

    async def check(self, url: str) -> None:
        """Returns when `url` may be fetched.

        Raises:
            SourceExcluded: robots.txt forbids it.
            SourceRefused: the host may not be reached.
            SourceUnreachable: robots.txt could not be had, so nobody knows (RFC 9309, section 2.3.1.4).
        """
        if self._ignore:
            return
        rules = await self.rules(url)
        if isinstance(rules.unknown, SourceRefused):
            raise rules.unknown
        if rules.unknown is not None:
            raise SourceUnreachable(
                f"{url!r} was not visited, because its robots.txt is not to be had: {rules.unknown.detail}",
                "Try again later, or use --ignore-robots if the site is yours.",
            )
        if not rules.allows(url, self._agent):
            raise SourceExcluded(
                f"robots.txt forbids {url!r}.", "Use --ignore-robots if the site is yours.", rule="robots"
            )

    async def rules(self, url: str) -> Rules:
        """The rules for the host of `url`; many may ask at once, one request is made."""
        parts = urlsplit(url)
        origin = f"{parts.scheme}://{parts.netloc}"
        if origin not in self._rules:
            self._rules[origin] = asyncio.create_task(self._fetch(origin))
            while len(self._rules) > MAX_HOSTS:
                self._rules.popitem(last=False)
        self._rules.move_to_end(origin)
        return await asyncio.shield(self._rules[origin])

    async def _fetch(self, origin: str) -> Rules:
        try:
            fetched = await self._fetcher.get(_robots_request(origin))
        except SourceError as error:
            return Rules(unknown=error)
        if fetched.status >= 400:
            return Rules()
        rules = Rules(parse_robots(fetched.body))
        if (delay := rules.crawl_delay(self._agent)) is not None:
            self._fetcher.gate.slow_down(site_of(origin), delay)
        return rules


def _robots_request(origin: str) -> Request:
    return Request(
        f"{origin}/robots.txt", types=frozenset(), max_bytes=MAX_ROBOTS_BYTES, truncate=True, any_status=True
    )


def parse_robots(body: bytes) -> Protego:
    """Parses the first 500 kB; a byte-order mark, which would hide the first line, is dropped."""
    return Protego.parse(body[:MAX_ROBOTS_BYTES].decode("utf-8-sig", "replace").lstrip("\ufeff"))


def product(agent: str) -> str:
    """`Footnote/0.1 (+https://…)` → `Footnote`."""
    return agent.split("/", 1)[0].strip()


def robots_tags(values: Iterable[str], agent: str) -> frozenset[str]:
    """The directives of X-Robots-Tag that speak to us, `none` written out: `noindex`, `nofollow`, …"""
    found: set[str] = set()
    for value in values:
        name, colon, rest = value.partition(":")
        named = colon and "," not in name and name.strip().lower() not in _VALUED
        if named and name.strip().lower() != product(agent).lower():
            continue
        directives = rest if named else value
        found.update(part.strip().lower() for part in directives.split(","))
    return frozenset(found | {"noindex", "nofollow"}) if "none" in found else frozenset(found)
