"""How much prose lies in each element of a page: what tells its content from its frame."""

from __future__ import annotations

from collections.abc import Callable

from lxml import etree

_CARRIERS = frozenset("div section article main li td blockquote span dd center font body".split())
_SKIPPED = frozenset("script style noscript template svg select button nav footer iframe textarea".split())
_LEAST = 60


class Weights:
    """Characters of prose in each element."""

    def __init__(self) -> None:
        self._elements: dict[etree._Element, int] = {}
        self.total = 0

    def of(self, element: etree._Element) -> int:
        return self._elements.get(element, 0)

    def add(self, element: etree._Element, characters: int) -> None:
        self.total += characters
        node: etree._Element | None = element
        while node is not None:
            self._elements[node] = self._elements.get(node, 0) + characters
            node = node.getparent()


def weigh(body: etree._Element, drop: Callable[[etree._Element], bool] | None = None) -> Weights:
    """Weighs every element but those that `drop` names: paragraphs, and text that stands directly in a box."""
    weights = Weights()
    walker = etree.iterwalk(body, events=("start",))
    for _, element in walker:
        if element.tag in _SKIPPED or (drop is not None and element is not body and drop(element)):
            walker.skip_subtree()
            continue
        characters = _prose(element)
        if characters >= _LEAST:
            weights.add(element, characters)
    return weights


def _prose(element: etree._Element) -> int:
    if element.tag == "p":
        return _length("".join(element.itertext())) - sum(_length("".join(a.itertext())) for a in element.iter("a"))
    if element.tag == "pre":
        return _length("".join(element.itertext()))
    if element.tag in _CARRIERS:
        return _length(element.text) + sum(_length(child.tail) for child in element)
    return 0


def _length(text: str | None) -> int:
    return len(text.strip()) if text else 0
