"""Text files into blocks: Markdown by its marks, plain text by its blank lines; front matter read apart."""

from __future__ import annotations

import re

from ingest.reading.markdown import MarkdownReader
from ingest.reading.text import fold
from rag.vocabulary import Block

_FRONT_MATTER = re.compile(r"\A(---|\+\+\+)[ \t]*\n(.*?)\n\1[ \t]*(?:\n|\Z)", re.DOTALL)
_FIELD = re.compile(r"^([A-Za-z_-]+)\s*[:=]\s*(.+?)\s*$", re.MULTILINE)
_PARAGRAPHS = re.compile(r"\n[ \t]*(?:\n[ \t]*)+")
_UNDERLINE = re.compile(r"^(={3,}|-{3,}|~{3,})$")
_FULL_LINE = 50


def front_matter(text: str) -> tuple[dict[str, str], str]:
    """The fields at the head of a Markdown file, by lower-case name, and the text after them."""
    match = _FRONT_MATTER.match(text)
    if match is None:
        return {}, text
    fields = {name.lower(): value.strip("\"'[] ") for name, value in _FIELD.findall(match.group(2))}
    return fields, text[match.end() :]


def markdown_blocks(text: str) -> list[Block]:
    return MarkdownReader().read(text)


def plain_blocks(text: str) -> list[Block]:
    """Paragraphs between blank lines. Lines wrapped at a margin are joined; short ones, as in a list, are kept."""
    return [block for part in _PARAGRAPHS.split(text.expandtabs(4).strip("\n")) for block in _plain(part)]


def _plain(part: str) -> list[Block]:
    lines = [line.rstrip() for line in part.split("\n") if line.strip()]
    if len(lines) > 1 and _UNDERLINE.match(lines[1].strip()):
        level = 1 if lines[1].strip()[0] == "=" else 2
        return [Block("heading", fold(lines[0]), level), *_plain("\n".join(lines[2:]))]
    if not lines:
        return []
    if len(lines) > 1 and all(line.startswith("    ") for line in lines):
        return [Block("code", "\n".join(line[4:] for line in lines))]
    wrapped = all(len(line) >= _FULL_LINE for line in lines[:-1])
    joint = " " if wrapped else "\n"
    return [Block("paragraph", joint.join(map(fold, lines)))]
