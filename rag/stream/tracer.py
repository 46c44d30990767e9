"""LangChain's public tracer of run logs, called in the task that makes the tokens, with a bounded queue behind it.

This is the only file that knows the tracer.
"""

from __future__ import annotations

import asyncio
import threading
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, TypeVar, cast
from uuid import UUID

from langchain_core.callbacks.base import BaseCallbackManager
from langchain_core.outputs import ChatGeneration, ChatGenerationChunk, GenerationChunk, LLMResult
from langchain_core.runnables import RunnableConfig, ensure_config
from langchain_core.tracers.log_stream import LogStreamCallbackHandler, RunLogPatch
from langchain_core.tracers.schemas import Run

T = TypeVar("T")

WAITING_PATCHES = 32
"""How many patches may wait for the reader before the runnable is held back, and others get the event loop."""

_LARGE_TOKEN = 16_384


@dataclass(slots=True)
class _SeenRun:
    """What the patches show of a run."""

    id: UUID
    name: str
    run_type: str
    tags: list[str] | None
    extra: dict[str, Any]
    start_time: datetime = field(default_factory=lambda: datetime.now(UTC))
    outputs: dict[str, Any] = field(default_factory=dict)
    end_time: datetime | None = None


class InlineTracer(LogStreamCallbackHandler):
    """The public tracer, called in the task that makes the tokens, with a bounded queue behind it."""

    run_inline = True

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self._loop = asyncio.get_running_loop()
        self._thread = threading.get_ident()
        self._waiting: deque[RunLogPatch] = deque()
        self._changed = asyncio.Event()
        self._room = asyncio.Event()
        self._closed = False
        self._token_paths: dict[UUID, tuple[str, str]] = {}
        self._runs: dict[UUID, _SeenRun] = {}

    # The base class makes an object with two dozen fields of each run, writes prompts out as text, and replies as JSON
    # that it reads in again. What the patches show of a run is less; the hooks that make them are the base class's own.

    def _begin(self, run_id: UUID, run_type: str, serialized: Any, about: dict[str, Any]) -> None:
        metadata = about.get("metadata")
        extra = {"metadata": metadata} if metadata else {}
        run = self._runs[run_id] = _SeenRun(run_id, _name(serialized, about), run_type, about.get("tags"), extra)
        self._on_run_create(cast(Run, run))

    def _end(self, run_id: UUID, outputs: dict[str, Any] | None = None) -> None:
        run = self._runs.pop(run_id)
        run.outputs, run.end_time = outputs or {}, datetime.now(UTC)
        self._on_run_update(cast(Run, run))

    def on_chain_start(
        self, serialized: Any, inputs: Any, *, run_id: UUID, run_type: str | None = None, **about: Any
    ) -> Any:
        self._begin(run_id, run_type or "chain", serialized, about)

    def on_llm_start(self, serialized: Any, prompts: Any, *, run_id: UUID, **about: Any) -> Any:
        self._begin(run_id, "llm", serialized, about)

    def on_chat_model_start(self, serialized: Any, messages: Any, *, run_id: UUID, **about: Any) -> Any:
        self._begin(run_id, "llm", serialized, about)

    def on_tool_start(self, serialized: Any, input_str: str, *, run_id: UUID, **about: Any) -> Any:
        self._begin(run_id, "tool", serialized, about)

    def on_retriever_start(self, serialized: Any, query: str, *, run_id: UUID, **about: Any) -> Any:
        self._begin(run_id, "retriever", serialized, {**about, "name": about.get("name") or "Retriever"})

    def on_chain_end(self, outputs: Any, *, run_id: UUID, **_: Any) -> Any:
        self._end(run_id, outputs if isinstance(outputs, dict) else {"output": outputs})

    def on_llm_end(self, response: LLMResult, *, run_id: UUID, **_: Any) -> Any:
        self._end(run_id, _as_shown(response))

    def on_tool_end(self, output: Any, *, run_id: UUID, **_: Any) -> Any:
        self._end(run_id, {"output": output})

    def on_retriever_end(self, documents: Any, *, run_id: UUID, **_: Any) -> Any:
        self._end(run_id, {"documents": documents})

    def on_chain_error(self, error: BaseException, *, run_id: UUID, **_: Any) -> Any:
        self._end(run_id)

    on_tool_error = on_retriever_error = on_chain_error

    def on_llm_error(self, error: BaseException, *, run_id: UUID, response: LLMResult | None = None, **_: Any) -> Any:
        self._end(run_id, _as_shown(response) if response is not None else None)

    def on_retry(self, *_: Any, **__: Any) -> Any:
        """No patch shows it."""

    def send(self, *ops: dict[str, Any]) -> bool:
        self._waiting.append(RunLogPatch(*ops))
        if threading.get_ident() == self._thread:
            self._changed.set()
        else:
            self._loop.call_soon_threadsafe(self._changed.set)
        return True

    async def room(self, limit: int = WAITING_PATCHES) -> None:
        """Waits until the reader has caught up."""
        while len(self._waiting) >= limit:
            self._room.clear()
            await self._room.wait()

    def close(self, _: object = None) -> None:
        self._closed = True
        self._changed.set()

    async def has_more(self) -> bool:
        """Waits for the next patch; False when there will be none."""
        while not self._waiting:
            if self._closed:
                return False
            self._changed.clear()
            await self._changed.wait()
        return True

    def next(self) -> RunLogPatch:
        patch = self._waiting.popleft()
        if not self._waiting:
            self._room.set()
        return patch

    @property
    def on_llm_new_token(self) -> Callable[..., Awaitable[None] | None]:  # type: ignore[override]
        """Awaitable in the loop, so that the model can be held back; plain for models that stream in a thread."""
        return self._token_with_room if threading.get_ident() == self._thread else self._token

    def _token(
        self,
        token: str | list[str | dict[str, Any]],
        *,
        run_id: UUID,
        chunk: GenerationChunk | ChatGenerationChunk | None = None,
        **_: Any,
    ) -> None:
        # The base class also keeps every token in the run's `events`, which nothing reads and which fills memory.
        paths = self._token_paths.get(run_id)
        if paths is None:
            key = self._key_map_by_run_id.get(run_id)
            if key is None:
                return
            paths = (f"/logs/{key}/streamed_output_str/-", f"/logs/{key}/streamed_output/-")
            self._token_paths[run_id] = paths
        value = chunk.message if isinstance(chunk, ChatGenerationChunk) else token
        self.send({"op": "add", "path": paths[0], "value": token}, {"op": "add", "path": paths[1], "value": value})

    async def _token_with_room(self, token: str | list[str | dict[str, Any]], **kwargs: Any) -> None:
        self._token(token, **kwargs)
        if len(token) > _LARGE_TOKEN:
            await self.room(1)  # such tokens are not collected
        elif len(self._waiting) >= WAITING_PATCHES:
            await self.room()

    async def tap_output_aiter(self, run_id: UUID, output: AsyncIterator[T]) -> AsyncIterator[T]:
        async for chunk in super().tap_output_aiter(run_id, output):
            await self.room()
            yield chunk


def _name(serialized: Any, about: dict[str, Any]) -> str:
    described = serialized or {}
    return str(about.get("name") or described.get("name") or (described.get("id") or ["Unnamed"])[-1])


def _as_shown(response: LLMResult) -> dict[str, Any]:
    """The reply as plain values, with its messages as they are."""
    shown = response.model_dump(exclude={"generations": {"__all__": {"__all__": {"message"}}}})
    for replies, shown_replies in zip(response.generations, shown["generations"], strict=True):
        for reply, shown_reply in zip(replies, shown_replies, strict=True):
            if isinstance(reply, ChatGeneration):
                shown_reply["message"] = reply.message
    return shown


def with_tracer(config: RunnableConfig | None, tracer: LogStreamCallbackHandler) -> RunnableConfig:
    config = ensure_config(config)
    callbacks = config.get("callbacks")
    if callbacks is None:
        config["callbacks"] = [tracer]
    elif isinstance(callbacks, BaseCallbackManager):
        manager = callbacks.copy()
        manager.add_handler(tracer, inherit=True)
        config["callbacks"] = manager
    else:
        config["callbacks"] = [*callbacks, tracer]
    return config
