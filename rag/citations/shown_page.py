"""A page's text as a browser searches it: letter case, accents, widths, quotation marks and white space alike, and line
numbers of code in their places.

Pages draw numbers beside code. Where such a number stands right before the words of its line, a browser takes both for
one word, and finds that line by the number only. The text that is indexed and quoted has no numbers; here they are put
back, and places of the one text become places of the other. So is the title, which pages show above their text.
"""

from __future__ import annotations

import unicodedata
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import NamedTuple

from rag.vocabulary import BLOCK_SEPARATOR, Block

_MOST_RIVALS = 1_000
_QUOTATION_MARKS = dict(zip("‘’‚‛“”„‟", "''''" + '""""', strict=True))


class Term(NamedTuple):
    """`text[start:end]` of a page as shown, to be named in a link."""

    start: int
    end: int


class ShownPage:
    """The text of a page.

    Args:
        title: taken to stand above the text, where that has no line of its own with it.

    Attributes:
        plain: as it is indexed and quoted.
        text: as the page shows it, with title and line numbers.
        begin: where in `text` that which is quoted begins, behind the title.
    """

    def __init__(self, page: str | Sequence[Block], title: str = "") -> None:
        self.plain = page if isinstance(page, str) else BLOCK_SEPARATOR.join(block.text for block in page)
        above = "" if not title or title in self.plain.split("\n") else title + BLOCK_SEPARATOR
        self.begin = len(above)
        self._numbered: list[int] = []  # where in `plain` the lines with a number begin
        self._added = [self.begin]  # how many characters stand before the first of them, the second, … beyond `plain`'s
        self._after: dict[int, int] = {}
        self.text = above + (self.plain if isinstance(page, str) else self._with_numbers(page))
        self._folded = _folded(self.text)

    def _with_numbers(self, blocks: Sequence[Block]) -> str:
        if all(block.first_line is None for block in blocks):
            return self.plain
        texts, start = [], 0
        for block in blocks:
            texts.append(block.text if block.first_line is None else self._numbered_code(block, start))
            start += len(block.text) + len(BLOCK_SEPARATOR)
        return BLOCK_SEPARATOR.join(texts)

    def _numbered_code(self, block: Block, start: int) -> str:
        lines = []
        for number, line in enumerate(block.text.split("\n"), block.first_line or 0):
            before = self._added[-1]
            self._numbered.append(start)
            self._added.append(before + len(str(number)))
            self._after[start + before] = start + self._added[-1]
            lines.append(f"{number}{line}")
            start += len(line) + 1
        return "\n".join(lines)

    def shown(self, start: int, end: int) -> Term:
        """Where `plain[start:end]`, which is not empty, is in `text`."""
        return Term(self._shown(start), self._shown(end - 1) + 1)

    def _shown(self, place: int) -> int:
        return place + self._added[bisect_right(self._numbered, place)]

    def after_number(self, line_start: int) -> int:
        """Where the code of a line of `text` begins, if the line has a number; else where the line does."""
        return self._after.get(line_start, line_start)

    def is_first(self, term: Term, since: int = 0) -> bool:
        """Whether the words of a term do not stand on the page between `since` and the term."""
        return self._folded.find(self._folded[term.start : term.end], since, term.end) == term.start

    def rivals(self, term: Term, since: int = 0) -> list[int] | None:
        """Where the words of a term stand between `since` and the term; None when that is nearly everywhere."""
        words = self._folded[term.start : term.end]
        places: list[int] = []
        place = self._folded.find(words, since, term.end - 1)
        while place >= 0:
            if len(places) == _MOST_RIVALS:
                return None
            places.append(place)
            place = self._folded.find(words, place + 1, term.end - 1)
        return places

    def alike_from(self, one: int, other: int, most: int) -> int:
        """How many characters are the same from two places on, `most` at most."""
        text = self._folded
        return _longest(most, lambda length: text[one : one + length] == text[other : other + length])

    def alike_up_to(self, one: int, other: int, most: int) -> int:
        """How many characters are the same before two places, `most` at most."""
        text = self._folded
        return _longest(most, lambda length: text[one - length : one] == text[other - length : other])


def _longest(most: int, holds: Callable[[int], bool]) -> int:
    """The largest length up to `most` that holds, where all shorter ones hold as well."""
    return bisect_left(range(1, most + 1), True, key=lambda length: not holds(length))


def _folded(text: str) -> str:
    """The text with one character for all that a browser takes for the same, as long as it was."""
    lowered = text.lower()
    if len(lowered) != len(text):
        lowered = "".join(character.lower()[0] for character in text)
    for character in set(lowered):
        if (alike := _alike(character)) != character:
            lowered = lowered.replace(character, alike)
    return lowered


@lru_cache(maxsize=4_096)
def _alike(character: str) -> str:
    if character.isspace():
        return " "
    parts = [part for part in unicodedata.normalize("NFKD", character) if not unicodedata.combining(part)]
    return _QUOTATION_MARKS.get(character) or (parts[0].lower()[0] if len(parts) == 1 else character)
