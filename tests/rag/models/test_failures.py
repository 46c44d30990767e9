"""Every failure of a model library becomes one of our errors, and what a provider says stays in the log."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Iterator
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import httpx
import httpx2
import langchain_openai.chat_models.base as langchain_openai
import openai
import pytest
from langchain_core import exceptions as langchain_core

from rag.errors import (
    ModelError,
    ModelRateLimited,
    ModelRefused,
    ModelRejectedKey,
    ModelStreamBroken,
    ModelUnavailable,
)
from rag.models.failures import failure_by_name, redacted, retry_after, translate_model_error

NAME = "openai:small-chat"


def descendants(root: type[BaseException]) -> Iterator[type[BaseException]]:
    yield root
    for child in root.__subclasses__():
        yield from descendants(child)


def status_error(status: int, body: Any = None, **headers: str) -> openai.APIStatusError:
    request = httpx2.Request("POST", "http://127.0.0.1/v1")
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    response = httpx2.Response(status, headers=named, request=request)
    return openai.APIStatusError("the provider says secret things", response=response, body=body)


@pytest.mark.parametrize(
    "root",
    [
        openai.OpenAIError,
        httpx.HTTPError,
        httpx.InvalidURL,
        httpx.StreamError,
        httpx2.HTTPError,
        httpx2.InvalidURL,
        httpx2.StreamError,
        langchain_core.ModelError,
        langchain_openai.OpenAIAPIError,
    ],
)
def test_the_table_is_complete(root: type[BaseException]) -> None:
    """Every exception of the clients' trees has a place in it."""
    assert [kind.__qualname__ for kind in descendants(root) if failure_by_name(kind) is None] == []


def test_only_roots_and_misuse_are_left_vague() -> None:
    """Nothing that a server can cause falls through to the entry that says nothing."""
    roots = {"OpenAIError", "APIError", "HTTPError", "RequestError", "TransportError"}
    misuse = {"MissingDependencyError", "MutuallyExclusiveAuthError", "APIRemovedInV1", "WebSocketQueueFullError"}
    misuse.add("StreamAlreadyConsumed")
    vague = {
        kind.__name__
        for root in (openai.OpenAIError, httpx2.HTTPError)
        for kind in descendants(root)
        if (failure := failure_by_name(kind)) is not None and failure.what == "failed"
    }
    assert {name for name in vague - roots - misuse if not name.startswith("_")} == set()


@pytest.mark.parametrize(
    ("status", "expected", "retryable"),
    [
        (400, ModelRefused, False),
        (401, ModelRejectedKey, False),
        (403, ModelRejectedKey, False),
        (404, ModelRefused, False),
        (408, ModelUnavailable, True),
        (409, ModelUnavailable, True),
        (413, ModelRefused, False),
        (418, ModelRefused, False),
        (422, ModelRefused, False),
        (429, ModelRateLimited, True),
        (500, ModelUnavailable, True),
        (503, ModelUnavailable, True),
        (504, ModelUnavailable, True),
        (529, ModelUnavailable, True),
    ],
)
def test_a_status_decides(status: int, expected: type[ModelError], retryable: bool) -> None:
    error = translate_model_error(status_error(status), NAME)
    assert type(error) is expected
    assert error.retryable is retryable
    assert str(status) in str(error)


@pytest.mark.parametrize(
    ("raised", "expected"),
    [
        (httpx.ConnectError("refused"), ModelUnavailable),
        (httpx2.ConnectTimeout("slow"), ModelUnavailable),
        (httpx2.ReadTimeout("slow"), ModelUnavailable),
        (httpx2.RemoteProtocolError("peer closed"), ModelStreamBroken),
        (httpx2.ReadError("reset"), ModelStreamBroken),
        (ConnectionRefusedError(), ModelUnavailable),
        (ConnectionResetError(), ModelStreamBroken),
        (asyncio.IncompleteReadError(b"", 1), ModelError),
        (TimeoutError(), ModelUnavailable),
        (json.JSONDecodeError("no", "garbage", 0), ModelStreamBroken),
        (UnicodeDecodeError("utf-8", b"\xff", 0, 1, "bad"), ModelStreamBroken),
        (KeyError("choices"), ModelStreamBroken),
        (TypeError("'NoneType' object is not iterable"), ModelStreamBroken),
        (langchain_core.ContextOverflowError("too long"), ModelRefused),
        (RuntimeError("anything else"), ModelError),
    ],
)
def test_an_error_without_a_status_is_told_by_its_class(raised: Exception, expected: type[ModelError]) -> None:
    assert type(translate_model_error(raised, NAME)) is expected


def test_a_prompt_that_is_too_long_names_the_settings() -> None:
    error = translate_model_error(status_error(400, {"code": "context_length_exceeded"}), NAME)
    assert isinstance(error, ModelRefused)
    assert "RAG_CONTEXT_TOKENS" in str(error)


def test_our_own_errors_pass_unchanged() -> None:
    error = ModelStreamBroken("cut")
    assert translate_model_error(error, NAME) is error


def test_the_providers_words_are_logged_and_not_forwarded(caplog: pytest.LogCaptureFixture) -> None:
    """The log has the text with its keys removed; the error has the model's name and the cure only."""
    raised = ValueError("Incorrect API key provided: sk-abcdef1234567890. See https://provider.example")
    with caplog.at_level(logging.WARNING):
        error = translate_model_error(raised, NAME)
    assert "provider.example" in caplog.text
    assert "abcdef" not in caplog.text
    assert "provider" not in str(error).replace("providers", "")
    assert NAME in str(error)


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("7", 7.0),
        ("0.5", 0.5),
        ("-3", 0.0),
        ("Sun, 01 Feb 2026 00:00:30 GMT", 30.0),
        ("Sun, 01 Feb 2026 00:00:30 -0000", 30.0),
        ("Sat, 31 Jan 2026 00:00:00 GMT", 0.0),
        ("soon", None),
        ("nan", None),
        ("inf", None),
        ("", None),
    ],
)
def test_retry_after_is_seconds_or_a_date(value: str, seconds: float | None) -> None:
    error = status_error(429, retry_after=value)
    assert retry_after(error, datetime(2026, 2, 1, tzinfo=UTC)) == seconds


def test_retry_after_reaches_the_error() -> None:
    assert translate_model_error(status_error(429, retry_after="12"), NAME).retry_after == 12.0
    assert translate_model_error(status_error(429), NAME).retry_after is None
    assert retry_after(Exception("no response")) is None
    assert retry_after(SimpleNamespace(response=None)) is None  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "secret", ["sk-proj-AAAA1111bbbb", "Bearer abc.def.ghi", "api_key='hunter2xyz'", '"token": "abcd1234"']
)
def test_keys_are_redacted(secret: str) -> None:
    shown = redacted(f"failed with {secret} here\nand more " + "x" * 1000)
    assert not any(part in shown for part in ("AAAA1111", "abc.def", "hunter2", "abcd1234"))
    assert "\n" not in shown
    assert len(shown) <= 500
