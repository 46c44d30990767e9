"""A reader's window on a server of its own, for the tests of the page and for its pictures."""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

from rag.models.chat import ChatModel
from rag.models.embeddings import EmbeddingModel
from rag.service import Footnote
from rag.settings import Settings
from rag.vocabulary import Document
from tests.browser.served import Model, Pages, serve
from tests.fakes import FakeEmbeddings, make_documents
from tests.service_fakes import make_service

FLAGS = (
    "--no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking "
    "--disable-component-update --disable-sync"
).split()
PATIENCE_MS = 30_000
DOCUMENTS = make_documents("Chroma keeps the vectors of every chunk.", "Tantivy keeps the words of every chunk.")
_WITHOUT_MARKS = """answer => {
    const copy = answer.cloneNode(true);
    copy.querySelectorAll(".mark").forEach(mark => mark.remove());
    return copy.textContent;
}"""


def chromium() -> str | None:
    """Where Chromium is, if it is there."""
    names = ("chromium", "chromium-browser", "google-chrome")
    return next(filter(None, map(shutil.which, names)), None)


class Visit:
    """A reader's browser window on a server of its own.

    Attributes:
        page: of Playwright.
        requests: every URL that was asked for.
        troubles: scripts that failed, refused ones, dialogs of scripts.
    """

    def __init__(self, page: Any, address: str, model: Model, service: Footnote) -> None:
        self.page, self.address, self.model, self.service = page, address, model, service
        self.own = [address]
        self.requests: list[str] = []
        self.troubles: list[str] = []
        page.set_default_timeout(PATIENCE_MS)
        page.on("request", lambda request: self.requests.append(request.url))
        page.on("pageerror", lambda error: self.troubles.append(str(error)))
        page.on("console", self._console)
        page.on("dialog", lambda dialog: self.troubles.append(f"dialog: {dialog.message}"))

    def _console(self, message: Any) -> None:
        if "Content Security Policy" in message.text or "Refused to" in message.text:
            self.troubles.append(message.text)

    async def open(self, place: str = "") -> None:
        await self.page.goto(self.address + place)
        await self.page.wait_for_selector(
            "#index-state:not(:empty), .turn, .site, #reading-title, #sources-title, .trouble", state="attached"
        )

    async def ask(self, question: str = "What keeps the vectors?", *, to_the_end: bool = True) -> None:
        """Asks below the turns that are there; wait for them before, and for their going after a change of place."""
        turns = self.page.locator(".turn")
        there = await turns.count()
        await self.page.fill("#question", question)
        await self.page.keyboard.press("Enter")
        await turns.nth(there).wait_for()
        if to_the_end:
            await self.ended()

    async def ended(self, turn: int = -1) -> None:
        """Waits for the end of an answer, of the last turn if not said otherwise."""
        await self.turn(turn).locator(".actions button").filter(has_text="Ask again").wait_for()

    def turn(self, number: int = -1) -> Any:
        return self.page.locator(".turn").nth(number)

    async def text(self, turn: int = -1) -> str:
        """What is shown of an answer, without its marks."""
        return str(await self.turn(turn).locator(".answer").evaluate(_WITHOUT_MARKS))

    def check(self) -> None:
        assert not self.troubles, self.troubles
        foreign = [url for url in self.requests if not url.startswith((*self.own, "data:", "about:"))]
        assert not foreign, foreign


MakeVisit = Callable[..., Any]


@asynccontextmanager
async def visits(browser: Any, folder: Path) -> AsyncIterator[MakeVisit]:
    """Makes servers, each with a window on it. What is given beyond its own arguments are settings.

    At the end every visit is checked: nothing of a page ran, and no request left the origin.
    """
    made: list[Visit] = []
    async with AsyncExitStack() as stack:

        async def make(
            documents: Sequence[Document] = DOCUMENTS,
            *,
            window: dict[str, Any] | None = None,
            real_index: bool = False,
            **settings: Any,
        ) -> Visit:
            model, data = Model(), folder / f"data{len(made)}"
            service = make_service(data, model, index=Pages(documents), **settings)
            if real_index:
                embeddings = EmbeddingModel("fake", FakeEmbeddings(), 64)
                own = Settings(data_dir=data, index_timeout=60, _env_file=None, **settings)
                service = Footnote.open(own, chat=ChatModel("scripted", model), embeddings=embeddings)
            address = await stack.enter_async_context(serve(service))
            context = await browser.new_context(**{"locale": "en-GB", "reduced_motion": "reduce", **(window or {})})
            stack.push_async_callback(context.close)
            made.append(Visit(await context.new_page(), address, model, service))
            return made[-1]

        yield make
        for visit in made:
            visit.check()
