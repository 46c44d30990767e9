"""A model that fails in any of the ways models fail: one last event, in time, never a false `done`, then health."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from tests.api.streams import answer_of, events_of
from tests.openai_server import Fault, OpenAIServer, Reply, ToolCall

GOOD = Reply(["Chroma keeps the vectors of every chunk [1]."])
START = ["Chroma ", "keeps "]
LIMITS = {"first_token_timeout": 0.3, "token_timeout": 0.3, "model_retries": 0, "ask_timeout": 5.0}

TOOL_CALL = (
    b'data: {"choices": [{"index": 0, "delta": {"tool_calls": [{"index": 0, "id": "1", "type": "function", "function":'
    b' {"name": "search", "arguments": "{}"}}]}}]}\n\n'
    b'data: {"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]}\n\ndata: [DONE]\n\n'
)

FAULTS: dict[str, tuple[Reply, str, bool]] = {
    # what the server does → the error, and whether trying again makes sense
    "401": (Reply(status=401), "model-rejected-key", False),
    "403": (Reply(status=403), "model-rejected-key", False),
    "404": (Reply(status=404), "model-refused", False),
    "400": (Reply(status=400), "model-refused", False),
    "429 with a long Retry-After": (Reply(status=429, headers={"retry-after": "3600"}), "model-rate-limited", True),
    "500": (Reply(status=500), "model-unavailable", True),
    "503": (Reply(status=503), "model-unavailable", True),
    "reset before the answer": (Reply(before=Fault.RESET), "model-", True),
    "closed before the answer": (Reply(before=Fault.CUT), "model-", True),
    "silent before the answer": (Reply(before=Fault.STALL), "model-unavailable", True),
    "silent before the first token": (Reply([Fault.STALL]), "model-unavailable", True),
    "silent in mid-answer": (Reply([*START, Fault.STALL]), "model-stream-broken", True),
    "cut in mid-answer": (Reply([*START, Fault.CUT]), "model-stream-broken", True),
    "reset in mid-answer": (Reply([*START, Fault.RESET]), "model-stream-broken", True),
    "garbage in mid-answer": (Reply([*START, Fault.GARBAGE, "x"]), "model-stream-broken", True),
    "wrong shape in mid-answer": (Reply([*START, Fault.WRONG_SHAPE, "x"]), "model-stream-broken", True),
    "an error event in mid-answer": (Reply([*START, Fault.ERROR_EVENT]), "model-stream-broken", True),
    "an empty answer": (Reply([]), "model", True),
    "an answer that nobody sees": (Reply(["\u200b", " \ufeff"]), "model", True),
    "only white space": (Reply(["  ", "\n"]), "model", True),
    "no finish reason and no [DONE]": (Reply(START, finish_reason=None, done=False), "model-stream-broken", True),
    "a finish reason, but no [DONE]": (Reply(START, done=False), "model-stream-broken", True),
    "an unknown finish reason": (Reply(START, finish_reason="tired"), "model", True),
    "a call of a tool that was not offered": (Reply([ToolCall("search")]), "model", True),
    "such a call that ends like an answer": (Reply(body=TOOL_CALL, content_type="text/event-stream"), "model", True),
    "a page of HTML": (Reply(body=b"<html>hello</html>", content_type="text/html"), "model", True),
    "JSON that is no completion": (Reply(body=b"[1, 2]", content_type="application/json"), "model", True),
}


@pytest.fixture
async def server() -> Any:
    async with OpenAIServer() as running:
        yield running


async def _ask(client: Any) -> Any:
    response = await client.post("/ask", json={"question": "What keeps vectors?"})
    assert response.status_code == 200
    return events_of(response.text)


def _options(server: OpenAIServer, **more: Any) -> dict[str, Any]:
    access = {"chat_model": "openai:fake", "openai_api_key": "k", "openai_base_url": server.url}
    return {**access, **LIMITS, **more}


@pytest.mark.parametrize("fault", FAULTS)
async def test_each_fault_is_one_error_and_the_next_question_works(
    make_client: Any, server: OpenAIServer, fault: str
) -> None:
    """One last event, an `error` of the right kind, without the provider's own words; then a good answer."""
    reply, kind, retryable = FAULTS[fault]
    client, service = await make_client(**_options(server))
    server.script = [reply, GOOD]
    events = await _ask(client)
    assert [event.name for event in events].count("error") == 1
    assert events[-1].name == "error"
    problem = events[-1].data
    assert problem["type"].startswith(f"urn:footnote:error:{kind}")
    assert problem["retryable"] is retryable
    assert "sk-secret" not in str(problem)
    assert "Made-up failure" not in str(problem)
    assert service.active == 0
    events = await _ask(client)
    assert events[-1].name == "done"


