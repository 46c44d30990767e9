"""Opens links to quotes in headless Chromium and looks whether the quote is what the page highlights.

    python bench/links.py [SITE_FOLDER...] [--each N] [--seed N] [--show] [--json]

SITE_FOLDERs hold HTML files; without any, the page sets lilianweng, nltk and blog_zh under ../shared/pages are used
where they are, and else the project's own site. Each is served on loopback, its pages read as `ingest` reads them, and
quotes drawn from them as citations quote: sentences, two in a row of one block, and parts of a sentence. A quote counts
when the text that Chromium paints as the target, read back from the painted place, is the quote, white space and
punctuation aside. External addresses are not resolved. Needs /usr/bin/chromium (or --browser).
Exit 1 when fewer than .99 (English) or .95 (Chinese) of the quotes are highlighted.
"""

from __future__ import annotations

import argparse
import asyncio
import base64
import functools
import http.server
import json
import os
import random
import re
import sys
import tempfile
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote as percent_encoded

import websockets

from ingest.reading.read import read_page
from rag.citations.links import text_fragment_link
from rag.errors import SourceUnreadable
from rag.text.sentences import split_sentences
from rag.vocabulary import Page

ROOT = Path(__file__).resolve().parents[1]
PAGES = ROOT.parent / "shared" / "pages"
SETS = {"lilianweng": "en", "nltk": "en", "blog_zh": "zh"}
BARS = {"en": 0.99, "zh": 0.95}
FLAGS = (
    "--headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking "
    "--disable-component-update --disable-sync --hide-scrollbars --remote-debugging-port=0"
).split()
WIDTH, HEIGHT = 1200, 2600
# Long lines of code are wrapped: what a box cuts off at its edge is highlighted as well, but cannot be read back.
PAINT = "const s=new CSSStyleSheet();s.replaceSync('::target-text{background-color:#f0f;color:#f0f}" \
    "pre,pre *{white-space:pre-wrap!important;overflow-wrap:anywhere!important}');" \
    "document.adoptedStyleSheets=[...document.adoptedStyleSheets,s];"  # fmt: skip
FIND_PAINT = """async (data) => {
  const bytes = Uint8Array.from(atob(data), (character) => character.charCodeAt(0));
  const image = await createImageBitmap(new Blob([bytes], {type: 'image/png'}));
  const canvas = new OffscreenCanvas(image.width, image.height), context = canvas.getContext('2d');
  context.drawImage(image, 0, 0);
  const pixels = context.getImageData(0, 0, image.width, image.height).data, rows = [];
  for (let y = 0; y < image.height; y++) {
    let left = -1, right = -1;
    for (let x = 0; x < image.width; x++) {
      const at = 4 * (y * image.width + x);
      if (pixels[at] > 245 && pixels[at + 1] < 10 && pixels[at + 2] > 245) { if (left < 0) left = x; right = x; }
    }
    if (left >= 0) rows.push([y, left, right]);
  }
  return rows;
}"""
READ_BACK = """([first, last]) => {
  const place = ([x, y]) => { const found = document.caretPositionFromPoint(x, y);
    return found && [found.offsetNode, found.offset]; };
  const start = place(first), end = place(last);
  if (!start || !end) return '';
  const range = document.createRange();
  range.setStart(...start); range.setEnd(...end);
  const selection = getSelection(); selection.removeAllRanges(); selection.addRange(range);
  return selection.toString();
}"""


@dataclass(frozen=True)
class Quote:
    page: Page
    start: int
    end: int
    anchor: str | None

    @property
    def text(self) -> str:
        return self.page.text[self.start : self.end]

    @property
    def link(self) -> str:
        return text_fragment_link(
            self.page.url, self.anchor, self.page.blocks, self.start, self.end, title=self.page.title
        )


