"""Whether the best sentence answers the question at all, or the index knows nothing of it."""

from __future__ import annotations

import numpy as np

from rag.models.question import is_distinctive
from rag.models.sentence_choice import FEATURES, Ranking
from rag.text.tokens import search_terms

MEANING, COVER, PAIRS, KEYS = 1.2, 0.45, 0.22, 0.14
"""Weights beside an embedder whose cosines are known (minilm); the sum of an answered question is 1 or more."""
WORDS_COVER, WORDS_PAIRS, WORDS_KEYS = 1.4, 0.88, 0.47
"""Weights without one."""


def is_answered(ranking: Ranking, *, calibrated: bool) -> bool:
    """Whether enough of the question is found.

    Args:
        calibrated: the cosines are those of the embedder for which the weights were fitted.
    """
    return evidence(ranking, calibrated=calibrated) >= 1.0


def evidence(ranking: Ranking, *, calibrated: bool) -> float:
    """1 or more when the question is likely answered.

    Counts how near the nearest sentence is, and how many of the question's words, pairs of words and names the document
    of the best sentence has.
    """
    best = int(np.argmax(ranking.scores))
    document, question = ranking.candidates[best].document, ranking.question
    known = frozenset(search_terms(" ".join((document.title, *document.section, document.text))))
    asked = frozenset(filter(is_distinctive, question.terms)) or question.terms
    cover = len(asked & known) / (len(asked) or 1)
    keys = len(question.keys & known) / len(question.keys) if question.keys else 0.5
    pairs = float(ranking.features[best, FEATURES.index("pairs")])
    if ranking.similarities is not None and calibrated:
        return MEANING * float(ranking.similarities.max()) + COVER * cover + PAIRS * pairs + KEYS * keys
    return WORDS_COVER * cover + WORDS_PAIRS * pairs + WORDS_KEYS * keys
