"""Markdown is read as its rendering shows it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.reading.markdown import MarkdownReader, inline_text
from rag.vocabulary import Block


def read(text: str) -> list[Block]:
    return MarkdownReader().read(text)


def test_each_construct_becomes_its_block() -> None:
    """Headings, paragraphs, lists, code, tables and quotes, in order and with their levels."""
    text = (
        "# Title {#top}\n\nTwo\nlines.\n\n- one\n  - two\n    more\n1. three\n\n```py\nx = 1\n\ny\n```\n\n"
        "| A | B |\n|---|:-:|\n| 1 | 2 |\n\n> said\n> so\n\nUnder\n-----\n\n    indented\n\n---\n<!-- no -->\n"
    )
    assert [(block.kind, block.text, block.level) for block in read(text)] == [
        ("heading", "Title", 1),
        ("paragraph", "Two lines.", 0),
        ("list_item", "one", 1),
        ("list_item", "two more", 2),
        ("list_item", "three", 1),
        ("code", "x = 1\n\ny", 0),
        ("table", "A\tB\n1\t2", 0),
        ("quote", "said so", 0),
        ("heading", "Under", 2),
        ("code", "indented", 0),
    ]


def test_anchors_are_given_or_made_as_renderers_make_them() -> None:
    """An explicit id, an anchor element, or the slug of the heading, numbered when it comes again."""
    anchors = [block.anchor for block in read("# A b!\n# A b!\n# C {#given}\n<a id=here></a>text")]
    assert anchors == ["a-b", "a-b-1", "given", "here"]


@pytest.mark.parametrize(
    ("raw", "text"),
    [
        ("**bold** and *em* and _em_ and ~~gone~~", "bold and em and em and gone"),
        ("[link](http://a.example/b_(c)) [ref][1] <https://c.example>", "link ref https://c.example"),
        ("`a*b*` and ``x ` y``", "a*b* and x ` y"),
        ("snake_case_name and 2*3*4", "snake_case_name and 2*3*4"),
        (r"\*not em\* &amp; a<br>b ![picture](a.png)", "*not em* & ab"),
    ],
)
def test_inline_marks_are_read_away(raw: str, text: str) -> None:
    """Only what a rendering shows is left."""
    assert inline_text(raw) == text


@given(st.text(alphabet="ab *_`[]()<>!#-|~\\\n\t&;1.", max_size=400))
def test_any_text_is_read(text: str) -> None:
    """No text breaks the reader, and no block is empty."""
    assert all(block.text.strip() for block in read(text))
