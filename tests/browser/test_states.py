"""Every state of the page: axe-core finds nothing, nothing is cut off or wider than the screen, targets can be hit."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio

from tests.browser.axe import violations
from tests.browser.states import CHINESE, ENGLISH, STATES, reach, site_to_read
from tests.ingest.site import Site

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]

# What stands in running text is excepted, as WCAG does; so is what is wholly covered or not shown.
TOO_SMALL = """[...document.querySelectorAll("button, a, input, select, textarea, summary")].filter(element => {
    const box = element.getBoundingClientRect();
    const inline = getComputedStyle(element).display === "inline" && element.parentElement.matches("p, li, td, span");
    return element.checkVisibility({ visibilityProperty: true, opacityProperty: true }) && !inline && box.width > 1 &&
        (box.width < 24 || box.height < 24) && !(element.type === "checkbox" && element.closest("label"));
}).map(element => element.outerHTML.slice(0, 120))"""
CUT_OFF = """[...document.querySelectorAll("button, input, select, textarea, header a")].filter(element => {
    const box = element.getBoundingClientRect();
    return element.checkVisibility({ visibilityProperty: true, opacityProperty: true }) && box.width > 1 &&
        (box.right > innerWidth + 1 || box.left < -1 || element.scrollWidth > element.clientWidth + 2);
}).map(element => element.outerHTML.slice(0, 120))"""
SIDEWAYS = "document.documentElement.scrollWidth > document.documentElement.clientWidth"


@pytest_asyncio.fixture(loop_scope="session")
async def site() -> AsyncIterator[Site]:
    async with site_to_read() as site:
        yield site


@pytest.mark.parametrize(("width", "locale", "words"), [(1440, "en-GB", ENGLISH), (320, "zh-CN", CHINESE)])
@pytest.mark.parametrize("name", STATES)
async def test_it_is_open_to_everyone(
    make_visit: Any, site: Site, name: str, width: int, locale: str, words: Any
) -> None:
    """In light and in dark."""
    window = {"viewport": {"width": width, "height": 800}, "locale": locale}
    visit = await reach(make_visit, name, words, site=site, window=window)
    assert await violations(visit.page) == []
    await visit.page.emulate_media(color_scheme="dark")
    assert await violations(visit.page, "color-contrast") == []  # nothing but the colours has changed
    assert await visit.page.evaluate(TOO_SMALL) == []
    assert await visit.page.evaluate(CUT_OFF) == []
    assert not await visit.page.evaluate(SIDEWAYS)
