"""LangGraph's modes on the graph as it is, against what LangGraph's documentation says of each."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from langchain_core.documents import Document
from langchain_core.messages import AIMessage, AIMessageChunk, BaseMessage, HumanMessage

from rag.chain.agent import build_agent, build_agent_graph
from rag.chain.context import ChainContext
from rag.chain.graph import build_chain, build_graph
from rag.chain.steps import STEP_NAME
from tests.fakes import ScriptedChatModel, ToolCall

MakeContext = Callable[..., ChainContext]
ANSWER = "Chroma keeps vectors [1]."
REWRITE = "Who is Chroma?"
ASKED = {
    "question": "Who is it?",
    "history": [HumanMessage("What is Chroma?"), AIMessage("A vector database [1].")],
}


async def streamed(context: ChainContext, mode: Any, **options: Any) -> list[Any]:
    return [part async for part in build_graph().astream(ASKED, context=context, stream_mode=mode, **options)]


def follow_up(make_context: MakeContext) -> ChainContext:
    return make_context(ScriptedChatModel(REWRITE, ANSWER))


def searching(make_context: MakeContext) -> ChainContext:
    call = ToolCall("search", '{"query": "vectors"}')
    return make_context(ScriptedChatModel(["Let me search.", call], ANSWER))


async def test_values_is_the_whole_state_before_the_first_node_and_after_each(make_context: MakeContext) -> None:
    """Nothing that was in the state is lost from it, and the last one has the whole answer."""
    states = await streamed(follow_up(make_context), "values")
    assert [sorted(set(after) - set(before)) for before, after in zip([{}, *states], states, strict=False)] == [
        ["history", "question"],
        ["also", "rewritten", "standalone_question"],
        ["documents"],
        ["answer", "finish_reason", "usage"],
    ]
    assert [len(state["history"]) for state in states] == [2, 2, 2, 4]
    assert all(isinstance(message, BaseMessage) for state in states for message in state["history"])
    last = states[-1]
    assert (last["question"], last["standalone_question"], last["rewritten"]) == ("Who is it?", REWRITE, True)
    assert (last["answer"], last["finish_reason"]) == (ANSWER, "stop")
    assert [type(document) for document in last["documents"]] == [Document, Document]


async def test_updates_is_one_node_and_what_it_returned_at_a_time(make_context: MakeContext) -> None:
    """By the name of the node, in the order of the run, with nothing that the node did not change."""
    updates = await streamed(follow_up(make_context), "updates")
    assert [list(update) for update in updates] == [["contextualize"], ["retrieve"], ["answer"]]
    rewritten, found, answered = (next(iter(update.values())) for update in updates)
    assert rewritten == {"standalone_question": REWRITE, "rewritten": True, "also": ["Who is it?"]}
    assert sorted(found) == ["documents", "standalone_question"]
    assert sorted(answered) == ["answer", "finish_reason", "history", "usage"]
    assert [(message["role"], message["content"]) for message in answered["history"]] == [
        ("user", "Who is it?"),
        ("assistant", ANSWER),
    ]


async def test_messages_is_each_token_with_its_metadata(make_context: MakeContext) -> None:
    """Pairs of a chunk and its metadata; one message for each call of a model, and none twice."""
    parts = await streamed(follow_up(make_context), "messages")
    assert all(isinstance(chunk, AIMessageChunk) for chunk, _ in parts)
    said: dict[str, list[str]] = {}
    for chunk, metadata in parts:
        assert metadata["langgraph_step"] == {"contextualize": 1, "answer": 3}[metadata["langgraph_node"]]
        assert metadata["tags"] == [
            {"contextualize": "contextualize_q_chain"}.get(metadata["langgraph_node"], "answer")
        ]
        assert metadata["langgraph_checkpoint_ns"].startswith(metadata["langgraph_node"])
        said.setdefault(metadata["langgraph_node"], []).append(chunk.text)
    assert said["contextualize"] == ["Who", " is", " Chroma?", ""]
    assert said["answer"] == ["Chroma", " keeps", " vectors", " [1].", ""]
    assert len({chunk.id for chunk, _ in parts}) == 2
    last = parts[-1][0]
    assert last.response_metadata["finish_reason"] == "stop"
    assert last.usage_metadata is not None
    assert last.usage_metadata["output_tokens"] == 4


async def test_custom_is_what_the_nodes_write(make_context: MakeContext) -> None:
    """The question as it is searched, then the documents, in the form of the events of these names."""
    question, documents = await streamed(follow_up(make_context), "custom")
    assert question == {"question": {"text": REWRITE, "original": "Who is it?", "rewritten": True}}
    assert list(documents) == ["documents"]
    first = documents["documents"]["documents"][0]
    assert (first["n"], first["text"]) == (1, "Chroma keeps vectors.")
    assert set(first) >= {"id", "url", "title", "section", "score", "link", "language", "fetched_at"}


async def test_a_list_of_modes_is_pairs_of_mode_and_part(make_context: MakeContext) -> None:
    """The same parts as of each mode alone, as they happen: documents before the first token of the answer."""
    modes = ["values", "updates", "messages", "custom"]
    parts = await streamed(follow_up(make_context), modes)
    assert {mode for mode, _ in parts} == set(modes)
    assert [list(part) for mode, part in parts if mode == "updates"] == [["contextualize"], ["retrieve"], ["answer"]]
    documents = next(n for n, (mode, part) in enumerate(parts) if mode == "custom" and "documents" in part)
    tokens = [n for n, (mode, part) in enumerate(parts) if mode == "messages" and "answer" in part[1]["tags"]]
    assert documents < tokens[0]
    assert parts[0][0] == parts[-1][0] == "values"


async def test_events_are_those_of_astream_events_v2(make_context: MakeContext) -> None:
    """Each with its seven members; a run that starts ends, inside the run that called it; chunks come in between."""
    chain = build_chain(follow_up(make_context))
    events = [event async for event in chain.astream_events(ASKED, version="v2")]
    assert all(set(event) == {"event", "data", "run_id", "name", "tags", "metadata", "parent_ids"} for event in events)
    root = events[0]["run_id"]
    assert (events[0]["event"], events[-1]["event"]) == ("on_chain_start", "on_chain_end")
    assert events[-1]["run_id"] == root
    assert all(event["parent_ids"][0] == root for event in events if event["run_id"] != root)
    assert events[-1]["data"]["output"]["answer"] == ANSWER
    models = [(e["event"], e["metadata"]["langgraph_node"]) for e in events if e["event"].startswith("on_chat_model")]
    for node, count in (("contextualize", 4), ("answer", 5)):
        mine = [kind for kind, where in models if where == node]
        assert mine == ["on_chat_model_start", *["on_chat_model_stream"] * count, "on_chat_model_end"]
    found = next(event for event in events if event["event"] == "on_retriever_end")
    assert (found["name"], found["data"]["input"]) == ("Retriever", {"query": REWRITE})
    assert [document.metadata["n"] for document in found["data"]["output"]] == [1, 2]
    end = next(e for e in events if e["event"] == "on_chat_model_end" and "answer" in e["tags"])
    assert end["data"]["output"].text == ANSWER


async def test_events_can_be_narrowed_to_the_tokens_of_the_answer(make_context: MakeContext) -> None:
    """`include_tags`, as the documentation of `astream_events` has it."""
    chain = build_chain(follow_up(make_context))
    events = [event async for event in chain.astream_events(ASKED, version="v2", include_tags=["answer"])]
    assert {event["event"] for event in events} == {"on_chat_model_start", "on_chat_model_stream", "on_chat_model_end"}
    text = "".join(event["data"]["chunk"].text for event in events if event["event"] == "on_chat_model_stream")
    assert text == ANSWER


async def test_an_agent_gives_its_tokens_once_and_without_its_talk(make_context: MakeContext) -> None:
    """It works in a graph of its own, so `messages` wants `subgraphs=True`; each token has the node that said it."""
    graph, context = build_agent_graph(), searching(make_context)
    given = {"question": "What keeps vectors?"}
    said = []
    async for namespace, (message, metadata) in graph.astream(
        given, context=context, stream_mode="messages", subgraphs=True
    ):
        assert namespace[0].startswith("agent:")
        if isinstance(message, AIMessageChunk):
            assert metadata["langgraph_node"] == "model"
            said.append(message.text)
    assert [text for text in said if text] == ["Chroma", " keeps", " vectors", " [1]."]


async def test_an_agent_tells_its_steps_on_the_custom_stream(make_context: MakeContext) -> None:
    """As they happen, then documents and question, as the events have them."""
    given = {"question": "What keeps vectors?"}
    context = searching(make_context)
    told = [part async for part in build_agent_graph().astream(given, context=context, stream_mode="custom")]
    assert [next(iter(part)) for part in told] == ["step", "step", "documents", "question"]
    assert told[0]["step"] == {"kind": "action", "tool": "search", "input": {"query": "vectors"}}
    assert told[1]["step"]["kind"] == "observation"
    assert "Chroma keeps vectors." in told[1]["step"]["output"]


async def test_the_events_of_an_agent_are_of_its_model_tools_and_steps(make_context: MakeContext) -> None:
    """One run of a model for each call, each tool inside its steps, and the retrieval inside its tool."""
    given = {"question": "What keeps vectors?"}
    events = [event async for event in build_agent(searching(make_context)).astream_events(given, version="v2")]
    kinds = [(e["event"], e["name"]) for e in events]
    assert [kind for kind, _ in kinds].count("on_chat_model_start") == 2
    places = [
        kinds.index(kind)
        for kind in [
            ("on_chain_end", STEP_NAME),
            ("on_tool_start", "search"),
            ("on_retriever_end", "Retriever"),
            ("on_tool_end", "search"),
        ]
    ]
    assert places == sorted(places)
    steps = [e["data"]["output"]["kind"] for e in events if e["event"] == "on_chain_end" and e["name"] == STEP_NAME]
    assert steps == ["action", "observation"]
    tokens = [e["data"]["chunk"].text for e in events if e["event"] == "on_chat_model_stream"]
    assert "".join(tokens) == ANSWER
