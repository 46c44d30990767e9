"""What the nodes of the chain need, and the state they hand on."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Protocol

from langchain_core.documents import Document as LangChainDocument
from langchain_core.messages import AnyMessage
from langchain_core.runnables import RunnableConfig
from langgraph.channels import UntrackedValue
from langgraph.config import get_config
from langgraph.graph.message import add_messages
from typing_extensions import TypedDict

from rag.models.chat import ChatModel
from rag.settings import Settings
from rag.vocabulary import Document, Filter, FinishReason

RETRIEVER_NAME = "Retriever"
REWRITE_TAG = "contextualize_q_chain"
ANSWER_TAG = "answer"


class DocumentSource(Protocol):
    """What the chain asks of the index."""

    async def adocuments(
        self, question: str, *, top_k: int, context_tokens: int, filter: Filter | None = None, also: Sequence[str] = ()
    ) -> list[Document]:
        """The documents for a question, best first, numbered from 1, within a token budget; may be empty."""
        ...


@dataclass(frozen=True, slots=True)
class ChainContext:
    """The dependencies of a run, given as LangGraph's `context`."""

    index: DocumentSource
    chat: ChatModel
    settings: Settings


class AskInput(TypedDict, total=False):
    """What a caller gives; only `question` is required.

    `standalone_question` replaces the rewriting, `rewrite=False` leaves it out. `filter` has `url_prefix` and
    `language`.
    """

    question: Annotated[str, UntrackedValue]
    history: Annotated[list[AnyMessage], add_messages]
    standalone_question: Annotated[str, UntrackedValue]
    rewrite: Annotated[bool, UntrackedValue]
    top_k: Annotated[int, UntrackedValue]
    filter: Annotated[dict[str, Any], UntrackedValue]


class AskOutput(TypedDict, total=False):
    """What a run ends with.

    `rewritten` tells whether the standalone question differs from the one that was asked; `usage` has the token counts
    of the answer's model run, where the model tells them.
    """

    question: Annotated[str, UntrackedValue]
    standalone_question: Annotated[str, UntrackedValue]
    rewritten: Annotated[bool, UntrackedValue]
    documents: Annotated[list[LangChainDocument], UntrackedValue]
    answer: Annotated[str, UntrackedValue]
    finish_reason: Annotated[FinishReason, UntrackedValue]
    usage: Annotated[dict[str, int], UntrackedValue]


class AskState(AskInput, AskOutput, total=False):
    """The state of a run; `also` are further phrasings to search.

    A checkpointer keeps `history` and `summary` only: documents would make it grow by megabytes.
    """

    also: Annotated[list[str], UntrackedValue]
    summary: str


async def is_empty(index: DocumentSource) -> bool:
    """Whether nothing was ingested yet; an index without a catalog is taken to hold something."""
    catalog = getattr(index, "catalog", None)
    return catalog is not None and await asyncio.to_thread(lambda: catalog.counts().pages == 0)


def config_with_tags(*tags: str) -> RunnableConfig:
    """The configuration of the node that runs now, for a run inside it that is to carry `tags` as well."""
    config = get_config()
    return {**config, "tags": [*(config.get("tags") or []), *tags]}
