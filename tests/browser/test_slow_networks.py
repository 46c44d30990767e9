"""Where the server is slow to answer no question, press or focus is lost, and nothing old is shown for new."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from tests.fakes import make_document

expect = pytest.importorskip("playwright.async_api").expect
pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]


async def hold_back(page: Any, pattern: str) -> tuple[asyncio.Event, asyncio.Event]:
    """Holds requests of that address back; returns what tells that one was made, and what lets them go."""
    made, gate = asyncio.Event(), asyncio.Event()

    async def hold(route: Any) -> None:
        made.set()
        await gate.wait()
        await route.continue_()

    await page.route(pattern, hold)
    return made, gate


async def test_a_question_asked_while_a_conversation_is_fetched_belongs_to_it(visit: Any) -> None:
    """It is asked once the conversation is there, below its other questions."""
    visit.model.will_say("First.", "What about words?", "Second.")
    await visit.ask("What about vectors?")
    _, gate = await hold_back(visit.page, "**/threads/*")
    await visit.page.reload()
    await visit.page.fill("#question", "What about words?")
    await visit.page.keyboard.press("Enter")
    await expect(visit.page.locator("#question")).to_have_value("")
    gate.set()
    await expect(visit.page.locator(".turn h2")).to_have_text(["What about vectors?", "What about words?"])
    await visit.ended()
    assert await visit.text() == "Second."


async def test_the_page_that_was_opened_last_is_the_one_that_is_read(make_visit: Any) -> None:
    """Also when the text of an earlier one arrives after it."""
    documents = [make_document(f"It is the {name}.", n, title=name) for n, name in ((1, "first"), (2, "second"))]
    visit = await make_visit(documents=documents)
    await visit.open()
    made, gate = await hold_back(visit.page, f"**/documents/{documents[0].id}")
    await visit.page.evaluate("id => { location.hash = `#/documents/${id}` }", documents[0].id)
    await made.wait()
    await visit.page.evaluate("id => { location.hash = `#/documents/${id}` }", documents[1].id)
    await expect(visit.page.locator("#reading-title")).to_have_text("second")
    async with visit.page.expect_response(f"**/documents/{documents[0].id}") as late:
        gate.set()
    await (await late.value).finished()
    await visit.page.evaluate("new Promise(requestAnimationFrame)")
    await expect(visit.page.locator("#reading-title")).to_have_text("second")


async def test_a_name_that_is_saved_late_does_not_take_the_focus(visit: Any) -> None:
    """The reader types the next question meanwhile."""
    visit.model.will_say("Yes.")
    await visit.ask("What?")
    made, gate = await hold_back(visit.page, "**/threads/*")
    await visit.page.get_by_role("button", name="Rename: What?").press("Enter")
    await expect(visit.page.locator("#prompt")).to_be_visible()
    await visit.page.fill("#prompt-text", "My vectors")
    await visit.page.keyboard.press("Enter")
    await made.wait()
    await visit.page.locator("#question").click()
    await visit.page.keyboard.type("And ")
    gate.set()
    await expect(visit.page.locator(".thread a")).to_have_text("My vectors")
    await visit.page.keyboard.type("words?")
    await expect(visit.page.locator("#question")).to_have_value("And words?")


async def test_a_list_that_is_read_again_stays_under_the_pointer(visit: Any) -> None:
    """Rows of conversations that have not changed are the same elements as before, so that no press is lost."""
    visit.model.will_say("One.", "Two.")
    await visit.ask("One?")
    row = await visit.page.locator(".thread", has_text="One?").element_handle()
    await visit.page.get_by_role("button", name="New conversation").click()
    await visit.ask("Two?")
    await expect(visit.page.locator(".thread a")).to_have_text(["Two?", "One?"])
    assert await row.evaluate("row => row.isConnected")


async def test_a_mark_stays_the_same_while_the_answer_grows_behind_it(visit: Any) -> None:
    """One that stands behind the full stop as well: it can be pressed between two tokens."""
    gate = asyncio.Event()
    visit.model.will_say(
        ["Chroma keeps the vectors of every chunk. [1] ", "Tantivy ", gate, "keeps ", "the ", "words."]
    )
    await visit.ask(to_the_end=False)
    await expect(visit.turn().locator(".answer")).to_contain_text("Tantivy")
    mark = visit.turn().locator(".answer button.mark")
    await expect(mark).to_have_text("1")
    first = await mark.element_handle()
    await mark.hover()
    await expect(visit.page.locator("#evidence")).to_be_visible()
    gate.set()
    await visit.ended()
    assert await first.evaluate("mark => mark.isConnected")


WATCH_SHIFTS = """window.shifts = [];
new PerformanceObserver(list => {
    for (const entry of list.getEntries()) shifts.push(...entry.sources.map(({ node }) => node?.id || node?.className));
}).observe({ type: "layout-shift", buffered: true });"""


async def test_nothing_jumps_while_the_page_arrives(make_visit: Any) -> None:
    """Its words come late, then what is indexed, then what the model can: what stands stays where it is."""
    visit = await make_visit(window={"locale": "zh-CN", "viewport": {"width": 360, "height": 740}})
    await visit.page.add_init_script(WATCH_SHIFTS)
    (words, words_gate), (sources, sources_gate), (health, health_gate) = [
        await hold_back(visit.page, pattern) for pattern in ("**/words.js", "**/sources?*", "**/health/ready")
    ]
    opening = asyncio.create_task(visit.open())
    frames = "new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))"
    for made, gate in ((words, words_gate), (sources, sources_gate), (health, health_gate)):
        await made.wait()
        await visit.page.evaluate(frames)
        gate.set()
    await opening
    await expect(visit.page.locator("#samples")).to_be_visible()
    await expect(visit.page.locator("#mode")).to_be_visible()
    await visit.page.evaluate(frames)
    assert await visit.page.evaluate("shifts") == []
