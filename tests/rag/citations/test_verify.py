"""Verdicts: what is called verbatim, supported and unsupported, in English and Chinese."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rag.citations.claims import ClaimReader
from rag.citations.verify import Verifier, verify_claim
from rag.vocabulary import Citation, Claim, Document

ENGLISH = (
    "Ada Lovelace was an English mathematician. She was born on 10 December 1815 in London. In 1843 she published "
    "notes on the Analytical Engine, which was designed by Charles Babbage. The notes are about 65 pages long and "
    "cover 1,000 km of theory, but they were not read widely. The engine weighed 13 tons and cost $17,000. Sales rose "
    "by 5% from 1841 to 1842. The first program computed Bernoulli numbers."
)
CHINESE = (
    "阿达·洛芙莱斯于1815年12月10日出生于伦敦。1843年，她发表了关于分析机的笔记，共65页。这台机器由查尔斯·巴贝奇设计，重约13吨。"
    "该项目没有完成，花费了3.5万英镑。北京大学和清华大学参加了研究。"
)


def document(n: int, text: str, title: str = "Ada Lovelace") -> Document:
    url = f"https://example.org/{n}"
    return Document(n, f"{n:032x}", url, title, (), text, 1.0, url, "en", datetime(2026, 1, 1, tzinfo=UTC))


DOCUMENTS = [document(1, ENGLISH), document(2, CHINESE, "阿达·洛芙莱斯"), document(3, "Bananas are yellow.", "Fruit")]


def verdict(sentence: str, n: int = 1) -> str:
    [citation] = verify_claim(Claim(0, len(sentence), sentence, (n,)), DOCUMENTS)
    return citation.verdict


@pytest.mark.parametrize(
    "claim",
    [
        "She was born on 10 December 1815 in London.",
        "she was born on 10 December 1815 in London",
        "The engine weighed 13 tons [1].",
        "**The first program** computed `Bernoulli` numbers [1].",
        "- In 1843 she published notes on the Analytical Engine [1]",
    ],
)
def test_verbatim(claim: str) -> None:
    """The page's words in a row; case, punctuation, Markdown and markers do not count."""
    assert verdict(claim) == "verbatim"


@pytest.mark.parametrize(
    "claim",
    [
        "Ada Lovelace was born in London on December 10, 1815 [1].",
        "The notes have 65 pages and cover one thousand kilometres of theory [1].",
        "Charles Babbage designed the Analytical Engine [1].",
        "The Analytical Engine was designed by Charles Babbage [1].",
        "Sales increased by five percent between 1841 and 1842 [1].",
        "The engine cost 17,000 dollars and weighed thirteen tons [1].",
        "The notes weren't read widely [1].",
        "Ada Lovelace, a mathematician, was born in 1815 [1].",
    ],
)
def test_supported(claim: str) -> None:
    """Other words, forms and order, and a name for its pronoun, as long as everything agrees."""
    assert verdict(claim) == "supported"


@pytest.mark.parametrize(
    "claim",
    [
        "She was born on 10 December 1816 in London [1].",
        "She was born on 10 November 1815 in London [1].",
        "She was born on 10 December 1815 in Paris [1].",
        "Grace was born on 10 December 1815 in London [1].",
        "Charles Babbage was born on 10 December 1815 in London [1].",
        "In 1815 she published notes on the Analytical Engine [1].",
        "The notes are about 13 pages long [1].",
        "The engine weighed 13 pounds and cost $17,000 [1].",
        "The engine weighed 13 tons and cost €17,000 [1].",
        "Sales rose by 5 percentage points from 1841 to 1842 [1].",
        "Sales rose by 5% from 1842 to 1841 [1].",
        "Sales fell by 5% from 1841 to 1842 [1].",
        "The engine never weighed 13 tons [1].",
        "The notes were read widely [1].",
        "The notes failed to cover 1,000 km of theory [1].",
        "The second program computed Bernoulli numbers [1].",
        "The Analytical Engine was designed by Michael Faraday [1].",
        "Bananas are yellow [1].",
    ],
)
def test_unsupported(claim: str) -> None:
    """One changed number, date, unit, name or negation, an opposite, or another page's words."""
    assert verdict(claim) == "unsupported"


