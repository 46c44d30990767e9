"""Keeps words that must not be said out of an answer, also when they come cut into tokens."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import regex

from rag.errors import ConfigurationError

_CONTEXT_CHARACTERS = 64


class Checked(NamedTuple):
    """Text that may leave now, and whether what follows it is forbidden."""

    text: str
    blocked: bool = False


class OutputGuard:
    """Reads the tokens of one answer. Text is held back only while it may be the beginning of a forbidden phrase.

    Args:
        phrases: words, found in any case and with any white space between them, wherever they stand; or `/patterns/`
            in the syntax of the `regex` package, found in any case.

    Raises:
        ConfigurationError: a pattern cannot be read.
    """

    def __init__(self, phrases: Sequence[str]) -> None:
        self._patterns = [_compile(phrase) for phrase in phrases]
        self._text = ""
        self._sent = 0

    @property
    def is_idle(self) -> bool:
        """Whether there is nothing to look for, so that nothing need be fed."""
        return not self._patterns

    def feed(self, token: str) -> Checked:
        """What may be said now. After `blocked` nothing more may be."""
        if not self._patterns:
            return Checked(token)
        self._text += token
        return self._check(final=False)

    def finish(self) -> Checked:
        """What was held back, at the end of the answer."""
        return self._check(final=True)

    def _check(self, *, final: bool) -> Checked:
        safe, blocked = len(self._text), False
        for pattern in self._patterns:
            match = pattern.search(self._text, self._sent, partial=not final)
            if match is None:
                continue
            # A pattern may end in a condition on what follows (\b), so a match that touches the end is not settled.
            settled = final or (not match.partial and match.end() < len(self._text)) or _is_literal(pattern, match)
            if match.start() < safe:
                safe, blocked = match.start(), settled
            elif match.start() == safe < len(self._text):
                blocked = blocked or settled
        return self._release(safe, blocked)

    def _release(self, safe: int, blocked: bool) -> Checked:
        text = self._text[self._sent : safe]
        cut = max(0, safe - _CONTEXT_CHARACTERS)  # what a pattern may look back at
        self._text, self._sent = self._text[cut:], safe - cut
        return Checked(text, blocked)


def check_phrases(phrases: Sequence[str]) -> None:
    """Raises ConfigurationError when a phrase cannot be used, so that it shows at start."""
    OutputGuard(phrases)


def _compile(phrase: str) -> regex.Pattern[str]:
    flags = regex.IGNORECASE | regex.FULLCASE | regex.VERSION1
    if len(phrase) > 2 and phrase.startswith("/") and phrase.endswith("/"):
        try:
            pattern = regex.compile(phrase[1:-1], flags)
        except regex.error as error:
            raise _unusable(phrase, f"which cannot be read: {error}") from error
        if pattern.match(""):
            raise _unusable(phrase, "which matches even an empty answer")
        return pattern
    words = [regex.escape(word) for word in phrase.split()]
    return regex.compile(r"(?P<literal>" + r"\s+".join(words) + ")", flags)


def _unusable(phrase: str, why: str) -> ConfigurationError:
    return ConfigurationError(
        f"RAG_BLOCKED_PHRASES has the pattern {phrase!r}, {why}.",
        "Correct the pattern, or write the words without slashes.",
    )


def _is_literal(pattern: regex.Pattern[str], match: regex.Match[str]) -> bool:
    return not match.partial and "literal" in pattern.groupindex
