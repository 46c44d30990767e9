"""Sitemaps and sitemap indexes, feeds and plain lists: which pages a site says it has, and when they changed."""

from __future__ import annotations

import re
import zlib
from collections import deque
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from io import BytesIO

from lxml import etree

from ingest.fetching.answers import Request
from ingest.fetching.fetch import Fetcher
from ingest.urls import identify, resolve, site_of
from rag.errors import SourceError, SourceTooLarge, SourceUnreadable

MAX_BYTES = 50 * 1024 * 1024
MAX_ENTRIES = 50_000
MAX_SITEMAPS = 1_000
MAX_DEPTH = 3
_GZIP = b"\x1f\x8b"
_FEED_LINKS = frozenset({"item", "entry"})


@dataclass(frozen=True, slots=True)
class Entry:
    """A page that a sitemap lists, with `lastmod` as written there."""

    url: str
    lastmod: str | None = None


@dataclass(frozen=True, slots=True)
class Nested:
    """A sitemap that a sitemap index lists."""

    url: str


@dataclass(frozen=True, slots=True)
class Unread:
    """A sitemap that could not be read: the pass over the site is not complete."""

    url: str
    error: SourceError


@dataclass(frozen=True, slots=True)
class OffSite:
    """An entry on another site than the sitemap's own; not visited."""

    url: str


async def walk_sitemap(fetcher: Fetcher, url: str) -> AsyncIterator[Entry | Unread | OffSite]:
    """Every page listed by the sitemap at `url` and by the sitemaps it lists, on the same site only.

    At most 1,000 sitemaps, 3 deep, 50,000 entries each, 50 MB each unpacked (the limits of sitemaps.org, where it
    gives any).
    """
    waiting: deque[tuple[str, int]] = deque([(identify(url), 0)])
    seen = {waiting[0][0]}
    site = site_of(waiting[0][0])
    while waiting:
        place, depth = waiting.popleft()
        try:
            items = parse_sitemap(await _download(fetcher, place), place)
            for item in items:
                if site_of(item.url) != site:
                    yield OffSite(item.url)
                elif isinstance(item, Entry):
                    yield item
                elif item.url not in seen:
                    _require_room(item.url, depth, len(seen))
                    seen.add(item.url)
                    waiting.append((item.url, depth + 1))
        except SourceError as error:
            yield Unread(place, error)


def parse_sitemap(body: bytes, url: str) -> Iterator[Entry | Nested]:
    """Reads one sitemap: XML (urlset, sitemapindex, RSS, Atom) or one URL a line, perhaps gzipped.

    Raises:
        SourceUnreadable: it is none of these.
        SourceTooLarge: too many bytes or entries.
    """
    plain = unpack(body, url) if body.startswith(_GZIP) else body
    if plain.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"<"):
        items = _parse_xml(plain, url)
    else:
        items = _parse_lines(plain, url)
    for count, item in enumerate(items):
        if count >= MAX_ENTRIES:
            raise SourceTooLarge(f"The sitemap {url!r} lists more than {MAX_ENTRIES:,} URLs.", "Split it.")
        yield item


def unpack(body: bytes, url: str, limit: int = MAX_BYTES) -> bytes:
    """Ungzips, stopping at `limit` bytes.

    Raises:
        SourceTooLarge: there is more.
        SourceUnreadable: it is not gzip all the way.
    """
    unpacker = zlib.decompressobj(wbits=31)
    try:
        plain = unpacker.decompress(body, limit + 1)
    except zlib.error as error:
        raise SourceUnreadable(f"{url!r} is not proper gzip.", "Check the file.") from error
    if len(plain) > limit:
        raise SourceTooLarge(f"{url!r} unpacks to more than {limit:,} bytes.", "Split the sitemap.")
    return plain


async def _download(fetcher: Fetcher, url: str) -> bytes:
    fetched = await fetcher.get(Request(url, types=frozenset(), max_bytes=MAX_BYTES))
    return fetched.body


def _require_room(url: str, depth: int, count: int) -> None:
    if depth >= MAX_DEPTH or count >= MAX_SITEMAPS:
        raise SourceTooLarge(
            f"{url!r} is nested more than {MAX_DEPTH} deep, or one of more than {MAX_SITEMAPS:,} sitemaps.",
            "Name the sitemaps that matter with --sitemap.",
        )


def _parse_xml(body: bytes, url: str) -> Iterator[Entry | Nested]:
    if b"<!ENTITY" in body:
        raise SourceUnreadable(f"The sitemap {url!r} declares XML entities.", "A sitemap needs none; remove them.")
    # No entities, no network, no DTD, and libxml2's own limits on depth and size stay on.
    events = etree.iterparse(
        BytesIO(body), events=("end",), resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False
    )
    found = False
    try:
        for _, element in events:
            item = _item(element, url)
            if item is not None:
                found = True
                yield item
                element.clear()
    except etree.XMLSyntaxError as error:
        raise SourceUnreadable(
            f"The sitemap {url!r} is not well-formed XML: {error.msg}.", "Check the file."
        ) from error
    root = _name(events.root) if events.root is not None else ""
    if not found and root not in {"urlset", "sitemapindex", "rss", "feed"}:
        raise SourceUnreadable(
            f"{url!r} is no sitemap; its root element is {root!r}.", "Give the URL of a sitemap, often /sitemap.xml."
        )


def _item(element: etree._Element, url: str) -> Entry | Nested | None:
    name = _name(element)
    if name not in {"url", "sitemap"} | _FEED_LINKS:
        return None
    values = {_name(child): (child.get("href") or child.text or "").strip() for child in element}
    target = resolve(url, values.get("loc") or values.get("link") or "")
    if target is None or not (values.get("loc") or values.get("link")):
        return None
    if name == "sitemap":
        return Nested(target)
    return Entry(target, values.get("lastmod") or values.get("updated") or None)


def _name(element: etree._Element) -> str:
    return str(element.tag).rsplit("}", 1)[-1].lower()


def _parse_lines(body: bytes, url: str) -> Iterator[Entry]:
    lines = body.decode("utf-8-sig", "replace").splitlines()
    targets = [line.strip() for line in lines if re.match(r"\s*https?://", line)]
    if not targets:
        raise SourceUnreadable(f"{url!r} is no sitemap: no XML and no list of URLs.", "Give the URL of a sitemap.")
    for target in targets:
        if (resolved := resolve(url, target)) is not None:
            yield Entry(resolved)
