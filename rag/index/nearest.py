"""Exact similarity to vectors of the catalog: for the few chunks that a narrow filter lets through, and for those that
only the words have found."""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING

from rag.errors import IndexMismatch

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

Hits = Callable[[], list[tuple[str, float]]]
"""Waits for the hits of a search that has begun: (chunk id, cosine similarity clipped to 0…1), best first. To be called
once."""


def nearest(groups: Iterable[Sequence[tuple[str, bytes]]], vector: Sequence[float], k: int) -> list[tuple[str, float]]:
    """The `k` best (chunk id, cosine similarity clipped to 0…1) of (id, float32 vector) pairs, best first.

    Raises:
        IndexMismatch: the stored vectors have another dimension.
    """
    import numpy as np

    best: list[tuple[str, float]] = []
    for group in groups:
        scores = similarities([blob for _, blob in group], vector)
        top = np.argpartition(-scores, k - 1)[:k] if k < len(group) else range(len(group))
        found = ((group[place][0], float(scores[place])) for place in top)
        best = heapq.nsmallest(k, [*best, *found], key=lambda hit: (-hit[1], hit[0]))
    return best


def similarities(vectors: Sequence[bytes], vector: Sequence[float]) -> NDArray[np.float32]:
    """Cosine similarity, clipped to 0…1, of `vector` to each of `vectors`, which are float32 of any length.

    Raises:
        IndexMismatch: they have another dimension.
    """
    import numpy as np

    wanted = np.asarray(vector, np.float32)
    wanted = wanted / (np.linalg.norm(wanted) or 1.0)
    stored = np.frombuffer(b"".join(vectors), np.float32)
    if stored.size != len(vectors) * wanted.size:
        raise IndexMismatch(
            f"The stored vectors do not have {wanted.size} dimensions.",
            "Set RAG_EMBEDDINGS back, or run `footnote rebuild`.",
        )
    rows = stored.reshape(len(vectors), wanted.size)
    lengths = np.sqrt(np.vecdot(rows, rows))
    # Not a matrix product: that one wakes threads, and waits for them on a busy machine.
    cosines: NDArray[np.float32] = np.vecdot(rows, wanted) / np.where(lengths > 0, lengths, 1.0)
    return np.clip(cosines, 0.0, 1.0)
