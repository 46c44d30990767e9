"""The chain as a LangGraph: condense → contextualize → retrieve → answer, each node changing the state once.

START ─┬─ condense (a long conversation) ─┐
       ├─ contextualize (a conversation) ─┤
       └──────────────────────────────────┴─ retrieve ── answer ── END
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any, Protocol, cast

from langchain_core.runnables import Runnable, RunnableConfig
from langchain_core.runnables.base import RunnableBinding
from langchain_core.runnables.config import ensure_config, set_config_context
from langgraph.checkpoint.base import BaseCheckpointSaver
from langgraph.graph import END, START, StateGraph
from langgraph.graph.state import CompiledStateGraph
from langgraph.runtime import Runtime, get_runtime

from rag.chain.answer import answer
from rag.chain.blocking import iterate_blocking, run_blocking
from rag.chain.condense import condense, needs_condensing
from rag.chain.context import AskInput, AskOutput, AskState, ChainContext
from rag.chain.contextualize import contextualize, needs_contextualizing
from rag.chain.retrieve import check_question, retrieve

AskGraph = CompiledStateGraph[AskState, ChainContext, AskInput, AskOutput]


class Node(Protocol):
    """A node of the graph."""

    async def __call__(self, state: AskState, runtime: Runtime[ChainContext]) -> dict[str, Any]: ...


def build_graph(
    context: ChainContext | None = None,
    *,
    checkpointer: BaseCheckpointSaver[Any] | None = None,
    conversations: bool = True,
) -> AskGraph:
    """The compiled graph. Its dependencies come with each run: `graph.astream(input, context=ChainContext(…))`.

    Input is `AskInput`, output `AskOutput`. With a checkpointer, `history` and `summary` are kept by `thread_id`.

    Args:
        context: bound to the graph, for a server that gives its runs none.
        conversations: with the nodes that only a conversation needs. Choosing between them costs a step.
    """
    schema = ChainContext if context is None else None
    graph = StateGraph(AskState, cast(Any, schema), input_schema=AskInput, output_schema=AskOutput)
    for node in (condense, contextualize, retrieve, answer) if conversations else (retrieve, answer):
        graph.add_node(node.__name__, node if context is None else _bound(node, context))
    if conversations:
        first = Choice("first", _first_node, context)
        graph.add_conditional_edges(START, first, ["condense", "contextualize", "retrieve"])
        then = Choice("then", _after_condensing, context)
        graph.add_conditional_edges("condense", then, ["contextualize", "retrieve"])
        graph.add_edge("contextualize", "retrieve")
    else:
        graph.add_edge(START, "retrieve")
    graph.add_edge("retrieve", "answer")
    graph.add_edge("answer", END)
    return graph.compile(checkpointer=checkpointer, name="footnote")


def build_chain(context: ChainContext, *, checkpointer: BaseCheckpointSaver[Any] | None = None) -> Runnable[Any, Any]:
    """The graph bound to its dependencies: a plain LangChain runnable whose chunks and result are `AskOutput`."""
    bound = build_graph(checkpointer=checkpointer)
    output_keys = sorted(AskOutput.__annotations__)
    kwargs = {"context": context, "stream_mode": "values", "output_keys": output_keys}
    if checkpointer is not None:
        return AskChain(bound=bound, kwargs=kwargs)
    straight: Runnable[Any, Any] = RunnableBinding(bound=build_graph(conversations=False), kwargs=kwargs)
    return AskChain(bound=bound, straight=straight, kwargs=kwargs)


class AskChain(RunnableBinding[Any, Any]):  # type: ignore[no-redef]
    """A graph with its context. `invoke` and `stream` run the same asynchronous nodes in a thread of their own.

    Attributes:
        straight: for a question without a conversation, where there is a shorter way.
    """

    straight: Runnable[Any, Any] | None = None

    async def ainvoke(self, input: Any, config: RunnableConfig | None = None, **kwargs: Any) -> Any:
        if self.straight is not None and not _is_of_conversation(input):
            return await self.straight.ainvoke(input, config, **kwargs)
        return await super().ainvoke(input, config, **kwargs)

    def astream(self, input: Any, config: RunnableConfig | None = None, **kwargs: Any) -> AsyncIterator[Any]:
        if self.straight is not None and not _is_of_conversation(input):
            return self.straight.astream(input, config, **kwargs)
        return super().astream(input, config, **kwargs)

    def invoke(self, input: Any, config: RunnableConfig | None = None, **kwargs: Any) -> Any:
        return run_blocking(lambda: self.ainvoke(input, config, **kwargs))

    def stream(self, input: Any, config: RunnableConfig | None = None, **kwargs: Any) -> Iterator[Any]:
        yield from iterate_blocking(lambda: self.astream(input, config, **kwargs))


def _is_of_conversation(input: Any) -> bool:
    return not isinstance(input, dict) or bool(input.get("history"))


def _bound(node: Node, context: ChainContext) -> Node:
    async def run(state: AskState, runtime: Runtime[ChainContext]) -> dict[str, Any]:
        return await node(state, runtime=runtime.override(context=context))

    return run


class Choice(Runnable[AskState, str]):
    """What only chooses the next node. LangGraph would give a plain function a thread, and any function a traced run.

    Args:
        choose: from the state and the dependencies.
        context: the dependencies; those of the run when None.
    """

    def __init__(self, name: str, choose: Callable[[AskState, ChainContext], str], context: ChainContext | None = None):
        self.name = name
        self._choose = choose
        self._context = context

    def invoke(self, input: AskState, config: RunnableConfig | None = None, **_: Any) -> str:
        context = self._context
        if context is None:
            with set_config_context(ensure_config(config)) as run:
                context = run.run(get_runtime, ChainContext).context
        return self._choose(input, context)

    async def ainvoke(self, input: AskState, config: RunnableConfig | None = None, **_: Any) -> str:
        return self.invoke(input, config)


def _first_node(state: AskState, context: ChainContext) -> str:
    check_question(state)
    if needs_condensing(state, context.settings.history_tokens):
        return "condense"
    return _after_condensing(state, context)


def _after_condensing(state: AskState, _: ChainContext) -> str:
    return "contextualize" if needs_contextualizing(state) else "retrieve"
