"""Fetching over loopback, from sites that behave and sites that do not."""

from __future__ import annotations

import gzip
import zlib
from datetime import UTC, datetime

import aiohttp
import pytest
from aiohttp import web

from ingest.fetching.answers import Request, Transient, Validators, retry_after, translate
from ingest.fetching.fetch import Fetcher
from ingest.fetching.guard import Guard
from rag.errors import (
    SourceError,
    SourceExcluded,
    SourceGone,
    SourceRefused,
    SourceTooLarge,
    SourceUnreachable,
    SourceUnreadable,
)
from tests.ingest.conftest import make_fetcher
from tests.ingest.site import Site, cut, dripping, endless, gzip_bomb, page, redirect, reset, status


async def test_a_page_comes_with_its_validators_and_the_robots_header(site: Site, fetcher: Fetcher) -> None:
    site.pages["/a"] = page("A")
    site.headers["/a"] = {"ETag": '"1"', "Last-Modified": "Mon, 01 Jan 2024 00:00:00 GMT", "X-Robots-Tag": "noindex"}
    fetched = await fetcher.get(Request(site.url("/a")))
    assert (fetched.status, fetched.etag, fetched.robots_tags) == (200, '"1"', ("noindex",))
    assert fetched.last_modified == "Mon, 01 Jan 2024 00:00:00 GMT"
    assert fetched.body == page("A").encode()
    assert fetched.final_url == site.url("/a")


async def test_the_site_sees_who_asks_and_gets_no_cookies_back(site: Site, fetcher: Fetcher) -> None:
    site.pages["/a"] = page("A")
    site.headers["/a"] = {"Set-Cookie": "id=1"}
    for _ in range(2):
        await fetcher.get(Request(site.url("/a")))
    assert site.requests[1].headers["User-Agent"] == "Footnote/0.1"
    assert "Cookie" not in site.requests[1].headers


async def test_an_unchanged_page_is_not_sent_again(site: Site, fetcher: Fetcher) -> None:
    site.pages["/a"], site.etags = page("A"), True
    first = await fetcher.get(Request(site.url("/a")))
    again = await fetcher.get(Request(site.url("/a"), validators=Validators(etag=first.etag)))
    assert again.not_modified
    assert again.body == b""
    assert fetcher.traffic.not_modified == 1


@pytest.mark.parametrize("code", [301, 302, 303, 307, 308])
async def test_redirects_are_followed_and_say_whether_the_page_has_moved(
    site: Site, fetcher: Fetcher, code: int
) -> None:
    site.pages["/new"] = page("New")
    site.answers["/old"] = redirect("/new", code)
    fetched = await fetcher.get(Request(site.url("/old")))
    assert fetched.final_url == site.url("/new")
    assert fetched.moved == (code in (301, 308))


async def test_a_circle_of_redirects_ends(site: Site, fetcher: Fetcher) -> None:
    site.answers["/a"], site.answers["/b"] = redirect("/b"), redirect("/a")
    with pytest.raises(SourceUnreachable, match="circle"):
        await fetcher.get(Request(site.url("/a")))
    assert site.hits.total() == 2


async def test_a_long_chain_of_redirects_ends(site: Site, fetcher: Fetcher) -> None:
    for number in range(30):
        site.answers[f"/{number}"] = redirect(f"/{number + 1}")
    with pytest.raises(SourceUnreachable, match="more than 10 times"):
        await fetcher.get(Request(site.url("/0")))
    assert site.hits.total() == 11


@pytest.mark.parametrize("target", ["http://10.0.0.1/", "http://2130706433:1/", "file:///etc/passwd", "//user@host/"])
async def test_a_redirect_to_where_nobody_may_go_is_refused(site: Site, fetcher: Fetcher, target: str) -> None:
    site.answers["/a"] = redirect(target)
    with pytest.raises(SourceRefused):
        await fetcher.get(Request(site.url("/a")))


