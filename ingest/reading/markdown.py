"""Markdown into blocks: the text that a rendered page would show, one block at a time.

Line by line and without a grammar's finer points, so that any text gives a sensible reading in linear time.
"""

from __future__ import annotations

import html
import re
from collections import Counter
from dataclasses import dataclass, field

from ingest.reading.text import fold
from rag.vocabulary import Block, BlockKind

_FENCE = re.compile(r"^ {0,3}(`{3,}|~{3,})")
_ATX = re.compile(r"^ {0,3}(#{1,6})(?:[ \t]+(.*?))?(?:[ \t]+#+)?[ \t]*$")
_HEADING_ID = re.compile(r"\s*\{#([\w.:-]+)[^{}]*\}\s*$")
_SETEXT = re.compile(r"^ {0,3}(=+|-+)[ \t]*$")
_RULE = re.compile(r"^ {0,3}([-*_])(?:[ \t]*\1){2,}[ \t]*$")
_ITEM = re.compile(r"^(\s*)(?:[-*+]|\d{1,9}[.)])[ \t]+(?=\S)")
_QUOTE = re.compile(r"^ {0,3}> ?")
_DELIMITER_ROW = re.compile(r"^\s*\|?(?:\s*:?-+:?\s*\|)+\s*(?::?-+:?\s*)?$")
_REFERENCE = re.compile(r"^ {0,3}\[[^\]\n]{1,200}\]:\s")
_CELLS = re.compile(r"(?<!\\)\|")
_COMMENT = re.compile(r"<!--.*?-->", re.DOTALL)
_ANCHOR = re.compile(r"""<a\s+(?:id|name)=["']?([\w.:-]+)["']?\s*/?>""", re.IGNORECASE)

_CODE_SPAN = re.compile(r"(`+)(?!`)(.+?)(?<!`)\1(?!`)", re.DOTALL)
_IMAGE = re.compile(r"!\[[^\]\n]{0,500}\](?:\([^()\n]{0,1000}\)|\[[^\]\n]{0,200}\])")
_LINK = re.compile(
    r"\[((?:[^\[\]\n]|\[[^\[\]\n]{0,200}\]){1,1000})\](?:\((?:[^()\n]|\([^()\n]{0,200}\)){0,1000}\)|\[[^\]\n]{0,200}\])"
)
_AUTOLINK = re.compile(r"<((?:https?|mailto):[^<>\s]{1,1000})>")
_TAG = re.compile(r"</?[A-Za-z][^<>\n]{0,500}>")
_STRONG = re.compile(r"(\*\*|__)(?=\S)(.+?)(?<=\S)\1")
_EMPHASIS = re.compile(r"(?<![\w*])([*_])(?=[^\s*_])([^*_\n]+?)(?<=[^\s*_])\1(?![\w*])")
_STRUCK = re.compile(r"~~(?=\S)(.+?)(?<=\S)~~")
_ESCAPE = re.compile(r"\\([!-/:-@\[-`{-~])")
_HELD = re.compile("\x1e(\\d+)\x1e")
_NOT_IN_SLUG = re.compile(r"[^\w\- ]")


