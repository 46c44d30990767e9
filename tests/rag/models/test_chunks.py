"""Chunks of any model, in whole characters, and none of them kept."""

from __future__ import annotations

import gc
from collections.abc import AsyncIterator
from typing import Any

import pytest
from langchain_core.callbacks import AsyncCallbackHandler
from langchain_core.language_models.chat_models import BaseChatModel
from langchain_core.messages import AIMessage, AIMessageChunk, HumanMessage
from langchain_core.outputs import ChatGeneration, ChatGenerationChunk, ChatResult
from langchain_core.rate_limiters import InMemoryRateLimiter

from rag.models.chunks import read_chunks
from tests.fakes import ScriptedChatModel

ASKED: list[Any] = [HumanMessage("What?")]


async def text_of(model: Any, **kwargs: Any) -> str:
    return "".join([str(chunk.message.text) async for chunk in read_chunks(model, ASKED, **kwargs)])


class Whole(BaseChatModel):
    """Does not stream."""

    @property
    def _llm_type(self) -> str:
        return "whole"

    def _generate(self, *_: Any, **__: Any) -> ChatResult:
        message = AIMessage("All at once \ud800.", response_metadata={"finish_reason": "stop"})
        return ChatResult(generations=[ChatGeneration(message=message)])


class Information(BaseChatModel):
    """Tells its finish reason beside the message, as the clients of OpenAI do."""

    @property
    def _llm_type(self) -> str:
        return "information"

    def _generate(self, *_: Any, **__: Any) -> ChatResult:
        raise NotImplementedError

    async def _astream(self, *_: Any, **__: Any) -> AsyncIterator[ChatGenerationChunk]:
        yield ChatGenerationChunk(message=AIMessageChunk("Yes."), generation_info={"finish_reason": "stop"})


async def test_a_model_that_does_not_stream_is_one_chunk() -> None:
    chunks = [chunk.message async for chunk in read_chunks(Whole(), ASKED)]
    assert [(chunk.text, chunk.response_metadata["finish_reason"]) for chunk in chunks] == [
        ("All at once \ud800.", "stop")
    ]


async def test_streaming_that_is_switched_off_stays_off() -> None:
    assert await text_of(ScriptedChatModel("Two words", disable_streaming=True)) == "Two words"


async def test_what_is_bound_to_a_model_is_passed_on() -> None:
    model = ScriptedChatModel("Yes", "Yes")
    assert await text_of(model.bind(stop=["."]).bind(a=1), b=2) == "Yes"
    assert await text_of(model.with_config(tags=["t"]), b=2) == "Yes"
    assert [call.kwargs for call in model.calls] == [{"a": 1, "b": 2}, {"b": 2}]


async def test_what_is_told_beside_a_message_is_in_it() -> None:
    (chunk,) = [chunk async for chunk in read_chunks(Information(), ASKED)]
    assert chunk.message.response_metadata["finish_reason"] == "stop"


async def test_a_rate_limiter_is_asked() -> None:
    limiter = InMemoryRateLimiter(requests_per_second=1_000, check_every_n_seconds=0.001)
    assert await text_of(ScriptedChatModel("Yes", rate_limiter=limiter)) == "Yes"
    assert limiter.last is not None


async def test_callbacks_of_a_model_hear_it() -> None:
    """Those it was made with; nobody else's."""
    heard = []

    class Listener(AsyncCallbackHandler):
        async def on_llm_new_token(self, token: Any, **_: Any) -> None:
            heard.append(token)

    assert await text_of(ScriptedChatModel("Two words", callbacks=[Listener()])) == "Two words"
    assert heard[:2] == ["Two", " words"]


@pytest.mark.parametrize("form", [str, lambda text: [{"type": "text", "text": text, "index": 0}]])
async def test_halves_of_characters_are_joined_across_chunks(form: Any) -> None:
    tokens = ["smile \ud83d", "\ude00 a\ud800b", "\udc00", " end \ud83d"]
    model = ScriptedChatModel([AIMessageChunk(content=form(token)) for token in tokens])
    assert await text_of(model) == "smile 😀 a\ud800b\udc00 end \ud83d"


async def test_no_chunk_is_kept() -> None:
    """When the last one is read, the others are gone."""
    kept, number = [], 0
    async for _ in read_chunks(ScriptedChatModel(["x "] * 200), ASKED):
        number += 1
        if number % 25 == 0:  # to look at every object there is takes a while
            kept.append(sum(type(thing) is ChatGenerationChunk for thing in gc.get_objects()))
    assert len(kept) == 8
    assert max(kept) - min(kept) < 10
