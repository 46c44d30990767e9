"""Whole ingestions: what is visited, what is written, what is left alone."""

from __future__ import annotations

import threading
from datetime import datetime

import pytest
from aiohttp import web

from ingest.apart.page import PageReader, ReadPage
from ingest.fetching.answers import Fetched
from ingest.pipeline import Ingestion
from ingest.progress import IngestEvent, PageSettled
from rag.errors import IndexUnavailable, StorageError
from tests.ingest.conftest import Crawler
from tests.ingest.site import Site, page, prose, redirect, status


def fill(site: Site, *names: str) -> None:
    """Pages that link to each other."""
    links = tuple(f"/{name}" for name in names)
    for name in names:
        site.pages[f"/{name}"] = page(name, prose(name), prose(f"other {name}"), links=links)


async def test_a_page_is_indexed_and_reported(site: Site, crawler: Crawler) -> None:
    site.pages["/a"] = page("A", prose("A"))
    report = await crawler.run(site.url("/a"))
    assert (report.indexed, report.failed, report.exit_code) == (1, 0, 0)
    assert list(crawler.store.pages) == [site.url("/a")]
    assert report.chunks_added == report.embedded == len(crawler.store.pages[site.url("/a")][1])
    assert PageSettled(site.url("/a"), "indexed", chunks=1, embedded=1) in crawler.events


async def test_a_page_that_fails_each_time_does_not_bring_up_the_indexes(site: Site, crawler: Crawler) -> None:
    """That takes longer than a pass over an unchanged site."""
    fill(site, "a", "b")
    site.pages["/app"] = "<html><body><div id=root></div><script src=app.js></script>"
    urls = [site.url(path) for path in ("/a", "/b", "/app")]
    assert (await crawler.run(*urls)).indexed == 2
    assert crawler.store.prepared
    crawler.store.prepared = False
    report = await crawler.run(*urls)
    assert (report.unchanged, report.failed) == (2, 1)
    assert not crawler.store.prepared
    site.pages["/b"] = page("b", prose("another"))
    assert (await crawler.run(*urls)).indexed == 1
    assert crawler.store.prepared


async def test_spellings_of_one_page_are_visited_once(site: Site, crawler: Crawler) -> None:
    site.pages["/a"] = page("A", prose("A"))
    report = await crawler.run(site.url("/a"), site.url("/a#part"), site.url("/b/../a?utm_source=x"))
    assert report.indexed == site.hits["/a"] == 1


async def test_every_failure_is_named_and_the_rest_goes_on(site: Site, crawler: Crawler) -> None:
    fill(site, "a")
    site.answers["/broken"] = status(500)
    site.pages["/empty"] = ""
    site.pages["/pdf"], site.headers["/pdf"] = b"%PDF", {"Content-Type": "application/pdf"}
    report = await crawler.run(
        *map(site.url, ("/a", "/broken", "/empty", "/pdf", "/gone")), "http://10.0.0.1/", "no.md"
    )
    assert report.indexed == 1
    assert report.exit_code == 1
    reasons = {failure.url.rsplit("/", 1)[-1] or "10": failure.reason for failure in report.failures}
    assert reasons == {
        "broken": "unreachable",
        "empty": "unreachable",
        "pdf": "unreadable",
        "gone": "gone",
        "10": "refused",
        "no.md": "gone",
    }
    assert all(failure.detail for failure in report.failures)


async def test_a_sitemap_is_ingested_and_globs_choose(site: Site, crawler: Crawler) -> None:
    fill(site, "docs/a", "docs/b", "docs/old/c", "blog/d")
    report = await crawler.run(sitemap=site.sitemap(), include=("*/docs/*",), exclude=("*/old/*",))
    assert sorted(crawler.store.pages) == [site.url("/docs/a"), site.url("/docs/b")]
    assert {skip.reason for skip in report.skips} == {"excluded"}
    assert report.exit_code == 0


async def test_a_crawl_stays_on_its_site_below_its_folder_and_visits_each_page_once(
    site: Site, crawler: Crawler
) -> None:
    links = ("b", "c.html", "/other/d", "http://elsewhere.example/", "image.png", "mailto:a@b.c", "b#part")
    site.pages["/docs/a.html"] = page("A", prose("A"), links=links)
    site.pages["/docs/b"] = page("B", prose("B"), links=("a.html", "c.html"))
    site.pages["/docs/c.html"] = page("C", prose("C"))
    report = await crawler.run(site.url("/docs/a.html"), crawl=True)
    assert sorted(crawler.store.pages) == [site.url(f"/docs/{name}") for name in ("a.html", "b", "c.html")]
    assert report.failed == 0
    assert set(site.hits.values()) == {1}
    assert "/docs/image.png" not in site.hits


