"""The index as everyone else sees it: a question in, hits or documents out.

Both indexes are asked for `candidates`; the catalog says which of them are in force; `fusion` scores them; `context`
makes documents of the best. When Chroma does not answer, a search fails and says so: an answer from the words alone
would be silently worse, and the caller can try again.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING, TypeVar

import numpy as np

from rag.errors import IndexUnavailable, InvalidRequest, StorageError
from rag.index.candidates import Asked, Candidates, Vectors, Words
from rag.index.catalog import Catalog
from rag.index.context import documents_from
from rag.index.fusion import Fusion
from rag.models.embeddings import EmbeddingModel
from rag.settings import Settings
from rag.vocabulary import Document, Filter, Hit

if TYPE_CHECKING:
    from rag.index.rerank import Reranker
    from rag.index.writer import IndexWriter

POOL = 60
"""Candidates from each index."""
_RERANKED = 50
_HITS_PER_DOCUMENT = 4

T = TypeVar("T")


class Index:
    """Everything that can be searched. Safe to use from several threads.

    Args:
        fusion: how the scores are mixed.
        reranker: reorders the best hits, when there is one.
        timeout: seconds for one asynchronous search, beside what embedding the question takes.
        writer: makes the one writer, from a purpose and a chunker version.
        asked: called at each search, so that work in the background can give way.
        connect: called before the first asynchronous search, outside of its deadline; starts what must be started.

    Raises (every search):
        IndexUnavailable: an index does not answer.
        StorageError: the catalog cannot be read.
        ModelError: the question cannot be embedded, or the reranker fails.
        InvalidRequest: the question is empty, or a limit is below 1.
    """

    def __init__(
        self,
        catalog: Catalog,
        vectors: Vectors,
        words: Words,
        embeddings: EmbeddingModel,
        *,
        fusion: Fusion | None = None,
        reranker: Reranker | None = None,
        timeout: float = 10.0,
        writer: Callable[[str, int | None], IndexWriter] | None = None,
        asked: Callable[[], None] | None = None,
        connect: Callable[[], None] | None = None,
    ) -> None:
        self.catalog = catalog
        self.vectors = vectors
        self.words = words
        self._embeddings = embeddings
        self._candidates = Candidates(catalog, vectors, words, embeddings.name)
        self._fusion = fusion or Fusion(embeddings)
        self._reranker = reranker
        self._timeout = timeout
        self._writer = writer
        self._asked = asked
        self._connect = connect

    @classmethod
    def open(cls, settings: Settings, embeddings: EmbeddingModel) -> Index:
        """The index of the data folder, made when it is missing.

        Raises:
            IndexMismatch: it was made with another embedding model or layout.
            StorageError: the folder cannot be used.
        """
        from rag.index.asked import LastAsked
        from rag.index.exact import ExactSearch, SureVectors
        from rag.index.parts import IndexParts, writer_lock
        from rag.index.rerank import Reranker
        from rag.index.writer import IndexWriter

        reranker = Reranker.load(settings.reranker) if settings.reranker else None
        parts = IndexParts.open(settings)
        try:
            parts.catalog.check_embeddings(embeddings.name)
        except BaseException:
            parts.close()
            raise

        def writer(purpose: str, chunker_version: int | None) -> IndexWriter:
            return IndexWriter(
                parts.catalog,
                parts.vectors,
                parts.words,
                embeddings,
                lock=writer_lock(settings.data_dir, purpose),
                chunker_version=chunker_version,
            )

        return cls(
            parts.catalog,
            SureVectors(parts.vectors, ExactSearch(parts.catalog)),
            parts.words,
            embeddings,
            fusion=Fusion(embeddings, settings.dense_weight),
            reranker=reranker,
            timeout=settings.index_timeout,
            writer=writer,
            asked=LastAsked(settings.data_dir).note,
            connect=parts.vectors.connect,
        )

    def search(self, question: str, *, limit: int, filter: Filter | None = None, also: Sequence[str] = ()) -> list[Hit]:
        """Returns at most `limit` hits, best first.

        Args:
            also: further phrasings of the question; hits of any are found, and good ones for several come first.
        """
        asked = self._begun(_phrasings(question, also, limit), limit, filter)
        return self._ranked(asked, self._embedded(asked), limit)

    async def asearch(
        self, question: str, *, limit: int, filter: Filter | None = None, also: Sequence[str] = ()
    ) -> list[Hit]:
        """The same, off the event loop and with a deadline."""
        asked = self._begun(_phrasings(question, also, limit), limit, filter)
        vectors = await self._aembedded(asked)
        return await self._in_time(partial(self._ranked, asked, vectors, limit))

    def documents(
        self, question: str, *, top_k: int, context_tokens: int, filter: Filter | None = None, also: Sequence[str] = ()
    ) -> list[Document]:
        """Returns at most `top_k` documents of about `context_tokens` tokens in all, best first."""
        limit = _wanted(top_k)
        asked = self._begun(_phrasings(question, also, top_k), limit, filter)
        return self._documents(self._ranked(asked, self._embedded(asked), limit), top_k, context_tokens)

    async def adocuments(
        self, question: str, *, top_k: int, context_tokens: int, filter: Filter | None = None, also: Sequence[str] = ()
    ) -> list[Document]:
        """The same, off the event loop and with a deadline."""
        limit = _wanted(top_k)
        asked = self._begun(_phrasings(question, also, top_k), limit, filter)
        vectors = await self._aembedded(asked)
        return await self._in_time(lambda: self._documents(self._ranked(asked, vectors, limit), top_k, context_tokens))

    def writer(self, purpose: str = "writing", *, chunker_version: int | None = None) -> IndexWriter:
        """The one writer of the data folder, to be closed after use.

        Args:
            purpose: told to a second one that finds the folder taken.
            chunker_version: of the chunker whose chunks will be written; None when pages are only removed.

        Raises:
            Conflict: another writer is at work.
            IndexMismatch: what is in the folder was made with another chunker or embedding model.
        """
        if self._writer is None:
            raise StorageError("This index was made without a writer.", "Open it with `Index.open`.")
        return self._writer(purpose, chunker_version)

    def close(self) -> None:
        """Lets go of both indexes and the catalog."""
        self._candidates.close()
        self.words.close()
        self.vectors.close()
        self.catalog.close()

    def _documents(self, hits: Sequence[Hit], top_k: int, context_tokens: int) -> list[Document]:
        return documents_from(hits, top_k=top_k, context_tokens=context_tokens, page_text=self.catalog.page_text)

    def _begun(self, phrasings: Sequence[str], limit: int, filter: Filter | None) -> Asked:
        if self._asked is not None:
            self._asked()
        return self._candidates.ask(phrasings, max(POOL, limit), filter)

    def _ranked(self, question: Asked, vectors: Sequence[Sequence[float]], limit: int) -> list[Hit]:
        kept = max(_RERANKED, limit) if self._reranker is not None else limit
        with self._candidates.of(question, vectors) as found:
            if not found.heads:
                return []
            self._fusion.read_ahead(found.guessed(), found.heads, found.texts.read)
            scores = self._fusion.scores(found.phrasings(), found.heads, found.texts.read)
            best = np.argsort(-scores, kind="stable")[:kept].tolist()
            hits = [
                Hit(stored.chunk, float(scores[place]), stored.fetched_at)
                for place, stored in zip(best, found.texts.load(best), strict=True)
            ]
        if self._reranker is not None:
            hits = self._reranker.rerank(question.phrasings[0], hits)
        return hits[:limit]

    def _embedded(self, asked: Asked) -> list[list[float]]:
        return [self._embeddings.model.embed_query(phrasing) for phrasing in asked.phrasings]

    async def _aembedded(self, asked: Asked) -> list[list[float]]:
        return [await self._embeddings.model.aembed_query(phrasing) for phrasing in asked.phrasings]

    async def _in_time(self, work: Callable[[], T]) -> T:
        if self._connect is not None:  # a server that must be started first has a deadline of its own
            await asyncio.to_thread(self._connect)
            self._connect = None
        try:
            async with asyncio.timeout(self._timeout):
                return await asyncio.to_thread(work)
        except TimeoutError as error:
            raise IndexUnavailable(
                f"The search did not end within {self._timeout} seconds.", "Try again, or raise RAG_INDEX_TIMEOUT."
            ) from error


def _phrasings(question: str, also: Sequence[str], limit: int) -> list[str]:
    """The question and its further phrasings, each once, blank ones left out."""
    if not question.strip():
        raise InvalidRequest("The question is empty.", "Ask something.")
    if limit < 1:
        raise InvalidRequest(f"{limit!r} results were asked for.", "Ask for at least 1.")
    return list(dict.fromkeys([question, *(text for text in also if text.strip())]))


def _wanted(top_k: int) -> int:
    return max(30, _HITS_PER_DOCUMENT * top_k)
