"""The DOM walk: a tree of elements into the blocks a reader sees, in reading order.

Inline elements are joined as a browser joins them, with nothing added; `<br>` is a line break; white space is folded,
except in `<pre>`. The walk is iterative and visits each element once, so depth and size cost only linear time.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from lxml import etree

from ingest.reading.code import read_code
from ingest.reading.tables import Drop, is_data_table, table_text
from ingest.reading.text import DRAWING, LINE_BREAK, shown_lines
from rag.vocabulary import Block, BlockKind

SKIPPED = frozenset(
    "script style noscript noframes template iframe object embed applet svg canvas video audio map button select "
    "textarea input datalist progress meter head rp rt link meta param".split()
)
BLOCK_LEVEL = frozenset(
    "address article aside blockquote body caption center dd details dialog dir div dl dt fieldset figcaption figure "
    "footer form h1 h2 h3 h4 h5 h6 header hgroup hr html legend li main menu nav ol p search section summary table "
    "tbody td tfoot th thead tr ul".split()
)
PREFORMATTED = frozenset({"pre", "xmp", "listing", "plaintext"})
HEADINGS = {f"h{level}": level for level in range(1, 7)}

_DRAWN = frozenset({"svg", "canvas", "button"})
_PERHAPS_WHOLE = PREFORMATTED | {"table", "math", "a"}
_LISTS = frozenset({"ul", "ol", "menu", "dir"})
_PARAGRAPH_BREAK = re.compile(rf"{LINE_BREAK}(?:\s*{LINE_BREAK})+")
_PERMALINK = re.compile(r"headerlink|header-?anchor|anchor-?link|hash-?link|perma-?link|heading-?link|\banchor\b")
_TEX = "application/x-tex"
_MAX_ANCHOR = 300


@dataclass(frozen=True, slots=True)
class Draft:
    """A block with what is needed to judge whether it is content.

    Attributes:
        element: the element that the block's text lies in.
        linked: how many of its characters are inside links.
    """

    block: Block
    element: etree._Element
    linked: int = 0


def read_blocks(root: etree._Element, drop: Drop) -> list[Draft]:
    """All blocks under `root`, except in elements for which `drop` is true."""
    walk = _Walk(drop)
    walker = etree.iterwalk(root, events=("start", "end"))
    skipped: etree._Element | None = None
    for event, element in walker:
        if event == "start":
            tag = element.tag
            if tag in SKIPPED or drop(element) or (tag in _PERHAPS_WHOLE and walk.take_whole(element)):
                skipped = element
                walker.skip_subtree()
                if tag in _DRAWN and not drop(element):
                    walk.text(DRAWING)
            else:
                walk.open(element)
        else:
            if element is skipped:
                skipped = None
            else:
                walk.close(element)
            if element.tail and element is not root:
                walk.text(element.tail)
    walk.flush(root)
    return walk.finish()


class _Walk:
    """What the walk remembers between elements: the text of the block under way, and where it stands."""

    def __init__(self, drop: Drop) -> None:
        self._drop = drop
        self._drafts: list[Draft] = []
        self._buffer: list[str] = []
        self._linked = 0
        self._links = 0
        self._lists = 0
        self._quotes = 0
        self._definitions = 0
        self._items: list[etree._Element] = []
        self._heading = 0
        self._term: Draft | None = None
        self._in_term = False
        self._anchor: str | None = None
        self._pending: str | None = None
        self._pending_is_own = False
        self._later: str | None = None
        self._permalink: str | None = None

    def take_whole(self, element: etree._Element) -> bool:
        """Reads code, tables, formulas and permalinks in one piece; false when the walk must go inside."""
        tag = element.tag
        if tag in PREFORMATTED:
            self.flush(element)
            self._note_id(element, own=True)
            code = read_code(element, self._drop)
            self._add("code", code.text, element, first_line=code.first_line)
        elif tag == "table" and is_data_table(element):
            self.flush(element)
            self._note_id(element, own=True)
            caption, rows = table_text(element, self._drop)
            self._add("paragraph", caption, element)
            self._add("table", rows, element)
        elif tag == "math":
            self.text(_formula(element))
        elif tag == "a" and (self._heading or self._in_term) and _is_permalink(element):
            self._permalink = (element.get("href") or "").partition("#")[2] or self._permalink
        else:
            return False
        return True

    def open(self, element: etree._Element) -> None:
        tag = element.tag
        if tag in BLOCK_LEVEL:
            self.flush(element.getparent() if element.getparent() is not None else element)
            self._pending_is_own = False
            self._enter(tag, element)
        elif tag == "br":
            self._buffer.append(LINE_BREAK)
        elif tag == "a":
            self._links += 1
        self._note_id(element, own=tag in BLOCK_LEVEL)
        if element.text:
            self.text(element.text)

    def close(self, element: etree._Element) -> None:
        tag = element.tag
        if tag in BLOCK_LEVEL:
            self.flush(element)
            self._leave(tag)
        elif tag == "a":
            self._links -= 1

    def text(self, text: str) -> None:
        self._buffer.append(text)
        if self._links:
            self._linked += len(text.strip())

    def flush(self, element: etree._Element) -> None:
        """Ends the block under way; two line breaks in a row end a paragraph too, as old pages write them."""
        if not self._buffer:
            return
        raw, linked = "".join(self._buffer), self._linked
        self._buffer.clear()
        self._linked = 0
        if not raw or raw.isspace():
            return
        parts = [part for part in map(shown_lines, _PARAGRAPH_BREAK.split(raw)) if part]
        for part in parts:
            self._add(self._kind(), part, element, linked=min(linked, len(part)))

    def finish(self) -> list[Draft]:
        self._settle_term()
        return self._drafts

    def _enter(self, tag: str, element: etree._Element) -> None:
        if tag in HEADINGS:
            self._heading = HEADINGS[tag]
            self._permalink = None
        elif tag in _LISTS:
            self._lists += 1
        elif tag == "li":
            self._items.append(element)
        elif tag == "blockquote":
            self._quotes += 1
        elif tag == "dd":
            self._definitions += 1
        elif tag == "dt":
            self._in_term = True
            self._permalink = None

    def _leave(self, tag: str) -> None:
        if tag in HEADINGS:
            self._heading = 0
        elif tag in _LISTS:
            self._lists -= 1
        elif tag == "li":
            self._items.pop()
        elif tag == "blockquote":
            self._quotes -= 1
        elif tag == "dd":
            self._definitions -= 1
        elif tag == "dt":
            self._in_term = False
        elif tag == "dl":
            self._settle_term()

    def _kind(self) -> BlockKind:
        if self._heading:
            return "heading"
        if self._in_term:
            return "definition"
        if self._items:
            return "list_item"
        if self._quotes:
            return "quote"
        return "definition" if self._definitions else "paragraph"

    def _note_id(self, element: etree._Element, *, own: bool) -> None:
        name = element.get("id") or (element.get("name") if element.tag == "a" else None)
        if not name or len(name) > _MAX_ANCHOR or any(map(str.isspace, name)):
            return
        if any(not part.isspace() for part in self._buffer):
            self._later = name
        elif own or not self._pending_is_own:
            self._pending, self._pending_is_own = name, own

    def _next_anchor(self) -> str | None:
        permalink = self._permalink if self._heading or self._in_term else None
        own = self._pending if self._pending_is_own else None
        anchor = own or permalink or self._pending or self._anchor
        self._anchor, self._pending, self._later = self._later or anchor, None, None
        self._pending_is_own = False
        return anchor

    def _add(
        self, kind: BlockKind, text: str, element: etree._Element, *, linked: int = 0, first_line: int | None = None
    ) -> None:
        if not text:
            return
        level = self._heading if kind == "heading" else max(1, self._lists) if kind == "list_item" else 0
        draft = Draft(Block(kind, text, level, self._next_anchor(), first_line), element, linked)
        if self._in_term and kind == "definition":
            self._term = _joined(self._term, draft) if self._term else draft
        elif self._term is not None and kind in ("definition", "paragraph", "list_item", "quote") and self._definitions:
            term, self._term = self._term, None
            self._drafts.append(_joined(term, draft))
        else:
            self._settle_term()
            self._drafts.append(draft)

    def _settle_term(self) -> None:
        """A term whose definition does not begin with a paragraph stands alone."""
        if self._term is not None:
            self._drafts.append(self._term)
            self._term = None


def _joined(term: Draft, draft: Draft) -> Draft:
    """A term and the first paragraph of its definition: read apart, neither says much."""
    text = f"{term.block.text}\n{draft.block.text}"
    return Draft(Block("definition", text, 0, term.block.anchor), draft.element, term.linked + draft.linked)


def _is_permalink(element: etree._Element) -> bool:
    """The ¶ or # beside a heading that links to the heading itself."""
    href = element.get("href") or ""
    if "#" not in href:
        return False
    text = "".join(element.itertext()).strip()
    if text and not any(map(str.isalnum, text)) and len(text) <= 3:
        return True
    return (
        bool(_PERMALINK.search(element.get("class") or ""))
        and len(text) <= 40
        and href.startswith("#")
        and (not any(map(str.isalnum, text)) or "link" in text.lower())
    )


def _formula(math: etree._Element) -> str:
    """The TeX that a formula was written in, where the page keeps it; else its symbols."""
    for annotation in math.iter("annotation"):
        if annotation.get("encoding") == _TEX:
            return annotation.text or ""
    return "".join(math.itertext())
