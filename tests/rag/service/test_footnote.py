"""Footnote as a library: ask, stream, callbacks, threads, many at once, with and without an event loop."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from rag.errors import Conflict, InvalidRequest, ModelError, Overloaded, RunCancelled
from rag.events import Done, Event, Failed, RunStarted, Token
from rag.models.chat import ChatModel
from rag.models.embeddings import EmbeddingModel
from rag.request import AskRequest
from rag.service import BlockingFootnote
from rag.settings import Settings
from rag.vocabulary import Answer
from tests.fakes import FakeEmbeddings, ScriptedChatModel, make_documents
from tests.service_fakes import ListedIndex, make_service

ANSWER = "Chroma keeps the vectors of every chunk [1]."


async def test_ask_returns_the_answer(tmp_path: Path) -> None:
    """Text, documents, citations, and who was asked."""
    async with make_service(tmp_path, ScriptedChatModel(ANSWER)) as footnote:
        answer = await footnote.ask("What keeps vectors?")
    assert (answer.text, answer.question, answer.finish_reason) == (ANSWER, "What keeps vectors?", "stop")
    assert [document.n for document in answer.documents] == [1, 2]
    assert [citation.verdict for citation in answer.citations] == ["verbatim"]


async def test_ask_raises_what_kept_the_answer_from_being_finished(tmp_path: Path) -> None:
    """The error itself, not an event."""
    async with make_service(tmp_path, ScriptedChatModel(["one ", ValueError("x")])) as footnote:
        with pytest.raises(ModelError):
            await footnote.ask("What?")


async def test_stream_yields_typed_events(tmp_path: Path) -> None:
    """From RunStarted to Done; the tokens are the answer."""
    async with make_service(tmp_path, ScriptedChatModel(ANSWER)) as footnote:
        events = [event async for event in footnote.stream("What?")]
    assert isinstance(events[0], RunStarted)
    assert isinstance(events[-1], Done)
    assert "".join(event.text for event in events if isinstance(event, Token)) == ANSWER


async def test_leaving_a_stream_cancels_the_run(tmp_path: Path) -> None:
    """The model is released when the iterator is closed."""
    model = ScriptedChatModel(["one ", asyncio.Event()])
    async with make_service(tmp_path, model) as footnote:
        events: Any = footnote.stream("What?")
        async for event in events:
            if isinstance(event, Token):
                break
        await events.aclose()
        await footnote.runs.idle()
        assert model.abandoned == 1


async def test_callbacks_hear_every_event_and_every_answer(tmp_path: Path) -> None:
    """`on_event` with the run's id, `on_done` with the answer; a failed run has no answer."""
    heard: list[tuple[str, Event]] = []
    answers: list[Answer] = []
    seams = {"on_event": lambda run_id, event: heard.append((run_id, event)), "on_done": answers.append}
    async with make_service(tmp_path, ScriptedChatModel(ANSWER, ["x ", ValueError()]), seams=seams) as footnote:
        answer = await footnote.ask("What?")
        with pytest.raises(ModelError):
            await footnote.ask("What?")
    assert answers == [answer]
    assert [type(event) for run_id, event in heard if run_id == answer.run_id][-1] is Done
    assert isinstance(heard[-1][1], Failed)


