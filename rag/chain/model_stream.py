"""One streamed call of a chat model: time limits, tries before the first token, an honest account of its end."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any, cast

from langchain_core.messages import AIMessage, AIMessageChunk, BaseMessage
from langchain_core.outputs import ChatGenerationChunk
from langchain_core.runnables import RunnableConfig

from rag.chain.guarded_model import guarded
from rag.chain.patience import Patience
from rag.chain.traced import traced
from rag.errors import ModelError, ModelRateLimited, ModelStreamBroken, ModelUnavailable
from rag.models.chat import ChatModel, translate_model_error
from rag.models.chunks import read_chunks
from rag.request import is_blank
from rag.settings import Settings
from rag.text.characters import whole_characters
from rag.text.growing import GrowingText

_LONGEST_PAUSE = 10.0
_FIRST_PAUSE = 0.5


class Reply:
    """What a model said. `finish_reason` is the provider's word, None when the stream ended without one."""

    def __init__(
        self, text: str = "", finish_reason: str | None = None, usage: Mapping[str, int] | None = None
    ) -> None:
        self._text = GrowingText(text)
        self.finish_reason = finish_reason
        self.usage = dict(usage or {})
        self.calls_tools = False

    @property
    def began(self) -> bool:
        """Whether anything was said that cannot be taken back."""
        return bool(self._text) or self.calls_tools

    @property
    def text(self) -> str:
        """All of it, in whole characters: it will be searched, stored or sent to a model again."""
        return whole_characters(str(self._text))

    def take(self, chunk: AIMessageChunk) -> None:
        content = chunk.content
        self._text.add(content if isinstance(content, str) else chunk.text)
        if chunk.tool_call_chunks:
            self.calls_tools = True
        if chunk.response_metadata:
            self.finish_reason = finish_reason(chunk) or self.finish_reason
        for name, count in (chunk.usage_metadata or {}).items():
            if isinstance(count, int):
                self.usage[name] = self.usage.get(name, 0) + count


def finish_reason(chunk: AIMessage) -> str | None:
    """How the answer ended, in OpenAI's words, whatever the provider calls it."""
    metadata = chunk.response_metadata
    reason = metadata.get("finish_reason") or metadata.get("stop_reason") or metadata.get("done_reason")
    return _SAME_REASON.get(str(reason).lower(), str(reason).lower()) if reason else None


_SAME_REASON = {
    "end_turn": "stop",
    "stop_sequence": "stop",
    "eos": "stop",
    "max_tokens": "length",
    "tool_use": "tool_calls",
    "safety": "content_filter",
    "refusal": "content_filter",
}


