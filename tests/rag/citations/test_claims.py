"""Claims: read from a stream, whatever its tokens, without holding any back."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from rag.citations.claims import ClaimQueue, ClaimReader
from rag.vocabulary import Claim


def read(answer: str, *cuts: int) -> list[Claim]:
    reader, claims, position = ClaimReader(), [], 0
    for cut in [*sorted(cuts), len(answer)]:
        claims += reader.feed(answer[position:cut])
        position = cut
    return claims + reader.finish()


def test_each_sentence_is_a_claim_with_its_markers() -> None:
    """Offsets count in the answer, and the text is the slice they name."""
    answer = "Dr. A built it in 1990 [1]. B is C.[2] D is E. [3][1]\n- F [1, 2]\nPlain."
    claims = read(answer)
    assert [claim.cites for claim in claims] == [(1,), (2,), (3, 1), (1, 2), ()]
    assert all(answer[claim.start : claim.end] == claim.text for claim in claims)


def test_a_claim_is_told_as_soon_as_the_next_begins() -> None:
    """The first token of a new sentence, or a line break, completes a claim; before that its markers may still come."""
    reader = ClaimReader()
    assert reader.feed("It works") == reader.feed(".") == reader.feed(" [") == reader.feed("1") == []
    assert reader.feed("]") == reader.feed(" The") == []
    assert [claim.cites for claim in reader.feed(" next")] == [(1,)]
    assert [claim.text for claim in reader.feed(" one [2]\n")] == ["The next one [2]"]
    assert reader.finish() == []


def test_code_and_references_hold_no_claims() -> None:
    """Fenced code and the entries of a list of references are not sentences of the answer."""
    answer = "Run it [1].\n```python\nx = rows[1]\n```\nSources:\n[1] The handbook\n[2]: https://example.org\n"
    assert [claim.text for claim in read(answer)] == ["Run it [1].", "Sources:"]
    assert [claim.text for claim in read("A fact.\n```\n```\n [1]")] == ["A fact.", "[1]"]


def test_a_marker_on_its_own_line_belongs_to_the_sentence_before() -> None:
    """It is told with that sentence, so that it is not lost."""
    claims = read("It is so.\n[2]\n")
    assert [(claim.text, claim.cites) for claim in claims] == [("It is so.", ()), ("It is so.\n[2]", (2,))]


def test_a_chinese_clause_goes_on_until_its_marker() -> None:
    """A semicolon ends a claim only when it has its marker."""
    assert [claim.cites for claim in read("甲是乙；丙是丁【1】。戊是己[2]；庚是辛[3]。")] == [(1,), (2,), (3,)]


PIECES = st.sampled_from(
    [
        "A fact",
        " [1]",
        "[",
        "1",
        "]",
        ".",
        " ",
        "\n",
        "。",
        "；",
        "说法",
        "【2】",
        "【3:0†",
        "e.g. ",
        "```\n",
        '"',
        "1. ",
    ]
)
ANSWERS = st.lists(PIECES, max_size=40).map("".join)


@settings(deadline=None)
@given(ANSWERS, st.lists(st.integers(0, 120), max_size=30))
def test_tokens_do_not_matter(answer: str, cuts: list[int]) -> None:
    """However an answer is cut into tokens, the same claims come out."""
    assert read(answer, *[min(cut, len(answer)) for cut in cuts]) == read(answer)


@settings(deadline=None)
@given(ANSWERS)
def test_claims_are_slices_in_order(answer: str) -> None:
    """Claims end in the order in which they are told, and every one is a trimmed slice of the answer."""
    claims = read(answer)
    assert [claim.end for claim in claims] == sorted(claim.end for claim in claims)
    assert all(claim.text == answer[claim.start : claim.end] == claim.text.strip() for claim in claims)


@settings(max_examples=50, deadline=None)
@given(st.lists(st.tuples(ANSWERS, st.integers(1, 60)), max_size=3))
def test_a_queue_gives_the_same_claims(parts: list[tuple[str, int]]) -> None:
    """Also of long tokens, which are read only as claims are asked for, a little at a time."""
    tokens = [piece * times for piece, times in parts]
    queue, claims = ClaimQueue(), []
    for token in tokens:
        queue.feed(token)
    queue.finish()
    while queue:
        claims.append(queue.next())
    assert [claim for claim in claims if claim is not None] == read("".join(tokens))


def test_blank_lines_without_end_are_read_in_no_time() -> None:
    """A hundred thousand of them; the sentence before is forgotten meanwhile, a marker that follows stands alone."""
    assert [claim.text for claim in read("It is so.\n" + "\n" * 100_000 + "[2]")] == ["It is so.", "[2]"]
