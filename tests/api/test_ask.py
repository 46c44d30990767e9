"""`POST /ask` over the fakes: the events, their order, exact text, the JSON form, hang-ups."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
from langchain_core.messages import AIMessageChunk

from api.app import create_app
from api.ask import wants_json
from rag.request import MAX_QUESTION_CHARACTERS
from tests.api.streams import answer_of, events_of
from tests.fakes import ScriptedChatModel, make_documents
from tests.service_fakes import ListedIndex

ANSWER = "Chroma keeps the vectors of every chunk [1]."
JSON = {"accept": "application/json"}
HISTORY = [{"role": "user", "content": "What is Chroma?"}, {"role": "assistant", "content": "A database [1]."}]


async def test_the_events_come_in_order(make_client: Any) -> None:
    """run, documents, question, tokens with their citations, done; numbered from 1 without a gap."""
    client, service = await make_client(ScriptedChatModel(ANSWER))
    response = await client.post("/ask", json={"question": "What keeps vectors?"})
    assert response.status_code == 200
    assert response.headers["content-type"].startswith("text/event-stream")
    assert response.text.isascii()
    events = events_of(response.text)
    assert [event.id for event in events] == list(range(1, len(events) + 1))
    names = [event.name for event in events]
    assert names[:3] == ["run", "documents", "question"]
    assert names[-1] == "done"
    assert set(names[3:-1]) == {"token", "citation"}
    run, found, question = (event.data for event in events[:3])
    assert run["chat_model"] == "scripted"
    assert "thread_id" not in run
    assert [document["n"] for document in found["documents"]] == [1, 2]
    assert question == {"text": "What keeps vectors?", "original": "What keeps vectors?", "rewritten": False}
    done = events[-1].data
    assert answer_of(events) == done["answer"] == ANSWER
    assert done["run_id"] == run["run_id"]
    assert done["finish_reason"] == "stop"
    assert done["usage"]["output_tokens"] > 0
    assert set(done["timing"]) == {"documents_ms", "first_token_ms", "total_ms"}
    assert service.active == 0


async def test_code_in_an_extracted_answer_holds_no_claim(make_client: Any) -> None:
    """The sentence that introduces code is cited; the code follows it, fenced, as the page has it."""
    code = ">>> wn.synonyms('car')\n[['auto', 'automobile']]"
    page = f"The synonyms of a word are listed by sense:\n\n{code}\n\nWordNet is a database of English."
    index = ListedIndex(make_documents(page))
    client, _ = await make_client(None, index=index, chat_model="extractive")
    question = {"question": "How do I get the synonyms of a word?"}
    events = events_of((await client.post("/ask", json=question)).text)
    assert answer_of(events) == f"The synonyms of a word are listed by sense: [1]\n\n```\n{code}\n```"
    citations = [event.data for event in events if event.name == "citation"]
    assert [(one["n"], one["verdict"], one["claim"]["start"]) for one in citations] == [(1, "verbatim", 0)]


async def test_a_citation_follows_its_claim(make_client: Any) -> None:
    """Each citation comes after the token that completes its claim, however long the next takes."""
    cited = asyncio.Event()

    def note(run_id: str, event: Any) -> None:
        if event.name == "citation":
            cited.set()

    first, second = "Chroma keeps the vectors of every chunk [1].", "tantivy keeps the words of every chunk [2]."
    client, _ = await make_client(ScriptedChatModel([first, " And ", cited, second]), seams={"on_event": note})
    events = events_of((await client.post("/ask", json={"question": "What?"})).text)
    documents = {document["n"]: document for document in events[1].data["documents"]}
    said = ""
    citations = [event.data for event in events if event.name == "citation"]
    assert [citation["n"] for citation in citations] == [1, 2]
    for event in events:
        if event.name == "token":
            said += event.data["text"]
        elif event.name == "citation":
            claim = event.data["claim"]
            assert claim["end"] <= len(said)
            document = documents[event.data["n"]]
            assert document["id"] == event.data["document_id"]
            assert document["text"][event.data["quote_start"] : event.data["quote_end"]] == event.data["quote"]


async def test_a_follow_up_shows_the_question_that_was_searched(make_client: Any) -> None:
    """With history the question is rewritten, and both are told; documents still come before any token."""
    client, _ = await make_client(ScriptedChatModel("What does Chroma keep?", ANSWER))
    body = {"question": "What does it keep?", "history": HISTORY}
    events = events_of((await client.post("/ask", json=body)).text)
    assert events[2].data == {"text": "What does Chroma keep?", "original": "What does it keep?", "rewritten": True}
    assert not [event for event in events if event.name == "question_token"]


async def test_as_produced_shows_the_question_as_it_is_rewritten(make_client: Any) -> None:
    """`question_token`s, then `question`, then `documents`."""
    client, _ = await make_client(ScriptedChatModel(["What does ", "Chroma keep?"], ANSWER))
    body = {"question": "What does it keep?", "history": HISTORY, "order": "as_produced"}
    events = events_of((await client.post("/ask", json=body)).text)
    names = [event.name for event in events]
    assert names[:5] == ["run", "question_token", "question_token", "question", "documents"]
    assert events[1].data["text"] + events[2].data["text"] == events[3].data["text"] == "What does Chroma keep?"


async def test_as_produced_without_history(make_client: Any) -> None:
    """There is nothing to rewrite: `question`, then `documents`."""
    client, _ = await make_client(ScriptedChatModel(ANSWER))
    events = events_of((await client.post("/ask", json={"question": "What?", "order": "as_produced"})).text)
    assert [event.name for event in events][:3] == ["run", "question", "documents"]


async def test_nothing_found_is_an_answer(make_client: Any) -> None:
    """An empty index: empty documents, an answer that says so, `no_answer`."""
    from tests.service_fakes import ListedIndex

    client, _ = await make_client(ScriptedChatModel(), index=ListedIndex([]))
    events = events_of((await client.post("/ask", json={"question": "What keeps vectors?"})).text)
    assert events[1].data == {"documents": []}
    assert events[-1].data["finish_reason"] == "no_answer"
    assert answer_of(events) == events[-1].data["answer"] != ""


ODD = {
    "line separators": ["a\u2028b\u2029c\u0085d", "\r\n", "\r", "\x0b\x0c\x1c\x1d\x1e e."],
    "nul": ["a\x00b."],
    "an emoji in two tokens": ["smile \ud83d", "\ude00 done."],
    "an emoji whole": ["smile 😀 done."],
    "lone surrogates": ["a\ud800b", "\udc00c."],
    "a lone surrogate at the end": ["a", "\ud83d"],
    "event lines": ["data: x\n\nevent: done\ndata: {}\n\n", "id: 7\n\n: ping\n\nend."],
    "json": ['{"text": "\\u0000"}', '"\\'],
    "combining": ["e", "\u0301", " x."],
    "a megabyte": ["é" * 1_000_000],
}


@pytest.mark.parametrize("name", ODD)
async def test_odd_text_comes_through_exactly(make_client: Any, name: str) -> None:
    """Whatever characters a model sends, a client puts together the same text that `done` has; halves of characters
    are joined where both came."""
    client, _ = await make_client(ScriptedChatModel(ODD[name], ODD[name]))
    events = events_of((await client.post("/ask", json={"question": "What?"})).text)
    sent = "".join(ODD[name]).encode("utf-16", "surrogatepass").decode("utf-16", "surrogatepass")
    assert answer_of(events) == events[-1].data["answer"] == sent
    assert (await client.post("/ask", json={"question": "What?"}, headers=JSON)).json()["answer"] == sent


async def test_tokens_of_content_blocks_are_text(make_client: Any) -> None:
    """Providers that send blocks in place of strings: the text is taken, the rest is not."""
    blocks = AIMessageChunk(content=[{"type": "text", "text": "Chroma.", "index": 0}, {"type": "reasoning", "x": 1}])
    client, _ = await make_client(ScriptedChatModel([blocks]))
    events = events_of((await client.post("/ask", json={"question": "What?"})).text)
    assert answer_of(events) == "Chroma."


async def test_the_json_form_is_done_with_documents(make_client: Any) -> None:
    """`Accept: application/json` gives one object, the same as the stream says."""
    client, _ = await make_client(ScriptedChatModel(ANSWER, ANSWER))
    response = await client.post("/ask", json={"question": "What?"}, headers=JSON)
    assert response.status_code == 200
    assert response.headers["content-type"] == "application/json"
    body = response.json()
    events = events_of((await client.post("/ask", json={"question": "What?"})).text)
    assert set(body) == set(events[-1].data) | {"documents"}
    assert body["answer"] == ANSWER
    assert body["documents"] == events[1].data["documents"]


@pytest.mark.parametrize(
    ("accept", "json_form"),
    [
        ("*/*", False),
        ("text/event-stream", False),
        ("application/json", True),
        ("text/event-stream, application/json", False),
        ("application/json, text/event-stream;q=0.5", True),
        ("text/html", False),
    ],
)
async def test_the_form_follows_accept(make_client: Any, accept: str, json_form: bool) -> None:
    """JSON only for those who ask for it first."""
    client, _ = await make_client(ScriptedChatModel(ANSWER))
    response = await client.post("/ask", json={"question": "What?"}, headers={"accept": accept})
    assert (response.headers["content-type"] == "application/json") is json_form


async def test_too_many_at_once_are_refused_at_once(make_client: Any) -> None:
    """503 with Retry-After while all places are taken; a place is free again after the run."""
    gate = asyncio.Event()
    model = ScriptedChatModel(["one ", gate, "two."], ANSWER)
    client, _ = await make_client(model, max_streams=1)
    first = asyncio.create_task(client.post("/ask", json={"question": "What?"}))
    await model.waiting.wait()
    refused = await client.post("/ask", json={"question": "What?"})
    assert refused.status_code == 503
    assert int(refused.headers["retry-after"]) >= 1
    assert refused.json()["type"] == "urn:footnote:error:overloaded"
    gate.set()
    assert events_of((await first).text)[-1].name == "done"
    assert events_of((await client.post("/ask", json={"question": "What?"})).text)[-1].name == "done"


class _Leaving:
    """An ASGI client that leaves when told to."""

    def __init__(self, app: Any, body: dict[str, Any], headers: dict[str, str] | None = None) -> None:
        self._app = app
        self._body = json.dumps(body).encode()
        self._headers = {"content-type": "application/json", "host": "localhost", **(headers or {})}
        self.leave = asyncio.Event()
        self.pinged = asyncio.Event()
        self.sent: list[bytes] = []

    async def run(self) -> None:
        scope = {
            "type": "http",
            "asgi": {"version": "3.0", "spec_version": "2.3"},
            "http_version": "1.1",
            "method": "POST",
            "scheme": "http",
            "path": "/ask",
            "raw_path": b"/ask",
            "query_string": b"",
            "root_path": "",
            "headers": [(name.encode(), value.encode()) for name, value in self._headers.items()],
            "client": ("127.0.0.1", 1),
            "server": ("127.0.0.1", 2),
        }
        await self._app(scope, self._receive, self._send)

    async def _receive(self) -> dict[str, Any]:
        if self._body is not None:
            body, self._body = self._body, None  # type: ignore[assignment]
            return {"type": "http.request", "body": body, "more_body": False}
        await self.leave.wait()
        return {"type": "http.disconnect"}

    async def _send(self, message: dict[str, Any]) -> None:
        self.sent.append(message.get("body", b""))
        if self.sent.count(b": ping\n\n") == 3:
            self.pinged.set()


@pytest.mark.parametrize("form", ["text/event-stream", "application/json"])
@pytest.mark.parametrize("moment", ["searching", "before the first token", "mid-answer"])
async def test_hanging_up_stops_the_run(make_client: Any, moment: str, form: str) -> None:
    """Whenever the client leaves, the search or the model is released, and no task is left."""
    from tests.fakes import make_documents
    from tests.service_fakes import ListedIndex

    searching, forever = asyncio.Event(), asyncio.Event()

    async def search() -> None:
        searching.set()
        if moment == "searching":
            await forever.wait()

    parts: list[Any] = [forever] if moment == "before the first token" else ["one ", forever]
    model = ScriptedChatModel(parts)
    _, service = await make_client(model, index=ListedIndex(make_documents("Chroma."), search))
    before = asyncio.all_tasks()
    client = _Leaving(create_app(service=service), {"question": "What?"}, {"accept": form})
    request = asyncio.create_task(client.run())
    await (searching.wait() if moment == "searching" else model.waiting.wait())
    client.leave.set()
    await request
    await service.runs.idle()
    assert model.abandoned == (0 if moment == "searching" else 1)
    left = {task.get_name() for task in asyncio.all_tasks() - before}
    assert left <= {"runs"}


async def test_a_run_that_continues_outlives_its_reader(make_client: Any) -> None:
    """`on_disconnect: continue`: the reader leaves, the answer is finished and kept."""
    gate = asyncio.Event()
    model = ScriptedChatModel(["Chroma ", gate, "keeps vectors [1]."])
    client, service = await make_client(model)
    leaving = _Leaving(create_app(service=service), {"question": "What?", "on_disconnect": "continue"})
    request = asyncio.create_task(leaving.run())
    await model.waiting.wait()
    leaving.leave.set()
    await request
    run_id = events_of(b"".join(leaving.sent).decode())[0].data["run_id"]
    assert (await client.get(f"/runs/{run_id}")).json()["state"] == "running"
    gate.set()
    events = events_of((await client.get(f"/runs/{run_id}/events")).text)
    assert events[-1].data["answer"] == "Chroma keeps vectors [1]."


async def test_pings_carry_no_id(make_client: Any) -> None:
    """A silent stream sends comments, without an id, so that a reconnecting client misses nothing."""
    gate = asyncio.Event()
    model = ScriptedChatModel(["one ", gate, "two."])
    _, service = await make_client(model, ping_interval=0.01)
    client = _Leaving(create_app(service=service), {"question": "What?"})
    request = asyncio.create_task(client.run())
    await client.pinged.wait()
    gate.set()
    await request
    text = b"".join(client.sent).decode()
    assert [event.id for event in events_of(text)] == list(range(1, len(events_of(text)) + 1))


BAD = {
    "no question": {},
    "empty": {"question": ""},
    "blank": {"question": "   "},
    "zero-width": {"question": "\u200b\u200d"},
    "not text": {"question": 5},
    "null": {"question": None},
    "too long": {"question": "x" * (MAX_QUESTION_CHARACTERS + 1)},
    "nul": {"question": "a\x00b"},
    "unknown field": {"question": "a", "sekret": "s3cret"},
    "both memories": {"question": "a", "thread_id": "t", "history": []},
    "bad thread": {"question": "a", "thread_id": "../etc"},
    "bad order": {"question": "a", "order": "s3cret"},
    "bad top_k": {"question": "a", "top_k": 0},
    "bad role": {"question": "a", "history": [{"role": "system", "content": "s3cret"}]},
    "a list": ["s3cret"],
}


@pytest.mark.parametrize("name", BAD)
async def test_bad_bodies_are_422_and_not_echoed(make_client: Any, name: str) -> None:
    """The answer names the field and why, and never repeats what was sent."""
    client, _ = await make_client(ScriptedChatModel())
    response = await client.post("/ask", json=BAD[name])
    assert response.status_code == 422
    assert response.headers["content-type"] == "application/problem+json"
    problem = response.json()
    assert problem["status"] == 422
    assert problem["errors"][0]["field"]
    assert problem["errors"][0]["why"]
    assert "s3cret" not in response.text


RAW = {
    "malformed": (b'{"question": ', 400),
    "nan": (b'{"question": "a", "top_k": NaN}', 422),
    "infinity": (b'{"question": "a", "top_k": -Infinity}', 422),
    "not utf-8": (b'{"question": "\xff"}', 400),
    "deep": (b"[" * 100_000, 400),
    "lone surrogate": (b'{"question": "a\\ud800"}', 422),
    "lone surrogate in history": (b'{"question": "a", "history": [{"role": "user", "content": "\\udc00"}]}', 422),
    "huge number": (b'{"question": "a", "top_k": ' + b"9" * 5_000 + b"}", 400),
    "empty": (b"", 415),
    "too large": (b'{"question": "' + b"x" * 4_000_001 + b'"}', 413),
}


@pytest.mark.parametrize("name", RAW)
async def test_raw_bodies_never_break_the_server(make_client: Any, name: str) -> None:
    """400 for what is no JSON, 422 for what cannot be used (NaN too), 413 for too much; never a 500."""
    client, _ = await make_client(ScriptedChatModel())
    body, status = RAW[name]
    headers = {"content-type": "application/json"} if name != "empty" else {}
    response = await client.post("/ask", content=body, headers=headers)
    assert response.status_code == status
    assert response.json()["status"] == status


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data", ""])
async def test_other_media_types_are_415(make_client: Any, kind: str) -> None:
    """Only JSON is taken; a form of another site cannot ask in a reader's name."""
    client, _ = await make_client(ScriptedChatModel())
    headers = {"content-type": kind} if kind else {}
    response = await client.post("/ask", content=b'{"question": "a"}', headers=headers)
    assert response.status_code == 415


