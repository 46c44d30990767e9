"""Whether two statements agree in every number, unit, date, name and in what they deny.

Each function returns what disagrees, in a few words, or None. They err on the side of disagreement: what cannot be
seen to agree does not.
"""

from __future__ import annotations

import re
from collections.abc import Sequence, Set
from difflib import SequenceMatcher

from rag.citations.chinese_names import looks_like_name
from rag.citations.lexicon import antonyms
from rag.citations.numbers import Quantity
from rag.citations.statement import Item, Statement

_DATE_UNITS = ("year of", "day of")
_DEMONYM = re.compile(r"(?:|s|es|n|an|ian|ean|ese|ish|i|ic|er|ia|y|a|e|o|us|land|al)\Z")
_PRONOUNS = frozenset(
    "he she it they his her its their him them this these that who which we our 他 她 它 其 该 此".split()
)
_COMMON_ENDINGS = ("ally", "ently", "ously", "tion", "tions", "ment", "ments", "ness", "ities")
_LONGEST_SWAP = 8


def quantities_disagree(claim: Statement, quote: Statement) -> str | None:
    """A number, date or unit of the claim that the quote does not have."""
    for quantity in claim.quantities:
        if not any(_same_quantity(quantity, other, quote) for other in quote.quantities):
            if quantity.loose:
                continue
            return f"number {quantity.value}{' ' + quantity.unit if quantity.unit else ''}"
    return None


def _same_quantity(claimed: Quantity, quoted: Quantity, quote: Statement) -> bool:
    if claimed.value != quoted.value:
        return False
    if claimed.unit == quoted.unit or claimed.unit is None or (quoted.unit is None and claimed.unit in _DATE_UNITS):
        return True
    return quoted.unit is None and any(other.unit == claimed.unit for other in quote.quantities)


def missing_names(claim: Statement, quote: Statement, known: Set[str], ordinary: Set[str]) -> list[Item]:
    """The names in the claim that the quote does not have.

    Args:
        claim: what is claimed.
        quote: the words of the page.
        known: words that are names somewhere in the documents.
        ordinary: words that the documents also write without a capital.
    """
    missing = []
    for item in claim.items:
        if not (item.capital or item.perhaps_name) or item.text in quote.texts or item.key in quote.key_set:
            continue
        if item.perhaps_name and not _is_name_at_start(item, claim, known, ordinary):
            continue
        if not _is_form_of_any(item.text, quote) and not _is_acronym(item.text, quote):
            missing.append(item)
    return missing


def _is_name_at_start(item: Item, claim: Statement, known: Set[str], ordinary: Set[str]) -> bool:
    """Whether a capital that the beginning of a sentence explains is a name's all the same."""
    if item.text in known:
        return True
    if item.text in ordinary or item.text.endswith(_COMMON_ENDINGS):
        return False
    return True


def _is_form_of_any(name: str, quote: Statement) -> bool:
    """China and Chinese, Norman and Normandy: one is the other with a known ending, of four letters or more."""
    for word in quote.texts:
        stem_length = min(len(word), len(name)) - 2
        if stem_length < 3 or word[: max(stem_length, 3)] != name[: max(stem_length, 3)]:
            continue
        shared = 0
        while shared < min(len(word), len(name)) and word[shared] == name[shared]:
            shared += 1
        if shared >= 4 and _DEMONYM.match(word[shared:]) and _DEMONYM.match(name[shared:]):
            return True
    return False


def _is_acronym(name: str, quote: Statement) -> bool:
    """NFL for National Football League."""
    if not 2 <= len(name) <= 6:
        return False
    initials = "".join(item.text[0] for item in quote.items if item.capital or item.perhaps_name)
    return name in initials


def begins_with_pronoun(quote: Statement) -> bool:
    return any(item.text in _PRONOUNS for item in quote.items[:6])


def swapped(claim: Statement, quote: Statement) -> str | None:
    """A number, name or opposite that stands in the claim where the quote has another, wherever else it occurs."""
    same_voice = _is_passive(claim) == _is_passive(quote)
    matcher = SequenceMatcher(None, claim.keys, quote.keys, autojunk=False)
    for tag, c1, c2, q1, q2 in matcher.get_opcodes():
        if tag != "replace" or max(c2 - c1, q2 - q1) > _LONGEST_SWAP:
            continue
        shared = "".join(item.text for item in claim.items[c2 : c2 + 2] if item.kind == "cjk")
        fault = _exchange(claim.items[c1:c2], quote.items[q1:q2], shared, same_voice=same_voice)
        if fault:
            return fault
    return None


def _exchange(claimed: Sequence[Item], quoted: Sequence[Item], shared: str, *, same_voice: bool) -> str | None:
    numbers = {item.key for item in claimed if item.kind == "number"}
    others = {item.key for item in quoted if item.kind == "number"}
    if numbers and others and not numbers & others:
        return f"number {min(numbers)} for {min(others)}"
    names = {item.key for item in claimed if item.capital or item.perhaps_name}
    other_names = {item.key for item in quoted if item.capital or item.perhaps_name}
    if same_voice and names and other_names and not names & other_names:
        return f"name {min(names)} for {min(other_names)}"
    written, other_written = "".join(item.text for item in claimed), "".join(item.text for item in quoted)
    if claimed[0].kind == "cjk" and quoted[0].kind == "cjk" and same_voice:
        ways = ("", shared[:1], shared)
        if any(looks_like_name(written + way) and looks_like_name(other_written + way) for way in ways):
            return f"name {written} for {other_written}"
    return None


def opposites(claim: Statement, quote: Statement) -> str | None:
    """A word of the claim whose opposite the quote has instead."""
    claimed, quoted = _roots(claim), _roots(quote)
    for root in claimed - quoted:
        for opposite in antonyms().get(root, ()):
            if opposite in quoted and opposite not in claimed:
                return f"{root} for {opposite}"
    return None


def _roots(statement: Statement) -> set[str]:
    """The stems, characters and pairs of characters by which opposites are looked up."""
    roots = {item.root for item in statement.items}
    run = "".join(item.root if item.kind == "cjk" else " " for item in statement.items)
    return roots | {run[place : place + 2] for place in range(len(run) - 1)} - {"  "}


def _is_passive(statement: Statement) -> bool:
    texts = [item.text for item in statement.items]
    return ("by" in texts and any(item.root == "be" for item in statement.items)) or "被" in texts
