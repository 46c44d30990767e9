"""The agent's model as the rest of the program sees it: it says nothing but tool calls and the answer.

A model that is about to call tools often announces it ("Let me search for…"). Such talk must not reach the reader as
the answer, and the answer must not wait until it is whole. So while the model may call tools, its text is held back
until it is known for the answer: by its length, sooner when it cites a document that was found, or by the end of the
reply; at a tool call it is dropped. A text in which the model speaks of itself or of what it means to do next is known
by the end of the reply only, however long it is.

What was taken for the answer and is followed by a tool call all the same stays the first part of the answer: it has
been read. What the model says later comes under it, as a paragraph of its own.
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
_PLANNING = re.compile(
    r"\b(?:I(?![/.])|let me|let's|let us|we (?:should|need to|have to|can now))\b|"
    r"我|让我|咱们|接下来|下一步|(?:继续|再|还需|需要|先)(?:搜索|查找|查询|检索|查看|查一|打开)",
    re.IGNORECASE,
)
PARAGRAPH = "\n\n"


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
        held = HeldText(self.found.has if self.inner is not None else None, after=said_before(messages))
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
        after: what was said of the answer before; the text then begins a new paragraph.
    """

    def __init__(self, is_document: Callable[[int], bool] | None, after: str = "") -> None:
        self._held: list[AIMessageChunk] = []
        self._is_document = is_document
        self._known = is_document is None
        self._calls = False
        self._between = PARAGRAPH if after else ""

    def feed(self, chunk: AIMessageChunk) -> Iterator[AIMessageChunk]:
        if chunk.tool_call_chunks:
            self._calls = True
        if self._known:
            yield self._in_its_place(chunk)
        elif self._calls:
            yield from map(_without_text, [*self._taken(), chunk])
        else:
            self._held.append(chunk)
            if self._is_for_the_answer("".join(held.text for held in self._held)):
                self._known = True
                yield from map(self._in_its_place, self._taken())

    def finish(self) -> Iterator[AIMessageChunk]:
        yield from map(self._in_its_place, self._taken())

    def _is_for_the_answer(self, text: str) -> bool:
        if len(text) < _KNOWN_WHEN_CITING or _PLANNING.search(text):
            return False
        return len(text) >= _KNOWN_BY_LENGTH or self._cites(text)

    def _cites(self, text: str) -> bool:
        is_document = self._is_document
        return is_document is not None and any(is_document(int(number)) for number in _MARKER.findall(text))

    def _taken(self) -> list[AIMessageChunk]:
        held, self._held = self._held, []
        return held

    def _in_its_place(self, chunk: AIMessageChunk) -> AIMessageChunk:
        if not (self._between and chunk.text):
            return chunk
        between, self._between = self._between, ""
        return chunk.model_copy(update={"content": between + chunk.text})


def said_before(messages: Sequence[BaseMessage]) -> str:
    """What an agent has said of its answer in replies that went on to call tools."""
    replies = (message for message in messages if isinstance(message, AIMessage) and message.tool_calls)
    return "".join(reply.text for reply in replies)


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