async def test_a_callback_that_raises_breaks_no_answer(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """It is told in the log, and called again with what comes."""
    heard: list[object] = []

    def fail(*what: object) -> None:
        heard.append(what[-1])
        raise ValueError("mine")

    seams = {"on_event": fail, "on_done": fail}
    async with make_service(tmp_path, ScriptedChatModel(ANSWER), seams=seams) as footnote:
        answer = await footnote.ask("What?")
    assert answer.text == ANSWER
    assert heard[-1] == answer
    assert len(heard) > 5
    assert "the answer goes on" in caplog.text


async def test_blocked_phrases_end_an_answer(tmp_path: Path) -> None:
    """The setting reaches the stream; the model is released."""
    model = ScriptedChatModel(["It is top", " secret stuff ", asyncio.Event()])
    async with make_service(tmp_path, model, blocked_phrases=("top secret",)) as footnote:
        answer = await footnote.ask("What?")
        assert (answer.text, answer.finish_reason, model.abandoned) == ("It is ", "blocked", 1)


async def test_many_questions_at_once(tmp_path: Path) -> None:
    """Each gets its own answer."""
    answers = [f"Answer {number} of Chroma." for number in range(20)]
    async with make_service(tmp_path, ScriptedChatModel(*answers)) as footnote:
        found = await asyncio.gather(*(footnote.ask(f"What is {number}?") for number in range(20)))
    assert sorted(answer.text for answer in found) == sorted(answers)
    assert len({answer.run_id for answer in found}) == 20


async def test_a_thread_remembers_and_is_not_shared(tmp_path: Path) -> None:
    """A follow-up is rewritten from the turn before; another owner's thread of that name is another."""
    model = ScriptedChatModel(ANSWER, "What does Chroma keep?", ANSWER, ANSWER)
    async with make_service(tmp_path, model) as footnote:
        await footnote.ask(AskRequest(question="What is Chroma?", thread_id="t"), principal="me")
        second = await footnote.ask(AskRequest(question="What does it keep?", thread_id="t"), principal="me")
        assert second.question == "What does Chroma keep?"
        other = await footnote.ask(AskRequest(question="What does it keep?", thread_id="t"), principal="you")
        assert other.question == "What does it keep?"
        store = await footnote.conversations.store()
        turns = store.turns("t", owner="me")
    assert [(turn.state, turn.answer) for turn in turns] == [("done", ANSWER), ("done", ANSWER)]
    assert turns[1].citations == second.citations
    assert model.used_up


async def test_two_questions_at_once_in_a_thread_are_refused(tmp_path: Path) -> None:
    """409 for the second, whose place is free again; cancelling the first leaves an interrupted turn."""
    model = ScriptedChatModel(["one ", asyncio.Event()], ANSWER)
    async with make_service(tmp_path, model) as footnote:
        request = AskRequest(question="What?", thread_id="t")
        run = await footnote.start(request)
        await model.waiting.wait()
        with pytest.raises(Conflict):
            await footnote.start(request)
        assert footnote.active == 1
        run.cancel()
        await run.ended.wait()
        assert isinstance(run.failure, RunCancelled)
        store = await footnote.conversations.store()
        assert [(turn.state, turn.answer) for turn in store.turns("t")] == [("interrupted", "one ")]


async def test_closing_ends_what_runs_and_refuses_what_comes(tmp_path: Path) -> None:
    """The index is let go, and closing again does nothing."""
    model, index = ScriptedChatModel(["one ", asyncio.Event()]), ListedIndex(make_documents("Chroma."))
    footnote = make_service(tmp_path, model, index=index)
    await footnote.start("What?")
    await model.waiting.wait()
    await footnote.aclose()
    await footnote.aclose()
    assert (model.abandoned, index.closed) == (1, True)
    with pytest.raises(Overloaded):
        await footnote.start("What?")


def blocking(tmp_path: Path, *answers: str) -> BlockingFootnote:
    index: Any = ListedIndex(make_documents("Chroma keeps the vectors of every chunk."))
    return BlockingFootnote.open(
        Settings(data_dir=tmp_path, _env_file=None),
        chat=ChatModel("scripted", ScriptedChatModel(*answers)),
        embeddings=EmbeddingModel("fake", FakeEmbeddings(), 64),
        open_index=lambda *_: index,
    )


def test_without_an_event_loop(tmp_path: Path) -> None:
    """The same, blocking; leaving a stream early cancels it."""
    with blocking(tmp_path, ANSWER, ANSWER, ANSWER) as footnote:
        assert footnote.ask("What?").text == ANSWER
        assert isinstance(list(footnote.stream("What?"))[-1], Done)
        for event in footnote.stream("What?"):
            if isinstance(event, Token):
                break


def test_without_an_event_loop_it_may_be_closed_twice_and_then_says_so(tmp_path: Path) -> None:
    """Also to one who is reading a stream."""
    footnote = blocking(tmp_path, ANSWER)
    begun = footnote.stream("What?")
    assert isinstance(next(iter(begun)), RunStarted)
    footnote.close()
    footnote.close()
    for use in (lambda: footnote.ask("What?"), lambda: list(footnote.stream("What?")), lambda: list(begun)):
        with pytest.raises(Overloaded, match="closed"):
            use()


@pytest.mark.parametrize("question", ["", " \u200b", "x" * 4_001, "\ud800", 5, None])
async def test_a_question_that_cannot_be_used_is_an_error_of_ours(tmp_path: Path, question: Any) -> None:
    async with make_service(tmp_path, ScriptedChatModel()) as footnote:
        with pytest.raises(InvalidRequest, match="question cannot be used"):
            await footnote.ask(question)
