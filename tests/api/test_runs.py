"""Runs apart from connections: state, replay, resuming, cancelling; for any number of readers, live and later."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from tests.api.streams import answer_of, events_of
from tests.fakes import ScriptedChatModel

PARTS = ["Chroma ", "keeps ", "the vectors ", "of every chunk [1]."]


async def _finished(client: Any) -> tuple[str, str]:
    """The id of a finished run, and its stream."""
    text = (await client.post("/ask", json={"question": "What?"})).text
    return events_of(text)[0].data["run_id"], text


async def test_a_finished_run_is_replayed_byte_for_byte(make_client: Any) -> None:
    """The stream read later is the stream as it was sent."""
    client, _ = await make_client(ScriptedChatModel(PARTS))
    run_id, text = await _finished(client)
    assert (await client.get(f"/runs/{run_id}/events")).text == text


async def test_resuming_after_any_event_gives_the_rest(make_client: Any) -> None:
    """After each event: exactly what follows it; after the last one 204."""
    client, _ = await make_client(ScriptedChatModel(PARTS))
    run_id, text = await _finished(client)
    events = events_of(text)
    for seen in events:
        response = await client.get(f"/runs/{run_id}/events", headers={"last-event-id": str(seen.id)})
        if seen is events[-1]:
            assert response.status_code == 204
        else:
            assert events_of(response.text) == events[seen.id :]
    assert (await client.get(f"/runs/{run_id}/events?after=3")).text == (
        await client.get(f"/runs/{run_id}/events", headers={"last-event-id": "3"})
    ).text


@pytest.mark.parametrize("strange", ["", "abc", "-1", "1e3", "９", "1" * 40])
async def test_a_strange_last_event_id_means_from_the_start(make_client: Any, strange: str) -> None:
    """An id that is none of ours is no reason to fail."""
    client, _ = await make_client(ScriptedChatModel(PARTS))
    run_id, text = await _finished(client)
    response = await client.get(f"/runs/{run_id}/events", headers={"last-event-id": strange.encode()})
    assert response.text == text


async def test_readers_join_a_running_run(make_client: Any) -> None:
    """Three readers, one of them late, all get the same events once."""
    gate = asyncio.Event()
    model = ScriptedChatModel([*PARTS[:2], gate, *PARTS[2:]])
    client, service = await make_client(model)
    run = await service.start("What?")
    readers = [asyncio.create_task(client.get(f"/runs/{run.id}/events")) for _ in range(2)]
    await model.waiting.wait()
    readers.append(asyncio.create_task(client.get(f"/runs/{run.id}/events", headers={"last-event-id": "4"})))
    gate.set()
    texts = [(await reader).text for reader in readers]
    assert texts[0] == texts[1]
    assert answer_of(events_of(texts[0])) == "".join(PARTS)
    assert events_of(texts[2]) == events_of(texts[0])[4:]


async def test_the_state_of_a_run(make_client: Any) -> None:
    """Running with what was said so far, then done with the result."""
    gate = asyncio.Event()
    model = ScriptedChatModel([*PARTS[:2], gate, *PARTS[2:]])
    client, service = await make_client(model)
    run = await service.start("What keeps vectors?")
    await model.waiting.wait()
    state = (await client.get(f"/runs/{run.id}")).json()
    assert (state["state"], state["question"]) == ("running", "What keeps vectors?")
    assert "Chroma keeps ".startswith(state["answer"])
    gate.set()
    await run.ended.wait()
    state = (await client.get(f"/runs/{run.id}")).json()
    assert state["state"] == "done"
    assert state["result"]["answer"] == "".join(PARTS)
    assert [document["n"] for document in state["result"]["documents"]] == [1, 2]


async def test_cancelling_stops_the_model(make_client: Any) -> None:
    """Readers get one `error`; the run is `cancelled`, with what was said; cancelling again changes nothing."""
    model = ScriptedChatModel(["Chroma ", asyncio.Event()])
    client, service = await make_client(model)
    run = await service.start("What?")
    reader = asyncio.create_task(client.get(f"/runs/{run.id}/events"))
    await model.waiting.wait()
    state = (await client.post(f"/runs/{run.id}/cancel")).json()
    assert (state["state"], state["answer"]) == ("cancelled", "Chroma ")
    assert model.abandoned == 1
    events = events_of((await reader).text)
    assert events[-1].name == "error"
    assert events[-1].data["type"] == "urn:footnote:error:cancelled"
    assert (await client.post(f"/runs/{run.id}/cancel")).json() == state


async def test_cancelling_a_finished_run_leaves_it_done(make_client: Any) -> None:
    """It is too late, and no error."""
    client, _ = await make_client(ScriptedChatModel(PARTS))
    run_id, _ = await _finished(client)
    response = await client.post(f"/runs/{run_id}/cancel")
    assert (response.status_code, response.json()["state"]) == (200, "done")


@pytest.mark.parametrize("path", ["", "/events", "/cancel"])
async def test_unknown_runs_are_404(make_client: Any, path: str) -> None:
    """With a problem document."""
    client, _ = await make_client(ScriptedChatModel())
    response = await client.request("POST" if path == "/cancel" else "GET", f"/runs/nope{path}")
    assert response.status_code == 404
    assert response.json()["type"] == "urn:footnote:error:not-found"


async def test_runs_belong_to_their_key(make_client: Any) -> None:
    """Another key does not see a run, nor any of its parts."""
    client, _ = await make_client(ScriptedChatModel(PARTS), api_keys=("one", "two"))
    mine, other = {"x-api-key": "one"}, {"authorization": "Bearer two"}
    text = (await client.post("/ask", json={"question": "What?"}, headers=mine)).text
    run_id = events_of(text)[0].data["run_id"]
    for method, path in (("GET", ""), ("GET", "/events"), ("POST", "/cancel")):
        assert (await client.request(method, f"/runs/{run_id}{path}", headers=mine)).status_code == 200
        assert (await client.request(method, f"/runs/{run_id}{path}", headers=other)).status_code == 404
