"""The stand-in for OpenAI speaks its protocol: the real clients of LangChain run against it."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx
import openai
import pytest
from langchain_openai import ChatOpenAI, OpenAIEmbeddings

from tests.openai_server import Fault, OpenAIServer, Reply, ToolCall


def _chat(server: OpenAIServer, **options: Any) -> ChatOpenAI:
    return ChatOpenAI(model="fake", api_key="k", base_url=server.url, max_retries=0, **options)  # type: ignore[arg-type]


async def test_chat_streams_tokens_usage_and_the_finish_reason() -> None:
    """`ChatOpenAI.astream` gets every token, the usage and the finish reason."""
    async with OpenAIServer(Reply(["Chroma ", "keeps ", "vectors."])) as server:
        chunks = [chunk async for chunk in _chat(server, stream_usage=True).astream("What keeps vectors?")]
    assert "".join(str(chunk.content) for chunk in chunks) == "Chroma keeps vectors."
    assert any(chunk.response_metadata.get("finish_reason") == "stop" for chunk in chunks)
    assert [chunk.usage_metadata["output_tokens"] for chunk in chunks if chunk.usage_metadata] == [3]
    assert server.chats[0].body["messages"][0]["content"] == "What keeps vectors?"
    assert not server.chats[0].closed_early


async def test_chat_answers_in_one_piece() -> None:
    """Without `stream` the answer is one object."""
    async with OpenAIServer(Reply("Chroma keeps vectors.")) as server:
        message = await _chat(server).ainvoke("What?")
    assert message.content == "Chroma keeps vectors."


async def test_tool_calls_come_in_pieces() -> None:
    """Two parallel calls are put together again by the client."""
    reply = Reply([ToolCall("search", '{"question": "a"}', "one"), ToolCall("open", '{"id": "b"}', "two")])
    async with OpenAIServer(reply) as server:
        total: Any = None
        async for chunk in _chat(server).astream("What?"):
            total = chunk if total is None else total + chunk
    assert [(call["name"], call["args"]) for call in total.tool_calls] == [
        ("search", {"question": "a"}),
        ("open", {"id": "b"}),
    ]


async def test_embeddings_in_both_encodings_are_the_same() -> None:
    """Base64 and float forms hold the same vectors, of the dimensions that were asked for."""
    async with OpenAIServer(dimension=32) as server:
        embeddings = OpenAIEmbeddings(
            model="fake",
            api_key="k",
            base_url=server.url,
            check_embedding_ctx_length=False,  # type: ignore[arg-type]
        )
        base64_form = await embeddings.aembed_documents(["one two", "three"])
        async with httpx.AsyncClient() as client:
            response = await client.post(f"{server.url}/embeddings", json={"input": ["one two", "three"]})
    rows = [row["embedding"] for row in response.json()["data"]]
    assert [len(row) for row in rows] == [32, 32]
    for row, other in zip(rows, base64_form, strict=True):
        assert row == pytest.approx(other, abs=1e-6)


async def test_statuses_and_headers_of_the_script_are_sent() -> None:
    """A scripted 429 raises the client's own error, with its Retry-After."""
    async with OpenAIServer(Reply(status=429, headers={"retry-after": "7"})) as server:
        with pytest.raises(openai.RateLimitError) as raised:
            await _chat(server).ainvoke("What?")
    assert raised.value.response.headers["retry-after"] == "7"


async def test_a_wrong_key_is_refused() -> None:
    """With a key of its own the server answers 401 to any other."""
    async with OpenAIServer(key="right") as server:
        with pytest.raises(openai.AuthenticationError):
            await _chat(server).ainvoke("What?")


@pytest.mark.parametrize("fault", [Fault.CUT, Fault.RESET, Fault.GARBAGE, Fault.ERROR_EVENT])
async def test_faults_reach_the_client(fault: Fault) -> None:
    """Each fault in mid-answer ends the client's stream with an error."""
    async with OpenAIServer(Reply(["one ", fault, "two"])) as server:
        with pytest.raises(Exception, match=r".+"):
            async for _ in _chat(server).astream("What?"):
                pass


async def test_a_client_that_leaves_is_noticed() -> None:
    """`closed_early` tells that the client closed its connection in mid-answer."""
    async with OpenAIServer(Reply(["one ", Fault.STALL])) as server:
        stream = _chat(server).astream("What?")
        await anext(stream)
        request = await server.chat(0)
        task = asyncio.ensure_future(stream.__anext__())
        await request.started.wait()
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await stream.aclose()  # type: ignore[attr-defined]
        await request.finished.wait()
    assert request.closed_early
