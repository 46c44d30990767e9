"""Text for a terminal: harmless, and wrapped while it streams."""

from __future__ import annotations

import re
from collections.abc import Iterator

from rich.cells import cell_len

from rag.text.language import has_cjk

# Escape sequences and control characters in a page or an answer must not reach the terminal; tab and line feed may.
_CONTROL = re.compile("\x1b\\[[0-?]*[ -/]*[@-~]|\x1b[@-_]|[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")
_NEVER_FIRST = "，。！？；：、）】」』”’…"
_PIECE = re.compile(r"\n|[^\S\n]+|\S+")


def harmless(text: str) -> str:
    """`text` without anything a terminal would obey."""
    return _CONTROL.sub("", text)


class Wrapping:
    """Wraps text at words as it arrives, Chinese at any character; a word is held back until it is whole.

    Args:
        width: columns of the terminal.
        indent: columns before each line; those of the first are the caller's.
    """

    def __init__(self, width: int, indent: int = 0) -> None:
        self._width = max(width, 20)
        self._indent = indent
        self._column = indent
        self._word = ""
        self._space = ""

    def feed(self, text: str) -> str:
        """Takes more text, and returns what can be written now."""
        return "".join(self._fed(harmless(text)))

    def finish(self) -> str:
        """What was held back."""
        return "".join(self._placed())

    def _fed(self, text: str) -> Iterator[str]:
        for piece in _PIECE.findall(text):
            if piece == "\n":
                yield from self._placed()
                yield from self._line_break()
            elif piece.isspace():
                yield from self._placed()
                self._space = piece.replace("\t", "    ")
            else:
                yield from self._extended(piece)

    def _extended(self, piece: str) -> Iterator[str]:
        if not has_cjk(piece):
            self._word += piece
            return
        for character in piece:
            if (
                self._word
                and (has_cjk(character) or has_cjk(self._word))
                and character not in "，。！？；：、）】」』”’…"
            ):
                yield from self._placed()
            self._word += character

    def _placed(self) -> Iterator[str]:
        if not self._word:
            return
        length = cell_len(self._space) + cell_len(self._word)
        if self._column > self._indent and self._column + length > self._width:
            yield from self._line_break()
            length = cell_len(self._word)
        else:
            yield self._space
        yield self._word
        self._column += length
        self._word = self._space = ""

    def _line_break(self) -> Iterator[str]:
        self._column, self._space = self._indent, ""
        yield "\n" + " " * self._indent
