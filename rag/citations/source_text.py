"""A document read once for all the claims that cite it."""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict
from functools import cached_property
from typing import NamedTuple

from rag.citations.statement import Statement
from rag.citations.words import read_words
from rag.text.sentences import split_sentences

_BETWEEN = "\x1f"


class Passage(NamedTuple):
    """Sentences `first:last` of a document: the words of `text[start:end]`."""

    first: int
    last: int
    start: int
    end: int
    statement: Statement


class SourceText:
    """The sentences and words of a document, and where to find them."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.words = read_words(text)
        starts = [word.start for word in self.words]
        spans = [(span.start, span.end) for span in split_sentences(text)]
        bounds = [(bisect_left(starts, start), bisect_left(starts, end)) for start, end in spans]
        kept = [place for place, (first, last) in enumerate(bounds) if last > first]
        self.spans = [spans[place] for place in kept]
        self.bounds = [bounds[place] for place in kept]
        self._passages: dict[tuple[int, int], Passage] = {}

    def passage(self, first: int, last: int) -> Passage:
        """Sentences `first:last` as one passage."""
        key = (first, last)
        if key not in self._passages:
            words = self.words[self.bounds[first][0] : self.bounds[last - 1][1]]
            self._passages[key] = Passage(first, last, self.spans[first][0], self.spans[last - 1][1], Statement(words))
        return self._passages[key]

    @cached_property
    def _places(self) -> dict[str, list[int]]:
        """Content key → the sentences that have it."""
        places: dict[str, list[int]] = defaultdict(list)
        for sentence in range(len(self.spans)):
            for key in self.passage(sentence, sentence + 1).statement.content_set:
                places[key].append(sentence)
        return places

    def nearest(self, claim: Statement, count: int) -> list[int]:
        """The sentences that share most with the claim, best first; none when nothing is shared."""
        scores: dict[int, float] = defaultdict(float)
        for key in claim.content:
            for sentence in self._places.get(key, ()):
                scores[sentence] += 1.5 if key.startswith("#") else 1.0
        return sorted(scores, key=lambda sentence: (-scores[sentence], sentence))[:count]

    @cached_property
    def _joined(self) -> str:
        return _BETWEEN + _BETWEEN.join(word.text for word in self.words) + _BETWEEN

    def find(self, claim: Statement) -> tuple[int, int] | None:
        """Where the claim's words stand in a row: first and last index into `words`, the last exclusive."""
        wanted = _BETWEEN + _BETWEEN.join(word.text for word in claim.words) + _BETWEEN
        place = self._joined.find(wanted)
        if place < 0:
            return None
        first = self._joined.count(_BETWEEN, 0, place)
        return first, first + len(claim.words)

    def sentences_of(self, first_word: int, last_word: int) -> tuple[int, int]:
        """The sentences that hold the words `first_word:last_word`."""
        ends = [end for _, end in self.bounds]
        first = bisect_left(ends, first_word + 1)
        last = bisect_left(ends, last_word)
        return min(first, len(ends) - 1), min(last, len(ends) - 1) + 1

    @cached_property
    def names(self) -> frozenset[str]:
        """Words written with a capital where no sentence begins."""
        return frozenset(word.text for word in self.words if word.capital and not word.initial)

    @cached_property
    def ordinary(self) -> frozenset[str]:
        """Words written without a capital."""
        return frozenset(word.text for word in self.words if word.kind == "word" and not word.capital)
