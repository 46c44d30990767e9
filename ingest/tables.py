"""Tables: which of them hold data, and their text row by row."""

from __future__ import annotations

from lxml import etree

from ingest.text import fold

_LAYOUT_INSIDE = frozenset("table pre h1 h2 h3 h4 form article section iframe blockquote".split())
_SKIPPED = frozenset("script style noscript template svg button select input".split())
_BREAKING = frozenset("br p div li ul ol dd dt dl tr td th caption".split())
_LONGEST_CELL = 800
_MOST_BREAKS = 12


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
    return all(len(_cell_text(cell)) <= _LONGEST_CELL for cell in cells)


def table_text(table: etree._Element) -> tuple[str, str]:
    """Caption, and rows one a line with a tab between the cells, as a browser copies them: so a row can be quoted."""
    caption = next(table.iter("caption"), None)
    lines = []
    for row in table.iter("tr"):
        cells = [_cell_text(cell) for cell in row.iterchildren("td", "th")]
        if any(cells):
            lines.append("\t".join(cells).rstrip("\t"))
    return (_cell_text(caption) if caption is not None else ""), "\n".join(lines)


def _cell_text(cell: etree._Element) -> str:
    parts: list[str] = []
    walker = etree.iterwalk(cell, events=("start", "end"))
    for event, element in walker:
        if event == "start":
            if element.tag in _SKIPPED or "display:none" in (element.get("style") or "").replace(" ", ""):
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
