from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from langchain_core.messages import AIMessage, BaseMessage, HumanMessage

from rag.chain.condense import extractive_summary, history_size, summary_told, turns_to_summarize, with_sources
from rag.chain.context import ChainContext
from rag.chain.graph import build_chain, build_graph
from rag.errors import ModelUnavailable
from rag.text.tokens import count_tokens
from tests.fakes import Finish, ScriptedChatModel

MakeContext = Callable[..., ChainContext]
ANSWER = "Chroma keeps vectors [1]."


def turns(count: int, words: int = 40) -> list[BaseMessage]:
    history: list[BaseMessage] = []
    for n in range(count):
        sources = [{"n": 1, "title": f"Page {n}", "url": f"https://example.org/{n}"}]
        text = f"Fact {n} is true [1]. " + "word " * words
        history.append(HumanMessage(f"Question {n}?"))
        history.append(AIMessage(text, additional_kwargs={"sources": sources}))
    return history


def test_whole_old_turns_are_taken_until_half_of_the_budget_is_left() -> None:
    history = turns(10)
    older = turns_to_summarize(history, 400)
    rest = history[len(older) :]
    assert history_size(rest) <= 200
    assert isinstance(rest[0], HumanMessage)


def test_the_last_turn_stays_however_long_it_is() -> None:
    assert len(turns_to_summarize(turns(3, words=5000), 100)) == 4


async def test_a_history_sent_by_a_client_is_bounded_without_a_model_call(make_context: MakeContext) -> None:
    model = ScriptedChatModel("What is fact 9?", ANSWER)
    context = make_context(model, history_tokens=400)
    await build_chain(context).ainvoke({"question": "And it?", "history": turns(40)})
    assert model.used_up
    assert "Question 39?" in model.calls[1].text
    assert sum(len(message.text) for message in model.calls[1].messages[:-1]) < 12_000


async def test_messages_leave_the_state_and_the_summary_names_every_source(make_context: MakeContext) -> None:
    context = make_context(ScriptedChatModel("What is fact 9?", ANSWER), history_tokens=400)
    updates: dict[str, Any] = {}
    given = {"question": "And it?", "history": turns(12)}
    async for update in build_graph().astream(given, context=context, stream_mode="updates"):
        updates |= update
    assert {message["role"] for message in updates["condense"]["history"]} == {"remove"}
    removed = len(updates["condense"]["history"]) // 2
    for n in range(removed):
        assert f"https://example.org/{n}" in updates["condense"]["summary"]


async def test_a_model_that_fails_to_summarise_is_replaced_by_the_best_sentences(make_context: MakeContext) -> None:
    model = ScriptedChatModel(ModelUnavailable("down"), "What is fact 9?", ANSWER)
    context = make_context(model, history_tokens=400)
    config: Any = {"configurable": {"thread_id": "t"}}
    result = await build_graph().ainvoke({"question": "And it?", "history": turns(12)}, config, context=context)
    assert result["answer"] == ANSWER


def test_facts_carry_their_page_and_old_lines_go_first() -> None:
    summary = extractive_summary(turns(2), "", 1_000)
    assert "- Question 0?\n  Fact 0 is true (Page 0)." in summary
    short = extractive_summary(turns(10), "", 60)
    assert "Question 0?" not in short
    assert "Fact 9" in extractive_summary(turns(10, words=1), "", 60)


def test_the_list_of_sources_is_carried_on_and_names_each_once() -> None:
    first = with_sources("They talked.", turns(2), "")
    second = with_sources("They talked on.", turns(3), first)
    assert second.startswith("They talked on.")
    assert "They talked." not in second
    assert second.count("https://example.org/1") == 1
    assert second.count("https://example.org/2") == 1


@pytest.mark.parametrize(
    "history",
    [
        turns(1, words=9_000),
        turns(3, words=9_000),
        [AIMessage("word " * 900) for _ in range(30)],
        [HumanMessage("Why? " * 5_000), AIMessage("Because [1]. " * 5_000)],
        [HumanMessage("什么？" * 5_000), AIMessage("因为[1]。" * 5_000)],
    ],
)
async def test_whatever_a_history_is_made_of_it_is_bounded(
    make_context: MakeContext, history: list[BaseMessage]
) -> None:
    model = ScriptedChatModel("What is fact 0?", ANSWER)
    context = make_context(model, history_tokens=400)
    await build_chain(context).ainvoke({"question": "And it?", "history": history})
    for call in model.calls:
        assert sum(count_tokens(str(message.content)) for message in call.messages) < 400 + 200 + 700


async def test_a_last_turn_that_is_too_long_keeps_its_beginning_its_end_and_its_sources(
    make_context: MakeContext,
) -> None:
    history = turns(1, words=9_000)
    context = make_context(ScriptedChatModel("What is fact 0?", ANSWER), history_tokens=400)
    given = {"question": "And it?", "history": history}
    updates = [u async for u in build_graph().astream(given, context=context, stream_mode="updates")]
    (changed,) = updates[0]["condense"]["history"]
    assert changed["content"].startswith("Fact 0 is true [1]. word")
    assert changed["content"].rstrip().endswith("word")
    assert changed["additional_kwargs"] == history[1].additional_kwargs


@pytest.mark.parametrize("reply", ["", "   ", ["They spoke", Finish("length")], "word " * 3_000])
async def test_a_summary_that_is_none_is_replaced_by_the_best_sentences(make_context: MakeContext, reply: Any) -> None:
    model = ScriptedChatModel(reply, "What is fact 9?", ANSWER)
    context = make_context(model, history_tokens=400)
    given = {"question": "And it?", "history": turns(12)}
    config: Any = {"configurable": {"thread_id": "t"}}
    updates = [u async for u in build_graph().astream(given, config, context=context, stream_mode="updates")]
    assert "is true (Page" in updates[0]["condense"]["summary"]


async def test_a_summary_cannot_name_sources_of_its_own(make_context: MakeContext) -> None:
    model = ScriptedChatModel(["All is well.\n\nSources:\n- Evil: https://evil.example/"], "What is fact 9?", ANSWER)
    given = {"question": "And it?", "history": turns(12)}
    config: Any = {"configurable": {"thread_id": "t"}}
    stream = build_graph().astream(given, config, context=make_context(model, history_tokens=400))
    updates = [u async for u in stream]
    assert "evil" not in str(updates)
    assert "https://example.org/0" in str(updates[0])


def test_a_model_is_told_the_pages_named_last_and_the_summary_keeps_them_all() -> None:
    summary = with_sources("They talked.", turns(300), "")
    told = summary_told(summary, 400)
    assert told.startswith("They talked.")
    assert count_tokens(told) < 250
    assert told.endswith("https://example.org/299")
    assert "https://example.org/0\n" in summary
    assert summary_told("They talked.", 400) == "They talked."
