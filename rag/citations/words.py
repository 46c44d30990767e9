"""Text as the words that a claim and a page are compared by, each with its place."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from functools import lru_cache
from typing import Literal, NamedTuple

from rag.citations.lexicon import irregular_forms, synonyms
from rag.text.han_variants import simplified
from rag.text.language import CJK_RANGES
from rag.text.stems import english_stem

WordKind = Literal["word", "number", "cjk", "symbol"]

_WIDE = {code: code - 0xFEE0 for code in range(0xFF01, 0xFF5F)} | {0x2212: 0x2D, 0x2019: 0x27, 0x2018: 0x27}
_WORD = re.compile(
    r"(?P<marker>\[\^?\d{1,3}(?:\s?[,–-]\s?\d{1,3})*\])"
    r"|(?P<number>(?:(?<![^\s(])-)?(?:\d{1,3}(?:,\d{3})+(?:\.\d+)?(?![\d,])|\d+(?:\.\d+)*))"
    r"|(?P<symbol>[%‰°$€£¥₹½¼¾])"
    r"|(?P<initials>\b(?:U\.S\.A|U\.S|U\.K|U\.N|E\.U|D\.C)\b)"
    rf"|(?P<cjk>[{CJK_RANGES}])"
    rf"|(?P<word>[^\W\d_{CJK_RANGES}]+(?:'[^\W\d_{CJK_RANGES}]+)*)"
)
_AMERICA = frozenset(("US", "USA", "U.S", "U.S.A"))
_JOINED_BEFORE, _JOINED_AFTER = re.compile(r"[^\W_]_"), re.compile(r"_[^\W_]")
_NEAR = frozenset(("", " "))
_HUMP = re.compile(r"[a-z][A-Z]")
_OPENS = re.compile(r"[.!?:;\"“”‘«»(\[—–•*#\n。！？：；「『《]")


class Word(NamedTuple):
    """One word, number, CJK character or sign that counts, at `text[start:end]`.

    Attributes:
        text: lower case, accents and possessive dropped.
        capital: it is written with a capital, or is part of an identifier such as `word_count` or `wordCount`.
        initial: it begins a sentence, a quotation, a bracket or a list item, so that a capital says nothing.
        glued: nothing lies between it and the word before.
        plain_gap: only white space or a hyphen lies between it and the word before.
    """

    start: int
    end: int
    kind: WordKind
    text: str
    capital: bool
    initial: bool
    glued: bool
    plain_gap: bool


def read_words(text: str) -> list[Word]:
    """The words of `text` in order; punctuation and the page's own `[1]` marks are left out."""
    return list(iter_words(text))


def iter_words(text: str) -> Iterator[Word]:
    """The same, read as they are asked for."""
    folded = simplified(text.translate(_WIDE))
    last: Word | None = None
    position = 0
    for match in _WORD.finditer(folded):
        kind = match.lastgroup
        if kind == "marker":
            continue
        start, end = match.span()
        gap = folded[position:start]
        near = gap in _NEAR
        initial = last is None or (not near and _OPENS.search(gap) is not None and not _after_title(last, gap))
        plain_gap = near or not gap.strip(" -‐‑")
        raw = match.group()
        if kind in ("word", "initials"):
            code = _is_code(folded, start, end, raw)
            for word in _split_word(raw, start, initial=initial and not code, glued=not gap, plain_gap=plain_gap):
                last = word._replace(capital=True) if code else word
                yield last
        else:
            last = Word(start, end, kind, raw, False, initial, not gap, plain_gap)  # type: ignore[arg-type]
            yield last
        position = end


def _is_code(text: str, start: int, end: int, word: str) -> bool:
    """Whether `word`, at `text[start:end]`, is part of an identifier: it names something as a capital does."""
    if text[end : end + 1] == "_" and _JOINED_AFTER.match(text, end):
        return True
    if start > 1 and text[start - 1] == "_" and _JOINED_BEFORE.match(text, start - 2):
        return True
    return not word[1:].islower() and _HUMP.search(word) is not None


def _after_title(word: Word, gap: str) -> bool:
    """`Dr. Smith`, `J. Smith`: the stop belongs to the word before."""
    return gap == ". " and word.capital and len(word.text) <= 3


def _split_word(raw: str, start: int, *, initial: bool, glued: bool, plain_gap: bool) -> list[Word]:
    """A word, or the two of a contraction: `didn't` is `did not`."""
    lowered = plain(raw)
    end, capital = start + len(raw), raw[0].isupper()
    if raw in _AMERICA:
        return [Word(start, end, "word", "u.s", capital, initial, glued, plain_gap)]
    if lowered.isalpha() and lowered != "cannot":
        return [Word(start, end, "word", lowered, capital, initial, glued, plain_gap)]
    if lowered.endswith("n't"):
        base = {"won't": "will", "can't": "can", "shan't": "shall", "ain't": "is"}.get(lowered, lowered[:-3])
        cut = max(start + 1, end - 3)
        return [
            Word(start, cut, "word", base, capital, initial, glued, plain_gap),
            Word(cut, end, "word", "not", False, False, True, True),
        ]
    if lowered == "cannot":
        return [
            Word(start, start + 3, "word", "can", capital, initial, glued, plain_gap),
            Word(start + 3, end, "word", "not", False, False, True, True),
        ]
    head, mark, tail = lowered.rpartition("'")
    if mark and tail in ("s", "re", "ve", "ll", "d", "m"):
        lowered = head
    return [Word(start, end, "word", lowered.replace("'", "").replace(".", ""), capital, initial, glued, plain_gap)]


@lru_cache(maxsize=16_384)
def plain(word: str) -> str:
    """Lower case without accents."""
    lowered = word.lower()
    if lowered.isascii():
        return lowered
    decomposed = unicodedata.normalize("NFKD", lowered)
    return "".join(character for character in decomposed if not unicodedata.combining(character))


@lru_cache(maxsize=16_384)
def stem(word: str) -> str:
    """The stem of a lower-case word, irregular forms led back to their base."""
    return english_stem(irregular_forms().get(word, word))


@lru_cache(maxsize=16_384)
def meaning(word: str) -> str:
    """What a lower-case word counts as: the stand-in of its synonyms, or its stem."""
    root = stem(word)
    return synonyms().get(root, root)
