"""Writes pages into the catalog and both indexes, so that readers and kill -9 never meet a page half replaced.

A batch of pages goes in by these steps; `pending` is a list of chunk ids in the catalog, "the indexes may differ here":

    1. embed the texts whose vectors are not known yet, unless `embed` has done so ahead
    2. catalog, one transaction: keep the vectors; put what will be added, changed and removed on `pending`
    3. Chroma and tantivy, beside each other: add the new chunks
    4. catalog, one transaction: put the pages in force with their new chunks; take these off `pending`
    5. Chroma and tantivy: delete the chunks that went out of force; take them off `pending`

Searches show only what the catalog has in force, so between any two steps readers see all of the old page or all of
the new one. After a kill at any point, `recover` (`rag/index/pending.py`) makes each pending chunk in the indexes what
the catalog says. Step 2 keeps the vectors first, so that little is embedded twice.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from types import TracebackType
from typing import Self

from rag.index.catalog import Catalog
from rag.index.changes import CatalogChanges, Pages, check_pages
from rag.index.embedding import TextVectors, dimension, hashed, unpacked
from rag.index.locks import WriterLock
from rag.index.pending import Words, recover
from rag.index.rows import Identity, PageState, text_hash
from rag.index.vectors import VectorIndex
from rag.models.embeddings import EmbeddingModel
from rag.vocabulary import Chunk, Page

CHUNKS_PER_BATCH = 400
"""Pages are put in force in batches of about so many chunks: one commit of each index, some seconds of embedding."""


@dataclass(frozen=True, slots=True)
class PageChange:
    """What writing a page changed: chunks added, kept and removed, and texts that had to be embedded."""

    url: str
    added: int
    kept: int
    removed: int
    embedded: int


@dataclass(frozen=True)
class _Plan:
    """The difference between a page in force and its successor.

    Attributes:
        added: chunks to put into the indexes, new or with another text for the model or the words index.
        removed: ids that go out of force.
        hashes: of the texts that `removed` leaves behind.
    """

    page: Page
    chunks: tuple[Chunk, ...]
    added: tuple[Chunk, ...]
    new: int
    removed: tuple[str, ...]
    hashes: frozenset[bytes]


class IndexWriter:
    """The one writer of a data folder. A context manager; closing it lets others write.

    Raises (every method):
        StorageError: the disk is full or read-only.
        IndexUnavailable: Chroma or the words index fails; pages of the batch at hand stay as they were.
        ModelError: the embedding model fails; likewise.
    """

    def __init__(
        self,
        catalog: Catalog,
        vectors: VectorIndex,
        words: Words,
        embeddings: EmbeddingModel,
        *,
        lock: WriterLock,
        chunker_version: int | None = None,
    ) -> None:
        """Takes the lock and makes good what a killed writer left.

        Args:
            chunker_version: of the chunker whose chunks will be written; None for whichever made those that are there.

        Raises:
            Conflict: another writer is at work; says who, and since when.
            IndexMismatch: the data folder was written with another embedding model or chunker.
        """
        self._catalog = catalog
        self._changes = CatalogChanges(catalog)
        self._vectors = vectors
        self._words = words
        self._embeddings = embeddings
        self._texts = TextVectors(catalog, embeddings)
        self._left_behind: set[bytes] = set()
        self._failed = False
        self._tidy = False
        self._closed = False
        self._beside = ThreadPoolExecutor(1, thread_name_prefix="index-vectors")
        self._coming: Future[None] | None = None
        self._lock = lock
        lock.take()
        try:
            known = catalog.identity()
            version = known.chunker_version if known and chunker_version is None else chunker_version
            self._chunker_version = 1 if version is None else version
            catalog.check_embeddings(embeddings.name)
            if known is not None:
                self._changes.claim(Identity(embeddings.name, known.dimension, self._chunker_version))
            if catalog.pending():
                self.recover()
        except BaseException:
            lock.drop()
            raise

    def prepare(self) -> None:
        """Brings Chroma up beside other work, for pages that will come; what goes wrong the first write will say."""
        self._coming = self._coming or self._beside.submit(self._vectors.connect)

    def embed(self, pages: Pages) -> None:
        """Embeds what `write` will need for these pages. The one method for another thread than the writing one.

        It waits for what `prepare` began: Chroma's libraries and the model's, imported by two threads at once, might
        meet each other half made.
        """
        if self._coming is not None:
            wait([self._coming])
        self._texts.make(chunk for _, chunks in pages for chunk in chunks)

    def write(self, pages: Pages) -> list[PageChange]:
        """Puts pages in force, each with exactly these chunks. A page that is returned is durable and can be found.

        A page whose chunks are all known costs no embedding and no write to the indexes.

        Raises:
            InvalidRequest: chunks that are no slices of their page; nothing is written.
        """
        check_pages(pages)
        changes: list[PageChange] = []
        for batch in _batched(pages):
            if self._failed:
                self.recover()
            self._failed = True
            try:
                changes += self._write_batch(batch)
                self._failed = False
            finally:
                self._words.close()
        return changes

    def remove(self, urls: Sequence[str]) -> list[PageChange]:
        """Takes pages out of force, at once for every reader; unknown URLs are left out of the result."""
        known = {url: self._catalog.embedded_hashes(url) for url in urls}
        removed = self._changes.forget_pages(urls)
        self._left_behind.update(*(known[url] for url in removed))
        self._clear([chunk_id for ids in removed.values() for chunk_id in ids])
        return [PageChange(url, 0, 0, len(ids), 0) for url, ids in removed.items()]

    def visited(self, pages: Sequence[tuple[Page, str | None]]) -> int:
        """Notes that visits found pages unchanged: `fetched_at`, validators, dates, and the sitemap's lastmod.

        Returns:
            How many of the pages are known.
        """
        return self._changes.visited(pages)

    def set_state(self, urls: Sequence[str], state: PageState) -> None:
        """Notes what a visit found: `present`, `gone` or `unknown`. The pages go on answering."""
        self._changes.set_state(urls, state)

    def recover(self) -> int:
        """Makes the indexes agree with the catalog where a writer was killed; returns how many chunks that were."""
        count = recover(self._catalog, self._vectors, self._words)
        self._failed, self._tidy = False, True
        return count

    def _begin(self) -> None:
        """Ends a rebuild that was killed, before the first change to Chroma: what changes nothing needs no Chroma."""
        if not self._tidy:
            self._vectors.tidy()
            self._tidy = True

    def close(self) -> None:
        """Drops the vectors that this writer made useless, and lets others write. Closing twice does no harm."""
        if self._closed:
            return
        self._closed = True
        self._beside.shutdown()
        try:
            self._words.close()
            self._prune()
        finally:
            self._lock.drop()

    def _prune(self) -> None:
        """Drops the vectors that this writer made useless, and all others too when killed writers left many."""
        left_behind, self._left_behind = self._left_behind, set()
        if left_behind:
            self._changes.forget_vectors(left_behind)
        counts = self._catalog.counts()
        if counts.vectors > counts.chunks * 1.25 + 1_000:
            self._changes.forget_vectors()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _write_batch(self, pages: Pages) -> list[PageChange]:
        plans = [self._plan(page, chunks) for page, chunks in pages]
        added = [chunk for plan in plans for chunk in plan.added]
        removed = [chunk_id for plan in plans for chunk_id in plan.removed]
        if added or removed:
            self._begin()
        vectors, embedded = self._vectors_of(plans)
        added_ids = [chunk.id for chunk in added]
        if added or removed:
            fresh = {key: vectors[key] for key in embedded}
            self._changes.stage([*added_ids, *removed], fresh, self._embeddings.name)
            self._texts.kept(fresh)
        self._index(added, vectors)
        self._changes.switch([(plan.page, plan.chunks) for plan in plans], added_ids)
        self._left_behind.update(*(plan.hashes for plan in plans))
        self._clear(removed)
        counts = Counter(embedded.values())
        return [_change(plan, counts[plan.page.url]) for plan in plans]

    def _plan(self, page: Page, chunks: Sequence[Chunk]) -> _Plan:
        old = {chunk.id: chunk for chunk in self._catalog.page_chunks(page.url)}
        ids = {chunk.id for chunk in chunks}
        return _Plan(
            page,
            tuple(chunks),
            added=tuple(chunk for chunk in chunks if _differs(old.get(chunk.id), chunk)),
            new=sum(chunk.id not in old for chunk in chunks),
            removed=tuple(chunk_id for chunk_id in old if chunk_id not in ids),
            hashes=frozenset(dict(hashed(old.values()))) - dict(hashed(chunks)).keys() if old else frozenset(),
        )

    def _vectors_of(self, plans: Sequence[_Plan]) -> tuple[dict[bytes, bytes], dict[bytes, str]]:
        """Vectors of all added chunks, and which texts had to be embedded, with the page each was met on first."""
        texts = {
            text_hash(chunk.embedded_text): (chunk.embedded_text, plan.page.url)
            for plan in reversed(plans)
            for chunk in plan.added
        }
        vectors, fresh = self._texts.of({key: text for key, (text, _) in texts.items()})
        for size in {dimension(vector) for vector in fresh.values()}:  # the first ever decides for the data folder
            self._changes.claim(Identity(self._embeddings.name, size, self._chunker_version))
        return vectors, {key: texts[key][1] for key in fresh}

    def _index(self, chunks: Sequence[Chunk], vectors: dict[bytes, bytes]) -> None:
        """Adds chunks to both indexes at once: while Chroma works, this process cuts texts into words."""
        if not chunks:
            return
        known = [unpacked(vectors[text_hash(chunk.embedded_text)]) for chunk in chunks]
        adding = self._beside.submit(self._vectors.add, chunks, known)
        try:
            self._words.add(chunks)
            self._words.commit()
        finally:
            wait([adding])
        adding.result()

    def _clear(self, ids: Sequence[str]) -> None:
        if ids:
            self._begin()
            self._vectors.delete(ids)
            self._words.delete(ids)
            self._words.commit()
            self._changes.settle(ids)


def _differs(old: Chunk | None, new: Chunk) -> bool:
    """Whether the indexes have to hear of it; place on the page and anchor are the catalog's alone."""
    return old is None or _indexed(old) != _indexed(new)


def _indexed(chunk: Chunk) -> tuple[object, ...]:
    return chunk.text, chunk.title, chunk.section, chunk.language, chunk.url


def _change(plan: _Plan, embedded: int) -> PageChange:
    return PageChange(
        plan.page.url,
        added=plan.new,
        kept=len(plan.chunks) - plan.new,
        removed=len(plan.removed),
        embedded=embedded,
    )


def _batched(pages: Pages) -> Iterator[Pages]:
    """Groups of whole pages of about CHUNKS_PER_BATCH chunks, no page twice in one."""
    batch: dict[str, tuple[Page, Sequence[Chunk]]] = {}
    size = 0
    for page, chunks in pages:
        if batch and (size + len(chunks) > CHUNKS_PER_BATCH or page.url in batch):
            yield list(batch.values())
            batch, size = {}, 0
        batch[page.url] = (page, chunks)
        size += len(chunks)
    if batch:
        yield list(batch.values())
