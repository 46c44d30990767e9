"""Rebuild: make both indexes anew from the catalog, with no fetch, and no embedding unless the model has changed.

The new vectors go into a collection beside the one in use, and one write to the catalog hands the readers over. The
words index is filled anew inside one commit. Until then searches are answered from the old ones; a rebuild that is
killed leaves these in force, and its remains are cleared away by the next writer.
"""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.metadata import entry_points
from pathlib import Path

from rag.errors import IndexMismatch, IndexUnavailable
from rag.index.catalog import Catalog
from rag.index.changes import CatalogChanges, new_generation_name
from rag.index.check import Progress
from rag.index.embedding import packed, unpacked
from rag.index.parts import IndexParts, catalog_path, words_folder, writer_lock
from rag.index.pending import fill_words
from rag.index.rows import Identity
from rag.index.vectors import VectorIndex
from rag.index.words import WordIndex
from rag.index.writer import IndexWriter
from rag.models.embeddings import EmbeddingModel
from rag.settings import Settings
from rag.vocabulary import Chunk, Page

_TEXTS_AT_ONCE = 256
_CHUNKERS = "footnote.chunker"


@dataclass(frozen=True)
class Chunker:
    """Cuts pages into chunks, and its version. Given to `rebuild`, it cuts pages anew that an older one had cut."""

    version: int
    chunk: Callable[[Page], Sequence[Chunk]]


def installed_chunker(embeddings: EmbeddingModel) -> Chunker | None:
    """The chunker that ingestion uses; None where only the answering half is installed.

    It is found by its entry point, as this side must not import the ingesting one.
    """
    for entry in entry_points(group=_CHUNKERS):
        chunker: Chunker = entry.load()(embeddings)
        return chunker
    return None


@dataclass(frozen=True, slots=True)
class Rebuilt:
    """What a rebuild did.

    Attributes:
        embedded: texts that had to be embedded, because the model is another or their vectors were lost.
        rechunked: pages that were cut anew.
    """

    pages: int
    chunks: int
    embedded: int
    rechunked: int = 0


def rebuild(
    settings: Settings,
    embeddings: EmbeddingModel,
    progress: Progress | None = None,
    *,
    chunker: Chunker | None = None,
) -> Rebuilt:
    """Makes both indexes anew.

    Raises:
        Conflict: a writer is at work.
        StorageError: the catalog cannot be read, or the disk is full.
        IndexUnavailable: Chroma does not answer.
        ModelError: the embedding model fails.
    """
    tell = progress or (lambda step, done, total: None)
    with writer_lock(settings.data_dir, "rebuilding"):
        parts = IndexParts(
            catalog := Catalog(catalog_path(settings.data_dir)),
            VectorIndex.open(settings, catalog),
            _words(words_folder(settings.data_dir), catalog, tell),
        )
        try:
            done = _rebuild(parts, embeddings, chunker, tell)
        finally:
            parts.close()
    if chunker is not None and done.rechunked:
        return _rechunk(settings, embeddings, chunker, done, tell)
    return done


def _rebuild(parts: IndexParts, embeddings: EmbeddingModel, chunker: Chunker | None, tell: Progress) -> Rebuilt:
    catalog, changes = parts.catalog, CatalogChanges(parts.catalog)
    known = catalog.identity()
    version = known.chunker_version if known else 1
    embedded = _embed(catalog, embeddings, tell)
    identity = Identity(embeddings.name, embeddings.dimension, version)
    pending = catalog.pending()
    generation = new_generation_name()
    with contextlib.closing(_beside(parts.vectors, generation, identity)) as fresh:
        _fill(fresh, catalog, embeddings.name, tell)
    changes.new_generation(generation, identity if known else None)
    changes.settle(pending)
    parts.vectors.tidy()
    changes.forget_vectors()
    changes.forget_other_models(embeddings.name)
    counts = catalog.counts()
    stale = chunker is not None and known is not None and chunker.version != version
    return Rebuilt(counts.pages, counts.chunks, embedded, counts.pages if stale else 0)


