"""What an answer shows of the time since: ratings, and pages that have changed."""

from __future__ import annotations

from typing import Any

import pytest

from tests.api.streams import events_of
from tests.fakes import ScriptedChatModel, make_documents
from tests.service_fakes import TEXTS, ListedIndex

ANSWER = "Chroma keeps the vectors of every chunk [1]. tantivy keeps the words of every chunk [2]."


class ChangedIndex(ListedIndex):
    """Once `changed`, its first page is gone, and its second says something else."""

    changed = False

    def page_row(self, url: str) -> Any:
        return None if self.changed and url.endswith("/1") else super().page_row(url)

    def page_text(self, url: str) -> str | None:
        return "Something else." if self.changed else super().page_text(url)


async def _asked(client: Any, **fields: Any) -> str:
    events = events_of((await client.post("/ask", json={"question": "What?", **fields})).text)
    assert events[-1].name == "done"
    return str(events[0].data["run_id"])


async def test_a_rating_is_kept_with_the_run_and_shown_with_it(make_client: Any) -> None:
    """The last one counts; the run and its turn show it."""
    client, _ = await make_client(ScriptedChatModel(ANSWER))
    run_id = await _asked(client, thread_id="t")
    for rating in ("down", "up"):
        response = await client.put(f"/runs/{run_id}/feedback", json={"rating": rating})
        assert response.json() == {"run_id": run_id, "rating": rating}
    assert (await client.get(f"/runs/{run_id}")).json()["result"]["rating"] == "up"
    assert (await client.get("/threads/t")).json()["turns"][0]["rating"] == "up"


@pytest.mark.parametrize(
    ("path", "body", "status"), [("nope", {"rating": "up"}, 404), ("", {"rating": "great"}, 422), ("", {}, 422)]
)
async def test_a_rating_that_cannot_be_kept(make_client: Any, path: str, body: dict[str, str], status: int) -> None:
    """An unknown run is 404, another word 422."""
    client, _ = await make_client(ScriptedChatModel(ANSWER))
    run_id = path or await _asked(client)
    assert (await client.put(f"/runs/{run_id}/feedback", json=body)).status_code == status


async def test_another_key_cannot_rate(make_client: Any) -> None:
    """For it there is no such run."""
    client, service = await make_client(ScriptedChatModel(ANSWER), api_keys=("one", "two"))
    client.headers["x-api-key"] = "one"
    run_id = await _asked(client)
    response = await client.put(f"/runs/{run_id}/feedback", json={"rating": "up"}, headers={"x-api-key": "two"})
    assert response.status_code == 404
    assert await service.runs.ratings([run_id]) == {}


async def test_citations_tell_when_their_page_has_changed_or_is_gone(make_client: Any) -> None:
    """In the run as in the conversation."""
    index = ChangedIndex(make_documents(*TEXTS))
    client, _ = await make_client(ScriptedChatModel(ANSWER), index=index)
    run_id = await _asked(client, thread_id="t")
    assert '"age"' not in (await client.get("/threads/t")).text
    index.changed = True
    run = (await client.get(f"/runs/{run_id}")).json()["result"]
    turn = (await client.get("/threads/t")).json()["turns"][0]
    for answer in (run, turn):
        assert [(citation["n"], citation["age"]) for citation in answer["citations"]] == [(1, "gone"), (2, "changed")]
