"""What pages, models and people write is text: nothing of it runs, nothing breaks the layout."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from tests.fakes import ToolCall, make_document

expect = pytest.importorskip("playwright.async_api").expect
pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]

HOSTILE = [
    "<script>window.ran = 1</script>",
    "<img src=x onerror='window.ran = 2'>",
    "<svg onload='window.ran = 3'><circle r=9></svg>",
    '"><script>window.ran = 4</script>',
    "' onmouseover='window.ran = 5' x='",
    "<iframe srcdoc='<script>parent.ran = 6</script>'></iframe>",
    "<a href='javascript:window.ran=7'>click</a>",
    "[click](javascript:window.ran=8)",
    "![image](https://evil.example/pixel.png?secret)",
    "[ref]: javascript:window.ran=9",
    "<https://evil.example/auto>",
    "<style>* { display: none }</style>",
    "<link rel=stylesheet href=https://evil.example/x.css>",
    "<meta http-equiv=refresh content='0;url=https://evil.example/'>",
    "<base href=https://evil.example/>",
    "<form action=https://evil.example/><button>go</button></form>",
    "<math><mtext><table><mglyph><style><img src=x onerror=window.ran=10>",
    "<template><script>window.ran = 11</script></template>",
    "<noscript><p title='</noscript><img src=x onerror=window.ran=12>'>",
    "<!--><script>window.ran = 13</script-->",
    "<![CDATA[<script>window.ran = 14</script>]]>",
    "{{constructor.constructor('window.ran = 15')()}}",
    "${window.ran = 16}",
    "#{window.ran = 17}",
    "<%= window.ran = 18 %>",
    "javascript:window.ran=19",
    "data:text/html,<script>window.ran = 20</script>",
    "vbscript:msgbox(1)",
    "&lt;script&gt;window.ran = 21&lt;/script&gt;",
    "\u202egnp.exe.txt \u202e\u202e turned",
    "\u2067right to left isolate \u2068 never closed",
    "\u05d0\u05d1\u05d2 \u202d forced \u202a left",
    "Z\u0351\u0352\u0353\u0354\u0355\u0356a\u0357\u0358\u0359l\u035ag\u035b\u035co " * 3,
    "w" * 400,
    "\ufdfd" * 40,
    "\u200b\u200c\u200d\ufeff invisible",
    "```\n<script>window.ran = 22</script>\n```",
    "**bold `code <b>x</b>** `<i>",
    "__proto__ constructor toString hasOwnProperty",
    "</textarea></title></style></script><script>window.ran = 23</script>",
]
assert len(set(HOSTILE)) == 40


def _documents() -> list[Any]:
    schemes = ["javascript:window.ran=30//", "data:text/html,<script>window.ran=31</script>", "https://evil.example/"]
    return [
        make_document(
            f"The port is {n}. {text}",
            n,
            schemes[n % 3] + text,
            id=f"{n}{text}"[:40],
            title=text,
            section=(text, text),
        )
        for n, text in enumerate(HOSTILE, 1)
    ]


async def _is_unharmed(page: Any) -> None:
    assert await page.evaluate("window.ran") is None
    strangers = await page.evaluate(
        'document.querySelectorAll(\'script:not([src="page/app.js"]), iframe, img, math, template, style, base, '
        "link[href*=evil], meta[http-equiv], form[action], [onerror], [onload], [onmouseover], [srcdoc]').length"
    )
    assert strangers == 0
    addresses = await page.evaluate("[...document.querySelectorAll('a')].map(a => a.protocol)")
    assert set(addresses) <= {"http:", "https:"}
    assert await page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth") <= 0


@pytest.mark.parametrize("width", [360, 1440])
async def test_titles_urls_sections_quotes_and_answers_are_text(make_visit: Any, width: int) -> None:
    """In the cards, the answer, its footnotes, the evidence, the reading view and the list of sources."""
    documents = _documents()
    visit = await make_visit(documents=documents, window={"viewport": {"width": width, "height": 800}}, top_k=40)
    page = visit.page
    await visit.open()
    said = "\n\n".join(f"{text}\n\nThe port is {n} [{n}]." for n, text in enumerate(HOSTILE, 1))
    visit.model.will_say([said])
    await visit.ask()
    await expect(visit.turn().locator(".document")).to_have_count(40)
    await _is_unharmed(page)
    for number in range(40):
        await page.evaluate("n => document.querySelectorAll('.answer button.mark')[n].click()", number)
        await expect(page.locator("#evidence")).to_be_visible()
        await _is_unharmed(page)
        await page.keyboard.press("Escape")
    await page.evaluate("location.hash = document.querySelector('.notes a[href^=\"#/documents\"]').hash")
    await expect(page.locator("#reading-title")).to_have_text(HOSTILE[0])
    await _is_unharmed(page)
    await page.evaluate("location.hash = '#/sources'")
    await expect(page.locator(".site tbody tr")).to_have_count(40)
    await _is_unharmed(page)
    await page.locator(".site tbody button", has_text="Remove").first.click()
    await expect(page.locator("#confirm")).to_be_visible()
    await _is_unharmed(page)
    await page.keyboard.press("Escape")


async def test_questions_and_names_of_conversations_are_text(visit: Any) -> None:
    """As asked, as listed, in the dialogs, and in the tool tips."""
    page = visit.page
    store = await visit.service.conversations.store()
    for number, text in enumerate(HOSTILE):
        await asyncio.to_thread(store.begin, f"t{number}", "A question", run_id=f"r{number}")
        await asyncio.to_thread(store.interrupt, f"t{number}", text, run_id=f"r{number}")
        await asyncio.to_thread(store.rename, f"t{number}", text)
    await page.reload()
    await expect(page.locator(".thread")).to_have_count(40)
    await _is_unharmed(page)
    await page.evaluate("location.hash = '#/threads/t0'")
    await expect(visit.turn().locator(".answer")).to_contain_text(HOSTILE[0])
    await page.locator(".thread").first.hover()
    await page.locator(".thread button[title=Delete]").first.click()
    await expect(page.locator("#confirm-text")).to_contain_text("</textarea></title>")
    await _is_unharmed(page)
    await page.keyboard.press("Escape")
    visit.model.will_say("No.")
    await page.get_by_role("button", name="New conversation").click()
    await expect(page.locator(".turn")).to_have_count(0)
    await visit.ask(HOSTILE[1])
    await expect(visit.turn().locator("h2")).to_have_text(HOSTILE[1])
    await _is_unharmed(page)


async def test_steps_are_text(make_visit: Any) -> None:
    """What a model searches for, tools that it makes up, and what pages answer."""
    visit = await make_visit(documents=_documents(), top_k=40, agent_steps=50, context_tokens=100_000)
    await visit.open()
    searches = [
        [
            ToolCall("search", json.dumps({"query": text}), id=f"s{n}"),
            ToolCall(text, json.dumps({"x": text}), id=f"m{n}"),
        ]
        for n, text in enumerate(HOSTILE[:20])
    ]
    visit.model.will_say(*searches, "The port is 1 [1].")
    await visit.page.get_by_label("Several searches").check()
    await visit.ask()
    await visit.page.evaluate(
        "document.querySelectorAll('.steps details, .steps').forEach(one => { one.open = true; })"
    )
    await expect(visit.turn().locator(".steps li")).to_have_count(80)
    await expect(visit.turn().locator(".steps li").first).to_contain_text(HOSTILE[0])
    await _is_unharmed(visit.page)


async def test_sources_that_fail_are_text(make_visit: Any) -> None:
    """As they fail, and in what is told at the end."""
    visit = await make_visit(real_index=True)
    await visit.open("#/sources")
    for text in ("javascript:window.ran=1", "http://127.0.0.1:1/<img src=x onerror=window.ran=2>", *HOSTILE[27:31]):
        await visit.page.fill("#address", text)
        await visit.page.get_by_role("button", name="Add").click()
        await expect(
            visit.page.locator("#view-sources .panel .log li, #view-sources [role=alert]").first
        ).to_be_visible()
        await expect(visit.page.get_by_role("button", name="Stop")).to_have_count(0)
        await _is_unharmed(visit.page)
        await visit.page.reload()


@pytest.mark.parametrize(
    "place", ["#/threads/%00", "#/documents/../x?start=NaN", "#/runs/<svg onload=1>", "#/threads/%E0%A4", "#/\u202e"]
)
async def test_addresses_are_text(make_visit: Any, place: str) -> None:
    """An address that leads nowhere ends in words."""
    visit = await make_visit()
    await visit.page.goto(visit.address + place)
    await expect(visit.page.locator(".trouble, #index-state:not(:empty)").first).to_be_attached()
    await _is_unharmed(visit.page)
