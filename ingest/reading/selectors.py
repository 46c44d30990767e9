"""The selectors of style rules: names, attributes, tags, and places among siblings.

States (`:hover`), what is not of the tree (`::before`), and `:not()`, which mostly waits for a script to add a class,
are not understood; such a selector is left alone.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import islice
from typing import NamedTuple

from lxml import etree

_DEEPEST = 64
_NAME = r"(?:[\w-]|\\.)+"
_ATTRIBUTE = r"\[[\w-]+(?:[~^$*|]?=(?:\"[^\"]*\"|'[^']*'|[^\"'\]]*))?(?: i)?\]"
_PLACE = r":(?:first|last|only)-child|:nth-child\(\d{1,2}\)"
_SIMPLE = rf"[.#]{_NAME}|{_ATTRIBUTE}|{_PLACE}"
_COMPOUND = re.compile(rf"(\*|[a-z][\w-]*)?((?:{_SIMPLE})*)")
_PIECE = re.compile(_SIMPLE)
_READ_ATTRIBUTE = re.compile(r"\[([\w-]+)(?:([~^$*|]?)=[\"']?([^\"'\]]*?)[\"']?(?: i)?)?\]")
_CLASSES, _IDS = etree.XPath(".//@class"), etree.XPath(".//@id")
_STEP = re.compile(r"\s*([>+~])\s*|\s+")
_LEFT_OPEN = re.compile(r"[\[(][^\])]*$")


class Compound(NamedTuple):
    """One part of a selector: `p.note[data-x=y]`."""

    tag: str
    names: frozenset[str]
    attributes: tuple[tuple[str, str, str | None], ...]
    places: tuple[str, ...]

    @property
    def key(self) -> str:
        """A name or the tag that an element must have to fit, one of its `keys_of`; empty when it may have any."""
        return min(self.names, default=self.tag)

    @property
    def is_bare(self) -> bool:
        """Whether it is a tag and nothing else."""
        return not (self.names or self.attributes or self.places)

    def fits(self, element: etree._Element) -> bool:
        if self.tag and self.tag != element.tag:
            return False
        if self.names and not self.names <= _names(element):
            return False
        given = element.attrib
        if not all(
            name in given and _agrees(given[name].lower(), kind, value) for name, kind, value in self.attributes
        ):
            return False
        return all(_is_at(element, place) for place in self.places)


Group = tuple[tuple[str, Compound], ...]
"""Compounds that stand in a row, each with the sign before it: `>`, `+`, `~`; that of the first is empty."""


class Selector(NamedTuple):
    """Groups of compounds, of which each must stand somewhere around the next."""

    groups: tuple[Group, ...]

    @property
    def last(self) -> Compound:
        return self.groups[-1][-1][1]

    @property
    def names(self) -> frozenset[str]:
        """All names that a page must have somewhere for it to fit."""
        return frozenset(name for group in self.groups for _, compound in group for name in compound.names)

    def fits(self, element: etree._Element) -> bool:
        if not self.last.fits(element):
            return False
        top = _top_of(self.groups[-1], element)
        for group in reversed(self.groups[:-1]):
            if top is None:
                return False
            around = islice(top.iterancestors(), _DEEPEST)
            top = next((found for node in around if (found := _top_of(group, node)) is not None), None)
        return top is not None

    @property
    def weight(self) -> tuple[int, int, int]:
        """By what CSS prefers: ids, then classes and the like, then tags."""
        compounds = [compound for group in self.groups for _, compound in group]
        names = [name for compound in compounds for name in compound.names]
        ids = sum(name.startswith("#") for name in names)
        others = sum(len(one.attributes) + len(one.places) for one in compounds)
        return ids, len(names) - ids + others, sum(bool(one.tag) for one in compounds)


def read_selector(text: str) -> Selector | None:
    """A selector in lower case, without commas; None for one that is not understood."""
    groups: list[Group] = []
    for sign, part in _parts(text):
        compound = _compound(part)
        if compound is None:
            return None
        if sign and groups:
            groups[-1] += ((sign, compound),)
        else:
            groups.append((("", compound),))
    return Selector(tuple(groups)) if groups else None


def _parts(text: str) -> Iterator[tuple[str, str]]:
    """The compounds of a selector, each with the sign before it."""
    text, start, sign = text.strip(), 0, ""
    for step in _STEP.finditer(text):
        if _LEFT_OPEN.search(text, start, step.start()):
            continue
        if step.start() > start:
            yield sign, text[start : step.start()]
        start, sign = step.end(), step[1] or ""
    yield sign, text[start:]


def _compound(text: str) -> Compound | None:
    match = _COMPOUND.fullmatch(text)
    if match is None or not text:
        return None
    names: set[str] = set()
    attributes: list[tuple[str, str, str | None]] = []
    places: list[str] = []
    for piece in _PIECE.findall(match[2]):
        if piece[0] == "[":
            read = _READ_ATTRIBUTE.fullmatch(piece)
            if read is None:
                return None
            attributes.append((read[1], read[2] or "", read[3]))
        elif piece[0] == ":":
            places.append(piece[1:])
        else:
            names.add(piece.replace("\\", ""))
    tag = "" if match[1] in (None, "*") else match[1]
    return Compound(tag, frozenset(names), tuple(attributes), tuple(places))


def _top_of(group: Group, element: etree._Element) -> etree._Element | None:
    """Where the first compound of a group stands whose last one is `element`; None where the group does not fit."""
    node: etree._Element | None = element
    for place in range(len(group) - 1, -1, -1):
        if node is None or not group[place][1].fits(node):
            return None
        sign = group[place][0]
        if sign == ">":
            node = node.getparent()
        elif sign == "+":
            node = node.getprevious()
        elif sign == "~":
            before = islice(node.itersiblings(preceding=True), _DEEPEST)
            node = next((one for one in before if group[place - 1][1].fits(one)), None)
    return node


def _agrees(given: str, kind: str, value: str | None) -> bool:
    """Whether an attribute's value is what `[name^=value]` and the like ask for."""
    if value is None or (not kind and given == value):
        return True
    if kind == "~":
        return value in given.split()
    if kind == "|":
        return given == value or given.startswith(f"{value}-")
    if not value:
        return False
    return (
        (kind == "^" and given.startswith(value))
        or (kind == "$" and given.endswith(value))
        or (kind == "*" and value in given)
    )


def _is_at(element: etree._Element, place: str) -> bool:
    """Whether it is the first, last, only or n-th child."""
    if place.startswith("nth"):
        before = int(place[10:-1]) - 1
        return before >= 0 and sum(1 for _ in islice(element.itersiblings(preceding=True), before + 1)) == before
    first, last = element.getprevious() is None, element.getnext() is None
    return (first or place == "last-child") and (last or place == "first-child")


def names_in(root: etree._Element) -> frozenset[str]:
    """The classes and ids of a page, as selectors write them."""
    classes = {f".{name}" for names in set(_CLASSES(root)) for name in names.lower().split()}
    return frozenset(classes | {f"#{name.lower()}" for name in _IDS(root)})


def keys_of(element: etree._Element) -> set[str]:
    """The keys by which compounds that may fit an element are found."""
    return _names(element) | {element.tag, ""}


def _names(element: etree._Element) -> set[str]:
    attributes = element.attrib
    names = {f".{name}" for name in attributes.get("class", "").lower().split()}
    if "id" in attributes:
        names.add(f"#{attributes['id'].lower()}")
    return names
