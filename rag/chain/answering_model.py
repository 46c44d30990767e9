"""The agent's model as the rest of the program sees it: it says nothing but tool calls and the answer.

A model that is about to call tools often announces it ("Let me search for…"). Such talk must not reach the reader as
the answer, and the answer must not wait until it is whole. So text is held back until it is known for the answer: by a
marker such as [1], by its length, or by the end of the reply; at a tool call it is dropped.
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import aclosing
from typing import Any

from langchain_core.callbacks import AsyncCallbackManagerForLLMRun, CallbackManagerForLLMRun
from langchain_core.language_models.chat_models import BaseChatModel, generate_from_stream
from langchain_core.messages import AIMessageChunk, BaseMessage
from langchain_core.outputs import ChatGenerationChunk, ChatResult
from langchain_core.runnables import Runnable, RunnableConfig
from langchain_core.tools import BaseTool

from rag.chain.blocking import run_blocking
from rag.chain.model_stream import ModelCall
from rag.models.chat import ChatModel
from rag.settings import Settings

_KNOWN_BY_LENGTH = 300
_MARKER = re.compile(r"[\[【]\s*\d")


class AnsweringModel(BaseChatModel):
    """Streams `inner`, with the limits of `ModelCall`, without its talk before tool calls. Its own runs are traced."""

    chat: Any  # a ChatModel
    settings: Any  # the Settings
    inner: Any = None  # the model with tools bound to it

    @property
    def _llm_type(self) -> str:
        return "answering"

    def bind_tools(
        self,
        tools: Sequence[dict[str, Any] | type | Callable[..., Any] | BaseTool],
        *,
        tool_choice: str | None = None,
        **kwargs: Any,
    ) -> Runnable[Any, Any]:
        return self.model_copy(update={"inner": self.chat.model.bind_tools(tools, **kwargs)})

    async def _astream(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: AsyncCallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> AsyncIterator[ChatGenerationChunk]:
        chat: ChatModel = self.chat
        settings: Settings = self.settings
        bound = ChatModel(chat.name, self.inner or chat.model)
        held = HeldText()
        untraced: RunnableConfig = {"callbacks": []}
        async with aclosing(ModelCall(bound, settings, settings.model_retries).stream(messages, untraced)) as chunks:
            async for chunk in chunks:
                for ready in held.feed(chunk):
                    yield ChatGenerationChunk(message=ready)
        for ready in held.finish():
            yield ChatGenerationChunk(message=ready)

    async def _agenerate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: AsyncCallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        return generate_from_stream(iter([chunk async for chunk in self._astream(messages)]))

    def _generate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        return run_blocking(lambda: self._agenerate(messages))


class HeldText:
    """Passes chunks on, holding their text back until it is known whether it belongs to the answer."""

    def __init__(self) -> None:
        self._held: list[AIMessageChunk] = []
        self._known = False

    def feed(self, chunk: AIMessageChunk) -> Iterator[AIMessageChunk]:
        if chunk.tool_call_chunks:
            self._held = [_without_text(held) for held in self._held]
            yield from self._released()
            yield _without_text(chunk) if not self._known else chunk
        elif self._known:
            yield chunk
        else:
            self._held.append(chunk)
            text = "".join(held.text for held in self._held)
            if len(text) > _KNOWN_BY_LENGTH or _MARKER.search(text):
                self._known = True
                yield from self._released()

    def finish(self) -> Iterator[AIMessageChunk]:
        yield from self._released()

    def _released(self) -> Iterator[AIMessageChunk]:
        held, self._held = self._held, []
        yield from held


def _without_text(chunk: AIMessageChunk) -> AIMessageChunk:
    return chunk.model_copy(update={"content": ""})