async def test_a_redirect_can_be_declined(site: Site, fetcher: Fetcher) -> None:
    site.answers["/a"] = redirect("/b")

    async def decline(target: str, permanent: bool) -> None:
        raise SourceExcluded("not there", rule="off_site")

    with pytest.raises(SourceExcluded):
        await fetcher.get(Request(site.url("/a"), admit=decline))
    assert site.hits["/b"] == 0


@pytest.mark.parametrize(
    ("code", "error"),
    [(404, SourceGone), (410, SourceGone), (401, SourceRefused), (403, SourceRefused), (451, SourceRefused),
     (400, SourceUnreachable), (418, SourceUnreachable), (204, SourceUnreachable), (500, SourceUnreachable),
     (502, SourceUnreachable), (503, SourceUnreachable), (504, SourceUnreachable), (429, SourceUnreachable)],
)  # fmt: skip
async def test_every_status_has_its_error(site: Site, fetcher: Fetcher, code: int, error: type[SourceError]) -> None:
    site.answers["/a"] = status(code)
    with pytest.raises(error, match=str(code)):
        await fetcher.get(Request(site.url("/a")))


async def test_a_failure_that_passes_is_tried_again(site: Site, fetcher: Fetcher) -> None:
    site.pages["/a"] = page("A")
    faults = [web.Response(status=500), web.Response(status=503, headers={"Retry-After": "7"})]
    site.fault = lambda request: faults.pop(0) if faults else None
    assert (await fetcher.get(Request(site.url("/a")))).status == 200
    assert site.hits["/a"] == 3


async def test_retries_are_bounded(site: Site, fetcher: Fetcher) -> None:
    site.answers["/a"] = status(500)
    with pytest.raises(SourceUnreachable):
        await fetcher.get(Request(site.url("/a")))
    assert site.hits["/a"] == 3


async def test_a_site_that_asks_for_an_hour_is_left_alone(site: Site, fetcher: Fetcher) -> None:
    site.answers["/a"] = status(429, Retry_After="3600")
    with pytest.raises(SourceUnreachable) as caught:
        await fetcher.get(Request(site.url("/a")))
    assert caught.value.retry_after == 3600
    assert site.hits["/a"] == 1


async def test_a_host_that_always_fails_is_not_asked_three_times_for_each_page(site: Site, fetcher: Fetcher) -> None:
    site.fault = lambda request: web.Response(status=503)
    for number in range(20):
        with pytest.raises(SourceUnreachable):
            await fetcher.get(Request(site.url(f"/{number}")))
    assert site.hits.total() < 26


async def test_a_connection_that_is_reset_is_named(site: Site, fetcher: Fetcher) -> None:
    site.answers["/a"] = reset
    with pytest.raises(SourceUnreachable, match="cannot be reached"):
        await fetcher.get(Request(site.url("/a")))


async def test_a_body_that_is_cut_short_is_no_page(site: Site, fetcher: Fetcher) -> None:
    site.answers["/a"] = cut
    with pytest.raises(SourceUnreachable, match="cut short"):
        await fetcher.get(Request(site.url("/a")))


async def test_nobody_at_the_port_is_named(unused_tcp_port: int) -> None:
    async with make_fetcher(Guard(["127.0.0.1"]), retries=0) as fetcher:
        with pytest.raises(SourceUnreachable, match="cannot be reached"):
            await fetcher.get(Request(f"http://127.0.0.1:{unused_tcp_port}/"))


async def test_a_drip_ends_at_the_deadline(site: Site) -> None:
    site.answers["/a"] = dripping(site)
    async with make_fetcher(Guard(["127.0.0.1"]), seconds=0.05, retries=0) as fetcher:
        with pytest.raises(SourceUnreachable, match=r"longer than 0\.05 seconds"):
            await fetcher.get(Request(site.url("/a")))


async def test_the_deadline_is_for_all_redirects_together(site: Site) -> None:
    site.answers["/a"], site.answers["/b"] = redirect("/b"), dripping(site)
    async with make_fetcher(Guard(["127.0.0.1"]), seconds=0.05, retries=0) as fetcher:
        with pytest.raises(SourceUnreachable, match="longer"):
            await fetcher.get(Request(site.url("/a")))


