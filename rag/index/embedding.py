"""The vectors of texts, for a writer: those that the catalog keeps, and those that the model has to make.

Texts may be embedded ahead, in another thread, while the pages before theirs are written: the model then need not wait
for the disk and for Chroma.
"""

from __future__ import annotations

import math
from array import array
from collections.abc import Iterable, Iterator, Mapping, Sequence

from rag.errors import ModelStreamBroken
from rag.index.catalog import Catalog
from rag.index.rows import text_hash
from rag.models.embeddings import EmbeddingModel
from rag.vocabulary import Chunk


class TextVectors:
    """Vectors by the hash of their text, as float32 in machine order.

    `make` may be called from one thread while another calls `of` and `kept`.

    Args:
        catalog: keeps the vectors of texts that were embedded before.
        embeddings: makes the others.
    """

    def __init__(self, catalog: Catalog, embeddings: EmbeddingModel) -> None:
        self._catalog = catalog
        self._embeddings = embeddings
        self._ahead: dict[bytes, bytes] = {}

    def make(self, chunks: Iterable[Chunk]) -> None:
        """Embeds ahead what `of` will be asked for.

        Raises:
            ModelError: the model fails.
        """
        texts = {key: text for key, text in hashed(chunks) if key not in self._ahead}
        known = self._catalog.vectors(list(texts), self._embeddings.name)
        self._ahead |= self._made({key: text for key, text in texts.items() if key not in known})

    def of(self, texts: Mapping[bytes, str]) -> tuple[dict[bytes, bytes], dict[bytes, bytes]]:
        """All vectors of `texts`, and those among them that the catalog does not keep yet.

        Raises:
            ModelError: the model fails.
        """
        fresh = {key: vector for key in texts if (vector := self._ahead.get(key)) is not None}
        vectors = fresh | self._catalog.vectors([key for key in texts if key not in fresh], self._embeddings.name)
        fresh |= self._made({key: text for key, text in texts.items() if key not in vectors})
        return vectors | fresh, fresh

    def kept(self, texts: Iterable[bytes]) -> None:
        """Lets go of what was embedded ahead: the catalog keeps it now."""
        for key in texts:
            self._ahead.pop(key, None)

    def _made(self, texts: Mapping[bytes, str]) -> dict[bytes, bytes]:
        if not texts:
            return {}
        made = self._embeddings.model.embed_documents(list(texts.values()))
        self._check(made, len(texts))
        return {key: packed(vector) for key, vector in zip(texts, made, strict=True)}

    def _check(self, vectors: Sequence[Sequence[float]], count: int) -> None:
        sizes = {len(vector) for vector in vectors}
        finite = all(math.isfinite(sum(vector)) for vector in vectors)
        if len(vectors) != count or len(sizes) != 1 or not finite:
            raise ModelStreamBroken(
                f"The embedding model {self._embeddings.name!r} sent vectors that cannot be used "
                f"({len(vectors)} for {count} texts, of {sorted(sizes)} numbers).",
                "Check that it is an embedding model.",
            )


def hashed(chunks: Iterable[Chunk]) -> Iterator[tuple[bytes, str]]:
    """What is embedded of each chunk, with its hash."""
    for chunk in chunks:
        text = chunk.embedded_text
        yield text_hash(text), text


def unpacked(vector: bytes) -> Sequence[float]:
    """A stored vector as numbers."""
    return array("f", vector).tolist()


def packed(vector: Sequence[float]) -> bytes:
    """The inverse of `unpacked`: float32 in machine order."""
    return array("f", vector).tobytes()


def dimension(vector: bytes) -> int:
    """How many numbers a stored vector has."""
    return len(vector) // array("f").itemsize
