"""Offsets count code points: whatever stands before a quote or in it, the quote is the text of the document there."""

from __future__ import annotations

import pytest

from rag.citations.claims import ClaimReader
from rag.citations.verify import Verifier
from rag.vocabulary import Citation
from tests.fakes import make_document

ENGLISH = (
    "🎉🎉 Welcome 👩‍👩‍👧! 𝔗itle.\n\nThe harbour 🚢 of 𠮷野 was built in 1847 by Maria Holm. 😀 It rained 𠀀 often."
)
CHINESE = "𠀀𠀁欢迎😀！\n\n𠮷野家的港口🚢建于1847年，由𠂇先生设计。雨天😀很多。"


def _cited(answer: str, text: str, places: tuple[int, ...] = ()) -> list[Citation]:
    """The citations of an answer that arrives in pieces which end at `places`."""
    reader = ClaimReader()
    ends = (*places, len(answer))
    pieces = [answer[start:end] for start, end in zip((0, *ends), ends, strict=False)]
    claims = [claim for piece in pieces for claim in reader.feed(piece)] + reader.finish()
    verifier = Verifier([make_document(text, 1)])
    return [citation for claim in claims for citation in verifier.verify(claim)]


@pytest.mark.parametrize(
    ("text", "said", "quote", "verdict"),
    [
        (ENGLISH, "The harbour of 𠮷野 was built in 1847 by Maria Holm [1].", "The harbour 🚢", "verbatim"),
        (ENGLISH, "Maria Holm built the harbour of 𠮷野 in 1847 [1].", "The harbour 🚢", "supported"),
        (ENGLISH, "The harbour of 𠮷野 was built in 1852 by Maria Holm [1].", "The harbour 🚢", "unsupported"),
        (CHINESE, "𠮷野家的港口建于1847年，由𠂇先生设计 [1]。", "𠮷野家的港口🚢", "verbatim"),
        (CHINESE, "𠮷野家的港口建于1852年，由𠂇先生设计 [1]。", "𠮷野家的港口🚢", "unsupported"),
    ],
)
def test_characters_beyond_the_basic_plane(text: str, said: str, quote: str, verdict: str) -> None:
    """Emoji and rare Chinese characters count one each, in the page, the quote and the answer before it."""
    before = "😀𠀀! "
    answer = f"{before}{said} 😀"
    cited = [citation for citation in _cited(answer, text, (1, 2, len(before) + 9)) if citation.n == 1]
    assert [citation.verdict for citation in cited] == [verdict]
    found = cited[0]
    assert found.quote is not None
    assert found.quote.startswith(quote)
    assert text[found.quote_start : found.quote_end] == found.quote
    assert answer[found.claim_start : found.claim_end].startswith(said[:-2])
