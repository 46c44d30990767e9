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
    """One footnote, as text; `link` is None when there is nowhere to point at."""

    label: str
    verdict: Verdict
    quote: str
    place: str
    link: str | None


def footnotes(answer: str, citations: Sequence[Citation], documents: Sequence[Document]) -> list[Footnote]:
    """The footnotes of an answer in its order, each document's quote once."""
    by_id = {document.id: document for document in documents}
    found: dict[tuple[str, str], Footnote] = {}
    for citation in citations:
        note = _footnote(answer, citation, by_id.get(citation.document_id or ""))
        found.setdefault((note.label, note.quote), note)
    return list(found.values())


def _footnote(answer: str, citation: Citation, document: Document | None) -> Footnote:
    claim = answer[citation.claim_start : citation.claim_end]
    return Footnote(
        label=f"[{citation.n}]" if citation.n else "[–]",
        verdict=citation.verdict,
        quote=_shortened(citation.quote if citation.quote is not None else claim),
        place=place(document) if document else "no such document" if citation.n else "no source named",
        link=citation.link,
    )


def place(document: Document) -> str:
    """Title and headings of a document: `Guide › Settings`."""
    return harmless(
        " › ".join(part for part in dict.fromkeys((document.title or document.url, *document.section)) if part)
    )


def plain_lines(notes: Sequence[Footnote]) -> Iterator[str]:
    """One footnote a line, its fields separated by tabs: label, verdict, quote, place, link."""
    for note in notes:
        yield "\t".join((note.label, note.verdict, note.quote, note.place, note.link or ""))


def _shortened(text: str) -> str:
    text = " ".join(harmless(text).split())
    return text if len(text) <= _LONGEST_QUOTE else text[:_LONGEST_QUOTE].rstrip() + "…"
