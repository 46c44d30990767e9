from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from langchain_core.messages import AIMessageChunk

from rag.chain.agent import build_agent
from rag.chain.answering_model import HeldText
from rag.chain.context import ChainContext
from rag.chain.steps import STEP_NAME
from rag.errors import IndexUnavailable, InvalidRequest, ModelUnavailable
from rag.models.extractive import ExtractiveChatModel
from tests.fakes import Finish, ScriptedChatModel, ToolCall, make_chunk, make_document, make_documents

MakeContext = Callable[..., ChainContext]
ANSWER = "Chroma keeps vectors [1]."


def search(query: str, id: str = "call_1") -> ToolCall:
    return ToolCall("search", f'{{"query": "{query}"}}', id)


async def run(context: ChainContext, question: str = "What keeps vectors?") -> tuple[dict[str, Any], list[Any], str]:
    """Result, steps, and the tokens of the answer."""
    steps, tokens, result = [], [], {}
    async for event in build_agent(context).astream_events({"question": question}, version="v2"):
        if event["event"] == "on_chain_end" and event["name"] == STEP_NAME:
            steps.append(event["data"]["output"])
        elif event["event"] == "on_chat_model_stream" and "answer" in event["tags"]:
            tokens.append(event["data"]["chunk"].text)
        elif event["event"] == "on_chain_end" and not event["parent_ids"]:
            result = event["data"]["output"]
    return result, steps, "".join(tokens)


async def test_two_searches_then_an_answer(make_context: MakeContext, index: Any) -> None:
    model = ScriptedChatModel([search("vectors")], [search("words")], ANSWER)
    result, steps, tokens = await run(make_context(model))
    assert [asked["question"] for asked in index.asked] == ["vectors", "words"]
    assert [(step["kind"], step["tool"]) for step in steps] == [("action", "search"), ("observation", "search")] * 2
    assert steps[0]["input"] == {"query": "vectors"}
    assert "Chroma keeps vectors." in steps[1]["output"]
    assert tokens == result["answer"] == ANSWER
    assert [document.metadata["n"] for document in result["documents"]] == [1, 2]
    assert result["finish_reason"] == "stop"
    assert model.used_up


async def test_documents_keep_their_numbers_over_searches(make_context: MakeContext, index: Any) -> None:
    model = ScriptedChatModel([search("a")], [search("b")], ANSWER)
    context = make_context(model)
    first, second = make_documents("Chroma keeps vectors."), make_documents("Words are kept by tantivy.")
    answers = iter([first, [*second, *first]])

    async def next_documents(question: str, **_: Any) -> Any:
        return next(answers)

    index.adocuments = next_documents
    result, steps, _ = await run(context)
    assert [(d.metadata["n"], d.page_content) for d in result["documents"]] == [
        (1, "Chroma keeps vectors."),
        (2, "Words are kept by tantivy."),
    ]
    assert steps[3]["output"].index("[2]") < steps[3]["output"].index("[1]")


async def test_talk_before_a_tool_call_is_not_part_of_the_answer(make_context: MakeContext) -> None:
    model = ScriptedChatModel(["Let me ", "search.", search("vectors")], ANSWER)
    result, _, tokens = await run(make_context(model))
    assert tokens == result["answer"] == ANSWER


async def test_parallel_calls_are_each_seen_before_their_observation(make_context: MakeContext) -> None:
    model = ScriptedChatModel([search("a", "call_a"), search("b", "call_b")], ANSWER)
    _, steps, _ = await run(make_context(model))
    assert sorted(step["kind"] for step in steps) == ["action", "action", "observation", "observation"]
    assert steps[0]["kind"] == "action"


async def test_a_failing_tool_is_an_observation(make_context: MakeContext, index: Any) -> None:
    model = ScriptedChatModel(
        [search("a")], [ToolCall("open_document", '{"number": 7}')], [ToolCall("no_such")], ANSWER
    )

    async def fail(question: str, **_: Any) -> Any:
        raise IndexUnavailable("Chroma does not answer.", "Start it.")

    index.adocuments = fail
    result, steps, _ = await run(make_context(model))
    assert "Chroma does not answer." in steps[1]["output"]
    assert "no document 7" in steps[3]["output"]
    assert "no_such" in steps[5]["output"]
    assert result["answer"] == ANSWER


