"""Exact nearest neighbours in a small index: every vector is compared, from a copy of the catalog's in memory.

Chroma's graph is approximate. Of the sixty nearest chunks it misses some, one in a hundred or one in ten as the vectors
are, and which ones depends on the order in which they were added and on when Chroma was last started. So two indexes
of the same pages could answer differently. As long as the vectors are few, comparing all takes less time than a call.
"""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from rag.errors import IndexMismatch
from rag.index.candidates import Vectors
from rag.index.catalog import Catalog
from rag.index.nearest import Hits
from rag.vocabulary import Filter

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Rows = NDArray[np.float32]

MOST_BYTES = 32_000_000
"""Of vectors: some 20,000 of 384 numbers, which are compared in a millisecond."""

Key = tuple[str, bytes]
"""A chunk's id and the hash of its text."""
Revision = tuple[str, str]
"""Generation of the catalog, in which a key never changes its vector, and a count of the changes in it."""


class SureVectors:
    """The vectors index, sure of its answers as long as it is small.

    Chroma is asked in any case: that it does not answer must be known before the index has outgrown the comparison.
    """

    def __init__(self, vectors: Vectors, exact: ExactSearch) -> None:
        self._vectors = vectors
        self._exact = exact

    def search(self, vector: Sequence[float], k: int, filter: Filter | None = None) -> list[tuple[str, float]]:
        """The `k` nearest (chunk id, cosine similarity clipped to 0…1), best first."""
        return self.ask(vector, k, filter)()

    def ask(self, vector: Sequence[float], k: int, filter: Filter | None = None) -> Hits:
        """Begins a search; all vectors are compared while Chroma searches."""
        asked = self._vectors.ask(vector, k, filter)
        if filter or k < 1:
            return asked

        def hits() -> list[tuple[str, float]]:
            sure = self._exact.nearest(vector, k)
            found = asked()
            return found if sure is None else sure

        return hits

    def close(self) -> None:
        self._vectors.close()


@dataclass(frozen=True, slots=True)
class _Copy:
    """The vectors of one revision of the catalog, each of length 1; `keys` name the rows. None: they are too many."""

    revision: Revision | None
    keys: Sequence[Key]
    rows: Rows | None


class ExactSearch:
    """Compares a vector with all of the catalog's. Safe to use from several threads.

    Args:
        most_bytes: of vectors; an index with more is not copied.
    """

    def __init__(self, catalog: Catalog, most_bytes: int = MOST_BYTES) -> None:
        self._catalog = catalog
        self._most_bytes = most_bytes
        self._lock = threading.Lock()
        self._copy = _Copy(None, (), None)

    def nearest(self, vector: Sequence[float], k: int) -> list[tuple[str, float]] | None:
        """The `k` nearest (chunk id, cosine similarity clipped to 0…1), best first; None when the index is too large.

        Raises:
            IndexMismatch: the stored vectors have another dimension.
            StorageError: the catalog cannot be read.
        """
        import numpy as np

        copy = self._current()
        if copy.rows is None:
            return None
        if copy.keys and copy.rows.shape[1] != len(vector):
            raise IndexMismatch(
                f"The stored vectors do not have {len(vector)} dimensions.",
                "Set RAG_EMBEDDINGS back, or run `footnote rebuild`.",
            )
        if not copy.keys:
            return []
        # Not a matrix product: that one waits for its threads, 25 ms instead of 1 on a busy machine.
        scores = np.clip(np.vecdot(copy.rows, _unit(np.asarray([vector], np.float32))[0]), 0.0, 1.0)
        found = [(copy.keys[place][0], float(scores[place])) for place in _best(scores, k)]
        return sorted(found, key=lambda hit: (-hit[1], hit[0]))[:k]

    def _current(self) -> _Copy:
        with self._lock:
            with self._catalog.database.read() as connection:
                revision = _revision(connection)
            if revision != self._copy.revision:
                self._copy = self._renewed(self._copy)
            return self._copy

    def _renewed(self, old: _Copy) -> _Copy:
        """The copy of what is in force now; of the vectors only those are read that are new."""
        with self._catalog.database.snapshot() as connection:
            revision = _revision(connection)
            if self._is_too_large(connection):
                return _Copy(revision, (), None)
            keys: list[Key] = connection.execute("SELECT id, hash FROM chunks").fetchall()
            known = old.revision is not None and old.revision[0] == revision[0]
            places = {key: place for place, key in enumerate(old.keys)} if known else {}
            fresh = dict(_vectors(connection, [key for key in keys if key not in places]))
        return _Copy(revision, *_joined(keys, fresh, places, old.rows))

    def _is_too_large(self, connection: sqlite3.Connection) -> bool:
        sql = """
            SELECT coalesce(sum(chunks), 0) * (SELECT coalesce(max(value), 0) * 4 FROM meta WHERE key = 'dimension')
            FROM pages
        """
        return int(connection.execute(sql).fetchone()[0]) > self._most_bytes


def _revision(connection: sqlite3.Connection) -> Revision:
    rows = connection.execute("SELECT key, value FROM meta WHERE key IN ('generation', 'revision')")
    values = dict(rows.fetchall())
    return values["generation"], values.get("revision", "0")


def _vectors(connection: sqlite3.Connection, keys: Sequence[Key]) -> Iterator[tuple[bytes, bytes]]:
    sql = """
        SELECT hash, vector FROM vectors
        WHERE hash = ? AND model = (SELECT value FROM meta WHERE key = 'embeddings')
    """
    for _, key in keys:
        yield from connection.execute(sql, (key,))


def _joined(
    keys: Sequence[Key], fresh: dict[bytes, bytes], places: dict[Key, int], known: Rows | None
) -> tuple[list[Key], Rows]:
    """The rows of `keys`, from what was known and what was read; keys without a vector are left out."""
    import numpy as np

    kept = [key for key in keys if key in places]
    added = [key for key in keys if key not in places and key[1] in fresh]
    read = np.frombuffer(b"".join(fresh[text] for _, text in added), np.float32)
    new = _unit(read.reshape(len(added), -1)) if added else None
    old = known[[places[key] for key in kept]] if kept and known is not None else None
    parts = [part for part in (old, new) if part is not None]
    return [*kept, *added], np.concatenate(parts) if parts else np.empty((0, 0), np.float32)


def _unit(rows: Rows) -> Rows:
    import numpy as np

    lengths = np.linalg.norm(rows, axis=1, keepdims=True)
    return np.divide(rows, np.where(lengths > 0, lengths, 1.0), dtype=np.float32)


def _best(scores: Rows, k: int) -> Sequence[int]:
    """Where the `k` highest are, and all that equal the last of them: ids decide among those."""
    import numpy as np

    if k >= len(scores):
        return range(len(scores))
    least = np.partition(scores, len(scores) - k)[len(scores) - k]
    return [int(place) for place in np.nonzero(scores >= least)[0]]
