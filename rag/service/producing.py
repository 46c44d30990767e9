"""How one run comes to its events: patches of the chain's log through the assembler, to the journal."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator
from contextlib import aclosing
from typing import Any

from langchain_core.runnables import Runnable, RunnableConfig
from langchain_core.tracers.log_stream import RunLogPatch

from rag.events import Event
from rag.request import AskRequest
from rag.service.pace import Pace
from rag.stream.assemble import ANSWER_TAG, RETRIEVER_NAME, REWRITE_TAG, STEP_NAME, Assembler
from rag.stream.run_log import astream_log
from rag.stream.runs import Run
from rag.vocabulary import Answer

_TURN_SECONDS = 0.005
"""How long one run may keep the event loop to itself."""

_STEP_SECONDS = 0.001
"""How long a claim is checked before tokens may pass; the first claim on a long document takes several such steps."""

_EVENTS_BETWEEN_LOOKS = 8

Keep = Callable[[Answer], Awaitable[None]]


def read_log(
    chain: Runnable[Any, Any], request: AskRequest, config: RunnableConfig | None
) -> AsyncGenerator[RunLogPatch, None]:
    """Runs the chain, and lets through what the assembler reads."""
    return astream_log(
        chain,
        chain_input(request),
        config,
        with_streamed_output_list=False,
        include_names=[RETRIEVER_NAME, STEP_NAME],
        include_tags=[REWRITE_TAG, ANSWER_TAG],
    )


async def produce(
    run: Run, log: AsyncGenerator[RunLogPatch, None], assembler: Assembler, *, pace: Pace, keep: Keep
) -> None:
    """Makes the events of a run. `keep` is awaited with the answer before `done` is said.

    Raises:
        Whatever the chain or `keep` raises.
    """
    turn = _Turn(run)
    async with aclosing(log), aclosing(_Citing(run, assembler, pace)) as citing:
        async for patch in log:
            for event in assembler.feed(patch):
                run.emit(event)
                if turn.is_over:
                    await turn.pass_on()
            if assembler.claims:
                citing.look()
        for event in assembler.finish():
            run.emit(event)
        await citing.all()
    answer = assembler.answer()
    await keep(answer)
    run.answer = answer
    run.emit(assembler.done())


class _Citing:
    """Checks the claims of one run: at once when there is time, else when its turn comes, while tokens go on."""

    def __init__(self, run: Run, assembler: Assembler, pace: Pace) -> None:
        self._run = run
        self._assembler = assembler
        self._pace = pace
        self._task: asyncio.Task[None] | None = None
        self._begun: Iterator[Event | None] | None = None
        self._time = asyncio.get_running_loop().time

    @property
    def _is_behind(self) -> bool:
        return self._begun is not None or bool(self._assembler.claims)

    def look(self) -> None:
        """There are new claims."""
        if self._task is not None and not self._task.done():
            return
        while self._is_behind and self._pace.has_time:
            self._go_on()
        if self._is_behind:
            self._task = asyncio.create_task(self._cite_rest(), name=f"citing {self._run.id}")

    async def all(self) -> None:
        """Returns when every claim is checked."""
        self.look()
        if self._task is not None:
            await self._task

    async def aclose(self) -> None:
        if self._task is not None:
            self._task.cancel()

    async def _cite_rest(self) -> None:
        while self._is_behind:
            await self._pace.turn()
            self._go_on()
            await self._run.room()

    def _go_on(self) -> None:
        """Checks the next claim, or as much of it as there is time for in one step."""
        with self._pace.step():
            if self._begun is None:
                claim = self._assembler.claims.next()
                self._begun = self._assembler.cite(claim) if claim is not None else iter(())
            end = self._time() + _STEP_SECONDS
            for event in self._begun:
                if event is not None:
                    self._run.emit(event)
                elif self._time() >= end:
                    return
            self._begun = None


class _Turn:
    """Keeps one run from taking the event loop, the journal or memory for itself."""

    def __init__(self, run: Run) -> None:
        self._run = run
        self._events = 0
        self._time = asyncio.get_running_loop().time
        self._end = self._time() + _TURN_SECONDS

    @property
    def is_over(self) -> bool:
        self._events += 1
        if self._events % _EVENTS_BETWEEN_LOOKS or self._run.status != "running":
            return False
        return self._time() >= self._end or self._run.is_ahead

    async def pass_on(self) -> None:
        await asyncio.sleep(0)
        await self._run.room()
        self._end = self._time() + _TURN_SECONDS


def chain_input(request: AskRequest) -> dict[str, Any]:
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
