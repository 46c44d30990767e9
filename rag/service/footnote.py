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
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any, Self

from rag.errors import FootnoteError, InvalidRequest, Overloaded
from rag.events import Event, RunStarted
from rag.models.chat import ChatModel, open_chat_model
from rag.models.embeddings import EmbeddingModel, open_embeddings
from rag.request import AskRequest, parse_request
from rag.service.conversations import Conversation, Conversations, interrupted_unless_finished
from rag.service.pace import Pace
from rag.service.producing import chain_input, produce, read_log
from rag.settings import Settings
from rag.stream.assemble import Assembler, Assembly, Verify
from rag.stream.readers import EventTap
from rag.stream.registry import Runs
from rag.stream.run_log import astream_log
from rag.stream.runs import Run
from rag.stream.summary import summary
from rag.text.guard import check_phrases
from rag.threads.memory import open_threads
from rag.vocabulary import Answer, Document

if TYPE_CHECKING:
    from langchain_core.runnables import Runnable, RunnableConfig
    from langchain_core.tracers.log_stream import RunLogPatch

    from rag.index.search import Index
    from rag.threads.checkpointer import ThreadCheckpointer

logger = logging.getLogger(__name__)

_LONGEST_WAY = 2.0

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


def _call(callback: Callable[..., None], *what: Any) -> None:
    """An embedder's callback: its faults are not the answer's."""
    try:
        callback(*what)
    except Exception:
        logger.exception("A callback of the embedding program failed; the answer goes on")