async def test_the_limit_ends_a_loop_with_an_answer_from_what_was_found(make_context: MakeContext) -> None:
    model = ScriptedChatModel([search("a")], [search("b")], ANSWER)
    result, steps, _ = await run(make_context(model, agent_steps=2))
    assert len(steps) == 4
    assert "tools" not in model.calls[2].kwargs
    assert result["answer"] == ANSWER


async def test_a_model_that_never_stops_searching_is_cut(make_context: MakeContext) -> None:
    model = ScriptedChatModel([search("a")], [search("b")], [search("c")])
    result, steps, tokens = await run(make_context(model, agent_steps=2))
    assert len(steps) == 4
    assert result["finish_reason"] == "length"
    assert tokens == result["answer"]
    assert "limit" in tokens


async def test_a_page_that_was_found_can_be_opened_and_sources_listed(make_context: MakeContext, index: Any) -> None:
    url = "https://example.org/1"
    chunks = [make_chunk("Chroma keeps vectors.", url, 0), make_chunk("It was released in 2022.", url, 1, start=23)]

    class Catalog:
        def page_chunks(self, url: str) -> Any:
            return chunks

        def page_text(self, url: str) -> str:
            return "Chroma keeps vectors.\n\nIt was released in 2022."

        def pages(self, prefix: str | None = None) -> Any:
            return iter([type("Row", (), {"title": "Chroma", "url": url})()])

    index.catalog = Catalog()
    opening = ToolCall("open_document", '{"number": 1}')
    model = ScriptedChatModel([search("a")], [opening, ToolCall("list_sources", "{}", "call_2")], "It was in 2022 [1].")
    result, steps, _ = await run(make_context(model))
    assert [document.metadata["n"] for document in result["documents"]] == [1, 2]
    assert result["documents"][0].page_content == "Chroma keeps vectors.\n\nIt was released in 2022."
    outputs = {step["tool"]: step["output"] for step in steps if step["kind"] == "observation"}
    assert "released in 2022" in outputs["open_document"]
    assert outputs["list_sources"] == f"- Chroma: {url}"


def test_a_model_without_tool_calling_is_refused_with_the_cure(make_context: MakeContext) -> None:
    extractive = ExtractiveChatModel.model_construct()
    with pytest.raises(InvalidRequest, match=r"cannot call tools.*RAG_CHAT_MODEL"):
        build_agent(make_context(extractive, extractive=True))


async def test_a_model_that_fails_ends_the_run_with_its_error(make_context: MakeContext) -> None:
    model = ScriptedChatModel([search("a")], ModelUnavailable("down"))
    with pytest.raises(ModelUnavailable):
        await build_agent(make_context(model, model_retries=0)).ainvoke({"question": "What?"})


async def test_an_answer_cut_by_its_length_says_so(make_context: MakeContext) -> None:
    model = ScriptedChatModel([search("a")], ["Chroma keeps [1]", Finish("length")])
    result, _, _ = await run(make_context(model))
    assert result["finish_reason"] == "length"


@pytest.mark.parametrize("arguments", ['["vectors"]', "vectors", '"vectors"'])
async def test_arguments_that_are_no_object_are_refused_and_the_model_goes_on(
    make_context: MakeContext, arguments: str
) -> None:
    model = ScriptedChatModel([ToolCall("search", arguments)], [search("vectors")], ANSWER)
    result, steps, _ = await run(make_context(model))
    assert steps[0]["input"] == {"arguments": arguments}
    assert "query" in steps[1]["output"]
    assert result["answer"] == ANSWER


async def test_talk_that_cites_before_a_tool_call_is_not_part_of_the_answer(make_context: MakeContext) -> None:
    talk = "Document [1] names it, but I want to see more."
    model = ScriptedChatModel([search("a")], [talk, search("b")], ANSWER)
    result, _, tokens = await run(make_context(model))
    assert tokens == result["answer"] == ANSWER


@pytest.mark.parametrize(
    "talk",
    [
        "Document [1] says that Chroma keeps vectors. " * 10 + "I want to see what tantivy keeps.",
        "The question has two parts. " * 100 + "Let me search for the second one.",
        "文档 [1] 说 Chroma 保存向量。" * 20 + "接下来查找 tantivy。",
    ],
)
async def test_plans_are_not_part_of_the_answer_however_long(make_context: MakeContext, talk: str) -> None:
    """Also where the model puts them after the call; and a short answer that looks like one comes at its end."""
    model = ScriptedChatModel([search("a")], [talk, search("b")], [search("c"), talk], talk)
    result, steps, tokens = await run(make_context(model))
    assert len(steps) == 6
    assert tokens == result["answer"] == talk


