"""`POST /ask` over the fakes: the events, their order, the JSON form, and what is refused."""

from __future__ import annotations

import json
from typing import Any

from tests.fakes import ScriptedChatModel

ANSWER = "Chroma keeps the vectors of every chunk [1]."


def events_of(text: str) -> list[tuple[int, str, Any]]:
    """The events of a stream, as (id, name, data)."""
    found = []
    for block in text.split("\n\n"):
        if block and not block.startswith(":"):
            fields = dict(line.split(": ", 1) for line in block.split("\n"))
            found.append((int(fields["id"]), fields["event"], json.loads(fields["data"])))
    return found


async def test_the_events_come_in_order(make_client: Any) -> None:
    """run, documents, question, tokens with their citations, done; numbered from 1 without a gap."""
    client, _ = await make_client(ScriptedChatModel(ANSWER))
    response = await client.post("/ask", json={"question": "What keeps vectors?"})
    assert response.status_code == 200
    assert response.headers["content-type"].startswith("text/event-stream")
    events = events_of(response.text)
    assert [number for number, _, _ in events] == list(range(1, len(events) + 1))
    names = [name for _, name, _ in events]
    assert names[:3] == ["run", "documents", "question"]
    assert names[-1] == "done"
    assert set(names[3:-1]) == {"token", "citation"}
    answer = "".join(data["text"] for _, name, data in events if name == "token")
    done = events[-1][2]
    assert answer == done["answer"] == ANSWER
    assert done["finish_reason"] == "stop"
    assert done["citations"][0]["verdict"] == "verbatim"
    assert response.text.isascii()
