"""Sentences: where they end, that their offsets are exact, and that a growing text is cut as the whole one is."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rag.text.sentences import MAX_SENTENCE, find_border, split_sentences


def cut(text: str) -> list[str]:
    return [text[start:end] for start, end in split_sentences(text)]


@pytest.mark.parametrize(
    "sentences",
    [
        ["Dr. Smith met J. K. Rowling at 3 p.m. in the U.S. Army base.", "She left."],
        ["They moved to the U.S.", "The end was near."],
        ["Use tools, e.g. Chroma, or i.e. an index, cf. Fig. 5.", "It works."],
        ["See No. 5 of Vol. 2, p. 31.", "No.", "That is wrong."],
        ["It costs 3.14 dollars.", "Version v1.2.3 is out.", "Python 3.", "The rest follows."],
        ["Open http://example.com/a.b?c=d.e for more.", "Then go on."],
        ["Wait...", "Then it… continues.", "Really?!", "Yes."],
        ['"Why?" he asked.', '"Yes."', "(She left.)", "“Fine.”", "Go on."],
        ["Jones et al. (2019) say so, in Jan. 2020.", "Apple Inc. announced it.", "And so on, etc.", "More follows."],
        ["Yahoo! is a firm.", "Is it?", "It is!"],
        ["It ends here.", "2019 was good.", "[Note] it."],
    ],
)
def test_english(sentences: list[str]) -> None:
    """Stops of abbreviations, initials, numbers and addresses end nothing; quotes and brackets stay with their stop."""
    assert cut(" ".join(sentences)) == sentences


@pytest.mark.parametrize(
    "sentences",
    [
        [
            "他说：“你好。”",
            "然后走了……",
            "真的！",
            "《怎么办？》是书；",
            "数量为3.5万。",
            "“为什么？”的问题，无人回答。",
        ],
        ["これは本です。", "「そうですか？」と言った。", "（注。）です。"],
        ["用Node.js和v1.2.3版本。", "Is it true?", "是的!"],
    ],
)
def test_chinese_and_japanese(sentences: list[str]) -> None:
    """Wide stops end sentences without a space; closing marks stay with them."""
    assert [sentence.strip() for sentence in cut("".join(sentences).replace("?是", "? 是"))] == sentences


@pytest.mark.parametrize(
    "sentences",
    [
        ["Fact one [1].", "Fact two.[1]", "Fact three. [1]", "Fact four. [1][2]", "Five [1, 2].", "Six.[^1]", "Seven."],
        ["说法一[1]。", "说法二。[1]", "说法三。【2】", "说法四。［１］", "说法五。"],
        ["It has more (own trucks, etc.). [1]", "Next one."],
        ["He said “so.” [1]", "Lower case follows. [3]", "pip installs it. [1-3]", "Done."],
    ],
)
def test_markers_belong_to_the_sentence_before(sentences: list[str]) -> None:
    """A citation marker stays with its sentence, before or after the stop, with or without a space."""
    joined = "" if "说" in sentences[0] else " "
    assert cut(joined.join(sentences)) == sentences


def test_lines_are_borders() -> None:
    """List items and headings are sentences of their own, and a list number is not one."""
    text = "Steps\n\n1. Install it. Then run.\n2. Ask\r\n- a\n  iv. four"
    assert cut(text) == ["Steps", "1. Install it.", "Then run.", "2. Ask", "- a", "iv. four"]


def test_text_without_stops_is_cut_at_white_space() -> None:
    """A table or a log of any length comes in pieces that can be handled."""
    text = "word " * 2_000
    assert all(len(sentence) <= MAX_SENTENCE for sentence in cut(text))
    assert "".join(cut(text)).replace(" ", "") == text.replace(" ", "")


ODD = st.text(alphabet=st.sampled_from("ab A1.!?…。！？；[]【】 \n\r\"”」）),’'的U.S e.g^-"), max_size=120)


@settings(deadline=None)
@given(ODD | st.text(max_size=200))
def test_nothing_is_lost_and_offsets_are_exact(text: str) -> None:
    """Sentences are in order, apart, trimmed, and only white space lies between them."""
    position, kept = 0, []
    for start, end in split_sentences(text):
        assert position <= start < end
        assert text[start:end] == text[start:end].strip()
        assert not text[position:start].strip()
        kept.append(text[start:end])
        position = end
    assert not text[position:].strip()


@settings(deadline=None)
@given(ODD, st.integers(1, 7))
def test_a_growing_text_is_cut_like_the_whole(text: str, step: int) -> None:
    """A border told early is the border of the finished text, whatever came piece by piece."""
    whole, start, position = [], 0, 0
    while (border := find_border(text, start, position).border) is not None and border < len(text):
        whole.append(border)
        start = position = border
    early, start, position = [], 0, 0
    for length in range(1, len(text), step):
        while True:
            border, position = find_border(text[:length], start, position, complete=False)
            if border is None:
                break
            early.append(border)
            start = position = border
    assert early == whole[: len(early)]
