"""`astream_log` of our own: the signature, filters and patches of LangChain's, cheap and really cancellable.

LangChain's own runs every token through a thread pool, is deprecated, and goes on with the run after its reader has
left. This one builds on the same public tracer, so its patches are the same; it calls the tracer inline (`run_inline`),
drives the runnable in a task of its own, holds it back when the reader is slow, and on close cancels that task until it
is done. This is the only file that knows the tracer.
"""

from __future__ import annotations

import asyncio
import copy
import threading
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Sequence
from contextlib import aclosing
from types import SimpleNamespace
from typing import Any, TypeVar, cast
from uuid import UUID

import anyio
import jsonpatch
from langchain_core.callbacks.base import BaseCallbackManager
from langchain_core.load import dumps
from langchain_core.outputs import ChatGenerationChunk, GenerationChunk
from langchain_core.runnables import Runnable, RunnableConfig, ensure_config
from langchain_core.tracers.log_stream import LogStreamCallbackHandler, RunLog, RunLogPatch
from langchain_core.tracers.schemas import Run

T = TypeVar("T")

WAITING_PATCHES = 32
"""How many patches may wait for the reader before the runnable is held back, and others get the event loop."""

_LARGE_TOKEN = 16_384

_CANCEL_AGAIN_SECONDS = 0.05


async def astream_log(
    runnable: Runnable[Any, Any],
    input: Any,
    config: RunnableConfig | None = None,
    *,
    diff: bool = True,
    with_streamed_output_list: bool = True,
    include_names: Sequence[str] | None = None,
    include_types: Sequence[str] | None = None,
    include_tags: Sequence[str] | None = None,
    exclude_names: Sequence[str] | None = None,
    exclude_types: Sequence[str] | None = None,
    exclude_tags: Sequence[str] | None = None,
    **kwargs: Any,
) -> AsyncGenerator[RunLogPatch, None]:
    """Runs `runnable` and yields what happens inside it as JSON patches (RFC 6902).

    Args:
        runnable: any Runnable: a chain, a graph, a retriever, a model.
        diff: yield each patch (True), or the whole state after each, a `RunLog` (False; the cost is quadratic).
        with_streamed_output_list: also list every chunk of the runnable's own output.
        include_names, include_types, include_tags: report only runs that match one of these.
        exclude_names, exclude_types, exclude_tags: and none of those.
        **kwargs: for `runnable.astream`.

    Closing the iterator, or cancelling the task that reads it, returns only after the run has ended.

    Raises:
        Whatever `runnable` raises, after all its patches.
    """
    tracer = _InlineTracer(
        auto_close=False,
        include_names=include_names,
        include_types=include_types,
        include_tags=include_tags,
        exclude_names=exclude_names,
        exclude_types=exclude_types,
        exclude_tags=exclude_tags,
        _schema_format="original",
    )
    stream = runnable.astream(input, _with_tracer(config, tracer), **kwargs)
    drive = _drive(stream, tracer, with_streamed_output_list=with_streamed_output_list)
    task = asyncio.create_task(drive, name="astream_log")
    task.add_done_callback(tracer.close)
    try:
        state = RunLog(state=None)  # type: ignore[arg-type]
        while await tracer.has_more():
            patch = tracer.next()
            if diff:
                yield patch
            else:
                state += patch
                yield state
        await task
    finally:
        await stop(task)


async def stop(task: asyncio.Task[Any]) -> None:
    """Cancels `task` again and again until it is done, whatever happens to the caller meanwhile.

    One `cancel()` is not enough: code under way may swallow it, as LangChain's own stream does.
    """
    interrupted: asyncio.CancelledError | None = None
    with anyio.CancelScope(shield=True):
        while not task.done():
            task.cancel()
            try:
                await asyncio.wait({task}, timeout=_CANCEL_AGAIN_SECONDS)
            except asyncio.CancelledError as error:
                interrupted = error
    if not task.cancelled():
        task.exception()  # marks it as seen: the reader has left, or has had it raised already
    if interrupted is not None:
        raise interrupted


async def whatever_happens(work: Awaitable[T]) -> T:
    """The result of `work`, which goes on to its end also when the caller is cancelled, once or many times."""
    task = asyncio.ensure_future(work)
    interrupted: asyncio.CancelledError | None = None
    with anyio.CancelScope(shield=True):
        while not task.done():
            try:
                await asyncio.wait({task})
            except asyncio.CancelledError as error:
                interrupted = error
    if interrupted is not None:
        raise interrupted
    return task.result()


class _InlineTracer(LogStreamCallbackHandler):
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
        self._left_out: set[UUID] = set()

    def on_chain_start(self, serialized: Any, inputs: Any, *, run_id: UUID, **about: Any) -> Any:
        # A graph is mostly chains inside chains. The base class makes an object with two dozen fields of each, also of
        # those that are not reported.
        if self._is_left_out(run_id, about):
            self._left_out.add(run_id)
            return None
        return super().on_chain_start(serialized, inputs, run_id=run_id, **about)

    def on_chain_end(self, outputs: Any, *, run_id: UUID, **about: Any) -> Any:
        if run_id in self._left_out:
            return self._left_out.remove(run_id)
        return super().on_chain_end(outputs, run_id=run_id, **about)

    def on_chain_error(self, error: BaseException, *, run_id: UUID, **about: Any) -> Any:
        if run_id in self._left_out:
            return self._left_out.remove(run_id)
        return super().on_chain_error(error, run_id=run_id, **about)

    def _is_left_out(self, run_id: UUID, about: dict[str, Any]) -> bool:
        if self.root_id is None or about.get("name") is None:
            return False
        run_type = about.get("run_type") or "chain"
        seen = SimpleNamespace(id=run_id, name=about["name"], run_type=run_type, tags=about.get("tags"))
        return not self.include_run(cast(Run, seen))

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


def _with_tracer(config: RunnableConfig | None, tracer: LogStreamCallbackHandler) -> RunnableConfig:
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


async def _drive(stream: AsyncIterator[Any], tracer: _InlineTracer, *, with_streamed_output_list: bool) -> None:
    """Reads the runnable to its end, reporting its own output as LangChain does: each chunk, and their running sum."""
    total: Any = None
    async with aclosing(cast(AsyncGenerator[Any, None], stream)):
        async for chunk in stream:
            before, total = _add(total, chunk)
            ops: list[dict[str, Any]] = []
            if with_streamed_output_list:
                # A copy, for applying a patch would otherwise change the chunk inside the sum as well.
                ops.append({"op": "add", "path": "/streamed_output/-", "value": copy.deepcopy(chunk)})
            ops.extend(_difference(before, total))
            tracer.send(*ops)
            await tracer.room()


def _add(total: Any, chunk: Any) -> tuple[Any, Any]:
    """The sum before and after `chunk`; chunks that cannot be added replace what was there."""
    if total is None:
        return None, chunk
    try:
        return total, total + chunk
    except TypeError:
        return None, chunk


def _difference(before: Any, after: Any) -> list[dict[str, Any]]:
    if isinstance(after, str) and (before is None or isinstance(before, str)):
        return [] if before == after else [{"op": "replace", "path": "/final_output", "value": after}]
    if before is None and type(after) is dict:  # never added to, so always told whole: there is nothing to compare
        return [{"op": "replace", "path": "/final_output", "value": after}]
    patch = jsonpatch.JsonPatch.from_diff(before, after, dumps=dumps)
    return [{**op, "path": f"/final_output{op['path']}"} for op in patch]
