"""Where the words of a question stand in a text, and how close together: a passage that answers says them in one place.

BM25 counts words anywhere in a chunk. Two cheap measures of closeness are added to it: how much of the question fits
into one short window of the text, and how many of its neighbouring words stand side by side there too.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from typing import NamedTuple

from rag.text.han_variants import simplified
from rag.text.language import is_cjk
from rag.text.tokens import is_of_word, search_terms

WINDOW = 90
"""Characters: about 15 English words."""
_PAIR_GAP = 14
_ENDINGS = ("i", "y", "e")

Place = tuple[int, str]
"""Where a word of the text begins, and the term of the question that it means."""


class Closeness(NamedTuple):
    """Both from 0 to 1: the weight of the question's terms in the best window, and of its pairs found side by side."""

    near: float
    phrase: float


class TermFinder:
    """Finds the terms of one question in many texts, some 20 µs each, without cutting them into terms.

    Args:
        weights: the question's terms in its order, as `search_terms` makes them, with how much each tells.
    """

    def __init__(self, weights: Mapping[str, float]) -> None:
        self._cjk = [term for term in weights if is_cjk(term[0]) and len(term) > 1] or [
            term for term in weights if is_cjk(term[0])
        ]
        words = [term for term in weights if not is_cjk(term[0])]
        sought = {*words, *self._cjk}
        self._weights = {term: weight for term, weight in weights.items() if term in sought}
        self._total = sum(self._weights.values())
        self._beginnings = _beginnings(words)
        self._pairs = {pair: min(map(self._weights.__getitem__, pair)) for pair in pairwise(self._weights)}
        self._pair_total = sum(self._pairs.values())
        self._known: dict[str, str | None] = {}
        self._seen: dict[str, Closeness] = {}

    def places(self, text: str) -> list[Place]:
        """Where terms stand in `text`, in reading order."""
        lowered = text.lower()
        known = self._known
        found = []
        for at, word in self._words(lowered):
            term = known[word] if word in known else self._term(word)
            if term is not None:
                found.append((at, term))
        if self._cjk:
            lowered = simplified(lowered)
        for term in self._cjk:
            at = lowered.find(term)
            while at >= 0:
                found.append((at, term))
                at = lowered.find(term, at + 1)
        found.sort()
        return found

    def closeness(self, text: str) -> Closeness:
        """How close together `text` says what the question says; remembered."""
        if text not in self._seen:
            self._seen[text] = self._closeness(text)
        return self._seen[text]

    def _closeness(self, text: str) -> Closeness:
        places = self.places(text)
        if not places or not self._total:
            return Closeness(0.0, 0.0)
        return Closeness(self._best_window(places) / self._total, self._paired(places))

    def _words(self, lowered: str) -> Iterator[tuple[int, str]]:
        """Words that begin as one of the terms does, and where; none that begins within another.

        Finding each beginning by itself takes half the time of one pattern of all, which has to be compiled as well.
        """
        ends: dict[int, int] = {}
        for beginning in self._beginnings:
            at = lowered.find(beginning)
            while at >= 0:
                if at not in ends and not (at and is_of_word(lowered[at - 1])):
                    ends[at] = at + len(beginning)
                at = lowered.find(beginning, at + 1)
        end = 0
        for at in sorted(ends):
            if at >= end:
                end = _end_of_word(lowered, ends[at])
                yield at, lowered[at:end]

    def _term(self, word: str) -> str | None:
        """The question's term that `word` is a form of."""
        if word not in self._known:
            self._known[word] = next((term for term in search_terms(word) if term in self._weights), None)
        return self._known[word]

    def _best_window(self, places: Sequence[Place]) -> float:
        """The weight of the different terms in the best window: a window ends at each place, and begins at `first`."""
        weights = self._weights
        inside = dict.fromkeys(weights, 0)
        weight = best = 0.0
        first = 0
        for start, term in places:
            if not inside[term]:
                weight += weights[term]
            inside[term] += 1
            while start - places[first][0] > WINDOW:
                left = places[first][1]
                inside[left] -= 1
                if not inside[left]:
                    weight -= weights[left]
                first += 1
            if weight > best:
                best = weight
        return best

    def _paired(self, places: Sequence[Place]) -> float:
        if not self._pair_total:
            return 0.0
        found = {
            (before, after)
            for (start, before), (next_start, after) in pairwise(places)
            if next_start - start <= len(before) + _PAIR_GAP
        }
        return sum(weight for pair, weight in self._pairs.items() if pair in found) / self._pair_total


def _beginnings(terms: Sequence[str]) -> list[str]:
    """What every form of a term begins with, the longest first."""
    beginnings = {term[:-1] if len(term) > 3 and term.endswith(_ENDINGS) else term for term in terms}
    return sorted(beginnings, key=len, reverse=True)


def _end_of_word(text: str, at: int) -> int:
    while at < len(text) and is_of_word(text[at]):
        at += 1
    return at
