"""A LangGraph checkpointer that keeps the conversation, and nothing else, in a `ThreadStore`.

The stock checkpointers keep the whole state at every step: after 200 turns with documents in it, 108 MB for what is
25 kB of conversation, and they grow with the square of the turns. Here a checkpoint is made from the store when a run
starts (the summary, and the turns since), and what a run adds is written once, as one turn, when it has an answer.
There is no resuming in the midst of a run: a turn that was killed is asked again.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Iterator, Sequence
from typing import Any, cast

from langchain_core.messages import AIMessage, BaseMessage, HumanMessage
from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.base import (
    BaseCheckpointSaver,
    ChannelVersions,
    Checkpoint,
    CheckpointMetadata,
    CheckpointTuple,
    empty_checkpoint,
)

from rag.threads.memory import Exchange, Memory, Outcome, ThreadStore

TURN_BEGUN = "turn_begun"
"""Key of `configurable`: true when the caller has begun the turn and will finish it, with citations, by itself."""

_MESSAGE_ID = re.compile(r"^turn-(\d+)-(?:question|answer)$")


class ThreadCheckpointer(BaseCheckpointSaver[int]):
    """Runs a graph on a thread: `{"configurable": {"thread_id": …, "owner": …}}`.

    The graph's state has `history`, a list of messages, and `summary`, a text.
    """

    def __init__(self, store: ThreadStore) -> None:
        super().__init__()
        self._store = store

    def get_tuple(self, config: RunnableConfig) -> CheckpointTuple | None:
        thread_id, owner = _thread(config)
        memory = self._store.recall(thread_id, owner=owner)
        if not memory.exchanges and not memory.summary:
            return None
        checkpoint = empty_checkpoint()
        checkpoint["channel_values"] = {"history": _messages(memory), "summary": memory.summary}
        checkpoint["channel_versions"] = {"history": 1, "summary": 1}
        return CheckpointTuple(
            config={"configurable": {**_place(thread_id, owner), "checkpoint_id": checkpoint["id"]}},
            checkpoint=checkpoint,
            metadata=CheckpointMetadata(source="loop", step=0, parents={}),
            parent_config=None,
            pending_writes=[],
        )

    def list(
        self,
        config: RunnableConfig | None,
        *,
        filter: dict[str, Any] | None = None,
        before: RunnableConfig | None = None,
        limit: int | None = None,
    ) -> Iterator[CheckpointTuple]:
        """The present, where there is one: earlier states are not kept."""
        found = self.get_tuple(config) if config is not None and before is None else None
        if found is not None:
            yield found

    def put(
        self,
        config: RunnableConfig,
        checkpoint: Checkpoint,
        metadata: CheckpointMetadata,
        new_versions: ChannelVersions,
    ) -> RunnableConfig:
        thread_id, owner = _thread(config)
        values, updated = checkpoint["channel_values"], checkpoint.get("updated_channels") or ()
        history = [message for message in values.get("history", ()) if isinstance(message, BaseMessage)]
        if "summary" in updated and values.get("summary"):
            kept = [number for message in history if (number := _turn_number(message)) is not None]
            if kept:
                self._store.summarize(thread_id, values["summary"], through=min(kept) - 1, owner=owner)
        begun = config.get("configurable", {}).get(TURN_BEGUN)
        if "history" in updated and metadata.get("source") == "loop" and not begun:
            self._write_turns(thread_id, owner, history)
        return {"configurable": {**_place(thread_id, owner), "checkpoint_id": checkpoint["id"]}}

    def put_writes(
        self, config: RunnableConfig, writes: Sequence[tuple[str, Any]], task_id: str, task_path: str = ""
    ) -> None:
        """Nothing: what a node did is not kept until the turn has an answer."""

    def delete_thread(self, thread_id: str) -> None:
        self._store.delete(thread_id)

    async def aget_tuple(self, config: RunnableConfig) -> CheckpointTuple | None:
        return await asyncio.to_thread(self.get_tuple, config)

    async def alist(
        self,
        config: RunnableConfig | None,
        *,
        filter: dict[str, Any] | None = None,
        before: RunnableConfig | None = None,
        limit: int | None = None,
    ) -> AsyncIterator[CheckpointTuple]:
        for found in await asyncio.to_thread(lambda: [*self.list(config, before=before)]):
            yield found

    async def aput(
        self,
        config: RunnableConfig,
        checkpoint: Checkpoint,
        metadata: CheckpointMetadata,
        new_versions: ChannelVersions,
    ) -> RunnableConfig:
        return await asyncio.to_thread(self.put, config, checkpoint, metadata, new_versions)

    async def aput_writes(
        self, config: RunnableConfig, writes: Sequence[tuple[str, Any]], task_id: str, task_path: str = ""
    ) -> None:
        """Nothing, as `put_writes`."""

    async def adelete_thread(self, thread_id: str) -> None:
        await asyncio.to_thread(self.delete_thread, thread_id)

    def _write_turns(self, thread_id: str, owner: str, history: Sequence[BaseMessage]) -> None:
        """Writes the questions and answers that are not the store's own."""
        question: str | None = None
        for message in history:
            if _turn_number(message) is not None:
                continue
            if isinstance(message, HumanMessage):
                question = message.text
            elif isinstance(message, AIMessage) and question is not None:
                run_id = str(message.id)
                self._store.begin(thread_id, question, run_id=run_id, owner=owner)
                sources = cast(Any, message.additional_kwargs.get("sources", []))
                outcome = Outcome(message.text, finish_reason="stop", sources=sources)
                self._store.finish(thread_id, outcome, run_id=run_id, owner=owner)
                question = None


def _messages(memory: Memory) -> list[BaseMessage]:
    return [message for exchange in memory.exchanges for message in _pair(exchange)]


def _pair(exchange: Exchange) -> tuple[BaseMessage, BaseMessage]:
    sources = [dict(source) for source in exchange.sources]
    return (
        HumanMessage(exchange.question, id=f"turn-{exchange.n}-question"),
        AIMessage(exchange.answer, id=f"turn-{exchange.n}-answer", additional_kwargs={"sources": sources}),
    )


def _turn_number(message: BaseMessage) -> int | None:
    found = _MESSAGE_ID.match(message.id or "")
    return int(found.group(1)) if found else None


def _thread(config: RunnableConfig) -> tuple[str, str]:
    configurable = config.get("configurable", {})
    return str(configurable["thread_id"]), str(configurable.get("owner", ""))


def _place(thread_id: str, owner: str) -> dict[str, Any]:
    return {"thread_id": thread_id, "owner": owner, "checkpoint_ns": ""}
