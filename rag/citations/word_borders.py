"""Where words surely begin and end for a browser: https://unicode.org/reports/tr29/#Word_Boundaries, told narrowly.

Chinese and Japanese words are cut by a dictionary that is not ours to know, so between their characters no border is
sure.
"""

from __future__ import annotations

from rag.text.language import is_cjk
from rag.text.tokens import is_of_word

_JOINS_WORDS = "'’＇.．,:·_"
_JOINS_DIGITS = "，;；⁄"
_FARTHEST = 200


def is_border(text: str, place: int) -> bool:
    """Whether a word surely ends before `text[place]` and another begins there."""
    if place <= 0 or place >= len(text):
        return True
    before, after = text[place - 1], text[place]
    if before.isspace() or after.isspace():
        return True
    if is_of_word(before) and is_of_word(after):
        return is_cjk(before) != is_cjk(after)
    if is_of_word(before):
        return not _joins(before, after, text[place + 1] if place + 1 < len(text) else " ")
    if is_of_word(after):
        return not _joins(text[place - 2] if place > 1 else " ", before, after)
    return True


def next_border(text: str, place: int, stop: int) -> int:
    """The first border from `place` on, before `stop` and not far away."""
    stop = min(stop, place + _FARTHEST)
    while place < stop and not is_border(text, place):
        place += 1
    return place


def _joins(before: str, sign: str, after: str) -> bool:
    """Whether a sign makes one word of what stands around it: `it's`, `3.14`, `1，000`."""
    if sign in _JOINS_DIGITS:
        return before.isdigit() and after.isdigit()
    return sign in _JOINS_WORDS and all(is_of_word(near) and not is_cjk(near) for near in (before, after))
