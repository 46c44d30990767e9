"""How much prose lies in each element of a page: what tells its content from its frame."""

from __future__ import annotations

from collections.abc import Callable

from lxml import etree

_CARRIERS = frozenset("div section article main li td blockquote span dd center font body".split())
_SKIPPED = frozenset("script style noscript template svg select button nav footer iframe textarea".split())
_WEIGHED = tuple(_CARRIERS | _SKIPPED | {"p", "pre"})
_LEAST = 60


class Weights:
    """Characters of prose in each element: paragraphs, and text that stands directly in a box."""

    def __init__(self, body: etree._Element) -> None:
        self.total = 0
        self._body = body
        self._elements: dict[etree._Element, int] = {}
        self._carriers: list[tuple[etree._Element, int]] = []

    def of(self, element: etree._Element) -> int:
        return self._elements.get(element, 0)

    def add(self, element: etree._Element, characters: int) -> None:
        self.total += characters
        self._carriers.append((element, characters))
        node: etree._Element | None = element
        while node is not None:
            self._elements[node] = self._elements.get(node, 0) + characters
            node = node.getparent()

    def without(self, drop: Callable[[etree._Element], bool]) -> Weights:
        """The weights when the elements that `drop` names, and all within them, weigh nothing."""
        kept = Weights(self._body)
        dropped: dict[etree._Element | None, bool] = {None: False, self._body: False}
        for element, characters in self._carriers:
            path: list[etree._Element] = []
            node: etree._Element | None = element
            while node is not None and node not in dropped:
                path.append(node)
                node = node.getparent()
            for inner in reversed(path):
                dropped[inner] = dropped[node] or drop(inner)
                node = inner
            if not dropped[element]:
                kept.add(element, characters)
        return kept


def weigh(body: etree._Element) -> Weights:
    """Weighs every element but scripts, navigation and the like."""
    weights = Weights(body)
    walker = etree.iterwalk(body, events=("start",), tag=_WEIGHED)
    for _, element in walker:
        if element.tag in _SKIPPED:
            walker.skip_subtree()
            continue
        characters = _prose(element) if len(element) else _length(element.text)
        if characters >= _LEAST:
            weights.add(element, characters)
        if element.tag == "pre":
            walker.skip_subtree()  # all of its text is counted
    return weights


def _prose(element: etree._Element) -> int:
    if element.tag == "p":
        return _length("".join(element.itertext())) - sum(_length("".join(a.itertext())) for a in element.iter("a"))
    if element.tag == "pre":
        return _length("".join(element.itertext()))
    characters = _length(element.text)
    for child in element:
        tail = child.tail
        if tail:
            characters += len(tail.strip())
    return characters


def _length(text: str | None) -> int:
    return len(text.strip()) if text else 0
