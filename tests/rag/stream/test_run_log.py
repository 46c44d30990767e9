"""The run log says what LangChain's own says, for every kind of runnable and every filter, and can be stopped."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from typing import Any, TypedDict

import pytest
from langchain_core.documents import Document
from langchain_core.language_models.fake import FakeStreamingListLLM
from langchain_core.language_models.fake_chat_models import GenericFakeChatModel
from langchain_core.messages import AIMessage
from langchain_core.output_parsers import StrOutputParser
from langchain_core.prompts import ChatPromptTemplate
from langchain_core.retrievers import BaseRetriever
from langchain_core.runnables import Runnable, RunnableGenerator, RunnableLambda, RunnableParallel, RunnablePassthrough
from langchain_core.tools import tool
from langchain_core.tracers.log_stream import RunLog, RunLogPatch
from langgraph.graph import END, START, StateGraph

from rag.stream import run_log
from rag.stream.run_log import astream_log
from rag.stream.tracer import WAITING_PATCHES
from tests.fakes import ScriptedChatModel, ToolCall

ANSWER = "Chroma keeps the vectors, and tantivy the words [1]."


class _Shelf(BaseRetriever):
    def _get_relevant_documents(self, query: str, *, run_manager: Any) -> list[Document]:
        return [Document(page_content=f"about {query}", metadata={"n": 1}), Document(page_content="more")]


def _model(answer: str = ANSWER) -> GenericFakeChatModel:
    return GenericFakeChatModel(messages=iter([AIMessage(content=answer)]))


def _recipe() -> Runnable[Any, Any]:
    """The usual chain: documents and question in parallel, then the answer assigned."""
    prompt = ChatPromptTemplate.from_template("{context} {question}")
    answer = prompt | _model().with_config(tags=["answer"]) | StrOutputParser()
    shelf = _Shelf().with_config(run_name="Retriever", tags=["documents"])
    return RunnableParallel(context=shelf, question=RunnablePassthrough()).assign(answer=answer)


class _State(TypedDict, total=False):
    question: str
    documents: list[Document]
    answer: str


def _graph() -> Runnable[Any, Any]:
    async def retrieve(state: _State) -> _State:
        return {"documents": await _Shelf().with_config(run_name="Retriever").ainvoke(state["question"])}

    async def answer(state: _State) -> _State:
        message = await _model().with_config(tags=["answer"]).ainvoke(state["question"])
        return {"answer": str(message.content)}

    graph = StateGraph(_State)
    graph.add_node("retrieve", retrieve)
    graph.add_node("answer", answer)
    graph.add_edge(START, "retrieve")
    graph.add_edge("retrieve", "answer")
    graph.add_edge("answer", END)
    return graph.compile()


def _sync_graph() -> Runnable[Any, Any]:
    def answer(state: _State) -> _State:
        return {"answer": "".join(str(chunk.content) for chunk in _model().stream(state["question"]))}

    graph = StateGraph(_State)
    graph.add_node("answer", answer)
    graph.add_edge(START, "answer")
    return graph.compile()


def _generator() -> Runnable[Any, Any]:
    async def words(chunks: AsyncIterator[Any]) -> AsyncIterator[str]:
        async for chunk in chunks:
            for word in str(chunk).split():
                yield word

    return RunnableGenerator(words) | RunnableLambda(lambda text: {"length": len(text), "text": text})


def _dicts() -> Runnable[Any, Any]:
    async def grow(chunks: AsyncIterator[Any]) -> AsyncIterator[Any]:
        async for _ in chunks:
            yield ["a", {"b": 1}]
            yield ["c", None]

    return RunnableGenerator(grow).with_config(run_name="an odd name")


@tool
def word_count(text: str) -> int:
    """Counts words."""
    return len(text.split())


def _nested() -> Runnable[Any, Any]:
    return RunnableLambda(lambda text: {"text": text}) | word_count | RunnableLambda(lambda count: [count] * 2)


def _breaks_late() -> Runnable[Any, Any]:
    async def broken(chunks: AsyncIterator[Any]) -> AsyncIterator[str]:
        async for chunk in chunks:
            yield str(chunk)
        raise ValueError("late")

    return _model() | StrOutputParser() | RunnableGenerator(broken)


def _breaks_in_graph() -> Runnable[Any, Any]:
    async def answer(state: _State) -> _State:
        await ScriptedChatModel(["one ", ValueError("late")]).with_config(tags=["answer"]).ainvoke(state["question"])
        return {}

    graph = StateGraph(_State)
    graph.add_node("answer", answer)
    graph.add_edge(START, "answer")
    return graph.compile()


class _Broken(BaseRetriever):
    def _get_relevant_documents(self, query: str, *, run_manager: Any) -> list[Document]:
        raise ValueError("no shelf")


@tool
def half(number: int) -> int:
    """Halves an even number."""
    if number % 2:
        raise ValueError("odd")
    return number // 2


def _tried_again() -> Runnable[Any, Any]:
    tries: list[int] = []

    def second_time(text: str) -> str:
        tries.append(1)
        if len(tries) == 1:
            raise ValueError("first")
        return text

    again = RunnableLambda(second_time).with_retry(stop_after_attempt=2, wait_exponential_jitter=False)
    return RunnableLambda(str) | again


RUNNABLES = {
    "model": (_model, "what?"),
    "recipe": (_recipe, "what?"),
    "graph": (_graph, {"question": "what?"}),
    "sync graph": (_sync_graph, {"question": "what?"}),
    "retriever": (_Shelf, "what?"),
    "generator": (_generator, "one two three"),
    "lists": (_dicts, "x"),
    "tools": (_nested, "one two three"),
    "prompt": (lambda: ChatPromptTemplate.from_template("{q}"), {"q": "what?"}),
    "plain llm": (lambda: FakeStreamingListLLM(responses=["one two"]), "what?"),
    "tool calls": (lambda: ScriptedChatModel([ToolCall("half", '{"number": 4}')]), "what?"),
    "tried again": (_tried_again, "what?"),
    "retriever fails": (_Broken, "what?"),
    "tool fails": (lambda: RunnableLambda(int) | half, "3"),
    "breaks late": (_breaks_late, "what?"),
    "breaks in a graph": (_breaks_in_graph, {"question": "what?"}),
}

FILTERS: list[dict[str, Any]] = [
    {},
    {"include_names": ["Retriever"]},
    {"include_types": ["llm", "tool"]},
    {"include_tags": ["answer"]},
    {"include_names": ["Retriever"], "include_tags": ["answer"]},
    {"exclude_names": ["Retriever"]},
    {"exclude_types": ["llm"]},
    {"exclude_tags": ["answer", "seq:step:1"]},
    {"include_types": ["llm", "retriever"], "exclude_tags": ["answer"]},
    {"with_streamed_output_list": False},
]


async def _collect(log: AsyncIterator[RunLogPatch]) -> tuple[Any, str | None, int]:
    """The state after all patches, the error that ended them, and how many there were."""
    state: Any = None
    error = None
    count = 0
    try:
        async for patch in log:
            count += 1
            state = patch if state is None else state + patch
    except Exception as raised:
        error = repr(raised)
    merged = state if isinstance(state, RunLog) else RunLogPatch() + state
    return _plain(merged.state), error, count


def _plain(value: Any) -> Any:
    """Without ids and times; what parallel branches send has no order."""
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items() if key not in ("id", "start_time", "end_time")}
    if isinstance(value, list):
        items = [_plain(item) for item in value]
        by_branch = all(isinstance(item, dict) and len(item) == 1 for item in items)
        return sorted(items, key=str) if by_branch else items
    text = value if isinstance(value, str) else repr(value)
    return re.sub(r"(lc_|run-+)?[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}", "ID", text)


@pytest.mark.filterwarnings("ignore:astream_log is deprecated")
@pytest.mark.parametrize("options", FILTERS, ids=str)
@pytest.mark.parametrize("name", RUNNABLES)
async def test_the_patches_build_the_same_state_as_langchains_own(name: str, options: dict[str, Any]) -> None:
    """For every runnable and filter: the same state, the same error, the same number of patches."""
    make, value = RUNNABLES[name]
    theirs = await _collect(make().astream_log(value, **options))
    ours = await _collect(astream_log(make(), value, **options))
    assert ours == theirs


@pytest.mark.filterwarnings("ignore:astream_log is deprecated")
async def test_whole_states_are_yielded_without_diff() -> None:
    """`diff=False` yields the state after every patch, as LangChain does."""
    theirs = [_plain(log.state) async for log in _recipe().astream_log("what?", diff=False)]
    ours = [_plain(log.state) async for log in astream_log(_recipe(), "what?", diff=False)]
    assert len(ours) == len(theirs)
    assert ours[-1] == theirs[-1]


@pytest.mark.parametrize("callbacks", [None, "list", "manager"])
async def test_callbacks_of_the_caller_are_kept(callbacks: str | None) -> None:
    """The caller's own callbacks go on working beside the tracer."""
    from langchain_core.callbacks import AsyncCallbackHandler, AsyncCallbackManager

    class _Counts(AsyncCallbackHandler):
        tokens = 0

        async def on_llm_new_token(self, token: Any, **kwargs: Any) -> None:
            self.tokens += 1

    counts = _Counts()
    given: Any = {None: None, "list": [counts], "manager": AsyncCallbackManager([counts], [counts])}[callbacks]
    patches = [patch async for patch in astream_log(_recipe(), "what?", {"callbacks": given})]
    assert patches
    assert (counts.tokens > 0) == (callbacks is not None)


