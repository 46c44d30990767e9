"""What a statement denies, in English and Chinese, and whether two statements deny the same things."""

from __future__ import annotations

import re
from typing import NamedTuple

from rag.citations.lexicon import (
    AFTER_NOT_MEANT,
    CHINESE_NEGATORS,
    CHINESE_NOT_NEGATORS,
    NEGATIVE_PREFIXES,
    NEGATIVE_VERBS,
    NEGATORS,
)
from rag.citations.statement import Item, Statement

_HEADS = 2
_REACH = 6
_DENIES_CLAUSE = frozenset("false untrue incorrect wrong myth impossible denied denies deny".split())
_FILLERS = frozenset(
    "longer yet ever even still really actually quite very necessarily always fully true "
    "case correct fact clear".split()
)
_CHINESE_BOUND = re.compile("不[能得会应]?(?:超过|多于|大于|高于|少于|低于|小于|到|足)[了约]?(?=\x00)")
_CHINESE_FILLERS = "有能会是曾被再可需要想得在对把将以过"
_OTHER = "\x00"
_CHINESE_NEGATION = re.compile(
    f"{'|'.join(sorted(CHINESE_NOT_NEGATORS, key=len, reverse=True))}"
    f"|(?P<negator>{'|'.join(sorted(CHINESE_NEGATORS, key=len, reverse=True))})"
    f"[{_CHINESE_FILLERS}]*+(?P<denied>.{{0,2}})",
    re.DOTALL,
)


class Denial(NamedTuple):
    """A negation: the keys of the content words that follow it, or of the one before when none follows."""

    heads: tuple[str, ...]


def polarity_disagrees(claim: Statement, quote: Statement) -> str | None:
    """A negation that one has and the other, speaking of the same thing, has not."""
    said = claim.key_set | claim.characters
    claimed, quoted = _denials(claim), _denials(quote)
    free = list(quoted)
    for denial in claimed:
        partner = next((other for other in free if set(other.heads) & set(denial.heads)), None)
        if partner is None and not set(denial.heads) & (quote.key_set | quote.characters):
            partner = next((other for other in free if not set(other.heads) & said), None)
        if partner is None:
            return f"denies {'/'.join(denial.heads)}"
        free.remove(partner)
    for denial in free:
        if denial.heads and denial.heads[0] in said:
            return f"does not deny {denial.heads[0]}"
    return _prefix_flip(claim, quote)


def _denials(statement: Statement) -> list[Denial]:
    found = [
        Denial(_heads(statement.items, place))
        for place, item in enumerate(statement.items)
        if item.kind == "word" and _is_negator(statement.items, place)
    ]
    return found + _chinese_denials(statement)


def _is_negator(items: list[Item], place: int) -> bool:
    item = items[place]
    following = items[place + 1] if place + 1 < len(items) else None
    if item.text in _DENIES_CLAUSE and following is not None and following.text == "that":
        return True
    if item.text == "yet" and following is not None and following.text == "to":
        return True
    if item.text in NEGATORS:
        if item.bounds or item.capital or (item.text == "no" and following is not None and following.kind == "number"):
            return False
        return following is None or following.text not in AFTER_NOT_MEANT
    return item.root in NEGATIVE_VERBS and (following is not None and following.text in ("to", "the", "any", "from"))


def _heads(items: list[Item], place: int) -> tuple[str, ...]:
    """The content words denied by the negator at `place`."""
    following = items[place + 1 : place + 1 + _REACH]
    after = [item.key for item in following if not item.stop and item.text not in _FILLERS]
    if after:
        return tuple(after[:_HEADS])
    before = [item.key for item in items[max(0, place - _REACH) : place] if not item.stop]
    return tuple(before[-1:])


def _chinese_denials(statement: Statement) -> list[Denial]:
    """Negations in Chinese text; the denied is the next character but for auxiliaries."""
    shown = "".join(item.root if item.kind == "cjk" else _OTHER for item in statement.items)
    shown = _CHINESE_BOUND.sub(_OTHER, shown)
    found: list[Denial] = []
    for match in _CHINESE_NEGATION.finditer(shown):
        if match.lastgroup == "denied":
            heads = match.group("denied").replace(_OTHER, "")
            found.append(Denial(tuple(heads) or (match.group("negator"),)))
    return found


def _prefix_flip(claim: Statement, quote: Statement) -> str | None:
    """`unlikely` where the quote has `likely`, or the other way round."""
    for one, other in ((claim, quote), (quote, claim)):
        for word in one.texts - other.texts:
            for prefix in NEGATIVE_PREFIXES:
                rest = word.removeprefix(prefix)
                if rest != word and len(rest) > 3 and rest in other.texts and rest not in one.texts:
                    return f"{word} against {rest}"
    return None
