"""A refresh, a cut connection or a switch of language in mid-answer loses nothing and doubles nothing."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.browser.served import Cutter
from tests.openai_server import OpenAIServer, Reply
from tests.serving import ServedApp

expect = pytest.importorskip("playwright.async_api").expect
pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]

WORDS = [f"word{number} " for number in range(420)]


async def stored_answer(visit: Any) -> str:
    thread = await visit.page.evaluate("location.hash.split('/')[2]")
    turns = await asyncio.to_thread((await visit.service.conversations.store()).turns, thread)
    return str(turns[-1].answer)


@asynccontextmanager
async def by_way_of_a_cutter(visit: Any) -> AsyncIterator[Cutter]:
    """The page reaches the server through something that can cut its connections; it is yet to be opened."""
    cutter = Cutter(visit.address)
    async with cutter.listen() as address:
        visit.address = address
        visit.own.append(address)
        yield cutter


async def test_a_refresh_in_mid_answer_goes_on_where_it_was(visit: Any) -> None:
    """Twice, and once after the answer is done."""
    one, two = asyncio.Event(), asyncio.Event()
    visit.model.will_say([*WORDS[:50], one, *WORDS[50:100], two, *WORDS[100:]])
    await visit.ask(to_the_end=False)
    for gate, last in ((one, "word49"), (two, "word99")):
        await expect(visit.turn().locator(".answer")).to_contain_text(last)
        await visit.page.reload()
        await expect(visit.turn().locator(".answer")).to_contain_text(last)
        await expect(visit.page.locator(".turn")).to_have_count(1)
        gate.set()
    await visit.ended()
    assert await visit.text() == "".join(WORDS)
    await visit.page.reload()
    await visit.ended()
    assert await visit.text() == "".join(WORDS) == await stored_answer(visit)


async def test_twenty_cuts_at_random_lose_and_double_no_word(visit: Any) -> None:
    """Cut between any two bytes, also while it is resuming; the final text equals the server's."""
    chance = random.Random(7)
    gates = [asyncio.Event() for _ in range(21)]
    script: list[Any] = []
    for gate, place in zip(gates, range(0, 420, 20), strict=True):
        script += [gate, *WORDS[place : place + 20]]
    visit.model.will_say(script)
    async with by_way_of_a_cutter(visit) as cutter:
        await visit.open()
        await visit.ask(to_the_end=False)
        for count, gate in enumerate(gates[:20], 1):
            await cutter.stream_opened(count)
            gate.set()
            if chance.random() < 0.7:
                await expect(visit.turn().locator(".answer")).to_contain_text(
                    f"word{20 * count - 1 - chance.randrange(19)} "
                )
            cutter.cut()
        await cutter.stream_opened(21)
        gates[20].set()
        await visit.ended()
        await expect(visit.turn().locator(".lost")).to_be_hidden()
        assert await visit.text() == "".join(WORDS) == await stored_answer(visit)


async def test_a_lost_connection_is_said(visit: Any) -> None:
    """And what was read stays; when the way is open again the answer is completed."""
    gate = asyncio.Event()
    visit.model.will_say(["Slowly ", gate, "done."])
    async with by_way_of_a_cutter(visit) as cutter:
        await visit.open()
        await visit.ask(to_the_end=False)
        await expect(visit.turn().locator(".answer")).to_contain_text("Slowly")
        await visit.page.context.set_offline(True)
        cutter.cut()
        await expect(visit.turn().locator(".lost")).to_be_visible()
        await visit.page.context.set_offline(False)
        await expect(visit.turn().locator(".lost")).to_be_hidden()
        gate.set()
        await visit.ended()
        assert (await visit.text()).startswith("Slowly done.")


async def test_a_connection_that_died_in_silence_is_given_up(visit: Any) -> None:
    """As after a sleep: nothing comes and nothing says so. The answer is read on over another connection."""
    gate = asyncio.Event()
    visit.model.will_say(["Slowly ", gate, "done."])
    async with by_way_of_a_cutter(visit) as cutter:
        await visit.page.clock.install()
        await visit.open()
        await visit.ask(to_the_end=False)
        await expect(visit.turn().locator(".answer")).to_contain_text("Slowly")
        cutter.hush()
        gate.set()
        await visit.page.clock.fast_forward(60_000)
        await visit.ended()
        assert cutter.streams > 1
        assert (await visit.text()).startswith("Slowly done.")


async def test_a_frozen_window_reads_on_when_it_wakes(visit: Any) -> None:
    """Frozen by the browser in mid-answer, its connection cut meanwhile."""
    gate = asyncio.Event()
    visit.model.will_say([*WORDS[:20], gate, *WORDS[20:]])
    async with by_way_of_a_cutter(visit) as cutter:
        await visit.open()
        await visit.ask(to_the_end=False)
        await expect(visit.turn().locator(".answer")).to_contain_text("word19")
        session = await visit.page.context.new_cdp_session(visit.page)
        await session.send("Page.setWebLifecycleState", {"state": "frozen"})
        cutter.cut()
        gate.set()
        await session.send("Page.setWebLifecycleState", {"state": "active"})
        await visit.ended()
        assert await visit.text() == "".join(WORDS) == await stored_answer(visit)


async def test_a_server_killed_in_mid_answer(browser: Any, tmp_path: Path) -> None:
    """kill -9 and a restart: what was said stays, the page says that it is not all, and asking again works."""
    half = Reply(["Chroma keeps ", asyncio.Event()])
    async with OpenAIServer(half) as model, ServedApp(tmp_path, OPENAI_BASE_URL=model.url) as app:
        cutter = Cutter(app.url)
        async with cutter.listen() as address:
            context = await browser.new_context(locale="en-GB")
            page = await context.new_page()
            await page.goto(address)
            await page.fill("#question", "What keeps the vectors?")
            await page.keyboard.press("Enter")
            answer = page.locator(".turn .answer")
            await expect(answer).to_contain_text("Chroma keeps")
            await app.kill()
            await expect(page.locator(".lost")).to_be_visible()
            await app.start()
            cutter.lead_to(app.url)
            trouble = page.locator(".turn .trouble")
            await expect(trouble).to_contain_text("The server stopped before the answer was complete.")
            await expect(answer).to_have_text("Chroma keeps ")
            await page.reload()
            await expect(trouble).to_contain_text("The server stopped before the answer was complete.")
            await expect(answer).to_have_text("Chroma keeps ")
            await page.get_by_role("button", name="Ask again").click()
            await expect(page.locator(".turn").last.locator(".mark").first).to_have_text("1")
            await context.close()


async def test_the_language_can_be_switched_in_mid_answer(visit: Any) -> None:
    """Words of the page change, the answer goes on, and the choice is kept."""
    gate = asyncio.Event()
    visit.model.will_say(["Slowly ", gate, "done."])
    await visit.ask(to_the_end=False)
    await expect(visit.turn().locator(".answer")).to_contain_text("Slowly")
    await visit.page.get_by_role("button", name="中文").click()
    await expect(visit.page.locator("#send")).to_have_text("提问")
    await expect(visit.page.locator("html")).to_have_attribute("lang", "zh-CN")
    await expect(visit.turn().get_by_role("button", name="停止")).to_be_visible()
    gate.set()
    await expect(visit.turn().get_by_role("button", name="重新提问")).to_be_visible()
    assert (await visit.text()).startswith("Slowly done.")
    await visit.page.reload()
    await expect(visit.page.locator("#new-thread")).to_have_text("新对话")
