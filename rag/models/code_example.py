"""The code that a sentence of documentation introduces: who asks how to do something wants to see it done."""

from __future__ import annotations

import re

from rag.text.sentences import MARKER

_MOST_LINES, _MOST_CHARACTERS = 12, 700
_NEXT_LINE = re.compile(r"[ \t]*\n(?:[ \t]*\n)*")
_PROMPT = re.compile(r"[ \t]*(?:>>>|\.\.\.|\$|In \[\d+\]:)(?:\s|$)")
_TYPED = re.compile(r"[ \t]*(?:>>>|\$|In \[\d+\]:)(?:\s|$)")
_STATEMENT = re.compile(
    r"[ \t]*(?:from [\w.]+ import |import \w|(?:sudo |uv )?pip3? |python3? -?\w|npm |npx |yarn |git |curl |wget "
    r"|docker |sudo |apt(?:-get)? |brew |conda |cd \S+$|export \w+=|make \w|cargo |go (?:get|run|build|install) "
    r"|[A-Za-z_][\w.]* = \S|[A-Za-z_][\w.]*\([^()]*\)\s*$)"
)
_ACTING = re.compile(rf"{MARKER}|```|~~~|!\[|\]\(")


def example_after(text: str, end: int) -> str:
    """The code that begins on the line after the sentence that ends at `end`, whole lines of it; empty when none does.

    Code that holds what would act in an answer, such as `x[1]`, is left out.
    """
    begun = _NEXT_LINE.match(text, end)
    if begun is None:
        return ""
    lines = text[begun.end() : begun.end() + 2 * _MOST_CHARACTERS].split("\n")
    if _TYPED.match(lines[0]):
        code = _session(lines)
    elif _STATEMENT.match(lines[0]):
        code = _paragraph(lines)
    else:
        return ""
    shown = "\n".join(code)
    return "" if len(shown) > _MOST_CHARACTERS or _ACTING.search(shown) else shown


def _session(lines: list[str]) -> list[str]:
    """What was typed and what came back; it ends before a line of prose, which only a blank line can come before."""
    kept: list[str] = []
    for place, line in enumerate(lines):
        if line.strip():
            after_blank = place > 0 and not lines[place - 1].strip()
            if after_blank and not _PROMPT.match(line):
                break
        kept.append(line.rstrip())
    limit = _MOST_LINES
    if len(kept) <= limit and _is_cut_off(kept, whole=len(kept) < len(lines)):
        limit = len(kept) - 1
    if len(kept) > limit:  # cut where something new is typed, so that what was typed has its output
        kept = kept[: max(place for place in range(limit + 1) if _TYPED.match(kept[place]))]
    return "\n".join(kept).strip("\n").split("\n")


def _is_cut_off(lines: list[str], *, whole: bool) -> bool:
    """Whether the end of the document took away what the last line begins, or gave back."""
    if whole or not _PROMPT.match(lines[-1]) or sum(_TYPED.match(line) is not None for line in lines) < 2:
        return False
    gives_back = any(line.strip() and not _PROMPT.match(line) for line in lines)
    return gives_back or lines[-1].endswith(":")


def _paragraph(lines: list[str]) -> list[str]:
    kept: list[str] = []
    for line in lines[:_MOST_LINES]:
        if not line.strip():
            break
        kept.append(line.rstrip())
    return kept
