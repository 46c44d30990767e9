"""The vectors index: Chroma, through langchain-chroma; `chroma_collection.py` finds it and connects.

Chroma holds ids, vectors and three metadata (`source`, `title`, `language`), and an empty text: the texts are in the
catalog, and with them Chroma's store is six times larger and its writes half as fast (measured, 6,000 chunks).

A prefix of a URL is no query in Chroma, and its metadata filters scan (63 ms at 100,000 chunks). So a filter is
weighed by the catalog first: when it leaves few chunks, these are compared exactly, from the catalog's own vectors;
when it leaves many, a plain query is widened until enough of its hits pass. Either way every match can be found.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import partial
from typing import Any, cast

from rag.index.catalog import Catalog
from rag.index.chroma_collection import ChromaCollection, Link
from rag.index.chroma_server import ChromaServer
from rag.index.nearest import Hits, nearest
from rag.index.rows import Identity
from rag.settings import Settings
from rag.vocabulary import Chunk, Filter

BATCH = 300
"""Records a write, as many as Chroma Cloud allows: with 100 at a time Chroma takes 1.7 times the processor's work, and
with thousands queries wait for it."""
EXACT_CHUNKS = 4_000
"""A filter that leaves no more is answered exactly, in the time that Chroma's own filter would take."""
WIDEST_QUERY = 5_000
_CLOUD_RESULTS = 300
_PAGE = 5_000
_TITLE_CHARACTERS = 300


