"""Links that open a page at the exact words: `url#anchor:~:text=[prefix-,]start[,end][,-suffix]`.

Text fragments are specified at https://wicg.github.io/scroll-to-text-fragment/. What matters here: each term must lie
within one block of the page and is compared without regard to case and white space; the first match on the page is
taken; a term begins and ends at a word border unless a prefix or suffix leads up to it. Chinese and Japanese words are
cut by a dictionary that is not ours to know, so there only punctuation, white space and a change of script count as
borders. A browser that does not find the words still goes to the anchor.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from urllib.parse import quote as percent_encoded
from urllib.parse import urldefrag

from rag.citations.shown_page import ShownPage, Term
from rag.text.language import CJK_RANGES, is_cjk
from rag.text.tokens import is_of_word
from rag.vocabulary import Block, Document

LONGEST_WHOLE = 40
"""Characters up to which a quote is named whole (half as many in Chinese); of a longer one the first and last words
are named, which also holds where the page has a picture or a formula in between that its text has not."""

_FEWEST_LATIN = 20
_FEWEST_CJK = 8
_MOST_AROUND = 80
_FARTHEST_BORDER = 200
_LINE_ENDS = "\n\r\u2028\u2029\t"
_LINE_END = re.compile(f"[{_LINE_ENDS}]")
_HOLE = re.compile(rf"(?<=[{CJK_RANGES}。！？：；，、）”]) +(?=[{CJK_RANGES}。！？：；，、（“])|\xa0")
"""A space where Chinese has none: often a formula or a picture stood there, which the page still has. And a no-break
space, which stays in the text only where the page has more than one space."""

_PART = re.compile(r"\S+")
_ENDS_OF_PROSE = ".!?:。！？：；…”’"
_CUT_SHORT = ("...", "…")
_JOINS_WORDS = "'’.,:·_"
_SAFE_IN_ANCHOR = "!$'()*+;=:@/?-._~%"


def text_fragment_link(url: str, anchor: str | None, page: str | Sequence[Block], start: int, end: int) -> str:
    """The link that highlights the words from `start` to `end` of a page's text.

    Args:
        url: of the page; a fragment of its own is replaced. `file:` URLs are made alike: browsers find words there too.
        anchor: the `id` of the nearest element before the words, None when there is none.
        page: the blocks of the whole page, or its text, blocks on lines of their own; the terms are made unique in it.
        start, end: the words, in code points; white space at their ends is left out.
    """
    return _link(url, anchor, ShownPage(page), start, end)


def link_maker(page_blocks: Callable[[str], Sequence[Block] | None]) -> Callable[[Document, int, int], str]:
    """Makes links for quotes of documents; to be kept for one answer, since it remembers the pages it has seen.

    Args:
        page_blocks: gives the blocks of a page by URL; where it gives None, the document's own text is used.
    """
    pages: dict[str, ShownPage | None] = {}

    def link(document: Document, start: int, end: int) -> str:
        if document.url not in pages:
            found = page_blocks(document.url)
            pages[document.url] = ShownPage(found) if found is not None else None
        page = pages[document.url]
        quote = document.text[start:end]
        place = -1 if page is None else _place(page.plain, quote, document.start + start)
        if page is None or place < 0:
            page, place = ShownPage(document.text), start
        return _link(document.url, document.anchor, page, place, place + len(quote))

    return link


def _place(text: str, quote: str, expected: int) -> int:
    """Where `quote` stands in a text; -1 when nowhere."""
    return expected if text.startswith(quote, expected) else text.find(quote)


def _link(url: str, anchor: str | None, page: ShownPage, start: int, end: int) -> str:
    base = urldefrag(url).url
    section = percent_encoded(anchor, safe=_SAFE_IN_ANCHOR) if anchor else ""
    start, end = _worded(page.plain, *_trimmed(page.plain, start, end))
    if start == end:
        return f"{base}#{section}" if section else base
    return f"{base}#{section}:~:text={_directive(page, *page.shown(start, end))}"


def _directive(page: ShownPage, start: int, end: int) -> str:
    text = page.text
    first = Term(start, _line_end(text, start, end))
    last = Term(_behind_number(page, _line_start(text, start, end), end), end)
    opening, closing = first, None
    holes = list(_HOLE.finditer(text, first.start, first.end))
    if holes and page.is_first(early := Term(start, holes[0].start())):
        late = _worded(
            text, max([hole.end() for hole in _HOLE.finditer(text, last.start, end)], default=last.start), end
        )
        if before_end := _shortest_closing(page, early, late):
            return _spelled(text, early, before_end, *_surroundings(page, early, before_end))
    whole = LONGEST_WHOLE // 2 if is_cjk(text[start]) else LONGEST_WHOLE
    if first.end < end or end - start > whole:
        opening = _shortest_opening(page, first)
        closing = _shortest_closing(page, opening, last)
        if closing is None and first.end == end:
            opening = first
    before, after = _surroundings(page, opening, closing)
    if closing and before is None and last.start > start and not page.is_first(opening) and page.is_first(last):
        # From where the first line stands for the first time to here might be half the page.
        return _directive(page, last.start, end)
    return _spelled(text, opening, closing, before, after)


def _behind_number(page: ShownPage, line_start: int, end: int) -> int:
    """Where the first word of a line begins that is no part of its line number; `end` when there is none."""
    place = page.after_number(line_start)
    while line_start < place < end and (page.text[place].isspace() or not is_border(page.text, place)):
        place += 1
    return place


def _spelled(text: str, opening: Term, closing: Term | None, before: Term | None, after: Term | None) -> str:
    parts = [_encoded(text, before) + "-"] if before else []
    parts.append(_encoded(text, opening))
    if closing:
        parts.append(_encoded(text, closing))
    if after:
        parts.append("-" + _encoded(text, after))
    return ",".join(parts)


def _encoded(text: str, term: Term) -> str:
    return percent_encoded(text[term.start : term.end], safe="").replace("-", "%2D")


def _shortest_opening(page: ShownPage, first: Term) -> Term:
    """The fewest words from the beginning that are found first there; all of the line when none are."""
    shortest = min(first.start + _fewest(page.text, first.start), first.end)
    alike: int | None = None
    for place in range(shortest, first.end):
        if not is_border(page.text, place) or page.text[place - 1].isspace():
            continue
        if alike is None:
            rivals = page.rivals(Term(first.start, place))
            if rivals is None:
                break
            most = first.end - first.start
            alike = max((page.alike_from(rival, first.start, most) for rival in rivals), default=0)
        if place - first.start > alike:
            return Term(first.start, place)
    return first


def _shortest_closing(page: ShownPage, opening: Term, last: Term) -> Term | None:
    """The fewest words up to the end that are found first there after the opening; None when there is no room."""
    floor = max(last.start, opening.end)
    longest = min(last.end - 1, max(floor, last.end - _fewest(page.text, last.end - 1)))
    alike: int | None = None
    for place in range(longest, floor - 1, -1):
        if not is_border(page.text, place) or page.text[place].isspace():
            continue
        if alike is None:
            rivals = page.rivals(Term(place, last.end), opening.end)
            if rivals is None:
                break
            ends = [rival + last.end - place for rival in rivals]
            alike = max((page.alike_up_to(end, last.end, end - opening.end) for end in ends), default=0)
        if last.end - place > alike:
            return Term(place, last.end)
    return None


def _surroundings(page: ShownPage, opening: Term, closing: Term | None) -> tuple[Term | None, Term | None]:
    """A prefix and a suffix, where the words are not the first such on the page or do not end at a word border.

    Words of the same line are surest. The block before serves as a prefix when it ends like prose: behind headings and
    signatures pages like to put marks that their text has not. Without either, the first such words on the page it is.
    """
    text = page.text
    end = (closing or opening).end
    after = None if is_border(text, end) else Term(end, _next_border(text, end))
    if is_border(text, opening.start) and page.is_first(opening):
        return None, after
    before = _prefix(page, opening, _line_start(text, 0, opening.start), opening.start)
    if before is None and after is None and closing is None:
        after = _suffix(page, opening)
    if before is None and after is None:
        before = _prefix_from_above(page, opening)
    return before, after


def _prefix(page: ShownPage, opening: Term, floor: int, end: int) -> Term | None:
    """The words from `floor` to `end` that lead up to the opening, as many as make it the first such on the page."""
    end = _trimmed(page.text, floor, end)[1]
    if end <= floor:
        return None
    floor = _trimmed(page.text, max(floor, end - _MOST_AROUND), end)[0]
    best = None
    for place in range(max(floor, end - _fewest(page.text, end - 1) // 2), floor - 1, -1):
        if page.text[place].isspace() or not is_border(page.text, place):
            continue
        best = Term(place, end)
        if page.is_first(Term(place, opening.end)):
            return best
    return best or Term(floor, end)


def _prefix_from_above(page: ShownPage, opening: Term) -> Term | None:
    """The end of the line above, when it is prose."""
    end = opening.start
    while end > 0 and page.text[end - 1].isspace():
        end -= 1
    if end == 0 or page.text[end - 1] not in _ENDS_OF_PROSE or page.text.endswith(_CUT_SHORT, 0, end):
        return None
    return _prefix(page, opening, _line_start(page.text, 0, end), end)


def _suffix(page: ShownPage, opening: Term) -> Term | None:
    """The words that follow on the line, as many as make the two together the first such on the page."""
    text = page.text
    start, stop = _trimmed(text, opening.end, _line_end(text, opening.end, len(text)))
    for place in range(start + 1, min(stop, start + _MOST_AROUND) + 1):
        if is_border(text, place) and not text[place - 1].isspace() and page.is_first(Term(opening.start, place)):
            return Term(start, place)
    return None


def is_border(text: str, place: int) -> bool:
    """Whether a word surely ends before `text[place]` and another begins there."""
    if place <= 0 or place >= len(text):
        return True
    before, after = text[place - 1], text[place]
    if before.isspace() or after.isspace():
        return True
    if is_of_word(before) and is_of_word(after):
        return is_cjk(before) != is_cjk(after)
    beyond = text[place + 1] if place + 1 < len(text) else " "
    behind = text[place - 2] if place > 1 else " "
    if is_of_word(before) and after in _JOINS_WORDS:
        return not is_of_word(beyond) or is_cjk(beyond) or is_cjk(before)
    if is_of_word(after) and before in _JOINS_WORDS:
        return not is_of_word(behind) or is_cjk(behind) or is_cjk(after)
    return True


def _fewest(text: str, place: int) -> int:
    return _FEWEST_CJK if is_cjk(text[place]) or not text[place].isascii() else _FEWEST_LATIN


def _next_border(text: str, place: int) -> int:
    """The next border at which a word ends, within the line and not far away."""
    stop = _line_end(text, place, min(len(text), place + _FARTHEST_BORDER))
    while place < stop and not is_border(text, place):
        place += 1
    return place


def _line_end(text: str, start: int, end: int) -> int:
    """Where the line that holds `start` ends, white space left out; `end` at most."""
    found = _LINE_END.search(text, start, end)
    return _trimmed(text, start, found.start())[1] if found else end


def _line_start(text: str, start: int, end: int) -> int:
    """Where the line that holds the character before `end` begins; `start` at least."""
    broken = max(text.rfind(mark, start, end) for mark in _LINE_ENDS)
    return _trimmed(text, max(start, broken + 1), end)[0]


def _worded(text: str, start: int, end: int) -> Term:
    """Without the signs at the ends that white space parts from the words: bullets, `//`, a Chinese comma after a gap.

    There is often more white space on the page than the text has, and such signs stand everywhere.
    """
    parts = [part.span() for part in _PART.finditer(text, start, end)]
    worded = [span for span in parts if any(map(is_of_word, text[slice(*span)]))]
    return Term(worded[0][0], worded[-1][1]) if worded else Term(start, end)


def _trimmed(text: str, start: int, end: int) -> Term:
    while start < end and text[start].isspace():
        start += 1
    while end > start and text[end - 1].isspace():
        end -= 1
    return Term(start, end)
