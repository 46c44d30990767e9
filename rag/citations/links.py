"""Links that open a page at the exact words: `url#anchor:~:text=[prefix-,]start[,end][,-suffix]`.

Text fragments are specified at https://wicg.github.io/scroll-to-text-fragment/. What matters here: each term must lie
within one block of the page and is compared without regard to case and white space; the first match on the page is
taken; a term begins and ends at a word border unless a prefix or suffix leads up to it. Chinese and Japanese words are
cut by a dictionary that is not ours to know, so there only punctuation, white space and a change of script count as
borders. A browser that does not find the words still goes to the anchor.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Callable
from typing import NamedTuple
from urllib.parse import quote as percent_encoded
from urllib.parse import urldefrag

from rag.text.language import CJK_RANGES, is_cjk
from rag.text.tokens import is_of_word
from rag.vocabulary import Document

LONGEST_WHOLE = 40
"""Characters up to which a quote is named whole (half as many in Chinese); of a longer one the first and last words
are named, which also holds where the page has a picture or a formula in between that its text has not."""

_FEWEST_LATIN = 20
_FEWEST_CJK = 8
_MOST_AROUND = 80
_FARTHEST_BORDER = 200
_MOST_RIVALS = 1_000
_LINE_ENDS = "\n\r\u2028\u2029\t"
_LINE_END = re.compile(f"[{_LINE_ENDS}]")
_SPACES = (
    "\t\n\x0b\x0c\r\x1c\x1d\x1e\x1f\x85\xa0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a"
    "\u2028\u2029\u202f\u205f\u3000"
)
_HOLE = re.compile(rf"(?<=[{CJK_RANGES}。！？：；，、）”]) +(?=[{CJK_RANGES}。！？：；，、（“])")
"""A space where Chinese has none: often a formula or a picture stood there, which the page still has."""

_ENDS_OF_PROSE = ".!?:。！？：；…”’"
_CUT_SHORT = ("...", "…")
_JOINS_WORDS = "'’.,:·_"
_SAFE_IN_ANCHOR = "!$'()*+;=:@/?-._~%"


class _Term(NamedTuple):
    """`text[start:end]` of a page, to be named in a link."""

    start: int
    end: int


def text_fragment_link(url: str, anchor: str | None, page_text: str, start: int, end: int) -> str:
    """The link that highlights `page_text[start:end]`.

    Args:
        url: of the page; a fragment of its own is replaced. `file:` URLs are made alike: browsers find words there too.
        anchor: the `id` of the nearest element before the words, None when there is none.
        page_text: of the whole page, blocks on lines of their own; the terms are made unique in it.
        start, end: the words, in code points; white space at their ends is left out.
    """
    return _link(url, anchor, _Folded(page_text), _Term(start, end))


def link_maker(page_text: Callable[[str], str | None]) -> Callable[[Document, int, int], str]:
    """Makes links for quotes of documents; to be kept for one answer, since it remembers the pages it has seen.

    Args:
        page_text: gives the text of a page by URL; where it gives None, the document's own text is used.
    """
    pages: dict[str, _Folded | None] = {}

    def link(document: Document, start: int, end: int) -> str:
        if document.url not in pages:
            found = page_text(document.url)
            pages[document.url] = _Folded(found) if found is not None else None
        page = pages[document.url]
        text = page.text if page is not None else None
        quote = document.text[start:end]
        place = -1
        if text is not None:
            place = document.start + start
            if text[place : place + len(quote)] != quote:
                place = text.find(quote)
        if page is None or place < 0:
            page, place = _Folded(document.text), start
        return _link(document.url, document.anchor, page, _Term(place, place + len(quote)))

    return link


def _link(url: str, anchor: str | None, page: _Folded, quote: _Term) -> str:
    base = urldefrag(url).url
    section = percent_encoded(anchor, safe=_SAFE_IN_ANCHOR) if anchor else ""
    start, end = _trimmed(page.text, quote.start, quote.end)
    if start == end:
        return f"{base}#{section}" if section else base
    return f"{base}#{section}:~:text={_directive(page, start, end)}"


def _directive(page: _Folded, start: int, end: int) -> str:
    text = page.text
    first = _Term(start, _line_end(text, start, end))
    last = _Term(_line_start(text, start, end), end)
    opening, closing = first, None
    holes = list(_HOLE.finditer(text, first.start, first.end))
    if holes and page.is_first(early := _Term(start, holes[0].start())):
        late = _Term(max([hole.end() for hole in _HOLE.finditer(text, last.start, end)], default=last.start), end)
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


def _spelled(text: str, opening: _Term, closing: _Term | None, before: _Term | None, after: _Term | None) -> str:
    parts = [_encoded(text, before) + "-"] if before else []
    parts.append(_encoded(text, opening))
    if closing:
        parts.append(_encoded(text, closing))
    if after:
        parts.append("-" + _encoded(text, after))
    return ",".join(parts)


def _encoded(text: str, term: _Term) -> str:
    return percent_encoded(text[term.start : term.end], safe="").replace("-", "%2D")


class _Folded:
    """A page's text as a browser compares it, lower case and white space alike, with every place where it was."""

    def __init__(self, text: str) -> None:
        self.text = text
        lowered = text.lower()
        self._lowered = lowered if len(lowered) == len(text) else text
        for space in _SPACES:
            self._lowered = self._lowered.replace(space, " ")

    def is_first(self, term: _Term, since: int = 0) -> bool:
        """Whether the words of a term do not stand on the page between `since` and the term."""
        return self._lowered.find(self._lowered[term.start : term.end], since, term.end) == term.start

    def rivals(self, term: _Term, since: int = 0) -> list[int] | None:
        """Where the words of a term stand between `since` and the term; None when that is nearly everywhere."""
        words = self._lowered[term.start : term.end]
        places: list[int] = []
        place = self._lowered.find(words, since, term.end - 1)
        while place >= 0:
            if len(places) == _MOST_RIVALS:
                return None
            places.append(place)
            place = self._lowered.find(words, place + 1, term.end - 1)
        return places

    def alike_from(self, one: int, other: int, most: int) -> int:
        """How many characters are the same from two places on, `most` at most."""
        text = self._lowered
        return _longest(most, lambda length: text[one : one + length] == text[other : other + length])

    def alike_up_to(self, one: int, other: int, most: int) -> int:
        """How many characters are the same before two places, `most` at most."""
        text = self._lowered
        return _longest(most, lambda length: text[one - length : one] == text[other - length : other])


