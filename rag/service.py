"""Footnote as one object: what the HTTP face, the command line and embedding programs call.

async with Footnote.open() as footnote:
    answer = await footnote.ask("How do I index a site?")
    async for event in footnote.stream("And how do I refresh it?"):
        print(event)
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, Any, Self

from rag.errors import FootnoteError, InvalidRequest, Overloaded
from rag.events import Done, Event, RunStarted
from rag.models.chat import ChatModel, open_chat_model
from rag.models.embeddings import EmbeddingModel, open_embeddings
from rag.request import AskRequest
from rag.settings import Settings
from rag.stream.assemble import ANSWER_TAG, RETRIEVER_NAME, REWRITE_TAG, TOOL_TYPE, Assembler, Assembly, Verify
from rag.stream.guard import OutputGuard
from rag.stream.readers import EventTap
from rag.stream.registry import Runs
from rag.stream.run_log import astream_log
from rag.stream.runs import Run
from rag.stream.summary import summary
from rag.vocabulary import Answer, Document

if TYPE_CHECKING:
    from langchain_core.runnables import Runnable, RunnableConfig
    from langchain_core.tracers.log_stream import RunLogPatch

    from rag.index.search import Index

logger = logging.getLogger(__name__)

_TURN_SECONDS = 0.005
"""How long one run may keep the event loop to itself."""

OpenIndex = Callable[[Settings, EmbeddingModel], "Index"]


@dataclass(frozen=True)
class Health:
    """Whether questions can be answered now; `problems` says why not, by part."""

    problems: Mapping[str, str] = field(default_factory=dict)

    @property
    def ok(self) -> bool:
        return not self.problems


def _open_index(settings: Settings, embeddings: EmbeddingModel) -> Index:
    from rag.index.search import Index

    return Index.open(settings, embeddings)


class Footnote:
    """Answers questions. Bound to the event loop it is first used in.

    Args:
        on_event: called with the run's id and each event as it is made.
        on_done: called with each finished answer.
        open_index: makes the index at the first question; seam for tests.
        clock: seconds, for timings.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        chat: ChatModel,
        embeddings: EmbeddingModel,
        open_index: OpenIndex = _open_index,
        on_event: Callable[[str, Event], None] | None = None,
        on_done: Callable[[Answer], None] | None = None,
        clock: Callable[[], float] = time.perf_counter,
    ) -> None:
        self.settings = settings
        self.chat = chat
        self.embeddings = embeddings
        self._open_index = open_index
        self.listeners: list[Callable[[str, Event], None]] = [on_event] if on_event is not None else []
        self._on_done = on_done
        self._clock = clock
        self._runs: Runs | None = None
        self._index: Index | None = None
        self._chain: Runnable[Any, Any] | None = None
        self._opening = asyncio.Lock()
        self._closed = False
        OutputGuard(settings.blocked_phrases)  # a pattern that cannot be read shows now, not at the first answer

    @classmethod
    def open(cls, settings: Settings | None = None, **seams: Any) -> Self:
        """Footnote as the settings say. Connects to nothing yet; the index is opened by the first question.

        Args:
            settings: read from the environment and `.env` when None.
            **seams: arguments of the constructor, in place of what the settings name.

        Raises:
            ConfigurationError: a setting cannot work.
        """
        settings = settings or Settings.load()
        embeddings = seams.pop("embeddings", None) or open_embeddings(settings)
        chat = seams.pop("chat", None) or open_chat_model(settings, embeddings)
        return cls(settings, chat=chat, embeddings=embeddings, **seams)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()

    @property
    def active(self) -> int:
        """How many runs are under way."""
        return self._runs.active if self._runs is not None else 0

    async def finish(self) -> None:
        """No new runs; those under way get the grace of the settings, then an `error` event."""
        if not self._closed:
            await self.runs.finish(self.settings.shutdown_grace)

    async def aclose(self) -> None:
        """Ends what still runs, and lets go of the index and the journal. May be called more than once."""
        runs, self._runs, index, self._index = self._runs, None, self._index, None
        self._closed = True
        if runs is not None:
            await runs.close()
        if index is not None:
            await asyncio.to_thread(index.close)

    @property
    def runs(self) -> Runs:
        """The runs, their journal opened at the first use.

        Raises:
            StorageError: the data folder cannot be used.
        """
        if self._closed:
            raise Overloaded("This Footnote is closed.", "Open another one.")
        if self._runs is None:
            settings = self.settings
            self._runs = Runs(
                settings.data_dir,
                limit=settings.max_streams,
                keep_seconds=settings.run_ttl_hours * 3600,
                deadline=settings.ask_timeout,
            )
        return self._runs

    async def index(self) -> Index:
        """The index, opened when it is not yet.

        Raises:
            StorageError, IndexUnavailable, IndexMismatch: it cannot be used as it is.
        """
        async with self._opening:
            if self._index is None:
                self._index = await asyncio.to_thread(self._open_index, self.settings, self.embeddings)
            return self._index

    async def chain(self) -> Runnable[Any, Any]:
        """The chain as a LangChain runnable: `{"question": …}` in, question, documents and answer out."""
        if self._chain is None:
            from rag.chain.context import ChainContext
            from rag.chain.graph import build_chain

            self._chain = build_chain(ChainContext(await self.index(), self.chat, self.settings))
        return self._chain

    async def start(self, request: AskRequest | str, *, principal: str = "") -> Run:
        """Starts a run, and returns when its first event is in the journal.

        Args:
            principal: whose run it is; nobody else may read it.

        Raises:
            Overloaded: all places are taken.
            StorageError: the journal cannot be written.
        """
        started = self._clock()
        request = AskRequest(question=request) if isinstance(request, str) else request
        if request.mode == "agent":
            raise InvalidRequest("The mode 'agent' is not there yet.", "Use the mode 'chain'.")
        run = self.runs.new(
            request.question,
            principal=principal,
            thread_id=request.thread_id,
            on_disconnect=request.on_disconnect,
        )
        run.listeners += [partial(listener, run.id) for listener in self.listeners]
        first = RunStarted(
            run_id=run.id,
            question=request.question,
            chat_model=self.chat.name,
            embeddings=self.embeddings.name,
            created_at=datetime.fromtimestamp(run.row.created_at, UTC),
            thread_id=request.thread_id,
        )
        await self.runs.start(run, lambda run: self._produce(run, request, started), first)
        return run

    async def stream(self, request: AskRequest | str, *, principal: str = "") -> AsyncIterator[Event]:
        """The events of a run, ending with `Done` or `Failed`. Leaving early cancels the run, unless it is to continue.

        Raises:
            Overloaded, StorageError: it could not be started.
        """
        run = await self.start(request, principal=principal)
        tap = EventTap(run)
        try:
            async for event in tap:
                yield event
        finally:
            tap.close()

    async def ask(self, request: AskRequest | str, *, principal: str = "") -> Answer:
        """The finished answer.

        Raises:
            FootnoteError: whatever kept it from being finished.
        """
        run = await self.start(request, principal=principal)
        reader = run.read_from(0, taken=float("inf"))
        try:
            await run.ended.wait()
        finally:
            reader.close()
        if run.answer is None:
            raise run.failure or FootnoteError("The run ended without an answer.")
        return run.answer

    async def run_summary(self, run_id: str, *, principal: str = "") -> dict[str, Any]:
        """State and result of a run, as plain JSON values.

        Raises:
            NotFound: there is no such run, it has expired, or it is somebody else's.
        """
        row = await self.runs.find(run_id, principal)
        return summary(row, await self.runs.events(run_id))

    async def log(
        self, request: AskRequest, config: RunnableConfig | None = None, **filters: Any
    ) -> AsyncGenerator[RunLogPatch, None]:
        """The patches of the chain's run, as LangChain's `astream_log` gives them; nothing is journaled.

        Raises:
            StorageError, IndexUnavailable, IndexMismatch: the index cannot be used.
        """
        return astream_log(await self.chain(), _input(request), config, **filters)

    async def health(self) -> Health:
        """Opens what is not open yet, and asks each part whether it works."""
        problems: dict[str, str] = {}
        try:
            _ = self.runs
        except FootnoteError as error:
            problems["journal"] = str(error)
        try:
            index = await self.index()
            await index.asearch("ready?", limit=1)
        except FootnoteError as error:
            problems["index"] = str(error)
        return Health(problems)

    async def _produce(self, run: Run, request: AskRequest, started: float) -> None:
        assembler = Assembler(
            Assembly(
                run_id=run.id,
                question=request.question,
                clock=self._clock,
                started=started,
                standalone_question=request.standalone_question,
                thread_id=request.thread_id,
                order=request.order,
                verifier=self._verifier,
                guard=OutputGuard(self.settings.blocked_phrases),
            )
        )
        chain = await self.chain()
        log = astream_log(
            chain,
            _input(request),
            with_streamed_output_list=False,
            include_names=[RETRIEVER_NAME],
            include_tags=[REWRITE_TAG, ANSWER_TAG],
            include_types=[TOOL_TYPE],
        )
        turn = _Turn(run)
        async with aclosing(log):
            async for patch in log:
                for event in assembler.feed(patch):
                    run.emit(event)
                    if turn.is_over:
                        await turn.pass_on()
                if assembler.blocked:
                    break
        for event in assembler.finish():
            if isinstance(event, Done):
                run.answer = assembler.answer()
            run.emit(event)
        if self._on_done is not None and run.answer is not None:
            self._on_done(run.answer)

    def _verifier(self, documents: Sequence[Document]) -> Verify:
        from rag.citations.verify import Verifier

        return Verifier(documents, link=_links(self._index)).verify


