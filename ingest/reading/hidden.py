"""What a page holds but does not show: the place where instructions to a model are hidden."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache
from typing import NamedTuple

from lxml import etree

from ingest.reading.style import WHITE, Colour, Declarations, colour, colour_of, declarations, ground_of, hides, removes

_STYLE_BYTES = 200_000
_MOST_RULES = 2_000
_COMMENT = re.compile(r"/\*.*?\*/", re.DOTALL)
_ALWAYS = re.compile(r"@(?:media\s+(?:only\s+)?(?:screen|all)|layer\b[^{};]*)\s*\{", re.IGNORECASE)
"""Begins a block that holds wherever pages are read; its end may stand alone, as no rule begins with it."""
_RULE = re.compile(r"([^{}]*)\{([^{}]*)\}")
_COMPOUND = re.compile(r"([a-z][\w-]*|\*)?((?:[.#][\w-]+|\[[\w-]+(?:=[\"']?[^\"'\]]*[\"']?)?\])*)")
_PART = re.compile(r"[.#][\w-]+|\[([\w-]+)(?:=[\"']?([^\"'\]]*)[\"']?)?\]")
_SELECTOR = re.compile(r"[\w.#\-\[\]=\"' >*]+")
_DEEPEST = 64
_HIDING_CLASS = re.compile(
    r"(?:^|\s)(?:sr-only|screen-reader-text|screen-reader|visually-?hidden|visuallyHidden|u-hidden|is-hidden|d-none"
    r"|a11y-hidden|element-invisible|offscreen|assistive-text)(?:\s|$)",
    re.IGNORECASE,
)
_BODY = frozenset({"html", "body", "main", "article"})
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


class _Compound(NamedTuple):
    """One part of a selector: `p.note[data-x=y]`."""

    tag: str
    names: frozenset[str]
    attributes: tuple[tuple[str, str | None], ...]

    def fits(self, element: etree._Element) -> bool:
        if self.tag and self.tag != element.tag:
            return False
        given = element.attrib
        if self.names and not self.names <= _names(element):
            return False
        return all(name in given and value in (None, given[name].lower()) for name, value in self.attributes)


class _Rule(NamedTuple):
    """What one rule does to elements that fit; rules compare by what CSS prefers: ids, classes, tags, then order."""

    weight: tuple[int, int, int]
    order: int
    selector: tuple[_Compound, ...]
    hiding: bool

    def fits(self, element: etree._Element) -> bool:
        *around, last = self.selector
        if not last.fits(element):
            return False
        node = element.getparent()
        for compound in reversed(around):
            for _ in range(_DEEPEST):
                if node is None or compound.fits(node):
                    break
                node = node.getparent()
            if node is None or not compound.fits(node):
                return False
            node = node.getparent()
        return True


class HidingRules:
    """The simple rules of a page's own `<style>` elements that hide elements, or show them again.

    Names, attributes and tags, also of elements around, are understood; rules for other media and for states are left
    alone. White text hides only where the page states no background at all.
    """

    def __init__(self, root: etree._Element) -> None:
        self._rules: dict[str, list[_Rule]] = {}
        self._count = 0
        sheets = [_top_level((style.text or "")[:_STYLE_BYTES]) for style in root.iter("style")]
        self._is_plain = not any("background" in sheet.lower() for sheet in sheets) and not any(
            "stylesheet" in (link.get("rel") or "").lower() for link in root.iter("link")
        )
        for sheet in sheets:
            for selectors, body in _RULE.findall(sheet):
                self._add(selectors.lower(), declarations(body))
        self._hiding = {kind for kind, rules in self._rules.items() if any(rule.hiding for rule in rules)}

    def __bool__(self) -> bool:
        return bool(self._hiding)

    def hide(self, element: etree._Element) -> bool:
        """Whether the strongest rule for the element, of any kind, hides it."""
        for kind in self._hiding:
            fitting = [rule for rule in self._rules[kind] if rule.fits(element)]
            if fitting and max(fitting, key=lambda rule: (rule.weight, rule.order)).hiding:
                return kind != "colour" or _is_lost_on_ground(element, WHITE)
        return False

    def _add(self, selectors: str, style: Declarations) -> None:
        kinds = dict(_kinds(style, self._is_plain))
        if not kinds or self._count > _MOST_RULES:
            return
        self._count += 1
        for text in selectors.split(","):
            selector = _selector(text.strip())
            if selector is None:
                continue
            for kind, hiding in kinds.items():
                self._rules.setdefault(kind, []).append(_Rule(_weight(selector), self._count, selector, hiding))


def _kinds(style: Declarations, plain: bool) -> Iterator[tuple[str, bool]]:
    """What a rule decides about seeing an element, by kind, and whether it hides."""
    for name in _SHOWING & style.keys():
        one = {name: style[name]}
        yield name, removes(one) or hides(one)
    rest = {name: value for name, value in style.items() if name not in _SHOWING}
    if hides(rest):
        yield "rest", True
    written = colour_of(style)
    if written is not None:
        ground = colour(ground_of(style)) if ground_of(style) else (WHITE if plain else None)
        yield "colour", ground is not None and written.is_like(ground)


def _selector(text: str) -> tuple[_Compound, ...] | None:
    """A selector of names, attributes and tags, where a child counts as a descendant; None for any other."""
    if not _SELECTOR.fullmatch(text):
        return None
    found = []
    for part in text.replace(">", " ").split():
        match = _COMPOUND.fullmatch(part)
        if match is None:
            return None
        names = frozenset(piece[0] for piece in _PART.finditer(match[2]) if piece[0][0] != "[")
        attributes = tuple((piece[1], piece[2]) for piece in _PART.finditer(match[2]) if piece[0][0] == "[")
        found.append(_Compound("" if match[1] in (None, "*") else match[1], names, attributes))
    last = found[-1] if found else None
    # A bare tag is believed only for what is not a block of the page
    return tuple(found) if last and (last.names or last.attributes or last.tag not in ("", "div", *_BODY)) else None


def _weight(selector: tuple[_Compound, ...]) -> tuple[int, int, int]:
    names = [name for compound in selector for name in compound.names]
    ids = sum(name.startswith("#") for name in names)
    attributes = sum(len(compound.attributes) for compound in selector)
    return ids, len(names) - ids + attributes, sum(bool(compound.tag) for compound in selector)


def _names(element: etree._Element) -> set[str]:
    attributes = element.attrib
    names = {f".{name}" for name in attributes.get("class", "").lower().split()}
    if "id" in attributes:
        names.add(f"#{attributes['id'].lower()}")
    return names


def _top_level(css: str) -> str:
    """The rules outside of blocks such as `@media print`; what is hidden only in print is shown."""
    kept, depth, start = [], 0, 0
    css = _ALWAYS.sub("", _COMMENT.sub("", css))
    for brace in re.finditer(r"[{}]", css):
        depth += 1 if brace.group() == "{" else -1
        if depth <= 0:
            rule = css[start : brace.end()]
            if "@" not in rule:
                kept.append(rule)
            depth, start = 0, brace.end()
    return "".join(kept)


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
