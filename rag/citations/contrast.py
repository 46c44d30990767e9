"""What a statement restricts, and what it sets against what: `only`, `unlike`, `rather than`, `whereas`.

Both turn on place, not on words: `Unlike A, B does it` has the words of `Unlike B, A does it`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from rag.citations.statement import Item, Statement

_ONLY = frozenset("only solely exclusively sole".split())
_RESTRICTS = _ONLY | frozenset("just merely simply purely alone unique single nothing nobody none".split())
_EXCEPTS = frozenset(
    "except besides unless limit limited limits restrict restricted restricts excluding until nothing none".split()
)
_HEADS = 3
_OTHER, _BREAK = "\x00", "\x01"
_CHINESE_ONLY = re.compile(
    f"(?<!不)(?:仅|唯一|唯有|(?<![一两几每这那{_OTHER}])只(?![要好不])(?<!{_BREAK}只(?=是)))(?![有是]?{_OTHER})"
)
_CHINESE_RESTRICTS = re.compile("[仅只唯单独光限除专]")

_GOVERNING = (
    ("rather", "than"), ("instead", "of"), ("as", "opposed", "to"), ("in", "contrast", "to"), ("in", "place", "of"),
    ("compared", "with"), ("compared", "to"), ("unlike",), ("than",),
)  # fmt: skip
_BETWEEN = frozenset(("whereas", "while", "whilst"))
_LONGEST_NOT = 12

Keys = frozenset[str]


class _Restriction(NamedTuple):
    """Attributes:
    heads: the content words it may speak of, the next ones first.
    opens: it begins its clause, and so restricts who acts.
    """

    heads: tuple[str, ...]
    opens: bool


class _Contrast(NamedTuple):
    """What is set apart, and what it is set apart from; `ordered` when the two cannot change places."""

    apart: Keys
    rest: Keys
    ordered: bool


def restriction_disagrees(claim: Statement, quote: Statement) -> str | None:
    """An `only` of the claim that the quote does not have, or has of something else."""
    claimed = [one for one in _restrictions(claim, _ONLY) if not one.heads or not one.heads[0].startswith("#")]
    if claimed and not _EXCEPTS & quote.texts:
        quoted = _restrictions(quote, _RESTRICTS)
        for restriction in claimed:
            if not any(_same_restriction(restriction, other) for other in quoted):
                return f"only {'/'.join(restriction.heads[:1])}"
    if _CHINESE_ONLY.search(_chinese(claim)) and not _CHINESE_RESTRICTS.search(_chinese(quote)):
        return "only in Chinese"
    return None


def sides_exchanged(claim: Statement, quote: Statement) -> str | None:
    """Two things that the quote sets against each other, in each other's place."""
    claimed = list(_contrasts(claim))
    quoted = list(_contrasts(quote)) if claimed else []
    for ours in claimed:
        others = [theirs for theirs in quoted if theirs.ordered == ours.ordered]
        crossed = [theirs for theirs in others if _is_crossed(ours, theirs)]
        if crossed and not any(ours.apart & theirs.apart for theirs in others if theirs not in crossed):
            return f"{'/'.join(sorted(ours.apart & crossed[0].rest))} in the other's place"
    return None


def _restrictions(statement: Statement, words: frozenset[str]) -> list[_Restriction]:
    items = statement.items
    return [
        _restriction(statement, place)
        for place, item in enumerate(items)
        if item.text in words and (not place or items[place - 1].text not in ("not", "if"))
    ]


def _restriction(statement: Statement, place: int) -> _Restriction:
    start, end = _clause(statement, place)
    after = [item.key for item in statement.items[place + 1 : end] if not item.stop][:_HEADS]
    before = [item.key for item in statement.items[start:place] if not item.stop]
    return _Restriction(tuple(after or before[-1:]), place == start)


def _same_restriction(ours: _Restriction, theirs: _Restriction) -> bool:
    if ours.opens != theirs.opens:
        return bool(ours.heads and theirs.heads) and ours.heads[0] == theirs.heads[0]
    return not ours.heads or bool(set(ours.heads) & set(theirs.heads))


def _is_crossed(ours: _Contrast, theirs: _Contrast) -> bool:
    apart, rest = theirs.apart - theirs.rest, theirs.rest - theirs.apart
    if not (ours.apart & rest and ours.rest & apart):
        return False
    if ours.ordered:
        return len(ours.apart & rest) > len(ours.apart & apart)
    return bool(ours.apart & apart and ours.rest & rest)


def _contrasts(statement: Statement) -> Iterator[_Contrast]:
    items = statement.items
    texts = [item.text for item in items]
    for place, text in enumerate(texts):
        if text in _BETWEEN:
            cut = place if place else _clause(statement, place)[1]
            yield _contrast(items[:cut], items[cut:], ordered=False)
        elif text == "not":
            yield from _not_but(statement, texts, place)
        else:
            marker = next(
                (marker for marker in _GOVERNING if tuple(texts[place : place + len(marker)]) == marker), None
            )
            after = place + len(marker or ())
            if marker and texts[place - 1 : place] != ["rather"] and not items[place].bounds:
                end = _clause(statement, place)[1]
                yield _contrast(items[after:end], [*items[:place], *items[end:]], ordered=True)


def _not_but(statement: Statement, texts: Sequence[str], place: int) -> Iterator[_Contrast]:
    """`not A but B`, and `B, not A`."""
    items = statement.items
    start, end = _clause(statement, place)
    reach = texts[place + 1 : place + _LONGEST_NOT]
    if "but" in reach and reach[:1] != ["only"]:
        but = place + 1 + reach.index("but")
        yield _contrast(items[place + 1 : but], items[but + 1 : _clause(statement, but + 1)[1]], ordered=True)
    elif start == place:
        yield _contrast(items[place + 1 : end], items[:place], ordered=True)


def _contrast(apart: Sequence[Item], rest: Sequence[Item], *, ordered: bool) -> _Contrast:
    return _Contrast(_content(apart), _content(rest), ordered)


def _content(items: Sequence[Item]) -> Keys:
    return frozenset(item.key for item in items if not item.stop)


def _clause(statement: Statement, place: int) -> tuple[int, int]:
    """Where the items around `place` begin and end between which no punctuation lies."""
    items, words = statement.items, statement.words
    start, end = place, min(place + 1, len(items))
    while 0 < start < len(items) and words[items[start].first].plain_gap:
        start -= 1
    while end < len(items) and words[items[end].first].plain_gap:
        end += 1
    return start, end


def _chinese(statement: Statement) -> str:
    """The Chinese characters; what is none, and where punctuation lies, as a sign."""
    words = statement.words
    return "".join(
        ("" if words[item.first].plain_gap else _BREAK) + (item.root if item.kind == "cjk" else _OTHER)
        for item in statement.items
    )
