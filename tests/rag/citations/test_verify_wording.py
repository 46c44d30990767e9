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
    chinese = any("\u4e00" <= character <= "\u9fff" for character in claim)
    return verdict_on(claim, CHINESE_PAGE if chinese else PAGE)


def verdict_on(claim: str, page: str) -> str:
    moment = datetime(2026, 1, 1, tzinfo=UTC)
    url = "https://example.org/1"
    document = Document(1, f"{1:032x}", url, "T", (), page, 1.0, url, "en", moment)
    [citation] = verify_claim(Claim(0, len(claim), claim, (1,)), [document])
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


@pytest.mark.parametrize(
    "lead_in",
    [
        "Yes, ",
        "No, ",
        "Note that ",
        "In addition, ",
        "According to the provided documents, ",
        "The documentation states that ",
        "Yes, specifically, ",
        "It is worth noting that ",
        "Returns None: ",
    ],
)
def test_what_only_leads_in_is_not_held_against_a_claim(lead_in: str) -> None:
    """Such words are the answer's own; a statement before the colon is not."""
    claim = f"{lead_in}the tower stands on the right bank of the river."
    assert (verdict(claim) == "verbatim") == (lead_in != "Returns None: ")


@pytest.mark.parametrize(
    "lead_in", ["是的，", "根据文档，", "文中提到，", "需要注意的是，", "该页面指出", "此外，根据上述资料，"]
)
def test_chinese_lead_ins_are_not_held_against_a_claim(lead_in: str) -> None:
    """The same in Chinese, with a comma or without where the verb alone leads in."""
    assert verdict(f"{lead_in}每个包都标有目标地址。") == "verbatim"


def test_none_in_code_is_a_value_and_denies_nothing() -> None:
    """`None` in the midst of a sentence; what it is put for another value is seen all the same."""
    page = "If the name is unknown, then the function returns None and logs the error."
    assert verdict_on("The function returns None and logs the error if the name is unknown.", page) == "supported"
    assert verdict_on("If the name is unknown, then the function returns Zero and logs the error.", page) != "supported"
    assert verdict_on("None of the functions log the error if the name is unknown.", page) == "unsupported"


@pytest.mark.parametrize("changed", ["was no longer 3.07", "was no longer greater than 3.07"])
def test_no_longer_denies_before_a_number_too(changed: str) -> None:
    """`no longer than 3` is a bound, and denies nothing; without `than` it is a denial."""
    page = f"The average size of a household {changed.replace(' no longer', '')}."
    assert verdict_on(f"The average size of a household {changed}.", page) == "unsupported"
    bound = "The average size of a household was no larger than 3.07."
    assert verdict_on(bound, "The average size of a household was at most 3.07.") == "supported"


@pytest.mark.parametrize(
    ("claim", "page", "expected"),
    [
        ("It returns the tag.", "It returns the tag; it does not return the word.", "verbatim"),
        ("它支持工具调用。", "它支持工具调用，内置的回答不支持工具调用。", "verbatim"),
        ("The earth is flat.", "The earth is flat, which is not true of the earth.", "unsupported"),
        ("它不要构建，也不加载模型。", "它不需要构建，也不加载模型。", "supported"),
        ("必须进行两年测试，同时查找两个位置。", "必须进行两次测试，同时查找两个位置。", "unsupported"),
    ],
)
def test_a_later_clause_denies_for_itself(claim: str, page: str, expected: str) -> None:
    """What follows the clause may be left out, unless it takes back what was said."""
    assert verdict_on(claim, page) == expected


def test_a_chinese_name_from_elsewhere_in_the_sentence_is_seen() -> None:
    """It stands once more than on the page, so it has not been moved; a single character may make a party's name."""
    page = "绿党在墨尔本市中心实力最强，工人运动在墨尔本郊区的支持者更多。"
    assert verdict_on("国家党在墨尔本市中心实力最强，工人运动在墨尔本郊区的支持者更多。", page) == "unsupported"
    assert verdict_on("绿党在墨尔本市中心实力最强，墨尔本在墨尔本郊区的支持者更多。", page) == "unsupported"
    assert verdict_on("工人运动在墨尔本郊区的支持者更多，绿党在墨尔本市中心实力最强。", page) == "supported"
