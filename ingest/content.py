"""Which blocks of a page are its content, and which are menus, adverts, cookie banners and the like."""

from __future__ import annotations

import re
from collections.abc import Sequence

from lxml import etree

from ingest.blocks import Draft, read_blocks
from ingest.hidden import is_hidden

_CHROME_TAGS = frozenset({"nav", "footer", "aside", "dialog"})
_CHROME_ROLES = frozenset(
    "navigation banner contentinfo search complementary dialog alertdialog menu menubar toolbar tablist".split()
)
_CHROME_NAMES = re.compile(
    r"(?:^|[\s_-])(?:nav|navbar|navigation|menu|breadcrumbs?|sidebar|side-?bar|footer|site-?header|masthead|toc|"
    r"table-of-contents|cookies?|consent|gdpr|newsletter|subscri(?:be|ption)|sign-?up|social|share|sharing|sharethis|"
    r"addtoany|share-?buttons?|related|recommend(?:ed|ations?)|read-?more|more-?stories|trending|popular|most-?read|"
    r"outbrain|taboola|promo|advert(?:s|isement)?|ads?|adsbygoogle|sponsor(?:ed)?|banner|comments?|disqus|respond|"
    r"reply|tags?|tag-?list|tagcloud|pagination|pager|prev-?next|post-?navigation|skip-?link|paywall|modal|popup|"
    r"overlay|author-?bio|author-?box|byline|widget|toolbar|copyright|print|feedback)(?=$|[\s_-])",
    re.IGNORECASE,
)


def main_blocks(root: etree._Element) -> list[Draft]:
    """The blocks of the page's main content, in reading order."""
    body = root.find("body")
    container = main_container(body if body is not None else root)
    return read_blocks(container, is_noise)


def main_container(body: etree._Element) -> etree._Element:
    """The element that holds the main content; `body` when none is marked as such."""
    candidates = body.xpath(".//main | .//*[@role='main'] | .//article")
    candidates = [element for element in candidates if isinstance(element, etree._Element)]
    if not candidates:
        return body
    return max(candidates, key=lambda element: len("".join(element.itertext())))


def is_noise(element: etree._Element) -> bool:
    """Whether the element is hidden or part of the site rather than of the page."""
    if is_hidden(element):
        return True
    if element.tag in _CHROME_TAGS:
        return True
    attributes = element.attrib
    if not attributes or element.tag in ("body", "main", "article", "html"):
        return False
    if (attributes.get("role") or "").lower() in _CHROME_ROLES:
        return True
    names = f"{attributes.get('class') or ''} {attributes.get('id') or ''}"
    return len(names) > 1 and _CHROME_NAMES.search(names) is not None


def texts(drafts: Sequence[Draft]) -> list[str]:
    return [draft.block.text for draft in drafts]