class Browser:
    """As much of the DevTools protocol as this needs, over one tab and one page to look at pictures with."""

    def __init__(self, socket: websockets.ClientConnection) -> None:
        self._socket = socket
        self._number = 0
        self._answers: dict[int, asyncio.Future[Any]] = {}
        self._loaded: dict[str, asyncio.Event] = {}
        self._listening = asyncio.create_task(self._listen())

    async def _listen(self) -> None:
        async for message in self._socket:
            event = json.loads(message)
            if "id" in event:
                future = self._answers.pop(event["id"])
                if not future.done():
                    future.set_result(event.get("result", event))
            elif event["method"] == "Page.loadEventFired":
                self._loaded[event["sessionId"]].set()

    async def send(self, method: str, session: str | None = None, **params: Any) -> Any:
        self._number += 1
        self._answers[self._number] = future = asyncio.get_running_loop().create_future()
        message = {"id": self._number, "method": method, "params": params}
        await self._socket.send(json.dumps(message | ({"sessionId": session} if session else {})))
        return await asyncio.wait_for(future, 30)

    async def tab(self) -> str:
        target = await self.send("Target.createTarget", url="about:blank")
        session: str = (await self.send("Target.attachToTarget", targetId=target["targetId"], flatten=True))[
            "sessionId"
        ]
        self._loaded[session] = asyncio.Event()
        await self.send("Page.enable", session)
        size = {"width": WIDTH, "height": HEIGHT, "deviceScaleFactor": 1, "mobile": False}
        await self.send("Emulation.setDeviceMetricsOverride", session, **size)
        return session

    async def open(self, session: str, url: str) -> None:
        self._loaded[session].clear()
        await self.send("Page.navigate", session, url=url)
        try:
            await asyncio.wait_for(self._loaded[session].wait(), 10)
        except TimeoutError:
            pass

    async def call(self, session: str, function: str, argument: Any) -> Any:
        expression = f"({function})({json.dumps(argument)})"
        answer = await self.send(
            "Runtime.evaluate", session, expression=expression, awaitPromise=True, returnByValue=True
        )
        return answer["result"].get("value")

    async def highlighted(self, tab: str, looker: str, url: str) -> str:
        """The text painted as the target of `url`; empty when nothing is."""
        await self.open(tab, "about:blank")
        await self.open(tab, url)
        rows: list[list[int]] = []
        for _ in range(8):
            picture = (await self.send("Page.captureScreenshot", tab))["data"]
            assert base64.b64decode(picture[:32])
            rows = await self.call(looker, FIND_PAINT, picture) or []
            if rows:
                break
            await asyncio.sleep(0.15)
        if not rows:
            return ""
        return await self.call(tab, READ_BACK, ends_of(rows)) or ""