@pytest.mark.parametrize(
    ("claim", "expected"),
    [
        ("这台机器由查尔斯·巴贝奇设计[2]。", "verbatim"),
        ("该项目花费了35000英镑，没有完成[2]。", "supported"),
        ("阿达·洛芙莱斯在1815年12月10日生于伦敦[2]。", "supported"),
        ("阿达·洛芙莱斯于1816年12月10日出生于伦敦[2]。", "unsupported"),
        ("阿达·洛芙莱斯于1815年11月10日出生于伦敦[2]。", "unsupported"),
        ("阿达·洛芙莱斯于1815年12月10日出生于巴黎[2]。", "unsupported"),
        ("这台机器由约翰·道尔顿设计，重约13吨[2]。", "unsupported"),
        ("这台机器由查尔斯·巴贝奇设计，重约13公斤[2]。", "unsupported"),
        ("该项目完成，花费了3.5万英镑[2]。", "unsupported"),
        ("该项目没有完成，花费了3.5亿英镑[2]。", "unsupported"),
        ("南京大学和清华大学参加了研究[2]。", "unsupported"),
        ("北京大学和清华大学并未参加研究[2]。", "unsupported"),
    ],
)
def test_chinese(claim: str, expected: str) -> None:
    """The same in Chinese, with its numerals, names without capitals and ways to deny."""
    assert verdict(claim, 2) == expected


def test_words_in_a_row_under_a_denial_are_not_verbatim() -> None:
    """What a page denies or doubts it does not say, though the words are there."""
    doubtful = [document(1, "It is not true that the engine worked in 1843. Nobody knows whether the moon is hollow.")]
    for text in ("The engine worked in 1843 [1].", "The moon is hollow [1]."):
        [citation] = verify_claim(Claim(0, len(text), text, (1,)), doubtful)
        assert citation.verdict == "unsupported"


def citations(answer: str) -> list[Citation]:
    reader, verifier = ClaimReader(), Verifier(DOCUMENTS)
    return [citation for claim in reader.feed(answer) + reader.finish() for citation in verifier.verify(claim)]


def test_nothing_is_dropped() -> None:
    """A marker without a document, and a fact without a marker, are reported."""
    told = citations("The engine weighed 13 tons [9]. The engine weighed 13 tons of iron. It weighed 13 tons [1].")
    assert [(citation.n, citation.verdict) for citation in told] == [
        (9, "unsupported"), (0, "unsupported"), (1, "supported"),
    ]  # fmt: skip
    assert told[0].document_id is told[0].quote is None


@pytest.mark.parametrize(
    "text",
    [
        "Hello!", "## The engine and its weight", "Here is what I found:", "Who designed the engine of Babbage?",
        "The documents do not say who paid for the engine.", "I could not find an answer to your question.",
        "文档中没有提到谁支付了费用。", "抱歉，我无法回答这个问题。", "Bernoulli numbers",
    ],
)  # fmt: skip
def test_sentences_that_state_nothing_owe_nothing(text: str) -> None:
    """Courtesies, headings, lead-ins, questions and refusals give no citation."""
    assert citations(text) == []


def test_a_marker_speaks_for_what_stands_before_it() -> None:
    """In one sentence with markers in two places each is held against its own part."""
    told = citations("The engine weighed 13 tons [1], while bananas are yellow [3].")
    assert [(citation.n, citation.verdict) for citation in told] == [(1, "verbatim"), (3, "supported")]


def test_two_documents_can_carry_a_claim_together() -> None:
    """`A and B [1][3]` is supported by both where each has its part, and not when either part is changed."""
    told = citations("The engine weighed 13 tons and bananas are yellow [1][3].")
    assert {citation.verdict for citation in told} == {"supported"}
    told = citations("The engine weighed 14 tons and bananas are yellow [1][3].")
    assert {citation.verdict for citation in told} == {"unsupported"}


def test_links_are_made_for_the_place_of_the_quote() -> None:
    """The link maker gets the document and the offsets that the citation carries."""
    verifier = Verifier(DOCUMENTS, link=lambda document, start, end: f"{document.url}#{start}-{end}")
    text = "Bananas are yellow [3]."
    [citation] = verifier.verify(Claim(0, len(text), text, (3,)))
    assert citation.link == "https://example.org/3#0-19"


