"""Which sentences answer a question: a linear score over meaning and words.

The weights were fitted (listwise softmax) on one half of public question sets with marked answers and checked on the
other half; they are rounded, as the result hardly depends on the second digit.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rag.models.candidates import Candidate
from rag.models.question import Question
from rag.models.sentence_form import FORM_FEATURES, form_features

Floats = NDArray[np.float32]
Embed = Callable[[Sequence[str]], Floats]
"""Texts to rows of unit length."""

FEATURES = ("meaning", "cover", "context", "pairs", "document", "cue", "new", "asks", *FORM_FEATURES)
WEIGHTS = np.array([1, 2.5, 4, 4, 1, 2, 1, -3, 2, 3, 2.5, 1, -4], np.float32)
"""Of `FEATURES`, in their order."""

MOST_EMBEDDED = 48


@dataclass(frozen=True)
class Ranking:
    """Candidates in reading order with their scores.

    Attributes:
        features: `[len(candidates), len(FEATURES)]`.
        similarities: cosines to the question; None where the embedder does not know the language.
    """

    question: Question
    candidates: list[Candidate]
    features: Floats
    similarities: Floats | None

    @property
    def scores(self) -> Floats:
        scores: Floats = self.features @ WEIGHTS
        return scores

    @property
    def lead(self) -> float:
        """How far, in score, the best sentence is ahead of every other document; infinite when there is none."""
        scores = self.scores
        first = self.candidates[int(np.argmax(scores))].rank
        others = [float(score) for score, one in zip(scores, self.candidates, strict=True) if one.rank != first]
        return float(scores.max()) - max(others) if others else math.inf


def rank(question: Question, candidates: Sequence[Candidate], embed: Embed | None) -> Ranking:
    """Scores `candidates` (at least one); only those whose words promise most are embedded.

    Args:
        embed: makes vectors of unit length; None ranks by words alone.
    """
    features = _word_features(question, candidates)
    chosen = list(candidates)
    if embed is None:
        return Ranking(question, chosen, features, None)
    if len(chosen) > MOST_EMBEDDED:
        best = np.sort(np.argsort(-(features @ WEIGHTS))[:MOST_EMBEDDED])
        chosen, features = [chosen[place] for place in best], features[best]
    vectors = embed([question.text, *(candidate.text for candidate in chosen)])
    similarities: Floats = vectors[1:] @ vectors[0]
    # Standardised, so that the scale of the embedder does not matter
    features[:, 0] = (similarities - similarities.mean()) / (similarities.std() + 1e-6)
    return Ranking(question, chosen, features, similarities)


def _word_features(question: Question, candidates: Sequence[Candidate]) -> Floats:
    weight = _rarities(question.terms, candidates)
    total = sum(weight.values()) or 1.0
    best = max(log_odds(candidate.document.score) for candidate in candidates)

    def covered(terms: frozenset[str]) -> float:
        return sum(weight[term] for term in question.terms & terms) / total

    def features(candidate: Candidate) -> tuple[float, ...]:
        return (
            0.0,
            covered(candidate.terms),
            covered(candidate.context_terms),
            len(question.pairs & candidate.pairs) / (len(question.pairs) or 1),
            log_odds(candidate.document.score) - best,
            float(question.is_cued_by(candidate.text)),
            min(len(candidate.terms - question.all_terms), 6) / 6,
            float(candidate.text.endswith(("?", "？"))),
            *form_features(question, candidate),
        )

    return np.array([features(candidate) for candidate in candidates], np.float32)


def log_odds(score: float) -> float:
    """Opens up a score in (0, 1), so that the best ones do not all look alike."""
    score = min(max(score, 0.001), 0.999)
    return math.log(score / (1 - score))


def _rarities(terms: frozenset[str], candidates: Sequence[Candidate]) -> dict[str, float]:
    """Inverse document frequency of the question's terms over the candidates."""
    counts = Counter(term for candidate in candidates for term in candidate.terms & terms)
    return {term: math.log(1 + (len(candidates) + 1) / (counts[term] + 0.5)) for term in terms}


MOST_SENTENCES = 3


@dataclass(frozen=True)
class _Reach:
    """How far behind the best a further sentence may be.

    Attributes:
        near: in score, for a sentence of the same document; `far`: of another.
        covered: the least share of what the best sentence and its context cover of the question; one that covers less
            says something else.
        back: whether it may stand before the best one in the document.
    """

    near: float
    far: float
    covered: float
    back: bool


SURE = _Reach(3.0, 0.7, 0.5, back=False)
UNSURE = _Reach(7.0, 0.0, 0.3, back=True)
"""By words alone the best sentence is less often the right one, and another document seldom is: more sentences are
shown, wherever they stand, of the best document only."""
_SAME = 0.7


def choose(ranking: Ranking) -> list[Candidate]:
    """The one to three sentences to show: the best one, then the others of its document, then those of other documents,
    each from the top.

    Where meaning was compared, a sentence that stands before the best one in its document is left out.
    """
    reach = UNSURE if ranking.similarities is None else SURE
    scores = ranking.scores
    order = np.argsort(-scores, kind="stable")
    context = ranking.features[:, FEATURES.index("context")]
    best = ranking.candidates[order[0]]
    chosen = [best]
    for place in order[1:]:
        candidate, behind = ranking.candidates[place], float(scores[order[0]] - scores[place])
        if len(chosen) == MOST_SENTENCES or behind > reach.near:
            break
        if candidate.rank == best.rank:
            fits = reach.back or candidate.place > best.place
        else:
            fits = behind < reach.far
        fits = fits and context[place] >= reach.covered * context[order[0]]
        if fits and not any(_repeats(candidate, other) for other in chosen):
            chosen.append(candidate)
    ranks = list(dict.fromkeys(candidate.rank for candidate in chosen))
    return [best, *sorted(chosen[1:], key=lambda candidate: (ranks.index(candidate.rank), candidate.place))]


def _repeats(one: Candidate, other: Candidate) -> bool:
    shared = len(one.terms & other.terms)
    return shared >= _SAME * min(len(one.terms), len(other.terms))
