"""Conversations at the side: new, rename, delete, come back to."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

expect = pytest.importorskip("playwright.async_api").expect
pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]


async def test_conversations_can_be_left_and_come_back_to(visit: Any) -> None:
    """Each keeps its answers, its place in the list says which one is open."""
    visit.model.will_say("Chroma keeps the vectors of every chunk [1].", "Tantivy keeps the words of every chunk [2].")
    await visit.ask("What about vectors?")
    await visit.page.get_by_role("button", name="New conversation").click()
    await expect(visit.page.locator("#welcome")).to_be_visible()
    await expect(visit.page.locator("#question")).to_be_focused()
    await visit.ask("What about words?")
    rows = visit.page.locator(".thread a")
    await expect(rows).to_have_text(["What about words?", "What about vectors?"])
    await expect(rows.first).to_have_attribute("aria-current", "true")
    await rows.last.click()
    await expect(visit.page.locator(".turn")).to_have_count(1)
    await expect(visit.turn().locator(".claim.verbatim")).to_contain_text("Chroma keeps")
    await visit.page.go_back()
    await expect(visit.turn().locator(".claim.verbatim")).to_contain_text("Tantivy keeps")


async def test_leaving_a_running_answer_and_coming_back_loses_nothing(visit: Any) -> None:
    """The run goes on meanwhile; another question can be asked elsewhere."""
    gate = asyncio.Event()
    visit.model.will_say(["Slowly ", gate, "done."], "Quick.")
    await visit.ask("Slow?", to_the_end=False)
    await expect(visit.turn().locator(".answer")).to_contain_text("Slowly")
    await visit.page.get_by_role("button", name="New conversation").click()
    await expect(visit.page.locator(".turn")).to_have_count(0)
    await visit.ask("Quick?")
    assert "Quick." in await visit.text()
    await visit.page.locator(".thread a", has_text="Slow?").click()
    await expect(visit.turn().locator(".answer")).to_contain_text("Slowly")
    await expect(visit.turn().get_by_role("button", name="Stop")).to_be_visible()
    gate.set()
    await visit.ended()
    assert (await visit.text()).startswith("Slowly done.")


async def test_renaming_by_keyboard(visit: Any) -> None:
    """Enter says yes, Escape no; the focus returns to the conversation."""
    visit.model.will_say("Yes.")
    await visit.ask("What?")
    await visit.page.get_by_role("button", name="Rename: What?").focus()
    await visit.page.keyboard.press("Enter")
    await expect(visit.page.locator("#prompt-text")).to_have_value("What?")
    await visit.page.keyboard.type("My vectors")
    await visit.page.keyboard.press("Enter")
    await expect(visit.page.locator(".thread a")).to_have_text("My vectors")
    await expect(visit.page.locator(".thread a")).to_be_focused()
    await visit.page.get_by_role("button", name="Rename: My vectors").press("Enter")
    await visit.page.keyboard.type("Never")
    await visit.page.keyboard.press("Escape")
    await visit.page.reload()
    await expect(visit.page.locator(".thread a")).to_have_text("My vectors")


async def test_deleting_asks_first(visit: Any) -> None:
    """Cancel keeps it; yes forgets it and leads to a new conversation."""
    visit.model.will_say("Yes.")
    await visit.ask("What?")
    delete = visit.page.get_by_role("button", name="Delete: What?")
    await visit.page.locator(".thread").hover()
    await delete.click()
    await visit.page.locator("#confirm").get_by_role("button", name="Cancel").click()
    await expect(visit.page.locator(".thread")).to_have_count(1)
    await visit.page.locator(".thread").hover()
    await delete.click()
    await expect(visit.page.locator("#confirm")).to_contain_text("“What?”")
    await visit.page.locator("#confirm-yes").click()
    await expect(visit.page.locator(".thread")).to_have_count(0)
    await expect(visit.page.locator("#welcome")).to_be_visible()
    await expect(visit.page.locator("#no-threads")).to_be_visible()
