"""Cuts text into sentences, with exact offsets, in English, Chinese, Japanese and whatever ends its sentences alike.

A border is a line break, or a stop with all that belongs to it: closing quotes and brackets, and the markers of an
answer, so that `fact [1].`, `fact.[1]` and `fact. [1]` keep their number. Every decision looks at a bounded number of
characters on either side: the time is linear, and the same code can follow a text that is still growing.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

_NUMBERS = r"\^?\s?\d{1,3}(?:\s?[,，、;；–—~～-]\s?\^?\d{1,3}){0,19}"
MARKER = (
    rf"(?:[\[［【]{_NUMBERS}\s?[\]］】]"
    r"|[\[［【]\s?\d{1,3}(?:\s?[,，、;；–—~～:-]\s?\d{1,3}){0,19}†[^\[\]［］【】\n]{0,60}[\]］】])"
)
"""What a citation marker looks like: `[1]`, `[1, 2]`, `[1-3]`, `[^1]`, `【1】`, `［１］`, `【1†source】`, `[3:0†a]`."""

MAX_SENTENCE = 2_000
"""Characters after which text without a stop is cut at white space."""

_LINE_ENDS = "\n\r\u2028\u2029"
_WIDE_STOPS = "。！？；｡．؟۔।"
_LOOKAHEAD = 160
_LOOKBEHIND = 32
_CUT = "\x00"  # stands for what lies further back, so that a window's beginning is not taken for a sentence's
_CLOSERS = "\"'”’»)\\]）］】」』》〉*_`"
_CJK = "\u2e80-\u2fdf\u3005-\u3007\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\uff66-\uff9f"

_STOP = re.compile(r"[\n\r\u2028\u2029]|[.!?…。！？；｡．؟۔।]+")
_MARKERS = rf"(?:[ \t\u00a0]{{0,2}}{MARKER}){{0,8}}"
_TAIL = re.compile(rf"[{_CLOSERS}]{{0,6}}{_MARKERS}([.!?。！？；…]{{0,3}})[{_CLOSERS}]{{0,4}}{_MARKERS}")
_MARKER = re.compile(MARKER)
_MARKER_BEGUN = re.compile(r"[ \t\u00a0]{0,2}(?:[\[［【][^\]］】\n]{0,100})?\Z")
_GAP = re.compile(r"[ \t\u00a0\u3000]{0,16}")
_WORD_BEFORE = re.compile(r"[^\W\d_]+(?:\.[^\W\d_]+)*\Z")
_LIST_NUMBER = re.compile(r"(?:\A|[\n\r])[ \t]*(?:[-*•>#]+[ \t]*)?(?:\d{1,3}|[A-Za-z]|[ivxIVX]{1,4})\Z")
_ACRONYM = re.compile(r"(?:[^\W\d_]{1,2}\.)+[^\W\d_]{1,2}\Z")
_NEXT_WORD = re.compile(r"[^\W\d_]+")
_IS_CJK = re.compile(rf"[{_CJK}]")

_NEVER_LAST = frozenset(
    "mr mrs ms dr prof st gen sen rep gov lt col capt sgt cmdr maj rev hon pres mt ft vs e.g i.e eg ie cf viz ca "
    "approx messrs mme mlle bzw z.b d.h u.a vgl nr".split()
)
_BEFORE_NUMBER = frozenset(
    "no nos fig figs eq eqs sec secs ch chap vol vols art p pp para v ver jan feb mar apr jun jul aug sep sept oct "
    "nov dec tab ref refs ex op al".split()
)
_PERHAPS_LAST = frozenset("jr sr inc ltd co corp bros llc dept univ ave blvd rd assn est ed eds al".split())
_STARTERS = frozenset(
    "the a an it its this that these those he she they we you i in on at by for from to with as if when while where "
    "after before since during however but and or so yet there here his her their our my your one some many most "
    "all both each no not what who why how which although because according then thus also another today".split()
)


class Span(NamedTuple):
    """`text[start:end]`, in code points."""

    start: int
    end: int


class Scan(NamedTuple):
    """How far a text is settled: the sentence ends at `border` (None: not yet known); go on looking at `resume`."""

    border: int | None
    resume: int


def split_sentences(text: str) -> list[Span]:
    """The sentences of `text` in order; none is empty, or begins or ends with white space."""
    return list(iter_sentences(text))


def iter_sentences(text: str) -> Iterator[Span]:
    """The same, looked for as they are asked for."""
    start = position = 0
    while start < len(text):
        border, position = find_border(text, start, position)
        end = len(text) if border is None else border
        span = trimmed(text, start, end)
        if span.end > span.start:
            yield span
        start = position = end


def trimmed(text: str, start: int, end: int) -> Span:
    """The span without white space at its ends."""
    piece = text[start:end]
    return (
        Span(start + len(piece) - len(piece.lstrip()), start + len(piece.rstrip())) if piece.strip() else Span(end, end)
    )


def has_stop(text: str) -> bool:
    """Whether there is anything in `text` that may end a sentence."""
    return _STOP.search(text) is not None


def find_border(text: str, start: int, position: int, *, complete: bool = True) -> Scan:
    """Finds where the sentence that begins at `start` ends.

    Args:
        text: what there is so far.
        start: where the sentence begins.
        position: where to look on: `start`, or `resume` of the last call for this sentence.
        complete: nothing will be added to `text`; else a border is told only when no addition could move it.
    """
    limit = start + MAX_SENTENCE
    for stop in _STOP.finditer(text, max(start, position), limit):
        if stop.end() == limit < len(text) and not _breaks_line(stop):
            break
        if not complete and not _is_settled(text, stop.end()):
            return Scan(None, stop.start())
        end = _sentence_end(text, start, stop)
        if end is not None:
            return Scan(end, end)
    if len(text) > limit:
        gap = max(text.rfind(" ", start + 1, limit), text.rfind("\t", start + 1, limit))
        end = gap if gap > start + MAX_SENTENCE // 2 else limit
        return Scan(end, end)
    return Scan(None, len(text))


def _is_settled(text: str, stop_end: int) -> bool:
    """Whether enough follows a stop to know what it ends: the next sentence's first word has been seen."""
    if text[stop_end - 1] in _LINE_ENDS or len(text) - stop_end >= _LOOKAHEAD:
        return True
    if stop_end == len(text):
        return False
    tail = _TAIL.match(text, stop_end)
    after = tail.end() if tail else stop_end
    if _MARKER_BEGUN.match(text, after):
        return False
    gap = _GAP.match(text, after)
    following = gap.end() if gap else after
    if following == len(text):
        return False
    word = _NEXT_WORD.match(text, following)
    return word is None or word.end() < len(text)