WORDS = st.sampled_from([*ENGLISH.split(), *CHINESE[:80], "not", "13", "[1]", "没有", "。", ".", ",", "the", "Paris"])


@settings(deadline=None)
@given(st.lists(WORDS, max_size=25).map(" ".join), st.sampled_from([1, 2, 3]))
def test_quotes_are_exact(text: str, n: int) -> None:
    """Whatever is claimed, a quote is the document's text at its offsets, and the same claim gets the same verdict."""
    claim = Claim(0, len(text), text, (n,))
    [citation] = Verifier(DOCUMENTS).verify(claim)
    if citation.quote is not None:
        assert citation.quote == DOCUMENTS[n - 1].text[citation.quote_start : citation.quote_end] != ""
    assert [citation] == Verifier(DOCUMENTS).verify(claim)


@pytest.mark.parametrize(
    ("claim", "expected"),
    [
        ("這臺機器由查爾斯·巴貝奇設計，重約13噸。", "verbatim"),
        ("這臺機器由查爾斯·巴貝奇設計，重約14噸。", "unsupported"),
        ("該項目完成了，花費了3.5萬英鎊。", "unsupported"),
    ],
)
def test_traditional_characters_are_the_same_as_simplified_ones(claim: str, expected: str) -> None:
    """In both directions, and the quote is the page's own text."""
    [citation] = verify_claim(Claim(0, len(claim), claim, (2,)), DOCUMENTS)
    assert citation.verdict == expected
    assert citation.quote == CHINESE[citation.quote_start : citation.quote_end]
    page = document(2, "這臺機器由查爾斯·巴貝奇設計，重約13噸。")
    [back] = verify_claim(Claim(0, 9, "这台机器由查尔斯·巴贝奇设计，重约13吨。", (2,)), [page])
    assert back.verdict == "verbatim"


@pytest.mark.parametrize(
    "claim",
    [
        "大于1的自然数若不是合数，则称之为素数。",
        "两支船队带领李安不同港口多次出海。",
        "该数自身是指除了1和素数外，无法被整除的数。",
    ],
)
def test_two_places_of_a_chinese_sentence_exchanged(claim: str) -> None:
    """However short what changed places is, and whether or not it has a number."""
    page = document(
        1,
        "大于1的自然数若不是素数，则称之为合数。李安带领两支船队不同港口多次出海。"
        "素数是指除了1和该数自身外，无法被整除的数。",
    )
    assert verify_claim(Claim(0, len(claim), claim, (1,)), [page])[0].verdict == "unsupported"


@pytest.mark.parametrize(
    ("source", "same", "changed"),
    [
        ("Anna Berg hired Tom Lind in 2011.", "Tom Lind was hired by Anna Berg.", "Anna Berg was hired by Tom Lind."),
        ("张伟于2011年聘请了李娜。", "2011年，张伟聘请了李娜。", "张伟于2011年被李娜聘请。"),
        ("Heavy rain led to flooding here.", "Rain led to flooding here.", "Flooding led to heavy rain here."),
        ("The dam has been completed.", "The dam was completed.", "The dam will be completed."),
        ("The dam will be completed.", "The dam will be completed soon.", "The dam will not be completed."),
        ("大坝已经建成，水库也已蓄水。", "大坝已建成，水库也已蓄水。", "大坝即将建成，水库也已蓄水。"),
        ("The drug was approved by the agency.", "The agency approved the drug.", "The drug has yet to be approved."),
        ("The tower was finished in May.", "In May the tower was finished.", "The tower was nearly finished in May."),
        ("获奖者中三分之一是学生。", "三分之一的获奖者是学生。", "获奖者中三分之二是学生。"),
    ],
)  # fmt: skip
def test_who_acts_on_whom_and_what_is_done_or_to_come(source: str, same: str, changed: str) -> None:
    """The passive turned round, cause and effect exchanged, the future for the past, `nearly`, and fractions."""
    page = document(1, source)
    assert verify_claim(Claim(0, len(same), same, (1,)), [page])[0].verdict != "unsupported"
    assert verify_claim(Claim(0, len(changed), changed, (1,)), [page])[0].verdict == "unsupported"
