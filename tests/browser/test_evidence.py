"""The evidence behind a mark: by mouse, by keyboard, by tap; the link, and the stored text."""

from __future__ import annotations

from typing import Any

import pytest

from rag.stream.wire import decode
from tests.fakes import make_document, make_documents
from tests.service_fakes import TEXTS

expect = pytest.importorskip("playwright.async_api").expect
pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]

ANSWER = "Chroma keeps the vectors of every chunk [1]. Tantivy keeps 12 words of every chunk [2]."


async def answered(visit: Any, answer: str = ANSWER) -> Any:
    visit.model.will_say(answer)
    await visit.ask()
    return visit.page.locator("#evidence")


async def test_pointing_at_a_mark_shows_its_quote(visit: Any) -> None:
    """Quote, verdict in words, title and age; it stays while the pointer is on it, and goes when the pointer goes."""
    panel = await answered(visit)
    await visit.page.locator(".answer .mark").first.hover()
    await expect(panel.locator("mark")).to_have_text("Chroma keeps the vectors of every chunk.")
    await expect(panel.locator(".verdict")).to_have_text("Word for word")
    await expect(panel).to_contain_text("1. A page")
    await expect(panel).to_contain_text("ago")
    await panel.hover()
    await expect(panel.get_by_role("link", name="Open the page at these words")).to_be_visible()
    await visit.page.mouse.move(1, 1)
    await expect(panel).to_be_hidden()


async def test_the_keyboard_reaches_the_evidence_and_comes_back(visit: Any) -> None:
    """Focus shows it, Enter goes into it, Escape returns to the mark."""
    panel = await answered(visit)
    mark = visit.page.locator(".answer .mark").first
    await mark.focus()
    await expect(panel).to_be_visible()
    await visit.page.keyboard.press("Enter")
    await expect(panel.get_by_role("button", name="Close")).to_be_focused()
    await visit.page.keyboard.press("Tab")
    await expect(panel.get_by_role("link", name="Open the page at these words")).to_be_focused()
    await visit.page.keyboard.press("Escape")
    await expect(panel).to_be_hidden()
    await expect(mark).to_be_focused()


async def test_a_tap_shows_it_and_a_tap_elsewhere_closes_it(make_visit: Any) -> None:
    """On a small screen the panel does not cover the mark, and nothing is cut at the side."""
    visit = await make_visit(window={"viewport": {"width": 360, "height": 640}, "has_touch": True, "is_mobile": True})
    await visit.open()
    panel = await answered(visit)
    mark = visit.page.locator(".answer .mark").last
    await mark.tap()
    await expect(panel).to_be_visible()
    box, under = await mark.bounding_box(), await panel.bounding_box()
    assert box["y"] + box["height"] <= under["y"]
    assert under["x"] >= 0
    assert under["x"] + under["width"] <= 360
    await visit.page.locator(".turn h2").tap()
    await expect(panel).to_be_hidden()


async def test_an_unsupported_claim_looks_unsupported(visit: Any) -> None:
    """The number is not on the page: another verdict, in words, colour and line."""
    panel = await answered(visit)
    claim = visit.page.locator(".claim.unsupported")
    await expect(claim).to_contain_text("12 words")
    assert "wavy" in await claim.evaluate("e => getComputedStyle(e).textDecorationStyle")
    await claim.locator(".mark").click()
    await expect(panel.locator(".verdict")).to_have_text("Not supported")


async def test_a_mark_that_names_no_document_says_so(visit: Any) -> None:
    """So does a sentence without a mark that states a fact."""
    panel = await answered(visit, "Chroma was made in 1987 [9]. It costs 12 dollars a month.")
    await visit.page.get_by_role("button", name="Footnote 9, Not supported").click()
    await expect(panel).to_contain_text("This footnote names no document")
    await visit.page.get_by_role("button", name="No footnote for this sentence").click()
    await expect(panel).to_contain_text("names no page")
    await expect(visit.turn().locator(".notes")).to_be_hidden()