@pytest.mark.parametrize("answer", [gzip_bomb, endless])
async def test_a_body_without_end_is_left_at_the_limit(site: Site, answer: object) -> None:
    site.answers["/a"] = answer  # type: ignore[assignment]
    async with make_fetcher(Guard(["127.0.0.1"]), bytes=200_000) as fetcher:
        with pytest.raises(SourceTooLarge, match="200,000"):
            await fetcher.get(Request(site.url("/a")))
        assert fetcher.traffic.bytes < 2_000_000


async def test_a_length_above_the_limit_is_believed(site: Site) -> None:
    site.pages["/a"] = b"a" * 300_000
    async with make_fetcher(Guard(["127.0.0.1"]), bytes=200_000) as fetcher:
        with pytest.raises(SourceTooLarge):
            await fetcher.get(Request(site.url("/a")))
        assert fetcher.traffic.bytes == 0


@pytest.mark.parametrize("encoding", ["gzip", "deflate"])
async def test_encoded_bodies_are_decoded(site: Site, fetcher: Fetcher, encoding: str) -> None:
    packed = gzip.compress(b"<p>text") if encoding == "gzip" else zlib.compress(b"<p>text")
    site.pages["/a"], site.headers["/a"] = packed, {"Content-Encoding": encoding}
    assert (await fetcher.get(Request(site.url("/a")))).body == b"<p>text"


async def test_garbage_that_claims_to_be_gzip_is_no_page(site: Site, fetcher: Fetcher) -> None:
    site.pages["/a"], site.headers["/a"] = b"not gzip", {"Content-Encoding": "gzip"}
    with pytest.raises(SourceUnreachable):
        await fetcher.get(Request(site.url("/a")))


async def test_header_lines_have_a_limit(site: Site, fetcher: Fetcher) -> None:
    site.pages["/a"], site.headers["/a"] = page("A"), {"X-Long": "a" * 20_000}
    with pytest.raises(SourceUnreachable):
        await fetcher.get(Request(site.url("/a")))


@pytest.mark.parametrize("kind", ["application/pdf", "image/png", "application/zip", "application/json"])
async def test_what_is_no_page_is_refused_by_its_type(site: Site, fetcher: Fetcher, kind: str) -> None:
    site.pages["/a"], site.headers["/a"] = b"%PDF-1.7", {"Content-Type": kind}
    with pytest.raises(SourceUnreadable, match=kind):
        await fetcher.get(Request(site.url("/a")))
    assert fetcher.traffic.bytes == 0


async def test_an_unread_304_without_a_question_is_not_taken_for_a_page(site: Site, fetcher: Fetcher) -> None:
    site.answers["/a"] = status(304)
    assert (await fetcher.get(Request(site.url("/a")))).not_modified


@pytest.mark.parametrize(
    ("value", "seconds"),
    [("7", 7.0), ("Mon, 01 Jan 2024 00:01:00 GMT", 60.0), ("Sun, 31 Dec 2023 00:00:00 GMT", 0.0), ("soon", None),
     (None, None)],
)  # fmt: skip
def test_retry_after_is_seconds_or_a_date(value: str | None, seconds: float | None) -> None:
    assert retry_after(value, datetime(2024, 1, 1, tzinfo=UTC)) == seconds


def test_every_error_of_the_http_library_is_translated() -> None:
    """Whatever aiohttp raises becomes a source error, or one that is tried again and then becomes one."""
    key = aiohttp.client_reqrep.ConnectionKey("h", 80, False, True, None, None, None)
    errors: list[Exception] = [
        aiohttp.ClientConnectorDNSError(key, OSError(1, "no")),
        aiohttp.ClientPayloadError("cut"),
        aiohttp.InvalidURL("x"),
        aiohttp.ServerDisconnectedError(),
        aiohttp.ClientOSError(104, "reset"),
        aiohttp.ClientError(),
        OSError("no"),
        ValueError("odd"),
    ]
    for error in errors:
        assert isinstance(translate(error, "http://h/", "h"), SourceError | Transient)
