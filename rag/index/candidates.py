"""What both indexes find for a question, and what is known of every candidate, whichever found it.

The words are searched while the question is embedded, and Chroma, in a process of its own, searches the vectors; what
one of them has found is looked up while the other searches. onnxruntime and tantivy leave the interpreter to other
threads. All that is looked up is of one moment of the catalog, so a page that is being replaced is never there twice.
Texts are looked up last, and only those that somebody reads: some thirty of a hundred and twenty.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from rag.index.catalog import Catalog
from rag.index.fusion import Phrasing, Scores
from rag.index.moment import Moment
from rag.index.nearest import Hits, similarities
from rag.index.rows import Head, StoredChunk
from rag.text.places import TermFinder
from rag.vocabulary import Filter

_AT_ONCE = 32
"""Searches of the words at a time; more wait."""

Found = dict[str, float]
Worded = tuple[Found, TermFinder]
"""What the words found, and what finds the terms they were searched by."""


class Vectors(Protocol):
    """What a search needs of the vectors index: `rag.index.vectors.VectorIndex`."""

    def ask(self, vector: Sequence[float], k: int, filter: Filter | None = None) -> Hits: ...
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

    def is_done(self) -> bool:
        """Whether all words are found."""
        return all(words.done() for words in self.words)


class Texts:
    """The candidates' chunks, each loaded when it is first wanted: `read` gives their texts.

    Args:
        heads: the candidates; they are named by their places in it.
    """

    def __init__(self, moment: Moment, heads: Sequence[Head]) -> None:
        self._moment = moment
        self._heads = heads
        self._loaded: dict[str, StoredChunk] = {}

    def read(self, places: Sequence[int]) -> list[str]:
        return [stored.chunk.text for stored in self.load(places)]

    def load(self, places: Sequence[int]) -> list[StoredChunk]:
        ids = [self._heads[place].id for place in places]
        missing = [chunk_id for chunk_id in ids if chunk_id not in self._loaded]
        if missing:
            self._loaded |= self._moment.load_chunks(missing)
        return [self._loaded[chunk_id] for chunk_id in ids]


@dataclass(frozen=True)
class Gathered:
    """The candidates, and what is known of each for every phrasing.

    Attributes:
        heads, texts: of the candidates.
        asked: the phrasings.
        nearness: cosine similarities.
        worded: what the words found.
        scored: the BM25 scores of what they did not find.
    """

    heads: Sequence[Head]
    texts: Texts
    asked: Sequence[str]
    nearness: Sequence[Found]
    worded: Sequence[Worded]
    scored: Sequence[Future[Found]]

    def guessed(self) -> list[Phrasing]:
        """The phrasings before tantivy has scored what only the vectors found: less than all that it did find."""
        return self._phrasings([found for found, _ in self.worded], 0.5)

    def phrasings(self) -> list[Phrasing]:
        """The same, when it has."""
        return self._phrasings(
            [found | rest.result() for (found, _), rest in zip(self.worded, self.scored, strict=True)]
        )

    def _phrasings(self, fit: Sequence[Found], guess: float = 0.0) -> list[Phrasing]:
        return [
            Phrasing(
                text, finder, self._in_order(near), self._in_order(found, guess * min(found.values(), default=0.0))
            )
            for text, (_, finder), near, found in zip(self.asked, self.worded, self.nearness, fit, strict=True)
        ]

    def _in_order(self, scores: Found, missing: float = 0.0) -> Scores:
        return np.array([scores.get(head.id, missing) for head in self.heads])


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

    @contextlib.contextmanager
    def of(self, asked: Asked, vectors: Sequence[Sequence[float]]) -> Iterator[Gathered]:
        """What was found; its texts can be read as long as the context lasts.

        Args:
            vectors: of the phrasings.
        """
        hits = [self._vectors.ask(vector, asked.count, asked.filter) for vector in vectors]
        with self._catalog.moment() as moment:
            known: dict[str, Head] = {}
            dense = None if asked.is_done() else _waited(hits)  # in a large index, the words are found last
            _look_up(moment, dense or [], known)
            worded = [words.result() for words in asked.words]
            words = [found for found, _ in worded]
            _look_up(moment, words, known)
            sure = dense[0] if dense is not None and len(dense) == 1 else {}
            compared = self._compared(moment, vectors, [chunk_id for chunk_id in known if chunk_id not in sure])
            if dense is None:
                dense = _waited(hits)
            scored = self._scored(asked.phrasings, words, dense)
            _look_up(moment, dense, known)
            heads = [known[chunk_id] for chunk_id in _union([*words, *dense]) if chunk_id in known]
            if len(dense) > 1:  # what one phrasing found, the others must be compared with
                rest = self._compared(moment, vectors, [head.id for head in heads if head.id not in compared[0]])
                compared = _together(compared, rest)
            texts = Texts(moment, heads)
            yield Gathered(heads, texts, asked.phrasings, _together(compared, dense), worded, scored)

    def close(self) -> None:
        """Starts no more searches."""
        self._pool.shutdown(wait=False, cancel_futures=True)

    def _worded(self, text: str, count: int, filter: Filter | None) -> Worded:
        return dict(self._words.search(text, count, filter)), TermFinder(self._words.rarities(text))

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


def _together(some: Sequence[Found], others: Sequence[Found]) -> list[Found]:
    """Both for each phrasing; where both know a candidate, the others count."""
    return [one | other for one, other in zip(some, others, strict=True)]


def _waited(hits: Sequence[Hits]) -> list[Found]:
    return [dict(wait()) for wait in hits]


def _look_up(moment: Moment, found: Sequence[Found], known: dict[str, Head]) -> None:
    """Adds the heads of what was found, of those that are not known yet."""
    missing = [chunk_id for chunk_id in _union(found) if chunk_id not in known]
    if missing:
        known |= moment.heads(missing)


def _union(found: Iterable[Found]) -> dict[str, None]:
    return {chunk_id: None for some in found for chunk_id in some}
