"""Sources on a real index: an empty one invites the first address; all that is done to it shows as it happens."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio
from aiohttp import web

from tests.ingest.site import Site, dripping, page, prose

expect = pytest.importorskip("playwright.async_api").expect
pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]


@pytest_asyncio.fixture(loop_scope="session")
async def site() -> AsyncIterator[Site]:
    """A small site on a free port."""
    site = Site()
    site.pages["/"] = page("Start", prose("start"), links=("/vectors",))
    site.pages["/vectors"] = page("Vectors", f"Chroma keeps the vectors of every chunk. {prose('vector')}")
    application = web.Application()
    application.router.add_route("*", "/{path:.*}", site.handle)
    runner = web.AppRunner(application, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    site.port = runner.addresses[0][1]
    yield site
    site.stall.set()
    await runner.cleanup()


async def _add(visit: Any, address: str, kind: str) -> None:
    await visit.page.fill("#address", address)
    await visit.page.get_by_label("What it is").select_option(kind)
    await visit.page.get_by_role("button", name="Add").click()


async def test_from_an_empty_index_to_an_answer_and_back(make_visit: Any, site: Site) -> None:
    """Crawl a site with live progress, ask it, refresh it, add a page that fails, remove one after confirming."""
    visit = await make_visit(real_index=True, allow_hosts=(f"127.0.0.1:{site.port}",))
    await visit.open()
    window, status = visit.page, visit.page.locator("#view-sources .panel")
    await window.get_by_role("link", name="Add the first one").click()
    await expect(window.locator("#view-sources")).to_contain_text("No page is indexed yet.")
    await _add(visit, site.base, "crawl")
    await expect(status).to_contain_text("Done: 2 new or changed")
    await expect(window.locator(".site summary")).to_have_text(f"127.0.0.1:{site.port} · 2 pages")
    await window.get_by_placeholder("Filter the list").fill("vect")
    await expect(window.locator(".site tbody tr")).to_have_count(1)
    await window.get_by_placeholder("Filter the list").fill("")

    await window.get_by_role("link", name="Ask", exact=True).click()
    await expect(window.locator("#index-state")).to_have_text("2 pages indexed.")
    visit.model.will_say("Chroma keeps the vectors of every chunk [1].")
    await visit.ask("Who keeps the vectors of every chunk?")
    await window.locator(".answer .mark.verbatim").click()
    await window.locator("#evidence").get_by_role("link", name="Read the stored text").click()
    await expect(window.locator("#view-reading mark")).to_have_text("Chroma keeps the vectors of every chunk.")
    await expect(window.locator("#view-reading .text")).to_contain_text("number 3 is described here")

    await window.get_by_role("link", name="Sources").click()
    await window.get_by_role("button", name="Refresh everything").click()
    await expect(status).to_contain_text("Done: 0 new or changed, 2 unchanged")
    await _add(visit, site.url("/missing"), "page")
    await expect(status).to_contain_text("Done: 0 new or changed, 0 unchanged, 1 failed")
    await expect(status.locator(".log li")).to_contain_text("/missing")

    await window.get_by_role("button", name="Remove: Vectors").click()
    await window.locator("#confirm").get_by_role("button", name="Cancel").click()
    await expect(window.locator(".site tbody tr")).to_have_count(2)
    await window.get_by_role("button", name="Remove: Vectors").click()
    await window.locator("#confirm-yes").click()
    await expect(window.locator(".site tbody tr")).to_have_count(1)


async def test_an_ingestion_can_be_left_come_back_to_and_stopped(make_visit: Any, site: Site) -> None:
    """What runs at the server is shown again after a reload; a second one is told to wait."""
    visit = await make_visit(real_index=True, allow_hosts=(f"127.0.0.1:{site.port}",))
    site.answers["/slow"] = dripping(site)
    await visit.open("#/sources")
    await expect(visit.page.locator("#view-sources")).to_contain_text("No page is indexed yet.")
    await _add(visit, site.url("/slow"), "page")
    await expect(visit.page.get_by_role("button", name="Stop")).to_be_visible()
    await visit.page.reload()
    await expect(visit.page.get_by_role("button", name="Stop")).to_be_visible()
    await _add(visit, site.url("/vectors"), "page")
    await expect(visit.page.locator("#view-sources [role=alert]")).to_contain_text("Something else is under way.")
    await expect(visit.page.get_by_role("button", name="Stop")).to_be_visible()
    await visit.page.get_by_role("button", name="Stop").click()
    await expect(visit.page.locator("#view-sources .panel")).to_contain_text("Stopped:")
