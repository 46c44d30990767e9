"""The chain for the ecosystem's own server: `langgraph.json` names `make_graph`, and `langgraph dev` runs it.

That server has its own checkpointer and gives a run no `context`, so the context is bound to the graph here. It asks
for the graph again and again; what the settings open is opened once and shared.
"""

from __future__ import annotations

import asyncio
from functools import lru_cache

from langchain_core.runnables import RunnableConfig

from rag.chain.context import ChainContext
from rag.chain.graph import AskGraph, build_graph
from rag.settings import Settings


async def make_graph(config: RunnableConfig) -> AskGraph:
    """The graph over the index and the model of the settings, which are read when it is called.

    Raises:
        ConfigurationError, StorageError: a setting or the data folder cannot be used.
    """
    return build_graph(await asyncio.to_thread(lambda: _opened(Settings.load())))


@lru_cache(maxsize=1)
def _opened(settings: Settings) -> ChainContext:
    """Shared by all runs of this process: an index has connections of its own."""
    from rag.index.search import Index
    from rag.models.chat import open_chat_model
    from rag.models.embeddings import open_embeddings

    embeddings = open_embeddings(settings)
    return ChainContext(Index.open(settings, embeddings), open_chat_model(settings, embeddings), settings)
