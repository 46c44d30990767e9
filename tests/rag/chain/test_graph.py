from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from langchain_core.messages import AIMessage, HumanMessage
from langgraph.checkpoint.memory import InMemorySaver

from rag.chain.context import ChainContext
from rag.chain.graph import build_chain, build_graph
from rag.errors import InvalidRequest
from tests.fakes import ScriptedChatModel

MakeContext = Callable[..., ChainContext]
ANSWER = "Chroma keeps vectors [1]."
HISTORY = [HumanMessage("What is Chroma?"), AIMessage("A vector database [1].")]


async def test_invoke_returns_question_documents_and_answer(make_context: MakeContext, index: Any) -> None:
    chain = build_chain(make_context(ScriptedChatModel(ANSWER)))
    result = await chain.ainvoke({"question": "What keeps vectors?"})
    assert result["answer"] == ANSWER
    assert result["standalone_question"] == "What keeps vectors?"
    assert [document.page_content for document in result["documents"]] == [
        "Chroma keeps vectors.",
        "tantivy keeps words.",
    ]
    assert result["finish_reason"] == "stop"
    assert result["usage"]["output_tokens"] == 4


def test_invoke_and_stream_work_without_an_event_loop(make_context: MakeContext) -> None:
    context = make_context(ScriptedChatModel(ANSWER, ANSWER))
    assert build_chain(context).invoke({"question": "What keeps vectors?"})["answer"] == ANSWER
    chunks = list(build_chain(context).stream({"question": "What keeps vectors?"}))
    assert chunks[-1]["answer"] == ANSWER
    assert "history" not in chunks[-1]


async def test_invoke_works_inside_a_running_loop_and_raises_there(make_context: MakeContext) -> None:
    with pytest.raises(InvalidRequest, match="question is None"):
        build_chain(make_context(ScriptedChatModel())).invoke({})


async def test_a_question_without_history_is_searched_as_it_is(make_context: MakeContext, index: Any) -> None:
    model = ScriptedChatModel(ANSWER)
    await build_chain(make_context(model)).ainvoke({"question": "What keeps vectors?", "top_k": 1})
    assert model.used_up
    assert index.asked == [{"question": "What keeps vectors?", "top_k": 1, "filter": None, "also": ()}]


async def test_the_short_way_of_a_question_without_a_conversation_shows_the_same_states(
    make_context: MakeContext,
) -> None:
    """It leaves out the nodes that only a conversation needs, and nothing that the others do."""
    asked = {"question": "What keeps vectors?", "top_k": 1}
    seen = []
    for graph in (build_graph(), build_graph(conversations=False)):
        context = make_context(ScriptedChatModel(ANSWER))
        modes = ["values", "updates", "custom"]
        parts = [part async for part in graph.astream(asked, context=context, stream_mode=modes)]
        seen.append([_without_ids(part) for part in parts])
    assert seen[0] == seen[1]
    assert [next(iter(part)) for mode, part in seen[1] if mode == "updates"] == ["retrieve", "answer"]


def _without_ids(part: tuple[str, Any]) -> tuple[str, Any]:
    mode, values = part
    if "history" in values:
        values["history"] = [(message.type, message.text) for message in values["history"]]
    return mode, values


async def test_a_chain_takes_the_short_way_only_without_a_conversation(make_context: MakeContext) -> None:
    """A history, or a thread that may have one, is looked at first."""
    alone = {"question": "What keeps vectors?"}
    for chain, asked, looks in [
        (build_chain(make_context(ScriptedChatModel(ANSWER))), alone, False),
        (build_chain(make_context(ScriptedChatModel("What?", ANSWER))), {**alone, "history": HISTORY}, True),
    ]:
        names = {event["name"] async for event in chain.astream_events(asked, version="v2")}
        assert ("contextualize" in names) == looks
        assert {"footnote", "retrieve", "Retriever", "answer"} <= names


async def test_a_follow_up_is_rewritten_and_both_wordings_are_searched(make_context: MakeContext, index: Any) -> None:
    model = ScriptedChatModel("What does Chroma keep?", ANSWER)
    result = await build_chain(make_context(model)).ainvoke({"question": "What does it keep?", "history": HISTORY})
    assert result["standalone_question"] == "What does Chroma keep?"
    assert result["rewritten"] is True
    assert index.asked[0]["question"] == "What does Chroma keep?"
    assert index.asked[0]["also"] == ("What does it keep?",)
    assert "What does Chroma keep?" in model.calls[1].text


