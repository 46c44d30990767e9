"""What is said to be above or below a number: `more than 15` is carried neither by `15` nor by `10 to 15`.

A claim that bounds a number needs a quote that bounds the same one on the same side, or whose number fulfils the bound.
Dropping a bound (`600` for `over 600`) is rounding, which is judged by the number alone.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from decimal import Decimal, InvalidOperation
from itertools import pairwise
from typing import Literal

from rag.citations.numbers import Quantity
from rag.citations.statement import Statement
from rag.citations.words import Word

Bound = Literal["above", "over", "least", "below", "under", "most", "low", "high", "exact"]
"""`over` and `under` are loose words for `above` and `below`; `low` and `high` are the ends of a range."""

CARRIED_BY: dict[Bound, frozenset[Bound]] = {
    "above": frozenset(("above", "over", "least", "low")),
    "over": frozenset(("above", "over", "least", "low", "exact")),
    "least": frozenset(("above", "over", "least", "low", "exact")),
    "below": frozenset(("below", "under", "most", "high")),
    "under": frozenset(("below", "under", "most", "high", "exact")),
    "most": frozenset(("below", "under", "most", "high", "exact")),
}
_Phrases = tuple[tuple[Bound, str], ...]
_Patterns = tuple[tuple[Bound, re.Pattern[str]], ...]
_ENGLISH: _Phrases = (
    (
        "least",
        r"at (?:the very )?least|(?:no|not) (?:(?:less|fewer|lower|smaller|shorter) than|below|under)|minimum of",
    ),
    (
        "most",
        r"at (?:the very )?most|(?:no|not) (?:more|greater|higher|larger|longer) than|up to|maximum of"
        r"|as (?:many|much|high|long|large|far) as|(?:not|never) (?:over|above|exceed\w*)",
    ),
    ("above", r"(?:more|greater|higher|larger|longer|older) than|above|exceed\w*|(?:in )?excess of|upwards of"),
    ("over", r"over"),
    ("below", r"(?:less|fewer|lower|smaller|shorter|younger) than|below|nearly|almost"),
    ("under", r"under"),
)
_CHINESE: _Phrases = (
    ("least", "至少|起码|最少|不[能得会应]?(?:少于|低于|小于)"),
    ("most", "至多|最多|多达|高达|不[能得会应]?(?:超过|多于|大于|高于)"),
    ("above", "超过|多于|大于|高于|不止|超|逾"),
    ("below", "不到|不足|少于|低于|小于|接近|将近|近"),
)
_BEFORE: _Patterns = tuple(
    (bound, re.compile(rf"(?:\A| )(?:{phrase})(?: (?:a|an|the|of|about|some|roughly))*\Z"))
    for bound, phrase in _ENGLISH
)
_CHINESE_BEFORE: _Patterns = tuple((bound, re.compile(rf"(?:{phrase})[了约]?\Z")) for bound, phrase in _CHINESE)
_AFTER: _Patterns = (
    ("least", re.compile(r"(?:\w+ ){0,2}(?:(?:or|and) (?:more|greater|above|over|higher|longer|older|up)|plus)\b")),
    ("most", re.compile(r"(?:\w+ ){0,2}(?:or|and) (?:less|fewer|below|under|lower|shorter|younger)\b")),
)
_CHINESE_AFTER: _Patterns = (
    ("above", re.compile("[多余]")),
    ("least", re.compile(".{0,2}以上")),
    ("most", re.compile(".{0,2}(?:以下|以内|之内)")),
)
_LOOKED_AT = 5
_DASH = (1, 3)
"""Characters between the two numbers of a range: a dash alone, or with spaces."""


def bounds_disagree(claim: Statement, quote: Statement) -> str | None:
    """A number that the claim bounds where the quote does not, or bounds on the other side."""
    bounds = [bound_of(claim, place) for place in range(len(claim.quantities))]
    if all(bound not in CARRIED_BY for bound in bounds):
        return None
    for quantity, bound in zip(claim.quantities, bounds, strict=True):
        shown = [
            bound_of(quote, place) for place, other in enumerate(quote.quantities) if other.value == quantity.value
        ]
        if bound in CARRIED_BY and shown and CARRIED_BY[bound].isdisjoint(shown):
            return f"{bound} {quantity.value} for {shown[0]}"
    return None


def bound_of(statement: Statement, place: int) -> Bound:
    """What a statement says of its quantity at `place`."""
    quantity, words = statement.quantities[place], statement.words
    before, after = _run_before(words, quantity.first), _run_after(words, quantity.last)
    chinese = bool(before and before[-1].kind == "cjk"), bool(after and after[0].kind == "cjk")
    said = _joined(before, chinese=chinese[0])
    for bound, pattern in _CHINESE_BEFORE if chinese[0] else _BEFORE:
        if pattern.search(said):
            return bound
    said = _joined(after, chinese=chinese[1])
    for bound, pattern in _CHINESE_AFTER if chinese[1] else _AFTER:
        if pattern.match(said):
            return bound
    for one, other in pairwise(statement.quantities):
        if quantity in (one, other) and _is_range(words, one, other):
            return "low" if quantity is one else "high"
    return "exact"


def _is_range(words: Sequence[Word], one: Quantity, other: Quantity) -> bool:
    """`10 to 15`, `between 10 and 15`, `10-15`, 10至15."""
    between = [word.text for word in words[one.last : other.first]]
    if not between:
        joined = one.unit is None and words[other.first].start - words[one.last - 1].end in _DASH
    else:
        opened = one.first > 0 and words[one.first - 1].text == "between"
        joined = between in (["to"], ["至"], ["到"]) or (opened and between == ["and"])
    try:
        return joined and Decimal(one.value) < Decimal(other.value)
    except InvalidOperation:
        return False


def _run_before(words: Sequence[Word], first: int) -> Sequence[Word]:
    """The words before a quantity, as far as no punctuation lies between."""
    start = first
    while start > max(0, first - _LOOKED_AT) and words[start].plain_gap:
        start -= 1
    return words[start:first]


def _run_after(words: Sequence[Word], last: int) -> Sequence[Word]:
    end = last
    while end < min(len(words), last + _LOOKED_AT) and words[end].plain_gap:
        end += 1
    return words[last:end]


def _joined(words: Sequence[Word], *, chinese: bool) -> str:
    return ("" if chinese else " ").join(word.text for word in words)
