"""Elements that belong to the site rather than to the page, told by tag, role and name."""

from __future__ import annotations

import re
from functools import lru_cache
from itertools import pairwise

from lxml import etree

from ingest.reading.hidden import HidingRules, is_hidden
from ingest.reading.weights import Weights

_CHROME_TAGS = frozenset({"nav", "footer", "aside", "dialog"})
_FRAME = frozenset({"html", "body", "main", "article"})
_INLINE = frozenset(
    "span a em i b strong code small font td th tr tbody sub sup u s abbr cite time h1 h2 h3 h4 h5 h6".split()
)
_NAMED_BY_ID = frozenset({"div", "ul", "ol", "form", "header", "table"})  # ids of others come from what they say
_CHROME_ROLES = frozenset(
    "navigation banner contentinfo search complementary dialog alertdialog menu menubar toolbar tablist".split()
)
_CHROME_WORDS = frozenset(
    "nav navbar navigation menu breadcrumb breadcrumbs sidebar footer masthead cookie cookies consent gdpr newsletter "
    "subscribe subscription signup social share sharing sharethis addtoany sharedaddy related recommend recommended "
    "recommendation recommendations recirc recirculation trending popular outbrain taboola promo promotion advert "
    "advertisement advertising ad ads adsbygoogle sponsored sponsor comments comment disqus respond tags tagcloud "
    "pagination pager modal popup byline copyright teaser teasers toc skip feedback breaking crumbs rating ratings "
    "paginator donate disclaimer prevnext noprint navbox catlinks printfooter".split()
)
_CHROME_STEMS = tuple("breadcrumb newsletter cookie advert sponsor related recommend navigation sidebar".split())
_CHROME_PAIRS = frozenset(
    tuple(pair.split())
    for pair in (
        "author bio, author box, author info, author card, author description, author about, author profile, "
        "about author, post author, side bar, side box, read more, more stories, most read, table contents, tag list, "
        "tag cloud, article tags, entry tags, post tags, next prev, prev next, post nav, site header, print only, "
        "sign up, back top, call action, read next, up next, similar posts, similar articles, latest news"
    ).split(", ")
)
_WORD = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])")
_DOMINANT = 0.4
_LEAST_PROSE = 60
_TAG_RELATIONS = frozenset({"tag", "category"})
_TAG_NAMES = frozenset({"tag", "tags"})
_CONTENT_ASIDES = frozenset("admonition footnote footnotes note warning tip important caution info callout".split())


class Noise:
    """Tells the frame of one page from its content; remembers its verdict on each name.

    An element that holds a large part of the page's prose is content, whatever it is called: `article-body
    with-sidebar` is no sidebar, and neither are the many `paywall` boxes that hold a paragraph each.
    """

    def __init__(self, weights: Weights, rules: HidingRules | None = None) -> None:
        self._weights = weights
        self._rules = rules or None  # rules that hide nothing need not be asked
        self._limit = _DOMINANT * weights.total
        self._names: dict[str, bool] = {}
        self._plain: dict[tuple[str, str], bool] = {}
        self._verdicts: dict[etree._Element, bool] = {}

    def __call__(self, element: etree._Element) -> bool:
        verdict = self._verdicts.get(element)
        if verdict is None:
            verdict = self._verdicts[element] = not self._is_plain(element) and self._is_noise(element)
        return verdict

    def _is_plain(self, element: etree._Element) -> bool:
        """Whether tag and class alone say that an element is content, as they do for nearly all: one look-up each."""
        attributes = element.items()
        if self._rules is not None or len(attributes) > 1 or (attributes and attributes[0][0] != "class"):
            return False
        tag = element.tag
        if tag == "a":  # what stands around it counts too
            return not attributes
        kind = tag, attributes[0][1] if attributes else ""
        plain = self._plain.get(kind)
        if plain is None:
            plain = self._plain[kind] = not (is_hidden(element) or self._is_chrome(element))
        return plain

    def _is_noise(self, element: etree._Element) -> bool:
        hidden = is_hidden(element) or (self._rules is not None and self._is_hidden_by_rule(element))
        return hidden or (self._is_chrome(element) and not self._is_dominant(element))

    def _is_hidden_by_rule(self, element: etree._Element) -> bool:
        return self._rules is not None and element.tag not in _FRAME and self._rules.hide(element)

    def _is_dominant(self, element: etree._Element) -> bool:
        return self._limit > 0 and self._weights.of(element) >= self._limit

    def _is_chrome(self, element: etree._Element) -> bool:
        tag = element.tag
        if tag in _FRAME or tag in _INLINE:
            return (tag == "a" and _is_tag_link(element)) or (tag == "span" and _is_edit_link(element))
        if tag in _CHROME_TAGS:
            return tag != "aside" or not _CONTENT_ASIDES.intersection(words(element.get("class") or ""))
        if not element.keys():
            return False
        if (element.get("role") or "").lower() in _CHROME_ROLES:
            return True
        names = element.get("class") or ""
        if tag in _NAMED_BY_ID and "section" not in names:
            names = f"{names} {element.get('id') or ''}"
        if not names or names == " ":
            return False
        verdict = self._names.get(names)
        if verdict is None:
            verdict = self._names[names] = is_chrome_name(names)
        return verdict


def _is_tag_link(link: etree._Element) -> bool:
    """A link to the list of pages with the same tag or category, unless it stands in the middle of prose."""
    rel, names = link.get("rel"), link.get("class")
    named = rel and not _TAG_RELATIONS.isdisjoint(rel.lower().split())
    if not named and (not names or _TAG_NAMES.isdisjoint(words(names))):
        return False
    around = link.getparent()
    if around is None:
        return True
    return len(around.text or "") + sum(len(child.tail or "") for child in around) < _LEAST_PROSE


def _is_edit_link(element: etree._Element) -> bool:
    """The “[edit]” that MediaWiki puts beside its headings."""
    return "mw-editsection" in (element.get("class") or "")


def is_chrome_name(names: str) -> bool:
    """Whether class names and an id speak of navigation, adverts, sharing, comments or other stories."""
    for name in names.split()[:20]:
        parts = words(name)
        if any(part.startswith(_CHROME_STEMS) for part in parts) or not _CHROME_WORDS.isdisjoint(parts):
            return True
        if not _CHROME_PAIRS.isdisjoint(pairwise(parts)):
            return True
    return False


@lru_cache(maxsize=4_096)  # the elements of a site have few classes
def words(name: str) -> tuple[str, ...]:
    """The words of a class name in any spelling: `related-posts`, `relatedPosts`, `RELATED_posts`."""
    return tuple(word.lower() for word in _WORD.findall(name[:200]))
