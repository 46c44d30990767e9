"""What both indexes find for a question, and what is known of every candidate, whichever found it.

The words are searched while the question is embedded, and what they found is looked up while Chroma, in a process of
its own, searches the vectors; onnxruntime and tantivy leave the interpreter to other threads. All that is looked up is
of one moment of the catalog, so a page that is being replaced is never there twice.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from rag.index.catalog import Catalog, Moment, StoredChunk
from rag.index.fusion import Phrasing, Scores
from rag.index.nearest import similarities
from rag.vocabulary import Filter

_AT_ONCE = 32
"""Searches at a time, of either index; more wait."""

Found = dict[str, float]
Worded = tuple[Found, dict[str, float]]
"""What the words found, and the terms they were searched by, with their rarities."""


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


@dataclass(frozen=True)
class Asked:
    """A question whose words are being searched, while it is embedded.

    Attributes:
        count: candidates wanted of each index for each phrasing.
        words: what comes of each phrasing.
    """

    phrasings: Sequence[str]
    count: int
    filter: Filter | None
    words: Sequence[Future[Worded]]


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
        self._pool = ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="search")

    def ask(self, phrasings: Sequence[str], count: int, filter: Filter | None) -> Asked:
        """Begins with the words, which need no vectors."""
        words = [self._pool.submit(self._worded, text, count, filter) for text in phrasings]
        return Asked(phrasings, count, filter, words)

    def of(self, asked: Asked, vectors: Sequence[Sequence[float]]) -> tuple[list[Phrasing], list[StoredChunk]]:
        """Every phrasing with both scores of each candidate, and the candidates.

        Args:
            vectors: of the phrasings.
        """
        searches = [self._pool.submit(self._vectors.search, vector, asked.count, asked.filter) for vector in vectors]
        worded = [words.result() for words in asked.words]
        words = [found for found, _ in worded]
        with self._catalog.moment() as moment:
            stored = moment.load_chunks(_union(words))
            compared = self._compared(moment, vectors, stored)
            dense = [dict(search.result()) for search in searches]
            scored = self._scored(asked.phrasings, words, dense)
            stored |= moment.load_chunks(chunk_id for chunk_id in _union(dense) if chunk_id not in stored)
            if len(dense) > 1:  # what one phrasing found, the others must be compared with
                rest = self._compared(moment, vectors, [chunk_id for chunk_id in stored if chunk_id not in compared[0]])
                compared = [one | other for one, other in zip(compared, rest, strict=True)]
        ids = list(stored)
        return [
            Phrasing(text, rarities, _in_order(known | near, ids), _in_order(found | others.result(), ids))
            for text, known, near, (found, rarities), others in zip(
                asked.phrasings, compared, dense, worded, scored, strict=True
            )
        ], list(stored.values())

    def close(self) -> None:
        """Starts no more searches."""
        self._pool.shutdown(wait=False, cancel_futures=True)

    def _worded(self, text: str, count: int, filter: Filter | None) -> Worded:
        return dict(self._words.search(text, count, filter)), self._words.rarities(text)

    def _compared(self, moment: Moment, vectors: Sequence[Sequence[float]], ids: Iterable[str]) -> list[Found]:
        """Cosine similarity of each of `vectors` to each of `ids`, whose vectors the catalog has."""
        kept = moment.vectors(ids, self._model)
        blobs = list(kept.values())
        return [dict(zip(kept, similarities(blobs, vector).tolist(), strict=True)) for vector in vectors]

    def _scored(self, phrasings: Sequence[str], words: Sequence[Found], dense: Sequence[Found]) -> list[Future[Found]]:
        """BM25 of what only the vectors or another phrasing found, while it is looked up."""
        every = _union([*words, *dense])
        return [
            self._pool.submit(self._words.scores, text, [chunk_id for chunk_id in every if chunk_id not in found])
            for text, found in zip(phrasings, words, strict=True)
        ]


def _in_order(scores: Found, ids: Sequence[str]) -> Scores:
    return np.array([scores.get(chunk_id, 0.0) for chunk_id in ids])


def _union(found: Iterable[Found]) -> dict[str, None]:
    return {chunk_id: None for some in found for chunk_id in some}
