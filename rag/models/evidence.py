"""Whether the best sentence answers the question at all, or the index knows nothing of it.

Three sums over how much of the question is found again, each fitted (logistic regression, then scaled) so that 1 is
the least that an answer has: beside an embedder whose cosines are known, without one, and for Chinese, of which the
embedded embedder knows nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from rag.models.candidates import Candidate
from rag.models.question import Question, is_distinctive
from rag.models.sentence_choice import FEATURES, Ranking, log_odds
from rag.text.language import has_cjk
from rag.text.tokens import search_terms

_PLENTY = 1.2
"""So much evidence that two documents may answer alike."""
_LEAD = 0.5
"""By which the best document must be ahead, by words alone and with less evidence: it is a guess else."""
_STRANGE = 0.3
"""What it costs that a word in Latin letters, in Chinese mostly a name, is not in the document."""
_FEW = 5
_USUAL_HEIGHT = 3.0


def is_answered(ranking: Ranking, *, calibrated: bool) -> bool:
    """Whether enough of the question is found, and not as well in another document when it is just enough.

    Args:
        calibrated: the similarities are those of the embedder that the weights were fitted for.
    """
    found = evidence(ranking, calibrated=calibrated)
    sure = ranking.similarities is not None or ranking.lead >= _LEAD or _weighs_height(ranking)
    return found >= (1.0 if sure else _PLENTY)


def evidence(ranking: Ranking, *, calibrated: bool) -> float:
    """1 or more when the question is likely answered."""
    best = int(np.argmax(ranking.scores))
    found = _Found(ranking.question, ranking.candidates[best])
    pairs = float(ranking.features[best, FEATURES.index("pairs")])
    if ranking.similarities is not None and calibrated:
        nearest = float(ranking.similarities.max())
        return 1.29 * nearest + 0.474 * found.terms + 0.247 * pairs + 0.144 * found.keys
    if has_cjk(ranking.question.text):
        words = 0.62 * found.joined + 0.75 * found.units + 0.71 * pairs - _STRANGE * (1 - found.foreign)
        return words + 0.1 * (_height(ranking, best) if _weighs_height(ranking) else _USUAL_HEIGHT) - 0.02
    return 1.5 * found.terms + 0.95 * pairs + 0.5 * found.keys


def _weighs_height(ranking: Ranking) -> bool:
    """Whether it is a Chinese question, and there are documents enough to tell what stands out among them."""
    return has_cjk(ranking.question.text) and len({candidate.rank for candidate in ranking.candidates}) >= _FEW


def _height(ranking: Ranking, best: int) -> float:
    """How far the score of the best sentence's document stands above the last one's.

    Where the index knows nothing of a question, many documents share some common characters with it, and none stands
    out.
    """
    scores = {candidate.rank: log_odds(candidate.document.score) for candidate in ranking.candidates}
    return scores[ranking.candidates[best].rank] - min(scores.values())


@dataclass(frozen=True)
class _Found:
    """Which shares, from 0 to 1, of a question the document of its best sentence has."""

    question: Question
    best: Candidate

    @cached_property
    def known(self) -> frozenset[str]:
        document = self.best.document
        return frozenset(search_terms(" ".join((document.title, *document.section, document.text))))

    @property
    def terms(self) -> float:
        """Distinctive terms: words, Chinese bigrams."""
        asked = frozenset(filter(is_distinctive, self.question.terms)) or self.question.terms
        return _share(asked, self.known)

    @property
    def keys(self) -> float:
        """Names and numbers; a half when there is none."""
        return _share(self.question.keys, self.known) if self.question.keys else 0.5

    @property
    def units(self) -> float:
        """Single Chinese characters, and words of other scripts."""
        return _share(self._units, self.known)

    @property
    def joined(self) -> float:
        """The same, but a character counts only inside a bigram that the document has too."""
        bigrams = {term for term in self.question.terms & self.known if len(term) == 2 and has_cjk(term)}
        characters = {character for bigram in bigrams for character in bigram}
        return _share(self._units, characters | {term for term in self.known if not has_cjk(term)})

    @property
    def foreign(self) -> float:
        """Words in Latin letters; all when there is none."""
        asked = frozenset(term for term in self.question.terms if len(term) > 1 and term.isascii() and term.isalpha())
        return _share(asked, self.known) if asked else 1.0

    @cached_property
    def _units(self) -> frozenset[str]:
        return frozenset(term for term in self.question.terms if len(term) == 1 or not has_cjk(term))


def _share(asked: frozenset[str], known: frozenset[str] | set[str]) -> float:
    return len(asked & known) / (len(asked) or 1)
