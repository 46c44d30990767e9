"""Chunks are slices of one section, fit the embedder, and keep their names."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingest.chunk import chunk_page
from rag.vocabulary import Block, Chunk, Page
from tests.ingest.reading_pages import FETCHED_AT, URL

WORDS = "the window of thirty days after delivery begins when a parcel arrives at its door".split()


def count_tokens(text: str) -> int:
    return len(text.split()) + sum("\u4e00" <= character <= "\u9fff" for character in text)


def page(*blocks: Block, title: str = "Refunds") -> Page:
    return Page(url=URL, title=title, blocks=blocks, fetched_at=FETCHED_AT, language="en")


def chunks(made: Page, *, most: int = 60, target: int = 60, overlap: float = 0.2) -> list[Chunk]:
    return chunk_page(made, count_tokens=count_tokens, max_tokens=most, target_tokens=target, overlap=overlap)


def sentences(count: int, first: int = 0) -> str:
    return " ".join(f"Sentence {number} says that {' '.join(WORDS[:8])}." for number in range(first, first + count))


texts = st.one_of(
    st.lists(st.sampled_from([*WORDS, "Done.", "Why?", "e.g.", "3.5"]), min_size=1, max_size=120).map(" ".join),
    st.text(alphabet="退款期限为收货后三十天，。！？ab ", min_size=1, max_size=200),
    st.text(min_size=1, max_size=80),
    st.just("x" * 700),
)
blocks = st.builds(
    Block,
    kind=st.sampled_from(["heading", "paragraph", "list_item", "quote", "table", "code", "definition"]),
    text=texts.filter(lambda text: bool(text.strip())),
    level=st.integers(1, 6),
    anchor=st.one_of(st.none(), st.sampled_from(["a", "b"])),
)


@settings(max_examples=150, deadline=None)
@given(st.lists(blocks, max_size=12), st.integers(24, 200), st.sampled_from([0.0, 0.1, 0.2]))
def test_chunks_of_any_page(made: list[Block], most: int, overlap: float) -> None:
    """Slices of the page, in order, never above the limit, with distinct stable ids; every word is in some chunk."""
    whole = page(*made)
    found = chunk_page(whole, count_tokens=count_tokens, max_tokens=most, target_tokens=most, overlap=overlap)
    covered = set()
    for place, chunk in enumerate(found):
        assert chunk.text == whole.text[chunk.start : chunk.end]
        assert chunk.text.strip()
        assert chunk.ordinal == place
        assert count_tokens(chunk.embedded_text) <= most
        covered.update(range(chunk.start, chunk.end))
    assert len({chunk.id for chunk in found}) == len(found)
    assert [chunk.start for chunk in found] == sorted(chunk.start for chunk in found)
    offset = 0
    for block in made:
        if block.kind != "heading":
            missing = [c for i, c in enumerate(block.text) if offset + i not in covered and not c.isspace()]
            assert not missing
        offset += len(block.text) + 2
    assert found == chunk_page(whole, count_tokens=count_tokens, max_tokens=most, target_tokens=most, overlap=overlap)


def test_a_chunk_stays_inside_its_section_and_names_it() -> None:
    """Sections are not mixed; the path holds the headings above, the anchor opens the section."""
    made = page(
        Block("heading", "Refunds", 1, "refunds"),
        Block("heading", "Window", 2, "window"),
        Block("paragraph", sentences(4), 0, "window"),
        Block("heading", "Receipt", 2, "receipt"),
        Block("paragraph", sentences(4, 10), 0, "receipt"),
    )
    found = chunks(made)
    assert {(chunk.section, chunk.anchor) for chunk in found} == {
        (("Refunds", "Window"), "window"),
        (("Refunds", "Receipt"), "receipt"),
    }
    assert not any("Sentence 1 " in chunk.text and "Sentence 10 " in chunk.text for chunk in found)


def test_tiny_sections_are_read_together() -> None:
    """A question and answer of one line each are not alone: neighbours under one parent share a chunk."""
    made = page(
        Block("heading", "Questions", 1, "faq"),
        Block("heading", "How long?", 2, "long"),
        Block("paragraph", "Thirty days.", 0, "long"),
        Block("heading", "How much?", 2, "much"),
        Block("paragraph", "All of it.", 0, "much"),
    )
    found = chunks(made)
    assert len(found) == 1
    assert "How much?" in found[0].text
    assert found[0].section == ("Questions",)


def test_a_long_section_is_cut_at_sentences_with_a_little_overlap() -> None:
    """Every chunk begins and ends with a sentence; the end of one may open the next, at most a fifth of it."""
    found = chunks(page(Block("paragraph", sentences(50))), most=120, target=120)
    assert len(found) > 3
    for chunk, following in pairwise(found):
        assert chunk.text.startswith("Sentence")
        assert chunk.text.endswith(".")
        shared = max(0, chunk.end - following.start)
        assert shared <= 0.25 * len(following.text)
    assert any(following.start < chunk.end for chunk, following in pairwise(found))


def test_chinese_is_cut_after_its_full_stops() -> None:
    """No chunk begins with punctuation."""
    text = "".join(f"第{number}条规定退款期限为收货后三十天，逾期不再受理。" for number in range(30))
    found = chunks(page(Block("paragraph", text)), most=80, target=80)
    assert len(found) > 5
    assert all(chunk.text.startswith("第") and chunk.text.endswith("。") for chunk in found)


def test_code_and_tables_are_cut_between_lines() -> None:
    """A line of code or a row is never broken; later rows are told their columns in the section path."""
    rows = "\n".join(["Setting\tDefault", *(f"RAG_SETTING_{number}\tvalue {number}" for number in range(60))])
    code = "\n".join(f"call_{number}(first, second)" for number in range(80))
    found = chunks(page(Block("table", rows), Block("code", code)))
    lines = {*rows.split("\n"), *code.split("\n"), ""}
    assert all(set(chunk.text.split("\n")) <= lines for chunk in found)
    later = [chunk for chunk in found if chunk.text.startswith("RAG_SETTING_")]
    assert later
    assert all(chunk.section[-1] == "Setting | Default" for chunk in later)


def test_ids_follow_url_section_and_text_only() -> None:
    """A change elsewhere on the page keeps a chunk's id; equal passages get distinct ones."""
    first = [Block("heading", "A", 2), Block("paragraph", sentences(5)), Block("heading", "B", 2)]
    second = Block("paragraph", sentences(5, 20))
    before = chunks(page(*first, second))
    after = chunks(page(*first, second, Block("heading", "C", 2), Block("paragraph", sentences(5, 40))))
    assert {chunk.id for chunk in before} < {chunk.id for chunk in after}
    twice = chunks(page(Block("paragraph", sentences(3)), Block("heading", "A", 2), *[second] * 2), overlap=0)
    assert len({chunk.id for chunk in twice}) == len(twice)
    moved = chunk_page(
        replace(page(*first, second), url="https://other.example/"), count_tokens=count_tokens, max_tokens=60
    )
    assert not {chunk.id for chunk in moved} & {chunk.id for chunk in before}


@pytest.mark.parametrize("title", ["word " * 300, "x" * 3000])
def test_headings_leave_room_for_the_text(title: str) -> None:
    """A title or heading longer than the embedder reads does not crowd the text out."""
    made = page(Block("heading", title.strip(), 1), Block("paragraph", sentences(10)), title="Short")
    found = chunks(made, most=100, target=100)
    assert all(count_tokens(chunk.embedded_text) <= 100 for chunk in found)
    assert all(f"Sentence {number} " in " ".join(chunk.text for chunk in found) for number in range(10))


def test_headings_alone_are_still_found() -> None:
    """A heading with nothing under it is a chunk, so that the page is not empty."""
    assert [chunk.text for chunk in chunks(page(Block("heading", "Coming soon", 1)))] == ["Coming soon"]
