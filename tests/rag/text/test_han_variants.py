"""Traditional characters are led back to simplified ones, one by one."""

from __future__ import annotations

import pytest

from rag.text.han_variants import simplified


@pytest.mark.parametrize(
    ("text", "simple"),
    [
        ("蘭花開於春天，發芽在後面的陽臺。", "兰花开于春天，发芽在后面的阳台。"),
        ("香港羣島裏的衞星", "香港群岛里的卫星"),
        ("隨著時間，著名的作者寫了一本著作", "随着时间，著名的作者写了一本著作"),
        ("simple text — naïve", "simple text — naïve"),
    ],
)
def test_traditional_becomes_simplified_at_the_same_places(text: str, simple: str) -> None:
    assert simplified(text) == simple
    assert len(text) == len(simple)


def test_no_pair_leads_on_to_another() -> None:
    every = "".join(map(chr, range(0x3400, 0xA000)))
    assert simplified(simplified(every)) == simplified(every)