@pytest.mark.parametrize(("method", "path", "status"), [("GET", "/ask", 405), ("GET", "/nothing", 404)])
async def test_other_places_and_methods_are_problems(make_client: Any, method: str, path: str, status: int) -> None:
    """404 and 405 are problem documents too."""
    client, _ = await make_client(ScriptedChatModel())
    response = await client.request(method, path)
    assert response.status_code == status
    assert response.headers["content-type"] == "application/problem+json"
    assert response.json()["status"] == status


@pytest.mark.parametrize(
    ("accept", "json"),
    [
        ("application/json", True),
        ("Application/JSON; charset=utf-8", True),
        ("application/json, text/plain, */*", True),
        ("text/event-stream;q=0.1, application/json;q=0.9", True),
        ("application/json;q=0.5, text/event-stream", False),
        ("text/event-stream, application/json", False),
        ("application/json;q=0", False),
        ("*/*", False),
        ("", False),
    ],
)
def test_the_form_that_is_asked_for_most(accept: str, json: bool) -> None:
    """By weight, then by place; events where neither is named."""
    assert wants_json(accept) is json


async def test_a_body_that_does_not_come_is_not_waited_for(make_client: Any) -> None:
    """408 after the time for an answer; no run was begun."""
    client, service = await make_client(ScriptedChatModel(), ask_timeout=0.05)

    async def beginning() -> AsyncIterator[bytes]:
        yield b"{"
        await asyncio.Event().wait()

    response = await client.post("/ask", content=beginning(), headers={"content-type": "application/json"})
    assert response.status_code == 408
    assert response.json()["type"] == "urn:footnote:error:too-slow"
    assert service.active == 0


