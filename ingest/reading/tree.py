"""HTML text to a tree, at a bounded cost whatever the page tries."""

from __future__ import annotations

import re

from lxml import etree

from ingest.reading.text import visible
from rag.errors import SourceTooLarge, SourceUnreadable

_LARGE = 100_000
_MOST_ATTRIBUTES = 20_000
_MOST_ELEMENTS = 200_000  # some seconds and 300 MB of tree; the longest standards in one page stay below
_OPENING = re.compile("<[A-Za-z]")
# One tag, as the HTML standard tokenises it; possessive throughout, so that it never steps back.
_TAG = re.compile(
    r"""<[A-Za-z][^\s/>]*+(?:[\s/]++|[^\s/>][^\s/>=]*+(?:\s*+=\s*+(?:"[^"]*+"|'[^']*+'|[^\s>"'][^\s>]*+)?+)?+)*+"""
)
_SELF_CLOSED = re.compile(r"<([A-Za-z][\w:-]*)((?:\s[^<>]{0,2000})?)/>")
_VOID = frozenset("area base br col embed hr img input link meta param source track wbr".split())
_NAMESPACE_PREFIX = re.compile(r"(</?)(?:xhtml|html|h):(?=[a-z])", re.IGNORECASE)
_NOT_A_PAGE = re.compile(
    r"\s*(?:<\?xml[^>]*>\s*)?(?:<!--.*?-->\s*)*<(rss|feed|rdf:RDF|urlset|sitemapindex|svg|opml)\b", re.DOTALL
)


def parse_html(text: str, *, xml: bool = False) -> etree._Element:
    """The tree of a page.

    Args:
        xml: the page was served as XHTML, where `<script/>` is closed.

    Raises:
        SourceTooLarge: there are too many elements (200,000), or they are nested too deep (2,048).
        SourceUnreadable: there is nothing in it, or it is a feed or a drawing.
    """
    foreign = _NOT_A_PAGE.match(text[:2000])
    if foreign:
        raise SourceUnreadable(
            f"This is XML with the root {foreign.group(1)!r}, not a page.", "Name the pages that it lists instead."
        )
    if xml:
        text = _SELF_CLOSED.sub(_open_and_close, _NAMESPACE_PREFIX.sub(r"\1", text))
    if len(text) > _LARGE:
        _require_few_elements(text)
        text = _TAG.sub(_bounded_tag, text)
    root = _parse(visible(text).encode("utf-8", "replace"))
    if root is None:
        raise SourceUnreadable("The page is empty.", "Open it in a browser: is there text in it?")
    return root


def _require_few_elements(text: str) -> None:
    if text.count("<") > _MOST_ELEMENTS and sum(1 for _ in _OPENING.finditer(text)) > _MOST_ELEMENTS:
        raise SourceTooLarge(
            f"The page has more than {_MOST_ELEMENTS:,} elements.", "Leave it out, or ingest the same text in parts."
        )


def _parse(data: bytes) -> etree._Element | None:
    for huge in (False, True):
        parser = etree.HTMLParser(
            encoding="utf-8", remove_comments=True, remove_pis=True, no_network=True, huge_tree=huge
        )
        try:
            root = etree.fromstring(data, parser)
        except etree.XMLSyntaxError:
            return None
        if not any(entry.type_name == "ERR_RESOURCE_LIMIT" for entry in parser.error_log):
            return root
    raise SourceTooLarge(
        "The page nests its elements more than 2048 deep.", "Leave it out, or name a part of it with --only."
    )


def _bounded_tag(tag: re.Match[str]) -> str:
    """The tag, without its attributes when they are so many that the parser, quadratic in them, would take minutes."""
    text = tag.group()
    if len(text) < _LARGE or len(text.split(None, _MOST_ATTRIBUTES)) <= _MOST_ATTRIBUTES:
        return text
    return text.split(None, 1)[0]


def _open_and_close(tag: re.Match[str]) -> str:
    name, attributes = tag.groups()
    return tag.group() if name.lower() in _VOID else f"<{name}{attributes}></{name}>"
