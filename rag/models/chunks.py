"""What a chat model streams, read chunk by chunk, and none of it kept.

`BaseChatModel.astream` keeps every chunk until the answer ends, because it owes its callbacks the whole message: some
kilobytes a token, for all answers under way. Here `_astream` is read, the method that providers implement and that
keeps nothing; who wants callbacks told does so on top (`rag.chain.traced`). A model that `_astream` would not do
justice to is read by `astream`, which every runnable has.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from typing import Any, cast

from langchain_core.language_models.chat_models import BaseChatModel
from langchain_core.messages import AIMessage, AIMessageChunk, BaseMessage
from langchain_core.outputs import ChatGenerationChunk
from langchain_core.runnables import Runnable, RunnableBinding, RunnableConfig

from rag.text.characters import JoinedHalves


def untraced() -> RunnableConfig:
    """For a model behind one of ours: its runs are seen by nobody."""
    return {"callbacks": []}


async def read_chunks(
    model: Runnable[Any, Any], messages: list[BaseMessage], **kwargs: Any
) -> AsyncGenerator[ChatGenerationChunk]:
    """The chunks of one answer, with halves of characters joined. No callbacks are told.

    What a chunk says of itself is in `chunk.message`.

    Raises:
        Whatever the model raises.
    """
    halves = JoinedHalves()
    async with aclosing(cast(AsyncGenerator[ChatGenerationChunk], _chunks(model, messages, kwargs))) as chunks:
        async for chunk in chunks:
            _mend(chunk, halves)
            yield chunk
    if rest := halves.rest():
        yield ChatGenerationChunk(message=AIMessageChunk(content=rest))


async def _chunks(
    model: Runnable[Any, Any], messages: list[BaseMessage], kwargs: dict[str, Any]
) -> AsyncIterator[ChatGenerationChunk]:
    inner, options = unbound(model, kwargs)
    if isinstance(inner, BaseChatModel) and _may_be_read_directly(inner):
        if inner.rate_limiter is not None:
            await inner.rate_limiter.aacquire(blocking=True)
        async with aclosing(cast(Any, inner._astream(messages, **options))) as chunks:
            async for chunk in chunks:
                if chunk.generation_info:
                    chunk.message.response_metadata = {**chunk.generation_info, **chunk.message.response_metadata}
                yield chunk
        return
    async with aclosing(cast(Any, model.astream(messages, untraced(), **kwargs))) as said:
        async for message in said:
            yield ChatGenerationChunk(message=_as_chunk(message))


def unbound(model: Runnable[Any, Any], kwargs: dict[str, Any]) -> tuple[Runnable[Any, Any], dict[str, Any]]:
    """The model inside `model.bind(…)`, which is what `bind_tools` returns, and what it is called with."""
    inner: Any = model
    while isinstance(inner, RunnableBinding) and not inner.config and not inner.config_factories:
        inner, kwargs = inner.bound, {**inner.kwargs, **kwargs}
    return inner, kwargs


def _may_be_read_directly(model: BaseChatModel) -> bool:
    """Whether `astream` does nothing for this model but read its chunks and tell callbacks of the call."""
    kind = type(model)
    if kind._astream is BaseChatModel._astream and kind._stream is BaseChatModel._stream:
        return False
    if kind.astream is not BaseChatModel.astream or model.callbacks or model.verbose or model.disable_streaming:
        return False
    return "streaming" not in model.model_fields_set or getattr(model, "streaming", None) is not False


def _as_chunk(message: AIMessage) -> AIMessageChunk:
    """A message of a model that does not stream, as the only chunk of its answer."""
    if isinstance(message, AIMessageChunk):
        return message
    return AIMessageChunk(
        content=message.content,
        additional_kwargs=message.additional_kwargs,
        response_metadata=message.response_metadata,
        tool_calls=message.tool_calls,
        usage_metadata=message.usage_metadata,
        id=message.id,
        chunk_position="last",
    )


def _mend(chunk: ChatGenerationChunk, halves: JoinedHalves) -> None:
    content = chunk.message.content
    if isinstance(content, str):
        mended: Any = halves.feed(content)
        if mended is content:
            return
    else:
        mended = [_mended_block(block, halves) for block in content]
    chunk.message = chunk.message.model_copy(update={"content": mended})


def _mended_block(block: str | dict[str, Any], halves: JoinedHalves) -> str | dict[str, Any]:
    if isinstance(block, str):
        return halves.feed(block)
    text = block.get("text")
    return {**block, "text": halves.feed(text)} if isinstance(text, str) else block
