"""A second opinion on whether a block is content, from trafilatura's reading of the same page."""

from __future__ import annotations

import re
from collections.abc import Sequence, Set

from lxml import etree

from ingest.reading.blocks import Draft

_WORD = re.compile(r"\w+")
_SHINGLE = 4
_DEPTH = 200
_MISSED = 0.25
_STRONG = 60
_PROSE = 100
_CELL_SPAN = re.compile(r"(<t[dh]\b[^<>]*?)\s(?:row|col)span=\"[^\"]*\"")
"""Trafilatura counts every row that a cell says it spans, a thousand million if need be."""


class Oracle:
    """Asks trafilatura once for the page's text, then judges blocks by whether their words are in it."""

    def __init__(self, root: etree._Element) -> None:
        words = _WORD.findall(_main_text(root))
        self._shingles = {tuple(words[place : place + _SHINGLE]) for place in range(len(words) - _SHINGLE + 1)}
        self._joined = f" {' '.join(words)} "

    def knows(self, text: str) -> bool:
        words = _WORD.findall(text)
        if len(words) < _SHINGLE:
            return f" {' '.join(words)} " in self._joined
        shingles = [tuple(words[place : place + _SHINGLE]) for place in range(len(words) - _SHINGLE + 1)]
        return 2 * sum(shingle in self._shingles for shingle in shingles) > len(shingles)

    def judge(self, drafts: Sequence[Draft], doubted: Set[int]) -> list[Draft]:
        """The drafts that are content.

        Between the first and the last paragraph that trafilatura knows, whatever is not doubted; elsewhere what it
        knows, or what stands in the same kind of element as prose that it knows, for it often sees only the first of
        several boxes. A heading is content where what follows is; links are where it knows several in a row. When it
        has missed most of the prose, as on Chinese pages, it is not asked.

        Args:
            doubted: places of drafts that only link elsewhere.
        """
        known = [self.knows(draft.block.text) for draft in drafts]
        prose = [place for place, draft in enumerate(drafts) if place not in doubted and _is_prose(draft)]
        shared = [place for place in prose if known[place]]
        if len(shared) <= _MISSED * len(prose):
            return [draft for place, draft in enumerate(drafts) if place not in doubted]
        kin = {_kin(drafts[place]) for place in shared}
        keeps = []
        for place, draft in enumerate(drafts):
            if place in doubted:
                keep = known[place] and any(near in doubted and known[near] for near in (place - 1, place + 1))
            elif known[place] or (_is_prose(draft) and _kin(draft) in kin):
                keep = True
            else:
                keep = shared[0] <= place <= shared[-1] and _is_strong(draft)
            keeps.append(keep)
        for place in reversed(range(len(drafts) - 1)):
            if drafts[place].block.kind == "heading" and place not in doubted:
                keeps[place] = keeps[place] or keeps[place + 1]
        return [draft for draft, keep in zip(drafts, keeps, strict=True) if keep]


def _kin(draft: Draft) -> tuple[str, ...]:
    element, parent = draft.element, draft.element.getparent()
    names = [element.tag, element.get("class") or ""]
    return (*names, parent.tag, parent.get("class") or "") if parent is not None else tuple(names)


def _is_prose(draft: Draft) -> bool:
    return len(draft.block.text) >= _PROSE and draft.linked < 0.3 * len(draft.block.text)


def _is_strong(draft: Draft) -> bool:
    block = draft.block
    if block.kind in ("heading", "code", "table"):
        return True
    return len(block.text) >= _STRONG and draft.linked < 0.3 * len(block.text)


def _main_text(root: etree._Element) -> str:
    """Trafilatura's text; nothing where the page is nested so deep that its recursive copy would not end well."""
    from trafilatura import extract

    if _is_deeper(root, _DEPTH):
        return ""
    source = etree.tostring(root, encoding="unicode", method="html", with_tail=False)
    source = _CELL_SPAN.sub(r"\1", _CELL_SPAN.sub(r"\1", source))
    return (
        extract(
            f"<html><body>{source}</body></html>",
            include_comments=False,
            include_tables=True,
            deduplicate=False,
            fast=True,
        )
        or ""
    )


def _is_deeper(root: etree._Element, limit: int) -> bool:
    depth = 0
    for event, _ in etree.iterwalk(root, events=("start", "end")):
        depth += 1 if event == "start" else -1
        if depth > limit:
            return True
    return False