def _waiting_graph(model: ScriptedChatModel) -> Runnable[Any, Any]:
    async def answer(state: _State) -> _State:
        message = await model.ainvoke(state["question"])
        return {"answer": str(message.content)}

    graph = StateGraph(_State)
    graph.add_node("answer", answer)
    graph.add_edge(START, "answer")
    return graph.compile()


@pytest.mark.parametrize("shape", ["model", "chain", "graph"])
async def test_closing_stops_the_run(shape: str) -> None:
    """`aclose()` returns only after the model has been released, and leaves no task behind."""
    model = ScriptedChatModel(["one ", asyncio.Event(), "never"])
    runnable: Runnable[Any, Any] = {
        "model": lambda: model,
        "chain": lambda: RunnablePassthrough() | model | StrOutputParser(),
        "graph": lambda: _waiting_graph(model),
    }[shape]()
    value = {"question": "q"} if shape == "graph" else "q"
    log = astream_log(runnable, value)
    async for patch in log:
        if any(op["path"].endswith("streamed_output/-") for op in patch.ops):
            break
    await model.waiting.wait()
    await log.aclose()
    assert model.abandoned == 1
    assert asyncio.all_tasks() == {asyncio.current_task()}


async def test_a_cancelled_reader_stops_the_run_and_stays_cancelled() -> None:
    """Cancelling the reading task ends the run first, then raises CancelledError."""
    model = ScriptedChatModel(["one ", asyncio.Event()])

    async def read() -> None:
        async for _ in astream_log(_waiting_graph(model), {"question": "q"}):
            pass

    reader = asyncio.create_task(read())
    await model.waiting.wait()
    reader.cancel()
    with pytest.raises(asyncio.CancelledError):
        await reader
    assert model.abandoned == 1


