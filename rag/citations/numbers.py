"""Numbers, units and dates as written in English and Chinese, led back to one form.

`1,000`, `1000`, `one thousand` and `一千` are `1000`; `3.5 million` and `350万` are `3500000`; `5%`, `5 percent` and
`百分之五` are `5` in `percent`; `March`, `Mar.` and `3月` are the month 3; `19th` and `nineteenth` are the ordinal 19.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from decimal import Decimal
from typing import NamedTuple

from rag.citations.han_numerals import DIGITS, MYRIADS, NUMERALS, SCALES, value_of
from rag.citations.lexicon import MONTHS, WEEKDAYS, units
from rag.citations.words import Word

_SMALL = {
    word: value
    for value, word in enumerate(
        "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen "
        "seventeen eighteen nineteen".split()
    )
}
_TENS = {w: 10 * v for v, w in enumerate("twenty thirty forty fifty sixty seventy eighty ninety".split(), 2)}
_SCALES = {
    "hundred": 10**2, "dozen": 12, "thousand": 10**3, "million": 10**6, "billion": 10**9, "trillion": 10**12,
    "bn": 10**9, "tn": 10**12,
}  # fmt: skip
_GLUED_SCALES = {"k": 10**3, "m": 10**6, "bn": 10**9, "b": 10**9}
_ORDINALS = {
    word: value
    for value, word in enumerate(
        "zeroth first second third fourth fifth sixth seventh eighth ninth tenth eleventh twelfth thirteenth "
        "fourteenth fifteenth sixteenth seventeenth eighteenth nineteenth twentieth".split()
    )
} | {"thirtieth": 30, "fortieth": 40, "fiftieth": 50, "hundredth": 100}
_HAN_COUNTED = frozenset(
    "年月日号个名位次人天周岁种家所座条支场届队件本部只台辆艘架户组轮票分秒米吨元倍层级度国省市县区州城美英公厘平小世点章节卷"
    "項项代岛句首幅枚颗棵把张間间份对双类款门方边任期集季局球码磅克升成"
)
_COUNTED_FIRST = frozenset("次个位届部家座名")
_HAN_IDIOMS = frozenset("十分 万一 千万 一一 百般 万万 万千 三两".split())
_PARTS = {
    "half": "half", "halves": "half", "quarter": "quarter", "quarters": "quarter", "thirds": "o3", "fourths": "quarter",
    "fifths": "o5",
}  # fmt: skip
_FRACTIONS = {"½": Decimal("0.5"), "¼": Decimal("0.25"), "¾": Decimal("0.75")}
_DEGREES = {
    name: scale for scale, names in {"celsius": "c celsius centigrade", "fahrenheit": "f fahrenheit"}.items()
    for name in names.split()
}  # fmt: skip
_CURRENCY = frozenset("$€£¥₹")
_DATE_UNITS = {"年": "year of", "日": "day of", "号": "day of"}
_FIRST_WORDS = frozenset(
    (*MONTHS, *WEEKDAYS, *(f"{day}s" for day in WEEKDAYS), *_PARTS, *_SMALL, *_TENS, *_SCALES, *_ORDINALS)
)
_FIRST_CHARACTERS = NUMERALS | {"第", "首"}
_OF_DATE = re.compile(r"o\d{1,2}\Z")
_DIGITS = re.compile(r"\d+(?:\.\d+)?\Z")


class Quantity(NamedTuple):
    """A number, month or weekday in `words[first:last]`.

    Attributes:
        value: canonical; `o5` for an ordinal, `d1990` for a decade, `month 3`, `monday`.
        unit: canonical, None when none is written.
        loose: so weak a sign of a number (`one`, 一个) that its absence from a quote says nothing.
    """

    value: str
    unit: str | None
    first: int
    last: int
    loose: bool = False


def read_quantity(words: Sequence[Word], at: int) -> Quantity | None:
    """The quantity that begins at `words[at]`, its unit included; None when none does."""
    word = words[at]
    if (word.kind == "word" and word.text not in _FIRST_WORDS) or (
        word.kind == "cjk" and word.text not in _FIRST_CHARACTERS
    ):
        return None
    if word.kind == "symbol" and word.text in _CURRENCY and at + 1 < len(words) and words[at + 1].plain_gap:
        amount = _number(words, at + 1) if words[at + 1].kind == "number" else None
        return Quantity(amount[0], units()[word.text], at, amount[1]) if amount else None
    if word.kind == "word":
        named = _named(words, at)
        if named is not None:
            return named
    if word.kind == "cjk":
        return _chinese(words, at)
    if _is_month_of_iso_date(words, at):
        return Quantity(f"month {int(word.text)}", None, at, at + 1)
    number = _chinese_number(words, at) if _counts_in_myriads(words, at) else _number(words, at)
    if number is None:
        return None
    value, last = number
    if _OF_DATE.match(value) and _stands_by_month(words, at, last):
        value = value[1:]
    loose = word.text == "one" and last == at + 1
    return _with_unit(words, at, value, last, loose=loose)


def _is_month_of_iso_date(words: Sequence[Word], at: int) -> bool:
    """Whether `words[at]` is the middle of 2019-05-03."""
    if not 0 < at < len(words) - 1 or words[at].kind != "number":
        return False
    year, month, day = words[at - 1 : at + 2]
    joined = month.start - year.end == day.start - month.end == 1 and month.plain_gap and day.plain_gap
    shape = tuple(len(part.text) for part in (year, month, day))
    return joined and shape == (4, 2, 2) and month.text.isdigit() and 0 < int(month.text) <= 12


def _stands_by_month(words: Sequence[Word], at: int, last: int) -> bool:
    """Whether an ordinal is the day of a date, as in `May 3rd` or `the 3rd of May`."""
    after = last + 1 if last < len(words) and words[last].text == "of" else last
    before = at - 2 if at > 1 and words[at - 1].text == "the" else at - 1
    return any(0 <= place < len(words) and words[place].text in MONTHS and words[place].capital
               for place in (before, after))  # fmt: skip


def _counts_in_myriads(words: Sequence[Word], at: int) -> bool:
    """Whether digits are followed by a Chinese scale, as in 3.5万."""
    after = words[at + 1] if at + 1 < len(words) else None
    return (
        words[at].kind == "number"
        and after is not None
        and after.plain_gap
        and (after.text in SCALES or after.text in MYRIADS)
    )


def _with_unit(words: Sequence[Word], at: int, value: str, last: int, *, loose: bool = False) -> Quantity:
    if last < len(words) and words[last].text == "月" and words[last].kind == "cjk":
        return Quantity(f"month {value}", None, at, last + 1)
    unit, end = _unit(words, last)
    return Quantity(value, unit, at, end, loose and unit is None)


def _named(words: Sequence[Word], at: int) -> Quantity | None:
    """A month or a weekday by name; `may` and `march` only when they stand like one."""
    word = words[at]
    if word.text in MONTHS:
        beside = (at and words[at - 1].kind == "number") or (at + 1 < len(words) and words[at + 1].kind == "number")
        if beside or (word.capital and not (word.initial and word.text in ("may", "march", "sun", "mar"))):
            return Quantity(f"month {MONTHS[word.text]}", None, at, at + 1)
    if word.capital and word.text.removesuffix("s") in WEEKDAYS:
        return Quantity(word.text.removesuffix("s"), None, at, at + 1)
    if word.text in _PARTS:
        return Quantity(_PARTS[word.text], None, at, at + 1)
    return None


def _number(words: Sequence[Word], at: int) -> tuple[str, int] | None:
    """An English number in digits or words: its canonical form and where it ends."""
    word = words[at]
    if word.kind == "symbol":
        return (str(_FRACTIONS[word.text]), at + 1) if word.text in _FRACTIONS else None
    if word.kind == "number":
        return _digits(words, at)
    if word.kind == "word":
        return _spelled(words, at)
    return None


def _digits(words: Sequence[Word], at: int) -> tuple[str, int]:
    shown = words[at].text.replace(",", "")
    end = at + 1
    if not _DIGITS.fullmatch(shown.lstrip("-")):
        return shown, end
    value = Decimal(shown)
    follower = words[end] if end < len(words) else None
    if follower is None:
        return _canonical(value), end
    if follower.text in _FRACTIONS and follower.glued:
        return _canonical(value + _FRACTIONS[follower.text]), end + 1
    if follower.kind == "word" and follower.glued:
        if follower.text in ("st", "nd", "rd", "th"):
            return f"o{_canonical(value)}", end + 1
        if follower.text == "s" and value % 10 == 0:
            return f"d{_canonical(value)}", end + 1
        currency = at > 0 and words[at - 1].text in _CURRENCY
        if follower.text in _GLUED_SCALES and (currency or follower.text in ("k", "bn")):
            return _canonical(value * _GLUED_SCALES[follower.text]), end + 1
    while end < len(words) and words[end].plain_gap and words[end].text in _SCALES and words[end].kind == "word":
        value *= _SCALES[words[end].text]
        end += 1
    return _canonical(value), end


def _spelled(words: Sequence[Word], at: int) -> tuple[str, int] | None:
    """A number in English words, such as `one hundred and five`, or an ordinal such as `twenty-first`."""
    total = current = 0
    end, last_step = at, 0
    while end < len(words) and (end == at or words[end].plain_gap):
        text = words[end].text
        if text in _ORDINALS and text not in ("zeroth",):
            if text == "second" and end == at and _is_time_unit(words, end):
                break
            if end == at or (last_step >= 20 and _ORDINALS[text] < 10):
                return f"o{total + current + _ORDINALS[text]}", end + 1
            break
        step = _SMALL.get(text, _TENS.get(text))
        if step is not None:
            if end > at and not (last_step >= 100 or (20 <= last_step < 100 and step < 10)):
                break
            current += step
        elif text in _SCALES:
            if _SCALES[text] == 100:
                current, step = max(current, 1) * 100, 100
            else:
                total, current, step = total + max(current, 1) * _SCALES[text], 0, _SCALES[text]
        elif text == "and" and last_step >= 100 and _continues(words, end + 1):
            end += 1
            continue
        else:
            break
        last_step = step
        end += 1
    return (str(total + current), end) if end > at else None


def _is_time_unit(words: Sequence[Word], at: int) -> bool:
    return at > 0 and words[at - 1].text in ("per", "a", "each", "every", "one") and words[at - 1].kind == "word"


def _continues(words: Sequence[Word], at: int) -> bool:
    return at < len(words) and (words[at].text in _SMALL or words[at].text in _TENS)


def _unit(words: Sequence[Word], at: int) -> tuple[str | None, int]:
    """The unit written at `words[at]`, and where it ends."""
    if at >= len(words):
        return None, at
    word = words[at]
    if word.kind == "cjk":
        return _chinese_unit(words, at)
    following = words[at + 1].text if at + 1 < len(words) else ""
    if word.text in _CURRENCY and at + 1 < len(words) and words[at + 1].kind == "number" and words[at + 1].glued:
        return None, at
    if word.text in ("°", "degree", "degrees") and following in _DEGREES:
        return _DEGREES[following], at + 2
    if word.text in ("percentage", "percent") and following in ("point", "points"):
        return "point", at + 2
    if word.text == "per" and following == "cent":
        return "percent", at + 2
    if word.text in ("square", "sq", "cubic") and following in units():
        return f"{word.text[:2]} {units()[following]}", at + 2
    if word.text in ("us", "u") and following in ("dollar", "dollars"):
        return "dollar", at + 2
    name = units().get(word.text)
    return (name, at + 1) if name is not None else (None, at)


def _chinese_unit(words: Sequence[Word], at: int) -> tuple[str | None, int]:
    if words[at].text in _DATE_UNITS:
        return _DATE_UNITS[words[at].text], at + 1
    run = "".join(word.text for word in words[at : at + 4] if word.kind == "cjk")
    for length in range(len(run), 0, -1):
        if run[:length] in units():
            return units()[run[:length]], at + length
    return None, at


def _chinese(words: Sequence[Word], at: int) -> Quantity | None:
    """A quantity that begins with a Chinese character: 三千, 第五, 百分之三十, 二〇一九年."""
    text = words[at].text
    if text == "第":
        number = _chinese_number(words, at + 1)
        return Quantity(f"o{number[0]}", None, at, number[1]) if number else None
    if text == "首" and at + 1 < len(words) and words[at + 1].text in _COUNTED_FIRST:
        return Quantity("o1", None, at, at + 1)
    if text == "百" and "".join(word.text for word in words[at : at + 3]) == "百分之":
        number = _chinese_number(words, at + 3)
        return Quantity(number[0], "percent", at, number[1]) if number else None
    if text not in NUMERALS or _is_idiom(words, at):
        return None
    number = _chinese_number(words, at)
    if number is None:
        return None
    value, last = number
    if "".join(word.text for word in words[last : last + 2]) == "分之":
        part = _chinese_number(words, last + 2)
        return Quantity(f"{part[0]}/{value}", None, at, part[1]) if part else None
    follower = words[last].text if last < len(words) else ""
    if last == at + 1 and follower not in _HAN_COUNTED:
        return None
    return _with_unit(words, at, value, last, loose=text == "一" and last == at + 1 and follower not in "年月日号岁")


def _is_idiom(words: Sequence[Word], at: int) -> bool:
    """万一, 十分 and the like: numerals that count nothing."""
    run = "".join(word.text for word in words[at : at + 3] if word.kind == "cjk")
    return run[:2] in _HAN_IDIOMS and run[2:] != "钟" and (len(run) < 3 or run[2] not in NUMERALS)


def _chinese_number(words: Sequence[Word], at: int) -> tuple[str, int] | None:
    """A number in digits or Chinese numerals, 万 and 亿 included: `3.5万`, `1亿2000万`, 三千五百, 二〇一九."""
    end = at
    pieces: list[str] = []
    while end < len(words) and (end == at or words[end].glued or (words[end].plain_gap and pieces[-1][-1].isdigit())):
        word = words[end]
        if (
            word.kind == "number"
            and not (pieces and pieces[-1][-1].isdigit())
            and _DIGITS.fullmatch(word.text.replace(",", ""))
        ):
            pieces.append(word.text.replace(",", ""))
        elif word.kind == "cjk" and word.text in NUMERALS:
            pieces.append(word.text)
        elif word.text == "点" and pieces and end + 1 < len(words) and words[end + 1].text in DIGITS:
            pieces.append("点")
        else:
            break
        end += 1
    return (_canonical(value_of(pieces)), end) if pieces else None


def _canonical(value: Decimal) -> str:
    """Without exponent, trailing zeros or leading zeros."""
    shown = format(value, "f")
    return shown.rstrip("0").rstrip(".") if "." in shown else shown
