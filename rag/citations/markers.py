"""The markers by which an answer names its documents: `[1]`, `[1, 2]`, `[1-3]`, `[^1]`, `【1】`, `［１］`.

Some models were taught `【1†source】`, `[1†L5-L9]` or `【3:0†source】`: what stands before the dagger names
documents, and what follows a colon counts quotes.

Not every bracket with a number is one. It is taken for a marker unless

* it stands in code (between backticks), or is an index: after an identifier with an underscore or a lone small letter
  (`x[1]`), or before `=` or `.name`;
* it is the text of a Markdown link (`[1](https://…)`) or defines a reference (`[1]: …` at the start of a line);
* it holds zero, a leading zero, or more than three digits (a year), or a list or range above 99 or wider than 20
  (an interval, such as `[0, 1]` or `[100-200]`).

Whatever passes is a marker even when there is no such document: that is a fault to report, not to hide.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from rag.text.sentences import MARKER

_WIDEST_RANGE = 20
_LARGEST_IN_LIST = 99
_MARKER = re.compile(MARKER)
_CODE = re.compile(r"`[^`\n]*`")
_LINK = re.compile(r"\((?:https?:|mailto:|www\.|[/#.])")
_INDEXED_BEFORE = re.compile(r"(?:\w*_\w*|(?<![\w.])[b-hj-z])\Z", re.ASCII)
_INDEXED_AFTER = re.compile(r"\s?=(?!>)|\.[a-z_]\w*|\[0|\(\w*\)")
_PART = re.compile(r"(\d+)(?:\s?[–—~～-]\s?\^?(\d+))?")
_DAGGER = "†"
_BEFORE_DAGGER = re.compile(rf"(\d[\d\s,，、;；–—~～-]*)(?::[\d\s]*)?(?={_DAGGER})")
_LINE_START = re.compile(r"(?:\A|\n)\s*\Z")


class Marker(NamedTuple):
    """`text[start:end]` names the documents `numbers`."""

    start: int
    end: int
    numbers: tuple[int, ...]


def read_markers(text: str) -> list[Marker]:
    """The markers of a sentence or a whole answer, in order."""
    code = [match.span() for match in _CODE.finditer(text)] if "`" in text else []
    markers = []
    for match in _MARKER.finditer(text):
        inside_code = any(start <= match.start() < end for start, end in code)
        numbers = () if inside_code or _is_something_else(text, match) else _numbers(match.group())
        if numbers:
            markers.append(Marker(match.start(), match.end(), numbers))
    return markers


def without_markers(text: str) -> str:
    """The text with its markers, and the space before each, taken out."""
    kept, position = [], 0
    for marker in read_markers(text):
        kept.append(text[position : marker.start].rstrip(" \t\u00a0"))
        position = marker.end
    return "".join(kept) + text[position:]


def _is_something_else(text: str, match: re.Match[str]) -> bool:
    """Whether a bracket with numbers is a link, a definition or an index."""
    before, after = text[max(0, match.start() - 40) : match.start()], text[match.end() : match.end() + 40]
    if _LINK.match(after) or _INDEXED_BEFORE.search(before):
        return True
    if after.startswith((":", "：")) and _LINE_START.search(text, 0, match.start()):
        return True
    return bool(before) and not before[-1].isspace() and _INDEXED_AFTER.match(after) is not None


def _numbers(marker: str) -> tuple[int, ...]:
    """The numbers a marker names, each once; none when it cannot be a marker."""
    if _DAGGER in marker:
        marker = ",".join(_BEFORE_DAGGER.findall(marker))
    parts = [(first, last) for first, last in _PART.findall(marker)]
    numbers: dict[int, None] = {}
    for first, last in parts:
        low, high = int(first), int(last or first)
        if low == 0 or first.startswith(("0", "０")) or high < low or high - low > _WIDEST_RANGE:
            return ()
        numbers.update(dict.fromkeys(range(low, high + 1)))
    if len(numbers) > 1 and max(numbers) > _LARGEST_IN_LIST:
        return ()
    return tuple(numbers)