def _embed(catalog: Catalog, embeddings: EmbeddingModel, tell: Progress) -> int:
    """Embeds the texts that have no vector of this model, or one of a wrong length."""
    changes = CatalogChanges(catalog)
    done, total = 0, catalog.count_unembedded(embeddings.name, embeddings.dimension)
    while texts := catalog.unembedded(embeddings.name, embeddings.dimension, _TEXTS_AT_ONCE):
        vectors = embeddings.model.embed_documents(list(texts.values()))
        if any(len(vector) != embeddings.dimension for vector in vectors):
            raise IndexMismatch(
                f"The embedding model {embeddings.name!r} sent vectors that have not {embeddings.dimension} numbers.",
                "Check that RAG_EMBEDDINGS names the model you mean.",
            )
        made = {key: packed(vector) for key, vector in zip(texts, vectors, strict=True)}
        changes.add_vectors(made, embeddings.name)
        done += len(texts)
        tell("embedding", done, max(done, total))
    return done


def _beside(vectors: VectorIndex, generation: str, identity: Identity) -> VectorIndex:
    """A new collection; when our own server's store is beyond repair, in a new store."""
    try:
        return vectors.replacement(generation, identity)
    except IndexUnavailable:
        if vectors.server is None:
            raise
        vectors.server.discard_store()
        return vectors.replacement(generation, identity)


def _fill(fresh: VectorIndex, catalog: Catalog, model: str, tell: Progress) -> None:
    done, total = 0, catalog.counts().chunks
    for group in catalog.embedded_chunks(model):
        whole = [(chunk, unpacked(vector)) for chunk, vector in group if vector is not None]
        fresh.add([chunk for chunk, _ in whole], [vector for _, vector in whole])
        done += len(group)
        tell("vectors", done, max(done, total))


def _words(folder: Path, catalog: Catalog, tell: Progress) -> WordIndex:
    """The words index, filled anew: in place when it can be, else in another folder that takes its place."""
    try:
        words = WordIndex(folder)
        _fill_words(words, catalog, tell)
    except (IndexMismatch, IndexUnavailable):
        fresh = folder.with_name(f"{folder.name}-next")
        shutil.rmtree(fresh, ignore_errors=True)
        _fill_words(WordIndex(fresh), catalog, tell)
        shutil.rmtree(folder, ignore_errors=True)
        fresh.replace(folder)
        return WordIndex(folder)
    return words


def _fill_words(words: WordIndex, catalog: Catalog, tell: Progress) -> None:
    total = catalog.counts().chunks
    fill_words(words, catalog, lambda done: tell("words", done, max(done, total)))


def _rechunk(
    settings: Settings, embeddings: EmbeddingModel, chunker: Chunker, done: Rebuilt, tell: Progress
) -> Rebuilt:
    """Cuts the stored pages anew, page by page, as an ingestion that fetches nothing would."""
    parts = IndexParts.open(settings)
    try:
        lock = writer_lock(settings.data_dir, "rebuilding")
        embedded = done.embedded
        known = parts.catalog.identity()
        old = known.chunker_version if known else chunker.version  # changed last: a rebuild that is killed begins again
        with IndexWriter(
            parts.catalog, parts.vectors, parts.words, embeddings, lock=lock, chunker_version=old
        ) as writer:
            for number, row in enumerate(list(parts.catalog.pages()), 1):
                page = parts.catalog.page(row.url)
                if page is not None:
                    embedded += sum(change.embedded for change in writer.write([(page, chunker.chunk(page))]))
                tell("chunking", number, done.pages)
            CatalogChanges(parts.catalog).set_identity(Identity(embeddings.name, embeddings.dimension, chunker.version))
        counts = parts.catalog.counts()
        return Rebuilt(counts.pages, counts.chunks, embedded, done.rechunked)
    finally:
        parts.close()
