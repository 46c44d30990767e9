"""Keys, headers, health, metrics, the page and the description."""

from __future__ import annotations

import base64
import hashlib
import re
from typing import Any

import pytest

from rag.errors import IndexUnavailable, StorageError
from tests.api.streams import events_of
from tests.fakes import ScriptedChatModel

ANSWER = "Chroma keeps the vectors of every chunk [1]."
PROTECTED = [
    ("POST", "/ask"),
    ("POST", "/ask/stream_log"),
    ("GET", "/runs/x"),
    ("GET", "/threads"),
    ("GET", "/sources"),
    ("POST", "/sources"),
    ("DELETE", "/sources?url=x"),
    ("GET", "/documents/x"),
    ("GET", "/metrics"),
]


@pytest.mark.parametrize(("method", "path"), PROTECTED)
@pytest.mark.parametrize("headers", [{}, {"x-api-key": "wrong"}, {"authorization": "Basic one"}])
async def test_a_key_is_needed_where_keys_are_set(
    make_client: Any, method: str, path: str, headers: dict[str, str]
) -> None:
    """401 before anything else is looked at, and the wrong key is not repeated."""
    client, _ = await make_client(ScriptedChatModel(), api_keys=("one",))
    response = await client.request(method, path, headers=headers)
    assert response.status_code == 401
    assert response.headers["www-authenticate"] == "Bearer"
    assert response.json()["type"] == "urn:footnote:error:unauthorized"


@pytest.mark.parametrize("headers", [{"x-api-key": "two"}, {"authorization": "Bearer two"}])
async def test_either_header_takes_a_key(make_client: Any, headers: dict[str, str]) -> None:
    """Any of the keys, in either header."""
    client, _ = await make_client(ScriptedChatModel(ANSWER), api_keys=("one", "two"))
    response = await client.post("/ask", json={"question": "What?"}, headers=headers)
    assert events_of(response.text)[-1].name == "done"


async def test_live_and_ready(make_client: Any) -> None:
    """Both are open without a key."""
    client, _ = await make_client(ScriptedChatModel(), api_keys=("one",))
    assert (await client.get("/health/live")).json() == {"status": "live"}
    ready = await client.get("/health/ready")
    assert ready.status_code == 200
    assert ready.json() == {
        "status": "ready",
        "chat_model": "scripted",
        "embeddings": "fake",
        "modes": ["chain", "agent"],
    }


async def test_not_ready_says_why(make_client: Any) -> None:
    """503 with each part that does not work."""

    def broken(*_: Any) -> Any:
        raise IndexUnavailable("Chroma does not answer.", "Start it.")

    client, _ = await make_client(ScriptedChatModel(), seams={"open_index": broken})
    response = await client.get("/health/ready")
    assert response.status_code == 503
    assert response.json()["reasons"] == [{"part": "index", "reason": "Chroma does not answer. Start it."}]


async def test_a_journal_that_cannot_be_written_is_not_ready(make_client: Any) -> None:
    """A full disk shows before the first question does."""
    client, service = await make_client(ScriptedChatModel())

    async def full() -> None:
        raise StorageError("The disk is full.", "Free some space.")

    service.runs.check_writable = full
    response = await client.get("/health/ready")
    assert response.status_code == 503
    assert response.json()["reasons"] == [{"part": "journal", "reason": "The disk is full. Free some space."}]


async def test_a_broken_index_is_an_error_event(make_client: Any) -> None:
    """The stream has begun, so it ends with `error`; the JSON form is 503."""

    def broken(*_: Any) -> Any:
        raise IndexUnavailable("Chroma does not answer.", "Start it.")

    client, _ = await make_client(ScriptedChatModel(), seams={"open_index": broken})
    events = events_of((await client.post("/ask", json={"question": "What?"})).text)
    assert [event.name for event in events] == ["run", "error"]
    assert events[-1].data["type"] == "urn:footnote:error:index-unavailable"
    response = await client.post("/ask", json={"question": "What?"}, headers={"accept": "application/json"})
    assert response.status_code == 503


