"""Elements that belong to the site rather than to the page, told by tag, role and name."""

from __future__ import annotations

import re

from lxml import etree

from ingest.hidden import is_hidden
from ingest.weights import Weights

_CHROME_TAGS = frozenset({"nav", "footer", "aside", "dialog"})
_FRAME = frozenset({"html", "body", "main", "article"})
_INLINE = frozenset("span a em i b strong code small font td th tr tbody sub sup label u s abbr cite time".split())
_CHROME_ROLES = frozenset(
    "navigation banner contentinfo search complementary dialog alertdialog menu menubar toolbar tablist".split()
)
_CHROME_WORDS = frozenset(
    "nav navbar navigation menu breadcrumb breadcrumbs sidebar footer masthead cookie cookies consent gdpr newsletter "
    "subscribe subscription signup social share sharing sharethis addtoany sharedaddy related recommend recommended "
    "recommendation recommendations recirc recirculation trending popular outbrain taboola promo promotion advert "
    "advertisement advertising ad ads adsbygoogle sponsored sponsor comments comment disqus respond tags tagcloud "
    "pagination pager modal popup byline copyright teaser teasers toc skip feedback breaking crumbs rating ratings "
    "paginator donate disclaimer prevnext noprint".split()
)
_CHROME_PAIRS = frozenset(
    ("author", word) for word in ("bio", "box", "info", "card", "description", "about", "content", "profile")
) | frozenset({("side", "bar"), ("side", "box"), ("read", "more"), ("more", "stories"), ("most", "read"), ("post", "author"),
               ("table", "contents"), ("tag", "list"), ("tag", "cloud"), ("next", "prev"), ("prev", "next"), ("site", "header"),
               ("post", "nav"), ("print", "only"), ("sign", "up"), ("back", "top"), ("call", "action"), ("cta", "box"),
               ("article", "tags"), ("entry", "tags"), ("post", "tags"), ("about", "author"), ("wp", "caption")} - {("wp", "caption")})
_WORD = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])")
_DOMINANT = 0.4
_CONTENT_ASIDES = frozenset("admonition footnote footnotes note warning tip important caution info danger callout".split())


class Noise:
    """Tells the frame of one page from its content; remembers its verdict on each name.

    An element that holds a large part of the page's prose is content, whatever it is called: `article-body
    with-sidebar` is no sidebar, and neither are the many `paywall` boxes that hold a paragraph each.
    """

    def __init__(self, weights: Weights) -> None:
        self._weights = weights
        self._limit = _DOMINANT * weights.total
        self._names: dict[str, bool] = {}
        self._verdicts: dict[etree._Element, bool] = {}

    def __call__(self, element: etree._Element) -> bool:
        verdict = self._verdicts.get(element)
        if verdict is None:
            verdict = is_hidden(element) or (self._is_chrome(element) and not self._is_dominant(element))
            self._verdicts[element] = verdict
        return verdict

    def _is_dominant(self, element: etree._Element) -> bool:
        return self._limit > 0 and self._weights.of(element) >= self._limit

    def _is_chrome(self, element: etree._Element) -> bool:
        tag, attributes = element.tag, element.attrib
        if tag in _FRAME or tag in _INLINE:
            return False
        if tag in _CHROME_TAGS:
            return tag != "aside" or not _CONTENT_ASIDES.intersection(words(attributes.get("class") or ""))
        if not attributes:
            return False
        if (attributes.get("role") or "").lower() in _CHROME_ROLES:
            return True
        names = f"{attributes.get('class') or ''} {attributes.get('id') or ''}"
        if names == " ":
            return False
        verdict = self._names.get(names)
        if verdict is None:
            verdict = self._names[names] = is_chrome_name(names)
        return verdict


def is_chrome_name(names: str) -> bool:
    """Whether class names and an id speak of navigation, adverts, sharing, comments or other stories."""
    for name in names.split()[:20]:
        parts = words(name)
        if not _CHROME_WORDS.isdisjoint(parts) or not _CHROME_PAIRS.isdisjoint(zip(parts, parts[1:], strict=False)):
            return True
    return False


def words(name: str) -> list[str]:
    """The words of a class name in any spelling: `related-posts`, `relatedPosts`, `RELATED_posts`."""
    return [word.lower() for word in _WORD.findall(name[:200])]
