"""Whether numbers and names stand in a claim where they stand in its quote.

That a quote has a number somewhere is not enough: two numbers of one sentence may have changed places. So both are
laid side by side with every number and name left blank; where the words around a blank agree, so must what fills it.
What replaces words of a Chinese quote is judged by its length and its characters, since names do not show there.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from difflib import SequenceMatcher
from typing import NamedTuple

from rag.citations.agreement import stands_for
from rag.citations.chinese_names import BODIES, is_place, looks_like_name
from rag.citations.lexicon import CHINESE_COMMON, CHINESE_STOPS, antonyms, rivals, units
from rag.citations.statement import Item, Statement
from rag.text.language import is_cjk
from rag.text.stems import english_stem

Opcode = tuple[str, int, int, int, int]

_NUMBER, _NAME = "#", "@"
_LONGEST_REPLACED = 12
MOST_PAIRS = 2_000
"""Of equal keys in a claim and its quote. In prose there are some dozens, in long Chinese passages some hundreds."""

_PARTICLES = CHINESE_STOPS | frozenset(
    "时期间等中里上下内外个名种次些已须要会能可称叫做来去让使给向得过起出入再很更最较约近每各某该者性化是为成当于"
)
_HAN_NUMERALS = frozenset("二三四五六七八九十百千万亿两")


class Slot(NamedTuple):
    """One or more items in a row that fill one place: a number, a name, or any other item alone."""

    key: str
    items: tuple[Item, ...]

    @property
    def filling(self) -> frozenset[str]:
        return frozenset(item.key for item in self.items)

    @property
    def text(self) -> str:
        return "".join(item.text for item in self.items)


def misplaced(claim: Statement, quote: Statement, is_name: Callable[[Item], bool]) -> str | None:
    """A number or name that stands in the claim where the quote has another; None when there is none."""
    claimed, quoted = _slots(claim, is_name), _slots(quote, is_name)
    same_voice = is_passive(claim) == is_passive(quote)
    opcodes = _aligned([slot.key for slot in claimed], [slot.key for slot in quoted])
    if same_voice and (fault := _exchanged(opcodes, claimed, quoted)):
        return fault
    if not same_voice and (fault := _roles_kept(claim, quote)):
        return fault
    for tag, c1, c2, q1, q2 in _joined(opcodes):
        ours, theirs = claimed[c1:c2], quoted[q1:q2]
        if tag == "equal":
            edges = 2 * (c1 == q1 == 0) + 2 * (c2 == len(claimed) and q2 == len(quoted))
            fault = _differently_filled(ours, theirs, edges, same_voice=same_voice)
        elif tag == "replace" and len(ours) <= _LONGEST_REPLACED and len(theirs) <= _LONGEST_REPLACED:
            fault = _replaced(ours, theirs, same_voice=same_voice) or _replaced_chinese(
                ours, theirs, (claimed[max(0, c1 - 1) : c1], claimed[c2 : c2 + 2]), (claim, quote)
            )
        else:
            fault = None
        if fault:
            return fault
    return None


def _aligned(claimed: Sequence[str], quoted: Sequence[str]) -> Sequence[Opcode]:
    """How to make the quote of the claim.

    The matcher looks at every pair of equal keys many times over. Where a passage repeats itself so much that they are
    too many, those of which there are most are no anchors.
    """
    ours, theirs = Counter(claimed), Counter(quoted)
    pairs = {key: times * theirs[key] for key, times in ours.items()}
    total, dropped = sum(pairs.values()), set[str]()
    for key in sorted(pairs, key=lambda key: -pairs[key]):
        if total <= MOST_PAIRS:
            break
        total -= pairs[key]
        dropped.add(key)
    junk = dropped.__contains__ if dropped else None
    return SequenceMatcher(junk, claimed, quoted, autojunk=False).get_opcodes()


def is_passive(statement: Statement) -> bool:
    """`was … by`, 被: the one who acts and the one acted on have changed places."""
    texts = {item.text for item in statement.items}
    return ("by" in texts and any(item.root == "be" for item in statement.items)) or "被" in texts


def _roles_kept(claim: Statement, quote: Statement) -> str | None:
    """`A was hired by B` for `A hired B`: only the voice has changed, and so who acts."""
    passive, active = (claim, quote) if is_passive(claim) else (quote, claim)
    order = [item.key for item in active.items]
    for place, item in enumerate(passive.items):
        if item.text not in ("by", "被"):
            continue
        size = 2 if item.text == "被" else 1  # a character alone is no name
        doers = [one.key for one in passive.items[place + 1 :] if not one.stop][:size]
        done_to = [one.key for one in passive.items[:place] if not one.stop][:size]
        doer, subject = _only_place(order, doers), _only_place(order, done_to)
        if doer is not None and subject is not None and subject < doer and not set(doers) & set(done_to):
            return f"{''.join(doers)} acts on {''.join(done_to)}"
    return None


def _only_place(order: Sequence[str], run: Sequence[str]) -> int | None:
    """Where `run` stands in `order`, if it stands there once."""
    size = len(run)
    places = [place for place in range(len(order) - size + 1) if size and list(order[place : place + size]) == run]
    return places[0] if len(places) == 1 else None


def _slots(statement: Statement, is_name: Callable[[Item], bool]) -> list[Slot]:
    slots: list[Slot] = []
    for item in statement.items:
        key = _NUMBER if item.kind == "number" else _NAME if is_name(item) else item.key
        if key in (_NUMBER, _NAME) and slots and slots[-1].key == key:
            slots[-1] = Slot(key, (*slots[-1].items, item))
        else:
            slots.append(Slot(key, (item,)))
    return slots


def _joined(opcodes: Sequence[Opcode]) -> list[Opcode]:
    """The opcodes, with changes that only a chance match of one item separates made one replacement."""
    joined: list[Opcode] = []
    for place, (tag, c1, c2, q1, q2) in enumerate(opcodes):
        chance = tag == "equal" and c2 - c1 == 1 and 0 < place < len(opcodes) - 1
        if joined and joined[-1][0] != "equal" and (tag != "equal" or chance):
            _, c0, _, q0, _ = joined[-1]
            joined[-1] = ("replace", c0, c2, q0, q2)
        else:
            joined.append((tag, c1, c2, q1, q2))
    return joined


def _differently_filled(ours: Sequence[Slot], theirs: Sequence[Slot], edges: int, *, same_voice: bool) -> str | None:
    """A blank among agreeing words that claim and quote fill differently."""
    words = sum(slot.key not in (_NUMBER, _NAME) for slot in ours)
    if words + edges < 2:
        return None
    for one, other in zip(ours, theirs, strict=True):
        extra, lost = one.filling - other.filling, other.filling - one.filling
        if one.key == _NUMBER and ((extra and lost) or _reordered(one, other)):
            return f"number {one.text} for {other.text}"
        if one.key == _NAME and same_voice and extra and lost and not _abbreviates(one.items, other.items):
            return f"name {min(extra)} for {min(lost)}"
    return None


def _reordered(one: Slot, other: Slot) -> bool:
    """Whether the same numbers stand in another order; the parts of one date may."""
    ours, theirs = [item.key for item in one.items], [item.key for item in other.items]
    if ours == theirs or sorted(ours) != sorted(theirs):
        return False
    dates = sum("month" in key for key in ours) or len(ours)
    if len(ours) % dates:
        return False
    size = len(ours) // dates
    parts = range(0, len(ours), size)
    return any(sorted(ours[place : place + size]) != sorted(theirs[place : place + size]) for place in parts)


def _abbreviates(ours: Sequence[Item], theirs: Sequence[Item]) -> bool:
    """UK in one, United Kingdom in the other."""
    texts, other_texts = [item.text for item in ours], [item.text for item in theirs]
    return any(stands_for(text, other_texts) for text in texts) or any(stands_for(text, texts) for text in other_texts)


def _exchanged(opcodes: Sequence[Opcode], claimed: Sequence[Slot], quoted: Sequence[Slot]) -> str | None:
    """Two runs of Chinese that have changed places: `A wins B` for `B wins A`."""
    changed = {
        (_told(claimed[c1:c2]), _told(quoted[q1:q2]))
        for tag, c1, c2, q1, q2 in (*opcodes, *_joined(opcodes)) if tag == "replace"
    }  # fmt: skip
    for left, middle, right in zip(opcodes, opcodes[1:], opcodes[2:], strict=False):
        if left[0] == right[0] == "replace" and any(not slot.items[0].stop for slot in claimed[middle[1] : middle[2]]):
            pairs = [(_told(claimed[op[1] : op[2]]), _told(quoted[op[3] : op[4]])) for op in (left, right)]
            if pairs[0] == pairs[1][::-1] and all(pairs[0]):
                return f"{pairs[0][0]} and {pairs[0][1]} exchanged"
    for one, other in sorted(changed):
        if one and other and _is_chinese(one + other) and (other, one) in changed and one != other:
            return f"{one} and {other} exchanged"
    for before, between, after in zip(opcodes, opcodes[1:], opcodes[2:], strict=False):
        if between[0] != "equal" or {before[0], after[0]} != {"insert", "delete"}:
            continue
        new, old = (before, after) if before[0] == "delete" else (after, before)
        added, lost = _run(claimed[new[1] : new[2]]), _run(quoted[old[3] : old[4]])
        if (
            len(added) > 2
            and added.strip("而") != lost.strip("而")
            and _is_chinese(added)
            and Counter(added) == Counter(lost)
        ):
            if _run(claimed[between[1] : between[2]])[1:]:
                return f"{added} for {lost}"
    return None


def _times(run: str, statement: Statement) -> int:
    return "".join(item.text for item in statement.items).count(run)


def _run(slots: Sequence[Slot]) -> str:
    return "".join(slot.text for slot in slots)


def _is_chinese(run: str) -> bool:
    return any(is_cjk(character) for character in run)


def _replaced(ours: Sequence[Slot], theirs: Sequence[Slot], *, same_voice: bool) -> str | None:
    """A number, name, unit or word of degree put in the place of another."""
    for kind, same in ((_NUMBER, True), (_NAME, same_voice)):
        claimed = {key for slot in ours if slot.key == kind for key in slot.filling}
        quoted = {key for slot in theirs if slot.key == kind for key in slot.filling}
        if same and claimed and quoted and not claimed & quoted and not _all_abbreviate(ours, theirs, kind):
            return f"{min(claimed)} for {min(quoted)}"
    measured = {units()[slot.text] for slot in ours if slot.text in units()}
    other_measured = {units()[slot.text] for slot in theirs if slot.text in units()}
    if measured and other_measured and not measured & other_measured:
        return f"unit {min(measured)} for {min(other_measured)}"
    return _turned(ours, theirs)


def _all_abbreviate(ours: Sequence[Slot], theirs: Sequence[Slot], kind: str) -> bool:
    one, other = ([item for slot in slots for item in slot.items if item.kind == "word"] for slots in (ours, theirs))
    return kind == _NAME and _abbreviates(one, other)


def _turned(ours: Sequence[Slot], theirs: Sequence[Slot]) -> str | None:
    """A word put in the place of its opposite, or of another of a set of which only one can hold."""
    claimed, quoted = ({form for slot in slots for form in _forms(slot)} for slots in (ours, theirs))
    for form in claimed - quoted:
        opposite = (antonyms().get(form, frozenset()) | rivals().get(form, frozenset())) & quoted - claimed
        if opposite:
            return f"{form} for {min(opposite)}"
    return None


def _forms(slot: Slot) -> tuple[str, ...]:
    item = slot.items[0]
    if item.bounds:
        return ()
    return (item.root, english_stem(item.text)) if item.kind == "word" or item.text.isalpha() else (item.root,)


def _replaced_chinese(
    ours: Sequence[Slot],
    theirs: Sequence[Slot],
    around: tuple[Sequence[Slot], Sequence[Slot]],
    statements: tuple[Statement, Statement],
) -> str | None:
    """A run of characters put in the place of another, unless it is only other wording.

    Args:
        ours, theirs: what replaces, and what is replaced.
        around: what stands before and after it in both.
        statements: claim and quote; what has only been moved stands as often in the one as in the other.
    """
    if not any(slot.items[0].kind == "cjk" for slot in (*ours, *theirs)):
        return None
    claimed, quoted = _bare(ours), _bare(theirs)
    numerals, others = _HAN_NUMERALS.intersection(claimed), _HAN_NUMERALS.intersection(quoted)
    if numerals and others and not numerals & others:
        return f"number {claimed} for {quoted}"
    said, shown = _run(ours), _run(theirs)
    if shown in antonyms().get(said, frozenset()) | rivals().get(said, frozenset()):
        return f"{said} for {shown}"
    before, after = ("".join(slot.text for slot in slots if slot.items[0].kind == "cjk") for slots in around)
    if is_place(claimed + after[:1]) and is_place(quoted + after[:1]):
        return f"name {claimed + after[:1]} for {quoted + after[:1]}"
    if not claimed or not quoted or _is_wording(claimed) or _is_wording(quoted):
        return None
    whole = min(len(claimed), len(quoted)) > 1
    if whole and _times(claimed, statements[0]) > _times(claimed, statements[1]):
        return f"{claimed} for {quoted}"
    ways = [("", ""), ("", after[:1]), ("", after)] if whole else [("", after[:1]), (before, ""), (before, after[:1])]
    known = looks_like_name if whole or after[:1] in BODIES else is_place
    if any(known(head + claimed + tail) and known(head + quoted + tail) for head, tail in ways):
        return f"name {claimed} for {quoted}"
    return None


def _is_wording(run: str) -> bool:
    """Whether a run is made of common words and particles only."""
    place = 0
    while place < len(run):
        if run[place : place + 2] in CHINESE_COMMON:
            place += 2
        elif run[place] in _PARTICLES:
            place += 1
        else:
            return False
    return True


def _bare(slots: Sequence[Slot]) -> str:
    """What a run of slots says beside numbers, without grammar at its ends."""
    return _told([slot for slot in slots if slot.key != _NUMBER])


def _told(slots: Sequence[Slot]) -> str:
    """What a run of slots says, without grammar at its ends."""
    first, last = 0, len(slots)
    while first < last and slots[first].items[0].stop:
        first += 1
    while first < last and slots[last - 1].items[0].stop:
        last -= 1
    return _run(slots[first:last])
