"""Forbidden words never leave, whole or in part, however an answer is cut; everything else does, as soon as it can."""

from __future__ import annotations

import random

import pytest

from rag.errors import ConfigurationError
from rag.text.guard import OutputGuard, check_phrases, withheld


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
        (["/end$/"], ["the end", "\n", "of it"], "the end\nof it", False),
        (["/end$/"], ["the end", "\n"], "the ", True),
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


def _cut(text: str, draw: random.Random) -> list[str]:
    tokens = []
    while text:
        size = draw.randint(1, 7)
        tokens.append(text[:size])
        text = text[size:]
    return tokens


PLANTED = {
    "top secret plan": [
        "top secret plan",
        "TOP  Secret\nPLAN",
        "ｔｏｐ\u3000ｓｅｃｒｅｔ ｐｌａｎ",
        "to\u200bp sec\u00adret\u00a0plan",
        "\U0001d42d\U0001d428\U0001d429 secret plan",
    ],
    "café-maß": ["café-maß", "cafe\u0301\u2011MASS", "CAFÉ\u2013mass"],
    "机密文件": ["机密文件", "机密\n文件", "机 密 文\u200b件"],
    "it's ours": ["it\u2019s ours", "IT'S   OURS"],
    r"/\b[A-Z]{2}-\d{4}\b/": ["ab-1234", "XY-0000", "ＡＢ-１２３４"],
    r"/key\s*=\s*\w{8,}/": ["key = abcdefgh1", "KEY=12345678"],
}
NEAR = "to|top |top secret |top secret pla|caf|cafe|café-|机|机密|机密文|it's |AB-12|key = abc".split("|")
BETWEEN = ["x, ", " 和，", "é; ", "。 "]


def test_a_thousand_ways_to_cut_an_answer() -> None:
    """However the tokens fall, all before a forbidden phrase leaves, and no part of it, however it is written."""
    draw = random.Random(3)
    for _ in range(1_000):
        phrase = draw.choice(list(PLANTED))
        before = "".join(
            draw.choice(NEAR) + draw.choice(["x, ", " 和，", "é; ", "。 "]) for _ in range(draw.randint(0, 4))
        )
        text = before + draw.choice(PLANTED[phrase]) + draw.choice(["", " and more", "。更多"])
        said, blocked = _said(list(PLANTED), _cut(text, draw))
        assert ("".join(said), blocked) == (before, True), text


def test_a_thousand_texts_without_a_match_leave_whole_and_wait_for_nothing_else() -> None:
    """What is held back is always the beginning of a phrase; it is let go when no match follows."""
    draw = random.Random(5)
    for _ in range(1_000):
        text = "".join(draw.choice([*NEAR[:4], "x ", "the plan ", "secret "]) + draw.choice("xy!") for _ in range(6))
        guard, fed, left = OutputGuard(["top secret plan"]), "", ""
        for token in _cut(text, draw):
            checked = guard.feed(token)
            fed, left = fed + token, left + checked.text
            assert "top secret plan".startswith(fed[len(left) :])
        checked = guard.finish()
        assert (left + checked.text, checked.blocked) == (text, False)


def test_tokens_wait_only_while_a_match_is_possible() -> None:
    """What cannot be the beginning of a phrase leaves with its own token."""
    said, _ = _said(["forbidden phrase"], ["one ", "two ", "for", "ty ", "three"])
    assert said == ["one ", "two ", "", "forty ", "three", ""]


@pytest.mark.parametrize("pattern", ["/(/", "/a*/", "/(a+)+$/", r"/(\w+\s?)+!/", "/(?:[0-9]+)+z/"])
def test_patterns_that_cannot_work_are_refused(pattern: str) -> None:
    """At start, with the setting's name: what cannot be read, matches nothing, or backtracks for ever."""
    with pytest.raises(ConfigurationError, match="RAG_BLOCKED_PHRASES"):
        check_phrases(["fine", pattern])


def test_a_pattern_that_hangs_ends_the_answer_instead() -> None:
    """One that no trial found out does not hold up the program, and lets nothing through."""
    guard = OutputGuard(["/(a+)+$/"])
    checked = guard.feed("a" * 1_000 + "!")
    assert checked == ("", True)


@pytest.mark.parametrize(
    ("text", "shown"), [("all well", "all well"), ("a top secret", "a […]"), ("the end: top", "the end: top")]
)
def test_a_whole_text_is_shown_up_to_what_must_not_be_said(text: str, shown: str) -> None:
    """For what a step of an agent shows."""
    assert withheld(text, ["top secret"]) == shown
