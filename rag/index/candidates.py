"""What both indexes find for a question, and what is known of every candidate, whichever found it.

Chroma works in a process of its own: while it does, the words are searched and what they found is looked up. All that
is looked up is of one moment of the catalog, so a page that is being replaced is never there twice.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Protocol

import numpy as np

from rag.index.catalog import Catalog, StoredChunk
from rag.index.fusion import Phrasing, Scores
from rag.index.nearest import nearest
from rag.vocabulary import Filter

_AT_ONCE = 32
"""Questions to Chroma at a time; more wait."""

Found = dict[str, float]


class Vectors(Protocol):
    """What a search needs of the vectors index: `rag.index.vectors.VectorIndex`."""

    def search(self, vector: Sequence[float], k: int, filter: Filter | None = None) -> list[tuple[str, float]]: ...
    def close(self) -> None: ...


class Words(Protocol):
    """What a search needs of the words index: `rag.index.words.WordIndex`."""

    def search(self, query: str, k: int, filter: Filter | None = None) -> list[tuple[str, float]]: ...
    def scores(self, query: str, ids: Sequence[str]) -> dict[str, float]: ...
    def rarities(self, query: str) -> dict[str, float]: ...
    def close(self) -> None: ...


class Candidates:
    """Asks both indexes at once.

    Args:
        model: name of the embedding model, under which the catalog keeps its vectors.
    """

    def __init__(self, catalog: Catalog, vectors: Vectors, words: Words, model: str) -> None:
        self._catalog = catalog
        self._vectors = vectors
        self._words = words
        self._model = model
        self._pool = ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="vectors")

    def of(
        self, phrasings: Sequence[str], vectors: Sequence[Sequence[float]], count: int, filter: Filter | None
    ) -> tuple[list[Phrasing], list[StoredChunk]]:
        """Every phrasing with both scores of each candidate, and the candidates: `count` of each index at most.

        Args:
            vectors: of the phrasings.
        """
        asked = [self._pool.submit(self._vectors.search, vector, count, filter) for vector in vectors]
        words = [dict(self._words.search(text, count, filter)) for text in phrasings]
        rarities = [self._words.rarities(text) for text in phrasings]
        with self._catalog.moment() as moment:
            stored = moment.load_chunks(_union(words))
            kept = moment.vectors(stored, self._model)
            dense = _results(asked)
            stored |= moment.load_chunks(chunk_id for chunk_id in _union(dense) if chunk_id not in stored)
            if len(dense) > 1:  # what one phrasing found, the others must be compared with
                kept |= moment.vectors((chunk_id for chunk_id in stored if chunk_id not in kept), self._model)
        ids = list(stored)
        return [
            Phrasing(text, rarity, _similarities(vector, near, kept, ids), self._word_scores(text, fitting, ids))
            for text, rarity, vector, near, fitting in zip(phrasings, rarities, vectors, dense, words, strict=True)
        ], list(stored.values())

    def close(self) -> None:
        """Starts no more searches."""
        self._pool.shutdown(wait=False, cancel_futures=True)

    def _word_scores(self, text: str, found: Found, ids: Sequence[str]) -> Scores:
        """BM25 of every candidate, also of those that only the vectors found."""
        known = found | self._words.scores(text, [chunk_id for chunk_id in ids if chunk_id not in found])
        return np.array([known.get(chunk_id, 0.0) for chunk_id in ids])


def _similarities(vector: Sequence[float], found: Found, kept: dict[str, bytes], ids: Sequence[str]) -> Scores:
    """Cosine similarity of every candidate, also of those that only the words found: the catalog has their vectors."""
    missing = [(chunk_id, kept[chunk_id]) for chunk_id in ids if chunk_id not in found and chunk_id in kept]
    known = found | dict(nearest([missing], vector, len(missing)) if missing else [])
    return np.array([known.get(chunk_id, 0.0) for chunk_id in ids])


def _results(asked: Iterable[Future[list[tuple[str, float]]]]) -> list[Found]:
    return [dict(found.result()) for found in asked]


def _union(found: Iterable[Found]) -> dict[str, None]:
    return {chunk_id: None for some in found for chunk_id in some}