async def test_depth_counts_links_by_the_shortest_way(site: Site, crawler: Crawler) -> None:
    site.pages["/"] = page("0", prose("0"), links=("/1", "/3"))
    site.pages["/1"] = page("1", prose("1"), links=("/2",))
    site.pages["/2"] = page("2", prose("2"), links=("/3",))
    site.pages["/3"] = page("3", prose("3"), links=("/4",))
    site.pages["/4"] = page("4", prose("4"), links=("/5",))
    site.pages["/5"] = page("5", prose("5"))
    await crawler.run(site.url("/"), crawl=True, depth=2)
    assert sorted(url.rsplit("/", 1)[-1] for url in crawler.store.pages) == ["", "1", "2", "3", "4"]


async def test_a_crawl_stops_at_its_number_of_pages(site: Site, crawler: Crawler) -> None:
    fill(site, "", *(f"p{number}" for number in range(19)))
    report = await crawler.run(site.url("/"), crawl=True, max_pages=5)
    assert report.indexed == 5
    assert {skip.reason for skip in report.skips} == {"max_pages"}
    assert report.skipped == 15


async def test_a_maze_of_links_costs_a_bounded_amount(site: Site, crawler: Crawler) -> None:
    """A calendar that always has another day, and folders inside folders."""

    async def endless(request: object) -> object:
        from aiohttp import web

        path = request.path_qs  # type: ignore[attr-defined]
        number = len(site.hits)
        links = (f"/calendar?day={number}", f"/calendar?day={number + 1000}", path.split("?")[0].rstrip("/") + "/a/")
        return web.Response(text=page(f"Day {number}", prose(str(number)), links=links), content_type="text/html")

    site.fault = lambda request: endless if request.path != "/robots.txt" else None  # type: ignore[return-value]
    report = await crawler.run(site.url("/calendar"), site.url("/"), crawl=True, depth=100, max_pages=1000)
    assert report.failed == 0
    assert site.hits.total() < 80


async def test_nofollow_links_and_pages_are_not_followed(site: Site, crawler: Crawler) -> None:
    site.pages["/"] = page("0", prose("0"), '<a href="/a" rel="nofollow">a</a> <a href="/b">b</a>')
    site.pages["/b"] = page("B", prose("B"), head='<meta name=robots content="nofollow">', links=("/c",))
    site.pages["/a"], site.pages["/c"] = page("A", prose("A")), page("C", prose("C"))
    await crawler.run(site.url("/"), crawl=True)
    assert sorted(crawler.store.pages) == [site.url("/"), site.url("/b")]


async def test_robots_rules_skip_and_are_no_failure(site: Site, crawler: Crawler) -> None:
    fill(site, "a", "private/b")
    site.pages["/robots.txt"] = "User-agent: *\nDisallow: /private/"
    site.pages["/c"] = page("C", prose("C"), head='<meta name=robots content="noindex">')
    site.pages["/d"], site.headers["/d"] = page("D", prose("D")), {"X-Robots-Tag": "noindex"}
    report = await crawler.run(*map(site.url, ("/a", "/private/b", "/c", "/d")))
    assert list(crawler.store.pages) == [site.url("/a")]
    assert {skip.url.rsplit("/", 1)[-1]: skip.reason for skip in report.skips} == {
        "b": "robots",
        "c": "noindex",
        "d": "noindex",
    }
    assert report.exit_code == 0
    assert site.hits["/private/b"] == 0


async def test_ones_own_site_may_be_read_against_its_rules(site: Site, crawler: Crawler) -> None:
    site.pages["/robots.txt"] = "User-agent: *\nDisallow: /"
    site.pages["/a"] = page("A", prose("A"), head='<meta name=robots content="noindex">')
    assert (await crawler.run(site.url("/a"), ignore_robots=True)).indexed == 1


async def test_redirected_pages_are_known_by_their_final_url_and_read_once(site: Site, crawler: Crawler) -> None:
    fill(site, "new")
    for name in ("old", "older"):
        site.answers[f"/{name}"] = redirect("/new", 301)
    report = await crawler.run(*map(site.url, ("/old", "/new", "/older")))
    assert list(crawler.store.pages) == [site.url("/new")]
    assert site.hits["/new"] == 1
    assert (report.indexed, report.failed) == (1, 0)
    assert {skip.reason for skip in report.skips} == {"duplicate"}


async def test_a_found_page_that_redirects_to_another_site_is_left(site: Site, crawler: Crawler) -> None:
    fill(site, "a")
    site.answers["/b"] = redirect("http://elsewhere.example/")
    report = await crawler.run(sitemap=site.sitemap("/a", "/b"))
    assert [skip.reason for skip in report.skips] == ["off_site"]