async def test_the_link_opens_the_source_at_the_words(visit: Any) -> None:
    """In a new window, without telling where from; the citation's own link."""
    panel = await answered(visit)
    await visit.page.locator(".answer .mark").first.click()
    link = panel.get_by_role("link", name="Open the page at these words")
    address = await link.get_attribute("href")
    assert address.startswith("https://example.org/1#:~:text=Chroma")
    assert await link.get_attribute("target") == "_blank"
    assert "noopener noreferrer" in await link.get_attribute("rel")


async def test_the_stored_text_is_shown_with_the_quote_marked(visit: Any) -> None:
    """And back leads to the answer."""
    panel = await answered(visit)
    await visit.page.locator(".answer .mark").first.click()
    await panel.get_by_role("link", name="Read the stored text").click()
    await expect(visit.page.locator("#view-reading mark")).to_have_text("Chroma keeps the vectors of every chunk.")
    await expect(visit.page.locator("#reading-title")).to_have_text("A page")
    await visit.page.get_by_role("link", name="Back to the answer").click()
    await expect(visit.turn().locator(".answer")).to_be_visible()


async def test_words_can_be_read_after_their_page_has_changed(visit: Any) -> None:
    """The document is not in the index any more: what the answer was given is shown, also in another window."""
    panel = await answered(visit)
    (await visit.service.index()).documents.clear()
    await visit.page.locator(".answer .mark").first.click()
    link = panel.get_by_role("link", name="Read the stored text")
    address = visit.address + await link.get_attribute("href")
    await link.click()
    await expect(visit.page.locator("#view-reading")).to_contain_text("The page has changed since.")
    await expect(visit.page.locator("#view-reading mark")).to_have_text("Chroma keeps the vectors of every chunk.")
    other = await visit.page.context.new_page()
    await other.goto(address)
    await expect(other.locator("#view-reading mark")).to_have_text("Chroma keeps the vectors of every chunk.")


async def test_an_old_answer_tells_that_its_page_is_gone(visit: Any) -> None:
    await answered(visit)
    (await visit.service.index()).documents.pop(0)
    await visit.page.reload()
    await visit.ended()
    await visit.page.locator(".answer .mark").first.click()
    await expect(visit.page.locator("#evidence")).to_contain_text("The page is gone since this answer.")


async def test_a_local_file_is_read_in_the_reading_view(make_visit: Any) -> None:
    """A browser may not open `file:` links from a page, so none is offered."""
    documents = [make_document(TEXTS[0], 1, "file:///srv/notes/vectors.html")]
    visit = await make_visit(documents=documents)
    await visit.open()
    panel = await answered(visit, "Chroma keeps the vectors of every chunk [1].")
    await expect(visit.turn().locator(".document .host")).to_contain_text("vectors.html")
    await visit.page.locator(".answer .mark").first.click()
    await expect(panel.get_by_role("link")).to_have_text(["Read the stored text"])
    await visit.turn().locator(".document a").click()
    await expect(visit.page.locator("#view-reading .text")).to_have_text(TEXTS[0])


async def test_offsets_are_right_behind_characters_outside_the_basic_plane(make_visit: Any) -> None:
    """Emoji and rare ideographs before a claim and before a quote do not shift either."""
    text = "𠀀𠀁 😀 Ich. Chroma keeps the vectors of every chunk."
    visit = await make_visit(documents=make_documents(text))
    await visit.open()
    panel = await answered(visit, "😀𠀀 Sure! 😀 Chroma keeps the vectors of every chunk [1].")
    await expect(visit.page.locator(".claim.verbatim")).to_have_text("😀 Chroma keeps the vectors of every chunk 1.")
    await visit.page.locator(".answer .mark.verbatim").click()
    await expect(panel.locator("mark")).to_have_text("Chroma keeps the vectors of every chunk.")
    events = [event async for batch in _batches(visit) for event in decode(batch.events)]
    assert events[-1].data["answer"].replace(" [1]", " ") == await visit.text()


async def _batches(visit: Any) -> Any:
    run_id = await visit.turn().evaluate("e => location.hash.split('/')[2]")
    turns = (await visit.service.conversations.store()).turns(run_id)
    for batch in await visit.service.runs.events(turns[-1].run_id):
        yield batch
