"""The keyboard is enough, both languages and themes, problems in words."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from rag.errors import IndexUnavailable, ModelUnavailable

expect = pytest.importorskip("playwright.async_api").expect
pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]

ANSWER = (
    "Chroma keeps the vectors of every chunk [1]. Tantivy keeps 12 words of every chunk [2].\n\n"
    "- It costs 5 dollars.\n\n```\ncode\n```"
)
CUT_OFF = """[...document.querySelectorAll("main button, main input, header a, header button")].filter(element => {
    const box = element.getBoundingClientRect();
    return element.checkVisibility() && !element.closest(".documents") && (box.right > innerWidth || box.left < 0);
}).length"""


async def test_the_whole_path_by_keyboard_alone(visit: Any) -> None:
    """From the skip link to the question, the answer's marks, its actions, the list, the sources and back."""
    page = visit.page
    visit.model.will_say(ANSWER)
    skip = page.get_by_role("link", name="Skip to the content")
    offered = page.get_by_role("button", name="What is “A page” about?")
    await expect(offered).to_be_visible()
    await skip.focus()
    assert (await skip.bounding_box())["y"] >= 0
    await page.keyboard.press("Enter")
    await expect(page.locator("#main")).to_be_focused()
    await page.keyboard.press("Tab")
    await expect(offered).to_be_focused()
    await page.keyboard.press("Tab")
    await expect(page.locator("#question")).to_be_focused()
    await page.keyboard.type("What keeps the vectors?")
    await page.keyboard.press("Enter")
    await visit.ended()
    seen: list[str] = []
    await page.locator(".turn h2").focus()
    for _ in range(30):
        await page.keyboard.press("Tab")
        seen.append(
            await page.evaluate(
                "document.activeElement.getAttribute('aria-label') || document.activeElement.textContent.trim()"
            )
        )
        outline = await page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
        assert outline != "none", seen[-1]
        if await page.evaluate("document.activeElement.id === 'question'"):
            break
    order = [
        "Change what is searched",
        "Footnote 1, Word for word",
        "Footnote 2, Not supported",
        "Copy with footnotes",
        "Ask again",
        "Poor answer",
    ]
    assert [name for name in seen if name in order] == order
    await page.locator("#place-sources").focus()
    await page.keyboard.press("Enter")
    await expect(page.locator("#address")).to_be_visible()
    await page.locator("#place-ask").focus()
    await page.keyboard.press("Enter")
    await expect(page.locator("#question")).to_be_visible()


@pytest.mark.parametrize("width", [320, 360, 768, 1440])
async def test_nothing_is_wider_than_the_screen(make_visit: Any, width: int) -> None:
    """No view scrolls sideways, and no control is cut off."""
    visit = await make_visit(window={"viewport": {"width": width, "height": 700}})
    await visit.open()
    visit.model.will_say(ANSWER)
    await visit.ask()
    for place in ("", "#/sources"):
        if place:
            await visit.page.evaluate("place => { location.hash = place }", place)
            await expect(visit.page.locator(".site")).to_be_visible()
        assert await visit.page.evaluate("document.documentElement.scrollWidth") <= width
        assert await visit.page.evaluate(CUT_OFF) == 0


async def test_the_page_speaks_chinese_to_chinese_browsers(make_visit: Any) -> None:
    visit = await make_visit(window={"locale": "zh-CN"})
    await visit.open()
    await expect(visit.page.locator("html")).to_have_attribute("lang", "zh-CN")
    await expect(visit.page.locator("#send")).to_have_text("提问")


async def test_the_theme_is_kept(visit: Any) -> None:
    """The switch turns light to dark, over a reload."""
    paper = "getComputedStyle(document.body).backgroundColor"
    light = await visit.page.evaluate(paper)
    await visit.page.get_by_role("button", name="Light or dark").click()
    dark = await visit.page.evaluate(paper)
    assert dark != light
    await visit.page.reload()
    assert await visit.page.evaluate(paper) == dark


async def test_a_key_is_asked_for_once(make_visit: Any) -> None:
    """Wrong ones are asked for again; the right one serves all requests, is in no address, and outlives a reload."""
    visit = await make_visit(api_keys=("right",))
    await visit.page.goto(visit.address)
    dialog = visit.page.locator("#prompt")
    await expect(dialog).to_contain_text("This server wants an API key")
    await visit.page.keyboard.type("wrong \u00e9")
    await visit.page.keyboard.press("Enter")
    await expect(dialog).to_contain_text("That key was not accepted.")
    await visit.page.keyboard.type("right")
    await visit.page.keyboard.press("Enter")
    await expect(visit.page.locator("#index-state")).to_contain_text("2 pages indexed.")
    visit.model.will_say(ANSWER)
    await visit.ask()
    await visit.page.reload()
    await visit.ended()
    await expect(dialog).to_be_hidden()
    assert not [url for url in visit.requests if "right" in url]


async def test_without_a_key_it_says_so(make_visit: Any) -> None:
    visit = await make_visit(api_keys=("right",))
    await visit.page.goto(visit.address)
    await expect(visit.page.locator("#prompt")).to_be_visible()
    await visit.page.keyboard.press("Escape")
    await expect(visit.page.locator(".trouble").first).to_contain_text("This server wants a key")


async def test_a_model_that_is_away(visit: Any) -> None:
    """Told in people's words, with what to do."""
    visit.model.will_say(ModelUnavailable("It is away.", "Wait."))
    await visit.ask()
    await expect(visit.turn().locator(".trouble")).to_contain_text("The language model cannot be reached")


async def test_an_index_that_is_away(visit: Any) -> None:
    """Told apart from a model that is away."""

    async def away(*_: Any, **__: Any) -> Any:
        raise IndexUnavailable("Chroma is away.", "Start it.")

    (await visit.service.index()).adocuments = away
    await visit.ask()
    await expect(visit.turn().locator(".trouble")).to_contain_text("The index cannot be reached")


async def test_too_many_questions(make_visit: Any) -> None:
    """The place of another answer is taken: it says to wait, and asking again then works."""
    visit = await make_visit(max_streams=1)
    await visit.open()
    gate = asyncio.Event()
    visit.model.will_say([gate, "First."], "Second.")
    run = await visit.service.start("First?")
    await visit.model.waiting.wait()
    await visit.ask("Second?")
    await expect(visit.turn().locator(".trouble")).to_contain_text("Too many questions at once.")
    gate.set()
    await run.ended.wait()
    await visit.page.get_by_role("button", name="Ask again").click()
    await expect(visit.page.locator(".turn")).to_have_count(2)
    await visit.ended()
    assert "Second." in await visit.text()


async def test_a_server_that_is_gone(visit: Any) -> None:
    """The network is told of, with what to do."""
    await visit.page.context.set_offline(True)
    await visit.ask()
    await expect(visit.turn().locator(".trouble")).to_contain_text("The server cannot be reached.")
    await visit.page.context.set_offline(False)
