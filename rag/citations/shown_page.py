"""A page's text as a browser searches it: letter case and white space alike, line numbers of code in their places.

Pages draw numbers beside code. Where such a number stands right before the words of its line, a browser takes both for
one word, and finds that line by the number only. The text that is indexed and quoted has no numbers; here they are put
back, and places of the one text become places of the other.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Sequence
from typing import NamedTuple

from rag.vocabulary import BLOCK_SEPARATOR, Block

_MOST_RIVALS = 1_000
_SPACES = (
    "\t\n\x0b\x0c\r\x1c\x1d\x1e\x1f\x85\xa0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a"
    "\u2028\u2029\u202f\u205f\u3000"
)


class Term(NamedTuple):
    """`text[start:end]` of a page as shown, to be named in a link."""

    start: int
    end: int


class ShownPage:
    """The text of a page.

    Attributes:
        plain: as it is indexed and quoted.
        text: as the page shows it, with line numbers.
    """

    def __init__(self, page: str | Sequence[Block]) -> None:
        self._numbered: list[int] = []  # where in `plain` the lines with a number begin
        self._added = [0]  # how many characters of numbers stand before the first of them, the second, …
        self._after: dict[int, int] = {}
        if isinstance(page, str):
            self.plain = self.text = page
        else:
            self.plain = BLOCK_SEPARATOR.join(block.text for block in page)
            self.text = self._with_numbers(page)
        lowered = self.text.lower()
        self._lowered = lowered if len(lowered) == len(self.text) else self.text
        for space in _SPACES:
            self._lowered = self._lowered.replace(space, " ")

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
        return self._lowered.find(self._lowered[term.start : term.end], since, term.end) == term.start

    def rivals(self, term: Term, since: int = 0) -> list[int] | None:
        """Where the words of a term stand between `since` and the term; None when that is nearly everywhere."""
        words = self._lowered[term.start : term.end]
        places: list[int] = []
        place = self._lowered.find(words, since, term.end - 1)
        while place >= 0:
            if len(places) == _MOST_RIVALS:
                return None
            places.append(place)
            place = self._lowered.find(words, place + 1, term.end - 1)
        return places

    def alike_from(self, one: int, other: int, most: int) -> int:
        """How many characters are the same from two places on, `most` at most."""
        text = self._lowered
        return _longest(most, lambda length: text[one : one + length] == text[other : other + length])

    def alike_up_to(self, one: int, other: int, most: int) -> int:
        """How many characters are the same before two places, `most` at most."""
        text = self._lowered
        return _longest(most, lambda length: text[one - length : one] == text[other - length : other])


def _longest(most: int, holds: Callable[[int], bool]) -> int:
    """The largest length up to `most` that holds, where all shorter ones hold as well."""
    return bisect_left(range(1, most + 1), True, key=lambda length: not holds(length))
