"""Code blocks: verbatim, without the line numbers that a site draws beside them."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache
from typing import NamedTuple

from lxml import etree

_GUTTER = re.compile(
    r"\b(line-?nos?|line-?numbers?|gutter|hljs-ln-numbers|lnt?|rouge-gutter|blob-num)\b", re.IGNORECASE
)
_NUMBERS = re.compile(r"[\s\d]*\d[\s\d]*")
_LINE_NUMBER = re.compile(r"\s*\d{1,6}\s*")
_BREAKING = frozenset({"br"})
_LINE_BLOCKS = frozenset({"div", "p", "li", "tr"})
_INVISIBLE = frozenset({"script", "style", "button", "svg", "template"})
_SHAPING = _BREAKING | _LINE_BLOCKS | _INVISIBLE


class Code(NamedTuple):
    """The text of a `<pre>`, and the number that the page shows before its first line; None where it shows none."""

    text: str
    first_line: int | None = None


def read_code(element: etree._Element, drop: Callable[[etree._Element], bool]) -> Code:
    """The text of a `<pre>`, each line as written; empty when it holds only line numbers."""
    within = element.iterdescendants()
    if any(node.tag in _SHAPING or is_gutter(node) or drop(node) for node in within):
        parts, numbers = _shown(element, drop)
    else:  # nothing but words in colours, as most code: lxml joins them
        parts, numbers = ["".join(element.itertext())], []
    text = "".join(parts).replace("\r\n", "\n").replace("\r", "\n")
    lines = [line.rstrip() for line in text.split("\n")]
    code = "\n".join(lines).strip("\n")
    if _NUMBERS.fullmatch(code) and _has_code_beside(element):
        return Code("")
    return Code(code, _first_line(lines, parts, numbers) if numbers else None)


def _shown(element: etree._Element, drop: Callable[[etree._Element], bool]) -> tuple[list[str], list[tuple[int, str]]]:
    """The parts of the text that are code, and the line numbers, each with how many parts were there before."""
    parts: list[str] = []
    numbers: list[tuple[int, str]] = []
    walker = etree.iterwalk(element, events=("start", "end"))
    for event, node in walker:
        if event == "start":
            if node is not element and (node.tag in _INVISIBLE or drop(node)):
                walker.skip_subtree()
            elif node is not element and is_gutter(node):
                numbers.append((len(parts), "".join(node.itertext())))
                walker.skip_subtree()
            elif node.tag in _BREAKING:
                parts.append("\n")
            elif node.text:
                parts.append(node.text)
        elif node is not element:
            _end(node, parts)
    return parts, numbers


def _end(node: etree._Element, parts: list[str]) -> None:
    if node.tag in _LINE_BLOCKS and parts and not parts[-1].endswith("\n"):
        parts.append("\n")
    if node.tail:
        parts.append(node.tail)


def _first_line(lines: list[str], parts: list[str], numbers: list[tuple[int, str]]) -> int | None:
    """The number of the first line that is not empty, where each line has one and they count on."""
    counted: dict[int, int] = {}
    line = done = 0
    for place, number in numbers:
        line += sum(part.count("\n") for part in parts[done:place])
        done = place
        if not _LINE_NUMBER.fullmatch(number):
            return None
        counted[line] = int(number)
    filled = [place for place, text in enumerate(lines) if text]
    if not filled or filled[0] not in counted:
        return None
    first = counted[filled[0]]
    counts_on = all(counted.get(place) == first + place - filled[0] for place in filled)
    return first if counts_on else None


def is_gutter(element: etree._Element) -> bool:
    """Whether an element inside code only draws line numbers."""
    if element.get("data-line-number") is not None and not element.text:
        return True
    name = element.get("class")
    if not name or not _is_gutter_name(name):
        return False
    text = "".join(element.itertext())
    return not text.strip() or _NUMBERS.fullmatch(text) is not None


@lru_cache(maxsize=1_024)  # each word of highlighted code has one of a few classes
def _is_gutter_name(name: str) -> bool:
    return _GUTTER.search(name) is not None


def _has_code_beside(element: etree._Element) -> bool:
    """Whether the numbers stand in a table cell or box with the code they number."""
    row = element.getparent()
    for _ in range(3):
        if row is None:
            return False
        if sum(1 for _ in row.iter("pre", "code")) > 1 and row.tag in ("tr", "td", "div", "figure"):
            return True
        row = row.getparent()
    return False
