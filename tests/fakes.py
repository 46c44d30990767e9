"""Stand-ins for what a test must not reach: a chat model that follows a script, embeddings that mean something, makers.

model = ScriptedChatModel(["Chroma keeps ", "vectors [1]."], ModelUnavailable("down"))
model.calls[0].text, model.used_up
"""

from __future__ import annotations

import asyncio
import functools
import hashlib
import math
import re
import struct
import unicodedata
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from langchain_core.embeddings import Embeddings
from langchain_core.language_models.chat_models import BaseChatModel, generate_from_stream
from langchain_core.messages import AIMessageChunk, BaseMessage
from langchain_core.messages.tool import tool_call_chunk
from langchain_core.outputs import ChatGenerationChunk, ChatResult
from langchain_core.runnables import Runnable
from pydantic import PrivateAttr

from rag.vocabulary import BLOCK_SEPARATOR, Block, Chunk, Document, Page

EPOCH = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


@dataclass(frozen=True)
class ToolCall:
    """A part of a scripted answer: the model asks for a tool."""

    name: str
    args: str = "{}"
    id: str = "call_1"


@dataclass(frozen=True)
class Finish:
    """A part of a scripted answer: how it ends, when it does not end with `stop`. `reason` None leaves it out."""

    reason: str | None


Part = str | asyncio.Event | BaseException | ToolCall | Finish | AIMessageChunk
ScriptedAnswer = Sequence[Part] | BaseException | str


@dataclass(frozen=True)
class Call:
    """What the model was asked."""

    messages: list[BaseMessage]
    kwargs: dict[str, Any] = field(default_factory=dict)

    @property
    def text(self) -> str:
        return "\n".join(str(message.content) for message in self.messages)


class ScriptedChatModel(BaseChatModel):
    """Answers from a script, one answer a call, and fails when it is asked once more than it has answers.

    An answer is a string (streamed in words), an exception, or a sequence of parts: a string is one token, an
    `asyncio.Event` is waited for, an exception is raised at that place, a `ToolCall` asks for a tool, a `Finish`
    changes the finish reason. An answer that says nothing else ends with `finish_reason: stop` and counted usage.

    Attributes:
        calls: every call, in order.
        waiting: set while the model waits for an event of its script.
        abandoned: answers that were cancelled or closed before their end.
    """

    _answers: list[ScriptedAnswer] = PrivateAttr(default_factory=list)
    _calls: list[Call] = PrivateAttr(default_factory=list)
    _waiting: asyncio.Event = PrivateAttr(default_factory=asyncio.Event)
    _abandoned: int = PrivateAttr(default=0)
    _asked: int = PrivateAttr(default=0)

    def __init__(self, *answers: ScriptedAnswer, **fields: Any) -> None:
        super().__init__(**fields)
        self._answers = list(answers)

    @property
    def calls(self) -> list[Call]:
        return self._calls

    @property
    def waiting(self) -> asyncio.Event:
        return self._waiting

    @property
    def abandoned(self) -> int:
        return self._abandoned

    @property
    def used_up(self) -> bool:
        """True when every scripted answer was asked for, and no more."""
        return self._asked == len(self._answers)

    @property
    def _llm_type(self) -> str:
        return "scripted"

    def bind_tools(self, tools: Sequence[Any], **kwargs: Any) -> Runnable[Any, Any]:
        return self.bind(tools=list(tools), **kwargs)

    def _next_parts(self, messages: list[BaseMessage], kwargs: dict[str, Any]) -> Sequence[Part]:
        self._calls.append(Call(list(messages), kwargs))
        self._asked += 1
        if self._asked > len(self._answers):
            raise AssertionError(
                f"The scripted model has {len(self._answers)} answers and was asked {self._asked} times; "
                f"last: {self._calls[-1].text!r}. Script another answer."
            )
        answer = self._answers[self._asked - 1]
        if isinstance(answer, str):
            return re.findall(r"\s*\S+\s*$|\s*\S+", answer)
        return [answer] if isinstance(answer, BaseException) else answer

    def _stream(
        self, messages: list[BaseMessage], stop: list[str] | None = None, run_manager: Any = None, **kwargs: Any
    ) -> Iterator[ChatGenerationChunk]:
        writer = _Writer(messages)
        for part in self._next_parts(messages, kwargs):
            if isinstance(part, asyncio.Event):
                raise AssertionError("A scripted pause needs the async face: use astream or ainvoke.")
            if (chunk := writer.write(part)) is not None:
                if run_manager:
                    run_manager.on_llm_new_token(str(chunk.message.content), chunk=chunk)
                yield chunk
        yield writer.last()

    async def _astream(
        self, messages: list[BaseMessage], stop: list[str] | None = None, run_manager: Any = None, **kwargs: Any
    ) -> AsyncIterator[ChatGenerationChunk]:
        writer = _Writer(messages)
        complete = False
        try:
            for part in self._next_parts(messages, kwargs):
                if isinstance(part, asyncio.Event):
                    await self._wait_for(part)
                elif (chunk := writer.write(part)) is not None:
                    yield chunk
            complete = True
            yield writer.last()
        except (asyncio.CancelledError, GeneratorExit):
            self._abandoned += not complete
            raise

    async def _wait_for(self, event: asyncio.Event) -> None:
        self._waiting.set()
        try:
            await event.wait()
        finally:
            self._waiting.clear()

    def _generate(
        self, messages: list[BaseMessage], stop: list[str] | None = None, run_manager: Any = None, **kwargs: Any
    ) -> ChatResult:
        return generate_from_stream(self._stream(messages, stop, None, **kwargs))

    async def _agenerate(
        self, messages: list[BaseMessage], stop: list[str] | None = None, run_manager: Any = None, **kwargs: Any
    ) -> ChatResult:
        chunks = [chunk async for chunk in self._astream(messages, stop, None, **kwargs)]
        return generate_from_stream(iter(chunks))


