"""A sentence taken apart into what is compared: content words, quantities, and the order they stand in."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from functools import cached_property
from typing import Literal, NamedTuple

from rag.citations.lexicon import CHINESE_STOPS, ENGLISH_STOPS, chinese_openings, synonyms
from rag.citations.numbers import Quantity, read_quantity
from rag.citations.words import Word, meaning, stem

_LONGEST_CHINESE_WORD = 4
_STRANGE_PAIRS = 0
_BOUNDING = frozenset("most least at than up to".split())
_THAN = frozenset("more less fewer greater higher larger longer older lower smaller shorter younger".split())
_COMPARING = _THAN | frozenset("over under above below".split())
_ALSO_NAMES = frozenset(("states", "will", "none"))


class Item(NamedTuple):
    """One thing that a sentence says, in `words[first:last]`.

    Attributes:
        key: equal for two items that mean the same: a stem or the stand-in of its synonyms, `#value`, a character.
        root: the stem, the character or the Chinese word itself.
        stop: it carries grammar rather than meaning.
        capital: it is written with a capital that a sentence's beginning does not explain.
        perhaps_name: it is written with a capital at the beginning of a sentence.
        bounds: it belongs to the bound of a number: `at least` in `at least 15`.
    """

    kind: Literal["word", "number", "cjk"]
    key: str
    root: str
    text: str
    first: int
    last: int
    stop: bool = False
    capital: bool = False
    perhaps_name: bool = False
    bounds: bool = False


class Statement:
    """A claim, or some sentences of a page, read once and compared many times."""

    def __init__(self, words: Sequence[Word]) -> None:
        self.words = words
        self.quantities: list[Quantity] = []
        self.items = self._read()

    def _read(self) -> list[Item]:
        items: list[Item] = []
        at = 0
        while at < len(self.words):
            quantity = read_quantity(self.words, at)
            if quantity is not None:
                self.quantities.append(quantity)
                text = " ".join(word.text for word in self.words[at : quantity.last])
                key = f"#{quantity.value}"
                items.append(Item("number", key, key, text, at, quantity.last, quantity.loose))
            elif self.words[at].kind == "cjk":
                items.append(self._chinese(at))
            elif self.words[at].kind == "word":
                items.append(_word_item(self.words[at], at))
            else:
                word = self.words[at]
                items.append(Item("word", word.text, word.text, word.text, at, at + 1, True))
            at = items[-1].last
        return _with_bounds(items)

    def _chinese(self, at: int) -> Item:
        """A Chinese word that has synonyms, or else one character."""
        text = self.words[at].text
        if text not in chinese_openings():
            return Item("cjk", text, text, text, at, at + 1, text in CHINESE_STOPS)
        run = ""
        for word in self.words[at : at + _LONGEST_CHINESE_WORD]:
            if word.kind != "cjk" or (run and not word.glued):
                break
            run += word.text
        for length in range(len(run), 1, -1):
            if run[:length] in synonyms():
                return Item("cjk", synonyms()[run[:length]], run[:length], run[:length], at, at + length)
        return Item("cjk", text, text, text, at, at + 1, text in CHINESE_STOPS)

    @cached_property
    def keys(self) -> list[str]:
        """The keys of the items, in order."""
        return [item.key for item in self.items]

    @cached_property
    def content(self) -> list[str]:
        """What it is about: keys of content words and numbers, and pairs of Chinese characters; repeats kept."""
        found: list[str] = []
        previous: Item | None = None
        for item in self.items:
            if item.kind == "cjk":
                if previous is not None and not (previous.stop and item.stop):
                    found.append(previous.root[-1] + item.root[0])
                if len(item.root) > 1:
                    found.append(item.key)
                previous = item
                continue
            previous = None
            if not item.stop:
                found.append(item.key)
        if not found:
            found = [item.key for item in self.items if item.kind == "cjk" and not item.stop]
        return found

    @cached_property
    def key_set(self) -> frozenset[str]:
        return frozenset(self.keys)

    @cached_property
    def characters(self) -> frozenset[str]:
        """The Chinese characters."""
        return frozenset("".join(item.root for item in self.items if item.kind == "cjk"))

    @cached_property
    def initials(self) -> tuple[str, str]:
        """The first letters of the words with a capital, and of all words."""
        words = [item for item in self.items if item.kind == "word"]
        capitals = [item.text[0] for item in words if item.capital or item.perhaps_name]
        return "".join(capitals), "".join(item.text[0] for item in words)

    @cached_property
    def pairs(self) -> frozenset[str]:
        """The pairs of Chinese characters that stand side by side."""
        run = "".join(item.root if item.kind == "cjk" else " " for item in self.items)
        return frozenset(run[place : place + 2] for place in range(len(run) - 1))

    @cached_property
    def content_set(self) -> frozenset[str]:
        return frozenset(self.content)

    @cached_property
    def _times(self) -> Counter[str]:
        return Counter(self.content)

    @cached_property
    def texts(self) -> frozenset[str]:
        """The words as written, lower case: what a name is looked up in."""
        return frozenset(word.text for word in self.words)

    def coverage(self, other: Statement) -> float:
        """The share of this statement's content that `other` has, from 0 to 1."""
        if not self.content:
            return 0.0
        shared = sum(map(self._times.__getitem__, self.content_set & other.content_set))
        return shared / len(self.content)

    def longest_addition(self, other: Statement) -> int:
        """How many content items in a row `other` has none of; two Chinese characters count as one.

        Of Chinese also a row of pairs of characters counts that `other` has none of, though it have each character.
        """
        longest = run = pairs = 0
        previous: Item | None = None
        for item in self.items:
            if item.kind == "cjk" and previous is not None and previous.kind == "cjk":
                known = previous.root[-1] + item.root[0] in other.pairs or (
                    len(item.root) > 1 and item.key in other.key_set
                )
                pairs = 0 if known else pairs + len(item.root)
                longest = max(longest, pairs - _STRANGE_PAIRS)
            else:
                pairs = 0
            previous = item
            if item.key in other.key_set or item.root in other.characters:
                run = 0
            elif not item.stop:
                run += 1 if item.kind == "cjk" else 2
                longest = max(longest, run)
        return longest // 2


def _with_bounds(items: list[Item]) -> list[Item]:
    """The items, those marked that lead up to a number and bound it."""
    bounding = False
    for place in range(len(items) - 1, -1, -1):
        text = items[place].text
        if text in _THAN and items[place + 1 : place + 2] and items[place + 1].text != "than":
            bounding = False  # `no longer 3` bounds nothing
        elif text in ("no", "not"):
            bounding = bounding and items[place + 1].text in _COMPARING
        else:
            bounding = items[place].kind == "number" or (bounding and (text in _BOUNDING or text in _COMPARING))
        if bounding and items[place].kind == "word":
            items[place] = items[place]._replace(bounds=True)
    return items


def _word_item(word: Word, at: int) -> Item:
    named = word.capital and word.text != "i"
    stop = word.text in ENGLISH_STOPS and not (named and not word.initial and word.text in _ALSO_NAMES)
    return Item(
        "word", meaning(word.text), stem(word.text), word.text, at, at + 1, stop,
        named and not word.initial and not stop, named and word.initial and not stop,
    )  # fmt: skip
