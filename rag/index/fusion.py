"""How the signals of a search become one score.

For every candidate of either index both scores are known: what one index did not return is looked up in the other.
Each is put on a common scale (its z-score among the candidates) and the two are mixed by a weight that follows the
language; then comes a bonus for saying what the question says in one place. `docs/retrieval.md` has the measurements.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rag.models.embeddings import EmbeddingModel
from rag.text.language import UNDETERMINED, detect_language, has_cjk
from rag.text.places import TermFinder
from rag.vocabulary import Chunk

Scores = NDArray[np.float64]

DENSE_WEIGHT = 0.6
"""Best or nearly best on all English sets, from 0.4 to 0.7."""
FOREIGN_DENSE_WEIGHT = 0.1
"""For a language the embedder does not know: with 0.6 the Chinese set loses .03."""
NEAR_WEIGHT = 1.0
PHRASE_WEIGHT = 0.75
READ_CLOSELY = 50
"""Candidates whose text is looked at: the closeness of the rest cannot lift them into view."""
FURTHER_WEIGHT = 0.5
"""Of a further phrasing, beside 1 of the question."""


@dataclass(frozen=True)
class Phrasing:
    """One way of putting the question, with what both indexes say of every candidate.

    Attributes:
        rarities: its terms, in order, with their inverse document frequency.
        dense, words: cosine similarity and BM25 by chunk id; absent where unknown.
    """

    text: str
    rarities: Mapping[str, float]
    dense: Mapping[str, float]
    words: Mapping[str, float]


class Fusion:
    """Scores candidates.

    Args:
        embeddings: tells which languages its vectors mean something in.
        dense_weight: share of the vectors; None to follow the language of question and page.
    """

    def __init__(self, embeddings: EmbeddingModel, dense_weight: float | None = None) -> None:
        self._embeddings = embeddings
        self._dense_weight = dense_weight

    def scores(self, phrasings: Sequence[Phrasing], chunks: Sequence[Chunk]) -> Scores:
        """One score in (0, 1) for each chunk; the first phrasing is the question itself."""
        total = np.zeros(len(chunks))
        weights = [1.0] + [FURTHER_WEIGHT] * (len(phrasings) - 1)
        for weight, phrasing in zip(weights, phrasings, strict=True):
            total += weight * self._scores(phrasing, chunks)
        return 1.0 / (1.0 + np.exp(-total / sum(weights)))

    def _scores(self, phrasing: Phrasing, chunks: Sequence[Chunk]) -> Scores:
        share = self._shares(phrasing.text, chunks)
        dense = np.array([phrasing.dense.get(chunk.id, 0.0) for chunk in chunks])
        words = np.array([phrasing.words.get(chunk.id, 0.0) for chunk in chunks])
        scores = share * standardised(dense) + (1.0 - share) * standardised(words)
        return scores + _closeness(phrasing, chunks, scores)

    def _shares(self, question: str, chunks: Sequence[Chunk]) -> Scores:
        """The share of the vectors for each chunk: the smaller of what question and page allow."""
        if self._dense_weight is not None:
            return np.full(len(chunks), self._dense_weight)
        asked = self._share(detect_language(question), question)
        return np.array([min(asked, self._share(chunk.language, chunk.text)) for chunk in chunks])

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


def _closeness(phrasing: Phrasing, chunks: Sequence[Chunk], scores: Scores) -> Scores:
    bonus = np.zeros(len(chunks))
    finder = TermFinder(phrasing.rarities)
    for place in np.argsort(-scores, kind="stable")[:READ_CLOSELY]:
        near, phrase = finder.closeness(chunks[place].text)
        bonus[place] = NEAR_WEIGHT * near + PHRASE_WEIGHT * phrase
    return bonus