class _Writer:
    """Turns the parts of one answer into chunks, and remembers how it ends."""

    def __init__(self, messages: Sequence[BaseMessage]) -> None:
        self._input_tokens = sum(len(str(message.content).split()) for message in messages)
        self._output_tokens = 0
        self._finish: str | None = "stop"
        self._tools = 0

    def write(self, part: Part) -> ChatGenerationChunk | None:
        if isinstance(part, BaseException):
            raise part
        if isinstance(part, Finish):
            self._finish = part.reason
            return None
        self._output_tokens += 1
        if isinstance(part, ToolCall):
            self._finish, self._tools = "tool_calls", self._tools + 1
            call = tool_call_chunk(name=part.name, args=part.args, id=part.id, index=self._tools - 1)
            part = AIMessageChunk(content="", tool_call_chunks=[call])
        message = part if isinstance(part, AIMessageChunk) else AIMessageChunk(content=str(part))
        return ChatGenerationChunk(message=message)

    def last(self) -> ChatGenerationChunk:
        total = self._input_tokens + self._output_tokens
        message = AIMessageChunk(
            content="",
            response_metadata={"finish_reason": self._finish} if self._finish else {},
            usage_metadata={
                "input_tokens": self._input_tokens,
                "output_tokens": self._output_tokens,
                "total_tokens": total,
            },
            chunk_position="last",
        )
        return ChatGenerationChunk(message=message)


