"""A text that grows by small pieces, kept as one buffer: a token costs its letters, and not an object of its own."""

from __future__ import annotations


class GrowingText:
    """Collects pieces of text. `str` gives what there is."""

    __slots__ = ("_buffer",)

    def __init__(self, text: str = "") -> None:
        self._buffer = bytearray()  # io.StringIO would keep each piece as long as they are few
        self.add(text)

    def add(self, piece: str) -> None:
        self._buffer += piece.encode("utf-8", "surrogatepass")

    def __bool__(self) -> bool:
        return bool(self._buffer)

    def __str__(self) -> str:
        return self._buffer.decode("utf-8", "surrogatepass")
