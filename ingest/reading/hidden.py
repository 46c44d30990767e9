"""What a page holds but does not show: the place where instructions to a model are hidden."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import NamedTuple

from lxml import etree

from ingest.reading.selectors import Selector, keys_of, names_in, read_selector
from ingest.reading.sheets import read_rules, substituted, variables
from ingest.reading.style import (
    WHITE,
    Colour,
    Declarations,
    colour,
    colour_of,
    declarations,
    ground_of,
    hides,
    is_behind,
    removes,
)

_STYLE_BYTES = 200_000
_MOST_RULES = 2_000
_HIDING_CLASS = re.compile(
    r"(?:^|\s)(?:sr-only|screen-reader-text|screen-reader|visually-?hidden|visuallyHidden|u-hidden|is-hidden|d-none"
    r"|a11y-hidden|element-invisible|offscreen|assistive-text)(?:\s|$)",
    re.IGNORECASE,
)
_BODY = frozenset({"html", "body", "main", "article"})
_BLOCKS = _BODY | {"", "div"}
_USES_VARIABLE = etree.XPath("boolean(.//@style[contains(., 'var(')])")
_SHOWING = frozenset({"display", "visibility", "opacity"})
"""Properties by which a rule may show again what another hides."""


def is_hidden(element: etree._Element) -> bool:
    """Whether the element's own attributes keep it from being seen."""
    attributes = element.keys()  # the names alone: most elements have a class and nothing else
    if not attributes or element.tag in _BODY:
        return False
    if "hidden" in attributes and element.get("hidden", "").lower() != "until-found":
        return True
    if "aria-hidden" in attributes and element.get("aria-hidden", "").lower() == "true":
        return True
    written = colour(element.get("color", "").lower()) if element.tag == "font" else None
    if "style" in attributes:
        style = declarations(element.get("style", ""))
        if hides(style):
            return style.get("display") == "none" or not _frames_page(element)
        written = colour_of(style) or written
    if written is not None and _is_lost_on_ground(element, written):
        return True
    return "class" in attributes and _is_hiding_class(element.get("class", "")[:2_000])


@lru_cache(maxsize=4_096)  # the elements of a site have few classes, and the same ones again and again
def _is_hiding_class(names: str) -> bool:
    return _HIDING_CLASS.search(names) is not None


class _Rule(NamedTuple):
    """What one rule does to elements that fit; rules compare by what CSS prefers: ids, classes, tags, then order."""

    weight: tuple[int, int, int]
    order: int
    selector: Selector
    hiding: bool


class HidingRules:
    """The rules of a page's own `<style>` elements that hide elements, or show them again.

    Names, attributes, tags and places, also of elements around, are understood; rules for other media and for states
    are left alone. White text hides only where the page states no background at all.
    """

    def __init__(self, root: etree._Element) -> None:
        self._rules: dict[str, dict[str, list[_Rule]]] = {}
        self._count = 0
        sheets = [(style.text or "")[:_STYLE_BYTES] for style in root.iter("style")]
        self._is_plain = not any("background" in sheet.lower() for sheet in sheets) and not any(
            "stylesheet" in (link.get("rel") or "").lower() for link in root.iter("link")
        )
        rules = [rule for sheet in sheets for rule in read_rules(sheet)]
        self._variables = variables(rules)
        self._names = names_in(root) if rules else frozenset()
        for rule in rules:
            self._add(rule.selectors, declarations(substituted(rule.body, self._variables)))
        self._is_used = bool(self._variables) and bool(_USES_VARIABLE(root))
        self._hiding = {
            kind for kind, found in self._rules.items() if any(rule.hiding for one in found.values() for rule in one)
        }

    def __bool__(self) -> bool:
        return bool(self._hiding) or self._is_used

    def hide(self, element: etree._Element) -> bool:
        """Whether the strongest rule for the element, of any kind, hides it; or its own style, by a variable."""
        for kind in self._hiding:
            rules = self._rules[kind]
            likely = (rule for key in keys_of(element) if key in rules for rule in rules[key])
            fitting = [rule for rule in likely if rule.selector.fits(element)]
            if fitting and max(fitting, key=lambda rule: (rule.weight, rule.order)).hiding:
                return self._is_sure(kind, element)
        style = element.get("style") or ""
        return "var(" in style and hides(declarations(substituted(style, self._variables)))

    def _is_sure(self, kind: str, element: etree._Element) -> bool:
        if kind == "colour":
            return _is_lost_on_ground(element, WHITE)
        return kind != "behind" or not _frames_page(element)

    def _add(self, selectors: Sequence[str], style: Declarations) -> None:
        kinds = dict(_kinds(style, self._is_plain))
        for text in selectors if kinds else ():
            self._count += 1
            selector = read_selector(text) if self._count <= _MOST_RULES else None
            # A bare tag is believed only for what is not a block of the page
            if (
                selector is None
                or not selector.names <= self._names
                or (selector.last.is_bare and selector.last.tag in _BLOCKS)
            ):
                continue
            for kind, hiding in kinds.items():
                rules = self._rules.setdefault(kind, {}).setdefault(selector.last.key, [])
                rules.append(_Rule(selector.weight, self._count, selector, hiding))


def _kinds(style: Declarations, plain: bool) -> Iterator[tuple[str, bool]]:
    """What a rule decides about seeing an element, by kind, and whether it hides."""
    for name in _SHOWING & style.keys():
        one = {name: style[name]}
        yield name, removes(one) or hides(one)
    if is_behind(style):
        yield "behind", True
    rest = {name: value for name, value in style.items() if name not in _SHOWING and name != "z-index"}
    if hides(rest):
        yield "rest", True
    written = colour_of(style)
    if written is not None:
        ground = colour(ground_of(style)) if ground_of(style) else (WHITE if plain else None)
        yield "colour", ground is not None and written.is_like(ground)


def _is_lost_on_ground(element: etree._Element, written: Colour) -> bool:
    """Whether text of this colour cannot be told from the nearest background that is stated; white when none is."""
    if written.is_faint:
        return True
    node: etree._Element | None = element
    while node is not None:
        ground = ground_of(declarations(node.get("style") or "")) or (node.get("bgcolor") or "").lower()
        if ground:
            behind = colour(ground)
            return behind is not None and not behind.is_faint and written.is_like(behind)
        node = node.getparent()
    return written.is_like(WHITE)


def _frames_page(element: etree._Element) -> bool:
    """Whether it holds the page's title or main content: scripts that fade a page in leave it transparent till then."""
    return next(element.iter("main", "article", "h1"), None) is not None
