"""A forbidden phrase leaves by no door: stream, JSON, run, patches, thread, rewritten question."""

from __future__ import annotations

from typing import Any

from tests.fakes import ScriptedChatModel

ANSWER = ["Chroma keeps vectors [1]. It is to", "p sec", "ret stuff"]
SAID = "Chroma keeps vectors [1]. It is "
FORBIDDEN = {"blocked_phrases": ("top secret",)}


async def test_stream_json_run_and_thread(make_client: Any) -> None:
    """The same answer everywhere, ending with `blocked`."""
    client, _ = await make_client(ScriptedChatModel(ANSWER, ANSWER), **FORBIDDEN)
    streamed = await client.post("/ask", json={"question": "What?", "thread_id": "t"})
    answer = (await client.post("/ask", json={"question": "What?"}, headers={"Accept": "application/json"})).json()
    assert (answer["answer"], answer["finish_reason"]) == (SAID, "blocked")
    places = [streamed.text]
    for path in (f"/runs/{streamed.headers['x-run-id']}", f"/runs/{answer['run_id']}/events", "/threads/t"):
        places.append((await client.get(path)).text)
    for text in places:
        assert "p sec" not in text
        assert "blocked" in text
    assert (await client.get("/threads/t")).json()["turns"][0]["answer"] == SAID


async def test_the_raw_patches(make_client: Any) -> None:
    """They are made of guarded text as well."""
    client, _ = await make_client(ScriptedChatModel(ANSWER), **FORBIDDEN)
    response = await client.post("/ask/stream_log", json={"input": {"question": "What?"}})
    assert SAID in response.text
    assert "p sec" not in response.text
    assert "ret stuff" not in response.text


async def test_the_question_as_it_is_rewritten(make_client: Any) -> None:
    """Its tokens are sent as they come, so they are guarded as well."""
    rewrite = ["What is its to", "p sec", "ret?"]
    client, _ = await make_client(ScriptedChatModel(rewrite, "It is Chroma [1]."), **FORBIDDEN)
    history = [{"role": "user", "content": "What is Chroma?"}, {"role": "assistant", "content": "A database."}]
    body = {"question": "What is it?", "history": history, "order": "as_produced"}
    response = await client.post("/ask", json=body)
    assert '"text":"What is its "' in response.text
    assert "p sec" not in response.text
    assert '"text":"What is it?","original":"What is it?","rewritten":false' in response.text
