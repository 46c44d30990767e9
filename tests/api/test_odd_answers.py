"""What clients in Python hear of answers that break careless streams: httpx by lines, and httpx-sse."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
from httpx_sse import aconnect_sse

from tests.fakes import ScriptedChatModel
from tests.odd_texts import ODD_TEXTS, delivered

Heard = AsyncIterator[tuple[str, str, Any]]


async def _by_lines(client: Any) -> Heard:
    """As `docs/streaming.md` does it."""
    last = name = ""
    async with client.stream("POST", "/ask", json={"question": "What?"}) as response:
        async for line in response.aiter_lines():
            field, _, value = line.partition(": ")
            if field == "id":
                last = value
            elif field == "event":
                name = value
            elif field == "data":
                yield last, name, json.loads(value)
            else:
                assert line == ""


async def _by_httpx_sse(client: Any) -> Heard:
    async with aconnect_sse(client, "POST", "/ask", json={"question": "What?"}) as source:
        async for event in source.aiter_sse():
            yield event.id, event.event, event.json()


@pytest.mark.parametrize("listen", [_by_lines, _by_httpx_sse])
@pytest.mark.parametrize("name", ODD_TEXTS)
async def test_every_character_is_delivered(make_client: Any, name: str, listen: Any) -> None:
    """Token by token and in `done`; the numbers of the events have no gap."""
    client, _ = await make_client(ScriptedChatModel(ODD_TEXTS[name]))
    heard = [event async for event in listen(client)]
    assert [int(number) for number, _, _ in heard] == list(range(1, len(heard) + 1))
    said = "".join(data["text"] for _, kind, data in heard if kind == "token")
    assert said == heard[-1][2]["answer"] == delivered(ODD_TEXTS[name])


@pytest.mark.parametrize("name", ODD_TEXTS)
async def test_an_odd_answer_can_be_looked_at_afterwards(make_client: Any, name: str) -> None:
    """As a run, as the answer to a cancel that came too late, and as a turn of its conversation."""
    client, _ = await make_client(ScriptedChatModel(ODD_TEXTS[name]))
    asked = await client.post("/ask", json={"question": "What?", "thread_id": "t"})
    place = asked.headers["location"]
    for answer in (await client.get(place), await client.post(f"{place}/cancel")):
        assert answer.status_code == 200
        assert answer.json()["result"]["answer"] == delivered(ODD_TEXTS[name])
    assert (await client.get("/threads/t")).status_code == 200
