"""Agent mode on the page: offered where the model can, its steps shown as they happen, kept apart from the answer."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from tests.fakes import ToolCall

expect = pytest.importorskip("playwright.async_api").expect
pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]

SEARCH = ToolCall("search", '{"query": "where vectors are"}')


async def test_steps_show_as_they_happen(visit: Any) -> None:
    """The search is told while the answer is still to come; what it found can be unfolded, by keyboard."""
    gate = asyncio.Event()
    visit.model.will_say([SEARCH], [gate, "Chroma keeps the vectors of every chunk [1]."])
    await visit.page.get_by_label("Several searches").check()
    await visit.ask(to_the_end=False)
    steps = visit.turn().locator(".steps")
    await expect(steps.locator("> summary")).to_have_text("Searched for “where vectors are”")
    await expect(visit.turn().locator(".searched")).to_be_hidden()
    await expect(visit.page.locator("#announce")).to_have_text("Searched for “where vectors are”")
    gate.set()
    await visit.ended()
    await expect(steps.locator("> summary")).to_have_text("1 step before the answer")
    await expect(visit.turn().locator(".claim.verbatim")).to_contain_text("Chroma keeps")
    await steps.locator("> summary").focus()
    await visit.page.keyboard.press("Enter")
    await visit.page.keyboard.press("Tab")
    await visit.page.keyboard.press("Enter")
    await expect(steps.locator("pre")).to_contain_text("[1] A page\nChroma keeps the vectors of every chunk.")
    assert "<<<" not in await steps.inner_text()


async def test_the_mode_is_kept_when_asking_again(visit: Any) -> None:
    """Also when it has been switched off meanwhile: the same question, asked the same way."""
    visit.model.will_say([SEARCH], "One [1].", [SEARCH], "Two [1].")
    await visit.page.get_by_label("Several searches").check()
    await visit.ask()
    await visit.page.get_by_label("Several searches").uncheck()
    await visit.page.get_by_role("button", name="Ask again").click()
    await expect(visit.page.locator(".turn")).to_have_count(2)
    await visit.ended()
    await expect(visit.turn().locator(".steps > summary")).to_have_text("1 step before the answer")


async def test_the_steps_are_there_when_the_conversation_is_opened_again(visit: Any) -> None:
    """By a reload, as they were told: what was searched, what came of it, and the mode to ask again in."""
    visit.model.will_say([SEARCH], "One [1].", [SEARCH], "Two [1].")
    await visit.page.get_by_label("Several searches").check()
    await visit.ask()
    await visit.page.reload()
    steps = visit.turn().locator(".steps")
    await expect(steps.locator("> summary")).to_have_text("1 step before the answer")
    await expect(visit.turn().locator(".searched")).to_be_hidden()
    await steps.locator("> summary").click()
    await expect(steps.locator("li").first).to_have_text("Searched for “where vectors are”")
    await visit.page.get_by_label("Several searches").uncheck()
    await visit.page.get_by_role("button", name="Ask again").click()
    await visit.ended()
    await expect(visit.turn().locator(".steps > summary")).to_have_text("1 step before the answer")


async def test_a_model_that_cannot_search_is_not_offered_it(visit: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """The page asks the server what it can do, also when it is opened at a conversation."""
    await expect(visit.page.locator("#mode")).to_be_visible()
    visit.model.will_say("Yes.")
    await visit.ask()
    await visit.page.reload()
    await expect(visit.page.locator("#mode")).to_be_visible()
    monkeypatch.setitem(visit.service.__dict__, "modes", ("chain",))
    async with visit.page.expect_response("**/health/ready") as learned:
        await visit.page.reload()
    await (await learned.value).finished()
    await visit.page.evaluate("new Promise(requestAnimationFrame)")
    await expect(visit.page.locator("#mode")).to_be_hidden()
