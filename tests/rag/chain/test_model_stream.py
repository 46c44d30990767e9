from __future__ import annotations

import asyncio
from typing import Any

import pytest
from langchain_core.messages import AIMessage, AIMessageChunk, HumanMessage

from rag.chain.answer import finished
from rag.chain.model_stream import ModelCall, Reply, finish_reason
from rag.errors import ModelError, ModelRateLimited, ModelRejectedKey, ModelStreamBroken, ModelUnavailable
from rag.models.chat import ChatModel
from rag.settings import Settings
from tests.fakes import Finish, ScriptedChatModel, make_documents

ASKED = [HumanMessage("What?")]


class Pauses:
    """Remembers how long it was to wait, and does not."""

    def __init__(self) -> None:
        self.seconds: list[float] = []

    async def __call__(self, seconds: float) -> None:
        self.seconds.append(seconds)


def call(model: ScriptedChatModel, retries: int = 0, pauses: Pauses | None = None, **settings: Any) -> ModelCall:
    chat = ChatModel("scripted", model)
    return ModelCall(chat, Settings(_env_file=None, **settings), retries, pauses or Pauses())


async def test_an_answer_comes_with_its_finish_reason_and_usage() -> None:
    reply = await call(ScriptedChatModel("Two words")).run(ASKED, {})
    assert (reply.text, reply.finish_reason) == ("Two words", "stop")
    assert reply.usage["output_tokens"] == 2


async def test_it_is_tried_again_while_nothing_was_said() -> None:
    model, pauses = ScriptedChatModel(ModelUnavailable("down"), ModelUnavailable("down"), "Now"), Pauses()
    assert (await call(model, 2, pauses).run(ASKED, {})).text == "Now"
    assert 0.25 <= pauses.seconds[0] <= 0.5 <= pauses.seconds[1] <= 1.0


async def test_an_empty_answer_is_tried_again_and_is_an_error_in_the_end() -> None:
    assert (await call(ScriptedChatModel([Finish("stop")], "Now"), 1).run(ASKED, {})).text == "Now"
    with pytest.raises(ModelError, match="empty answer"):
        await call(ScriptedChatModel([Finish("stop")])).run(ASKED, {})


async def test_nothing_is_tried_again_after_the_first_token() -> None:
    model = ScriptedChatModel(["One ", ModelUnavailable("gone")], "Never")
    with pytest.raises(ModelError):
        await call(model, 2).run(ASKED, {})
    assert len(model.calls) == 1


async def test_a_foreign_error_in_mid_answer_is_a_broken_stream() -> None:
    with pytest.raises(ModelStreamBroken):
        await call(ScriptedChatModel(["One ", ConnectionResetError("cut")])).run(ASKED, {})


async def test_a_refused_key_is_not_tried_again() -> None:
    model = ScriptedChatModel(ModelRejectedKey("no"), "Never")
    with pytest.raises(ModelRejectedKey):
        await call(model, 2).run(ASKED, {})
    assert len(model.calls) == 1


@pytest.mark.parametrize(("asked_for", "waited"), [(3.0, 3.0), (3600.0, 10.0), (-1.0, 0.0)])
async def test_retry_after_is_obeyed_up_to_a_cap(asked_for: float, waited: float) -> None:
    pauses = Pauses()
    model = ScriptedChatModel(ModelRateLimited("slow", retry_after=asked_for), "Now")
    await call(model, 1, pauses).run(ASKED, {})
    assert pauses.seconds == [waited]


async def test_there_is_no_further_try_after_the_deadline() -> None:
    model = ScriptedChatModel(ModelRateLimited("slow", retry_after=9), "Never")
    with pytest.raises(ModelRateLimited):
        await call(model, 1, ask_timeout=5).run(ASKED, {})


async def test_a_model_that_does_not_begin_is_unavailable() -> None:
    model = ScriptedChatModel([asyncio.Event(), "Never"])
    with pytest.raises(ModelUnavailable, match="RAG_FIRST_TOKEN_TIMEOUT"):
        await call(model, first_token_timeout=0.01).run(ASKED, {})
    assert model.abandoned == 1


async def test_a_model_that_stalls_in_mid_answer_is_broken() -> None:
    model = ScriptedChatModel(["One ", asyncio.Event()])
    with pytest.raises(ModelStreamBroken, match="said nothing"):
        await call(model, token_timeout=0.01).run(ASKED, {})
    assert model.abandoned == 1


async def test_a_stream_that_ends_without_a_reason_is_no_answer() -> None:
    with pytest.raises(ModelStreamBroken, match="finish reason"):
        await call(ScriptedChatModel(["One ", Finish(None)])).run(ASKED, {})


async def test_cancelling_closes_the_model_at_once() -> None:
    model = ScriptedChatModel(["One ", asyncio.Event()])
    task = asyncio.create_task(call(model).run(ASKED, {}))
    await model.waiting.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert model.abandoned == 1


@pytest.mark.parametrize(
    ("given", "reason"),
    [("stop", "stop"), ("length", "length"), ("content_filter", "blocked"), ("no_answer", "no_answer")],
)
def test_a_finish_reason_is_passed_on_in_our_words(given: str, reason: str) -> None:
    assert finished("What?", Reply("A [1].", given), make_documents("A."))["finish_reason"] == reason


def test_the_agreed_sentence_means_no_answer_and_an_unknown_reason_is_an_error() -> None:
    assert finished("What?", Reply("The documents do not answer this question.", "stop"), [])["finish_reason"] == (
        "no_answer"
    )
    with pytest.raises(ModelError, match="'error'"):
        finished("What?", Reply("A", "error"), [])


def test_the_conversation_remembers_the_pages_an_answer_named() -> None:
    documents = make_documents("A.", "B.", "C.")
    _, remembered = finished("What?", Reply("A [1]. C【3】.", "stop"), documents)["history"]
    assert [source["n"] for source in remembered["additional_kwargs"]["sources"]] == [1, 3]


@pytest.mark.parametrize(
    ("metadata", "reason"),
    [
        ({"finish_reason": "stop"}, "stop"),
        ({"stop_reason": "max_tokens"}, "length"),
        ({"done_reason": "stop"}, "stop"),
        ({}, None),
    ],
)
def test_finish_reasons_of_other_providers_are_understood(metadata: dict[str, Any], reason: str | None) -> None:
    assert finish_reason(AIMessage("", response_metadata=metadata)) == reason
    assert finish_reason(AIMessageChunk("", response_metadata=metadata)) == reason
