"""Which words of a page a link names, so that a browser finds those meant: the first such, uncut and at word borders.

Each term must lie within one line of the page, or one cell of a table, and must not go over anything that the page
shows and its text has not.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from rag.citations.page_lines import line_end, line_start, parts_cells, trimmed, worded
from rag.citations.shown_page import ShownPage, Term
from rag.citations.word_borders import is_border, next_border
from rag.text.language import CJK_RANGES, is_cjk

LONGEST_WHOLE = 40
"""Characters up to which a quote is named whole (half as many in Chinese); of a longer one the first and last words
are named, which also holds where the page has a picture or a formula in between that its text has not."""

_FEWEST_LATIN = 28
_FEWEST_CJK = 8
_MOST_AROUND = 80
_HOLE = re.compile(rf"(?<=[{CJK_RANGES}。！？：；，、）”]) +(?=[{CJK_RANGES}。！？：；，、（“])")
"""A space where Chinese has none: often a formula or a picture stood there, which the page still has."""

_ENDS_OF_PROSE = ".!?:。！？：；…”’"
_CUT_SHORT = ("...", "…")


class Terms(NamedTuple):
    """What a link names: words before, the first, the last, and words after; of a short quote there is no last."""

    before: Term | None
    opening: Term
    closing: Term | None
    after: Term | None


def terms_for(page: ShownPage, start: int, end: int) -> Terms:
    """The terms for all the words; where the browser would begin higher up the page, for the most that it can find."""
    terms = _chosen(page, start, end)
    if not _is_found(page, terms):
        for line in _further_lines(page, start, end):
            if page.is_first(line):
                return _chosen(page, line.start, end)
    return terms


def _is_found(page: ShownPage, terms: Terms) -> bool:
    start = terms.opening.start if terms.before is None else terms.before.start
    return page.is_first(Term(start, terms.opening.end))


def _further_lines(page: ShownPage, start: int, end: int) -> Iterator[Term]:
    """The lines of the words, but the first."""
    stop = line_end(page.text, start, end)
    while stop < end:
        start = _behind_number(page, trimmed(page.text, stop, end).start, end)
        stop = line_end(page.text, start, end)
        if start < stop:
            yield Term(start, stop)


def _chosen(page: ShownPage, start: int, end: int) -> Terms:
    text = page.text
    first = Term(start, line_end(text, start, end))
    last = Term(_behind_number(page, line_start(text, start, end), end), end)
    around = _around_holes(page, first, last)
    if around is not None:
        return around
    whole = LONGEST_WHOLE // 2 if is_cjk(text[start]) else LONGEST_WHOLE
    if first.end == end and end - start <= whole:
        return _surrounded(page, first, None)
    opening = _shortest_opening(page, first)
    closing = _shortest_closing(page, opening, last)
    if closing is not None:
        return _surrounded(page, opening, closing)
    if first.end == end or last.start == end:
        return _surrounded(page, first, None)
    # The last line stands between as well: what follows tells it apart, else the words end too early.
    terms = _surrounded(page, opening, last)
    return terms._replace(after=terms.after or _suffix(page, last, opening.end))


def _around_holes(page: ShownPage, first: Term, last: Term) -> Terms | None:
    """Terms that end before the first and begin behind the last space that Chinese has not, if they are found."""
    text = page.text
    hole = _HOLE.search(text, first.start, first.end)
    if hole is None:
        return None
    early = Term(first.start, hole.start())
    behind = max((hole.end() for hole in _HOLE.finditer(text, last.start, last.end)), default=last.start)
    closing = _shortest_closing(page, early, worded(text, behind, last.end))
    if closing is None:
        return None
    terms = _surrounded(page, early, closing)
    return terms if _is_found(page, terms) else None


def _behind_number(page: ShownPage, line_start: int, end: int) -> int:
    """Where the first word of a line begins that is no part of its line number; `end` when there is none."""
    place = page.after_number(line_start)
    while line_start < place < end and (page.text[place].isspace() or not is_border(page.text, place)):
        place += 1
    return place


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


def _surrounded(page: ShownPage, opening: Term, closing: Term | None) -> Terms:
    """With a prefix and a suffix, where the words are not the first such on the page or do not end at a word border.

    Words of the same line are surest. The block before serves as a prefix when it ends like prose: behind headings and
    signatures pages like to put marks that their text has not. Between the cells of a table nothing stands. Without
    any of these, the first such words on the page it is.
    """
    text = page.text
    end = (closing or opening).end
    after = None if is_border(text, end) else Term(end, _border_behind(text, end))
    if is_border(text, opening.start) and page.is_first(opening):
        return Terms(_cell_before(page, opening) if closing else None, opening, closing, after)
    before = _prefix(page, opening, line_start(text, page.begin, opening.start), opening.start)
    if before is None and after is None and closing is None:
        after = _suffix(page, opening)
    if before is None and after is None:
        before = _prefix_from_above(page, opening)
    return Terms(before, opening, closing, after)


def _prefix(page: ShownPage, opening: Term, floor: int, end: int) -> Term | None:
    """The words from `floor` to `end` that lead up to the opening, as many as make it the first such on the page."""
    end = trimmed(page.text, floor, end).end
    if end <= floor:
        return None
    floor = max(floor, end - _MOST_AROUND)
    floor = trimmed(page.text, max([floor, *(hole.end() for hole in _HOLE.finditer(page.text, floor, end))]), end).start
    best = None
    for place in range(max(floor, end - _fewest(page.text, end - 1) // 2), floor - 1, -1):
        if page.text[place].isspace() or not is_border(page.text, place):
            continue
        best = Term(place, end)
        if page.is_first(Term(place, opening.end)):
            return best
    return best or Term(floor, end)


def _cell_before(page: ShownPage, opening: Term) -> Term | None:
    """The end of the cell before a short cell: menus and lists of contents, which are not read, may have such words."""
    end = trimmed(page.text, page.begin, opening.start).end
    if opening.end - opening.start >= _fewest(page.text, opening.start) or not parts_cells(page, end, opening.start):
        return None
    return _prefix(page, opening, line_start(page.text, page.begin, end), end)


def _prefix_from_above(page: ShownPage, opening: Term) -> Term | None:
    """The end of the cell before, or of the line above when it is prose."""
    text = page.text
    end = trimmed(text, page.begin, opening.start).end
    if end == page.begin or "\xa0" in text[end : opening.start]:
        return None
    if not parts_cells(page, end, opening.start) and (
        text[end - 1] not in _ENDS_OF_PROSE or text.endswith(_CUT_SHORT, 0, end)
    ):
        return None
    return _prefix(page, opening, line_start(text, page.begin, end), end)


def _suffix(page: ShownPage, term: Term, since: int = 0) -> Term | None:
    """The words that follow on the line or in the next cell, as many as make the two together the first such."""
    text = page.text
    start, stop = trimmed(text, term.end, line_end(text, term.end, len(text)))
    if start == stop:
        start = trimmed(text, term.end, len(text)).start
        if not parts_cells(page, term.end, start):
            return None
        stop = line_end(text, start, len(text))
    for place in range(start + 1, min(stop, start + _MOST_AROUND) + 1):
        if is_border(text, place) and not text[place - 1].isspace() and page.is_first(Term(term.start, place), since):
            return Term(start, place)
    return None


def _fewest(text: str, place: int) -> int:
    return _FEWEST_CJK if is_cjk(text[place]) or not text[place].isascii() else _FEWEST_LATIN


def _border_behind(text: str, place: int) -> int:
    """The next border at which a word ends, within the line and not far away."""
    return next_border(text, place, line_end(text, place, len(text)))
