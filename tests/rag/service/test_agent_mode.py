"""Agent mode from request to events, over the wire format of OpenAI's tool calls."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from rag.errors import IndexUnavailable, InvalidRequest
from rag.events import (
    CitationMade,
    DocumentsFound,
    Done,
    Event,
    Failed,
    QuestionUnderstood,
    Step,
    Token,
    event_data,
)
from rag.models.extractive import ExtractiveChatModel
from rag.request import AskRequest
from tests.fakes import make_document
from tests.openai_server import OpenAIServer, Reply, ToolCall
from tests.service_fakes import ListedIndex, make_service

GOOD = Reply("Chroma keeps the vectors of every chunk [1].")


def search(query: str, id: str = "call_1") -> ToolCall:
    return ToolCall("search", f'{{"query": "{query}"}}', id)


async def events_of(tmp_path: Path, server: OpenAIServer, index: Any = None, **settings: Any) -> list[Event]:
    access = {"chat_model": "openai:fake", "openai_api_key": "k", "openai_base_url": server.url, "model_retries": 0}
    async with make_service(tmp_path, None, index=index, **access, **settings) as footnote:
        return [event async for event in footnote.stream(AskRequest(question="What keeps vectors?", mode="agent"))]


def steps_of(events: list[Event]) -> list[tuple[int, str, str]]:
    return [(event.index, event.kind, event.tool) for event in events if isinstance(event, Step)]


async def test_two_searches_are_steps_in_order_and_the_answer_is_cited(tmp_path: Path) -> None:
    script = (Reply(["I will search.", search("vectors")]), Reply([search("chunks")]), GOOD)
    async with OpenAIServer(*script) as server:
        events = await events_of(tmp_path, server)
    assert steps_of(events) == [
        (0, "action", "search"),
        (1, "observation", "search"),
        (2, "action", "search"),
        (3, "observation", "search"),
    ]
    assert next(event for event in events if isinstance(event, Step)).input == {"query": "vectors"}
    done = events[-1]
    assert isinstance(done, Done)
    assert done.answer == "Chroma keeps the vectors of every chunk [1]."
    assert done.answer == "".join(event.text for event in events if isinstance(event, Token))
    assert [event.citation.verdict for event in events if isinstance(event, CitationMade)] == ["verbatim"]
    kinds = [type(event) for event in events]
    assert kinds.index(DocumentsFound) < kinds.index(QuestionUnderstood) < kinds.index(Token)
    assert max(place for place, kind in enumerate(kinds) if kind is Step) < kinds.index(Token)


async def test_parallel_calls_have_each_action_before_its_observation(tmp_path: Path) -> None:
    async with OpenAIServer(Reply([search("a", "call_a"), ToolCall("list_sources", "{}", "call_b")]), GOOD) as server:
        events = await events_of(tmp_path, server)
    steps = steps_of(events)
    for tool in ("search", "list_sources"):
        kinds = [kind for _, kind, name in steps if name == tool]
        assert kinds == ["action", "observation"]
    results = [message for message in server.chats[1].body["messages"] if message["role"] == "tool"]
    assert {message["tool_call_id"] for message in results} == {"call_a", "call_b"}


async def test_a_failing_tool_is_an_observation_and_the_run_goes_on(tmp_path: Path) -> None:
    class Failing(ListedIndex):
        async def adocuments(self, question: str, **options: Any) -> Any:
            if question == "bad":
                raise IndexUnavailable("Chroma does not answer.", "Start it.")
            return await super().adocuments(question, **options)

    index = Failing(ListedIndex([]).documents)
    async with OpenAIServer(Reply([search("bad")]), Reply([search("good")]), Reply("Nothing was said.")) as server:
        events = await events_of(tmp_path, server, index)
    outputs = [event.output for event in events if isinstance(event, Step) and event.kind == "observation"]
    assert "Chroma does not answer." in outputs[0]
    assert isinstance(events[-1], Done)


async def test_a_loop_is_cut_by_the_limit(tmp_path: Path) -> None:
    def respond(body: Any) -> Reply:
        return Reply([search("again")]) if "tools" in body else GOOD

    async with OpenAIServer(respond=respond) as server:
        events = await events_of(tmp_path, server, agent_steps=3)
    assert len(steps_of(events)) == 6
    assert len(server.chats) == 4
    assert isinstance(events[-1], Done)
    assert events[-1].citations


async def test_an_answer_cites_documents_of_different_searches(tmp_path: Path) -> None:
    """Numbers go on over searches, and each claim is checked against the document it names."""

    class SeveralPages(ListedIndex):
        async def adocuments(self, question: str, **options: Any) -> Any:
            return [make_document(f"{question} is kept.", url=f"https://example.org/{question}")]

    script = (Reply([search("Chroma")]), Reply([search("tantivy")]), Reply("Chroma is kept [1]. tantivy is kept [2]."))
    async with OpenAIServer(*script) as server:
        events = await events_of(tmp_path, server, SeveralPages([]))
    documents = next(event for event in events if isinstance(event, DocumentsFound)).documents
    assert [(document.n, document.text) for document in documents] == [(1, "Chroma is kept."), (2, "tantivy is kept.")]
    cited = [event.citation for event in events if isinstance(event, CitationMade)]
    assert [(citation.n, citation.verdict, citation.document_id) for citation in cited] == [
        (1, "verbatim", documents[0].id),
        (2, "verbatim", documents[1].id),
    ]


async def test_a_model_that_breaks_ends_the_run_with_an_error(tmp_path: Path) -> None:
    async with OpenAIServer(Reply([search("a")]), Reply(status=500)) as server:
        events = await events_of(tmp_path, server)
    assert isinstance(events[-1], Failed)
    assert len(steps_of(events)) == 2


async def test_a_model_without_tool_calling_is_refused_before_the_run(tmp_path: Path) -> None:
    async with make_service(tmp_path, ExtractiveChatModel.model_construct()) as footnote:
        with pytest.raises(InvalidRequest, match="cannot call tools"):
            await footnote.start(AskRequest(question="What?", mode="agent"))


async def test_an_agent_remembers_the_thread(tmp_path: Path) -> None:
    async with OpenAIServer(Reply([search("a")]), GOOD, GOOD) as server:
        access = {"chat_model": "openai:fake", "openai_api_key": "k", "openai_base_url": server.url}
        async with make_service(tmp_path, None, **access) as footnote:
            for question in ("What keeps vectors?", "Are you sure?"):
                await footnote.ask(AskRequest(question=question, mode="agent", thread_id="t"))
            store = await footnote.conversations.store()
            assert [turn.state for turn in store.turns("t")] == ["done", "done"]
    contents = [message["content"] for message in server.chats[2].body["messages"]]
    assert "What keeps vectors?" in contents
    assert "Are you sure?" in contents


async def test_the_steps_are_kept_with_the_turn_and_the_run(tmp_path: Path) -> None:
    """Also those of a turn that was broken off."""
    access = {"chat_model": "openai:fake", "openai_api_key": "k", "model_retries": 0}
    script = (Reply([search("vectors")]), GOOD, Reply([search("more")]), Reply(status=500))
    async with OpenAIServer(*script) as server:
        async with make_service(tmp_path, None, openai_base_url=server.url, **access) as footnote:
            asked = AskRequest(question="What keeps vectors?", mode="agent", thread_id="t")
            events = [event async for event in footnote.stream(asked)]
            broken = [event async for event in footnote.stream(asked)]
            done = events[-1]
            assert isinstance(done, Done)
            told = (await footnote.run_summary(done.run_id))["result"]["steps"]
            turns = (await footnote.conversations.store()).turns("t")
    steps = [event for event in events if isinstance(event, Step)]
    assert turns[0].steps == tuple(steps)
    assert told == [event_data(step) for step in steps]
    assert turns[1].state == "interrupted"
    assert turns[1].steps == tuple(event for event in broken if isinstance(event, Step))
    assert [step.kind for step in turns[1].steps] == ["action", "observation"]
