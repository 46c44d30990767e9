"""Conversations over HTTP: listed, shown with their citations, renamed, forgotten; each key has its own."""

from __future__ import annotations

import asyncio
from typing import Any

from tests.api.streams import events_of
from tests.fakes import ScriptedChatModel

ANSWER = "Chroma keeps the vectors of every chunk [1]."


async def test_a_conversation_from_first_turn_to_deletion(make_client: Any) -> None:
    """Its turns have documents and citations; a new title; then 404."""
    client, _ = await make_client(ScriptedChatModel(ANSWER))
    body = {"question": "What keeps vectors?", "thread_id": "t"}
    events = events_of((await client.post("/ask", json=body)).text)
    assert events[0].data["thread_id"] == "t"
    (listed,) = (await client.get("/threads")).json()["threads"]
    assert (listed["id"], listed["title"], listed["turn_count"]) == ("t", "What keeps vectors?", 1)
    (turn,) = (await client.get("/threads/t")).json()["turns"]
    assert (turn["state"], turn["answer"], turn["run_id"]) == ("done", ANSWER, events[0].data["run_id"])
    assert turn["citations"] == events[-1].data["citations"]
    assert turn["documents"] == events[1].data["documents"]
    assert (await client.patch("/threads/t", json={"title": "Vectors"})).json()["title"] == "Vectors"
    assert (await client.get(f"/threads?before={listed['updated_at']}")).json() == {"threads": []}
    assert (await client.delete("/threads/t")).status_code == 204
    for method in ("GET", "DELETE"):
        assert (await client.request(method, "/threads/t")).status_code == 404


async def test_a_conversation_in_use_is_409(make_client: Any) -> None:
    """For a second question, and for deleting it."""
    model = ScriptedChatModel(["one ", asyncio.Event()])
    client, service = await make_client(model)
    body = {"question": "What?", "thread_id": "t", "on_disconnect": "continue"}
    asking = asyncio.create_task(client.post("/ask", json=body))
    await model.waiting.wait()
    assert (await client.post("/ask", json=body)).status_code == 409
    assert (await client.delete("/threads/t")).status_code == 409
    assert service.active == 1
    run_id = (await client.get("/threads/t")).json()["turns"][0]["run_id"]
    await client.post(f"/runs/{run_id}/cancel")
    assert events_of((await asking).text)[-1].name == "error"
    assert (await client.get("/threads/t")).json()["turns"][0]["state"] == "interrupted"


async def test_conversations_belong_to_their_key(make_client: Any) -> None:
    """Another key sees none of them."""
    client, _ = await make_client(ScriptedChatModel(ANSWER), api_keys=("one", "two"))
    mine, other = {"x-api-key": "one"}, {"x-api-key": "two"}
    await client.post("/ask", json={"question": "What?", "thread_id": "t"}, headers=mine)
    assert len((await client.get("/threads", headers=mine)).json()["threads"]) == 1
    assert (await client.get("/threads", headers=other)).json() == {"threads": []}
    assert (await client.get("/threads/t", headers=other)).status_code == 404


async def test_bad_parameters_are_422(make_client: Any) -> None:
    """Limits, times and titles that cannot be used."""
    client, _ = await make_client(ScriptedChatModel())
    for path in ("/threads?limit=0", "/threads?before=yesterday", "/threads?before=2026-01-01"):
        assert (await client.get(path)).status_code == 422
    assert (await client.patch("/threads/t", json={"title": " "})).status_code == 422