async def test_a_page_that_is_only_a_refresh_leads_on(site: Site, crawler: Crawler) -> None:
    site.pages["/"] = '<html><head><meta http-equiv="refresh" content="0; url=/real"></head></html>'
    site.pages["/real"] = page("Real", prose("real"))
    report = await crawler.run(site.url("/"))
    assert list(crawler.store.pages) == [site.url("/real")]
    assert report.exit_code == 0


async def test_a_copy_under_another_address_is_left_to_its_canonical_page(site: Site, crawler: Crawler) -> None:
    head = f'<link rel=canonical href="{site.url("/a")}">'
    site.pages["/a"] = page("A", prose("A"), head=head)
    site.pages["/a?print=1"] = page("A (print)", prose("A"), "Printed.", head=head)
    report = await crawler.run(site.url("/a?print=1"))
    assert list(crawler.store.pages) == [site.url("/a")]
    assert [skip.reason for skip in report.skips] == ["canonical"]


async def test_a_canonical_link_that_is_wrong_loses_no_page(site: Site, crawler: Crawler) -> None:
    """Many sites name their front page as the canonical address of everything."""
    head = f'<link rel=canonical href="{site.url("/")}">'
    site.pages["/"] = page("Home", prose("home"))
    site.pages["/a"], site.pages["/b"] = page("A", prose("A"), head=head), page("B", prose("B"), head=head)
    await crawler.run(site.url("/a"), site.url("/b"))
    assert sorted(crawler.store.pages) == [site.url("/"), site.url("/a"), site.url("/b")]


async def test_the_same_content_at_two_addresses_is_indexed_once(site: Site, crawler: Crawler) -> None:
    site.pages["/"] = site.pages["/index.html"] = page("Home", prose("home"))
    report = await crawler.run(site.url("/"), site.url("/index.html"))
    assert report.indexed == 1
    assert [skip.reason for skip in report.skips] == ["duplicate"]


async def test_pages_that_only_show_the_beginnings_of_others_are_not_indexed(site: Site, crawler: Crawler) -> None:
    """A tag page is followed for its links, and is no source of what a post says."""
    for name in ("one", "two"):
        site.pages[f"/{name}"] = page(name, prose(name), prose(f"more {name}", 9), links=("/",))
    teasers = "".join(
        f"<article><h2><a href=/{name}>{name}</a></h2><p>{prose(name)}</p></article>" for name in ("one", "two")
    )
    site.pages["/"] = f"<html><head><title>x</title></head><body class=list><main>{teasers}</main></body></html>"
    report = await crawler.run(site.url("/"), crawl=True)
    assert sorted(crawler.store.pages) == [site.url("/one"), site.url("/two")]
    assert [(skip.url, skip.reason) for skip in report.skips] == [(site.url("/"), "listing")]
    again = await crawler.run(site.url("/"), crawl=True)
    assert (again.unchanged, again.skipped) == (2, 1)


async def test_a_list_that_was_asked_for_by_name_is_indexed(site: Site, crawler: Crawler) -> None:
    site.pages["/tags/x/"] = page("x", prose("x"))
    assert (await crawler.run(site.url("/tags/x/"))).indexed == 1


async def test_a_second_run_asks_for_nothing_that_the_sitemap_calls_unchanged(site: Site, crawler: Crawler) -> None:
    fill(site, "a", "b")
    sitemap = site.sitemap(lastmod="2024-01-01")
    await crawler.run(sitemap=sitemap)
    hits = site.hits.copy()
    report = await crawler.run(sitemap=sitemap)
    assert (report.unchanged, report.embedded) == (2, 0)
    assert report.chunks_kept == sum(len(chunks) for _, chunks in crawler.store.pages.values())
    assert site.hits["/a"] == hits["/a"]
    sitemap = site.sitemap(lastmod="2024-02-02")
    assert (await crawler.run(sitemap=sitemap)).unchanged == 2
    assert site.hits["/a"] == hits["/a"] + 1


async def test_a_site_with_etags_sends_no_body_twice(site: Site, crawler: Crawler) -> None:
    fill(site, "", "b")
    site.etags = True
    await crawler.run(site.url("/"), crawl=True)
    report = await crawler.run(site.url("/"), crawl=True)
    assert (report.unchanged, report.not_modified, report.embedded) == (2, 2, 0)
    assert report.bytes == len("nothing here")


async def test_a_change_of_date_or_menu_embeds_nothing(site: Site, crawler: Crawler) -> None:
    fill(site, "a")
    site.pages["/a"] = str(site.pages["/a"]).replace("<main>", "<nav><a href=/x>Old menu</a></nav><main>")
    await crawler.run(site.url("/a"))
    site.pages["/a"] = str(site.pages["/a"]).replace("Old menu", "New menu").replace("<body>", "<body><!-- build 7 -->")
    report = await crawler.run(site.url("/a"))
    assert (report.unchanged, report.embedded) == (1, 0)


