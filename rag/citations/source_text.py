"""A document read once for all the claims that cite it."""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter, defaultdict, deque
from collections.abc import Iterator
from functools import cached_property
from typing import NamedTuple

from rag.citations.statement import Statement
from rag.citations.words import Word, iter_words
from rag.text.sentences import iter_sentences

_BETWEEN = "\x1f"
_WORDS_A_STEP = 200
_SENTENCES_A_STEP = 30


class Passage(NamedTuple):
    """Sentences `first:last` of a document: the words of `text[start:end]`."""

    first: int
    last: int
    start: int
    end: int
    statement: Statement


class SourceText:
    """The sentences and words of a document, and where to find them.

    A long document takes some milliseconds to read. Who cannot stay away for so long reads it by `reading` and
    `indexing`, each step of which takes a part of one; what `find` and `nearest` need and is not read yet, they read.

    Attributes:
        reading: the words and sentences; to be run to its end before any other use but `find` and `nearest`.
        indexing: what `nearest` looks up.
    """

    def __init__(self, text: str) -> None:
        self.text = text
        self.words: list[Word] = []
        self.spans: list[tuple[int, int]] = []
        self.bounds: list[tuple[int, int]] = []
        self.reading = self._read()
        self.indexing = self._index()
        self._passages: dict[tuple[int, int], Passage] = {}
        self._places: dict[str, list[int]] = defaultdict(list)
        """Content key → the sentences that have it."""

    def _read(self) -> Iterator[None]:
        for word in iter_words(self.text):
            self.words.append(word)
            if len(self.words) % _WORDS_A_STEP == 0:
                yield
        starts = [word.start for word in self.words]
        for count, (start, end) in enumerate(iter_sentences(self.text), 1):
            first, last = bisect_left(starts, start), bisect_left(starts, end)
            if last > first:
                self.spans.append((start, end))
                self.bounds.append((first, last))
            if count % _SENTENCES_A_STEP == 0:
                yield

    def _index(self) -> Iterator[None]:
        yield from self.reading
        told = _WORDS_A_STEP
        for sentence, (_, last) in enumerate(self.bounds):
            for key in self.passage(sentence, sentence + 1).statement.content_set:
                self._places[key].append(sentence)
            if last >= told:
                told = last + _WORDS_A_STEP
                yield

    def passage(self, first: int, last: int) -> Passage:
        """Sentences `first:last` as one passage."""
        key = (first, last)
        if key not in self._passages:
            words = self.words[self.bounds[first][0] : self.bounds[last - 1][1]]
            self._passages[key] = Passage(first, last, self.spans[first][0], self.spans[last - 1][1], Statement(words))
        return self._passages[key]

    def nearest(self, claim: Statement, count: int) -> list[int]:
        """The sentences that share most with the claim, best first; none when nothing is shared."""
        _finish(self.indexing)
        scores: dict[int, float] = defaultdict(float)
        for key, times in Counter(claim.content).items():
            weight = times * (1.5 if key.startswith("#") else 1.0)
            for sentence in self._places.get(key, ()):
                scores[sentence] += weight
        return sorted(scores, key=lambda sentence: (-scores[sentence], sentence))[:count]

    @cached_property
    def _joined(self) -> str:
        return _BETWEEN + _BETWEEN.join(word.text for word in self.words) + _BETWEEN

    def find(self, claim: Statement) -> tuple[int, int] | None:
        """Where the claim's words stand in a row: first and last index into `words`, the last exclusive."""
        _finish(self.reading)
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


def _finish(steps: Iterator[None]) -> None:
    deque(steps, maxlen=0)
