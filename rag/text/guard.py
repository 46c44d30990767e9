"""Keeps words that must not be said out of a text that comes cut into tokens.

Phrases are compared as a reader sees them: in any case, full-width or composed otherwise, with characters in between
that are drawn as nothing. Patterns see the text with full-width forms made plain, and without such characters.
"""

from __future__ import annotations

import logging
import unicodedata
from bisect import bisect_left
from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache
from typing import NamedTuple

import regex

from rag.errors import ConfigurationError
from rag.text.language import has_cjk

logger = logging.getLogger(__name__)

_CONTEXT_CHARACTERS = 64
_LONGEST_SEARCH = 0.1
"""Seconds for one look at a token. A pattern that takes longer ends the answer rather than to hold up all others."""

_LONGEST_TRIAL = 0.25
_TRIAL_CHARACTERS = 1_000
_DRAWN_AS_NOTHING = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0")
_SAME_QUOTES = str.maketrans({"\u2018": "'", "\u2019": "'", "\u02bc": "'", "\u201c": '"', "\u201d": '"', "\u201e": '"'})
_WITHHELD = "[…]"


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
        self._searches = [(_View(fold), pattern, literal) for fold, pattern, literal in _compiled(tuple(phrases))]
        self._held = ""
        self._sent = 0

    @property
    def is_idle(self) -> bool:
        """Whether there is nothing to look for, so that nothing need be fed."""
        return not self._searches

    def feed(self, token: str) -> Checked:
        """What may be said now. After `blocked` nothing more may be."""
        if not self._searches:
            return Checked(token)
        for view, _, _ in self._searches:
            view.add(token, self._sent + len(self._held))
        self._held += token
        return self._check(final=False)

    def finish(self) -> Checked:
        """What was held back, at the end of the answer."""
        return self._check(final=True)

    def _check(self, *, final: bool) -> Checked:
        end = self._sent + len(self._held)
        safe, blocked = end, False
        for view, pattern, literal in self._searches:
            place, settled = _first_match(view, pattern, literal=literal, final=final)
            if place is not None and place < safe:
                safe, blocked = place, settled
            elif place is not None and place == safe < end:
                blocked = blocked or settled
        return self._release(max(safe, self._sent), blocked)

    def _release(self, safe: int, blocked: bool) -> Checked:
        count = safe - self._sent
        text, self._held, self._sent = self._held[:count], self._held[count:], safe
        for view, _, _ in self._searches:
            view.forget_before(safe)
        return Checked(text, blocked)


def check_phrases(phrases: Sequence[str]) -> None:
    """Tries each pattern, so that one that cannot work shows at start.

    Raises:
        ConfigurationError: a pattern cannot be read, matches nothing at all, or takes too long.
    """
    for phrase in phrases:
        for _, pattern, literal in _compiled((phrase,)):
            if not literal:
                _try(phrase, pattern)


def withheld(text: str, phrases: Sequence[str]) -> str:
    """A whole text as far as it may be shown, with a sign where it was cut."""
    guard = OutputGuard(phrases)
    checked = guard.feed(text)
    if not checked.blocked:
        rest = guard.finish()
        checked = Checked(checked.text + rest.text, rest.blocked)
    return checked.text + _WITHHELD if checked.blocked else checked.text


Fold = Callable[[str], str]


class _View:
    """The text as a pattern sees it, and for each of its characters where it stands in the answer."""

    def __init__(self, fold: Fold) -> None:
        self._fold = fold
        self.text = ""
        self.places: list[int] = []
        self.begin = 0

    def add(self, token: str, at: int) -> None:
        if token.isascii():
            self.text += token
            self.places.extend(range(at, at + len(token)))
            return
        for place, character in enumerate(token, at):
            folded = self._fold(character)
            self.text += folded
            self.places.extend([place] * len(folded))

    def forget_before(self, place: int) -> None:
        """All but what a pattern may look back at."""
        begin = bisect_left(self.places, place)
        cut = max(0, begin - _CONTEXT_CHARACTERS)
        self.text, self.places, self.begin = self.text[cut:], self.places[cut:], begin - cut