async def test_a_change_in_one_paragraph_embeds_only_what_it_touches(site: Site, crawler: Crawler) -> None:
    sections = "".join(f"<h2 id=s{n}>Part {n}</h2><p>{prose(f'part {n}', 12)}</p>" for n in range(8))
    site.pages["/a"] = f"<html><head><title>A</title></head><body><main><h1>A</h1>{sections}</main></body></html>"
    first = await crawler.run(site.url("/a"))
    site.pages["/a"] = str(site.pages["/a"]).replace("The part 3 number 5", "The altered part 3 number 5")
    report = await crawler.run(site.url("/a"))
    assert first.embedded >= 8
    assert report.indexed == 1
    assert 1 <= report.embedded <= 2


async def test_an_index_that_fails_leaves_pages_failed_and_the_next_run_completes(site: Site, crawler: Crawler) -> None:
    fill(site, "a")
    crawler.store.failure = IndexUnavailable("Chroma does not answer.", "Start it.")
    report = await crawler.run(site.url("/a"))
    assert [(failure.reason, report.exit_code) for failure in report.failures] == [("index-unavailable", 1)]
    crawler.store.failure = None
    assert (await crawler.run(site.url("/a"))).indexed == 1


async def test_an_index_that_never_works_ends_the_ingestion(site: Site, crawler: Crawler) -> None:
    fill(site, *(f"p{number}" for number in range(40)))
    crawler.store.failure = StorageError("The disk is full.", "Make room.")
    with pytest.raises(StorageError):
        await crawler.run(*(site.url(f"/p{number}") for number in range(40)))


async def test_an_interrupted_crawl_goes_on_where_it_stopped(site: Site, crawler: Crawler) -> None:
    """Half of the pages are held back until the crawl is told to stop, so that it cannot have them all by then."""
    fill(site, "", *(f"p{number}" for number in range(29)))

    async def held_back(request: web.Request) -> web.StreamResponse:
        await site.stall.wait()
        return web.Response(text=str(site.pages[request.path]), content_type="text/html")

    def stop_at_the_first(ingestion: Ingestion, event: IngestEvent) -> None:
        if ingestion.report.indexed:
            ingestion.stop()
            site.stall.set()

    site.answers.update({f"/p{number}": held_back for number in range(15, 29)})
    crawler.hook = stop_at_the_first
    first = await crawler.run(site.url("/"), crawl=True)
    assert first.stopped
    done = len(crawler.store.pages)
    assert 1 <= done < 30
    crawler.hook = None
    second = await crawler.run(site.url("/"), crawl=True)
    assert second.resumed
    assert second.indexed == 30 - done
    assert len(crawler.store.pages) == 30


async def test_chosen_elements_alone_are_read(site: Site, crawler: Crawler) -> None:
    site.pages["/a"] = (
        f"<html><body><div class=x>{prose('chosen')}</div><div class=y>{prose('other')}</div></body></html>"
    )
    await crawler.run(site.url("/a"), only=(".x",))
    assert "other" not in crawler.store.pages[site.url("/a")][0].text
    again = await crawler.run(site.url("/a"), only=(".y",))
    assert again.indexed == 1
    assert "other" in crawler.store.pages[site.url("/a")][0].text


async def test_a_copy_on_this_machine_is_crawled_by_its_public_name(site: Site, crawler: Crawler) -> None:
    """A mirror whose links and canonical addresses say https://public.example stays within the mirror."""
    for path, links in (("/", ("https://public.example/a", "https://third.example/")), ("/a", ("/",))):
        head = f'<link rel=canonical href="https://public.example{path}">'
        site.pages[path] = page(f"Page {path}", prose(path), head=head, links=links)
    report = await crawler.run(site.url("/"), crawl=True)
    assert sorted(crawler.store.pages) == [site.url("/"), site.url("/a")]
    assert report.failed == 0


async def test_a_site_is_asked_for_further_pages_while_some_are_read(site: Site, crawler: Crawler) -> None:
    """More pages than may be asked for at once: the last is fetched before any has been read."""
    fill(site, "a", "b", "c", "d", "e", "f")
    last_is_asked = threading.Event()

    class Patient(PageReader):
        def read(self, fetched: Fetched, fetched_at: datetime, known_hash: str | None = None) -> ReadPage:
            assert last_is_asked.wait(60.0)
            return super().read(fetched, fetched_at, known_hash)

    async def last(request: web.Request) -> web.Response:
        last_is_asked.set()
        return web.Response(text=str(site.pages["/f"]), content_type="text/html")

    site.answers["/f"] = last
    crawler.reader = Patient
    report = await crawler.run(*(site.url(f"/{name}") for name in "abcdef"))
    assert (report.indexed, report.failed) == (6, 0)