@dataclass(frozen=True, slots=True)
class ModelCall:
    """How a model is called: with which limits and how often.

    Attributes:
        retries: further tries, made only while nothing was said yet.
        sleep: seam for tests; waits between tries.
        guarded: keep what must not be said out of it; False for a caller that does so itself.
    """

    chat: ChatModel
    settings: Settings
    retries: int = 0
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    guarded: bool = True

    async def run(self, messages: Sequence[BaseMessage], config: RunnableConfig, **kwargs: Any) -> Reply:
        """Streams an answer to the end; its tokens leave by the callbacks of `config` as they come.

        Raises:
            ModelUnavailable: nothing came in time.
            ModelStreamBroken: it stopped in mid-answer, or ended without saying why.
            ModelError: what else the provider said no with, and an empty answer.
        """
        reply = Reply()
        async with aclosing(self._tries(messages, config, kwargs)) as chunks:
            async for said, _ in chunks:
                reply = said
        return reply

    async def stream(
        self, messages: Sequence[BaseMessage], config: RunnableConfig, **kwargs: Any
    ) -> AsyncGenerator[AIMessageChunk]:
        """The chunks of an answer, from the try that came through. Raises as `run`."""
        async with aclosing(self._tries(messages, config, kwargs)) as chunks:
            async for _, chunk in chunks:
                yield chunk

    async def _tries(
        self, messages: Sequence[BaseMessage], config: RunnableConfig, kwargs: dict[str, Any]
    ) -> AsyncGenerator[tuple[Reply, AIMessageChunk]]:
        time = asyncio.get_running_loop().time
        deadline = time() + self.settings.ask_timeout
        for attempt in range(self.retries + 1):
            reply = Reply()
            try:
                async with aclosing(self._chunks(reply, list(messages), config, kwargs)) as chunks:
                    async for chunk in chunks:
                        yield reply, chunk
                return
            except ModelError as error:
                pause = _pause(error, attempt)
                out_of_time = time() + pause >= deadline
                if reply.began or not error.retryable or attempt == self.retries or out_of_time:
                    raise
            await self.sleep(pause)

    async def _chunks(
        self, reply: Reply, messages: list[BaseMessage], config: RunnableConfig, kwargs: dict[str, Any]
    ) -> AsyncGenerator[AIMessageChunk]:
        patience = Patience()
        try:
            async with aclosing(self._said(messages, config, kwargs)) as chunks:
                patience.wait(self.settings.first_token_timeout)
                async for chunk in chunks:
                    patience.rest()
                    message = cast(AIMessageChunk, chunk.message)
                    reply.take(message)
                    yield message
                    patience.wait(self._limit(reply))
        except ModelError:
            raise
        except asyncio.CancelledError:
            if patience.ran_out():
                raise self._silent(reply) from None
            raise
        except Exception as error:
            translated = translate_model_error(error, self.chat.name)
            if reply.began and not isinstance(translated, ModelStreamBroken):
                translated = self._broken("stopped in mid-answer")
            raise translated from error
        finally:
            patience.close()
        self._check(reply)

    def _said(
        self, messages: list[BaseMessage], config: RunnableConfig, kwargs: dict[str, Any]
    ) -> AsyncGenerator[ChatGenerationChunk]:
        """What the model says, without what must not be said, told to the callbacks."""
        chunks = read_chunks(self.chat.model, messages, **kwargs)
        if self.guarded and self.settings.blocked_phrases:
            chunks = guarded(chunks, self.settings.blocked_phrases)
        return traced(chunks, self.chat.model, messages, config)

    def _limit(self, reply: Reply) -> float:
        return self.settings.token_timeout if reply.began else self.settings.first_token_timeout

    def _silent(self, reply: Reply) -> ModelError:
        limit = self._limit(reply)
        if reply.began:
            return self._broken(f"said nothing for {limit:g} seconds in mid-answer")
        return ModelUnavailable(
            f"The model {self.chat.name!r} said nothing for {limit:g} seconds.",
            "Check its server, or raise RAG_FIRST_TOKEN_TIMEOUT.",
        )

    def _check(self, reply: Reply) -> None:
        """Raises unless an answer that has ended is one."""
        if reply.finish_reason is None and reply.began:
            raise self._broken("ended its stream without a finish reason, so the answer may be cut")
        if is_blank(reply.text) and not reply.calls_tools and reply.finish_reason != "content_filter":
            cure = "Raise RAG_MAX_ANSWER_TOKENS." if reply.finish_reason == "length" else "Ask again."
            raise ModelError(f"The model {self.chat.name!r} returned an empty answer.", cure)

    def _broken(self, what: str) -> ModelStreamBroken:
        return ModelStreamBroken(f"The model {self.chat.name!r} {what}.", "Ask again.")


def _pause(error: ModelError, attempt: int) -> float:
    """Seconds before the next try: what the provider asks for, else doubling with jitter; 10 at most."""
    if error.retry_after is not None:
        return min(max(error.retry_after, 0.0), _LONGEST_PAUSE)
    base = _FIRST_PAUSE * (1 << attempt) * (2 if isinstance(error, ModelRateLimited) else 1)
    return min(base, _LONGEST_PAUSE) * random.uniform(0.5, 1.0)  # noqa: S311 - jitter, not a secret
