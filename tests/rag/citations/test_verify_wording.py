"""Verdicts on what is easily overlooked: names in code, frequencies, quantifiers, exchanges, abbreviations, dates."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from rag.citations.verify import verify_claim
from rag.vocabulary import Claim, Document

PAGE = (
    "The function check_range raises IndexError if the list is empty. The prize is awarded annually to all members of "
    "the club. She moved to the United States on May 3, 2019. The boiling point was 20 °C in the first trial. Natural "
    "language processing is taught in every school. He lived from May 5, 1840 to January 21, 1910. The tower stands on "
    "the right bank of the river. The summer festival of music and dance was held in the U.K. by the European Union. "
    "An attack could reveal the secret key, so visitors must lock the door."
)
CHINESE_PAGE = (
    "杰克逊维尔位于佛罗里达州东北部。这所私立学校首次招收了所有报名的学生。球队完成了两次拦截。"
    "每个包都标有目标地址。华沙队在决赛中战胜了柏林队。六十户有不到18岁的孩子在家。"
    "画廊展出中国艺术品和近百件中国藏品。因为所有其他的群体都是它的后代，所以不包括所有后代。"
)  # fmt: skip


def verdict(claim: str) -> str:
    moment = datetime(2026, 1, 1, tzinfo=UTC)
    documents = [
        Document(n, f"{n:032x}", f"https://example.org/{n}", "T", (), text, 1.0, "https://example.org/", "en", moment)
        for n, text in enumerate((PAGE, CHINESE_PAGE), 1)
    ]
    n = 2 if any("\u4e00" <= character <= "\u9fff" for character in claim) else 1
    [citation] = verify_claim(Claim(0, len(claim), claim, (n,)), documents)
    return citation.verdict


@pytest.mark.parametrize(
    "claim",
    [
        "The function count_words raises IndexError if the list is empty.",
        "The function check_range raises keyError if the list is empty.",
        "The prize is awarded monthly to all members of the club.",
        "The prize is awarded annually to some members of the club.",
        "She moved to the United Kingdom on May 3, 2019.",
        "She moved to the U.K. on May 3, 2019.",
        "She moved to the United States on 2019-05-04.",
        "The boiling point was 20 degrees Fahrenheit in the first trial.",
        "The boiling point was 20 °C in the last trial.",
        "He lived from January 21, 1910 to May 5, 1840.",
        "The tower stands on the left bank of the river.",
        "An attack will reveal the secret key.",
        "Visitors can lock the door.",
        "It is false that the tower stands on the right bank of the river.",
        "六十户有超过18岁的孩子在家。",
        "画廊展出德国艺术品和近百件中国藏品。",
        "因为部分其他的群体都是它的后代，所以不包括所有后代。",
        "佛罗里达州位于杰克逊维尔东北部。",
        "柏林队在决赛中战胜了华沙队。",
        "这所公立学校首次招收了所有报名的学生。",
        "这所私立学校首次招收了部分报名的学生。",
        "这所私立学校第二次招收了所有报名的学生。",
        "球队完成了两年拦截。",
        "每个包都标有目标地址，由斯坦福大学合作完成。",
    ],
)
def test_a_changed_word_of_weight_is_seen(claim: str) -> None:
    """A changed identifier, frequency, quantifier, scale, opposite, order or addition leaves nothing supported."""
    assert verdict(claim) == "unsupported"


@pytest.mark.parametrize(
    "claim",
    [
        "check_range raises IndexError when the list is empty.",
        "The prize is awarded yearly to every member of the club.",
        "She moved to the U.S. on 2019-05-03.",
        "She moved to the US on the 3rd of May 2019.",
        "The boiling point was 20 degrees Celsius in the first trial.",
        "NLP is taught in every school.",
        "Based on the page, the tower stands on the right bank of the river.",
        "The summer festival of music and dance was held in the United Kingdom by the EU.",
        "这所私立学校第一次招收了全部报名的学生。",
        "球队完成了2次拦截。",
    ],
)
def test_other_forms_of_the_same_are_no_fault(claim: str) -> None:
    """Abbreviations, other forms of dates, scales and frequencies, and lead-ins do not make a claim unsupported."""
    assert verdict(claim) != "unsupported"
