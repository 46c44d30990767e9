"""Callbacks hear of a model's run what LangChain's own `astream` tells them."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from langchain_core.callbacks import AsyncCallbackHandler
from langchain_core.messages import AIMessageChunk, HumanMessage

from rag.chain.traced import traced
from rag.models.chunks import read_chunks
from tests.fakes import ScriptedChatModel

ASKED: list[Any] = [HumanMessage("What?")]


class Listener(AsyncCallbackHandler):
    """Writes down what it hears."""

    def __init__(self) -> None:
        self.heard: list[Any] = []

    async def on_chat_model_start(self, serialized: Any, messages: Any, **told: Any) -> None:
        name = told["name"] or serialized["id"][-1]
        self.heard.append(("start", name, messages[0][0].text, told["tags"], told["metadata"]["ls_model_type"]))

    async def on_llm_new_token(self, token: Any, *, chunk: Any = None, **_: Any) -> None:
        self.heard.append(("token", token, chunk.message.content))

    async def on_llm_end(self, response: Any, **_: Any) -> None:
        message = response.generations[0][0].message
        self.heard.append(("end", message.text, message.usage_metadata, message.response_metadata))

    async def on_llm_error(self, error: BaseException, **_: Any) -> None:
        self.heard.append(("error", type(error)))


async def ours(model: ScriptedChatModel, config: Any) -> None:
    async for _ in traced(read_chunks(model, ASKED), model, ASKED, config):
        pass


async def theirs(model: ScriptedChatModel, config: Any) -> None:
    async for _ in model.astream(ASKED, config):
        pass


async def test_a_run_is_told_as_langchain_tells_it() -> None:
    """Start with name, tags and metadata; each token; the end with text, usage and metadata."""
    told = []
    for way in (ours, theirs):
        listener = Listener()
        await way(ScriptedChatModel("Two words", tags=["own"]), {"callbacks": [listener], "tags": ["t"]})
        told.append(listener.heard)
    assert told[0] == told[1]
    assert told[0][0] == ("start", "ScriptedChatModel", "What?", ["t", "own"], "chat")


async def test_the_name_of_the_configuration_is_used() -> None:
    listener = Listener()
    await ours(ScriptedChatModel("Yes"), {"callbacks": [listener], "run_name": "mine"})
    assert listener.heard[0][1] == "mine"


async def test_a_failure_is_told_and_raised() -> None:
    listener = Listener()
    with pytest.raises(ConnectionResetError):
        await ours(ScriptedChatModel(["One ", ConnectionResetError("cut")]), {"callbacks": [listener]})
    assert listener.heard[-1] == ("error", ConnectionResetError)


async def test_leaving_early_closes_the_model() -> None:
    listener, model = Listener(), ScriptedChatModel(["One ", asyncio.Event()])
    chunks = traced(read_chunks(model, ASKED), model, ASKED, {"callbacks": [listener]})
    assert isinstance((await anext(chunks)).message, AIMessageChunk)
    await chunks.aclose()
    assert model.abandoned == 1
    assert listener.heard[-1] == ("error", GeneratorExit)
