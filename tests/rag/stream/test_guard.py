"""Forbidden words never leave, whole or in part, however an answer is cut; everything else does, as soon as it can."""

from __future__ import annotations

import random

import pytest

from rag.errors import ConfigurationError
from rag.stream.guard import OutputGuard


def _said(phrases: list[str], tokens: list[str]) -> tuple[list[str], bool]:
    guard = OutputGuard(phrases)
    said = []
    for token in tokens:
        checked = guard.feed(token)
        said.append(checked.text)
        if checked.blocked:
            return said, True
    checked = guard.finish()
    return [*said, checked.text], checked.blocked


@pytest.mark.parametrize(
    ("phrases", "tokens", "text", "blocked"),
    [
        (["secret word"], ["the sec", "ret  wo", "rds are"], "the ", True),
        (["secret word"], ["the sec", "ret  wax", " is sec"], "the secret  wax is sec", False),
        (["Secret"], ["a SEC", "RET"], "a ", True),
        (["straße"], ["die STRAS", "SE"], "die ", True),
        (["机密"], ["这是机", "密文件"], "这是", True),
        (["abcd", "bc"], ["a", "b", "c", "e"], "a", True),
        (["abcd", "bc"], ["a", "b", "x"], "abx", False),
        (["a.b"], ["axb"], "axb", False),
        ([r"/\d{3}-\d{4}/"], ["call 12", "3-45", "67"], "call ", True),
        ([r"/\d{3}-\d{4}/"], ["call 12", "3-4x"], "call 123-4x", False),
        ([r"/\bcat\b/"], ["a cat", "alog, no cat", "s"], "a catalog, no cats", False),
        ([r"/\bcat\b/"], ["a cat", "alog, a cat", " sat"], "a catalog, a ", True),
        ([r"/\bcat\b/"], ["a cat"], "a ", True),
        ([r"/(?<=my )key/"], ["the key, my ", "key"], "the key, my ", True),
        ([], ["anything"], "anything", False),
    ],
)
def test_what_leaves(phrases: list[str], tokens: list[str], text: str, blocked: bool) -> None:
    """Words in any case and spacing, patterns, Chinese; text before a forbidden phrase leaves, nothing of it does."""
    said, was_blocked = _said(phrases, tokens)
    assert ("".join(said), was_blocked) == (text, blocked)


def test_a_thousand_ways_to_cut_an_answer() -> None:
    """The same text leaves however the tokens fall."""
    draw = random.Random(3)
    text = "lorem secret ipsum forbidden  Phrase dolor se secre forbidden"
    for _ in range(1_000):
        tokens, rest = [], text
        while rest:
            size = draw.randint(1, 7)
            tokens.append(rest[:size])
            rest = rest[size:]
        said, blocked = _said(["forbidden phrase"], tokens)
        assert ("".join(said), blocked) == ("lorem secret ipsum ", True)


def test_tokens_wait_only_while_a_match_is_possible() -> None:
    """What cannot be the beginning of a phrase leaves with its own token."""
    said, _ = _said(["forbidden phrase"], ["one ", "two ", "for", "ty ", "three"])
    assert said == ["one ", "two ", "", "forty ", "three", ""]


@pytest.mark.parametrize("pattern", ["/(/", "/a*/"])
def test_patterns_that_cannot_work_are_refused(pattern: str) -> None:
    """At start, with the setting's name."""
    with pytest.raises(ConfigurationError, match="RAG_BLOCKED_PHRASES"):
        OutputGuard([pattern])