def _first_match(view: _View, pattern: regex.Pattern[str], *, literal: bool, final: bool) -> tuple[int | None, bool]:
    """Where the first match begins, if there is one, and whether it is one whatever follows."""
    try:
        match = pattern.search(view.text, view.begin, partial=not final, timeout=_LONGEST_SEARCH)
    except TimeoutError:
        logger.warning("A pattern of RAG_BLOCKED_PHRASES took too long, so an answer was ended: %r", pattern.pattern)
        return 0, True
    if match is None or match.start() >= len(view.places):
        return None, False
    # A pattern may end in a condition on what follows (\b), so a match that touches the end is not settled; nor is one
    # before a last line feed, where `$` would match as well.
    settled = final or (not match.partial and (literal or view.text[match.end() :] not in ("", "\n")))
    return view.places[match.start()], settled


@lru_cache(maxsize=16)
def _compiled(phrases: tuple[str, ...]) -> Sequence[tuple[Fold, regex.Pattern[str], bool]]:
    """What to search for: how the text is folded, the pattern, and whether it is made of plain words."""
    words = sorted((phrase for phrase in phrases if not is_pattern(phrase)), key=len)
    literal = "|".join(expression for word in words if (expression := _expression(word)))
    found: list[tuple[Fold, regex.Pattern[str], bool]] = []
    if literal:
        found.append((_folded, regex.compile(literal, regex.IGNORECASE | regex.VERSION1), True))
    return [*found, *((_plain, _compile(phrase), False) for phrase in phrases if is_pattern(phrase))]


def is_pattern(phrase: str) -> bool:
    """Whether it is a `/pattern/` and not words."""
    return len(phrase) > 2 and phrase.startswith("/") and phrase.endswith("/")


def _expression(phrase: str) -> str:
    """Words with any white space between them; Chinese with any at all."""
    return r"\s+".join(
        r"\s*".join(map(regex.escape, word)) if has_cjk(word) else regex.escape(word)
        for word in "".join(map(_folded, phrase)).split()
    )


def _compile(phrase: str) -> regex.Pattern[str]:
    try:
        pattern = regex.compile(phrase[1:-1], regex.IGNORECASE | regex.FULLCASE | regex.VERSION1)
    except regex.error as error:
        raise _unusable(phrase, f"which cannot be read: {error}") from error
    if pattern.match(""):
        raise _unusable(phrase, "which matches even an empty answer")
    return pattern


def _try(phrase: str, pattern: regex.Pattern[str]) -> None:
    for text in _trials(phrase):
        try:
            pattern.search(text, timeout=_LONGEST_TRIAL)
            pattern.search(text, partial=True, timeout=_LONGEST_TRIAL)
        except TimeoutError:
            raise _unusable(
                phrase, f"which takes too long on texts such as {text[:8]!r}…: it repeats what is itself repeated"
            ) from None


def _trials(phrase: str) -> Iterator[str]:
    """Long texts of the pattern's own letters, and of what classes such as \\w stand for."""
    letters = {character for character in phrase if character.isalnum() or character.isspace()}
    for unit in sorted({*letters, "a", "0", " ", "-", "中", "word ", "a1 "}):
        yield unit * (_TRIAL_CHARACTERS // len(unit)) + "\x00"


def _folded(character: str) -> str:
    """Case, width, composition, and the many forms of dashes and quotation marks taken away."""
    if unicodedata.category(character) == "Pd":
        return "-"
    return _decomposed(_decomposed(character).casefold()).translate(_SAME_QUOTES)


def _decomposed(text: str) -> str:
    return "".join(
        character for character in unicodedata.normalize("NFKD", text) if not _is_drawn_as_nothing(character)
    )


def _plain(character: str) -> str:
    """Width and compatibility forms taken away."""
    return "" if _is_drawn_as_nothing(character) else unicodedata.normalize("NFKC", character)


def _is_drawn_as_nothing(character: str) -> bool:
    return (
        unicodedata.category(character) == "Cf"
        or character in _DRAWN_AS_NOTHING
        or "\ufe00" <= character <= "\ufe0f"
        or "\U000e0100" <= character <= "\U000e01ef"
    )


def _unusable(phrase: str, why: str) -> ConfigurationError:
    return ConfigurationError(
        f"RAG_BLOCKED_PHRASES has the pattern {phrase!r}, {why}.",
        "Correct the pattern, or write the words without slashes.",
    )