class Footnote:
    """Answers questions. Bound to the event loop it is first used in.

    Args:
        on_event: called with the run's id and each event as it is made; what it raises is logged and changes nothing.
        on_done: called with each finished answer, in the same way.
        open_index: makes the index at the first question; seam for tests.
        clock: seconds, for timings.

    Attributes:
        watchers: called with the last event of each run.
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
        self.conversations = Conversations(lambda: open_threads(settings), ttl_days=settings.thread_ttl_days)
        self._open_index = open_index
        self.watchers: list[Callable[[Event], None]] = []
        self._on_event = on_event
        self._on_done = on_done
        self._clock = clock
        self._runs: Runs | None = None
        self._index: Index | None = None
        self._chains: dict[tuple[bool, bool], Runnable[Any, Any]] = {}
        self._opening: asyncio.Task[Index] | None = None
        self._pace = Pace()
        self._closed = False
        check_phrases(settings.blocked_phrases)  # a pattern that cannot work shows now, not at the first answer

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

    @cached_property
    def modes(self) -> tuple[str, ...]:
        """How questions can be answered: in agent mode only by a model that can call tools."""
        from rag.chain.agent import check_tool_calling

        try:
            check_tool_calling(self.chat)
        except InvalidRequest:
            return ("chain",)
        return ("chain", "agent")

    @property
    def active(self) -> int:
        """How many runs are under way."""
        return self._runs.active if self._runs is not None else 0

    async def give_way(self, seconds: float) -> None:
        """For background work that has just kept the machine busy for so long: waits while answers are under way."""
        if self.active:
            await asyncio.sleep(min(seconds, _LONGEST_WAY))

    async def finish(self) -> None:
        """No new runs; those under way get the grace of the settings, then an `error` event."""
        if not self._closed:
            await self.runs.finish(self.settings.shutdown_grace)

    async def aclose(self) -> None:
        """Ends what still runs, and lets go of the index and the journal. May be called more than once."""
        runs, self._runs, opening, self._opening, self._index = self._runs, None, self._opening, None, None
        self._closed = True
        if runs is not None:
            await runs.close()
        await self.conversations.close()
        if opening is not None:
            await asyncio.wait([opening])
            if not opening.cancelled() and opening.exception() is None:
                await asyncio.to_thread(opening.result().close)

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
        if self._index is None:
            self._index = await asyncio.shield(self._being_opened())
        return self._index

    def _being_opened(self) -> asyncio.Task[Index]:
        """One opening for all who wait. It goes on when somebody stops waiting: a slow machine must not begin anew."""
        opening = self._opening
        if opening is None or (opening.done() and (opening.cancelled() or opening.exception() is not None)):
            self._opening = opening = asyncio.create_task(
                asyncio.to_thread(self._open_index, self.settings, self.embeddings), name="opening the index"
            )
        return opening

    async def chain(self, *, remembering: bool = False, agent: bool = False) -> Runnable[Any, Any]:
        """The chain as a LangChain runnable: `{"question": …}` in, question, documents and answer out.

        Args:
            agent: let the model search as often as it needs to.
            remembering: run on a thread: `config={"configurable": {"thread_id": …}}`.
        """
        kind = (remembering, agent)
        if kind not in self._chains:
            index = await self.index()
            checkpointer = await self.conversations.checkpointer() if remembering else None
            # In a thread, for on a cold machine the imports take seconds, in which no stream would move.
            self._chains[kind] = await asyncio.to_thread(self._built, index, checkpointer, agent)
        return self._chains[kind]

    def _built(self, index: Index, checkpointer: ThreadCheckpointer | None, agent: bool) -> Runnable[Any, Any]:
        from rag.chain.agent import build_agent
        from rag.chain.context import ChainContext
        from rag.chain.graph import build_chain

        build = build_agent if agent else build_chain
        return build(ChainContext(index, self.chat, self.settings), checkpointer=checkpointer)

    async def start(self, request: AskRequest | str, *, principal: str = "") -> Run:
        """Starts a run, and returns when its first event is in the journal.

        Args:
            principal: whose run it is; nobody else may read it.

        Raises:
            Overloaded: all places are taken.
            InvalidRequest: the question cannot be used; or agent mode, and the model cannot call tools.
            Conflict: another question is being answered in the thread.
            StorageError: the journal cannot be written.
        """
        started = self._clock()
        request = request if isinstance(request, AskRequest) else parse_request(question=request)
        self._is_for_agent(request)
        run = self.runs.new(
            request.question,
            principal=principal,
            thread_id=request.thread_id,
            on_disconnect=request.on_disconnect,
        )
        run.watchers += self.watchers
        if self._on_event is not None:
            run.listeners.append(partial(_call, self._on_event, run.id))
        first = RunStarted(
            run_id=run.id,
            question=request.question,
            chat_model=self.chat.name,
            embeddings=self.embeddings.name,
            created_at=datetime.fromtimestamp(run.row.created_at, UTC),
            thread_id=request.thread_id,
        )
        turn: Conversation | None = None
        try:
            if request.thread_id is not None:
                turn = await self.conversations.begin(
                    request.thread_id, request.question, run_id=run.id, owner=principal
                )
            await self.runs.start(run, lambda run: self._produce(run, request, started, turn), first)
        except BaseException:
            self.runs.forget(run)
            if turn is not None:
                await turn.interrupt()
            raise
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
            InvalidRequest: agent mode, and the model cannot call tools; or a thread, which a run that is not journaled
                is no part of.
            StorageError, IndexUnavailable, IndexMismatch: the index cannot be used.
        """
        if request.thread_id is not None:
            raise InvalidRequest("The log of a run is no part of a conversation.", "Send `history`, or ask at /ask.")
        chain = await self.chain(agent=self._is_for_agent(request))
        return astream_log(chain, chain_input(request), config, **filters)

    async def health(self) -> Health:
        """Opens what is not open yet, and asks each part whether it works."""
        problems: dict[str, str] = {}
        try:
            await self.runs.check_writable()
            if self.runs.draining:
                problems["runs"] = "The server is stopping."
        except FootnoteError as error:
            problems["journal"] = str(error)
        try:
            index = await self.index()
            await index.asearch("ready?", limit=1)
        except FootnoteError as error:
            problems["index"] = str(error)
        return Health(problems)

    def _is_for_agent(self, request: AskRequest) -> bool:
        """Raises InvalidRequest when it is, and the model cannot call tools."""
        if request.mode == "agent":
            from rag.chain.agent import check_tool_calling

            check_tool_calling(self.chat)
        return request.mode == "agent"

    async def _produce(self, run: Run, request: AskRequest, started: float, turn: Conversation | None) -> None:
        assembler = self._assembler(run, request, started)

        async def keep(answer: Answer) -> None:
            if turn is not None:
                await turn.finish(answer, assembler.steps)

        async with interrupted_unless_finished(turn, lambda: (assembler.text, assembler.steps)):
            chain = await self.chain(remembering=turn is not None, agent=request.mode == "agent")
            log = read_log(chain, request, turn.config if turn is not None else None)
            await produce(run, log, assembler, pace=self._pace, keep=keep)
        if self._on_done is not None and run.answer is not None:
            _call(self._on_done, run.answer)

    def _assembler(self, run: Run, request: AskRequest, started: float) -> Assembler:
        return Assembler(
            Assembly(
                run_id=run.id,
                question=request.question,
                clock=self._clock,
                started=started,
                standalone_question=request.standalone_question,
                thread_id=request.thread_id,
                order=request.order,
                searches_often=request.mode == "agent",
                verifier=self._verifier,
            )
        )

    def _verifier(self, documents: Sequence[Document]) -> Verify:
        from rag.citations.links import link_maker
        from rag.citations.verify import Verifier

        index = self._index
        return Verifier(documents, link=link_maker(index.catalog.page_blocks) if index is not None else None).checking