@pytest.mark.parametrize("extra", [{"rewrite": False}, {"standalone_question": "What does Chroma keep?"}])
async def test_rewriting_can_be_left_out_or_replaced(
    make_context: MakeContext, index: Any, extra: dict[str, Any]
) -> None:
    model = ScriptedChatModel(ANSWER)
    await build_chain(make_context(model)).ainvoke({"question": "What does it keep?", "history": HISTORY, **extra})
    assert model.used_up
    assert index.asked[0]["question"] == extra.get("standalone_question", "What does it keep?")
    assert index.asked[0]["also"] == ()


async def test_history_may_be_plain_dictionaries(make_context: MakeContext) -> None:
    model = ScriptedChatModel("What does Chroma keep?", ANSWER)
    history = [{"role": "user", "content": "What is Chroma?"}, {"role": "assistant", "content": "A database."}]
    await build_chain(make_context(model)).ainvoke({"question": "What does it keep?", "history": history})
    assert "What is Chroma?" in model.calls[0].text


async def test_the_filter_reaches_the_search_and_an_unknown_key_is_refused(
    make_context: MakeContext, index: Any
) -> None:
    chain = build_chain(make_context(ScriptedChatModel(ANSWER)))
    await chain.ainvoke({"question": "What?", "filter": {"url_prefix": "https://a/", "language": "EN"}})
    assert (index.asked[0]["filter"].url_prefix, index.asked[0]["filter"].language) == ("https://a/", "en")
    with pytest.raises(InvalidRequest, match="'site'"):
        await chain.ainvoke({"question": "What?", "filter": {"site": "a"}})


async def test_without_documents_the_model_is_not_asked(make_context: MakeContext, index: Any) -> None:
    index.documents = []
    model = ScriptedChatModel()
    result = await build_chain(make_context(model)).ainvoke({"question": "向量保存在哪里？"})
    assert result["answer"] == "文档中没有这个问题的答案。"
    assert result["finish_reason"] == "no_answer"
    assert model.calls == []


async def test_the_extractive_model_gets_documents_and_the_standalone_question(make_context: MakeContext) -> None:
    model = ScriptedChatModel(ANSWER)
    await build_chain(make_context(model, extractive=True)).ainvoke({"question": "What keeps vectors?"})
    assert model.calls[0].kwargs["question"] == "What keeps vectors?"
    assert [document.n for document in model.calls[0].kwargs["documents"]] == [1, 2]


@pytest.mark.filterwarnings("ignore:.*astream_log:langchain_core._api.deprecation.LangChainDeprecationWarning")
async def test_astream_log_can_be_narrowed_to_the_retriever(make_context: MakeContext) -> None:
    chain = build_chain(make_context(ScriptedChatModel(ANSWER)))
    patches = [p async for p in chain.astream_log({"question": "Who?"}, include_names=["Retriever"])]
    operations = [operation for patch in patches for operation in patch.ops]
    assert {o["path"].split("/")[2] for o in operations if o["path"].startswith("/logs/")} == {"Retriever"}
    found = next(o for o in operations if o["path"] == "/logs/Retriever/final_output")
    assert found["value"]["documents"][0].page_content == "Chroma keeps vectors."


@pytest.mark.filterwarnings("ignore:.*astream_log:langchain_core._api.deprecation.LangChainDeprecationWarning")
@pytest.mark.parametrize("extractive", [False, True])
async def test_astream_log_can_be_narrowed_to_the_rewriting(make_context: MakeContext, extractive: bool) -> None:
    answers = (ANSWER,) if extractive else ("What does Chroma keep?", ANSWER)
    chain = build_chain(make_context(ScriptedChatModel(*answers), extractive=extractive))
    given = {"question": "What does it keep?", "history": HISTORY}
    patches = [p async for p in chain.astream_log(given, include_tags=["contextualize_q_chain"])]
    logged = [o["value"] for patch in patches for o in patch.ops if o["path"].count("/") == 2 and "/logs/" in o["path"]]
    assert len(logged) == 1
    assert "contextualize_q_chain" in logged[0]["tags"]


async def test_a_stock_checkpointer_keeps_the_conversation_and_no_documents(make_context: MakeContext) -> None:
    context = make_context(ScriptedChatModel(ANSWER, "What does Chroma keep?", ANSWER))
    chain = build_chain(context, checkpointer=InMemorySaver())
    config = {"configurable": {"thread_id": "one"}}
    await chain.ainvoke({"question": "What is Chroma?"}, config)
    result = await chain.ainvoke({"question": "What does it keep?"}, config)
    assert result["standalone_question"] == "What does Chroma keep?"
    state = await chain.bound.aget_state(config)  # type: ignore[attr-defined]
    assert [message.type for message in state.values["history"]] == ["human", "ai", "human", "ai"]
    assert "documents" not in state.values
