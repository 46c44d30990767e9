"""How the signals of a search become one score.

Every candidate of either index gets every signal, whichever found it: how near its vector is, how well its words fit,
how close together it says what the question says, and whether the best candidates name its page. The first two are put
on a common scale (their z-scores among the candidates) and mixed by a weight that follows the language; the others are
added. `docs/retrieval.md` has the measurements behind every number here.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from rag.models.embeddings import EmbeddingModel
from rag.text.language import UNDETERMINED, detect_language, has_cjk
from rag.text.places import TermFinder

Scores = NDArray[np.float64]
Read = Callable[[Sequence[int]], Sequence[str]]
"""Reads the texts of candidates, which are named by their places among them."""

DENSE_WEIGHT = 0.65
FOREIGN_DENSE_WEIGHT = 0.1
"""Where the embedder does not know the language of the question or of the page."""
NEAR_WEIGHT = 1.0
PHRASE_WEIGHT = 1.0
READ_CLOSELY = 30
"""Candidates whose text is looked at: closeness cannot lift the others into view."""
READ_AHEAD = 20
"""Of those, as many as can be guessed well."""
MENTION_WEIGHT = 0.6
MENTIONS_IN = 3
DECIMALS = 9
"""Of a score: what lies behind them depends on the order in which the indexes add up, and must not decide."""

_QUALIFIER = re.compile(r"\s*[(（].*[)）]$")
_CLOSING = (")", "）")


class Titled(Protocol):
    """What a candidate is weighed by before its text is read: `rag.index.catalog.Head`."""

    @property
    def title(self) -> str: ...
    @property
    def language(self) -> str: ...


@dataclass(frozen=True)
class Phrasing:
    """One way of putting the question, with what is known of every candidate.

    Attributes:
        finder: finds its terms, which weigh as much as they are rare.
        dense, words: cosine similarity and BM25 score of each candidate.
    """

    text: str
    finder: TermFinder
    dense: Scores
    words: Scores


class Fusion:
    """Scores candidates.

    Args:
        embeddings: tells which languages its vectors mean something in.
        dense_weight: share of the vectors; None to follow the language of question and page.
    """

    def __init__(self, embeddings: EmbeddingModel, dense_weight: float | None = None) -> None:
        self._embeddings = embeddings
        self._dense_weight = dense_weight

    def scores(self, phrasings: Sequence[Phrasing], heads: Sequence[Titled], read: Read) -> Scores:
        """One score in (0, 1) for each candidate; every phrasing counts the same."""
        mean = np.mean([self._scores(phrasing, heads, read) for phrasing in phrasings], axis=0)
        return np.asarray(np.round(1.0 / (1.0 + np.exp(-mean)), DECIMALS))

    def read_ahead(self, guessed: Sequence[Phrasing], heads: Sequence[Titled], read: Read) -> None:
        """Looks closely at what `scores` will most likely want, while its scores are still worked out."""
        for phrasing in guessed:
            for text in read(_best(self._mixed(phrasing, heads, read), READ_AHEAD)):
                phrasing.finder.closeness(text)

    def _scores(self, phrasing: Phrasing, heads: Sequence[Titled], read: Read) -> Scores:
        scores = self._mixed(phrasing, heads, read)
        scores = scores + _closeness(phrasing, scores, read)
        return scores + _mentioned(phrasing, heads, scores, read)

    def _mixed(self, phrasing: Phrasing, heads: Sequence[Titled], read: Read) -> Scores:
        share = self._shares(phrasing.text, heads, read)
        return share * standardised(phrasing.dense) + (1.0 - share) * standardised(phrasing.words)

    def _shares(self, question: str, heads: Sequence[Titled], read: Read) -> Scores:
        """The share of the vectors for each candidate: the smaller of what question and page allow."""
        if self._dense_weight is not None:
            return np.full(len(heads), self._dense_weight)
        asked = self._share(detect_language(question), question)
        known = {language: self._share(language, "") for language in {head.language for head in heads}}
        allowed = [known[head.language] for head in heads]
        if UNDETERMINED in known:
            unclear = [place for place, head in enumerate(heads) if head.language == UNDETERMINED]
            for place, text in zip(unclear, read(unclear), strict=True):
                allowed[place] = self._share(UNDETERMINED, text)
        return np.minimum(asked, allowed)

    def _share(self, language: str, text: str) -> float:
        if language == UNDETERMINED:
            known = self._embeddings.languages is None or not has_cjk(text)
        else:
            known = self._embeddings.knows(language)
        return DENSE_WEIGHT if known else FOREIGN_DENSE_WEIGHT


def standardised(values: Scores) -> Scores:
    """Values with mean 0 and standard deviation 1; zeros when they are all the same."""
    spread = values.std() if values.size else 0.0
    return (values - values.mean()) / spread if spread > 1e-9 else np.zeros_like(values)


def _best(scores: Scores, count: int) -> Sequence[int]:
    return [int(place) for place in np.argsort(-scores, kind="stable")[:count]]


def _closeness(phrasing: Phrasing, scores: Scores, read: Read) -> Scores:
    bonus = np.zeros(len(scores))
    best = _best(scores, READ_CLOSELY)
    for place, text in zip(best, read(best), strict=True):
        near, phrase = phrasing.finder.closeness(text)
        bonus[place] = NEAR_WEIGHT * near + PHRASE_WEIGHT * phrase
    return bonus


def _mentioned(phrasing: Phrasing, heads: Sequence[Titled], scores: Scores, read: Read) -> Scores:
    """A bonus for chunks of pages that the best candidates name: the second step of a question that takes two."""
    bonus = np.zeros(len(heads))
    names = [_name(head.title) for head in heads]
    asked = phrasing.text.lower()
    candidates = {name for name in names if len(name) > 3 and name.lower() not in asked}
    best = _best(scores, MENTIONS_IN)
    for rank, (place, text) in enumerate(zip(best, read(best), strict=True), 1):
        here = {name for name in candidates if name != names[place] and _says(text, name)}
        candidates -= here
        for other, name in enumerate(names):
            if name in here:
                bonus[other] = MENTION_WEIGHT / rank
    return bonus


def _name(title: str) -> str:
    """A title as prose would name it: "Mercury (planet)" is Mercury."""
    title = title.strip()
    return _QUALIFIER.sub("", title).strip() if title.endswith(_CLOSING) else title


def _says(text: str, name: str) -> bool:
    """Whether `name` stands in `text` as written, not inside a longer word."""
    at = text.find(name)
    if at < 0 or has_cjk(name):
        return at >= 0
    return re.search(rf"(?<!\w){re.escape(name)}(?!\w)", text) is not None
