"""The stand-ins behave as the tests that use them believe."""

from __future__ import annotations

import asyncio

import pytest
from langchain_core.messages import AIMessageChunk

from rag.errors import ModelUnavailable
from tests.fakes import FakeEmbeddings, Finish, ScriptedChatModel, ToolCall, make_chunks, make_page, similarity


async def whole(model: ScriptedChatModel, question: str = "Why?") -> AIMessageChunk:
    message = AIMessageChunk(content="")
    async for chunk in model.astream(question):
        message += chunk
    return message


async def test_streams_the_scripted_tokens_and_ends_with_usage() -> None:
    model = ScriptedChatModel(["Because", " so."])
    message = await whole(model)
    assert message.content == "Because so."
    assert message.response_metadata["finish_reason"] == "stop"
    assert message.usage_metadata is not None
    assert message.usage_metadata["output_tokens"] == 2
    assert model.used_up
    assert model.calls[0].text == "Why?"


async def test_a_string_is_streamed_word_by_word() -> None:
    model = ScriptedChatModel("Because it is so.", "Yes.")
    tokens = [chunk.content async for chunk in model.astream("Why?")]
    assert [token for token in tokens if token] == ["Because", " it", " is", " so."]
    assert (await model.ainvoke("Is it?")).content == "Yes."


async def test_an_exception_comes_where_the_script_says() -> None:
    model = ScriptedChatModel(["Be", ModelUnavailable("gone")], ModelUnavailable("down"))
    stream = model.astream("Why?")
    assert (await anext(stream)).content == "Be"
    with pytest.raises(ModelUnavailable, match="gone"):
        await anext(stream)
    with pytest.raises(ModelUnavailable, match="down"):
        model.invoke("Why?")


async def test_fails_when_asked_too_often() -> None:
    model = ScriptedChatModel("Once.")
    model.invoke("Why?")
    with pytest.raises(AssertionError, match="1 answers and was asked 2 times"):
        await model.ainvoke("Why?")
    assert not model.used_up


async def test_pauses_until_the_event_and_counts_abandoned_answers() -> None:
    go = asyncio.Event()
    model = ScriptedChatModel(["a", go, "b"], ["a", asyncio.Event(), "b"])
    task = asyncio.create_task(whole(model))
    await model.waiting.wait()
    go.set()
    assert (await task).content == "ab"
    task = asyncio.create_task(whole(model))
    await model.waiting.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert model.abandoned == 1


async def test_asks_for_tools_and_finishes_as_told() -> None:
    model = ScriptedChatModel([ToolCall("search", '{"query": "x"}')], ["cut", Finish("length")])
    message = await whole(model)
    assert message.tool_calls[0]["args"] == {"query": "x"}
    assert message.response_metadata["finish_reason"] == "tool_calls"
    assert (await whole(model)).response_metadata["finish_reason"] == "length"


def test_shared_words_mean_near_vectors_in_english_and_chinese() -> None:
    embeddings = FakeEmbeddings()
    near = similarity(embeddings)
    assert near("Chroma keeps vectors", "vectors in Chroma") > near("Chroma keeps vectors", "the weather in May") + 0.3
    assert near("向量保存在哪里", "向量保存在目录里") > near("向量保存在哪里", "今天天气很好") + 0.3
    assert near("same", "same") == pytest.approx(1.0)
    assert embeddings.calls == 5


def test_chunks_are_slices_of_their_page() -> None:
    page = make_page("# One", "First text.", "## Two words", "第二段。")
    chunks = make_chunks(page, size=2)
    assert [page.text[chunk.start : chunk.end] for chunk in chunks] == [chunk.text for chunk in chunks]
    assert chunks[1].anchor == "two-words"