@pytest.mark.parametrize("reason", ["length", "content_filter"])
async def test_an_answer_cut_by_the_provider_says_so(make_client: Any, server: OpenAIServer, reason: str) -> None:
    """`finish_reason` is `length` or `blocked`, not `stop`."""
    client, _ = await make_client(**_options(server))
    server.script = [Reply(START, finish_reason=reason)]
    done = (await _ask(client))[-1]
    assert done.name == "done"
    assert done.data["finish_reason"] == {"length": "length", "content_filter": "blocked"}[reason]


async def test_a_refused_connection_is_told(make_client: Any, server: OpenAIServer) -> None:
    """No server at the address: `model-unavailable`, with the setting to look at."""
    client, _ = await make_client(**_options(server))
    await server.stop()
    problem = (await _ask(client))[-1].data
    assert problem["type"] == "urn:footnote:error:model-unavailable"
    assert "OPENAI_BASE_URL" in problem["detail"]


async def test_faults_before_the_first_token_are_tried_again(make_client: Any, server: OpenAIServer) -> None:
    """A 500 and a reset, then an answer: the reader sees one clean answer."""
    client, _ = await make_client(**_options(server, model_retries=2))
    server.script = [
        Reply(status=429, headers={"retry-after": "0"}),
        Reply(status=429, headers={"retry-after": "0"}),
        GOOD,
    ]
    events = await _ask(client)
    assert events[-1].name == "done"
    assert answer_of(events) == events[-1].data["answer"] == GOOD.parts[0]
    assert len(server.chats) == 3


async def test_a_fault_in_mid_answer_is_not_tried_again(make_client: Any, server: OpenAIServer) -> None:
    """What was said cannot be unsaid, so there is one request only."""
    client, _ = await make_client(**_options(server, model_retries=2))
    server.script = [Reply([*START, Fault.CUT]), GOOD]
    assert (await _ask(client))[-1].name == "error"
    assert len(server.chats) == 1


async def test_the_deadline_ends_an_endless_answer(make_client: Any, server: OpenAIServer) -> None:
    """A model that goes on and on: `deadline-exceeded`, and its connection is closed."""
    client, _ = await make_client(**_options(server, ask_timeout=0.5))
    server.script = [Reply(["word "] * 100_000, delay=0.01)]
    problem = (await _ask(client))[-1].data
    assert problem["type"] == "urn:footnote:error:deadline-exceeded"
    await asyncio.wait_for(server.chats[0].finished.wait(), 5)
    assert server.chats[0].closed_early


async def test_the_stream_is_asked_for_as_it_is(make_client: Any, server: OpenAIServer) -> None:
    """Not compressed: whether a compressed stream has its last line cannot be seen."""
    client, _ = await make_client(**_options(server))
    await _ask(client)
    assert server.chats[0].headers["accept-encoding"] == "identity"


async def test_a_huge_token_comes_through_whole(make_client: Any, server: OpenAIServer) -> None:
    """One token of a million characters is one event, and `done` repeats it."""
    client, _ = await make_client(**_options(server, first_token_timeout=5.0, token_timeout=5.0))
    server.script = [Reply(["x" * 1_000_000])]
    events = await _ask(client)
    assert answer_of(events) == events[-1].data["answer"] == "x" * 1_000_000


async def test_the_json_form_has_the_status_of_the_error(make_client: Any, server: OpenAIServer) -> None:
    """With `Accept: application/json` the same faults are HTTP errors."""
    client, _ = await make_client(**_options(server))
    server.script = [Reply(status=429, headers={"retry-after": "7"}), Reply([*START, Fault.CUT])]
    headers = {"accept": "application/json"}
    limited = await client.post("/ask", json={"question": "What?"}, headers=headers)
    assert (limited.status_code, limited.headers["retry-after"]) == (503, "7")
    broken = await client.post("/ask", json={"question": "What?"}, headers=headers)
    assert broken.status_code == 502
    assert broken.headers["content-type"] == "application/problem+json"
