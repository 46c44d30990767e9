"""Blocks to chunks: passages of one section, short enough to embed whole and long enough to answer from.

A chunk is a slice of the page's text, so that a quote from it can be found again on the page. Chunks end where
sentences, code lines and table rows end; neighbours in a section share a sentence or two.
"""

from __future__ import annotations

import hashlib
import math
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache, partial
from typing import TYPE_CHECKING

from ingest.pieces import Piece, Section, page_sections, section_pieces
from rag.vocabulary import Chunk, Page

if TYPE_CHECKING:
    from rag.index.rebuild import Chunker
    from rag.models.embeddings import EmbeddingModel

CHUNKER_VERSION = 1
"""Recorded with an index: chunks of another version are cut, and so named, differently."""

TARGET_TOKENS = 350
OVERLAP = 0.12
_TINY = 30
_LONGEST_HEADING = 160
_CONTEXT_SHARE = 0.4
_MARGIN = 4
_LONG_TOKEN = 12
"""Characters. No text has tokens as long as that on average."""

CountTokens = Callable[[str], int]


@dataclass(frozen=True, slots=True)
class _Plan:
    """How long chunks may be, in tokens of the text that is embedded."""

    count: CountTokens
    most: int
    target: int
    overlap: float


def chunk_page(
    page: Page,
    *,
    count_tokens: CountTokens,
    max_tokens: int,
    target_tokens: int = TARGET_TOKENS,
    overlap: float = OVERLAP,
) -> list[Chunk]:
    """Cuts a page into chunks.

    Args:
        count_tokens: counts as the embedder does, without its truncation.
        max_tokens: what the embedder reads; `count_tokens(chunk.embedded_text)` never exceeds it.
        target_tokens: how long a chunk should be where its section goes on.
        overlap: at most this share of a chunk repeats the end of the one before; 0 for none.
    """
    count = lru_cache(maxsize=1_024)(count_tokens)  # headings above chunks come again and again
    plan = _Plan(count, max_tokens, min(target_tokens, max_tokens), overlap)
    seen: Counter[str] = Counter()
    chunks: list[Chunk] = []
    for section in _merged(page, page_sections(page), plan):
        for start, end, path, anchor in _section_chunks(page, section, plan):
            text = page.text[start:end]
            key = "\x1f".join((page.url, *path, "\x1e", text))
            seen[key] += 1
            chunks.append(
                Chunk(
                    id=_chunk_id(key, seen[key]),
                    url=page.url,
                    ordinal=len(chunks),
                    start=start,
                    end=end,
                    text=text,
                    title=page.title,
                    section=path,
                    anchor=anchor,
                    language=page.language,
                )
            )
    return chunks


def chunker_for(embeddings: EmbeddingModel) -> Chunker:
    """What a rebuild cuts stored pages anew with; found by the entry point `footnote.chunker`."""
    from rag.index.rebuild import Chunker

    chunk = partial(chunk_page, count_tokens=embeddings.count_tokens, max_tokens=embeddings.max_tokens)
    return Chunker(CHUNKER_VERSION, chunk)


def _chunk_id(key: str, occurrence: int) -> str:
    """The same for the same URL, section and text; the second of two equal passages gets another."""
    suffix = f"\x1e{occurrence}" if occurrence > 1 else ""
    return hashlib.sha256((key + suffix).encode("utf-8", "replace")).hexdigest()[:32]


def _merged(page: Page, sections: Sequence[Section], plan: _Plan) -> Iterator[Section]:
    """Joins sections too small to say much to the next one under the same parent."""
    held: Section | None = None
    for section in sections:
        if held is not None and _may_join(page, held, section, plan):
            held = _join(held, section)
            continue
        if held is not None:
            yield held
        held = section
    if held is not None:
        yield held


def _may_join(page: Page, first: Section, second: Section, plan: _Plan) -> bool:
    parent = first.path[:-1]
    if second.path[: len(parent)] != parent:
        return False
    texts = sorted((page.text[section.start : section.end] for section in (first, second)), key=len)
    if len(texts[0]) > _TINY * _LONG_TOKEN or len(texts[1]) > plan.target * _LONG_TOKEN:
        return False  # too long, which needs no counting
    sizes = [plan.count(text) for text in texts]
    return min(sizes) < _TINY and sum(sizes) <= plan.target * 2 // 3


def _join(first: Section, second: Section) -> Section:
    common = first.path if second.path[: len(first.path)] == first.path else first.path[:-1]
    return replace(
        first, path=common, blocks=(*first.blocks, *second.blocks), headed=first.headed or common != first.path
    )


