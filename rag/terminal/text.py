"""Text for a terminal: harmless, and wrapped while it streams."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from typing import Any, TextIO
from urllib.parse import unquote

from rich.cells import cell_len

from rag.text.characters import whole_characters
from rag.text.language import has_cjk

# Escape sequences and control characters in a page or an answer must not reach the terminal; tab and line feed may.
_CONTROL = re.compile("\x1b\\[[0-?]*[ -/]*[@-~]|\x1b[@-_]|[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")
_NEVER_FIRST = "，。！？；：、）】」』”’…"
_ENCODED = re.compile("(?:%[89A-F][0-9A-F])+")
_PIECE = re.compile(r"\n|[^\S\n]+|\S+")


def harmless(text: str) -> str:
    """`text` without anything a terminal would obey, or could not write."""
    return _CONTROL.sub("", whole_characters(text))


def json_line(data: Any, out: TextIO) -> str:
    """`data` on one line, in the letters that `out` can write; others as JSON escapes them."""
    unicode = (getattr(out, "encoding", None) or "utf-8").lower().startswith("utf")
    return json.dumps(data, ensure_ascii=not unicode) + "\n"


def readable_link(url: str) -> str:
    """A link as browsers show and take it: the letters of other scripts as they are, not three signs for each byte."""
    return harmless(_ENCODED.sub(_decoded, url))


def _decoded(match: re.Match[str]) -> str:
    text = unquote(match.group(), errors="replace")
    return text if text.isprintable() and "\ufffd" not in text and " " not in text else match.group()


class Wrapping:
    """Wraps text at words as it arrives, Chinese at any character; a word is held back until it is whole.

    Args:
        width: columns of the terminal; asked for again and again, for it may be resized meanwhile.
        indent: columns before each line; those of the first are the caller's.
    """

    def __init__(self, width: Callable[[], int], indent: int = 0) -> None:
        self._columns = width
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
            if self._word and (has_cjk(character) or has_cjk(self._word)) and character not in _NEVER_FIRST:
                yield from self._placed()
            self._word += character

    @property
    def _width(self) -> int:
        return max(self._columns(), 20)

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
        if self._column > self._width:  # a word longer than a line, which the terminal has gone on with
            self._column = self._column % self._width or self._width
        self._word = self._space = ""

    def _line_break(self) -> Iterator[str]:
        self._column, self._space = self._indent, ""
        yield "\n" + " " * self._indent
