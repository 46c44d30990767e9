"""Whether two statements agree in every number, unit, date, name and in what they deny.

Each function returns what disagrees, in a few words, or None. They err on the side of disagreement: what cannot be
seen to agree does not.
"""

from __future__ import annotations

import re
from collections.abc import Sequence, Set

from rag.citations.lexicon import antonyms, rivals
from rag.citations.numbers import Quantity
from rag.citations.statement import Item, Statement

_DEMONYM = re.compile(r"(?:|s|es|n|an|ian|ean|ese|ish|i|ic|er|ia|y|a|e|o|us|land|al)\Z")
_PRONOUNS = frozenset(
    "he she it they his her its their him them this these that who which we our 他 她 它 其 该 此".split()
)
_OPENERS = frozenset(
    "according based given following using unlike like compared depending regarding concerning considering including "
    "finally recently currently overall instead together today yesterday later earlier often sometimes".split()
)
_NEARLY = frozenset(("nearly", "almost"))
_ROUGHLY = _NEARLY | frozenset("about around approximately roughly close virtually practically some most".split())
_FUTURE = frozenset(("will", "shall"))
_OPEN = _FUTURE | frozenset(
    "would going plan plans planned expect expected intend intended scheduled due may might could can should must "
    "future".split()
)
_DONE = frozenset("was were has have had did been".split())
_CHINESE_FUTURE = re.compile("即将|将[会要于在]")
_CHINESE_DONE = re.compile("[已了曾]")
_COMMON_ENDINGS = ("ally", "ently", "ously", "tion", "tions", "ment", "ments", "ness", "ities")


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
    if claimed.unit == quoted.unit or claimed.unit is None or (quoted.unit is None and _may_go_unsaid(claimed)):
        return True
    return quoted.unit is None and any(other.unit == claimed.unit for other in quote.quantities)


def _may_go_unsaid(quantity: Quantity) -> bool:
    """Whether a number is a date without its unit as well: `2019` is 2019年, but `2` is not 两年."""
    return quantity.unit == "day of" or (quantity.unit == "year of" and len(quantity.value) > 2)


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
        if not is_name(item, known, ordinary):
            continue
        if not _is_form_of_any(item.text, quote) and not is_acronym(item.text, quote):
            missing.append(item)
    return [item for item in missing if not _is_abbreviated(item, claim, quote)]


def is_name(item: Item, known: Set[str], ordinary: Set[str]) -> bool:
    """Whether an item is written as a name is; a capital that the beginning of a sentence explains must have reason.

    Args:
        item: of a claim or a quote.
        known: words that are names somewhere in the documents.
        ordinary: words that the documents also write without a capital.
    """
    if item.capital or not item.perhaps_name:
        return item.capital
    common = item.text in ordinary or item.text in _OPENERS or item.text.endswith(_COMMON_ENDINGS)
    return item.text in known or not common


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


def is_acronym(name: str, quote: Statement) -> bool:
    """NFL for National Football League, NLP for natural language processing."""
    letters = name.replace(".", "")
    if not 2 <= len(letters) <= 6:
        return False
    capitals, all_words = quote.initials
    return letters in capitals or (len(letters) > 2 and letters in all_words)


def _is_abbreviated(item: Item, claim: Statement, quote: Statement) -> bool:
    """Whether an item belongs to a name in full of which the quote has the initials: United States for U.S."""
    place = claim.items.index(item)
    for length in range(2, 7):
        for first in range(max(0, place - length + 1), place + 1):
            run = claim.items[first : first + length]
            named = [one for one in run if one.kind == "word" and not one.stop]
            if len(named) > 1 and run[0] in named and all(one.capital or one.perhaps_name for one in named):
                initials = "".join(one.text[0] for one in named)
                if initials in quote.texts or (initials == "us" and "u.s" in quote.texts):
                    return True
    return False


def stands_for(name: str, words: Sequence[str]) -> bool:
    """Whether a name is the initials of words in a row."""
    letters = name.replace(".", "")
    return len(letters) > 1 and letters in "".join(word[0] for word in words)


def begins_with_pronoun(quote: Statement, within: int = 6) -> bool:
    """Whether one of the first items of the quote only stands for a name."""
    return any(item.text in _PRONOUNS for item in quote.items[:within])


def opposites(claim: Statement, quote: Statement) -> str | None:
    """A word of the claim whose opposite the quote has instead."""
    claimed, quoted = _roots(claim), _roots(quote)
    meant = {item.root for item in claim.items if item.key in quote.key_set}
    for root in claimed - quoted - meant:
        others = antonyms().get(root, frozenset())
        if not root.isascii():
            others |= rivals().get(root, frozenset())
        for opposite in others:
            if opposite in quoted and opposite not in claimed:
                return f"{root} for {opposite}"
    return None


def status_disagrees(claim: Statement, quote: Statement) -> str | None:
    """What is told as still to come, or as nearly so, where the quote tells it as done."""
    if _NEARLY & claim.texts and not _ROUGHLY & quote.texts:
        return "nearly"
    if _FUTURE & claim.texts and _DONE & quote.texts and not _OPEN & quote.texts:
        return "will for what was"
    said, shown = ("".join(item.root for item in one.items if item.kind == "cjk") for one in (claim, quote))
    if _CHINESE_FUTURE.search(said) and "将" not in shown and _CHINESE_DONE.search(shown):
        return "将 for what was"
    return None


def _roots(statement: Statement) -> set[str]:
    """The stems, characters and pairs of characters by which opposites are looked up."""
    roots = {item.root for item in statement.items if not item.bounds}
    run = "".join(item.root if item.kind == "cjk" else " " for item in statement.items)
    return roots | {run[place : place + 2] for place in range(len(run) - 1)} - {"  "}
