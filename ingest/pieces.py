"""Sections of a page, and the smallest pieces that a chunk is made of: sentences, lines of code, rows, items."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from rag.text.sentences import split_sentences
from rag.vocabulary import BLOCK_SEPARATOR, Block, Page

_LINE = re.compile(r"[^\n]*\S[^\n]*")
_BORDER = re.compile(r"[,;:，；：、）)\]]\s*|\s+")
_LONGEST_COLUMNS = 200


@dataclass(frozen=True, slots=True)
class Placed:
    """A block and its place in the page's text."""

    block: Block
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Section:
    """Blocks under one heading.

    Attributes:
        path: the headings above them, outermost first.
        blocks: in order; the section's own heading first where it has one.
        headed: whether chunks show the headings among the blocks, as they must when the path does not name them.
    """

    path: tuple[str, ...]
    blocks: tuple[Placed, ...]
    headed: bool = False

    @property
    def start(self) -> int:
        return self.blocks[0].start

    @property
    def end(self) -> int:
        return self.blocks[-1].end


@dataclass(frozen=True, slots=True)
class Piece:
    """A span of the page's text that a chunk holds whole.

    Attributes:
        tokens: its length.
        prose: whether it may be repeated at the start of the next chunk.
        columns: the header row, when the piece is a later row of a table.
    """

    start: int
    end: int
    tokens: int
    anchor: str | None = None
    prose: bool = True
    columns: str | None = None


def page_sections(page: Page) -> list[Section]:
    """The page cut at its headings; a heading with nothing under it is a section that shows itself."""
    sections: list[Section] = []
    stack: list[Block] = []
    held: list[Placed] = []
    offset = 0
    for block in page.blocks:
        placed = Placed(block, offset, offset + len(block.text))
        offset = placed.end + len(BLOCK_SEPARATOR)
        if block.kind == "heading":
            if not _only_parent(held, block):
                sections.extend(_section(stack, held))
            held = []
            while stack and stack[-1].level >= block.level:
                stack.pop()
            stack.append(block)
        held.append(placed)
    sections.extend(_section(stack, held))
    return sections


def _only_parent(held: list[Placed], heading: Block) -> bool:
    """Whether nothing but a heading stands above a deeper one, which names it in its path."""
    return len(held) == 1 and held[0].block.kind == "heading" and held[0].block.level < heading.level


def _section(stack: list[Block], held: list[Placed]) -> Iterator[Section]:
    if held:
        path = tuple(block.text for block in stack)
        bare = all(placed.block.kind == "heading" for placed in held)
        yield Section(path[:-1] if bare else path, tuple(held), headed=bare)


def section_pieces(page: Page, section: Section, *, count: Callable[[str], int], most: int) -> list[Piece]:
    """The section's pieces, none above `most` tokens."""
    pieces: list[Piece] = []
    anchor = section.blocks[0].block.anchor
    for place, placed in enumerate(section.blocks):
        if placed.block.kind == "heading" and not section.headed and place == 0:
            continue
        first = anchor if not pieces else placed.block.anchor
        pieces.extend(_block_pieces(page.text, placed, first, count, most))
    return pieces


def _block_pieces(
    text: str, placed: Placed, anchor: str | None, count: Callable[[str], int], most: int
) -> Iterator[Piece]:
    block = placed.block
    lined = block.kind in ("code", "table")
    if lined:
        spans = [(placed.start + line.start(), placed.start + line.end()) for line in _LINE.finditer(block.text)]
    else:
        spans = [(placed.start + span.start, placed.start + span.end) for span in split_sentences(block.text)]
    columns = _columns(block) if block.kind == "table" else None
    for number, (start, end) in enumerate(spans):
        for cut_start, cut_end, tokens in _fitting_spans(text, start, end, count, most):
            yield Piece(cut_start, cut_end, tokens, anchor, prose=not lined, columns=columns if number else None)


def _columns(table: Block) -> str | None:
    header = " | ".join(table.text.split("\n", 1)[0].split("\t"))
    return header if len(header) <= _LONGEST_COLUMNS else None


def _fitting_spans(
    text: str, start: int, end: int, count: Callable[[str], int], most: int
) -> Iterator[tuple[int, int, int]]:
    """The span, cut near its middle at a comma or space as often as it takes to fit."""
    spans = [(start, end)]
    while spans:
        start, end = spans.pop()
        tokens = count(text[start:end])
        if tokens <= most or end - start < 2:
            yield start, end, tokens
            continue
        middle = _cut(text, start, end)
        spans += [(_skip_space(text, middle, end), end), (start, _trim_space(text, start, middle))]


def _cut(text: str, start: int, end: int) -> int:
    """The border nearest the middle, within the middle half; the middle itself when there is none."""
    middle, quarter = (start + end) // 2, max(1, (end - start) // 4)
    borders = [match.end() for match in _BORDER.finditer(text, middle - quarter, middle + quarter)]
    inside = [border for border in borders if start < border < end]
    return min(inside, key=lambda border: abs(border - middle), default=middle)


def _skip_space(text: str, start: int, end: int) -> int:
    while start < end - 1 and text[start].isspace():
        start += 1
    return start


def _trim_space(text: str, start: int, end: int) -> int:
    while end > start + 1 and text[end - 1].isspace():
        end -= 1
    return end
