"""The web page under load, in headless Chromium: frames while a long answer streams, and documents on the screen.

`python bench/page.py` needs Chromium and the development dependencies. The answer has 10,000 tokens and 200 citations;
it comes as fast as the server makes it (the hardest case), and at 200 tokens a second.
"""

from __future__ import annotations

import asyncio
import shutil
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from playwright.async_api import async_playwright

sys.path.insert(0, str(Path(__file__).parent.parent))

from rag.events import DocumentsFound
from tests.browser.served import Model, Pages, serve
from tests.fakes import make_documents
from tests.service_fakes import make_service

FLAGS = ["--no-sandbox", "--disable-background-networking", "--disable-component-update", "--disable-sync"]
CLAIM = ["Chroma ", "keeps ", "the ", "vectors ", "of ", "every ", "chunk ", "[1]. "]
ANSWER = [*CLAIM, "So ", *["on ", "and "] * 20, "on. "] * 200
WATCH = """() => {
    window.gaps = []; window.long = [];
    const now = () => performance.timeOrigin + performance.now();
    const parse = JSON.parse;
    JSON.parse = text => {
        const value = parse(text);
        if (value?.documents) window.heardAt ||= now();
        return value;
    };
    let last;
    const frame = now => { if (last) gaps.push(now - last); last = now; requestAnimationFrame(frame); };
    requestAnimationFrame(frame);
    const tasks = new PerformanceObserver(list => long.push(...list.getEntries().map(entry => entry.duration)));
    tasks.observe({ entryTypes: ["longtask"] });
    const shown = () => { window.shownAt ||= now(); };
    new MutationObserver((_, observer) => {
        if (!document.querySelector(".document")) return;
        observer.disconnect();
        requestAnimationFrame(() => setTimeout(shown));
    }).observe(document.getElementById("turns"), { childList: true, subtree: true });
}"""


class Paced(Model):
    """Says its answer at so many tokens a second; as fast as it can when 0."""

    async def _astream(self, *arguments: Any, **named: Any) -> Any:
        begun = time.perf_counter()
        count = 0
        async for chunk in super()._astream(*arguments, **named):
            yield chunk
            count += 1
            rate = (self.metadata or {}).get("rate")
            if rate and (ahead := count / rate - (time.perf_counter() - begun)) > 0:
                await asyncio.sleep(ahead)


async def measure(browser: Any, rate: int, break_: str) -> dict[str, float]:
    model = Paced(metadata={"rate": rate} if rate else None)
    answer = [token.replace("on. ", f"on.{break_}") for token in ANSWER]
    model.will_say(answer)
    found_at: list[float] = []
    with tempfile.TemporaryDirectory() as folder:
        index = Pages(make_documents(*["Chroma keeps the vectors of every chunk."] * 6))
        seen = {
            "on_event": lambda _, event: found_at.append(time.time()) if isinstance(event, DocumentsFound) else None
        }
        service = make_service(Path(folder), model, index=index, seams=seen)
        async with serve(service) as address:
            page = await browser.new_page()
            await page.goto(address)
            await page.wait_for_selector("#index-state:not(:empty)")
            await page.fill("#question", "What keeps the vectors?")
            await page.evaluate(WATCH)
            begun = time.perf_counter()
            await page.keyboard.press("Enter")
            await page.wait_for_selector(".thumb", timeout=120_000)
            seconds = time.perf_counter() - begun
            gaps, long, heard, shown = await page.evaluate("[gaps, long, heardAt, shownAt]")
            await page.close()
    gaps.sort()
    return {
        "seconds": seconds,
        "frames": len(gaps),
        "p50": gaps[len(gaps) // 2],
        "p99": gaps[int(len(gaps) * 0.99)],
        "longest frame": gaps[-1],
        "longest task": max(long, default=0),
        "from heard": shown - heard,
        "from said": shown - found_at[0] * 1000,
    }


async def main() -> None:
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=shutil.which("chromium"), args=FLAGS)
        print(
            "| answer | seconds | frames | p50 ms | p99 ms | longest | longest task | drawn after heard | after said |"
        )
        print("|---|---|---|---|---|---|---|---|---|")
        for name, break_ in (("one paragraph", " "), ("200 paragraphs", "\n\n")):
            for rate in (0, 200):
                row = await measure(browser, rate, break_)
                cells = " | ".join(f"{value:.1f}" for value in row.values())
                print(f"| {name}, {f'{rate} tokens/s' if rate else 'at full speed'} | {cells} |", flush=True)
        await browser.close()


if __name__ == "__main__":
    asyncio.run(main())