def _sentence_end(text: str, start: int, stop: re.Match[str]) -> int | None:
    """Where the sentence from `start` ends that this stop may end, quotes and markers included; None if it does not."""
    if _breaks_line(stop):
        return stop.end()
    first = max(start, stop.start() - _LOOKBEHIND)
    cut = "" if first == start else _CUT
    window = cut + text[first : stop.end() + _LOOKAHEAD]
    at = len(cut) + stop.end() - first
    tail = _TAIL.match(window, at)
    after = tail.end() if tail else at
    gap = _GAP.match(window, after)
    following = gap.end() if gap else after
    spaced, upcoming = following > after, window[following : following + 1]
    end = stop.end() + after - at
    if not upcoming or upcoming in _LINE_ENDS:
        return end
    marked = _MARKER.search(window, at, after) is not None
    if not spaced and not marked and _goes_on(window[after - 1], upcoming):
        return None
    if stop.group()[-1] in _WIDE_STOPS or (tail and tail.group(1)[-1:] in _WIDE_STOPS and tail.group(1)):
        return end
    before = window[: at - len(stop.group())]
    if _stops_latin(stop.group(), before, window[following:], spaced=spaced, marked=marked):
        return end
    return None


def _breaks_line(stop: re.Match[str]) -> bool:
    return stop.group()[0] in _LINE_ENDS


def _goes_on(last: str, upcoming: str) -> bool:
    """Whether what follows a stop and its closing marks, without a space, goes on with the sentence."""
    return (
        upcoming in ",，、:：;；)）]" or last in "》〉)）" or (last in "”’」』" and upcoming in "的等和与及或之是とっ")
    )


def _stops_latin(stop: str, before: str, following: str, *, spaced: bool, marked: bool) -> bool:
    """Whether `.`, `!`, `?` or `…` between `before` and `following` ends a sentence."""
    if not spaced:
        if _IS_CJK.match(following):
            return stop[-1] in "!?…" or bool(before and _IS_CJK.match(before[-1]))
        return marked and following[0].isupper()
    if marked:
        return True
    if following[0].islower():
        return False
    return stop != "." or not _is_abbreviation(before, following)


def _is_abbreviation(before: str, following: str) -> bool:
    """Whether the full stop after `before` belongs to its last word only."""
    if _LIST_NUMBER.search(before):
        return True
    match = _WORD_BEFORE.search(before)
    if match is None:
        return False
    word = match.group().lower()
    if word in _NEVER_LAST:
        return True
    if word in _BEFORE_NUMBER and (following[0].isdigit() or following[0] in "(§"):
        return True
    is_initial = len(word) == 1 and match.group().isupper()
    if is_initial or word in _PERHAPS_LAST or _ACRONYM.search(word):
        opening = _NEXT_WORD.match(following)
        return opening is not None and opening.group().lower() not in _STARTERS
    return False
