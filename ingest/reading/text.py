"""Text as a page shows it: white space folded, invisible characters gone, chat-template tokens made harmless."""

from __future__ import annotations

import re

# Control characters, soft hyphens, zero-width spaces, direction marks that reorder text, and Unicode tags and rare
# variation selectors, which a reader never sees but a model reads. Joiners stay: Persian and emoji need them.
_INVISIBLE = re.compile(
    "[\x00-\x08\x0e-\x1f\x7f-\x84\x86-\x9f\u00ad\u180e\u200b\u202a-\u202e\u2060-\u2064\u2066-\u206f\ufeff\ufff9-\ufffb"
    "\ud800-\udfff\U000e0000-\U000e01ef]"
)
_TEMPLATE_TOKEN = re.compile(r"<([|｜])([^<>|｜\n]{1,40})([|｜])>|<<(/?SYS)>>|\[(/?INST)\]|<(start|end)_of_turn>")


LINE_BREAK = "\x1e"  # control characters never reach the walk over a page
DRAWING = "\x1d"
_GAP = "\x1a"
_SPACES = re.compile(r"\s{2,}")
_NEVER_FOLDED = re.compile(f"[\xa0\u1680\u2000-\u200a\u202f\u205f\u3000{DRAWING}]")


def visible(text: str) -> str:
    """`text` without the characters that are not shown."""
    return _INVISIBLE.sub("", text)


def fold(text: str) -> str:
    """`text` with each run of white space as one space, none at the ends."""
    return " ".join(text.split())


def shown_lines(text: str) -> str:
    """`text`, in which marks stand for line breaks and drawings, as lines; empty ones are left out.

    White space that a browser does not fold stays, as a no-break space, so that no link names words across it: a
    no-break or ideographic space with more white space beside it, or a drawing with any.
    """
    folded = _fold_but_gaps if _NEVER_FOLDED.search(text) else fold
    return "\n".join(line for line in map(folded, text.split(LINE_BREAK)) if line)


def _fold_but_gaps(text: str) -> str:
    gaps = _SPACES.sub(_gap, text).replace(DRAWING, "")
    return re.sub(rf"\s*{_GAP}\s*", "\xa0", fold(gaps).strip(f"{_GAP} "))


def _gap(spaces: re.Match[str]) -> str:
    run = spaces.group()
    return _GAP if _NEVER_FOLDED.search(run) and run.strip(DRAWING) else run


def defuse(text: str) -> str:
    """`text` with the special tokens of chat templates broken by a space, so that no model takes them for its own.

    A page about prompts may show `<|im_start|>`, and stays readable; a hostile page hopes that it ends the system
    prompt.
    """
    if "<" not in text and "[" not in text:
        return text
    return _TEMPLATE_TOKEN.sub(lambda match: f"{match.group()[0]} {match.group()[1:-1]} {match.group()[-1]}", text)
