"""The pictures of the README: `make demo` in one terminal, then `python bench/screenshots.py` in another.

Asks the handbook in English and in Chinese, opens the evidence of a footnote, and writes docs/images/*.webp. Needs
Chromium, the development dependencies, and a font with Chinese characters.

`python bench/screenshots.py --states FOLDER [STATE…]` takes pictures of every state of the page instead, to be looked
at: three widths, light and dark, English and Chinese, with a scripted model. It serves by itself.
"""

from __future__ import annotations

import argparse
import asyncio
import base64
import itertools
import sys
import tempfile
from pathlib import Path
from typing import Any, NamedTuple

from playwright.async_api import async_playwright

sys.path.insert(0, str(Path(__file__).parent.parent))

from tests.browser.states import CHINESE, ENGLISH, STATES, reach, site_to_read
from tests.browser.visit import FLAGS, chromium, visits

IMAGES = Path(__file__).parent.parent / "docs" / "images"
SIZES = ((360, 740), (768, 1024), (1440, 900))


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


async def take_states(browser: Any, folder: Path, names: list[str]) -> None:
    languages = (("en-GB", ENGLISH), ("zh-CN", CHINESE))
    for name, size, (locale, words) in itertools.product(names, SIZES, languages):
        window = {"viewport": dict(zip(("width", "height"), size, strict=True)), "locale": locale}
        with tempfile.TemporaryDirectory() as data:
            async with site_to_read() as site, visits(browser, Path(data)) as make:
                visit = await reach(make, name, words, site=site, window=window)
                for scheme in ("light", "dark"):
                    await visit.page.emulate_media(color_scheme=scheme)
                    await visit.page.screenshot(path=folder / f"{name}-{size[0]}-{scheme}-{locale[:2]}.png")
        print(f"{name}, {size[0]} pixels wide, {locale}", flush=True)


async def main(options: argparse.Namespace) -> None:
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=chromium(), args=FLAGS)
        if options.states is not None:
            await take_states(browser, options.states, options.names or list(STATES))
        else:
            IMAGES.mkdir(parents=True, exist_ok=True)
            for picture in PICTURES:
                await take(browser, options.address, picture)
        await browser.close()


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--address", default="http://127.0.0.1:8000/", help="where the demo is served")
    parser.add_argument("--states", type=Path, metavar="FOLDER", help="take pictures of every state into this folder")
    parser.add_argument("names", nargs="*", metavar="STATE", help=f"with --states, only these: {', '.join(STATES)}")
    options = parser.parse_args()
    if unknown := set(options.names) - set(STATES):
        parser.error(f"there is no state {min(unknown)!r}; choose from {', '.join(STATES)}")
    return options


if __name__ == "__main__":
    asyncio.run(main(arguments()))
