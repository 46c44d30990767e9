"""The node that finds documents: a LangChain retriever over the index, so that its run is named and traced as one."""

from __future__ import annotations

import asyncio
from typing import Any

from langchain_core.callbacks import AsyncCallbackManagerForRetrieverRun, CallbackManagerForRetrieverRun
from langchain_core.documents import Document as LangChainDocument
from langchain_core.retrievers import BaseRetriever
from langgraph.config import get_config
from langgraph.runtime import Runtime
from pydantic import ConfigDict

from rag.chain.context import RETRIEVER_NAME, AskState, ChainContext, DocumentSource
from rag.errors import InvalidRequest
from rag.events import DocumentsFound, QuestionUnderstood, event_data
from rag.index.documents import document_from_langchain, document_to_langchain
from rag.vocabulary import Filter

_MAX_TOP_K = 50


class IndexRetriever(BaseRetriever):
    """A LangChain retriever over the index. Its runs are named `Retriever`.

    Attributes:
        also: further phrasings of the question, fused into the search.
    """

    model_config = ConfigDict(arbitrary_types_allowed=True)

    name: str | None = RETRIEVER_NAME
    index: Any  # a DocumentSource; pydantic cannot check a protocol with async methods
    top_k: int = 6
    context_tokens: int = 2_000
    filter: Filter | None = None
    also: tuple[str, ...] = ()

    async def _documents(self, query: str) -> list[LangChainDocument]:
        index: DocumentSource = self.index
        documents = await index.adocuments(
            query,
            top_k=self.top_k,
            context_tokens=self.context_tokens,
            filter=self.filter,
            also=self.also,
        )
        return [document_to_langchain(document) for document in documents]

    async def _aget_relevant_documents(
        self, query: str, *, run_manager: AsyncCallbackManagerForRetrieverRun
    ) -> list[LangChainDocument]:
        return await self._documents(query)

    def _get_relevant_documents(
        self, query: str, *, run_manager: CallbackManagerForRetrieverRun
    ) -> list[LangChainDocument]:
        return asyncio.run(self._documents(query))


async def retrieve(state: AskState, runtime: Runtime[ChainContext]) -> dict[str, Any]:
    """Searches the standalone question, and the user's own words beside a rewritten one."""
    check_question(state)
    context = runtime.context
    question = state["question"]
    searched = state.get("standalone_question") or question
    retriever = IndexRetriever(
        index=context.index,
        top_k=wanted_documents(state, context),
        context_tokens=context.settings.context_tokens,
        filter=wanted_filter(state),
        also=tuple(state.get("also", ())),
    )
    rewritten = state.get("rewritten", False)
    tell(runtime, QuestionUnderstood(text=searched, original=question, rewritten=rewritten))
    documents = await retriever.ainvoke(searched, get_config())
    tell(runtime, DocumentsFound(tuple(map(document_from_langchain, documents))))
    return {"standalone_question": searched, "documents": documents}


def tell(runtime: Runtime[ChainContext], event: QuestionUnderstood | DocumentsFound) -> None:
    """For LangGraph's `custom` stream."""
    runtime.stream_writer({event.name: event_data(event)})


def check_question(state: AskState) -> None:
    """Raises InvalidRequest unless there is a question."""
    question = state.get("question")
    if not isinstance(question, str) or not question.strip():
        raise InvalidRequest(f"The question is {question!r}.", 'Give a text: {"question": "How do I index a site?"}.')


def wanted_documents(state: AskState, context: ChainContext) -> int:
    """`top_k` of the question or of the settings.

    Raises:
        InvalidRequest: it is not a number from 1 to 50.
    """
    top_k = state.get("top_k") or context.settings.top_k
    if not isinstance(top_k, int) or not 1 <= top_k <= _MAX_TOP_K:
        raise InvalidRequest(f"top_k is {top_k!r}.", f"Give a whole number from 1 to {_MAX_TOP_K}.")
    return top_k


def wanted_filter(state: AskState) -> Filter | None:
    """The filter of the question, if it has one.

    Raises:
        InvalidRequest: it has a key that is not a filter.
    """
    given = state.get("filter")
    if not given:
        return None
    unknown = set(given) - {"url_prefix", "language"}
    if unknown:
        raise InvalidRequest(f"The filter has the key {sorted(unknown)[0]!r}.", "Use `url_prefix` or `language`.")
    language = given.get("language")
    return Filter(given.get("url_prefix"), language.lower() if language else None)
