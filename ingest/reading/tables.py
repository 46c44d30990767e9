"""Tables: which of them hold data, and their text row by row."""

from __future__ import annotations

from collections.abc import Callable

from lxml import etree

from ingest.reading.text import fold

Drop = Callable[[etree._Element], bool]

_LAYOUT_INSIDE = frozenset("table pre h1 h2 h3 h4 form article section iframe blockquote".split())
_SKIPPED = frozenset("script style noscript template svg button select input".split())
_BREAKING = frozenset("br p div li ul ol dd dt dl tr td th caption".split())
_LONGEST_CELL = 800


def is_data_table(table: etree._Element) -> bool:
    """Whether a table relates cells to each other, rather than placing parts of the page side by side."""
    if (table.get("role") or "").lower() in ("presentation", "none"):
        return False
    if any(element.tag in _LAYOUT_INSIDE for element in table.iterdescendants()):
        return False
    rows = [row for row in table.iter("tr") if sum(1 for _ in row.iterchildren("td", "th")) > 1]
    if not rows or (len(rows) < 2 and next(table.iter("th"), None) is None):
        return False
    cells = (cell for row in rows for cell in row.iterchildren("td", "th"))
    return all(len("".join(cell.itertext())) <= _LONGEST_CELL for cell in cells)


def table_text(table: etree._Element, drop: Drop) -> tuple[str, str]:
    """Caption, and rows one a line with a tab between the cells, as a browser copies them: so a row can be quoted.

    Args:
        drop: elements, such as hidden ones, that are left out.
    """
    caption = next(table.iter("caption"), None)
    lines = []
    for row in table.iter("tr"):
        cells = [_cell_text(cell, drop) for cell in row.iterchildren("td", "th") if not drop(cell)]
        if any(cells) and not drop(row):
            lines.append("\t".join(cells).rstrip("\t"))
    return (_cell_text(caption, drop) if caption is not None else ""), "\n".join(lines)


def _cell_text(cell: etree._Element, drop: Drop) -> str:
    parts: list[str] = []
    walker = etree.iterwalk(cell, events=("start", "end"))
    for event, element in walker:
        if event == "start":
            if element is not cell and (element.tag in _SKIPPED or drop(element)):
                walker.skip_subtree()
                continue
            if element.tag in _BREAKING:
                parts.append(" ")
            parts.append(element.text or "")
        elif element is not cell:
            if element.tag in _BREAKING:
                parts.append(" ")
            parts.append(element.tail or "")
    return fold("".join(parts))
