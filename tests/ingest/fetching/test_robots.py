"""robots.txt and robots tags."""

from __future__ import annotations

import asyncio

import pytest

from ingest.fetching.fetch import Fetcher
from ingest.fetching.robots import Robots, parse_robots, robots_tags
from rag.errors import SourceExcluded, SourceUnreachable
from tests.ingest.site import Site, redirect, status


async def test_what_robots_txt_forbids_is_excluded_and_asked_for_once(site: Site, fetcher: Fetcher) -> None:
    site.pages["/robots.txt"] = "User-agent: *\nDisallow: /private\nAllow: /private/open\n"
    robots = Robots(fetcher, "Footnote/0.1")
    await asyncio.gather(*(robots.check(site.url(f"/{number}")) for number in range(10)))
    await robots.check(site.url("/private/open"))
    with pytest.raises(SourceExcluded) as caught:
        await robots.check(site.url("/private/a"))
    assert caught.value.rule == "robots"
    assert site.hits["/robots.txt"] == 1


async def test_rules_for_our_name_win_over_those_for_all(site: Site, fetcher: Fetcher) -> None:
    site.pages["/robots.txt"] = "User-agent: *\nDisallow: /\n\nUser-agent: footnote\nDisallow: /x\n"
    robots = Robots(fetcher, "Footnote/0.1")
    await robots.check(site.url("/a"))
    with pytest.raises(SourceExcluded):
        await robots.check(site.url("/x"))


@pytest.mark.parametrize("code", [400, 401, 403, 404, 410, 451])
async def test_no_robots_txt_allows_everything(site: Site, fetcher: Fetcher, code: int) -> None:
    site.answers["/robots.txt"] = status(code)
    await Robots(fetcher, "Footnote").check(site.url("/a"))


@pytest.mark.parametrize("code", [429, 500, 503])
async def test_a_robots_txt_that_fails_forbids_for_now_and_is_no_rule(site: Site, fetcher: Fetcher, code: int) -> None:
    site.answers["/robots.txt"] = status(code)
    with pytest.raises(SourceUnreachable, match=r"robots\.txt"):
        await Robots(fetcher, "Footnote").check(site.url("/a"))


async def test_redirects_of_robots_txt_are_followed(site: Site, fetcher: Fetcher) -> None:
    site.answers["/robots.txt"] = redirect("/real.txt")
    site.pages["/real.txt"] = "User-agent: *\nDisallow: /a\n"
    with pytest.raises(SourceExcluded):
        await Robots(fetcher, "Footnote").check(site.url("/a"))


async def test_a_huge_robots_txt_is_read_as_far_as_500_kilobytes(site: Site, fetcher: Fetcher) -> None:
    filler = "# nothing\n" * 60_000
    site.pages["/robots.txt"] = f"User-agent: *\nDisallow: /a\n{filler}Disallow: /b\n"
    robots = Robots(fetcher, "Footnote")
    await robots.check(site.url("/b"))
    with pytest.raises(SourceExcluded):
        await robots.check(site.url("/a"))


async def test_the_rules_can_be_ignored_on_ones_own_site(site: Site, fetcher: Fetcher) -> None:
    site.pages["/robots.txt"] = "User-agent: *\nDisallow: /\n"
    await Robots(fetcher, "Footnote", ignore=True).check(site.url("/a"))
    assert site.hits.total() == 0


def test_a_byte_order_mark_does_not_hide_the_first_line() -> None:
    rules = parse_robots(b"\xef\xbb\xbfUser-agent: *\nDisallow: /a\n")
    assert not rules.can_fetch("http://h/a", "Footnote")


@pytest.mark.parametrize(
    ("values", "found"),
    [
        (["noindex, nofollow"], {"noindex", "nofollow"}),
        (["NOINDEX"], {"noindex"}),
        (["none"], {"none", "noindex", "nofollow"}),
        (["otherbot: noindex"], set()),
        (["footnote: noindex"], {"noindex"}),
        (["unavailable_after: 25 Jun 2010 15:00:00 PST"], {"unavailable_after: 25 jun 2010 15:00:00 pst"}),
        ([], set()),
    ],
)
def test_robots_headers_that_speak_to_us_are_read(values: list[str], found: set[str]) -> None:
    assert robots_tags(values, "Footnote/0.1") == found