async def test_metrics_count_runs(make_client: Any) -> None:
    """Runs by outcome, tokens, times, and requests by route, never by path."""
    client, _ = await make_client(ScriptedChatModel(ANSWER))
    await client.post("/ask", json={"question": "What?"})
    await client.get("/runs/secret-run-id")
    await client.get("/secret/path")
    text = (await client.get("/metrics")).text
    assert 'footnote_runs_total{outcome="stop"} 1.0' in text
    assert "footnote_runs_active 0.0" in text
    assert "footnote_first_token_seconds_count 1.0" in text
    assert 'footnote_http_requests_total{method="POST",route="/ask",status="200"} 1.0' in text
    assert 'route="/runs/{run_id}",status="404"' in text
    assert "secret" not in text


async def test_every_answer_has_security_headers(make_client: Any) -> None:
    """On the page, on errors, and on streams."""
    client, _ = await make_client(ScriptedChatModel(ANSWER))
    for response in (
        await client.get("/"),
        await client.get("/nothing"),
        await client.post("/ask", json={"question": "What?"}),
    ):
        assert response.headers["x-content-type-options"] == "nosniff"
        assert "default-src 'none'" in response.headers["content-security-policy"]
        assert response.headers["x-frame-options"] == "DENY"


async def test_the_page_and_its_files(make_client: Any) -> None:
    """`/` is the page; its files are below `/page/`, and nothing outside is."""
    client, _ = await make_client(ScriptedChatModel())
    assert "<!doctype html>" in (await client.get("/")).text
    assert (await client.get("/page/app.js")).status_code == 200
    for path in ("/page/../app.py", "/page/%2e%2e/app.py", "/page/..%2fapp.py"):
        assert (await client.get(path)).status_code == 404


async def test_the_description_is_complete(make_client: Any) -> None:
    """Every route of the interface is in OpenAPI, with examples for `/ask`."""
    client, _ = await make_client(ScriptedChatModel())
    document = await client.get("/openapi.json")
    paths = document.json()["paths"]
    expected = {
        "/ask": {"post"},
        "/ask/stream_log": {"post"},
        "/runs/{run_id}": {"get"},
        "/runs/{run_id}/events": {"get"},
        "/runs/{run_id}/cancel": {"post"},
        "/threads": {"get"},
        "/threads/{thread_id}": {"get", "delete", "patch"},
        "/sources": {"get", "post", "delete"},
        "/sources/jobs/{job_id}/events": {"get"},
        "/documents/{document_id}": {"get"},
        "/health/live": {"get"},
        "/health/ready": {"get"},
        "/metrics": {"get"},
    }
    assert {path: methods <= set(paths[path]) for path, methods in expected.items()} == dict.fromkeys(expected, True)
    content = paths["/ask"]["post"]["requestBody"]["content"]["application/json"]
    assert content["examples"]
    assert "text/event-stream" in paths["/ask"]["post"]["responses"]["200"]["content"]
    assert "HTTPValidationError" not in document.text
    assert "application/problem+json" in paths["/threads"]["get"]["responses"]["422"]["content"]


async def test_the_reference_works_without_the_internet(make_client: Any) -> None:
    """`/docs` holds every route as plain HTML; what it loads from outside is pinned by its hash."""
    client, _ = await make_client(ScriptedChatModel())
    page = await client.get("/docs")
    assert page.status_code == 200
    for path in (await client.get("/openapi.json")).json()["paths"]:
        assert f" {path}</code>" in page.text
    outside = re.findall(r"<(?:script|link)[^>]*https://[^>]*>", page.text)
    assert len(outside) == 2
    assert all('integrity="sha384-' in tag for tag in outside)
    policy = page.headers["content-security-policy"]
    assert "'unsafe-inline'" not in policy.partition("script-src")[2].partition(";")[0]
    script = re.findall(r"<script>(.*?)</script>", page.text)[0]
    assert base64.b64encode(hashlib.sha256(script.encode()).digest()).decode() in policy
