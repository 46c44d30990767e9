"""Sitemaps, whole and hostile."""

from __future__ import annotations

import gzip

import pytest

from ingest.fetching.fetch import Fetcher
from ingest.frontier.sitemap import Entry, Nested, OffSite, Unread, parse_sitemap, unpack, walk_sitemap
from rag.errors import SourceTooLarge, SourceUnreadable
from tests.ingest.site import Site

BASE = "http://example.com/sitemap.xml"


def urlset(*urls: str) -> bytes:
    entries = "".join(f"<url><loc>{url}</loc></url>" for url in urls)
    return (
        f'<?xml version="1.0"?><urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9">{entries}</urlset>'.encode()
    )


def index(*urls: str) -> bytes:
    entries = "".join(f"<sitemap><loc>{url}</loc></sitemap>" for url in urls)
    return f"<sitemapindex>{entries}</sitemapindex>".encode()


def test_entries_come_with_their_dates() -> None:
    body = b"<urlset><url><loc> http://example.com/a </loc><lastmod>2024-01-01</lastmod></url><url/></urlset>"
    assert list(parse_sitemap(body, BASE)) == [Entry("http://example.com/a", "2024-01-01")]


@pytest.mark.parametrize(
    "body",
    [
        b"<rss><channel><link>x</link><item><link>http://example.com/a</link></item></channel></rss>",
        b'<feed xmlns="http://www.w3.org/2005/Atom"><entry><link href="http://example.com/a"/></entry></feed>',
        b"http://example.com/a\n\n# nothing\n",
        gzip.compress(urlset("http://example.com/a")),
    ],
)
def test_feeds_lists_and_gzip_are_sitemaps_too(body: bytes) -> None:
    assert list(parse_sitemap(body, BASE)) == [Entry("http://example.com/a")]


def test_an_index_lists_sitemaps() -> None:
    assert list(parse_sitemap(index("http://example.com/b.xml"), BASE)) == [Nested("http://example.com/b.xml")]


@pytest.mark.parametrize(
    "body",
    [
        b"<html><body>Not here</body></html>",
        b"<urlset><url>",
        b"no list at all",
        b"",
        b'<!DOCTYPE x [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]><urlset><url><loc>&b;</loc></url></urlset>',
        b'<!DOCTYPE x [<!ENTITY f SYSTEM "file:///etc/passwd">]><urlset><url><loc>&f;</loc></url></urlset>',
        "<urlset>".encode("utf-16") * 3,
    ],
)
def test_what_is_no_sitemap_or_a_trap_is_refused(body: bytes) -> None:
    with pytest.raises(SourceUnreadable):
        list(parse_sitemap(body, BASE))


def test_entities_in_another_encoding_are_not_expanded() -> None:
    """The quick look for declarations cannot see UTF-16; the parser's own settings hold."""
    text = '<?xml version="1.0" encoding="utf-16"?><!DOCTYPE x [<!ENTITY f SYSTEM "file:///etc/hostname">]>'
    body = (text + "<urlset><url><loc>http://example.com/&f;</loc></url></urlset>").encode("utf-16")
    try:
        found = list(parse_sitemap(body, BASE))
    except SourceUnreadable:
        return
    assert found == [Entry("http://example.com/")]


def test_a_gzip_bomb_stops_at_the_limit() -> None:
    with pytest.raises(SourceTooLarge):
        unpack(gzip.compress(b"\0" * 10_000_000), BASE, 1_000_000)


async def test_nested_sitemaps_are_walked_on_their_own_site_only(site: Site, fetcher: Fetcher) -> None:
    site.pages["/index.xml"] = index(site.url("/a.xml"), site.url("/b.xml.gz"), "http://169.254.0.0/x.xml").decode()
    site.pages["/a.xml"] = urlset(site.url("/1"), "http://elsewhere.example/2").decode()
    site.pages["/b.xml.gz"] = gzip.compress(urlset(site.url("/3")))
    found = [item async for item in walk_sitemap(fetcher, site.url("/index.xml"))]
    assert found == [
        OffSite("http://169.254.0.0/x.xml"),
        Entry(site.url("/1")),
        OffSite("http://elsewhere.example/2"),
        Entry(site.url("/3")),
    ]


async def test_a_sitemap_that_lists_itself_is_read_once(site: Site, fetcher: Fetcher) -> None:
    site.pages["/index.xml"] = index(site.url("/index.xml")).decode()
    assert [item async for item in walk_sitemap(fetcher, site.url("/index.xml"))] == []


async def test_endlessly_nested_sitemaps_are_left_and_reported(site: Site, fetcher: Fetcher) -> None:
    for number in range(10):
        site.pages[f"/{number}.xml"] = index(site.url(f"/{number + 1}.xml")).decode()
    found = [item async for item in walk_sitemap(fetcher, site.url("/0.xml"))]
    assert len(found) == 1
    assert isinstance(found[0], Unread)
    assert site.hits.total() == 4


async def test_a_nested_sitemap_that_fails_does_not_stop_the_others(site: Site, fetcher: Fetcher) -> None:
    site.pages["/index.xml"] = index(site.url("/gone.xml"), site.url("/a.xml")).decode()
    site.pages["/a.xml"] = urlset(site.url("/1")).decode()
    found = [item async for item in walk_sitemap(fetcher, site.url("/index.xml"))]
    assert [type(item) for item in found] == [Unread, Entry]