class _Left:
    """A client that left as soon as it had asked; uvloop's socket says so by a ValueError."""

    def __init__(self, body: bytes) -> None:
        self.transport = self
        self._messages = [{"type": "http.request", "body": body, "more_body": False}]

    def get_extra_info(self, name: str) -> Any:
        return self

    def setsockopt(self, *_: int) -> None:
        raise ValueError("negative file descriptor")

    async def receive(self) -> Any:
        return self._messages.pop() if self._messages else {"type": "http.disconnect"}

    async def send(self, message: Any) -> None:
        """Nobody hears it."""


@pytest.mark.parametrize("path", ["/ask", "/ask/stream_log"])
async def test_a_client_that_left_at_once_leaves_nothing_behind(make_client: Any, path: str) -> None:
    """Before the first byte of the answer: its run is cancelled as any other."""
    model = ScriptedChatModel([asyncio.Event()])
    _, service = await make_client(model)
    question = {"question": "What?"}
    client = _Left(json.dumps(question if path == "/ask" else {"input": question}).encode())
    headers = [(b"content-type", b"application/json")]
    scope = {"type": "http", "method": "POST", "path": path, "raw_path": path.encode(), "query_string": b""}
    await create_app(service=service)({**scope, "headers": headers}, client.receive, client.send)
    async with asyncio.timeout(5):
        await service.runs.idle()
    assert service.active == 0