class VectorIndex:
    """Vectors of chunks, by cosine. Safe to use from several threads.

    Args:
        collection: where the vectors are.
        catalog: weighs filters.
        exact_chunks: a filter that leaves no more chunks is answered by comparing all of them.

    Raises (every method):
        IndexUnavailable: Chroma does not answer in time, or fails.
        IndexMismatch: the collection is another data folder's, or of another dimension.
    """

    def __init__(self, collection: ChromaCollection, catalog: Catalog, *, exact_chunks: int = EXACT_CHUNKS) -> None:
        self._chroma = collection
        self._catalog = catalog
        self._exact_chunks = exact_chunks

    @classmethod
    def open(cls, settings: Settings, catalog: Catalog) -> VectorIndex:
        """The index that the settings name; connects at its first use."""
        return cls(ChromaCollection.open(settings, catalog), catalog)

    @property
    def server(self) -> ChromaServer | None:
        """Our own server; None when RAG_CHROMA_URL names another."""
        return self._chroma.server

    def connect(self) -> None:
        """Connects, starts our own server when it does not run, and waits until it has read what it keeps.

        Not needed, and quick when it was done before.
        """
        self._chroma.call(lambda _: None)

    def add(self, chunks: Sequence[Chunk], vectors: Sequence[Sequence[float]]) -> None:
        """Adds chunks with their vectors, each in place of the one with its id. Durable when it returns."""
        writes = math.ceil(len(chunks) / BATCH)
        step = math.ceil(len(chunks) / max(1, writes))  # of one size, for what each write costs
        for first in range(0, len(chunks), max(1, step)):
            some = chunks[first : first + step]
            given = vectors[first : first + step]
            self._chroma.call(lambda link, some=some, given=given: _add(link, some, given), create=True)  # type: ignore[misc]

    def delete(self, ids: Sequence[str]) -> None:
        """Removes chunks; ids that are not there are none."""
        for first in range(0, len(ids), BATCH):
            some = list(ids[first : first + BATCH])
            self._chroma.call(lambda link, some=some: link.store.delete(some))  # type: ignore[misc]

    def search(self, vector: Sequence[float], k: int, filter: Filter | None = None) -> list[tuple[str, float]]:
        """The `k` nearest (chunk id, cosine similarity clipped to 0…1), best first."""
        return self.ask(vector, k, filter)()

    def ask(self, vector: Sequence[float], k: int, filter: Filter | None = None) -> Hits:
        """Begins a search, and returns what waits for its hits: Chroma, a process of its own, searches meanwhile."""
        if k < 1:
            return list
        if filter:
            return partial(self._filtered, vector, k, filter)
        first = self._chroma.call(lambda link: link.client.ask(link.collection, vector, k))
        asked = [first] if first else []

        def hits() -> list[tuple[str, float]]:
            near = self._chroma.call(
                lambda link: (asked.pop() if asked else link.client.ask(link.collection, vector, k))()
            )
            return [(chunk_id, _similarity(distance)) for chunk_id, distance in near or []]

        return hits

    def _filtered(self, vector: Sequence[float], k: int, filter: Filter) -> list[tuple[str, float]]:
        matching = self._catalog.count_chunks(filter)
        if matching > self._exact_chunks:
            found = self._widened(vector, k, filter, matching)
            if found is not None:
                return found
        return nearest(self._catalog.vectors_under(filter), vector, k)

    def stored(self, ids: Sequence[str]) -> dict[str, list[float]]:
        """The vectors that Chroma has for `ids`; ids that are not there are absent."""
        found: dict[str, list[float]] = {}
        for first in range(0, len(ids), BATCH):
            some = list(ids[first : first + BATCH])
            page = self._chroma.call(lambda link, some=some: link.store.get(some, include=["embeddings"]))  # type: ignore[misc]
            if page:
                found |= {
                    key: list(map(float, vector)) for key, vector in zip(page["ids"], page["embeddings"], strict=True)
                }
        return found

    def count(self) -> int:
        """Vectors in the index."""
        return self._chroma.call(lambda link: link.collection.count()) or 0

    def ids(self) -> list[str]:
        """Every chunk id, in no order."""
        found: list[str] = []
        step = _CLOUD_RESULTS if self._chroma.is_cloud else _PAGE
        while True:
            offset = len(found)
            page = self._chroma.call(lambda link, offset=offset: link.store.get(limit=step, offset=offset, include=[]))  # type: ignore[misc]
            ids = page["ids"] if page else []
            found += ids
            if len(ids) < step:
                return found

    def close(self) -> None:
        """Disconnects, and leaves our own server. A search that is still under way fails."""
        self._chroma.close()

    def replacement(self, generation: str, identity: Identity) -> VectorIndex:
        """An empty index beside the one in use; becomes the one in use when the catalog names its generation."""
        fresh = self._chroma.replacement(generation, identity)
        return VectorIndex(fresh, self._catalog, exact_chunks=self._exact_chunks)

    def tidy(self) -> None:
        """Ends a rebuild that was handed over, or one that was not: what is not in use is removed."""
        self._chroma.tidy()

    def _described(self, vector: Sequence[float], k: int) -> list[tuple[str, float, dict[str, Any]]]:
        """Hits with their metadata, which take Chroma as long as finding them."""
        asked = cast(Any, [list(vector)])
        include: Any = ["distances", "metadatas"]
        found = self._chroma.call(lambda link: link.collection.query(asked, n_results=k, include=include))
        if not found:
            return []
        ids, distances = found["ids"][0], (found["distances"] or [[]])[0]
        metadatas = (found["metadatas"] or [[]])[0]
        return [
            (chunk_id, _similarity(distance), dict(metadata))
            for chunk_id, distance, metadata in zip(ids, distances, metadatas, strict=True)
        ]

    def _widened(
        self, vector: Sequence[float], k: int, filter: Filter, matching: int
    ) -> list[tuple[str, float]] | None:
        """Asks for more hits until `k` pass the filter; None when that would be too many."""
        total = self._catalog.count_chunks()
        widest = _CLOUD_RESULTS if self._chroma.is_cloud else WIDEST_QUERY
        wanted = math.ceil(2 * k * total / matching)
        while wanted <= widest:
            hits = [
                (chunk_id, score) for chunk_id, score, data in self._described(vector, wanted) if _passes(data, filter)
            ]
            if len(hits) >= k:
                return hits[:k]
            wanted *= 4
        return None


def _add(link: Link, chunks: Sequence[Chunk], vectors: Sequence[Sequence[float]]) -> None:
    metadatas = [
        {"source": chunk.url, "title": chunk.title[:_TITLE_CHARACTERS], "language": chunk.language} for chunk in chunks
    ]
    link.add([chunk.id for chunk in chunks], vectors, metadatas)


def _similarity(distance: float) -> float:
    return min(1.0, max(0.0, 1.0 - distance))


def _passes(metadata: dict[str, Any], filter: Filter) -> bool:
    return (filter.language is None or metadata.get("language") == filter.language) and (
        filter.url_prefix is None or str(metadata.get("source", "")).startswith(filter.url_prefix)
    )
