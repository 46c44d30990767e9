"""From a question to an answer, and what can be done with it."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

expect = pytest.importorskip("playwright.async_api").expect
pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]

ANSWER = "Chroma keeps the vectors of every chunk [1]. Tantivy keeps the words of every chunk [2]."


async def test_documents_then_the_question_then_the_answer_grows(visit: Any) -> None:
    """Each is on the screen while the next is still to come; marks come with their claims."""
    first, second = asyncio.Event(), asyncio.Event()
    visit.model.will_say(
        [
            first,
            "Chroma keeps the vectors of every chunk [1]. ",
            "Tantivy keeps ",
            "the words. ",
            "It ",
            second,
            "is fast.",
        ]
    )
    await visit.ask(to_the_end=False)
    turn = visit.turn()
    await expect(turn.locator("h2")).to_have_text("What keeps the vectors?")
    await expect(turn.locator(".document")).to_have_count(2)
    await expect(turn.locator(".searched")).to_contain_text("Searched as you asked.")
    assert await visit.text() == ""
    first.set()
    await expect(turn.locator(".answer .mark.verbatim")).to_have_text("1")
    await expect(turn.locator(".answer")).to_contain_text("Tantivy")
    await expect(turn.locator(".actions button")).to_have_text(["Stop"])
    second.set()
    await visit.ended()
    assert await visit.text() == "Chroma keeps the vectors of every chunk . Tantivy keeps the words. It is fast."
    await expect(turn.locator(".claim.unsupported .mark").first).to_have_text("?")
    await expect(turn.locator(".notes li")).to_have_count(1)


async def test_stop_ends_the_model_and_keeps_what_was_said(visit: Any) -> None:
    visit.model.will_say(["Chroma keeps ", asyncio.Event()])
    await visit.ask(to_the_end=False)
    await expect(visit.turn().locator(".answer")).to_contain_text("Chroma keeps")
    await visit.page.get_by_role("button", name="Stop").click()
    await visit.ended()
    assert visit.model.abandoned == 1
    await expect(visit.turn().locator(".trouble")).to_have_text("Stopped.")
    await visit.page.reload()
    await visit.ended()
    await expect(visit.turn().locator(".answer")).to_contain_text("Chroma keeps")


async def test_ask_again_adds_a_turn(visit: Any) -> None:
    visit.model.will_say("First.", "What keeps the vectors?", "Second.")
    await visit.ask()
    await visit.page.get_by_role("button", name="Ask again").click()
    await expect(visit.page.locator(".turn")).to_have_count(2)
    await visit.ended()
    assert "Second." in await visit.text()


async def test_the_question_as_searched_can_be_changed(visit: Any) -> None:
    """The question stays; what is searched is what was typed."""
    visit.model.will_say("First.", "Second.")
    await visit.ask()
    await visit.page.get_by_role("button", name="Change what is searched").click()
    await visit.page.keyboard.type("vectors of chunks")
    await visit.page.keyboard.press("Enter")
    await expect(visit.page.locator(".turn")).to_have_count(2)
    await visit.ended()
    await expect(visit.turn().locator("h2")).to_have_text("What keeps the vectors?")
    await expect(visit.turn().locator(".searched em")).to_have_text("vectors of chunks")


async def test_every_way_of_writing_a_marker_becomes_a_footnote(visit: Any) -> None:
    """However the model was taught to write them."""
    vectors, words = "Chroma keeps the vectors of every chunk", "Tantivy keeps the words of every chunk"
    visit.model.will_say(f"{vectors} [1†source]. {words}【2:0†source】. {vectors} [^1]. {words} here [1, 2].")
    await visit.ask()
    await expect(visit.page.locator(".turn .answer button.mark")).to_have_text(["1", "2", "1", "1", "2"])


async def test_copying_takes_the_footnotes_along(make_visit: Any) -> None:
    """Markdown with a footnote for each document, and its quote."""
    visit = await make_visit(window={"permissions": ["clipboard-read", "clipboard-write"]})
    await visit.open()
    visit.model.will_say(ANSWER)
    await visit.ask()
    await visit.page.get_by_role("button", name="Copy with footnotes").click()
    await expect(visit.page.locator("#announce")).to_have_text("Copied")
    copied = await visit.page.evaluate("navigator.clipboard.readText()")
    assert copied.startswith("Chroma keeps the vectors of every chunk [^1]. Tantivy")
    assert "[^2]: A page: “Tantivy keeps the words of every chunk.” (Word for word)" in copied


async def test_a_link_leads_back_to_the_answer(make_visit: Any) -> None:
    """In another window, to the same turn."""
    visit = await make_visit(window={"permissions": ["clipboard-read", "clipboard-write"]})
    await visit.open()
    visit.model.will_say(ANSWER)
    await visit.ask()
    await visit.page.get_by_role("button", name="Link to this answer").click()
    await expect(visit.page.locator("#announce")).to_have_text("Link copied")
    link = await visit.page.evaluate("navigator.clipboard.readText()")
    other = await visit.page.context.new_page()
    await other.goto(link)
    await expect(other.locator(".turn .answer .mark")).to_have_text(["1", "2"])
    await expect(other.locator(".turn h2")).to_be_focused()


async def test_thumbs_are_stored_with_the_run(visit: Any) -> None:
    """And shown again when the answer comes back."""
    visit.model.will_say(ANSWER)
    await visit.ask()
    await visit.page.get_by_role("button", name="Poor answer").click()
    await expect(visit.page.locator("#announce")).to_have_text("Thank you, noted.")
    await visit.page.reload()
    pressed = visit.page.get_by_role("button", name="Poor answer")
    await expect(pressed).to_have_attribute("aria-pressed", "true")
    await expect(visit.page.get_by_role("button", name="Good answer")).to_have_attribute("aria-pressed", "false")


async def test_nothing_found_leads_to_the_sources(make_visit: Any) -> None:
    """An index without pages invites the first one, before and after asking."""
    visit = await make_visit(documents=[])
    await visit.open()
    await expect(visit.page.locator("#index-state")).to_contain_text("No page is indexed yet.")
    visit.model.will_say("I do not know.")
    await visit.ask()
    await expect(visit.turn().locator(".trouble a")).to_have_attribute("href", "#/sources")
