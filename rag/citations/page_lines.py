"""The lines of a page's text, the cells of its tables, and words without what stands around them."""

from __future__ import annotations

import re

from rag.citations.shown_page import ShownPage, Term
from rag.text.tokens import is_of_word

_LINE_ENDS = "\n\r\u2028\u2029\t\xa0"
"""What no term may span. A no-break space stays in the text only where the page has a gap that a browser
does not fold; a tab parts the cells of a table."""

_LINE_END = re.compile(f"[{_LINE_ENDS}]")
_PART = re.compile(r"\S+")


def line_end(text: str, start: int, end: int) -> int:
    """Where the line that holds `start` ends, white space left out; `end` at most."""
    found = _LINE_END.search(text, start, end)
    return trimmed(text, start, found.start())[1] if found else end


def line_start(text: str, start: int, end: int) -> int:
    """Where the line that holds the character before `end` begins; `start` at least."""
    broken = max(text.rfind(mark, start, end) for mark in _LINE_ENDS)
    return trimmed(text, max(start, broken + 1), end)[0]


def worded(text: str, start: int, end: int) -> Term:
    """Without the signs at the ends that white space parts from the words: bullets, `//`, a Chinese comma after a gap.

    There is often more white space on the page than the text has, and such signs stand everywhere.
    """
    parts = [part.span() for part in _PART.finditer(text, start, end)]
    worded = [span for span in parts if any(map(is_of_word, text[slice(*span)]))]
    return Term(worded[0][0], worded[-1][1]) if worded else Term(start, end)


def trimmed(text: str, start: int, end: int) -> Term:
    while start < end and text[start].isspace():
        start += 1
    while end > start and text[end - 1].isspace():
        end -= 1
    return Term(start, end)


def parts_cells(page: ShownPage, end: int, start: int) -> bool:
    """Whether the white space from `end` to `start` is between two cells of a table, in a row or in two."""
    text, gap = page.text, page.text[end:start]
    if "\n" not in gap:
        return "\t" in gap
    row = text.rfind("\n", 0, end) + 1, text.find("\n", start)
    rows = text[row[0] : end], text[start : row[1] if row[1] >= 0 else len(text)]
    return gap.count("\n") == 1 and all("\t" in row for row in rows) and page.after_number(start) == start
