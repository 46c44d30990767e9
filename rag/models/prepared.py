"""Chat models that know their whole answer before they say it: no provider, no network, told token by token."""

from __future__ import annotations

import asyncio
import re
from abc import abstractmethod
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from typing import Any

from langchain_core.callbacks import AsyncCallbackManagerForLLMRun, CallbackManagerForLLMRun
from langchain_core.language_models.chat_models import BaseChatModel, generate_from_stream
from langchain_core.messages import AIMessageChunk, BaseMessage
from langchain_core.outputs import ChatGenerationChunk, ChatResult

from rag.text.language import CJK_RANGES

_TOKEN = re.compile(rf"\s*(?:[{CJK_RANGES}]{{1,2}}|[^\s{CJK_RANGES}]+)|\s+")


@dataclass(frozen=True, slots=True)
class PreparedAnswer:
    """An answer, and why it ends: `stop`, `no_answer`, or `length`."""

    text: str
    finish_reason: str


class PreparedChatModel(BaseChatModel):
    """Tells what `prepare` gives it. The last chunk carries `finish_reason` in its `response_metadata`."""

    @abstractmethod
    def prepare(self, messages: list[BaseMessage], **kwargs: Any) -> PreparedAnswer:
        """The whole answer. Runs in a thread when it is asked for from an event loop."""

    def _stream(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> Iterator[ChatGenerationChunk]:
        for chunk in _chunks(self.prepare(messages, **kwargs)):
            if run_manager:
                run_manager.on_llm_new_token(chunk.text, chunk=chunk)
            yield chunk

    async def _astream(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: AsyncCallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> AsyncIterator[ChatGenerationChunk]:
        for chunk in _chunks(await asyncio.to_thread(self.prepare, messages, **kwargs)):
            yield chunk

    def _generate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        return generate_from_stream(self._stream(messages, **kwargs))


def _chunks(answer: PreparedAnswer) -> Iterator[ChatGenerationChunk]:
    for token in _TOKEN.findall(answer.text):
        yield ChatGenerationChunk(message=AIMessageChunk(content=token))
    last = AIMessageChunk(
        content="",
        response_metadata={"finish_reason": answer.finish_reason},
        usage_metadata={"input_tokens": 0, "output_tokens": 0, "total_tokens": 0},
        chunk_position="last",
    )
    yield ChatGenerationChunk(message=last)
