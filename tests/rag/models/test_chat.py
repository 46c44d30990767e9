"""Chat models open by name, speak to a compatible server, and fail in our words."""

from __future__ import annotations

import json
from typing import Any

import pytest
from langchain_core.messages import AIMessageChunk

from rag.errors import (
    ConfigurationError,
    MissingCredentials,
    ModelRateLimited,
    ModelRejectedKey,
    ModelStreamBroken,
    ModelUnavailable,
    UnknownModel,
)
from rag.models.chat import ChatModel, open_chat_model, translate_model_error
from rag.models.embeddings import EmbeddingModel
from rag.models.providers import CHAT_PROVIDERS, EMBEDDING_PROVIDERS
from rag.settings import Settings
from tests.fakes import FakeEmbeddings

EMBEDDINGS = EmbeddingModel("fake", FakeEmbeddings(), 64)


def chat(name: str, **fields: Any) -> ChatModel:
    return open_chat_model(Settings(chat_model=name, **fields), EMBEDDINGS)


def sse(*texts: str, last: str = "data: [DONE]\n\n", finish: str | None = "stop") -> bytes:
    """A chat completion as it comes over the wire."""
    base = {"id": "c1", "object": "chat.completion.chunk", "created": 1, "model": "small-chat"}
    deltas = [{"index": 0, "delta": {"role": "assistant", "content": text}, "finish_reason": None} for text in texts]
    chunks: list[dict[str, Any]] = [{**base, "choices": [delta]} for delta in deltas]
    if finish:
        chunks.append({**base, "choices": [{"index": 0, "delta": {}, "finish_reason": finish}]})
        usage = {"prompt_tokens": 5, "completion_tokens": 2, "total_tokens": 7}
        chunks.append({**base, "choices": [], "usage": usage})
    return ("".join(f"data: {json.dumps(chunk)}\n\n" for chunk in chunks) + last).encode()


async def whole(model: ChatModel) -> AIMessageChunk:
    message = AIMessageChunk(content="")
    async for chunk in model.model.astream("Why?"):
        message += chunk
    return message


def test_extractive_is_the_default_without_a_key() -> None:
    opened = chat("auto")
    assert (opened.name, opened.extractive) == ("extractive", True)
    assert chat(" Extractive ").extractive


def test_a_key_alone_chooses_openai() -> None:
    opened = chat("auto", openai_api_key="sk-x")
    assert (opened.name, opened.extractive) == ("openai:gpt-4o-mini", False)


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("openia:gpt-4o", "openai:gpt-4o"),
        ("extractiv", "extractive"),
        ("gpt-4o-mini", "openai:gpt-4o-mini"),
        ("openai:", "openai:gpt-4o-mini"),
        ("anthropic", "anthropic:MODEL"),
        ("mistral:large", "mistralai:large"),
        ("", "openai:gpt-4o-mini"),
    ],
)
def test_an_unknown_name_is_answered_with_what_was_meant(name: str, meant: str) -> None:
    settings = Settings(chat_model=name, openai_api_key="sk-x")  # type: ignore[arg-type]
    with pytest.raises(UnknownModel) as caught:
        open_chat_model(settings, EMBEDDINGS)
    assert f"Did you mean {meant!r}?" in str(caught.value)
    assert "RAG_CHAT_MODEL" in str(caught.value)


def test_a_missing_package_is_answered_with_the_command() -> None:
    with pytest.raises(ConfigurationError, match=r"pip install langchain-ollama"):
        chat("ollama:llama3.2")


def test_openai_needs_a_key_or_a_server_of_ones_own() -> None:
    with pytest.raises(MissingCredentials, match=r"OPENAI_API_KEY.*OPENAI_BASE_URL"):
        chat("openai:gpt-4o-mini")
    assert chat("openai:llama", openai_base_url="http://127.0.0.1:1/v1").name == "openai:llama"


def test_a_provider_that_cannot_be_set_up_says_so(caplog: pytest.LogCaptureFixture) -> None:
    with pytest.raises(ConfigurationError, match=r"AZURE_OPENAI_API_KEY"):
        chat("azure_openai:gpt-4o")


def test_providers_are_those_of_langchain() -> None:
    """Our two lists, which allow a name to be checked without importing anything, say what LangChain's say."""
    from langchain.chat_models.base import _BUILTIN_PROVIDERS as CHAT
    from langchain.embeddings.base import _BUILTIN_PROVIDERS as EMBED

    assert CHAT_PROVIDERS == {name: entry[0].partition(".")[0] for name, entry in CHAT.items()}
    assert EMBEDDING_PROVIDERS == {name: entry[0].partition(".")[0] for name, entry in EMBED.items()}


async def test_streams_from_a_compatible_server(openai_settings: Settings, model_server: Any) -> None:
    """Tokens, finish reason and usage arrive; key, temperature and cap are sent."""
    model_server.reply(sse("Because", " so [1]."))
    settings = openai_settings.model_copy(update={"max_answer_tokens": 50})
    message = await whole(open_chat_model(settings, EMBEDDINGS))
    assert message.content == "Because so [1]."
    assert message.response_metadata["finish_reason"] == "stop"
    assert message.usage_metadata is not None
    assert message.usage_metadata["total_tokens"] == 7
    (request,) = model_server.requests
    assert request["path"] == "/v1/chat/completions"
    assert request["headers"]["authorization"] == "Bearer sk-test-1234567890"
    assert (request["temperature"], request["max_completion_tokens"], request["stream"]) == (0.0, 50, True)


@pytest.mark.parametrize(
    ("status", "body", "expected"),
    [
        (401, {"error": {"message": "bad key sk-test-1234567890", "code": "invalid_api_key"}}, ModelRejectedKey),
        (429, {"error": {"message": "slow"}}, ModelRateLimited),
        (500, {"error": {"message": "boom"}}, ModelUnavailable),
        (200, b"data: {this is not json\n\n", ModelStreamBroken),
        (200, b"data: 7\n\n", ModelStreamBroken),
    ],
)
async def test_a_failing_server_is_told_in_our_words(
    openai_settings: Settings, model_server: Any, status: int, body: Any, expected: type[Exception]
) -> None:
    """One request (no tries of the client's own), and the right error."""
    model_server.reply(body, status, retry_after="3")
    opened = open_chat_model(openai_settings, EMBEDDINGS)
    with pytest.raises(Exception) as caught:  # noqa: PT011 - whatever the client raises
        await whole(opened)
    error = translate_model_error(caught.value, opened.name)
    assert type(error) is expected
    assert len(model_server.requests) == 1
    assert error.retry_after == (3.0 if status != 200 else None)


async def test_a_cut_stream_and_a_refused_connection(openai_settings: Settings, model_server: Any) -> None:
    body = sse("Because", finish=None, last="")
    model_server.reply(body, content_length=str(len(body) + 500))
    opened = open_chat_model(openai_settings, EMBEDDINGS)
    with pytest.raises(Exception) as caught:  # noqa: PT011 - whatever the client raises
        await whole(opened)
    assert translate_model_error(caught.value, opened.name).retryable
    model_server.close()
    with pytest.raises(Exception) as caught:  # noqa: PT011
        await whole(opened)
    assert type(translate_model_error(caught.value, opened.name)) is ModelUnavailable