async def test_what_was_read_as_the_answer_stays_its_first_part(make_context: MakeContext) -> None:
    """When the model searches on after facts that were told already, tokens and answer are still the same text."""
    facts = "Chroma keeps the vectors of every chunk, in a server of its own [1]. " * 4
    model = ScriptedChatModel([search("a")], [facts, search("b")], [*ANSWER.split(" ", 1)])
    result, _, tokens = await run(make_context(model))
    assert tokens == result["answer"] == facts + "\n\n" + "".join(ANSWER.split(" ", 1))
    model = ScriptedChatModel([facts, search("a")], [facts, search("b")], [search("c")])
    result, _, tokens = await run(make_context(model, agent_steps=2))
    assert tokens == result["answer"]
    assert result["answer"].startswith(facts + "\n\n")
    assert "limit" in result["answer"]


async def test_overlapping_finds_of_one_page_are_one_document(make_context: MakeContext, index: Any) -> None:
    text = "Chroma keeps vectors. It is fast. It was released in 2022."
    parts = [(0, 33), (22, 58), (0, 21)]
    answers = iter([make_document(text[start:end], start=start) for start, end in parts])

    async def next_document(question: str, **_: Any) -> Any:
        return [next(answers)]

    index.adocuments = next_document
    model = ScriptedChatModel([search("a")], [search("b")], [search("c")], ANSWER)
    result, steps, _ = await run(make_context(model))
    assert [(d.metadata["n"], d.page_content) for d in result["documents"]] == [(1, text)]
    assert [step["output"].split()[0] for step in steps if step["kind"] == "observation"] == ["[1]"] * 3


async def test_what_is_shown_of_a_step_holds_no_boundary(make_context: MakeContext) -> None:
    model = ScriptedChatModel([search("a")], ANSWER)
    _, steps, _ = await run(make_context(model))
    assert steps[1]["output"] == "[1] A page\nChroma keeps vectors.\n\n[2] A page\ntantivy keeps words."


@pytest.mark.parametrize("limit", [{"context_tokens": 100}, {"ask_timeout": 1e-9}])
async def test_tokens_and_time_end_the_search_as_well(
    make_context: MakeContext, index: Any, limit: dict[str, Any]
) -> None:
    index.documents = make_documents("Chroma keeps vectors. " * 200)
    model = ScriptedChatModel([search("a")], ANSWER) if "context_tokens" in limit else ScriptedChatModel(ANSWER)
    result, _, _ = await run(make_context(model, **limit))
    assert "tools" not in model.calls[-1].kwargs
    assert (result["answer"], model.used_up) == (ANSWER, True)


async def test_the_usage_is_that_of_all_calls(make_context: MakeContext) -> None:
    result, _, _ = await run(make_context(ScriptedChatModel([search("a")], [search("b")], ANSWER)))
    assert result["usage"]["output_tokens"] == 1 + 1 + 4


def test_text_is_let_go_when_it_is_known_for_the_answer_and_dropped_at_a_tool_call() -> None:
    def texts(held: HeldText, *parts: str) -> list[str]:
        return ["".join(chunk.text for chunk in held.feed(AIMessageChunk(content=part))) for part in parts]

    def is_document(number: int) -> bool:
        return number == 1

    fact = "Document [1] says so, and there is more to see. "
    plan = "Document [1] says so, but I want to see more. "
    assert texts(HeldText(is_document), fact, "x" * 200, "z") == ["", fact + "x" * 200, "z"]
    assert texts(HeldText(is_document), plan, "x" * 200, "z" * 900) == ["", "", ""]
    assert texts(HeldText(is_document), "As [2] has it. ", "x" * 200, "z") == ["", "", ""]
    assert texts(HeldText(is_document), "x" * 500, "y" * 500, "z") == ["", "x" * 500 + "y" * 500, "z"]
    assert texts(HeldText(None), "Vectors ", "are kept.") == ["Vectors ", "are kept."]
    held = HeldText(is_document)
    texts(held, "Let me see.")
    call: Any = {"name": "search", "args": "{}", "id": "1", "index": 0, "type": "tool_call_chunk"}
    assert all(not chunk.text for chunk in held.feed(AIMessageChunk(content="", tool_call_chunks=[call])))
