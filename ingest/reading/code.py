"""Code blocks: verbatim, without the line numbers that a site draws beside them."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache

from lxml import etree

_GUTTER = re.compile(
    r"\b(line-?nos?|line-?numbers?|gutter|hljs-ln-numbers|lnt?|rouge-gutter|blob-num)\b", re.IGNORECASE
)
_NUMBERS = re.compile(r"[\s\d]*\d[\s\d]*")
_BREAKING = frozenset({"br"})
_LINE_BLOCKS = frozenset({"div", "p", "li", "tr"})
_INVISIBLE = frozenset({"script", "style", "button", "svg", "template"})


def code_text(element: etree._Element, drop: Callable[[etree._Element], bool]) -> str:
    """The text of a `<pre>`, each line as written; empty when it holds only line numbers."""
    parts: list[str] = []
    walker = etree.iterwalk(element, events=("start", "end"))
    for event, node in walker:
        if event == "start":
            if node is not element and (node.tag in _INVISIBLE or is_gutter(node) or drop(node)):
                walker.skip_subtree()
            elif node.tag in _BREAKING:
                parts.append("\n")
            elif node.text:
                parts.append(node.text)
        elif node is not element:
            if node.tag in _LINE_BLOCKS and parts and not parts[-1].endswith("\n"):
                parts.append("\n")
            if node.tail:
                parts.append(node.tail)
    text = "".join(parts).replace("\r\n", "\n").replace("\r", "\n")
    lines = [line.rstrip() for line in text.split("\n")]
    code = "\n".join(lines).strip("\n")
    return "" if _NUMBERS.fullmatch(code) and _has_code_beside(element) else code


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
