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
