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
_STYLE_BYTES = 200_000
_COMMENT = re.compile(r"/\*.*?\*/", re.DOTALL)
_RULE = re.compile(r"([^{}]*)\{([^{}]*)\}")
_NAMES = re.compile(r"[a-z]*((?:[.#][\w-]+)+)")
_HIDING_CLASS = re.compile(
    r"(?:^|\s)(?:sr-only|screen-reader-text|screen-reader|visually-?hidden|visuallyHidden|u-hidden|is-hidden|d-none"
    r"|a11y-hidden|element-invisible|offscreen|assistive-text)(?:\s|$)",
    re.IGNORECASE,
)
_BODY = frozenset({"html", "body", "main", "article"})


def is_hidden(element: etree._Element) -> bool:
    """Whether the element's own attributes keep it from being seen."""
    attributes = element.attrib
    if not attributes or element.tag in _BODY:
        return False
    if "hidden" in attributes and attributes["hidden"].lower() != "until-found":
        return True
    if attributes.get("aria-hidden", "").lower() == "true":
        return True
    style = _squeezed(attributes.get("style") or "")
    if style and hides(style):
        return "display:none" in style or not _frames_page(element)
    if _WHITE_TEXT.search(style) or (
        element.tag == "font" and re.fullmatch(_WHITE, attributes.get("color", "").lower())
    ):
        return not _has_background(element)
    return _HIDING_CLASS.search(attributes.get("class", "")[:2_000]) is not None


def hides(style: str) -> bool:
    """Whether declarations, in lower case and without spaces, keep an element from being seen."""
    return bool(_HIDING_STYLE.search(style)) or ("overflow:hidden" in style and bool(_NO_SIZE.search(style)))


class HidingRules:
    """The simple rules of a page's own `<style>` elements that hide elements by class or id.

    Rules for other media and for states are left alone; a rule for more names that shows an element again wins.
    """

    def __init__(self, root: etree._Element) -> None:
        self._hiding: set[frozenset[str]] = set()
        self._showing: set[frozenset[str]] = set()
        for style in root.iter("style"):
            for selectors, declarations in _RULE.findall(_top_level((style.text or "")[:_STYLE_BYTES])):
                self._add(selectors.lower(), _squeezed(declarations))
        self._hiding -= self._showing

    def __bool__(self) -> bool:
        return bool(self._hiding)

    def hide(self, element: etree._Element) -> bool:
        attributes = element.attrib
        names = {f".{name}" for name in attributes.get("class", "").lower().split()}
        if "id" in attributes:
            names.add(f"#{attributes['id'].lower()}")
        hiding = [rule for rule in self._hiding if rule <= names]
        return bool(hiding) and not any(rule <= names for rule in self._showing)

    def _add(self, selectors: str, declarations: str) -> None:
        hiding = hides(declarations)
        if not hiding and not re.search("display:|visibility:visible|opacity:", declarations):
            return
        for selector in selectors.split(","):
            match = _NAMES.fullmatch(selector.strip())
            if match:
                rule = frozenset(re.findall(r"[.#][\w-]+", match.group(1)))
                (self._hiding if hiding else self._showing).add(rule)


def _top_level(css: str) -> str:
    """The rules outside of `@media` and other blocks; what is hidden only in print is shown."""
    kept, depth, start = [], 0, 0
    css = _COMMENT.sub("", css)
    for brace in re.finditer(r"[{}]", css):
        depth += 1 if brace.group() == "{" else -1
        if depth <= 0:
            rule = css[start : brace.end()]
            if "@" not in rule:
                kept.append(rule)
            depth, start = 0, brace.end()
    return "".join(kept)


def _squeezed(style: str) -> str:
    return "".join(style.lower().split())


def _has_background(element: etree._Element) -> bool:
    """Whether the element or one around it states a colour that white text can be read on."""
    node: etree._Element | None = element
    while node is not None:
        colour = (node.get("bgcolor") or "").lower()
        if _BACKGROUND.search(_squeezed(node.get("style") or "")) or (colour and not re.fullmatch(_WHITE, colour)):
            return True
        node = node.getparent()
    return False


def _frames_page(element: etree._Element) -> bool:
    """Whether it holds the page's title or main content: scripts that fade a page in leave it transparent till then."""
    return next(element.iter("main", "article", "h1"), None) is not None
