"""Text as the words that a claim and a page are compared by, each with its place."""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache
from typing import Literal, NamedTuple

from rag.citations.lexicon import irregular_forms, synonyms
from rag.text.language import CJK_RANGES
from rag.text.stems import english_stem

WordKind = Literal["word", "number", "cjk", "symbol"]

_WIDE = {code: code - 0xFEE0 for code in range(0xFF01, 0xFF5F)} | {0x2212: 0x2D, 0x2019: 0x27, 0x2018: 0x27}
_WORD = re.compile(
    r"(?P<marker>\[\^?\d{1,3}(?:\s?[,–-]\s?\d{1,3})*\])"
    r"|(?P<number>(?:(?<![^\s(])-)?(?:\d{1,3}(?:,\d{3})+(?:\.\d+)?(?![\d,])|\d+(?:\.\d+)*))"
    r"|(?P<symbol>[%‰°$€£¥₹½¼¾])"
    rf"|(?P<cjk>[{CJK_RANGES}])"
    rf"|(?P<word>[^\W\d_{CJK_RANGES}]+(?:'[^\W\d_{CJK_RANGES}]+)*)"
)
_OPENS = re.compile(r"[.!?:;\"“”‘«»(\[—–•*#\n。！？：；「『《]")


class Word(NamedTuple):
    """One word, number, CJK character or sign that counts, at `text[start:end]`.

    Attributes:
        text: lower case, accents and possessive dropped.
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
    folded = text.translate(_WIDE)
    words: list[Word] = []
    position = 0
    for match in _WORD.finditer(folded):
        kind = match.lastgroup
        if kind == "marker":
            continue
        start, end = match.span()
        gap = folded[position:start]
        initial = not words or (_OPENS.search(gap) is not None and not _after_title(words[-1], gap))
        plain_gap = not gap.strip(" -‐‑")
        if kind == "word":
            words += _split_word(match.group(), start, initial=initial, glued=not gap, plain_gap=plain_gap)
        else:
            shown = match.group()
            words.append(Word(start, end, kind, shown, False, initial, not gap, plain_gap))  # type: ignore[arg-type]
        position = end
    return words


def _after_title(word: Word, gap: str) -> bool:
    """`Dr. Smith`, `J. Smith`: the stop belongs to the word before."""
    return gap == ". " and word.capital and len(word.text) <= 3


def _split_word(raw: str, start: int, *, initial: bool, glued: bool, plain_gap: bool) -> list[Word]:
    """A word, or the two of a contraction: `didn't` is `did not`."""
    lowered = plain(raw)
    end, capital = start + len(raw), raw[0].isupper()
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
    return [Word(start, end, "word", lowered.replace("'", ""), capital, initial, glued, plain_gap)]


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
