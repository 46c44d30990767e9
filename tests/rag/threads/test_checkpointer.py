"""A graph on a thread: the conversation is there at the next turn, and nothing else is kept."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from rag.chain.context import ChainContext
from rag.chain.graph import build_chain
from rag.models.chat import ChatModel
from rag.settings import Settings
from rag.threads.checkpointer import TURN_BEGUN, ThreadCheckpointer
from rag.threads.memory import Outcome
from rag.threads.sqlite import SqliteThreads
from rag.vocabulary import Document, Filter
from tests.fakes import ScriptedChatModel, make_documents

ANSWER = "Chroma keeps vectors [1]."


class SameDocuments:
    async def adocuments(
        self,
        question: str,
        *,
        top_k: int,
        context_tokens: int,
        filter: Filter | None = None,
        also: Sequence[str] = (),
    ) -> list[Document]:
        return make_documents("Chroma keeps vectors.")


@pytest.fixture
def store(tmp_path: Path) -> Any:
    store = SqliteThreads(tmp_path / "threads.db")
    yield store
    store.close()


def chain_on(store: SqliteThreads, *answers: str, **settings: Any) -> tuple[Any, ScriptedChatModel]:
    model = ScriptedChatModel(*answers)
    context = ChainContext(SameDocuments(), ChatModel("scripted", model), Settings(_env_file=None, **settings))
    return build_chain(context, checkpointer=ThreadCheckpointer(store)), model


def on_thread(name: str, **more: Any) -> dict[str, Any]:
    return {"configurable": {"thread_id": name, **more}}


async def test_the_next_turn_knows_the_last_one_after_a_restart(store: SqliteThreads) -> None:
    chain, _ = chain_on(store, ANSWER)
    await chain.ainvoke({"question": "What is Chroma?"}, on_thread("t"))
    chain, model = chain_on(store, "What does Chroma keep?", ANSWER)
    result = await chain.ainvoke({"question": "What does it keep?"}, on_thread("t"))
    assert result["standalone_question"] == "What does Chroma keep?"
    assert "What is Chroma?" in model.calls[0].text
    assert "(sources: A page)" in model.calls[0].text
    assert [turn.question for turn in store.turns("t")] == ["What is Chroma?", "What does it keep?"]


@pytest.mark.parametrize("durability", ["exit", "async", "sync"])
async def test_a_turn_is_written_once_in_every_durability(store: SqliteThreads, durability: str) -> None:
    chain, _ = chain_on(store, ANSWER, "What is Chroma?", ANSWER)
    for _ in range(2):
        await chain.ainvoke({"question": "What is Chroma?"}, on_thread("t"), durability=durability)
    assert [(turn.n, turn.state, turn.answer) for turn in store.turns("t")] == [
        (1, "done", ANSWER),
        (2, "done", ANSWER),
    ]


async def test_a_turn_that_the_caller_began_is_left_to_the_caller(store: SqliteThreads) -> None:
    chain, _ = chain_on(store, ANSWER)
    store.begin("t", "What is Chroma?", run_id="r1")
    await chain.ainvoke({"question": "What is Chroma?"}, on_thread("t", **{TURN_BEGUN: True}))
    assert [turn.state for turn in store.turns("t")] == ["running"]
    store.finish("t", Outcome(ANSWER), run_id="r1")
    assert len(store.recall("t").exchanges) == 1


async def test_threads_and_owners_are_apart(store: SqliteThreads) -> None:
    chain, model = chain_on(store, ANSWER, ANSWER, ANSWER)
    await chain.ainvoke({"question": "Secret of a?"}, on_thread("t", owner="a"))
    await chain.ainvoke({"question": "What?"}, on_thread("t", owner="b"))
    await chain.ainvoke({"question": "What?"}, on_thread("other", owner="a"))
    assert all("Secret" not in call.text for call in model.calls[1:])


async def test_a_run_that_fails_leaves_no_turn(store: SqliteThreads) -> None:
    chain, _ = chain_on(store)
    with pytest.raises(Exception, match="scripted"):
        await chain.ainvoke({"question": "What is Chroma?"}, on_thread("t"))
    assert store.threads() == []


async def test_state_can_be_read_as_of_any_graph(store: SqliteThreads) -> None:
    chain, _ = chain_on(store, ANSWER)
    await chain.ainvoke({"question": "What is Chroma?"}, on_thread("t"))
    state = await chain.bound.aget_state(on_thread("t"))
    assert [message.text for message in state.values["history"]] == ["What is Chroma?", ANSWER]
    assert set(state.values) == {"history", "summary"}
    past = [one.values async for one in chain.bound.aget_state_history(on_thread("t"))]
    assert past == [state.values]


async def test_a_long_conversation_is_summarised_once_and_keeps_its_sources(store: SqliteThreads) -> None:
    long_answer = "Chroma keeps vectors [1]. " + "It says more about it. " * 20
    for n in range(8):
        store.begin("t", f"Question {n}?", run_id=f"r{n}")
        sources = [{"n": 1, "title": f"Page {n}", "url": f"https://example.org/{n}"}]
        store.finish("t", Outcome(long_answer, sources=sources), run_id=f"r{n}")
    chain, model = chain_on(store, "They talked about Chroma.", "Rewritten question?", ANSWER, history_tokens=400)
    await chain.ainvoke({"question": "And now?"}, on_thread("t"))
    assert model.used_up
    memory = store.recall("t")
    assert memory.summary.startswith("They talked about Chroma.")
    kept = {exchange.n for exchange in memory.exchanges}
    assert 8 in kept
    assert 1 not in kept
    for n in range(8):
        assert f"https://example.org/{n}" in memory.summary or n + 1 in kept
    assert "They talked about Chroma." in model.calls[-1].text
    assert len(store.turns("t")) == 9
