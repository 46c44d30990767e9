"""Markers: which brackets name documents, and which are something else."""

from __future__ import annotations

import pytest

from rag.citations.markers import read_markers, without_markers


@pytest.mark.parametrize(
    ("text", "numbers"),
    [
        ("A fact [1].", (1,)),
        ("Two [1, 2] or [1][3].", (1, 2, 1, 3)),
        ("A range [1-3] and [2–4].", (1, 2, 3, 2, 3, 4)),
        ("说法【1】，另一个［２］。", (1, 2)),
        ("A footnote [^4] and 【5†source】.", (4, 5)),
        ("Taught so: [1†source], ［2†L10-L20］, 【3:0†source】 and [4:12†page-2.html].", (1, 2, 3, 4)),
        ("Two in one 【1, 2†source】 or [3†source, 4†source].", (1, 2, 3, 4)),
        ("混用括号【1†来源】［２†来源］【3].", (1, 2, 3)),
        ("Doubled [[2]](https://example.org/a).", (2,)),
        ("Far beyond the documents [77].", (77,)),
    ],
)
def test_markers_are_read(text: str, numbers: tuple[int, ...]) -> None:
    """Every usual way of writing a citation names its documents, whether they exist or not."""
    assert tuple(number for marker in read_markers(text) for number in marker.numbers) == numbers


@pytest.mark.parametrize(
    "text",
    [
        "In code `rows[1]` it is.",
        "The link [1](https://example.org) is one.",
        "[1]: https://example.org",
        "A list my_rows[1] is indexed, x[2] too.",
        "Set row[1] = 5 and row[2].name.",
        "In [2019] and [0] and [01].",
        "The intervals [0, 1] and [1, 200] and [100-200].",
        "No [number] here.",
        "A time [12:30], a score [3:0] and a dagger [n†] or [†].",
    ],
)
def test_other_brackets_are_left_alone(text: str) -> None:
    """Code, links, definitions, indices, years and intervals are no citations."""
    assert read_markers(text) == []


def test_markers_can_be_taken_out() -> None:
    """What is left reads as if they had never been there."""
    assert without_markers("A fact [1], and another [2][3].") == "A fact, and another."
