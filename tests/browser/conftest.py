"""A real Chromium on the real page. Every test also proves that no request left the origin and no script failed."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from tests.browser.visit import FLAGS, PATIENCE_MS, MakeVisit, Visit, chromium, visits


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def browser() -> AsyncIterator[Any]:
    path = chromium()
    if path is None:
        pytest.skip("Chromium is missing; install it, such as by: apt-get install chromium")
    api = pytest.importorskip("playwright.async_api")
    api.expect.set_options(timeout=PATIENCE_MS)
    async with api.async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=path, args=FLAGS)
        yield browser
        await browser.close()


@pytest_asyncio.fixture(loop_scope="session")
async def make_visit(browser: Any, tmp_path: Path) -> AsyncIterator[MakeVisit]:
    """Makes a server and a window on it. What is given beyond its own arguments are settings."""
    async with visits(browser, tmp_path) as make:
        yield make


@pytest_asyncio.fixture(loop_scope="session")
async def visit(make_visit: MakeVisit) -> Visit:
    found = await make_visit()
    await found.open()
    assert isinstance(found, Visit)
    return found
