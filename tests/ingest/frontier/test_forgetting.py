"""Nothing is forgotten by accident: faults never remove a page, and removal has conditions."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path

import pytest
from aiohttp import web

from ingest.report import Report
from tests.ingest.conftest import Crawler
from tests.ingest.site import Answer, Site, cut, cut_unnoticed, dripping, page, prose, redirect, reset, status

PAGES = [f"/p{number}" for number in range(12)]


async def filled(site: Site, crawler: Crawler) -> None:
    for path in PAGES:
        site.pages[path] = page(path, prose(path))
    report = await crawler.run(*map(site.url, PAGES))
    assert report.indexed == len(PAGES)


async def refreshed(crawler: Crawler, **options: float) -> Report:
    return await crawler.run(refresh=True, prune=True, **options)


async def empty(request: web.Request) -> web.StreamResponse:
    return web.Response(body=b"", content_type="text/html")


def sometimes(fault: Answer, seed: int) -> Callable[[web.Request], Answer | None]:
    chance = random.Random(seed)
    return lambda request: fault if chance.random() < 0.3 else None


@pytest.mark.parametrize("name", ["500", "timeout", "reset", "cut", "cut_unnoticed", "empty", "503", "robots", "soft"])
async def test_a_bad_day_loses_no_page_and_names_every_failure(site: Site, crawler: Crawler, name: str) -> None:
    await filled(site, crawler)
    faults: dict[str, Answer] = {
        "500": status(500),
        "timeout": dripping(site),
        "reset": reset,
        "cut": cut,
        "cut_unnoticed": cut_unnoticed(page("Cut", prose("cut", 9))),
        "empty": empty,
        "503": status(503),
        "robots": status(500),
        "soft": redirect("/", 302),
    }
    crawler.limits = {"seconds": 0.2 if name == "timeout" else 5.0, "retries": 0}
    for seed in range(3):
        if name == "503":
            site.fault = lambda request: faults["503"]
        elif name == "robots":
            site.fault = lambda request: faults["robots"] if request.path == "/robots.txt" else None
        else:
            site.fault = sometimes(faults[name], seed)
        report = await refreshed(crawler, max_prune=100)
        assert report.removed == []
        settled = report.unchanged + report.failed + report.skipped
        assert settled == len(PAGES)
        assert report.failed == len({failure.url for failure in report.failures if failure.reason != "not_pruned"})
    assert sorted(crawler.store.pages) == sorted(map(site.url, PAGES))
    site.fault = None
    assert (await refreshed(crawler)).unchanged == len(PAGES)
    assert all(row.state == "present" for row in crawler.store.rows.values())


async def test_a_page_is_gone_when_a_later_visit_misses_it_too(site: Site, crawler: Crawler) -> None:
    await filled(site, crawler)
    del site.pages["/p3"]
    first = await refreshed(crawler)
    assert (first.gone, first.removed) == (1, [])
    assert crawler.store.rows[site.url("/p3")].state == "unknown"
    second = await refreshed(crawler)
    assert [item.url for item in second.removed] == [site.url("/p3")]
    assert site.url("/p3") not in crawler.store.pages
    assert second.data()["pages"]["pruned"] == 1
    assert second.chunks_removed == 1


async def test_a_page_that_comes_back_is_not_half_gone(site: Site, crawler: Crawler) -> None:
    await filled(site, crawler)
    text = site.pages.pop("/p3")
    await refreshed(crawler)
    site.pages["/p3"] = text
    assert (await refreshed(crawler)).unchanged == len(PAGES)
    del site.pages["/p3"]
    assert (await refreshed(crawler)).removed == []


async def test_nothing_is_removed_unless_asked(site: Site, crawler: Crawler) -> None:
    await filled(site, crawler)
    del site.pages["/p3"]
    for _ in range(3):
        report = await crawler.run(refresh=True)
        assert (report.gone, report.removed) == (1, [])
    assert crawler.store.rows[site.url("/p3")].state == "gone"


async def test_a_page_that_must_no_longer_be_indexed_is_gone_at_once(site: Site, crawler: Crawler) -> None:
    await filled(site, crawler)
    site.headers["/p3"] = {"X-Robots-Tag": "noindex"}
    report = await refreshed(crawler)
    assert [(item.url, item.reason) for item in report.removed] == [(site.url("/p3"), "noindex")]


async def test_more_than_the_share_is_not_removed_and_says_so(site: Site, crawler: Crawler) -> None:
    await filled(site, crawler)
    for path in PAGES[:4]:
        del site.pages[path]
    await refreshed(crawler)
    report = await refreshed(crawler)
    assert report.removed == []
    assert [failure.reason for failure in report.failures] == ["not_pruned"]
    assert "--max-prune" in report.failures[0].detail
    assert report.exit_code == 1
    assert len((await refreshed(crawler, max_prune=34)).removed) == 4


async def test_nothing_is_removed_after_an_incomplete_pass(site: Site, crawler: Crawler) -> None:
    await filled(site, crawler)
    del site.pages["/p3"]
    await refreshed(crawler)
    site.answers["/p5"] = status(500)
    report = await refreshed(crawler)
    assert report.removed == []
    assert {failure.reason for failure in report.failures} == {"unreachable", "not_pruned"}


async def test_a_page_that_moved_for_good_goes_when_its_new_address_is_known(site: Site, crawler: Crawler) -> None:
    await filled(site, crawler)
    site.pages["/new"] = str(site.pages.pop("/p3"))
    site.answers["/p3"] = redirect("/new", 301)
    first = await refreshed(crawler)
    assert site.url("/new") in crawler.store.pages or first.skipped
    second = await refreshed(crawler)
    assert [(item.url, item.reason) for item in second.removed] == [(site.url("/p3"), "moved")]
    assert site.url("/new") in crawler.store.pages


async def test_a_missing_file_is_gone_and_a_missing_folder_is_not(crawler: Crawler, tmp_path: Path) -> None:
    folder = tmp_path / "docs"
    folder.mkdir()
    for number in range(6):
        (folder / f"{number}.md").write_text(f"# {number}\n\n{prose(str(number))}\n")
    await crawler.run(str(folder))
    (folder / "3.md").unlink()
    await refreshed(crawler)
    assert len((await refreshed(crawler)).removed) == 1
    folder.rename(tmp_path / "away")
    for _ in range(2):
        report = await refreshed(crawler, max_prune=100)
        assert report.removed == []
        assert report.failed == 5


def sorry(request: web.Request) -> web.StreamResponse:
    """An error that looks like a page."""
    return web.Response(text=page("Sorry", prose("sorry")), content_type="text/html")


async def test_an_error_that_looks_like_a_page_replaces_none(site: Site, crawler: Crawler) -> None:
    """Pages that all show the same new text keep what they had, and are named; one that recovers is unchanged."""
    await filled(site, crawler)
    site.pages["/short"] = page("Short", "Nothing here is as long as a sentence that is remembered.")
    await crawler.run(site.url("/short"))
    before = dict(crawler.store.pages)
    broken = {*PAGES[2:5], "/short"}

    def fault(request: web.Request) -> web.StreamResponse | None:
        once = request.path == PAGES[7] and site.hits[PAGES[7]] == 2
        return sorry(request) if request.path in broken or once else None

    site.fault = fault
    report = await refreshed(crawler)
    assert {failure.url for failure in report.failures} == {site.url(path) for path in broken}
    assert (report.failed, report.unchanged, report.indexed) == (4, 9, 0)
    assert crawler.store.pages == before


async def test_a_page_that_is_rewritten_altogether_is_read_anew(site: Site, crawler: Crawler) -> None:
    """Another title and other sentences are looked at twice, and then believed."""
    await filled(site, crawler)
    site.pages["/p4"] = page("A new beginning", prose("renewal"))
    report = await refreshed(crawler)
    assert (report.indexed, report.failed) == (1, 0)
    assert site.hits["/p4"] == 3


async def test_a_form_to_sign_in_is_not_taken_for_the_pages_that_lead_to_it(site: Site, crawler: Crawler) -> None:
    """A known page that leads elsewhere for now is a failure; the form is not indexed."""
    await filled(site, crawler)
    site.pages["/login"] = page("Sign in", prose("password"))
    site.answers |= {path: redirect("/login", 302) for path in PAGES[:4]}
    report = await refreshed(crawler)
    assert {failure.url for failure in report.failures} == {site.url(path) for path in PAGES[:4]}
    assert site.url("/login") not in crawler.store.pages


async def test_a_dead_entry_of_a_sitemap_does_not_keep_gone_pages(site: Site, crawler: Crawler) -> None:
    """That a listed page does not exist is known for sure: the pass over the site is complete all the same."""
    await filled(site, crawler)
    sitemap = site.sitemap(*PAGES, "/never")
    del site.pages["/p3"]
    for _ in range(2):
        report = await crawler.run(sitemap=sitemap, refresh=True, prune=True)
    assert [(failure.url, failure.reason) for failure in report.failures] == [(site.url("/never"), "gone")]
    assert [item.url for item in report.removed] == [site.url("/p3")]


async def test_a_known_page_that_ends_early_twice_at_the_same_place_is_not_believed(
    site: Site, crawler: Crawler
) -> None:
    """Nothing marks the end of the body, and the HTML does not end: a shorter text is taken for a cut one."""
    await filled(site, crawler)
    before = dict(crawler.store.pages)
    shorter = page("/p2", prose("/p2", 2))
    site.fault = lambda request: cut_unnoticed(shorter) if request.path == "/p2" else None
    report = await refreshed(crawler)
    assert [failure.url for failure in report.failures] == [site.url("/p2")]
    assert crawler.store.pages == before
