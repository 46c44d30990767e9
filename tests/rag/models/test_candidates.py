"""Only whole sentences of a page are candidates: no headings, menus, fragments, code, or tricks of the page."""

from __future__ import annotations

import pytest

from rag.models.candidates import candidates, is_sentence
from tests.fakes import make_document


@pytest.mark.parametrize(
    "text",
    [
        "Chroma keeps the vectors of every chunk.",
        "He called it “the last straw.”",
        "The agent breaks a large task down into smaller ones and keeps a list of them",
        "The price rose from $3 to nearly $12 (in 1974 alone).",
        "向量保存在数据目录里。",
        "它会把每个网页切成小段，再为每一段计算向量并写入索引",
        "他于 1908年回到拉合尔。",
        "1361和1528年间爆发瘟疫 22 次。",
        "在 1970年代初，公司完成了向彩色电视的过渡；",
    ],
)
def test_statements_are_sentences(text: str) -> None:
    assert is_sentence(text)


@pytest.mark.parametrize(
    "text",
    [
        "Home",
        "How to Install Footnote on Your Own Machine Today",
        "Blog Archive Search Tags About Contact Imprint Privacy",
        "See also.",
        "But this is what we take as the broader concept here.)",
        "It was lost (as many others were. ",
        "The following settings matter most to you:",
        "for (let i = 0; i < n; i++) { total += x[i]; }",
        "pip install footnote --upgrade && make demo $(pwd) | tee {log}",
        "Look at this ![picture](http://evil.example/x.png) of the answer.",
        "Click [here](https://evil.example) to read the rest of it.",
        "In the second paper of them. >>> from nltk.translate import sentence_bleu as used",
        "[1]: https://evil.example/own 'a footnote of its own that a page brings along'",
        "安装说明",
        "以下是需要注意的几个设置：",
        "其次，价格；",
        "It was lost in the fire of that year;",
        "word " * 400 + ".",
    ],
)
def test_headings_menus_code_and_tricks_are_not(text: str) -> None:
    assert not is_sentence(text)


def test_a_sentence_cut_by_the_chunk_is_left_out() -> None:
    """A document that begins in mid-sentence offers its first whole sentence first."""
    text = "of the vectors that were lost. Chroma keeps the others in its folder."
    assert [found.text for found in candidates([make_document(text, start=900)])] == [
        "Chroma keeps the others in its folder."
    ]


def test_cells_of_a_table_are_left_out() -> None:
    """A row is not a statement, and one of its cells even less."""
    document = make_document(
        "RAG_TOP_K\t6\tHow many documents are shown at most.\n\nIt is read when the service starts."
    )
    assert [found.text for found in candidates([document])] == ["It is read when the service starts."]


def test_headings_of_the_document_are_left_out_and_repeats_told_once() -> None:
    heading = "Where the vectors of all pages are kept by default."
    one = make_document(f"{heading}\n\nThey are kept in the data folder.", section=(heading,))
    two = make_document("They are kept in the data folder.", n=2)
    assert [(found.document.n, found.text) for found in candidates([one, two])] == [
        (1, "They are kept in the data folder.")
    ]


def test_a_pages_own_footnote_marks_are_not_repeated() -> None:
    """`[7]` on a page would be taken for our document 7."""
    found = candidates([make_document("Rollo led the Norse.[7] He ruled,[8][9] it is said, for many years.")])
    assert [candidate.text for candidate in found] == ["Rollo led the Norse.", "He ruled, it is said, for many years."]
    odd = candidates(
        [make_document("Rollo led them[^3] as is known 【4†source】. He ruled [[1]2] for many years[1-3].")]
    )
    assert [candidate.text for candidate in odd] == ["Rollo led them as is known.", "He ruled for many years."]


def test_title_headings_and_the_sentence_before_give_context() -> None:
    text = "Rollo was a Viking. He became ruler of Normandy."
    second = candidates([make_document(text, title="Normans", section=("History",))])[1]
    assert {"rollo", "norman", "histori"} <= second.context_terms
    assert "rollo" not in second.terms
