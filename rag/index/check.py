"""Verify: find every disagreement between the catalog, Chroma and the words index, and every dead index.

An index can lose its graph and still count right, so it is asked real questions: all of a small index must come back
from one query as large as it; in a large one, a sample of the stored vectors must find themselves. Chroma is a process
of its own, so a question that crashes it is a finding here and no crash.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from rag.errors import FootnoteError
from rag.index.catalog import Catalog
from rag.index.embedding import unpacked
from rag.index.parts import IndexParts, writer_lock
from rag.index.pending import recover_if_idle
from rag.index.rows import Identity
from rag.index.vectors import VectorIndex
from rag.index.words import WordIndex
from rag.settings import Settings
from rag.text.tokens import content_terms

Progress = Callable[[str, int, int], None]
"""Called with the step's name, what is done and what there is to do."""

REBUILD = "Run `footnote rebuild`; nothing is fetched or embedded again."
_WHOLE_QUERY = 5_000
_SAMPLE = 300
_SAME = 0.999
_APPROXIMATE = 0.01
"""Share of chunks that an approximate index may miss."""
_SHOWN = 3
_FLOAT_BYTES = 4


@dataclass(frozen=True)
class Report:
    """What `verify` found.

    Attributes:
        problems: one line each, ending in the cure; empty when all is well.
        counts: pages, chunks, vectors, vectors_indexed, words_indexed; unreachable: chunks that Chroma's approximate
            graph misses; recovered: chunks that a killed writer left unsettled and that were made good.
    """

    problems: tuple[str, ...]
    counts: dict[str, int] = field(default_factory=dict)

    @property
    def ok(self) -> bool:
        return not self.problems


def verify(settings: Settings, progress: Progress | None = None) -> Report:
    """Checks the data folder, after making good what a killed writer left. Safe beside readers and a writer."""
    try:
        parts = IndexParts.open(settings)
    except FootnoteError as error:
        return Report((str(error),))
    try:
        lock = writer_lock(settings.data_dir, "verifying")
        recovered, problems = 0, []
        try:
            recovered = recover_if_idle(parts.catalog, parts.vectors, parts.words, lock)
        except FootnoteError as error:
            problems.append(str(error))
        report = verify_parts(parts, progress)
        return Report((*dict.fromkeys((*problems, *report.problems)),), {**report.counts, "recovered": recovered})
    finally:
        parts.close()


def verify_parts(parts: IndexParts, progress: Progress | None = None) -> Report:
    """Checks three open parts against each other, changing nothing."""
    tell = progress or (lambda step, done, total: None)
    census = _Census()
    steps: tuple[tuple[str, Callable[[], Iterator[str]]], ...] = (
        ("catalog", lambda: _catalog_problems(parts.catalog)),
        ("ids", lambda: _id_problems(parts, census)),
        ("vectors", lambda: _probe_problems(parts, census)),
        ("words", lambda: _word_problems(parts.catalog, parts.words, census.settled("the words index"))),
    )
    problems: list[str] = []
    for number, (name, step) in enumerate(steps, 1):
        try:
            problems += step()
        except FootnoteError as error:
            problems.append(str(error))
        tell(name, number, len(steps))
    return Report(tuple(dict.fromkeys(problems)), census.counts)


@dataclass
class _Census:
    """Which chunks are where.

    Attributes:
        unsettled: what changed while they were counted, or is noted as pending: no disagreement.
    """

    counts: dict[str, int] = field(default_factory=dict)

    in_force: set[str] = field(default_factory=set)
    unsettled: set[str] = field(default_factory=set)
    indexed: dict[str, set[str]] = field(default_factory=lambda: {"Chroma": set(), "the words index": set()})

    def settled(self, index: str) -> list[str]:
        """Ids that both the catalog and that index have."""
        return sorted(self.in_force & self.indexed[index] - self.unsettled)


def _catalog_problems(catalog: Catalog) -> Iterator[str]:
    for fault in catalog.integrity():
        yield f"The catalog is damaged ({fault}). Restore it from a backup, or delete it and ingest again."
    identity = catalog.identity()
    if identity is not None:
        yield from _vector_problems(catalog, identity)
    odd = [row.url for row in catalog.pages() if not _page_is_whole(catalog, row.url, row.content_hash)]
    if odd:
        yield f"Not the same as its chunks or its hash: {_some(odd, 'page')}. Ingest it again."


def _vector_problems(catalog: Catalog, identity: Identity) -> Iterator[str]:
    missing: list[str] = []
    uneven: list[str] = []
    for group in catalog.embedded_chunks(identity.embeddings):
        missing += [chunk.id for chunk, vector in group if vector is None]
        size = identity.dimension * _FLOAT_BYTES
        uneven += [chunk.id for chunk, vector in group if vector is not None and len(vector) != size]
    if missing:
        yield f"No vector in the catalog: {_some(missing, 'chunk')}. Run `footnote rebuild` to embed them."
    if uneven:
        yield (
            f"A vector that has not {identity.dimension} dimensions: {_some(uneven, 'chunk')}. "
            "Run `footnote rebuild` to embed them again."
        )


