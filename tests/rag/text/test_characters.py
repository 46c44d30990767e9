"""Text in whole characters, however a provider cuts it; text that grows without an object a token."""

from __future__ import annotations

import weakref

import pytest

from rag.text.characters import JoinedHalves, whole_characters
from rag.text.growing import GrowingText

CASES = {
    "plain": "plain",
    "": "",
    "smile \ud83d\ude00.": "smile 😀.",
    "a\ud800b\udc00c": "a\ufffdb\ufffdc",
    "\ude00\ud83d": "\ufffd\ufffd",
    "x\ud83d\ud83d\ude00y": "x\ufffd😀y",
    "nul \x00 and \u2028\r": "nul \x00 and \u2028\r",
}


@pytest.mark.parametrize("text", CASES)
def test_halves_are_joined_and_lone_ones_are_shown_as_lost(text: str) -> None:
    assert whole_characters(text) == CASES[text]


@pytest.mark.parametrize("text", CASES)
@pytest.mark.parametrize("size", [1, 2, 3])
def test_the_same_comes_out_however_a_text_is_cut(text: str, size: int) -> None:
    """Halves that belong together are joined, and lost ones are as they came."""
    halves = JoinedHalves()
    pieces = [halves.feed(text[at : at + size]) for at in range(0, len(text), size)] + [halves.rest()]
    assert "".join(pieces) == text.encode("utf-16", "surrogatepass").decode("utf-16", "surrogatepass")
    assert whole_characters("".join(pieces)) == CASES[text]


def test_a_growing_text_is_its_pieces() -> None:
    """Line ends of any kind stay as they are."""
    text = GrowingText("a\r\n")
    assert (bool(GrowingText()), bool(text)) == (False, True)
    for piece in ("\r", "\x00", "é\u2028", "😀"):
        text.add(piece)
    assert str(text) == "a\r\n\r\x00é\u2028😀"


def test_a_growing_text_keeps_no_piece() -> None:
    """Not the first of a thousand either."""

    class Piece(str):
        pass

    text, piece = GrowingText(), Piece("a piece ")
    gone = weakref.ref(piece)
    text.add(piece)
    del piece
    assert gone() is None
    assert str(text) == "a piece "
