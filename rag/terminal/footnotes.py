"""Footnotes under an answer: number, verdict, the quoted words, where they stand."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from rag.terminal.text import harmless
from rag.vocabulary import Citation, Document, Verdict

MARKS: dict[Verdict, str] = {"verbatim": "✓", "supported": "≈", "unsupported": "✗"}
_LONGEST_QUOTE = 300


@dataclass(frozen=True, slots=True)
class Footnote:
    """One footnote, as text.

    Attributes:
        claim: what the answer says, where the document does not say so; else None.
        quote: the words of the document; None when it has none that come near.
        link: None when there is nowhere to point at.
    """

    label: str
    verdict: Verdict
    claim: str | None
    quote: str | None
    place: str
    link: str | None


def footnotes(answer: str, citations: Sequence[Citation], documents: Sequence[Document]) -> list[Footnote]:
    """The footnotes of an answer in its order, each document's quote once; of what it does not say, each claim."""
    by_id = {document.id: document for document in documents}
    found: dict[tuple[str, str | None, str | None], Footnote] = {}
    for citation in citations:
        note = _footnote(answer, citation, by_id.get(citation.document_id or ""))
        found.setdefault((note.label, note.claim, note.quote), note)
    return list(found.values())


def _footnote(answer: str, citation: Citation, document: Document | None) -> Footnote:
    claim = _shortened(answer[citation.claim_start : citation.claim_end])
    return Footnote(
        label=f"[{citation.n}]" if citation.n else "[–]",
        verdict=citation.verdict,
        claim=claim if citation.verdict == "unsupported" or citation.quote is None else None,
        quote=_shortened(citation.quote) if citation.quote is not None else None,
        place=place(document) if document else "no such document" if citation.n else "no source named",
        link=citation.link,
    )


def place(document: Document) -> str:
    """Title and headings of a document: `Guide › Settings`."""
    return harmless(
        " › ".join(part for part in dict.fromkeys((document.title or document.url, *document.section)) if part)
    )


def plain_lines(notes: Sequence[Footnote]) -> Iterator[str]:
    """One footnote a line, its fields separated by tabs: label, verdict, quote (else the claim), place, link."""
    for note in notes:
        quote = note.quote if note.quote is not None else note.claim
        yield "\t".join((note.label, note.verdict, quote or "", note.place, note.link or ""))


def _shortened(text: str) -> str:
    text = " ".join(harmless(text).split())
    return text if len(text) <= _LONGEST_QUOTE else text[:_LONGEST_QUOTE].rstrip() + "…"
