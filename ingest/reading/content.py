"""Which blocks of a page are its content, and which are menus, adverts, cookie banners and the like.

Three judges, from cheap to dear: names and roles say what an element is for, unless most of the page's prose lies in
it; the container that holds the prose is found by weighing; and on pages that read like news, where adverts and
teasers stand between the paragraphs, trafilatura is asked about each block. Documentation, told by its code and its
linkable headings, is kept whole: trafilatura loses half of its headings and code.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from lxml import etree

from ingest.reading.blocks import Draft, read_blocks
from ingest.reading.hidden import HidingRules
from ingest.reading.noise import Noise, is_chrome_name
from ingest.reading.oracle import Oracle
from ingest.reading.weights import Weights, weigh

_SEMANTIC = etree.XPath(".//main | .//article | .//*/@role[.='main']/.. | .//*/@itemprop[.='articleBody']/..")
_TECHNICAL = etree.XPath("boolean(.//pre | .//dt[@id] | .//math)")
_HEADINGS = etree.XPath(".//h2 | .//h3")
_WORD = re.compile(r"\w+")
_HOLDS_MAIN = 0.6
_DESCENDS = 0.85
_CAPTION = re.compile(r"caption|credit", re.IGNORECASE)
_ASIDE_TITLE = re.compile(
    r"(?:related|recommended|trending|popular|most (?:read|popular|viewed)|latest|more (?:from|stories|in|on|great)"
    r"|read (?:more|next|also|this)|see (?:more|also)|you (?:may|might) (?:also )?(?:like|be interested)|don.t miss"
    r"|what to read next|up next|about the author|comments?\b|leave a (?:reply|comment)|share (?:this|on)|sign up"
    r"|subscribe|newsletter|advertis|sponsored|follow us|featured video"
    r"|(?:other )?posts in this series|previous post|next post"
    r"|本系列|系列文章|相关(?:文章|阅读|推荐)|推荐阅读|热门|上一篇|下一篇"
    r"|发表评论|评论\b|分享到)",
    re.IGNORECASE,
)
_MOSTLY = 0.7
_SHORT = 60
_CAPTION_DEPTH = 4


def main_blocks(root: etree._Element) -> list[Draft]:
    """The blocks of the page's main content, in reading order."""
    body = root.find("body")
    if body is None:
        body = root
    everything = weigh(body)
    noise = Noise(everything, HidingRules(root))
    weights = everything.without(noise)
    container = main_container(body, weights)
    technical = is_technical(container)
    if not technical:
        container = _descend(container, weights, weights.of(container))
    drafts = read_blocks(container, noise)
    if technical:
        return _without_asides(drafts, strict=True) or drafts
    kept = [draft for draft in _without_asides(drafts, strict=False) if not _is_caption(draft)]
    links = {place for place, draft in enumerate(kept) if _is_link(draft)}
    return Oracle(container).judge(kept, links) or kept or drafts


def main_container(body: etree._Element, weights: Weights) -> etree._Element:
    """The innermost element marked as main content that holds most of the prose; else the one that prose lies in."""
    total = weights.of(body)
    marked = [element for element in _SEMANTIC(body) if weights.of(element) >= _HOLDS_MAIN * total]
    if marked:
        return min(marked, key=weights.of) if total else max(marked, key=lambda element: sum(1 for _ in element.iter()))
    return _descend(body, weights, total)


def _descend(element: etree._Element, weights: Weights, total: float) -> etree._Element:
    while total:
        inner = next((child for child in element if weights.of(child) >= _DESCENDS * total), None)
        if inner is None or inner.tag in ("p", "pre", "table", "ul", "ol", "dl", "blockquote", "span"):
            break
        element = inner
    return element


def is_technical(container: etree._Element) -> bool:
    """Whether a page reads like documentation: code, signatures, formulas, or headings that can be linked to."""
    return bool(_TECHNICAL(container)) or sum(map(_has_slug, _HEADINGS(container)[:20])) > 1


def _has_slug(heading: etree._Element) -> bool:
    parent = heading.getparent()
    name = heading.get("id") or (parent.get("id") if parent is not None and parent.tag == "section" else None)
    if any((link.get("href") or "").startswith("#") for link in heading.iter("a")):
        return True
    if not name:
        return False
    slug = set(_WORD.findall(name.lower().replace("_", " ")))
    return 2 * len(slug & set(_WORD.findall("".join(heading.itertext()).lower().replace("_", " ")))) > len(slug)


def _without_asides(drafts: Sequence[Draft], *, strict: bool) -> list[Draft]:
    """Drops lists of other stories, with the title above them.

    Args:
        strict: drop only blocks that are links; else also short ones, such as teasers, down to the next paragraph.
    """
    kept: list[Draft] = []
    aside = False
    for place, draft in enumerate(drafts):
        links = _is_link(draft)
        if _is_aside_title(draft) and (not strict or (place + 1 < len(drafts) and _is_link(drafts[place + 1]))):
            aside = True
        elif aside and not links and (strict or _resumes(draft)):
            aside = False
        if not aside:
            kept.append(draft)
    return kept


def _is_link(draft: Draft) -> bool:
    return draft.linked >= _MOSTLY * len(draft.block.text)


def _is_aside_title(draft: Draft) -> bool:
    text = draft.block.text
    if len(text) <= 2 * _SHORT and _ASIDE_TITLE.match(text):
        return True
    return draft.block.kind == "heading" and is_chrome_name(draft.element.get("class") or "")


def _resumes(draft: Draft) -> bool:
    """Whether the page's own text goes on after a list of teasers."""
    if draft.linked >= 0.3 * len(draft.block.text):
        return False
    return draft.block.kind == "heading" or (len(draft.block.text) > _SHORT and draft.block.kind != "list_item")


def _is_caption(draft: Draft) -> bool:
    element: etree._Element | None = draft.element
    for _ in range(_CAPTION_DEPTH):
        if element is None:
            return False
        if element.tag == "figcaption" or _CAPTION.search(element.get("class") or ""):
            return True
        element = element.getparent()
    return False