async def test_a_run_that_swallows_cancelling_is_cancelled_again() -> None:
    """One swallowed `cancel()` does not keep the run alive."""
    swallowed = 0
    started = asyncio.Event()

    async def stubborn(chunks: AsyncIterator[Any]) -> AsyncIterator[str]:
        nonlocal swallowed
        yield "started"
        while swallowed < 3:
            try:
                started.set()
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                swallowed += 1
        raise asyncio.CancelledError

    async def read() -> None:
        async for _ in astream_log(RunnableGenerator(stubborn), "x"):
            pass

    reader = asyncio.create_task(read())
    await started.wait()
    reader.cancel()
    with pytest.raises(asyncio.CancelledError):
        await reader
    assert swallowed == 3


async def test_a_slow_reader_holds_the_model_back() -> None:
    """The model is not read further than the bound of waiting patches."""
    said = 0

    class _Endless(ScriptedChatModel):
        async def _astream(self, *args: Any, **kwargs: Any) -> AsyncIterator[Any]:
            nonlocal said
            async for chunk in super()._astream(*args, **kwargs):
                said += 1
                yield chunk

    model = _Endless(["x "] * 5_000)
    log = astream_log(_waiting_graph(model), {"question": "q"})
    for _ in range(10):
        await anext(log)
    for _ in range(1_000):
        await asyncio.sleep(0)
    await log.aclose()
    assert 0 < said < 2 * WAITING_PATCHES


async def test_nothing_is_kept_of_a_run_that_has_ended() -> None:
    """The tracer remembers runs while they are under way, and no token at all, which would fill memory."""
    tracers: list[run_log.InlineTracer] = []

    class _Watched(run_log.InlineTracer):
        def __init__(self, **options: Any) -> None:
            super().__init__(**options)
            tracers.append(self)

    original, run_log.InlineTracer = run_log.InlineTracer, _Watched  # type: ignore[misc]
    try:
        async for _ in astream_log(ScriptedChatModel(["x "] * 100), "q"):
            pass
    finally:
        run_log.InlineTracer = original  # type: ignore[misc]
    assert [(tracer._runs, tracer.run_map) for tracer in tracers] == [({}, {})]
