"""What goes wrong is told in the language of the page, with what to do; the server's own words stand below."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from rag.errors import IndexUnavailable, ModelRejectedKey

expect = pytest.importorskip("playwright.async_api").expect
pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]


async def test_too_many_questions_says_when_to_come_again(make_visit: Any) -> None:
    """The button counts the seconds that the server has asked for; then it asks the same question."""
    visit = await make_visit(max_streams=1, window={"locale": "zh-CN"})
    await visit.page.clock.install()
    await visit.open()
    gate = asyncio.Event()
    visit.model.will_say([gate, "First."], "Second.")
    run = await visit.service.start("First?")
    await visit.model.waiting.wait()
    await visit.page.clock.pause_at(await visit.page.evaluate("Date.now() / 1000 + 1"))
    await visit.page.fill("#question", "Second?")
    await visit.page.keyboard.press("Enter")
    await expect(visit.turn().locator(".trouble")).to_contain_text("同时提问的人太多")
    again = visit.turn().locator("[data-retry]")
    await expect(again).to_contain_text("秒后可重新提问")
    await expect(again).to_have_attribute("aria-disabled", "true")
    gate.set()
    await run.ended.wait()
    await visit.page.clock.run_for(60_000)
    await expect(again).to_have_text("重新提问")
    await visit.page.clock.resume()
    await again.click()
    await expect(visit.turn().locator(".answer")).to_contain_text("Second.")


async def test_the_servers_own_words_stand_below(make_visit: Any) -> None:
    """In a Chinese page they are marked as English."""
    visit = await make_visit(window={"locale": "zh-CN"})
    await visit.open()
    visit.model.will_say(ModelRejectedKey("The key of 'scripted' was refused.", "Set OPENAI_API_KEY."))
    await visit.page.fill("#question", "What?")
    await visit.page.keyboard.press("Enter")
    trouble = visit.turn().locator(".trouble")
    await expect(trouble.locator("p").first).to_contain_text("请告知服务器管理员")
    await expect(trouble.locator(".detail")).to_contain_text("服务器的说明：")
    await expect(trouble.locator(".detail span")).to_have_attribute("lang", "en")


async def test_a_conversation_that_was_deleted_elsewhere(visit: Any) -> None:
    """Renaming it and opening it end in words, and the list forgets it."""
    for title in ("One?", "Two?"):
        visit.model.will_say("Yes.")
        await visit.page.get_by_role("button", name="New conversation").click()
        await expect(visit.page.locator(".turn")).to_have_count(0)
        await visit.ask(title)
    await expect(visit.page.locator(".thread")).to_have_count(2)
    await visit.page.get_by_role("button", name="Rename: One?").press("Enter")
    await expect(visit.page.locator("#prompt")).to_be_visible()
    store = await visit.service.conversations.store()
    for thread in await asyncio.to_thread(lambda: store.threads(owner="")):
        await asyncio.to_thread(lambda found=thread.id: store.delete(found, owner=""))
    await visit.page.keyboard.type("Three?")
    await visit.page.keyboard.press("Enter")
    await expect(visit.page.locator(".trouble.passing")).to_contain_text("This conversation has been deleted.")
    await expect(visit.page.locator(".thread")).to_have_count(0)
    await visit.page.reload()
    await expect(visit.page.locator(".trouble.passing")).to_contain_text("This conversation has been deleted.")


async def test_an_answer_that_is_not_kept_any_longer(visit: Any) -> None:
    await visit.page.evaluate("location.hash = '#/runs/0123456789abcdef'")
    await expect(visit.page.locator(".trouble.passing")).to_contain_text("This answer is not kept any longer.")


async def test_a_server_that_is_not_ready(visit: Any) -> None:
    """It says so before anything is asked, and offers nothing to ask; it finds out by itself that it is ready."""

    async def away(*_: Any, **__: Any) -> Any:
        raise IndexUnavailable("Chroma is away.", "Start it.")

    index = await visit.service.index()
    index.asearch = away
    await visit.page.clock.install()
    await visit.page.reload()
    await expect(visit.page.locator("#index-state")).to_contain_text("Questions cannot be answered just now.")
    await expect(visit.page.locator("#index-state")).to_contain_text("Chroma is away.")
    await expect(visit.page.locator("#samples")).to_be_hidden()
    del index.asearch
    await visit.page.clock.fast_forward(10_000)
    await expect(visit.page.locator("#index-state")).to_have_text("2 pages indexed.")
    await expect(visit.page.locator("#samples")).to_be_visible()


async def test_an_answer_from_an_empty_index_invites_the_first_page(make_visit: Any) -> None:
    visit = await make_visit(documents=[])
    await visit.open()
    await visit.ask()
    await expect(visit.turn().locator(".trouble a")).to_have_text("Add the first one")


async def test_questions_to_begin_with_are_asked_with_one_press(make_visit: Any) -> None:
    """They are about pages that are there, and the first answer says what its numbers are for, once."""
    visit = await make_visit()
    await visit.open()
    visit.model.will_say("Chroma keeps the vectors of every chunk [1].", "Yes [1].")
    await visit.page.get_by_role("button", name="What is “A page” about?").click()
    await visit.ended()
    hint = visit.turn().locator(".hint")
    await expect(hint).to_contain_text("Point at a number or tap it")
    await visit.turn().locator(".answer .mark").first.click()
    await expect(visit.page.locator("#evidence")).to_be_visible()
    await visit.page.reload()
    await visit.ended()
    await expect(hint).to_be_hidden()