@dataclass(slots=True)
class MarkdownReader:
    """Reads one text; `blocks` grows as lines are taken."""

    blocks: list[Block] = field(default_factory=list)
    _paragraph: list[str] = field(default_factory=list)
    _kind: BlockKind = "paragraph"
    _level: int = 0
    _indents: list[int] = field(default_factory=list)
    _anchor: str | None = None
    _slugs: Counter[str] = field(default_factory=Counter)

    def read(self, text: str) -> list[Block]:
        lines = _COMMENT.sub("", text).expandtabs(4).split("\n")
        place = 0
        while place < len(lines):
            place = self._take(lines, place)
        self._flush()
        return self.blocks

    def _take(self, lines: list[str], place: int) -> int:
        """Takes the construct that begins at `lines[place]`; returns the line after it."""
        line = lines[place]
        fence = _FENCE.match(line.lstrip() if self._indents else line)
        if fence:
            return self._fenced(lines, place, fence.group(1))
        if not line.strip():
            self._flush()
            return place + 1
        if self._begins_table(lines, place):
            return self._table(lines, place)
        if self._is_indented_code(line):
            return self._indented(lines, place)
        self._line(line)
        return place + 1

    def _line(self, line: str) -> None:
        heading, setext = _ATX.match(line), _SETEXT.match(line)
        item = _ITEM.match(line)
        if heading:
            self._flush()
            self._heading(len(heading.group(1)), heading.group(2) or "")
        elif setext and self._paragraph and self._kind == "paragraph":
            text = " ".join(self._paragraph)
            self._paragraph.clear()
            self._heading(1 if setext.group(1)[0] == "=" else 2, text)
        elif _RULE.match(line) or (_REFERENCE.match(line) and not self._paragraph):
            self._flush()
        elif item:
            self._item(line, item)
        else:
            self._text(line)

    def _text(self, line: str) -> None:
        quoted = _QUOTE.match(line)
        if quoted:
            if self._kind != "quote":
                self._flush()
            self._kind, self._level, line = "quote", 0, line[quoted.end() :]
            if not line.strip():
                self._flush()
                return
        elif not self._paragraph:
            self._place(len(line) - len(line.lstrip()))
        self._paragraph.append(line.strip() + ("\x1d" if line.endswith(("  ", "\\")) else ""))

    def _place(self, indent: int) -> None:
        """A paragraph after a blank line belongs to the list item it is indented under, if any."""
        while self._indents and indent <= self._indents[-1]:
            self._indents.pop()
        self._level = len(self._indents)
        self._kind = "list_item" if self._indents else "paragraph"

    def _item(self, line: str, item: re.Match[str]) -> None:
        self._flush()
        indent = len(item.group(1))
        while self._indents and indent <= self._indents[-1]:
            self._indents.pop()
        self._indents.append(indent)
        self._kind, self._level = "list_item", len(self._indents)
        self._paragraph.append(re.sub(r"^\[[ xX]\]\s+", "", line[item.end() :].strip()))

    def _heading(self, level: int, text: str) -> None:
        self._indents.clear()
        given = _HEADING_ID.search(text)
        shown = inline_text(text[: given.start()] if given else text)
        if shown:
            self._anchor = given.group(1) if given else self._slug(shown)
            self.blocks.append(Block("heading", shown, level, self._anchor))
        self._kind, self._level = "paragraph", 0

    def _slug(self, heading: str) -> str:
        slug = _NOT_IN_SLUG.sub("", heading.lower()).replace(" ", "-")
        self._slugs[slug] += 1
        return slug if self._slugs[slug] == 1 else f"{slug}-{self._slugs[slug] - 1}"

    def _flush(self) -> None:
        raw = "\n".join(self._paragraph)
        self._paragraph.clear()
        if raw:
            for name in _ANCHOR.findall(raw):
                self._anchor = name
            text = "\n".join(filter(None, map(inline_text, raw.split("\x1d"))))
            if text:
                self.blocks.append(Block(self._kind, text, self._level, self._anchor))
        if self._kind == "quote":
            self._kind, self._level = "paragraph", 0

    def _fenced(self, lines: list[str], place: int, fence: str) -> int:
        self._flush()
        indent = len(lines[place]) - len(lines[place].lstrip())
        end = place + 1
        while end < len(lines) and not _closes(lines[end], fence):
            end += 1
        self._code([line[indent:] if line[:indent].isspace() else line for line in lines[place + 1 : end]])
        return end + 1

    def _is_indented_code(self, line: str) -> bool:
        return line.startswith("    ") and not self._paragraph and not self._indents

    def _indented(self, lines: list[str], place: int) -> int:
        end = place
        while end < len(lines) and (lines[end].startswith("    ") or not lines[end].strip()):
            end += 1
        self._code([line[4:] for line in lines[place:end]])
        return end

    def _code(self, lines: list[str]) -> None:
        code = "\n".join(line.rstrip() for line in lines).strip("\n")
        if code.strip():
            self.blocks.append(Block("code", code, 0, self._anchor))

    def _begins_table(self, lines: list[str], place: int) -> bool:
        return "|" in lines[place] and place + 1 < len(lines) and _DELIMITER_ROW.match(lines[place + 1]) is not None

    def _table(self, lines: list[str], place: int) -> int:
        self._flush()
        rows = [_row(lines[place])]
        end = place + 2
        while end < len(lines) and "|" in lines[end]:
            rows.append(_row(lines[end]))
            end += 1
        self.blocks.append(Block("table", "\n".join(filter(None, rows)), 0, self._anchor))
        return end


def inline_text(raw: str) -> str:
    """What a line of Markdown shows: links by their text, emphasis without its marks, code as written."""
    held: list[str] = []

    def hold(text: str) -> str:
        held.append(text)
        return f"\x1e{len(held) - 1}\x1e"

    text = _CODE_SPAN.sub(lambda code: hold(code.group(2).strip()), raw)
    text = _ESCAPE.sub(lambda escape: hold(escape.group(1)), text)
    text = _IMAGE.sub("", text)
    text = _LINK.sub(r"\1", text)
    text = _AUTOLINK.sub(r"\1", text)
    text = _TAG.sub("", text)
    for mark in (_STRONG, _EMPHASIS):
        text = mark.sub(r"\2", text)
    text = _STRUCK.sub(r"\1", text)
    return fold(_HELD.sub(lambda place: held[int(place.group(1))], html.unescape(text)))


def _row(line: str) -> str:
    inner = line.strip().removeprefix("|").removesuffix("|")
    return "\t".join(inline_text(cell.replace("\\|", "|")) for cell in _CELLS.split(inner)).rstrip("\t")


def _closes(line: str, fence: str) -> bool:
    mark = line.strip()
    return len(mark) >= len(fence) and not mark.strip(fence[0])
