"""`--only`: which elements to read, as a BeautifulSoup strainer made from simple CSS."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from rag.errors import InvalidRequest

if TYPE_CHECKING:
    from bs4.filter import SoupStrainer

_SELECTOR = re.compile(r"(?P<tag>[A-Za-z][\w-]*|\*)?(?P<rest>(?:[.#][\w-]+|\[[\w-]+(?:=[\"']?[^\]\"']*[\"']?)?\])*)")
_PART = re.compile(r"\.(?P<cls>[\w-]+)|#(?P<id>[\w-]+)|\[(?P<name>[\w-]+)(?:=[\"']?(?P<value>[^\]\"']*)[\"']?)?\]")


def check_selectors(selectors: Sequence[str]) -> None:
    """Refuses selectors that a strainer cannot express.

    Raises:
        InvalidRequest: it is not of the form `tag.class#id[name=value]`.
    """
    for selector in selectors:
        match = _SELECTOR.fullmatch(selector.strip())
        if not selector.strip() or match is None:
            raise InvalidRequest(
                f"--only cannot use the selector {selector!r}.",
                "Write one element such as article, div.content, #main or [role=main]; repeat --only for more.",
            )


def strainer(selectors: Sequence[str]) -> SoupStrainer | None:
    """A strainer for elements that match any of `selectors`; None when there are none.

    Raises:
        InvalidRequest: a selector cannot be used.
    """
    if not selectors:
        return None
    from bs4 import SoupStrainer

    check_selectors(selectors)
    rules = [_rules(selector.strip()) for selector in selectors]

    class AnyOf(SoupStrainer):
        """bs4's own strainer asks for all of its conditions at once; this one for any of several sets of them."""

        def allow_tag_creation(self, nsprefix: str | None, name: str, attrs: Any) -> bool:
            return any(_matches(rule, name, attrs or {}) for rule in rules)

        def allow_string_creation(self, string: str) -> bool:
            return False

        def matches_tag(self, tag: Any) -> bool:
            return any(_matches(rule, tag.name, tag.attrs) for rule in rules)

    return AnyOf()


def _rules(selector: str) -> list[tuple[str, str, str | None]]:
    match = _SELECTOR.fullmatch(selector)
    if match is None:
        return []
    tag = match["tag"]
    rules: list[tuple[str, str, str | None]] = [("tag", "", tag.lower())] if tag and tag != "*" else []
    for part in _PART.finditer(match["rest"]):
        if part["cls"]:
            rules.append(("class", "class", part["cls"]))
        elif part["id"]:
            rules.append(("is", "id", part["id"]))
        else:
            rules.append(("is", part["name"], part["value"]))
    return rules


def _matches(rules: list[tuple[str, str, str | None]], name: str, attributes: Mapping[str, Any]) -> bool:
    for kind, attribute, value in rules:
        given = attributes.get(attribute)
        held = " ".join(given) if isinstance(given, list) else str(given) if given is not None else None
        if kind == "tag" and name.lower() != value:
            return False
        if kind == "class" and value not in (held or "").split():
            return False
        if kind == "is" and (held is None or (value is not None and held != value)):
            return False
    return True
