"""Every state of the page, each reached as a reader reaches it: for axe-core, and for pictures of all of them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

from rag.errors import ModelUnavailable
from rag.vocabulary import Document
from tests.fakes import ToolCall, make_document
from tests.ingest.site import Site, dripping, page, prose

Make = Callable[..., Awaitable[Any]]
Bring = Callable[[Any, "Words"], Awaitable[None]]


@dataclass(frozen=True)
class Words:
    """What is asked and said in one language."""

    documents: list[Document]
    question: str
    answer: str
    conversations: tuple[str, ...]


ENGLISH = Words(
    [
        make_document(
            "Chroma keeps the vectors of every chunk. The catalog keeps its text.\n\nA query takes about one "
            "millisecond over 10,000 chunks.",
            1,
            "https://docs.example.org/en/stable/storage/vectors.html",
            title="Where the vectors are kept",
            section=("Storage", "Vectors"),
        ),
        make_document(
            "Tantivy keeps the words of every chunk, and finds them in a third of a millisecond.",
            2,
            "https://docs.example.org/en/stable/storage/words.html",
            title="The words index, its tokens, its languages and how it is written and read at the same time",
            section=("Storage", "Words", "Tokens of English and of Chinese text"),
        ),
        make_document(
            "A backup copies the catalog; both indexes can be made again from it.",
            3,
            "https://blog.example.net/2026/01/backups",
            title="Backups",
        ),
    ],
    "Where are vectors and words kept, and how long does a search take?",
    "Chroma keeps the vectors of every chunk [1]. Tantivy keeps the words of every chunk, and finds them in a third "
    "of a millisecond [2].\n\nA query takes about 12 milliseconds over 10,000 chunks [1].\n\n- A backup copies the "
    "catalog [3].\n- It costs 5 dollars a month.",
    ("Where are the vectors kept?", "How do I back up the catalog of a large collection overnight?", "Tokens"),
)
CHINESE = Words(
    [
        make_document(
            "Chroma 保存每个段落的向量，目录保存它的原文。\n\n一万个段落的检索大约需要一毫秒。",
            1,
            "https://docs.example.org/zh/storage/vectors.html",
            title="向量保存在哪里",
            section=("存储", "向量"),
            language="zh",
        ),
        make_document(
            "词语索引 Tantivy 保存每个段落的词语，检索只需三分之一毫秒。",
            2,
            "https://docs.example.org/zh/storage/words.html",
            title="词语索引：中英文的切分方式，以及同时读写时索引如何保持一致的说明",
            section=("存储", "词语", "中文与英文文本的切分方式"),
            language="zh",
        ),
    ],
    "向量和词语分别保存在哪里，检索一次需要多长时间？",
    "Chroma 保存每个段落的向量，目录保存它的原文。[1] "
    "词语索引 Tantivy 保存每个段落的词语，检索只需三分之一毫秒。[2]\n\n"
    "一万个段落的检索大约需要 12 毫秒。[1]\n\n- 每月费用为 5 美元。",
    ("向量保存在哪里？", "怎样在夜间备份一个很大的收藏的目录和索引？", "切分"),
)


@dataclass(frozen=True)
class State:
    """How a window is brought there; `documents` False for an empty index, `settings` of the server."""

    bring: Bring
    documents: bool = True
    real_index: bool = False
    settings: dict[str, Any] = field(default_factory=dict)


async def _open(visit: Any, words: Words) -> None:
    await visit.open()


async def _streaming(visit: Any, words: Words) -> None:
    await visit.open()
    half = words.answer.rindex("\n\n")
    visit.model.will_say([*words.answer[:half], asyncio.Event(), "."])
    await visit.ask(words.question, to_the_end=False)
    await visit.model.waiting.wait()
    await visit.turn().locator(".answer .mark.verbatim").first.wait_for()


async def _done(visit: Any, words: Words) -> None:
    await visit.open()
    visit.model.will_say(words.answer)
    await visit.page.fill("#question", words.question)
    await visit.page.keyboard.press("Enter")
    await visit.turn().locator(".thumb").first.wait_for()


async def _evidence(visit: Any, words: Words) -> None:
    await _done(visit, words)
    await visit.turn().locator(".answer .mark.verbatim").first.click()
    await visit.page.locator("#evidence").wait_for()


async def _unsupported(visit: Any, words: Words) -> None:
    await _done(visit, words)
    await visit.turn().locator(".answer .mark.unsupported").first.click()
    await visit.page.locator("#evidence").wait_for()


async def _no_answer(visit: Any, words: Words) -> None:
    await visit.open()
    (await visit.service.index()).adocuments = _nothing
    await visit.page.fill("#question", words.question)
    await visit.page.keyboard.press("Enter")
    await visit.turn().locator(".trouble a").wait_for()


async def _nothing(*_: Any, **__: Any) -> list[Document]:
    return []


async def _error(visit: Any, words: Words) -> None:
    await visit.open()
    visit.model.will_say(ModelUnavailable("The model 'openai:gpt-4o-mini' does not answer.", "Look at its server."))
    await visit.page.fill("#question", words.question)
    await visit.page.keyboard.press("Enter")
    await visit.turn().locator(".trouble").wait_for()


async def _threads(visit: Any, words: Words) -> None:
    store = await visit.service.conversations.store()
    for number in range(50):
        text = words.conversations[number % len(words.conversations)]
        await asyncio.to_thread(store.begin, f"t{number}", text, run_id=f"r{number}")
        await asyncio.to_thread(store.interrupt, f"t{number}", words.answer, run_id=f"r{number}")
    await visit.page.goto(f"{visit.address}#/threads/t49")
    await visit.turn().locator(".trouble").wait_for()
    await visit.page.locator(".thread").nth(49).wait_for(state="attached")
    if await visit.page.locator("#open-threads").is_visible():
        await visit.page.locator("#open-threads").click()
    await visit.page.locator("#thread-list").wait_for()


async def _sources(visit: Any, words: Words) -> None:
    """Three pages are read, one fails, and one does not come to an end; left and come back to."""
    await visit.open("#/sources")
    await visit.page.fill("#address", f"http://127.0.0.1:{visit.service.settings.allow_hosts[0].rpartition(':')[2]}/")
    await visit.page.locator("#view-sources select").select_option("crawl")
    await visit.page.locator("#view-sources form button.primary").click()
    await visit.page.locator(".log li").nth(3).wait_for()
    await visit.page.locator("#place-ask").click()
    await visit.page.locator("#index-state:not(:empty)").wait_for()
    await visit.page.locator("#place-sources").click()
    await visit.page.locator(".log li").nth(3).wait_for()
    await visit.page.locator(".site").first.wait_for()


async def _reading(visit: Any, words: Words) -> None:
    await _evidence(visit, words)
    await visit.page.locator("#evidence a[href^='#/documents']").click()
    await visit.page.locator("#view-reading mark").wait_for()


async def _steps(visit: Any, words: Words) -> None:
    await visit.open()
    call = ToolCall("search", f'{{"query": "{words.question}"}}')
    visit.model.will_say([call], [ToolCall("open_document", '{"number": 9}')], words.answer)
    await visit.page.locator("#agent").check()
    await visit.page.fill("#question", words.question)
    await visit.page.keyboard.press("Enter")
    await visit.turn().locator(".thumb").first.wait_for()
    await visit.turn().locator(".steps > summary").click()
    await visit.turn().locator(".steps .outcome summary").first.click()


async def _key(visit: Any, words: Words) -> None:
    await visit.page.goto(visit.address)
    await visit.page.locator("#prompt").wait_for()


@asynccontextmanager
async def site_to_read() -> AsyncIterator[Site]:
    """A site on a free port: three pages, one that fails, one that never ends."""
    site = Site()
    site.pages["/"] = page("Start", prose("start"), links=("/vectors", "/words", "/missing", "/endless"))
    site.pages["/vectors"] = page("Vectors and what they are for", prose("vector"))
    site.pages["/words"] = page("Words", prose("word"))
    site.answers["/endless"] = dripping(site)
    application = web.Application()
    application.router.add_route("*", "/{path:.*}", site.handle)
    runner = web.AppRunner(application, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    site.port = runner.addresses[0][1]
    try:
        yield site
    finally:
        site.stall.set()
        await runner.cleanup()


async def reach(make: Make, name: str, words: Words, *, site: Site, window: dict[str, Any]) -> Any:
    """Brings a new window into a state; returns its visit."""
    state = STATES[name]
    settings = dict(state.settings)
    if state.real_index:
        settings["allow_hosts"] = (f"127.0.0.1:{site.port}",)
    documents = words.documents if state.documents else []
    visit = await make(documents, window=window, real_index=state.real_index, **settings)
    await state.bring(visit, words)
    return visit


STATES = {
    "empty": State(_open, documents=False),
    "welcome": State(_open),
    "streaming": State(_streaming),
    "done": State(_done),
    "evidence": State(_evidence),
    "unsupported": State(_unsupported),
    "no-answer": State(_no_answer),
    "error": State(_error, settings={"model_retries": 0}),
    "threads": State(_threads),
    "sources": State(_sources, real_index=True),
    "reading": State(_reading),
    "steps": State(_steps),
    "key": State(_key, settings={"api_keys": ("right",)}),
}