def ends_of(rows: list[list[int]]) -> list[list[float]]:
    """The points just inside the first and the last painted line of text."""

    def line(rows: list[list[int]]) -> list[list[int]]:
        kept = [rows[0]]
        for row in rows[1:]:
            if abs(row[0] - kept[-1][0]) > 1 or len(kept) > 12:
                break
            kept.append(row)
        return kept

    top, bottom = line(rows), line(rows[::-1])
    left = min(row[1] for row in top)
    right = max(row[2] for row in bottom)
    return [[left + 1, top[len(top) // 2][0]], [right, bottom[len(bottom) // 2][0]]]


@asynccontextmanager
async def browser(path: str) -> AsyncIterator[Browser]:
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        # The command is the browser named on the command line.
        process = await asyncio.create_subprocess_exec(
            path, *FLAGS, f"--user-data-dir={profile}", "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
            "about:blank", stderr=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.DEVNULL,
        )  # fmt: skip
        assert process.stderr is not None
        try:
            address = ""
            while not address:
                line = (await process.stderr.readline()).decode()
                address = line.partition("DevTools listening on ")[2].strip()
            drain = asyncio.create_task(process.stderr.read())
            async with websockets.connect(address, max_size=None) as socket:
                yield Browser(socket)
            drain.cancel()
        finally:
            process.terminate()
            await process.wait()


def serve(folder: Path) -> http.server.ThreadingHTTPServer:
    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *arguments: object) -> None:
            pass

        def guess_type(self, path: str | os.PathLike[str]) -> str:
            kind = super().guess_type(path)
            return f"{kind}; charset=utf-8" if kind.startswith("text/") else kind

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=str(folder)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server


def read_pages(folder: Path, base: str, rng: random.Random, most: int) -> list[Page]:
    files = sorted(path for path in folder.rglob("*.html"))
    pages = []
    for path in rng.sample(files, min(most, len(files))):
        url = base + percent_encoded(str(path.relative_to(folder)))
        try:
            pages.append(read_page(path.read_bytes(), url, fetched_at=datetime(2026, 1, 1, tzinfo=UTC)).page)
        except SourceUnreadable:
            continue
    return [page for page in pages if len(page.text) > 200]


def draw_quotes(pages: list[Page], count: int, rng: random.Random) -> list[Quote]:
    """Sentences (7 in 10), two in a row, and parts of one that begin and end at white space or punctuation."""
    quotes: list[Quote] = []
    while len(quotes) < count:
        page = rng.choice(pages)
        spans = [span for span in split_sentences(page.text) if span.end - span.start >= 12]
        if not spans:
            continue
        place = rng.randrange(len(spans))
        start, end = spans[place]
        kind = rng.random()
        following = spans[place + 1] if place + 1 < len(spans) else None
        if kind > 0.85 and following and following.start - end < 4 and "\n" not in page.text[end : following.start]:
            end = following.end
        elif kind > 0.7:
            cuts = [match.start() for match in re.finditer(r"[\s，、：；,;:]", page.text[start:end])]
            if len(cuts) > 6:
                start, end = start + cuts[1] + 1, start + cuts[-2]
        if end - start >= 12 and re.search(r"\w{2}", page.text[start:end]):
            quotes.append(Quote(page, start, end, anchor_before(page, start)))
    return quotes


def anchor_before(page: Page, place: int) -> str | None:
    """The anchor of the block at `place`."""
    offset, anchor = 0, None
    for block in page.blocks:
        if offset > place:
            break
        anchor = block.anchor or anchor
        offset += len(block.text) + 2
    return anchor


def same(quote: str, highlighted: str) -> bool:
    return bare(quote) == bare(highlighted)


def bare(text: str) -> str:
    return re.sub(r"\W+", "", text).lower()


async def measure(folders: list[Path], options: argparse.Namespace) -> dict[str, Any]:
    rng = random.Random(options.seed)
    results: dict[str, Any] = {}
    async with browser(options.browser) as chromium:
        looker = await chromium.tab()
        tab = await chromium.tab()  # the newest tab is the one in front, and only that is painted
        await chromium.send("Page.addScriptToEvaluateOnNewDocument", tab, source=PAINT)
        for folder in folders:
            server = serve(folder)
            pages = read_pages(folder, f"http://127.0.0.1:{server.server_port}/", rng, options.pages)
            quotes = draw_quotes(pages, options.each, rng)
            good = 0
            for quote in quotes:
                shown = await chromium.highlighted(tab, looker, quote.link)
                good += same(quote.text, shown)
                if options.show and not same(quote.text, shown):
                    print(f"{quote.link}\n  quote: {quote.text!r}\n  shown: {shown!r}", file=sys.stderr)
            name = folder.parent.name if folder.name == "site" else folder.name
            results[name] = {
                "language": SETS.get(name, "en"),
                "quotes": len(quotes),
                "highlighted": round(good / len(quotes), 4),
            }
            server.shutdown()
    return results


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folders", nargs="*", type=Path)
    parser.add_argument("--each", type=int, default=300, help="quotes of each site (300)")
    parser.add_argument("--pages", type=int, default=80, help="pages of each site to draw them from (80)")
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--browser", default="/usr/bin/chromium")
    parser.add_argument("--show", action="store_true", help="print the quotes that are not highlighted")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    folders = options.folders or [PAGES / name / "site" for name in SETS if (PAGES / name / "site").is_dir()]
    results = asyncio.run(measure(folders or [ROOT / "data" / "site"], options))
    print(
        json.dumps(results, indent=1)
        if options.json
        else "\n".join(f"{name:14} {row}" for name, row in results.items())
    )
    return 0 if all(row["highlighted"] >= BARS[row["language"]] for row in results.values()) else 1


if __name__ == "__main__":
    sys.exit(main())
