"""What an agent can do with the index: search it, open a document, list its sources.

Whatever a tool finds gets a number that stays its own for the whole answer, so that `[3]` means one document however
many searches it took. Every find is a retrieval run named `Retriever`, whose output is all that was found so far.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Iterator
from dataclasses import replace
from typing import Annotated, Any, Protocol

from langchain_core.callbacks import AsyncCallbackManagerForRetrieverRun, CallbackManagerForRetrieverRun
from langchain_core.documents import Document as LangChainDocument
from langchain_core.retrievers import BaseRetriever
from langchain_core.tools import BaseTool, tool
from pydantic import Field

from rag.chain.context import RETRIEVER_NAME, DocumentSource
from rag.chain.prompts import disarmed, fenced
from rag.errors import NotFound
from rag.index.documents import document_to_langchain
from rag.text.tokens import count_tokens
from rag.vocabulary import Chunk, Document, Filter

_SOURCES_LISTED = 50
_OPENED_TOKENS = 1_500


class Pages(Protocol):
    """What the tools read of the catalog."""

    def page_chunks(self, url: str) -> list[Chunk]: ...
    def page_text(self, url: str) -> str | None: ...
    def pages(self, prefix: str | None = None) -> Iterator[Any]: ...


class FoundDocuments:
    """All documents an agent has found, numbered in the order in which it found them."""

    def __init__(self) -> None:
        self._documents: list[Document] = []
        self._tokens = 0

    def add(self, documents: Iterable[Document]) -> list[Document]:
        """Numbers what is new, and returns all of `documents` with the numbers they have.

        What overlaps a document of the same page is that document, which then holds the words of both.
        """
        return [self._numbered(found) for found in documents]

    def has(self, number: int) -> bool:
        """Whether there is a document of that number."""
        return 1 <= number <= len(self._documents)

    @property
    def documents(self) -> list[Document]:
        return list(self._documents)

    @property
    def tokens(self) -> int:
        """Of all that was shown to the model."""
        return self._tokens

    def _numbered(self, found: Document) -> Document:
        self._tokens += count_tokens(found.text)
        for place, known in enumerate(self._documents):
            joined = _joined(known, found)
            if joined is not None:
                self._documents[place] = joined
                return replace(found, n=known.n)
        found = replace(found, n=len(self._documents) + 1)
        self._documents.append(found)
        return found


def _joined(known: Document, found: Document) -> Document | None:
    """Both as one document under the number of `known`; None when they share no words of one page."""
    if known.url != found.url:
        return None
    first, second = sorted((known, found), key=lambda document: document.start)
    inside = second.start - first.start
    shared = first.text[inside : inside + len(second.text)]
    if not shared or not second.text.startswith(shared):
        return None  # apart, or the page has changed in between
    return replace(first, n=known.n, text=first.text + second.text[len(shared) :], score=max(known.score, found.score))


class FindRun(BaseRetriever):
    """One find of an agent, as a retrieval run: does `find`, and gives all that was found so far."""

    name: str | None = RETRIEVER_NAME
    find: Callable[[str], Awaitable[list[Document]]]
    found: Any  # the FoundDocuments
    last: list[Document] = Field(default_factory=list)

    async def _aget_relevant_documents(
        self, query: str, *, run_manager: AsyncCallbackManagerForRetrieverRun
    ) -> list[LangChainDocument]:
        self.last = self.found.add(await self.find(query))
        return [document_to_langchain(document) for document in self.found.documents]

    def _get_relevant_documents(
        self, query: str, *, run_manager: CallbackManagerForRetrieverRun
    ) -> list[LangChainDocument]:
        raise NotImplementedError("An agent's tools are asynchronous: use `ainvoke`.")


class IndexTools:
    """The tools of one question.

    Args:
        index: searched; its `catalog` is read.
        found: where finds are numbered.
        boundary: the fence round what pages say.
    """

    def __init__(
        self, index: DocumentSource, found: FoundDocuments, *, boundary: str, top_k: int, context_tokens: int,
        filter: Filter | None = None,
    ) -> None:  # fmt: skip
        self._index = index
        self._found = found
        self._boundary = boundary
        self._top_k = top_k
        self._context_tokens = context_tokens
        self._filter = filter

    def all(self) -> list[BaseTool]:
        """`search`, `open_document` and `list_sources`, as LangChain tools."""

        @tool
        async def search(query: Annotated[str, "A short, specific question or a few words."]) -> str:
            """Search the collection of web pages. Returns numbered excerpts, best first."""
            return await self._show(self._search, query)

        @tool
        async def open_document(
            number: Annotated[int, "The number of a document that was found, such as 3."],
            part: Annotated[int, "Which part of a long page, from 1."] = 1,
        ) -> str:
            """Read the page of a document that was found, from its beginning or from a further part."""
            return await self._show(lambda _: self._open(number, part), f"document {number}, part {part}")

        @tool
        async def list_sources(
            prefix: Annotated[str, "Only pages whose URL starts with this; empty for all."] = "",
        ) -> str:
            """List titles and URLs of the pages in the collection, fifty at most."""
            return await asyncio.to_thread(self._list, prefix)

        return [search, open_document, list_sources]

    async def _show(self, find: Callable[[str], Awaitable[list[Document]]], query: str) -> str:
        run = FindRun(find=find, found=self._found)
        await run.ainvoke(query)
        return "\n\n".join(fenced(document, self._boundary) for document in run.last) or "Nothing was found."

    async def _search(self, query: str) -> list[Document]:
        return await self._index.adocuments(
            query, top_k=self._top_k, context_tokens=self._context_tokens, filter=self._filter
        )

    async def _open(self, number: int, part: int) -> list[Document]:
        known = next((document for document in self._found.documents if document.n == number), None)
        if known is None:
            raise NotFound(f"There is no document {number!r}.", "Use a number that `search` returned.")
        return [await asyncio.to_thread(self._part_of_page, known, part)]

    def _part_of_page(self, known: Document, part: int) -> Document:
        pages = self._pages()
        parts = list(_parts(pages.page_chunks(known.url)))
        text = pages.page_text(known.url)
        if text is None or not 1 <= part <= len(parts):
            raise NotFound(f"The page of document {known.n} has no part {part!r}.", f"It has {len(parts)}.")
        first, last = parts[part - 1]
        return replace(
            known,
            id=first.id,
            text=text[first.start : last.end],
            start=first.start,
            section=first.section,
            anchor=first.anchor,
        )

    def _list(self, prefix: str) -> str:
        lines: list[str] = []
        for row in self._pages().pages(prefix or None):
            if len(lines) == _SOURCES_LISTED:
                lines.append("… and more; give a prefix.")
                break
            lines.append(f"- {disarmed(row.title)}: {row.url}")
        return "\n".join(lines) or "There are none."

    def _pages(self) -> Pages:
        pages: Pages = getattr(self._index, "catalog")  # noqa: B009 - part of Index, not of what a chain needs
        return pages


def _parts(chunks: list[Chunk]) -> Iterator[tuple[Chunk, Chunk]]:
    """First and last chunk of each part of a page."""
    first: Chunk | None = None
    tokens = 0
    for place, chunk in enumerate(chunks):
        first = first or chunk
        tokens += count_tokens(chunk.text)
        if tokens >= _OPENED_TOKENS or place == len(chunks) - 1:
            yield first, chunk
            first, tokens = None, 0
