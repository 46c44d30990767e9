"""What a page holds but does not show: the place where instructions to a model are hidden."""

from __future__ import annotations

import re

from lxml import etree

_HIDING_STYLE = re.compile(
    r"display:none|visibility:(?:hidden|collapse)|font-size:0*(?:\.0+)?(?:px|pt|em|rem|%)?(?:;|!|$)"
    r"|font-size:[01](?:\.\d+)?p[xt](?:;|!|$)|opacity:0*(?:\.0+)?(?:;|!|$)|color:transparent"
    r"|(?:text-indent|left|top|right):-\d{3,}|clip:rect\(0|clip-path:inset\((?:50|100)%"
)
_NO_SIZE = re.compile(r"(?:^|;)(?:max-)?(?:height|width):0(?:px)?(?:;|!|$)")
_WHITE = r"(?:#fff(?:fff)?|white|rgba?\(255,255,255(?:,[\d.]+)?\))(?:;|!|$)"
_WHITE_TEXT = re.compile(rf"(?:^|;)color:{_WHITE}")
_BACKGROUND = re.compile(rf"(?:^|;)background(?:-color|-image)?:(?!{_WHITE}|transparent|none|inherit)")
_HIDING_CLASS = re.compile(
    r"(?:^|\s)(?:sr-only|screen-reader-text|screen-reader|visually-?hidden|visuallyHidden|u-hidden|is-hidden|d-none"
    r"|a11y-hidden|element-invisible|offscreen|assistive-text)(?:\s|$)",
    re.IGNORECASE,
)
_BODY = frozenset({"html", "body", "main", "article"})


def is_hidden(element: etree._Element) -> bool:
    """Whether the element's own attributes keep it from being seen.

    The frame of the page is never taken for hidden: scripts that fade a page in leave it transparent.
    """
    attributes = element.attrib
    if not attributes or element.tag in _BODY:
        return False
    if "hidden" in attributes and (attributes["hidden"] or "").lower() != "until-found":
        return True
    if (attributes.get("aria-hidden") or "").lower() == "true":
        return True
    style = attributes.get("style")
    if style and _hides("".join(style.lower().split())):
        return True
    name = attributes.get("class")
    return bool(name) and _HIDING_CLASS.search(name or "") is not None


def _hides(style: str) -> bool:
    if _HIDING_STYLE.search(style):
        return True
    if "overflow:hidden" in style and _NO_SIZE.search(style):
        return True
    return _WHITE_TEXT.search(style) is not None and not _BACKGROUND.search(style)
