"""`POST /ask/stream_log`: the patches of `astream_log` on the wire, as LangServe clients read them."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import jsonpatch
import pytest

from tests.fakes import ScriptedChatModel, ToolCall

ANSWER = "Chroma keeps the vectors of every chunk [1]."


def _blocks(text: str) -> list[tuple[str, Any]]:
    blocks = []
    for block in text.strip().split("\n\n"):
        fields = dict(line.split(": ", 1) for line in block.split("\n"))
        blocks.append((fields["event"], json.loads(fields["data"])))
    return blocks


def _state(text: str) -> Any:
    """The state that the patches make."""
    state: Any = None
    for name, data in _blocks(text):
        if name == "data":
            state = jsonpatch.apply_patch(state, data["ops"])
    return state


async def test_the_patches_make_the_state_of_the_run(make_client: Any) -> None:
    """Documents with their type, the tokens of the model, and the output of the run; `end` comes last."""
    client, service = await make_client(ScriptedChatModel(ANSWER))
    response = await client.post("/ask/stream_log", json={"input": {"question": "What?"}})
    assert response.headers["content-type"].startswith("text/event-stream")
    assert response.text.isascii()
    assert _blocks(response.text)[-1] == ("end", {})
    state = _state(response.text)
    assert state["final_output"]["answer"] == ANSWER
    documents = state["logs"]["Retriever"]["final_output"]["documents"]
    assert documents[0]["type"] == "Document"
    assert documents[0]["page_content"] == "Chroma keeps the vectors of every chunk."
    assert "".join(state["logs"]["ScriptedChatModel"]["streamed_output_str"]) == ANSWER
    assert service.active == 0


async def test_filters_choose_the_runs(make_client: Any) -> None:
    """`include_names` leaves the retrieval run alone in the log."""
    client, _ = await make_client(ScriptedChatModel(ANSWER, ANSWER))
    body = {"input": {"question": "What?"}, "include_names": ["Retriever"]}
    assert list(_state((await client.post("/ask/stream_log", json=body)).text)["logs"]) == ["Retriever"]
    body = {"input": {"question": "What?"}, "include_types": ["llm"], "config": {}, "kwargs": {}, "diff": True}
    assert list(_state((await client.post("/ask/stream_log", json=body)).text)["logs"]) == ["ScriptedChatModel"]


async def test_a_failed_run_says_so_before_the_end(make_client: Any) -> None:
    """`error` with a problem document, then `end`."""
    client, _ = await make_client(ScriptedChatModel(["one ", ValueError("secret words")]))
    text = (await client.post("/ask/stream_log", json={"input": {"question": "What?"}})).text
    (name, problem), last = _blocks(text)[-2:]
    assert name == "error"
    assert problem["type"].startswith("urn:footnote:error:model")
    assert last == ("end", {})
    assert "secret words" not in text


@pytest.mark.parametrize("body", [{}, {"input": {}}, {"input": {"question": "a"}, "include_names": "Retriever"}])
async def test_bad_bodies_are_422(make_client: Any, body: Any) -> None:
    """As for `/ask`."""
    client, _ = await make_client(ScriptedChatModel())
    assert (await client.post("/ask/stream_log", json=body)).status_code == 422


async def test_it_takes_a_place_and_has_a_deadline(make_client: Any) -> None:
    """It counts among the runs, and ends in time."""
    model = ScriptedChatModel(["one ", asyncio.Event()])
    client, service = await make_client(model, max_streams=1, ask_timeout=0.3)
    reading = asyncio.create_task(client.post("/ask/stream_log", json={"input": {"question": "What?"}}))
    await model.waiting.wait()
    assert service.active == 1
    assert (await client.post("/ask", json={"question": "What?"})).status_code == 503
    blocks = _blocks((await reading).text)
    assert blocks[-2][1]["type"] == "urn:footnote:error:deadline-exceeded"
    assert model.abandoned == 1
    assert service.active == 0


async def test_an_agent_can_be_logged_and_a_conversation_cannot(make_client: Any) -> None:
    """What is asked for is done or refused, and not passed over."""
    call = ToolCall("search", '{"query": "vectors"}')
    client, _ = await make_client(ScriptedChatModel([call], ANSWER))
    response = await client.post("/ask/stream_log", json={"input": {"question": "What?", "mode": "agent"}})
    assert "AgentStep" in response.text
    assert _state(response.text)["final_output"]["answer"] == ANSWER
    refused = await client.post("/ask/stream_log", json={"input": {"question": "What?", "thread_id": "t"}})
    assert (refused.status_code, "history" in refused.json()["detail"]) == (422, True)
