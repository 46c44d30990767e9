"""Verdicts that turn on place and limits: bounds of a number, `only`, and two things set against each other."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from rag.citations.verify import verify_claim
from rag.vocabulary import Claim, Document


def verdict(source: str, claim: str) -> str:
    moment = datetime(2026, 1, 1, tzinfo=UTC)
    document = Document(
        1, "0" * 32, "https://example.org/1", "T", (), source, 1.0, "https://example.org/", "en", moment
    )
    [citation] = verify_claim(Claim(0, len(claim), claim, (1,)), [document])
    return citation.verdict


@pytest.mark.parametrize(
    ("source", "carried", "not_carried"),
    [
        ("The trip takes 10 to 15 minutes by boat.", "up to 15", "more than 15"),
        ("The trip takes between 10 and 15 minutes by boat.", "up to 15", "at least 15"),
        ("The trip takes 10–15 minutes by boat.", "at least 10", "fewer than 10"),
        ("The trip takes 15 minutes by boat.", "at least 15", "more than 15"),
        ("The trip takes over 15 minutes by boat.", "more than 15", "up to 15"),
        ("The trip takes at least 15 minutes by boat.", "no less than 15", "no more than 15"),
        ("The trip takes up to 15 minutes by boat.", "no more than 15", "more than 15"),
        ("The trip takes fewer than 15 minutes by boat.", "less than 15", "at least 15"),
        ("The trip takes nearly 15 minutes by boat.", "nearly 15", "over 15"),
        ("The trip takes 15 minutes or more by boat.", "at least 15", "at most 15"),
        ("The trip takes no more than 15 minutes by boat.", "at most 15", "at least 15"),
    ],
)
def test_a_bound_needs_its_number_on_the_same_side(source: str, carried: str, not_carried: str) -> None:
    """A bound that the number of the quote fulfils is carried, and one beyond it is not."""
    assert verdict(source, f"The trip takes {carried} minutes by boat.") in ("supported", "verbatim")
    assert verdict(source, f"The trip takes {not_carried} minutes by boat.") == "unsupported"


@pytest.mark.parametrize(
    ("source", "carried", "not_carried"),
    [
        ("参加比赛的球队超过15支。", "参加比赛的球队多于15支。", "参加比赛的球队不到15支。"),
        ("参加比赛的球队有15支以上。", "参加比赛的球队至少有15支。", "参加比赛的球队有15支以下。"),
        ("每天的用量不能超过15克。", "每天的用量不能多于15克。", "每天的用量不能少于15克。"),
        ("每天的用量为10至15克。", "每天的用量为10到15克。", "每天的用量超过15克。"),
    ],
)
def test_bounds_in_chinese(source: str, carried: str, not_carried: str) -> None:
    assert verdict(source, carried) in ("supported", "verbatim")
    assert verdict(source, not_carried) == "unsupported"


@pytest.mark.parametrize(
    ("source", "carried", "not_carried"),
    [
        ("Books are lent to members.", "Books are lent to members.", "Books are lent only to members."),
        ("Books are only lent to members.", "Books are lent only to members.", "Only books are lent to members."),
        ("Books are lent just to members.", "Books are lent only to members.", "Only books are lent to members."),
        (
            "Only members may borrow books here.",
            "Members may borrow books here.",
            "Members may borrow only books here.",
        ),
        ("Members may borrow not only books but films.", "Members may borrow books.", "Members may borrow only books."),
        ("图书馆向会员出借图书。", "图书馆向会员出借图书。", "图书馆只向会员出借图书。"),
        ("图书馆仅向会员出借图书。", "图书馆只向会员出借图书。", "图书馆不向会员出借图书。"),
    ],
)
def test_a_restriction_needs_one_of_the_same(source: str, carried: str, not_carried: str) -> None:
    """A claim may leave an `only` out; it may not add one, nor put it before something else."""
    assert verdict(source, carried) in ("supported", "verbatim")
    assert verdict(source, not_carried) == "unsupported"


@pytest.mark.parametrize(
    ("source", "carried", "not_carried"),
    [
        (
            "Unlike foxes, badgers dig large setts in the woods.",
            "Badgers, unlike foxes, dig large setts in the woods.",
            "Unlike badgers, foxes dig large setts in the woods.",
        ),
        (
            "The engine burns wood rather than coal in winter.",
            "The engine burns wood instead of coal in winter.",
            "The engine burns coal rather than wood in winter.",
        ),
        (
            "The tapestry is not a painting but a piece of embroidery.",
            "The tapestry is a piece of embroidery, not a painting.",
            "The tapestry is not a piece of embroidery but a painting.",
        ),
        (
            "Badgers sleep in deep setts, whereas foxes hunt along the river.",
            "Foxes hunt along the river, while badgers sleep in deep setts.",
            "Foxes sleep in deep setts, whereas badgers hunt along the river.",
        ),
        (
            "The northern channel is deeper than the southern harbour.",
            "The northern channel is deeper than the southern harbour is.",
            "The southern harbour is deeper than the northern channel.",
        ),
        (
            "Compared with oak, pine burns quickly and leaves little ash.",
            "Pine burns quickly and leaves little ash compared with oak.",
            "Compared with pine, oak burns quickly and leaves little ash.",
        ),
    ],
)
def test_what_is_set_against_what(source: str, carried: str, not_carried: str) -> None:
    """The two sides may be told in another order and by other words; they may not take each other's place."""
    assert verdict(source, carried) in ("supported", "verbatim")
    assert verdict(source, not_carried) == "unsupported"
