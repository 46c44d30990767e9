"""From hits to documents."""

from __future__ import annotations

from rag.index.context import documents_from
from rag.vocabulary import Chunk, Document, Hit, Page
from tests.fakes import EPOCH, make_chunk, make_chunks, make_page

SUBJECTS = ("Chroma keeps vectors in a graph", "tantivy counts words", "SQLite is the truth", "uvicorn serves it")


def hit(chunk: Chunk, score: float) -> Hit:
    return Hit(chunk, score, EPOCH)


def page_of(count: int, url: str = "https://example.org/page") -> Page:
    return make_page(
        *(f"Paragraph {n} of {url} tells of {SUBJECTS[n % 4]} and number {n * n}." for n in range(count)), url=url
    )


def documents(hits: list[Hit], *pages: Page, top_k: int = 6, context_tokens: int = 2_000) -> list[Document]:
    texts = {page.url: page.text for page in pages}
    return documents_from(hits, top_k=top_k, context_tokens=context_tokens, page_text=texts.get)


def test_hits_become_numbered_documents_with_links() -> None:
    """Best first, numbered from 1, each linked to the place on its page."""
    chunks = [
        make_chunk(text, f"https://example.org/{n}", anchor=f"a{n}" if n else None) for n, text in enumerate(SUBJECTS)
    ]
    found = documents([hit(chunk, 0.9 - n / 10) for n, chunk in enumerate(chunks)])
    assert [document.n for document in found] == [1, 2, 3, 4]
    assert [document.text for document in found] == list(SUBJECTS)
    assert [document.link for document in found][:2] == ["https://example.org/0", "https://example.org/1#a1"]


def test_neighbours_are_joined_into_a_slice_of_the_page() -> None:
    """Two hits that follow each other are one document: the page's own text, placed by the better one."""
    page = page_of(5)
    chunks = make_chunks(page)
    found = documents([hit(chunks[2], 0.9), hit(chunks[4], 0.8), hit(chunks[1], 0.7)], page)
    assert [(document.id, document.score) for document in found] == [(chunks[1].id, 0.9), (chunks[4].id, 0.8)]
    joined = found[0]
    assert joined.text == page.text[chunks[1].start : chunks[2].end]
    assert joined.start == chunks[1].start


def test_overlapping_neighbours_repeat_nothing() -> None:
    """Chunks that overlap are joined by their offsets."""
    page = make_page("One two three four five six seven eight nine ten eleven twelve.")
    first = make_chunk(page.text[:30], ordinal=0)
    second = make_chunk(page.text[20:], ordinal=1, start=20)
    assert [document.text for document in documents([hit(first, 0.9), hit(second, 0.8)], page)] == [page.text]


def test_a_page_that_changed_is_shown_as_it_was_found() -> None:
    """When the page's text no longer holds the chunks, the best one stands alone."""
    page = page_of(3)
    chunks = make_chunks(page)
    hits = [hit(chunks[1], 0.9), hit(chunks[0], 0.8)]
    assert [document.text for document in documents(hits)] == [chunks[1].text]
    changed = make_page("Other words now.", url=page.url)
    assert [document.text for document in documents(hits, changed)] == [chunks[1].text]


def test_sections_side_by_side_are_not_joined() -> None:
    """A document does not run from one section into its sibling."""
    page = page_of(2)
    one, two = make_chunks(page)
    one = make_chunk(one.text, section=("Install",))
    two = make_chunk(two.text, ordinal=1, start=two.start, section=("Upgrade",))
    assert len(documents([hit(one, 0.9), hit(two, 0.8)], page)) == 2


def test_mirrored_text_is_shown_once() -> None:
    """What a better hit nearly says already is left out, in Chinese too; what says more than it is kept."""
    text = (
        "Footnote answers questions over web pages you choose, and every sentence of it carries a "
        "footnote that the program itself has checked against the exact words of the page before it is shown."
    )
    mirror = make_chunk(text.replace("choose", "chose"), "https://mirror.org/")
    part = make_chunk(text[:80], "https://part.org/")
    other = make_chunk("Something else entirely is written on this page.", "https://other.org/")
    hits = [hit(chunk, 0.9 - n / 10) for n, chunk in enumerate([make_chunk(text), mirror, part, other])]
    assert [document.url for document in documents(hits)] == [hits[0].chunk.url, hits[3].chunk.url]
    assert len(documents([hits[2], hits[0]])) == 2
    chinese = "每个答案的句子都带有脚注，脚注指向网页上的原文。"
    pair = [hit(make_chunk(chinese), 0.9), hit(make_chunk(chinese + "完。", "https://b.org/"), 0.8)]
    assert [document.text for document in documents(pair)] == [chinese]


def test_one_page_does_not_crowd_out_the_others() -> None:
    """A page has at most half of the places while other pages want them, and all when none does."""
    crowd, other = page_of(12), page_of(4, "https://example.org/other")
    crowding = [hit(chunk, 0.9 - n / 100) for n, chunk in enumerate(make_chunks(crowd)[::2])]
    others = [hit(chunk, 0.5 - n / 100) for n, chunk in enumerate(make_chunks(other)[::2])]
    found = documents([*crowding, *others], crowd, other, top_k=4)
    assert [document.url for document in found] == [crowd.url, crowd.url, other.url, other.url]
    assert len(documents(crowding, crowd, top_k=4)) == 4


def test_context_keeps_to_its_budget_of_tokens() -> None:
    """Documents are taken while they fit; a long one is passed over for a short one; the best is always there."""
    sizes = {1: 400, 2: 4_000, 3: 400, 4: 400}
    hits = [
        hit(make_chunk(f"{n} " + f"word{n} " * (size // 6), f"https://e.org/{n}"), 1 / n) for n, size in sizes.items()
    ]
    found = documents(hits, context_tokens=250)
    assert [document.url[-1] for document in found] == ["1", "3"]
    assert len(documents(hits[1:2], context_tokens=100)) == 1


def test_no_hits_no_documents() -> None:
    """An empty index gives an empty list."""
    assert documents([]) == []
