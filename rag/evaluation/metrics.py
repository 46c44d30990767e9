"""What is measured, each by its usual formula, and nothing by a judge model.

Ranking: hits@k and MRR as in Voorhees, "The TREC-8 Question Answering Track Report" (1999); nDCG as in Järvelin and
Kekäläinen, "Cumulated gain-based evaluation of IR techniques" (TOIS 2002), with gain = grade and discount log2(rank+1).
Answers: containment and token F1 as in SQuAD (Rajpurkar et al. 2016), where Chinese counts by characters. Citations:
precision and recall of the cited against the gold, as in ALCE (Gao et al. 2023) but by what is named, not by a model.
"""

from __future__ import annotations

import math
import re
import statistics
import unicodedata
from collections import Counter
from collections.abc import Mapping, Sequence
from urllib.parse import unquote, urldefrag

from rag.text.language import CJK_RANGES
from rag.vocabulary import Document

_TOKEN = re.compile(rf"[{CJK_RANGES}]|[^\W_{CJK_RANGES}]+")
_BETWEEN = "\x1f"
_ARTICLES = frozenset(("a", "an", "the"))
_URL = re.compile(r"[a-z][a-z0-9+.-]*:", re.IGNORECASE)


def answer_tokens(text: str) -> list[str]:
    """Words in lower case without articles and punctuation; Chinese, Japanese and Korean by characters."""
    folded = unicodedata.normalize("NFKC", text).lower()
    return [token for token in _TOKEN.findall(folded) if token not in _ARTICLES]


def contains_answer(reply: str, answers: Sequence[str]) -> bool:
    """Whether any answer's tokens stand in the reply in a row."""
    said = answer_tokens(reply)
    return any(_holds(said, answer_tokens(answer)) for answer in answers)


def token_f1(reply: str, answers: Sequence[str]) -> float:
    """The harmonic mean of the shares of common tokens, best over the answers, from 0 to 1."""
    return max((_f1(answer_tokens(reply), answer_tokens(answer)) for answer in answers), default=0.0)


def _f1(said: list[str], wanted: list[str]) -> float:
    common = sum((Counter(said) & Counter(wanted)).values())
    return 2 * common / (len(said) + len(wanted)) if common else 0.0


def gains(documents: Sequence[Document], gold: Mapping[str, float]) -> list[float]:
    """The grade of each document in order of rank; what is found a second time counts nothing."""
    left = dict(gold)
    found = []
    for document in documents:
        match = next((name for name in left if names(name, document)), None)
        found.append(left.pop(match) if match is not None else 0.0)
    return found


def names(gold: str, document: Document) -> bool:
    """Whether a gold entry means this document: its URL, the end of its URL, or a passage that it shares."""
    if _URL.match(gold):
        return _page(gold) == _page(document.url)
    if not re.search(r"\s", gold) and re.search(r"[./#]", gold) and gold.isascii():
        return _page(document.url).endswith("/" + _page(gold).lstrip("/"))
    wanted, shown = answer_tokens(gold), answer_tokens(document.text)
    return _holds(shown, wanted) or (len(shown) > 0 and _holds(wanted, shown))


def _page(url: str) -> str:
    return unquote(urldefrag(url).url).rstrip("/")


def _holds(tokens: list[str], part: list[str]) -> bool:
    """Whether `part` stands in `tokens` in a row."""
    return bool(part) and _spelled(part) in _spelled(tokens)


def _spelled(tokens: list[str]) -> str:
    return _BETWEEN + _BETWEEN.join(tokens) + _BETWEEN


def hit_at(found: Sequence[float], k: int) -> float:
    """1 when something gold is among the first `k`, else 0."""
    return float(any(found[:k]))


def reciprocal_rank(found: Sequence[float]) -> float:
    """1 / the rank of the first gold document; 0 when there is none."""
    return next((1 / rank for rank, gain in enumerate(found, 1) if gain), 0.0)


def ndcg_at(found: Sequence[float], gold: Mapping[str, float], k: int) -> float:
    """Discounted gain of the first `k`, as a share of the best possible."""
    best = _discounted(sorted(gold.values(), reverse=True)[:k])
    return _discounted(found[:k]) / best if best else 0.0


def _discounted(found: Sequence[float]) -> float:
    return sum(gain / math.log2(rank + 1) for rank, gain in enumerate(found, 1))


def mean(values: Sequence[float]) -> float | None:
    """The mean, None of nothing."""
    return statistics.fmean(values) if values else None


def percentile(values: Sequence[float], share: float) -> float | None:
    """The smallest value that at least `share` of the values do not exceed (nearest rank); None of nothing."""
    return sorted(values)[max(0, math.ceil(share * len(values)) - 1)] if values else None
