"""Exact nearest neighbours over a stream of vectors: for the few chunks that a narrow filter lets through."""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Sequence

from rag.errors import IndexMismatch


def nearest(groups: Iterable[Sequence[tuple[str, bytes]]], vector: Sequence[float], k: int) -> list[tuple[str, float]]:
    """The `k` best (chunk id, cosine similarity clipped to 0…1) of (id, float32 vector) pairs, best first.

    Raises:
        IndexMismatch: the stored vectors have another dimension.
    """
    import numpy as np

    wanted = np.asarray(vector, np.float32)
    wanted = wanted / (np.linalg.norm(wanted) or 1.0)
    best: list[tuple[str, float]] = []
    for group in groups:
        stored = np.frombuffer(b"".join(blob for _, blob in group), np.float32)
        if stored.size != len(group) * wanted.size:
            raise IndexMismatch(
                f"The stored vectors do not have {wanted.size} dimensions.",
                "Set RAG_EMBEDDINGS back, or run `footnote rebuild`.",
            )
        rows = stored.reshape(len(group), wanted.size)
        lengths = np.linalg.norm(rows, axis=1)
        scores = np.clip(rows @ wanted / np.where(lengths > 0, lengths, 1.0), 0.0, 1.0)
        top = np.argpartition(-scores, k - 1)[:k] if k < len(group) else range(len(group))
        found = ((group[place][0], float(scores[place])) for place in top)
        best = heapq.nsmallest(k, [*best, *found], key=lambda hit: (-hit[1], hit[0]))
    return best
