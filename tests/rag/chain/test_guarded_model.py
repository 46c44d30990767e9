"""What must not be said is kept out of everything that is made of a run, wherever a model says it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from langchain_core.messages import AIMessage, HumanMessage

from rag.chain.agent import build_agent_graph
from rag.chain.context import ChainContext
from rag.chain.graph import build_chain, build_graph
from tests.fakes import ScriptedChatModel, ToolCall

MakeContext = Callable[..., ChainContext]
PHRASES = ("top secret",)
BLOCKED = ["It is to", "p sec", "ret stuff ", asyncio.Event()]
HISTORY = [HumanMessage("What is Chroma?"), AIMessage("A vector database [1].")]


async def test_every_mode_of_the_graph_ends_before_it(make_context: MakeContext) -> None:
    """Values, updates, messages and the output; the model is let go at once."""
    model = ScriptedChatModel(BLOCKED)
    context = make_context(model, blocked_phrases=PHRASES)
    modes = ["values", "updates", "messages", "custom", "tasks"]
    seen = [part async for part in build_graph().astream({"question": "Who?"}, context=context, stream_mode=modes)]
    final = [state for mode, state in seen if mode == "values"][-1]
    assert (final["answer"], final["finish_reason"]) == ("It is ", "blocked")
    assert "".join(part[0].text for mode, part in seen if mode == "messages") == "It is "
    assert "ret stuff" not in str(seen)
    assert "p sec" not in str(seen)
    assert model.abandoned == 1


async def test_the_events_of_the_chain_do_not_hold_it(make_context: MakeContext) -> None:
    """Neither the tokens nor the end of the model's run."""
    context = make_context(ScriptedChatModel(BLOCKED), blocked_phrases=PHRASES)
    events = [e async for e in build_chain(context).astream_events({"question": "Who?"}, version="v2")]
    assert "p sec" not in str(events)
    assert [e["tags"][-1] for e in events if e["event"] == "on_chat_model_start"] == ["answer"]


@pytest.mark.parametrize("rewrite", ["What is the top secret of it?", ["What is it called to", "p secret", "?"]])
async def test_a_rewrite_that_holds_it_is_not_used(make_context: MakeContext, index: Any, rewrite: Any) -> None:
    """The question stays as it was asked."""
    context = make_context(ScriptedChatModel(rewrite, "It is Chroma [1]."), blocked_phrases=PHRASES)
    result = await build_chain(context).ainvoke({"question": "What is it called?", "history": HISTORY})
    assert (result["standalone_question"], result["answer"]) == ("What is it called?", "It is Chroma [1].")


async def test_a_summary_that_holds_it_is_made_of_sentences_instead(make_context: MakeContext) -> None:
    """The summary is shown with the conversation."""
    history = [message for n in range(9) for message in (HumanMessage(f"Q{n}?"), AIMessage("word " * 100))]
    model = ScriptedChatModel("They spoke of a top secret.", "Is it so?", "It is [1].")
    context = make_context(model, blocked_phrases=PHRASES, history_tokens=400)
    graph = build_graph()
    config: Any = {"configurable": {"thread_id": "t"}}
    updates = [u async for u in graph.astream({"question": "So?", "history": history}, config, context=context)]
    assert "Q7?" in updates[0]["condense"]["summary"]
    assert "top secret" not in str(updates)


async def test_an_agent_does_not_say_it_in_answer_or_steps(make_context: MakeContext) -> None:
    """A tool call is told without it; what comes before it in the answer is said."""
    call = ToolCall("search", '{"query": "the top secret plan"}')
    model = ScriptedChatModel(["Let me see the top secret.", call], ["Chroma [1] is to", "p secret", " indeed"])
    context = make_context(model, blocked_phrases=PHRASES)
    given = {"question": "Who?"}
    told = [p async for p in build_agent_graph().astream(given, context=context, stream_mode=["custom", "values"])]
    steps = [part["step"] for mode, part in told if mode == "custom" and "step" in part]
    assert steps[0] == {"kind": "action", "tool": "search", "input": {"query": "the […]"}}
    final = told[-1][1]
    assert (final["answer"], final["finish_reason"]) == ("Chroma [1] is ", "blocked")


async def test_an_agent_that_says_nothing_else_is_blocked(make_context: MakeContext) -> None:
    """And not taken for one that was cut at its limit."""
    context = make_context(ScriptedChatModel("Top secret!"), blocked_phrases=PHRASES)
    result = await build_agent_graph().ainvoke({"question": "Who?"}, context=context)
    assert (result["answer"], result["finish_reason"]) == ("", "blocked")


async def test_the_built_in_answerer_is_guarded_too(make_context: MakeContext) -> None:
    """It quotes pages, and an answer that quotes is an answer."""
    context = make_context(ScriptedChatModel(BLOCKED), extractive=True, blocked_phrases=PHRASES)
    assert (await build_chain(context).ainvoke({"question": "Who?"}))["answer"] == "It is "


async def test_what_was_held_back_is_said_at_the_end(make_context: MakeContext) -> None:
    """An answer may end with what looked like a beginning; usage and finish reason are kept."""
    context = make_context(ScriptedChatModel(["It is at the to", "p"]), blocked_phrases=PHRASES)
    result = await build_chain(context).ainvoke({"question": "Who?"})
    assert (result["answer"], result["finish_reason"]) == ("It is at the top", "stop")
    assert result["usage"]["output_tokens"] == 2
