"""The pictures of the README: `make demo` in one terminal, then `python bench/screenshots.py [ADDRESS]` in another.

Asks the handbook in English and in Chinese, opens the evidence of a footnote, and writes docs/images/*.webp. Needs
Chromium, the development dependencies, and a font with Chinese characters.
"""

from __future__ import annotations

import asyncio
import base64
import shutil
import sys
from pathlib import Path
from typing import Any, NamedTuple

from playwright.async_api import async_playwright

IMAGES = Path(__file__).parent.parent / "docs" / "images"
FLAGS = ["--no-sandbox", "--disable-background-networking", "--disable-component-update", "--disable-sync"]


class Picture(NamedTuple):
    name: str
    locale: str
    scheme: str
    question: str


PICTURES = (
    Picture("answer", "en-GB", "light", "What does the verdict of a citation mean?"),
    Picture("answer-zh", "zh-CN", "dark", "引用的判定是什么意思？"),
)


async def take(browser: Any, address: str, picture: Picture) -> None:
    context = await browser.new_context(
        viewport={"width": 1180, "height": 840}, locale=picture.locale, color_scheme=picture.scheme
    )
    page = await context.new_page()
    await page.goto(address)
    await page.fill("#question", picture.question)
    await page.keyboard.press("Enter")
    await page.wait_for_selector(".thumb")
    await page.locator(".answer button.mark").first.hover()
    await page.wait_for_selector("#evidence:not([hidden])")
    session = await context.new_cdp_session(page)
    taken = await session.send("Page.captureScreenshot", {"format": "webp", "quality": 82})
    path = IMAGES / f"{picture.name}.webp"
    path.write_bytes(base64.b64decode(taken["data"]))
    print(f"{path}: {path.stat().st_size:,} bytes")
    thread = page.url.rpartition("/")[2]
    await page.request.delete(f"{address.rstrip('/')}/threads/{thread}")
    await context.close()


async def main(address: str = "http://127.0.0.1:8000/") -> None:
    IMAGES.mkdir(parents=True, exist_ok=True)
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=shutil.which("chromium"), args=FLAGS)
        for picture in PICTURES:
            await take(browser, address, picture)
        await browser.close()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:2]))
