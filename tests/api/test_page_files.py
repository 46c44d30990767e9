"""The files of the web page: small, self-contained, the same words in both languages."""

from __future__ import annotations

import re

import pytest

from api.page_route import FOLDER

FILES = sorted(path for path in FOLDER.iterdir() if path.is_file())
MOST_BYTES = 120_000


def test_it_is_small() -> None:
    """All of it, uncompressed."""
    assert sum(path.stat().st_size for path in FILES) < MOST_BYTES


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_it_asks_nothing_of_others_and_makes_no_markup_of_text(path: object) -> None:
    """No address but its own, no inline script or style, nothing that parses text as markup or runs it."""
    text = path.read_text("utf-8")  # type: ignore[attr-defined]
    addresses = set(re.findall(r"(?:https?:)?//[\w.-]+\.\w+", text)) - {"http://www.w3.org"}
    assert addresses == set()
    assert not re.search(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|new Function|srcdoc", text)
    assert not re.search(r"<script(?![^>]*src=)|<style|\sstyle=|\son\w+=", text)


def test_both_languages_have_the_same_words() -> None:
    """And every word that the page asks for is there."""
    text = (FOLDER / "words.js").read_text("utf-8")
    english, chinese = (
        set(re.findall(r"(?:^|[,{]\s)\s*(\w+): [\"(]", part, flags=re.MULTILINE))
        for part in re.findall(r"const (?:ENGLISH|CHINESE) = \{(.*?)\n\};", text, flags=re.DOTALL)
    )
    assert english == chinese
    asked = {
        word
        for path in FILES
        for pair in re.findall(r"\bsay\(\"(\w+)\"|data-word(?:-label|-placeholder)?=\"(\w+)\"", path.read_text("utf-8"))
        for word in pair
        if word
    }
    assert asked - english == set()
