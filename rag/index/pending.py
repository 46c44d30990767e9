"""What a killed writer left is made good: each pending chunk becomes in the indexes what the catalog says of it.

In force, it is added again; not in force, it is deleted. Chroma is told only what it has wrong. tantivy goes on
counting deleted chunks in the statistics that scores are made of, and guesses the lengths of texts where it merges what
was deleted; so where it has any pending chunk, the words index is filled anew, unless it is so large that nobody would
see the difference.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Protocol

from rag.index.catalog import Catalog
from rag.index.changes import CatalogChanges
from rag.index.embedding import unpacked
from rag.index.locks import WriterLock
from rag.index.vectors import VectorIndex
from rag.vocabulary import Chunk

_AT_ONCE = 200
_SAME_VECTOR = 1e-4
_FILLED_ANEW = 50_000
"""Chunks in force, at most: some five seconds. A batch that was cut short is less than a hundredth of more."""


class Words(Protocol):
    """What a writer needs of the words index."""

    def add(self, chunks: Sequence[Chunk]) -> None: ...
    def delete(self, ids: Sequence[str]) -> None: ...
    def clear(self) -> None: ...
    def commit(self) -> None: ...
    def close(self) -> None: ...
    def has_any(self, ids: Sequence[str]) -> bool: ...


def recover(catalog: Catalog, vectors: VectorIndex, words: Words) -> int:
    """Makes the indexes agree with the catalog about every pending chunk; for the holder of the writer lock.

    Returns:
        How many chunks were pending.
    """
    vectors.tidy()
    changes = CatalogChanges(catalog)
    pending = catalog.pending()
    anew = words.has_any(pending) and catalog.count_chunks() <= _FILLED_ANEW
    if anew:
        fill_words(words, catalog)
    for first in range(0, len(pending), _AT_ONCE):
        ids = pending[first : first + _AT_ONCE]
        in_force = catalog.embedded_by_id(ids)
        gone = [chunk_id for chunk_id in ids if chunk_id not in in_force]
        vectors.delete(gone)
        _restore_vectors(in_force, vectors)
        if not anew:
            words.delete(gone)
            words.add([chunk for chunk, _ in in_force.values()])
            words.commit()
        changes.settle(ids)
    return len(pending)


def recover_if_idle(catalog: Catalog, vectors: VectorIndex, words: Words, lock: WriterLock) -> int:
    """`recover`, unless a writer is at work, which then has done it."""
    if not lock.try_take():
        return 0
    try:
        return recover(catalog, vectors, words)
    finally:
        words.close()
        lock.drop()


def fill_words(words: Words, catalog: Catalog, done: Callable[[int], None] = lambda chunks: None) -> None:
    """Fills the words index anew, inside one commit; `done` hears how many chunks are in."""
    count = 0
    words.clear()
    for group in catalog.embedded_chunks(""):
        words.add([chunk for chunk, _ in group])
        count += len(group)
        done(count)
    words.commit()


def _restore_vectors(in_force: dict[str, tuple[Chunk, bytes | None]], vectors: VectorIndex) -> None:
    """Adds what Chroma lacks or has otherwise; each needless replacement would loosen its graph."""
    stored = vectors.stored(list(in_force))
    wrong = {
        chunk: unpacked(vector)
        for chunk, vector in in_force.values()
        if vector is not None and not _same(stored.get(chunk.id), unpacked(vector))
    }
    if wrong:
        vectors.add(list(wrong), list(wrong.values()))


def _same(one: Sequence[float] | None, other: Sequence[float]) -> bool:
    return one is not None and len(one) == len(other) and math.dist(one, other) < _SAME_VECTOR
