"""Tells callbacks of a model's run what its chunks bring, as LangChain's own `astream` does, and keeps no chunk.

Tracers get the start, every token and the end with the whole text, its usage and its metadata. Kept until then are the
letters of the answer alone.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from typing import Any

from langchain_core.callbacks import AsyncCallbackManager, AsyncCallbackManagerForLLMRun
from langchain_core.language_models.chat_models import BaseChatModel
from langchain_core.messages import AIMessage, BaseMessage
from langchain_core.messages.ai import UsageMetadata, add_usage
from langchain_core.outputs import ChatGeneration, ChatGenerationChunk, LLMResult
from langchain_core.runnables import RunnableConfig, ensure_config

from rag.text.growing import GrowingText


async def traced(
    chunks: AsyncGenerator[ChatGenerationChunk],
    model: BaseChatModel,
    messages: Sequence[BaseMessage],
    config: RunnableConfig,
) -> AsyncGenerator[ChatGenerationChunk]:
    """The same chunks, each told to the callbacks of `config` first, as a run of `model`.

    Raises:
        Whatever `chunks` raises, told as well.
    """
    run = await _begun(model, messages, config)
    message_id = f"lc_run--{run.run_id}"
    whole = _Whole()
    try:
        async with aclosing(chunks):
            async for chunk in chunks:
                if chunk.message.id is None:
                    chunk.message.id = message_id
                whole.take(chunk)
                await run.on_llm_new_token(chunk.message.content, chunk=chunk)
                yield chunk
    except BaseException as error:
        await run.on_llm_error(error, response=LLMResult(generations=[]))
        raise
    await run.on_llm_end(LLMResult(generations=[[ChatGeneration(message=whole.message())]]))


async def _begun(
    model: BaseChatModel, messages: Sequence[BaseMessage], config: RunnableConfig
) -> AsyncCallbackManagerForLLMRun:
    config = ensure_config(config)
    manager = AsyncCallbackManager.configure(
        config.get("callbacks"),
        inheritable_tags=config.get("tags"),
        local_tags=model.tags,
        inheritable_metadata={**(config.get("metadata") or {}), **model._get_ls_params()},
        local_metadata=model.metadata,
    )
    name = config.get("run_name") or model.get_name()
    described = {"name": name, "id": model.lc_id()}
    (run,) = await manager.on_chat_model_start(described, [list(messages)], name=name, run_id=config.get("run_id"))
    return run


class _Whole:
    """The message that the chunks of an answer come to."""

    def __init__(self) -> None:
        self._id: str | None = None
        self._text = GrowingText()
        self._metadata: dict[str, Any] = {}
        self._usage: UsageMetadata | None = None

    def take(self, chunk: ChatGenerationChunk) -> None:
        message = chunk.message
        self._id = self._id or message.id
        self._text.add(message.content if isinstance(message.content, str) else message.text)
        if message.response_metadata:
            self._metadata.update(message.response_metadata)
        if isinstance(message, AIMessage) and message.usage_metadata:
            self._usage = add_usage(self._usage, message.usage_metadata)

    def message(self) -> AIMessage:
        return AIMessage(str(self._text), id=self._id, response_metadata=self._metadata, usage_metadata=self._usage)
