"""Halves of characters: joined where both came, replaced where a half cannot be kept.

JSON can carry halves of characters: `"\\ud83d"` is the first half of an emoji. Providers that cut answers by bytes or
UTF-16 units send them in two tokens, or lose one of them. A stream of ASCII JSON delivers a lost half as it came;
neither SQLite nor UTF-8 nor a terminal can hold it, nor a request to a model.
"""

from __future__ import annotations

import re

REPLACEMENT = "\ufffd"

_HALF = re.compile("[\ud800-\udfff]")


def whole_characters(text: str) -> str:
    """`text` with the two halves of a character joined, and U+FFFD for each half that has lost its other one."""
    if text.isascii() or not _HALF.search(text):
        return text
    return _HALF.sub(REPLACEMENT, _joined(text))


def _joined(text: str) -> str:
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "surrogatepass")


class JoinedHalves:
    """Joins halves in a text that comes in pieces: one at the end of a piece waits for the beginning of the next.

    A half that has lost its other one is told as it came.
    """

    def __init__(self) -> None:
        self._half = ""

    def feed(self, piece: str) -> str:
        """What can be told of the text now; nothing when there is no more of it than a half."""
        if not piece or (piece.isascii() and not self._half):
            return piece
        piece = self._half + piece
        self._half = piece[-1] if "\ud800" <= piece[-1] <= "\udbff" else ""
        piece = piece[:-1] if self._half else piece
        return piece if piece.isascii() or not _HALF.search(piece) else _joined(piece)

    def rest(self) -> str:
        """The half that waits still, at the end of the text."""
        half, self._half = self._half, ""
        return half
