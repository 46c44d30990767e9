"""The agent's model as the rest of the program sees it: it says nothing but tool calls and the answer.

A model that is about to call tools often announces it ("Let me search for…"). Such talk must not reach the reader as
the answer, and the answer must not wait until it is whole. So while the model may call tools, its text is held back
until it is known for the answer: by its length, sooner when it cites a document that was found, or by the end of the
reply; at a tool call it is dropped.
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import aclosing
from typing import Any, Literal, cast

from langchain_core.callbacks import AsyncCallbackManagerForLLMRun, CallbackManagerForLLMRun
from langchain_core.language_models.chat_models import BaseChatModel, generate_from_stream
from langchain_core.messages import AIMessage, AIMessageChunk, BaseMessage, InvalidToolCall, ToolCall
from langchain_core.outputs import ChatGenerationChunk, ChatResult
from langchain_core.runnables import Runnable
from langchain_core.tools import BaseTool

from rag.chain.blocking import run_blocking
from rag.chain.guarded_model import GuardedChunks
from rag.chain.model_stream import ModelCall
from rag.models.chat import ChatModel
from rag.models.chunks import unbound, untraced
from rag.settings import Settings
from rag.text.characters import whole_characters

_KNOWN_BY_LENGTH = 800
_KNOWN_WHEN_CITING = 160
_MERGED_TOGETHER = 32
_MARKER = re.compile(r"[\[【]\s*(\d{1,6})")


class AnsweringModel(BaseChatModel):
    """Streams `inner`, with the limits of `ModelCall`, without its talk before tool calls. Its own runs are traced.

    Its tokens leave by the callbacks of `_agenerate`: a model that LangChain streams has all its chunks kept.
    """

    disable_streaming: bool | Literal["tool_calling"] = True
    chat: Any  # a ChatModel
    settings: Any  # the Settings
    found: Any  # the FoundDocuments
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
        model, options = unbound(self.inner or chat.model, {})  # traced as the model itself
        call = ModelCall(
            ChatModel(chat.name, cast(BaseChatModel, model)), settings, settings.model_retries, guarded=False
        )
        held = HeldText(self.found.has if self.inner is not None else None)
        guarded = GuardedChunks(settings.blocked_phrases)
        async with aclosing(call.stream(messages, untraced(), **options)) as chunks:
            async for chunk in chunks:
                for ready in held.feed(chunk):
                    yield ChatGenerationChunk(message=guarded.feed(ready))
                    if guarded.blocked:
                        return
        for ready in held.finish():
            yield ChatGenerationChunk(message=guarded.feed(ready))
            if guarded.blocked:
                return

    async def _agenerate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: AsyncCallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        merged = MergedChunks()
        async with aclosing(cast(Any, self._astream(messages))) as chunks:
            async for chunk in chunks:
                if run_manager is not None:
                    chunk.message.id = f"lc_run--{run_manager.run_id}"
                    await run_manager.on_llm_new_token(chunk.message.content, chunk=chunk)
                merged.add(chunk.message)
        result = generate_from_stream(iter([ChatGenerationChunk(message=merged.total())]))
        message = cast(AIMessage, result.generations[0].message)
        message.content = _mended(message.content)
        for call in message.tool_calls:
            call["args"] = _mended(call["args"])
        message.tool_calls += [_as_it_came(call, n) for n, call in enumerate(message.invalid_tool_calls)]
        message.invalid_tool_calls = []
        return result

    def _generate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        return run_blocking(lambda: self._agenerate(messages))


class MergedChunks:
    """The sum of the chunks of a reply, made as they come: some dozens are kept, however long it gets."""

    def __init__(self) -> None:
        self._levels: list[list[AIMessageChunk]] = []

    def add(self, chunk: AIMessageChunk, level: int = 0) -> None:
        if level == len(self._levels):
            self._levels.append([])
        waiting = self._levels[level]
        waiting.append(chunk)
        if len(waiting) == _MERGED_TOGETHER:
            self._levels[level] = []
            self.add(_sum(waiting), level + 1)

    def total(self) -> AIMessageChunk:
        return _sum([chunk for level in reversed(self._levels) for chunk in level])


def _sum(chunks: list[AIMessageChunk]) -> AIMessageChunk:
    return chunks[0] + chunks[1:] if len(chunks) > 1 else chunks[0]


class HeldText:
    """Passes chunks on, holding their text back until it is known whether it belongs to the answer.

    Args:
        is_document: whether a number is that of a document; None when the model cannot call tools now.
    """

    def __init__(self, is_document: Callable[[int], bool] | None) -> None:
        self._held: list[AIMessageChunk] = []
        self._is_document = is_document
        self._known = is_document is None

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
            if len(text) >= _KNOWN_BY_LENGTH or (len(text) >= _KNOWN_WHEN_CITING and self._cites(text)):
                self._known = True
                yield from self._released()

    def _cites(self, text: str) -> bool:
        is_document = self._is_document
        return is_document is not None and any(is_document(int(number)) for number in _MARKER.findall(text))

    def finish(self) -> Iterator[AIMessageChunk]:
        yield from self._released()

    def _released(self) -> Iterator[AIMessageChunk]:
        held, self._held = self._held, []
        yield from held


def _mended(value: Any) -> Any:
    """What a model said or calls a tool with, in whole characters: it is sent to the model again, and to tools."""
    if isinstance(value, str):
        return whole_characters(value)
    if isinstance(value, dict):
        return {_mended(name): _mended(part) for name, part in value.items()}
    return [_mended(part) for part in value] if isinstance(value, list) else value


def _as_it_came(call: InvalidToolCall, n: int) -> ToolCall:
    """A call whose arguments are no JSON object: the tool will refuse it, and the model reads why."""
    return ToolCall(
        name=call["name"] or "?", args={"arguments": call["args"]}, id=call["id"] or f"unread-{n}", type="tool_call"
    )


def _without_text(chunk: AIMessageChunk) -> AIMessageChunk:
    return chunk.model_copy(update={"content": ""})
