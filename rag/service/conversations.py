"""Threads for the service: a turn is begun with its run, and ends with it, whatever happens."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta

from langchain_core.runnables import RunnableConfig

from rag.errors import FootnoteError
from rag.events import Step
from rag.stream.run_log import whatever_happens
from rag.threads.checkpointer import TURN_BEGUN, ThreadCheckpointer
from rag.threads.memory import Outcome, ThreadStore
from rag.vocabulary import Answer

logger = logging.getLogger(__name__)


class Conversation:
    """One turn of a thread, while its run is under way."""

    def __init__(self, store: ThreadStore, thread_id: str, owner: str, run_id: str) -> None:
        self._store = store
        self._thread_id = thread_id
        self._owner = owner
        self._run_id = run_id
        self._open = True

    @property
    def config(self) -> RunnableConfig:
        """Runs the chain on this thread, leaving the writing of the turn to us."""
        return {"configurable": {"thread_id": self._thread_id, "owner": self._owner, TURN_BEGUN: True}}

    async def finish(self, answer: Answer, steps: Sequence[Step] = ()) -> None:
        """Writes the turn; when this returns, it is kept.

        Raises:
            StorageError: it could not be written.
            Conflict: the thread was deleted meanwhile.
        """
        outcome = Outcome(
            answer=answer.text,
            standalone_question=answer.question,
            finish_reason=answer.finish_reason,
            documents=answer.documents,
            citations=answer.citations,
            steps=steps,
        )
        await asyncio.to_thread(self._store.finish, self._thread_id, outcome, run_id=self._run_id, owner=self._owner)
        self._open = False

    async def interrupt(self, partial: str = "", steps: Sequence[Step] = ()) -> None:
        """Ends the turn without an answer, also when the caller is being cancelled. Does nothing after `finish`."""
        if not self._open:
            return
        self._open = False
        try:
            await whatever_happens(
                asyncio.to_thread(
                    self._store.interrupt, self._thread_id, partial, steps, run_id=self._run_id, owner=self._owner
                )
            )
        except FootnoteError as error:
            logger.warning("The turn of run %s is left open: %s", self._run_id, error)


class Conversations:
    """The threads of a service, opened at the first use.

    Args:
        ttl_days: threads not used for so long are deleted; None keeps them.
    """

    def __init__(self, open_store: Callable[[], ThreadStore], *, ttl_days: float | None) -> None:
        self._open_store = open_store
        self._ttl_days = ttl_days
        self._store: ThreadStore | None = None
        self._opening = asyncio.Lock()

    async def store(self) -> ThreadStore:
        """The store; its methods block, so call them in a thread.

        Raises:
            StorageError, ConfigurationError: it cannot be opened.
        """
        async with self._opening:
            if self._store is None:
                self._store = await asyncio.to_thread(self._open_store)
                await asyncio.to_thread(self.expire)
            return self._store

    async def checkpointer(self) -> ThreadCheckpointer:
        return ThreadCheckpointer(await self.store())

    async def begin(self, thread_id: str, question: str, *, run_id: str, owner: str) -> Conversation:
        """Opens a turn.

        Raises:
            Conflict: another question is being answered in this thread.
        """
        store = await self.store()
        await asyncio.to_thread(store.begin, thread_id, question, run_id=run_id, owner=owner)
        return Conversation(store, thread_id, owner, run_id)

    def expire(self) -> None:
        """Deletes what has not been used for too long."""
        if self._store is not None and self._ttl_days is not None:
            self._store.expire(datetime.now(UTC) - timedelta(days=self._ttl_days))

    async def close(self) -> None:
        if self._store is not None:
            store, self._store = self._store, None
            await asyncio.to_thread(store.close)


@asynccontextmanager
async def interrupted_unless_finished(
    conversation: Conversation | None, so_far: Callable[[], tuple[str, Sequence[Step]]]
) -> AsyncIterator[None]:
    """Whatever ends the body, the turn does not stay open; it keeps what was said and done by then."""
    try:
        yield
    finally:
        if conversation is not None:
            await conversation.interrupt(*so_far())
