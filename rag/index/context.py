"""From hits to documents: no text twice, no page that fills the room, neighbours joined, within a budget of tokens."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from rag.text.language import has_cjk
from rag.text.tokens import count_tokens
from rag.vocabulary import Chunk, Document, Hit

SAME_SHARE = 0.8
"""Of a text's shingles: when so many are in a better hit, it adds nothing."""
_SHINGLE_WORDS = 4
_SHINGLE_CHARACTERS = 8


@dataclass(frozen=True)
class _Passage:
    """Neighbouring hits of one page, in reading order, to be shown as one document."""

    hits: tuple[Hit, ...]

    @property
    def best(self) -> Hit:
        return max(self.hits, key=lambda hit: hit.score)

    @property
    def start(self) -> int:
        return self.hits[0].chunk.start

    @property
    def end(self) -> int:
        return max(hit.chunk.end for hit in self.hits)


def documents_from(
    hits: Sequence[Hit], *, top_k: int, context_tokens: int, page_text: Callable[[str], str | None]
) -> list[Document]:
    """Returns at most `top_k` documents of about `context_tokens` tokens in all, best first; the best one always.

    Hits that repeat a better one are left out; a page fills at most half of the places while others want them; hits
    that follow each other in a section become one document, which is a slice of the page's text.

    Args:
        hits: best first.
        page_text: the text that a page's chunks are slices of; None when the page is gone.
    """
    chosen = _chosen(_fair(hits, math.ceil(top_k / 2)), top_k, context_tokens)
    passages = sorted(_joined(chosen), key=lambda passage: -passage.best.score)
    return [_document(n, passage, page_text) for n, passage in enumerate(passages, 1)]


class Repeats:
    """Tells what repeats a text taken before: mirrored pages, boilerplate, an overlap that holds the whole chunk."""

    def __init__(self) -> None:
        self._taken: list[frozenset[int]] = []

    def takes(self, text: str) -> bool:
        """Whether `text` says what none before it does; it is then one of those."""
        shingles = _shingles(text)
        if any(len(shingles & others) >= SAME_SHARE * len(shingles) for others in self._taken):
            return False
        self._taken.append(shingles)
        return True


def _shingles(text: str) -> frozenset[int]:
    """Hashes of all runs of four words, or of eight characters where words are not spaced."""
    parts: Sequence[str] = text.lower().split()
    size = _SHINGLE_WORDS
    if has_cjk(text):
        parts, size = "".join(parts), _SHINGLE_CHARACTERS
    if len(parts) <= size:
        return frozenset({hash(tuple(parts))})
    return frozenset(map(hash, zip(*(parts[offset:] for offset in range(size)), strict=False)))


def _fair(hits: Sequence[Hit], most: int) -> list[Hit]:
    """Puts what a page has beyond `most` hits behind all others."""
    counts: Counter[str] = Counter()
    first: list[Hit] = []
    rest: list[Hit] = []
    for hit in hits:
        counts[hit.chunk.url] += 1
        (first if counts[hit.chunk.url] <= most else rest).append(hit)
    return first + rest


def _chosen(hits: Iterable[Hit], top_k: int, context_tokens: int) -> list[Hit]:
    """Takes hits while they fit. One that joins a passage takes tokens and no place among the `top_k`.

    Shingles cost most, so they are asked for last.
    """
    chosen: list[Hit] = []
    repeats = Repeats()
    left = context_tokens
    places = 0
    for hit in hits:
        cost = count_tokens(hit.chunk.text)
        if chosen and (cost > left or not (places < top_k or _joins(hit, chosen))):
            continue
        if repeats.takes(hit.chunk.text):
            chosen.append(hit)
            left -= cost
            places = len(_joined(chosen))
    return chosen


def _joins(hit: Hit, chosen: Sequence[Hit]) -> bool:
    return any(_follows(one.chunk, hit.chunk) or _follows(hit.chunk, one.chunk) for one in chosen)


def _joined(hits: Sequence[Hit]) -> list[_Passage]:
    passages: list[_Passage] = []
    for hit in sorted(hits, key=lambda hit: (hit.chunk.url, hit.chunk.ordinal)):
        if passages and _follows(passages[-1].hits[-1].chunk, hit.chunk):
            passages[-1] = _Passage((*passages[-1].hits, hit))
        else:
            passages.append(_Passage((hit,)))
    return passages


def _follows(one: Chunk, other: Chunk) -> bool:
    """Whether `other` comes next on the page, in the same section or one below it."""
    return (
        one.url == other.url and other.ordinal == one.ordinal + 1 and other.section[: len(one.section)] == one.section
    )


def _document(n: int, passage: _Passage, page_text: Callable[[str], str | None]) -> Document:
    first = passage.hits[0].chunk
    start, text = first.start, first.text
    if len(passage.hits) > 1:
        joined = _slice(passage, page_text(first.url))
        if joined is None:  # the page has changed since it was searched
            first = passage.best.chunk
            start, text = first.start, first.text
        else:
            text = joined
    return Document(
        n=n,
        id=first.id,
        url=first.url,
        title=first.title,
        section=first.section,
        text=text,
        score=passage.best.score,
        link=f"{first.url}#{first.anchor}" if first.anchor else first.url,
        language=first.language,
        fetched_at=passage.best.fetched_at,
        anchor=first.anchor,
        start=start,
    )


def _slice(passage: _Passage, page_text: str | None) -> str | None:
    """The page's text from the first chunk to the last, if the chunks still stand where they say."""
    chunks = [hit.chunk for hit in passage.hits]
    if page_text is None or any(page_text[chunk.start : chunk.end] != chunk.text for chunk in chunks):
        return None
    return page_text[passage.start : passage.end]
