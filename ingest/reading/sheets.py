"""A page's style sheets as flat rules: one selector and what it declares, as they hold on a screen.

Nesting is undone, `:is()` and `:where()` are spelt out, and custom properties are put in where the page gives them one
value. Blocks for print, for small screens or for what the reader does are left out.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from typing import NamedTuple

_COMMENT = re.compile(r"/\*.*?\*/", re.DOTALL)
_BORDER = re.compile(r"[{};]")
_MOST_SELECTORS = 64
_MOST_IN_ALL = 20_000
_LONGEST_SELECTOR = 500
_DEEPEST = 16
_SCREEN_WIDTH = 1280
_FEATURE = re.compile(r"\((min|max)-width\s*:\s*(\d*\.?\d+)(px|r?em)?\)")
_MEDIA = re.compile(r"(?:(?:only\s+)?(?:screen|all))?(?:(?:^|\s+and\s+)\([^()]*\))*")
_EITHER = re.compile(r"(.?):(?:is|where|matches|-webkit-any)\(([^()]*)\)")
_OUTSIDE = re.compile(r",(?![^(\[]*[)\]])")
_APART = " >+~(,"
_VARIABLE = re.compile(r"(?<![\w-])(--[\w-]+)\s*:([^;]*)")
_USE = re.compile(r"var\(\s*(--[\w-]+)\s*(?:,([^()]*))?\)")
_ROOTS = frozenset({":root", "html", "body", "*", ":host"})
_LONGEST = 4_000
_NESTED_USES = 5


class SheetRule(NamedTuple):
    """Selectors, in lower case, and the text of the declarations."""

    selectors: Sequence[str]
    body: str


class _Block(NamedTuple):
    """What is open: the selectors around, None where nothing in it holds; and its own declarations so far."""

    selectors: Sequence[str] | None
    declared: list[str]


def read_rules(sheet: str) -> Iterator[SheetRule]:
    """The rules of a sheet that hold on a screen, those of inner blocks before those around them.

    Selectors without end are not read: what follows the first 20,000 is left alone, and so are very long ones.
    """
    sheet = _COMMENT.sub("", sheet)
    blocks = [_Block(("",), [])]
    start = count = 0
    for border in _BORDER.finditer(sheet):
        text, start = sheet[start : border.start()].strip(), border.end()
        if border.group() == "{":
            blocks.append(_Block(_inside(blocks[-1].selectors, text.lower(), len(blocks)), []))
            count += len(blocks[-1].selectors or ())
            if count > _MOST_IN_ALL:
                return
            continue
        if text:
            blocks[-1].declared.append(text)
        if border.group() == "}" and len(blocks) > 1:
            block = blocks.pop()
            if block.selectors and block.selectors != ("",) and block.declared:
                yield SheetRule(block.selectors, ";".join(block.declared))


def _inside(around: Sequence[str] | None, head: str, depth: int) -> Sequence[str] | None:
    """The selectors of a block that begins with `head`, with those around it."""
    if around is None or depth > _DEEPEST:
        return None
    if head.startswith("@"):
        return around if _holds(head) else None
    if len(head) > _LONGEST:
        return None
    parts = [part.strip() for part in _OUTSIDE.split(head)]
    own = [one for part in parts if len(part) <= _LONGEST_SELECTOR for one in spelt_out(part)][:_MOST_SELECTORS]
    joined = (
        inner.replace("&", outer) if "&" in inner else f"{outer} {inner}".strip() for outer in around for inner in own
    )
    return tuple(one for one in islice(joined, _MOST_SELECTORS) if len(one) <= _LONGEST_SELECTOR)


def _holds(head: str) -> bool:
    """Whether an at-rule is for the screen at hand: of a layer, of what browsers know, or for wide windows."""
    name, _, condition = head[1:].partition(" ")
    if name in ("layer", "supports"):
        return not condition.strip().startswith("not")
    return name.startswith("media") and any(map(_fits_screen, head[6:].split(",")))


def _fits_screen(query: str) -> bool:
    query = query.strip()
    if _MEDIA.fullmatch(query) is None:
        return False
    features = _FEATURE.findall(query)
    if len(features) < query.count("("):
        return False
    widths = ((kind, float(size) * (16 if unit.endswith("em") else 1)) for kind, size, unit in features)
    return all(width <= _SCREEN_WIDTH if kind == "min" else width >= _SCREEN_WIDTH for kind, width in widths)


def spelt_out(selector: str) -> list[str]:
    """A selector once for each way to read its `:is()` and `:where()`; it stays as it is when they are too many."""
    found = [selector]
    for _ in range(_DEEPEST):
        place = next((place for place, one in enumerate(found) if _EITHER.search(one)), None)
        if place is None or len(found) > _MOST_SELECTORS:
            break
        found[place : place + 1] = _each(found[place])
    return found


def _each(selector: str) -> list[str]:
    either = _EITHER.search(selector)
    if either is None:
        return [selector]
    before, after = selector[: either.end(1)], selector[either.end() :]
    joined = bool(before) and before[-1] not in _APART
    options = [option.strip() for option in either[2].split(",")]
    # `.a:is(p)` would have to become `p.a`, and `.a:is(.b .c)` has no such form: they are left out.
    return [before + one + after for one in options if one and not (joined and (" " in one or one[0].isalpha()))]


def variables(rules: Sequence[SheetRule]) -> dict[str, str]:
    """Custom properties that have one value: the page's own where it states them, else the only one there is."""
    everywhere: dict[str, set[str]] = {}
    page: dict[str, str] = {}
    for rule in rules:
        for name, value in _VARIABLE.findall(rule.body) if "--" in rule.body else ():
            everywhere.setdefault(name, set()).add(value.strip())
            if not _ROOTS.isdisjoint(rule.selectors):
                page[name] = value.strip()
    return {name: next(iter(values)) for name, values in everywhere.items() if len(values) == 1} | page


def substituted(body: str, known: Mapping[str, str]) -> str:
    """Declarations with the values of custom properties in their places."""
    for _ in range(_NESTED_USES):
        if "var(" not in body or len(body) > _LONGEST:
            break
        body = _USE.sub(lambda use: known.get(use[1]) or use[2] or "unknown", body)
    return body
