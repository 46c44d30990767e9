"""Long answers: what is drawn stays drawn, so that the work per token does not grow with the answer."""

from __future__ import annotations

from typing import Any

import pytest

expect = pytest.importorskip("playwright.async_api").expect
pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]

COUNT_NODES = """() => {
    window.added = 0;
    const count = records => { for (const record of records) window.added += record.addedNodes.length; };
    new MutationObserver(count).observe(document.getElementById("turns"), { childList: true, subtree: true });
}"""


@pytest.mark.parametrize("between", [" ", "\n\n"])
async def test_an_answer_of_ten_thousand_tokens_is_drawn_once(visit: Any, between: str) -> None:
    """200 citations, in one paragraph or in many: nodes made are a small multiple of nodes shown."""
    claim = ["Chroma ", "keeps ", "the ", "vectors ", "of ", "every ", "chunk ", "[1].", between]
    answer = [*claim, "So ", *["on ", "and "] * 20, "on.", between] * 200
    assert len(answer) > 10_000
    await visit.page.evaluate(COUNT_NODES)
    visit.model.will_say(answer)
    await visit.ask()
    await expect(visit.turn().locator(".answer .mark.verbatim")).to_have_count(200)
    shown = await visit.turn().locator(".answer").evaluate("answer => answer.querySelectorAll('*').length")
    assert await visit.page.evaluate("window.added") < 40 * shown
    assert "".join((await visit.text()).split()) == "".join("".join(answer).replace("[1]", "").split())


async def test_code_and_lists_of_an_answer(visit: Any) -> None:
    """A fence, a list, headings and emphasis, each cut anywhere between two tokens."""
    answer = "# Steps\n\n1. First **bold** `code`\n2. Second *leaning* [1]\n\n```python\nprint('[1]')\n```\nThe end."
    visit.model.will_say(list(answer))
    await visit.ask()
    answered = visit.turn().locator(".answer")
    await expect(answered.locator("h3")).to_have_text("Steps")
    await expect(answered.locator(".item")).to_have_count(2)
    await expect(answered.locator("strong")).to_have_text("bold")
    await expect(answered.locator("p em")).to_have_text("leaning")
    await expect(answered.locator("pre")).to_have_text("print('[1]')")
    await expect(answered.locator("p").last).to_contain_text("The end.")
