"""`astream_log` of our own: the signature, filters and patches of LangChain's, cheap and really cancellable.

LangChain's own runs every token through a thread pool, is deprecated, and goes on with the run after its reader has
left. This one builds on the same public tracer, so its patches are the same; it calls the tracer inline (`run_inline`),
drives the runnable in a task of its own, holds it back when the reader is slow, and on close cancels that task until it
is done. What it knows of the tracer is in `rag.stream.tracer`.
"""

from __future__ import annotations

import asyncio
import copy
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Sequence
from contextlib import aclosing
from typing import Any, TypeVar, cast

import anyio
import jsonpatch
from langchain_core.load import dumps
from langchain_core.runnables import Runnable, RunnableConfig
from langchain_core.tracers.log_stream import RunLog, RunLogPatch

from rag.stream.tracer import InlineTracer, with_tracer

T = TypeVar("T")

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
    tracer = InlineTracer(
        auto_close=False,
        include_names=include_names,
        include_types=include_types,
        include_tags=include_tags,
        exclude_names=exclude_names,
        exclude_types=exclude_types,
        exclude_tags=exclude_tags,
        _schema_format="original",
    )
    stream = runnable.astream(input, with_tracer(config, tracer), **kwargs)
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
    try:
        if not task.done():
            await _cancelled_until_done(task)
    finally:
        if not task.cancelled():
            task.exception()  # marks it as seen: the reader has left, or has had it raised already


async def _cancelled_until_done(task: asyncio.Task[Any]) -> None:
    interrupted: asyncio.CancelledError | None = None
    with anyio.CancelScope(shield=True):
        while not task.done():
            task.cancel()
            try:
                await asyncio.wait({task}, timeout=_CANCEL_AGAIN_SECONDS)
            except asyncio.CancelledError as error:
                interrupted = error
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


async def _drive(stream: AsyncIterator[Any], tracer: InlineTracer, *, with_streamed_output_list: bool) -> None:
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