def _longest(most: int, holds: Callable[[int], bool]) -> int:
    """The largest length up to `most` that holds, where all shorter ones hold as well."""
    return bisect_left(range(1, most + 1), True, key=lambda length: not holds(length))


def _shortest_opening(page: _Folded, first: _Term) -> _Term:
    """The fewest words from the beginning that are found first there; all of the line when none are."""
    shortest = min(first.start + _fewest(page.text, first.start), first.end)
    alike: int | None = None
    for place in range(shortest, first.end):
        if not is_border(page.text, place) or page.text[place - 1].isspace():
            continue
        if alike is None:
            rivals = page.rivals(_Term(first.start, place))
            if rivals is None:
                break
            most = first.end - first.start
            alike = max((page.alike_from(rival, first.start, most) for rival in rivals), default=0)
        if place - first.start > alike:
            return _Term(first.start, place)
    return first


def _shortest_closing(page: _Folded, opening: _Term, last: _Term) -> _Term | None:
    """The fewest words up to the end that are found first there after the opening; None when there is no room."""
    floor = max(last.start, opening.end)
    longest = min(last.end - 1, max(floor, last.end - _fewest(page.text, last.end - 1)))
    alike: int | None = None
    for place in range(longest, floor - 1, -1):
        if not is_border(page.text, place) or page.text[place].isspace():
            continue
        if alike is None:
            rivals = page.rivals(_Term(place, last.end), opening.end)
            if rivals is None:
                break
            ends = [rival + last.end - place for rival in rivals]
            alike = max((page.alike_up_to(end, last.end, end - opening.end) for end in ends), default=0)
        if last.end - place > alike:
            return _Term(place, last.end)
    return None


def _surroundings(page: _Folded, opening: _Term, closing: _Term | None) -> tuple[_Term | None, _Term | None]:
    """A prefix and a suffix, where the words are not the first such on the page or do not end at a word border.

    Words of the same line are surest. The block before serves as a prefix when it ends like prose: behind headings and
    signatures pages like to put marks that their text has not. Without either, the first such words on the page it is.
    """
    text = page.text
    end = (closing or opening).end
    after = None if is_border(text, end) else _Term(end, _next_border(text, end))
    if is_border(text, opening.start) and page.is_first(opening):
        return None, after
    before = _prefix(page, opening, _line_start(text, 0, opening.start), opening.start)
    if before is None and after is None and closing is None:
        after = _suffix(page, opening)
    if before is None and after is None:
        before = _prefix_from_above(page, opening)
    return before, after


def _prefix(page: _Folded, opening: _Term, floor: int, end: int) -> _Term | None:
    """The words from `floor` to `end` that lead up to the opening, as many as make it the first such on the page."""
    end = _trimmed(page.text, floor, end)[1]
    if end <= floor:
        return None
    floor = _trimmed(page.text, max(floor, end - _MOST_AROUND), end)[0]
    best = None
    for place in range(max(floor, end - _fewest(page.text, end - 1) // 2), floor - 1, -1):
        if page.text[place].isspace() or not is_border(page.text, place):
            continue
        best = _Term(place, end)
        if page.is_first(_Term(place, opening.end)):
            return best
    return best or _Term(floor, end)


def _prefix_from_above(page: _Folded, opening: _Term) -> _Term | None:
    """The end of the line above, when it is prose."""
    end = opening.start
    while end > 0 and page.text[end - 1].isspace():
        end -= 1
    if end == 0 or page.text[end - 1] not in _ENDS_OF_PROSE or page.text.endswith(_CUT_SHORT, 0, end):
        return None
    return _prefix(page, opening, _line_start(page.text, 0, end), end)


def _suffix(page: _Folded, opening: _Term) -> _Term | None:
    """The words that follow on the line, as many as make the two together the first such on the page."""
    text = page.text
    start, stop = _trimmed(text, opening.end, _line_end(text, opening.end, len(text)))
    for place in range(start + 1, min(stop, start + _MOST_AROUND) + 1):
        if is_border(text, place) and not text[place - 1].isspace() and page.is_first(_Term(opening.start, place)):
            return _Term(start, place)
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


def _trimmed(text: str, start: int, end: int) -> _Term:
    while start < end and text[start].isspace():
        start += 1
    while end > start and text[end - 1].isspace():
        end -= 1
    return _Term(start, end)