class FakeEmbeddings(Embeddings):
    """Texts that share words get near vectors: each word, and each CJK character, is hashed to a direction.

    Attributes:
        calls: how often it was asked; `texts`: every text it embedded, in order.
        failure: raised instead of embedding, when set.
    """

    def __init__(self, dimension: int = 64) -> None:
        self.dimension = dimension
        self.calls = 0
        self.texts: list[str] = []
        self.failure: BaseException | None = None

    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        self.calls += 1
        self.texts.extend(texts)
        if self.failure is not None:
            raise self.failure
        return [self._vector(text) for text in texts]

    def embed_query(self, text: str) -> list[float]:
        return self.embed_documents([text])[0]

    def _vector(self, text: str) -> list[float]:
        vector = [0.0] * self.dimension
        for word in re.findall(r"[^\W\d_a-zA-Z]|\w+", unicodedata.normalize("NFKC", text).lower()):
            for number in _numbers(word):
                vector[(number >> 1) % self.dimension] += 1.0 if number & 1 else -1.0
        length = math.sqrt(sum(value * value for value in vector))
        if not length:
            return [1.0] + [0.0] * (self.dimension - 1)
        return [value / length for value in vector]


@functools.lru_cache(maxsize=100_000)
def _numbers(word: str) -> tuple[int, ...]:
    digest = hashlib.blake2b(word.encode("utf-8", "replace"), digest_size=8 * 4).digest()
    return struct.unpack(">8I", digest)


def make_page(*texts: str, url: str = "https://example.org/page", title: str = "A page", **fields: Any) -> Page:
    """A page of paragraphs; `## Two words` becomes a heading of level 2 with the anchor `two-words`."""
    blocks: list[Block] = []
    anchor: str | None = None
    for text in texts or ("Footnote answers questions over web pages.",):
        if text.startswith("#"):
            level, text = len(text) - len(text.lstrip("#")), text.lstrip("# ")
            anchor = re.sub(r"\W+", "-", text.lower()).strip("-")
            blocks.append(Block("heading", text, level, anchor))
        else:
            blocks.append(Block("paragraph", text, anchor=anchor))
    return Page(url, title, tuple(blocks), **{"fetched_at": EPOCH, "language": "en", **fields})


def make_chunk(text: str, url: str = "https://example.org/page", ordinal: int = 0, **fields: Any) -> Chunk:
    """A chunk whose id follows from URL, ordinal and text."""
    identity = hashlib.sha256(f"{url}\n{ordinal}\n{text}".encode()).hexdigest()[:32]
    start = fields.pop("start", 0)
    defaults: dict[str, Any] = {"title": "A page", "language": "en"}
    return Chunk(fields.pop("id", identity), url, ordinal, start, start + len(text), text, **{**defaults, **fields})


def make_chunks(page: Page, size: int = 1) -> list[Chunk]:
    """A page cut into chunks of `size` blocks each, at their true places."""
    chunks: list[Chunk] = []
    position = 0
    for first in range(0, len(page.blocks), size):
        group = page.blocks[first : first + size]
        text = BLOCK_SEPARATOR.join(block.text for block in group)
        fields = {"start": position, "title": page.title, "anchor": group[0].anchor, "language": page.language}
        chunks.append(make_chunk(text, page.url, len(chunks), **fields))
        position += len(text) + len(BLOCK_SEPARATOR)
    return chunks


def make_document(text: str, n: int = 1, url: str = "https://example.org/page", **fields: Any) -> Document:
    """A document as a reader sees it."""
    defaults: dict[str, Any] = {
        "id": make_chunk(text, url).id,
        "title": "A page",
        "section": (),
        "score": 1.0 / n,
        "link": url,
        "language": "en",
        "fetched_at": EPOCH,
    }
    return Document(n=n, url=url, text=text, **{**defaults, **fields})


def make_documents(*texts: str) -> list[Document]:
    """Documents numbered from 1, one page each."""
    return [make_document(text, n, f"https://example.org/{n}") for n, text in enumerate(texts, 1)]


def similarity(embeddings: Embeddings) -> Callable[[str, str], float]:
    """Cosine of two texts under `embeddings`, for tests that state which texts are near."""

    def cosine(one: str, other: str) -> float:
        first, second = embeddings.embed_documents([one, other])
        return sum(a * b for a, b in zip(first, second, strict=True))

    return cosine
