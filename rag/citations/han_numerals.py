"""The value of Chinese numerals."""

from __future__ import annotations

from decimal import Decimal

DIGITS = {character: value for value, character in enumerate("零一二三四五六七八九")} | {
    "〇": 0, "两": 2, "壹": 1, "贰": 2, "叁": 3, "肆": 4, "伍": 5, "陆": 6, "柒": 7, "捌": 8, "玖": 9, "兩": 2,
}  # fmt: skip
SCALES = {"十": 10, "百": 100, "千": 1_000, "拾": 10, "佰": 100, "仟": 1_000}
MYRIADS = {"万": 10**4, "亿": 10**8, "萬": 10**4, "億": 10**8}
NUMERALS = frozenset([*DIGITS, *SCALES, *MYRIADS])


def value_of(pieces: list[str]) -> Decimal:
    """The value of numerals such as ["3", "千", "5", "百"]; a row of bare digits is read as digits, as in a year."""
    if "点" in pieces:
        cut = pieces.index("点")
        decimals = "".join(str(DIGITS.get(piece, piece)) for piece in pieces[cut + 1 :] if piece in DIGITS)
        rest = [piece for piece in pieces[cut + 1 :] if piece in MYRIADS]
        value = value_of(pieces[:cut]) + Decimal(f"0.{decimals or 0}")
        return value * MYRIADS[rest[0]] if rest else value
    if len(pieces) > 1 and all(piece in DIGITS for piece in pieces):
        return Decimal("".join(str(DIGITS[piece]) for piece in pieces))
    total = section = pending = Decimal(0)
    for piece in pieces:
        if piece in MYRIADS:
            total = (
                (total + (section + pending or 1)) * MYRIADS[piece]
                if total < 10**8
                else (total + (section + pending or 1) * MYRIADS[piece])
            )
            section = pending = Decimal(0)
        elif piece in SCALES:
            section += (pending or 1) * SCALES[piece]
            pending = Decimal(0)
        else:
            pending = Decimal(DIGITS.get(piece, piece))
    return total + section + pending
