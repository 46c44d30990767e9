"""Links that open a page at the exact words: `url#anchor:~:text=[prefix-,]start[,end][,-suffix]`.

Text fragments are specified at https://wicg.github.io/scroll-to-text-fragment/. What matters here: each term must lie
within one block of the page and is compared without regard to case and white space; the first match on the page is
taken; a term begins and ends at a word border unless a prefix or suffix leads up to it. Chinese and Japanese words are
cut by a dictionary that is not ours to know, so there only punctuation, white space and a change of script count as
borders. A browser that does not find the words still goes to the anchor.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from urllib.parse import quote as percent_encoded
from urllib.parse import urldefrag

from rag.citations.link_terms import Terms, terms_for
from rag.citations.page_lines import trimmed, worded
from rag.citations.shown_page import ShownPage, Term
from rag.vocabulary import Block, Document

_SAFE_IN_ANCHOR = "!$'()*+;=:@/?-._~%"


def text_fragment_link(
    url: str, anchor: str | None, page: str | Sequence[Block], start: int, end: int, *, title: str = ""
) -> str:
    """The link that highlights the words from `start` to `end` of a page's text.

    Args:
        url: of the page; a fragment of its own is replaced. `file:` URLs are made alike: browsers find words there too.
        anchor: the `id` of the nearest element before the words, None when there is none.
        page: the blocks of the whole page, or its text, blocks on lines of their own; the terms are made unique in it.
        start, end: the words, in code points; white space at their ends is left out.
        title: of the page, which mostly stands above its text.
    """
    return _link(url, anchor, ShownPage(page, title), start, end)


def link_maker(page_blocks: Callable[[str], Sequence[Block] | None]) -> Callable[[Document, int, int], str]:
    """Makes links for quotes of documents; to be kept for one answer, since it remembers the pages it has seen.

    Args:
        page_blocks: gives the blocks of a page by URL; where it gives None, the document's own text is used.
    """
    pages: dict[str, ShownPage | None] = {}

    def link(document: Document, start: int, end: int) -> str:
        if document.url not in pages:
            found = page_blocks(document.url)
            pages[document.url] = ShownPage(found, document.title) if found is not None else None
        page = pages[document.url]
        quote = document.text[start:end]
        place = -1 if page is None else _place(page.plain, quote, document.start + start)
        if page is None or place < 0:
            page, place = ShownPage(document.text, document.title), start
        return _link(document.url, document.anchor, page, place, place + len(quote))

    return link


def _place(text: str, quote: str, expected: int) -> int:
    """Where `quote` stands in a text; -1 when nowhere."""
    return expected if text.startswith(quote, expected) else text.find(quote)


def _link(url: str, anchor: str | None, page: ShownPage, start: int, end: int) -> str:
    base = urldefrag(url).url
    section = percent_encoded(anchor, safe=_SAFE_IN_ANCHOR) if anchor else ""
    start, end = worded(page.plain, *trimmed(page.plain, start, end))
    if start == end:
        return f"{base}#{section}" if section else base
    return f"{base}#{section}:~:text={_spelled(page.text, terms_for(page, *page.shown(start, end)))}"


def _spelled(text: str, terms: Terms) -> str:
    before, opening, closing, after = terms
    parts = [_encoded(text, before) + "-"] if before else []
    parts.append(_encoded(text, opening))
    if closing:
        parts.append(_encoded(text, closing))
    if after:
        parts.append("-" + _encoded(text, after))
    return ",".join(parts)


def _encoded(text: str, term: Term) -> str:
    return percent_encoded(text[term.start : term.end], safe="").replace("-", "%2D")