class _Turn:
    """Keeps one run from taking the event loop, the journal or memory for itself."""

    def __init__(self, run: Run) -> None:
        self._run = run
        self._time = asyncio.get_running_loop().time
        self._end = self._time() + _TURN_SECONDS

    @property
    def is_over(self) -> bool:
        return self._time() >= self._end or self._run.is_ahead

    async def pass_on(self) -> None:
        await asyncio.sleep(0)
        await self._run.room()
        self._end = self._time() + _TURN_SECONDS


def _input(request: AskRequest) -> dict[str, Any]:
    """The request as the chain takes it; what is not given is left out."""
    given: dict[str, Any] = {
        "question": request.question,
        "standalone_question": request.standalone_question,
        "top_k": request.top_k,
    }
    if not request.rewrite:
        given["rewrite"] = False
    if request.history:
        given["history"] = [{"role": message.role, "content": message.content} for message in request.history]
    if request.filter is not None:
        given["filter"] = request.filter.model_dump(exclude_none=True)
    return {name: value for name, value in given.items() if value is not None}


def _links(index: Index | None) -> Callable[[Document, int, int], str]:
    """Makes links that open a page at the quoted words; each page is looked up once."""
    pages: dict[str, str | None] = {}

    def link(document: Document, start: int, end: int) -> str:
        from rag.citations.links import text_fragment_link

        if document.url not in pages:
            pages[document.url] = index.catalog.page_text(document.url) if index is not None else None
        text = pages[document.url]
        if text is None:
            return document.link
        return text_fragment_link(document.url, document.anchor, text, document.start + start, document.start + end)

    return link