def _page_is_whole(catalog: Catalog, url: str, content_hash: str) -> bool:
    """Whether the chunks are slices of the page; read until two readings agree, as a writer may be at it."""
    page, chunks = catalog.page(url), catalog.page_chunks(url)
    if page is None:
        return catalog.page_row(url) is None
    whole = page.content_hash == content_hash and all(page.text[c.start : c.end] == c.text for c in chunks)
    row = catalog.page_row(url)
    changed = row is None or row.content_hash != content_hash
    return changed or (whole and row is not None and row.chunks == len(chunks))


def _id_problems(parts: IndexParts, census: _Census) -> Iterator[str]:
    catalog = parts.catalog
    before, unsettled = catalog.chunk_ids(), set(catalog.pending())
    census.in_force, census.counts = before, catalog.counts()._asdict()
    census.indexed["the words index"] = set(parts.words.ids())
    census.counts["words_indexed"] = len(census.indexed["the words index"])
    census.indexed["Chroma"] = set(parts.vectors.ids())
    census.counts["vectors_indexed"] = len(census.indexed["Chroma"])
    after = catalog.chunk_ids()
    census.unsettled = unsettled = unsettled | set(catalog.pending()) | (before ^ after)
    for name, ids in census.indexed.items():
        if missing := before - ids - unsettled:
            yield f"Missing in {name}: {_some(missing, 'chunk')}. {REBUILD}"
        if extra := ids - after - unsettled:
            yield f"In {name} and not in the catalog: {_some(extra, 'chunk')}. {REBUILD}"


def _probe_problems(parts: IndexParts, census: _Census) -> Iterator[str]:
    """Asks Chroma for what it must find.

    Its graph is approximate: after many deletions about one chunk in 10,000 cannot be reached, another one after every
    start of the server (measured). So few as that are counted; more are a problem.
    """
    catalog, vectors, ids = parts.catalog, parts.vectors, census.settled("Chroma")
    if not ids:
        return
    if len(ids) > _WHOLE_QUERY:
        suspects = random.sample(ids, _SAMPLE)
    else:
        probe = next(iter(_stored(catalog, ids[:1]).values()), None)
        found = {chunk_id for chunk_id, _ in vectors.search(probe, vectors.count())} if probe else set()
        suspects = [chunk_id for chunk_id in ids if chunk_id not in found]
    lost = [
        chunk_id
        for chunk_id, vector in _stored(catalog, suspects).items()
        if not _finds_itself(vectors, chunk_id, vector) and catalog.load_chunks([chunk_id])
    ]
    census.counts["unreachable"] = len(lost)
    if len(lost) > max(1, len(suspects if len(ids) > _WHOLE_QUERY else ids) * _APPROXIMATE):
        yield f"Chroma is dead or damaged, not found by its own vector: {_some(lost, 'chunk')}. {REBUILD}"


def _finds_itself(vectors: VectorIndex, chunk_id: str, vector: Sequence[float]) -> bool:
    hits = vectors.search(vector, 10)
    return any(found == chunk_id or score >= _SAME for found, score in hits[:1]) or chunk_id in dict(hits)


def _word_problems(catalog: Catalog, words: WordIndex, ids: Sequence[str]) -> Iterator[str]:
    """Asks the words index for a sample of chunks by their own first words."""
    sample = random.sample(ids, min(_SAMPLE, len(ids)))
    lost = [
        stored.chunk.id
        for stored in catalog.load_chunks(sample).values()
        if content_terms(stored.chunk.text[:200])
        and not words.scores(stored.chunk.text[:200], [stored.chunk.id]).get(stored.chunk.id)
    ]
    if lost:
        yield f"The words index is damaged, not found by its own words: {_some(lost, 'chunk')}. {REBUILD}"


def _stored(catalog: Catalog, ids: Sequence[str]) -> dict[str, Sequence[float]]:
    found = catalog.embedded_by_id(ids)
    return {chunk_id: unpacked(vector) for chunk_id, (_, vector) in found.items() if vector is not None}


def _some(items: Sequence[str] | set[str], noun: str) -> str:
    """`3 chunks ('a', 'b', 'c')`, or fewer names than there are."""
    shown = ", ".join(map(repr, sorted(items)[:_SHOWN]))
    return f"{len(items)} {noun}{'s' if len(items) > 1 else ''} ({shown}{', …' if len(items) > _SHOWN else ''})"