def _section_chunks(
    page: Page, section: Section, plan: _Plan
) -> Iterator[tuple[int, int, tuple[str, ...], str | None]]:
    path = _bounded_path(page.title, section.path, plan)
    room = max(8, plan.most - plan.count(_embedded(page.title, path, "")) - _MARGIN)
    pieces = section_pieces(page, section, count=plan.count, most=min(room, plan.target))
    for group in _packed(pieces, min(room, plan.target), plan.overlap):
        yield from _fitting(page, group, path, plan)


def _embedded(title: str, path: tuple[str, ...], text: str) -> str:
    return Chunk(id="", url="", ordinal=0, start=0, end=0, text=text, title=title, section=path).embedded_text


def _bounded_path(title: str, path: tuple[str, ...], plan: _Plan) -> tuple[str, ...]:
    """The headings, shortened so that they leave room for the text they head."""
    bounded = tuple(_shortened(heading) for heading in path)
    while bounded and plan.count(_embedded(title, bounded, "")) > plan.most * _CONTEXT_SHARE:
        bounded = bounded[1:]
    return bounded


def _shortened(heading: str) -> str:
    folded = " ".join(heading.split())
    return folded if len(folded) <= _LONGEST_HEADING else f"{folded[:_LONGEST_HEADING].rstrip()}…"


def _packed(pieces: Sequence[Piece], most: int, overlap: float) -> Iterator[list[Piece]]:
    """Groups of pieces of about equal size, none above `most` tokens; each may begin with the end of the one before."""
    left = sum(piece.tokens for piece in pieces)
    chunks = 1 if left <= most else math.ceil(left / (most * (1 - overlap)))
    goal = left / chunks
    group: list[Piece] = []
    repeated, fresh = 0, 0
    for piece in pieces:
        if fresh and (repeated + fresh + piece.tokens > most or fresh + piece.tokens / 2 > goal):
            yield group
            left, chunks = left - fresh, max(1, chunks - 1)
            goal = left / chunks
            group = _tail(group, goal * overlap, before=piece)
            repeated, fresh = sum(item.tokens for item in group), 0
            if repeated + piece.tokens > most:
                group, repeated = [], 0
        group.append(piece)
        fresh += piece.tokens
    if group:
        yield group


def _tail(group: Sequence[Piece], budget: float, *, before: Piece) -> list[Piece]:
    """The last sentences of a chunk, of at most `budget` tokens, to begin the next one with."""
    kept: list[Piece] = []
    for piece in reversed(group[1:]):
        if not piece.prose or not before.prose or piece.tokens > budget:
            break
        kept.insert(0, piece)
        budget -= piece.tokens
    return kept


def _fitting(
    page: Page, group: Sequence[Piece], path: tuple[str, ...], plan: _Plan
) -> Iterator[tuple[int, int, tuple[str, ...], str | None]]:
    """The slice of a group, halved when it is longer than the sum of its pieces said."""
    start, end, anchor = group[0].start, group[-1].end, group[0].anchor
    headed = (*path, group[0].columns) if group[0].columns else path
    if _surely_fits(page, group, headed, plan) or _fits(page, group, headed, plan):
        yield start, end, headed, anchor
    elif group[0].columns:
        yield from _fitting(page, [replace(piece, columns=None) for piece in group], path, plan)
    elif len(group) > 1:
        middle = len(group) // 2
        yield from _fitting(page, group[:middle], path, plan)
        yield from _fitting(page, group[middle:], path, plan)
    elif path:
        yield from _fitting(page, group, path[1:], plan)
    else:
        yield from _split_last(page, group[0], plan)


def _surely_fits(page: Page, group: Sequence[Piece], path: tuple[str, ...], plan: _Plan) -> bool:
    """Whether the counts of the pieces leave so much room that their slice need not be counted again."""
    inside = sum(piece.tokens + 1 for piece in group)
    return inside < plan.most and inside + plan.count(_embedded(page.title, path, "")) + _MARGIN <= plan.most


def _fits(page: Page, group: Sequence[Piece], path: tuple[str, ...], plan: _Plan) -> bool:
    text = page.text[group[0].start : group[-1].end]
    return plan.count(_embedded(page.title, path, text)) <= plan.most


def _split_last(page: Page, piece: Piece, plan: _Plan) -> Iterator[tuple[int, int, tuple[str, ...], str | None]]:
    middle = (piece.start + piece.end) // 2
    if middle == piece.start:
        return
    for half in (replace(piece, end=middle), replace(piece, start=middle)):
        yield from _fitting(page, [half], (), plan)
