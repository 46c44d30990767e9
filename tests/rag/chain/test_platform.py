"""What the ecosystem's own server needs: a factory named in langgraph.json, and a graph that brings its context."""

from __future__ import annotations

import json
from collections.abc import Callable
from importlib import import_module
from inspect import signature
from pathlib import Path

from rag.chain.context import ChainContext
from rag.chain.graph import build_graph
from tests.fakes import ScriptedChatModel

ROOT = Path(__file__).parents[3]
ANSWER = "Chroma keeps vectors [1]."


def test_langgraph_json_names_a_factory_that_takes_the_configuration() -> None:
    described = json.loads((ROOT / "langgraph.json").read_text())
    path, name = described["graphs"]["footnote"].split(":")
    assert (ROOT / path).is_file()
    factory = getattr(import_module(path.removeprefix("./").removesuffix(".py").replace("/", ".")), name)
    assert list(signature(factory).parameters) == ["config"]


async def test_a_bound_graph_runs_without_a_context_also_when_it_is_configured(
    make_context: Callable[..., ChainContext],
) -> None:
    graph = build_graph(make_context(ScriptedChatModel(ANSWER, ANSWER)))
    assert (await graph.ainvoke({"question": "What?"}))["answer"] == ANSWER
    assert (await graph.with_config({"tags": ["x"]}).ainvoke({"question": "What?"}))["answer"] == ANSWER


def test_a_bound_graph_describes_itself_in_json_schema(make_context: Callable[..., ChainContext]) -> None:
    graph = build_graph(make_context(ScriptedChatModel()))
    assert set(graph.get_input_jsonschema()["properties"]) >= {"question", "history", "top_k"}
    assert set(graph.get_output_jsonschema()["properties"]) >= {"answer", "documents"}
    assert graph.get_context_jsonschema() is None
