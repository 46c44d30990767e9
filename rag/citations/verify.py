"""Ties each claim to the exact words of the documents it cites, and says how far those words carry it.

No model is asked. A claim is `verbatim` when its words stand in the document in a row, `supported` when a sentence of
the document, or up to three in a row, has its content and agrees in every number, unit, date, name and negation,
and else `unsupported`. `docs/citations.md` says what each verdict promises.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Generator, Sequence
from typing import TypeVar

from rag.citations.agreement import (
    begins_with_pronoun,
    is_acronym,
    is_name,
    missing_names,
    opposites,
    quantities_disagree,
    status_disagrees,
)
from rag.citations.bounds import bounds_disagree
from rag.citations.contrast import restriction_disagrees, sides_exchanged
from rag.citations.factual import states_a_fact
from rag.citations.lead_in import without_lead_in
from rag.citations.markers import Marker, read_markers, without_markers
from rag.citations.placement import misplaced
from rag.citations.polarity import polarity_disagrees
from rag.citations.quote import SPEAKS_OF_IT, Finding, alone, candidates, verbatim
from rag.citations.source_text import Passage, SourceText
from rag.citations.statement import Item, Statement
from rag.citations.words import read_words
from rag.vocabulary import Citation, Claim, Document

LinkMaker = Callable[[Document, int, int], str]

_T = TypeVar("_T")
Steps = Generator[None, None, _T]
"""Work that can be laid down between two steps, each of about a millisecond at most."""

COVERED = 0.62
"""The share of a claim's content that its quote must have. Chosen with bench/citations.py."""

MOST_ADDED = 2
"""The content words in a row that a claim may have beyond its quote: other wording, not another statement."""

_MARKDOWN = re.compile(r"\*\*|__|`|^\s*(?:#{1,6}\s+|[-*•+]\s+|\d{1,3}[.)]\s+|>\s*)", re.MULTILINE)
_LINK = re.compile(r"\[([^\]\n]*)\]\([^)\s]*\)")
_BETWEEN_MARKERS = re.compile(r"[\s,，、;；.。]*\Z")


def verify_claim(claim: Claim, documents: Sequence[Document], *, link: LinkMaker | None = None) -> list[Citation]:
    """Checks one claim; see `Verifier.verify`.

    For the claims of a whole answer keep a `Verifier`: it reads each document once.
    """
    return Verifier(documents, link=link).verify(claim)


class Verifier:
    """Checks the claims of one answer against the documents it was given.

    Args:
        documents: in any order; their `n` is what markers name.
        link: makes the link of a quote from its document and the quote's place there; else the document's own is used.
    """

    def __init__(self, documents: Sequence[Document], *, link: LinkMaker | None = None) -> None:
        self._documents = {document.n: document for document in documents}
        self._link = link
        self._sources: dict[int, SourceText] = {}
        self._begun: dict[int, SourceText] = {}
        self._names: frozenset[str] = frozenset()
        self._ordinary: frozenset[str] = frozenset()

    def verify(self, claim: Claim) -> list[Citation]:
        """One citation for each number the claim names, in that order; offsets of quotes count in the document's text.

        A number that names no document is `unsupported`. A claim that names none gives one `unsupported` citation with
        `n` = 0 when it states a fact, and nothing when it does not.
        """
        return _result(self.checking(claim))

    def checking(self, claim: Claim) -> Steps[list[Citation]]:
        """The same in steps; only one claim can be on its way at a time."""
        if not claim.cites:
            text = cleaned(claim.text)
            if states_a_fact(without_markers(claim.text), Statement(read_words(text))):
                return [Citation(0, claim.start, claim.end, "unsupported")]
            return []
        findings = yield from self._find(claim)
        citations = []
        for n in claim.cites:
            citations.append(self._citation(claim, n, findings.get(n)))
            yield
        return citations

    def findings(self, claim: Claim) -> dict[int, Finding]:
        """What checking came to, by number, for those that name a document."""
        return _result(self._find(claim))

    def _find(self, claim: Claim) -> Steps[dict[int, Finding]]:
        cited = [n for n in claim.cites if n in self._documents]
        whole = Statement(read_words(cleaned(claim.text)))
        found = yield from self._check_parts(claim)
        for n in cited:
            if n not in found or found[n].verdict == "unsupported":
                found[n] = yield from self._check(whole, n)
        if len(cited) > 1:
            yield from self._check_together(whole, found)
        return found

    def _check_parts(self, claim: Claim) -> Steps[dict[int, Finding]]:
        """`A [1], and B [2].`: a marker speaks for what stands before it, where that says enough to be checked."""
        found: dict[int, Finding] = {}
        groups = marker_groups(claim.text)
        if len(groups) < 2:
            return found
        for start, end, numbers in groups:
            part = Statement(read_words(cleaned(claim.text[start:end])))
            for n in numbers if len(part.content) > 1 else ():
                if n in self._documents and n not in found:
                    found[n] = yield from self._check(part, n)
        return found

    def _check_together(self, whole: Statement, found: dict[int, Finding]) -> Steps[None]:
        """`A and B [1][2].`: two documents carry together what neither carries alone, and nothing speaks against it."""
        alone = [n for n, finding in found.items() if finding.verdict == "unsupported" and finding.end > finding.start]
        if len(alone) < 2 or len(alone) < len(found):
            return
        quotes = [self._quoted(n, found[n]) for n in alone]
        together = Statement([word for quote in quotes for word in quote.words])
        if max(whole.coverage(quote) for quote in quotes) >= whole.coverage(together):
            return
        yield
        if _content_fault(whole, together) or _facts_fault(whole, together):
            return
        for quote in quotes:
            yield
            if self._misplaced(whole, quote):
                return
        if not missing_names(whole, together, *self._capitals()):
            found.update({n: found[n]._replace(verdict="supported", fault="") for n in alone})

    def _quoted(self, n: int, finding: Finding) -> Statement:
        return Statement(read_words(self._documents[n].text[finding.start : finding.end]))

    def _citation(self, claim: Claim, n: int, finding: Finding | None) -> Citation:
        document = self._documents.get(n)
        if document is None or finding is None:
            return Citation(n, claim.start, claim.end, "unsupported")
        if finding.start == finding.end:
            return Citation(n, claim.start, claim.end, "unsupported", document.id, link=document.link)
        link = self._link(document, finding.start, finding.end) if self._link else document.link
        quote = document.text[finding.start : finding.end]
        return Citation(
            n, claim.start, claim.end, finding.verdict, document.id, quote, finding.start, finding.end, link
        )  # fmt: skip

    def _source(self, n: int) -> Steps[SourceText]:
        if n not in self._sources:
            source = self._begun.setdefault(n, SourceText(self._documents[n].text))
            yield from source.reading
            self._sources[n] = source
            self._ordinary |= source.ordinary
            self._names = (self._names | source.names) - self._ordinary
        return self._sources[n]

    def _capitals(self) -> tuple[frozenset[str], frozenset[str]]:
        """Words known as names, and words known as ordinary, from the documents read so far."""
        return self._names, self._ordinary

    def _check(self, claim: Statement, n: int) -> Steps[Finding]:
        source = yield from self._source(n)
        yield
        if not claim.content:
            return Finding("unsupported", 0, 0, "says nothing")
        if found := verbatim(claim, source):
            return found
        yield from source.indexing
        return (yield from self._supported(claim, n, source))

    def _supported(self, claim: Statement, n: int, source: SourceText) -> Steps[Finding]:
        best: Finding | None = None
        for passage in candidates(claim, source):
            fault = self._fault(claim, n, passage, source)
            if fault is None:
                return Finding("supported", passage.start, passage.end)
            best = best or Finding("unsupported", passage.start, passage.end, fault)
            yield
        return best or Finding("unsupported", 0, 0, "nothing of it is there")

    def _fault(self, claim: Statement, n: int, passage: Passage, source: SourceText) -> str | None:
        """Why a passage does not carry the claim; None when it does."""
        quote = passage.statement
        fault = _content_fault(claim, quote) or _facts_fault(claim, quote)
        if fault:
            return fault
        for statement in alone(claim, passage, source):
            if fault := self._misplaced(claim, statement):
                return fault
        names, ordinary = self._capitals()
        for place in range(passage.first, passage.last if passage.last - passage.first > 1 else passage.first):
            if fault := self._renamed(claim, n, place, source):
                return fault
        missing = missing_names(claim, quote, names, ordinary)
        if missing and not self._named_around(missing, claim, n, passage, source):
            return f"name {missing[0].text}"
        return None

    def _misplaced(self, claim: Statement, quote: Statement) -> str | None:
        names, ordinary = self._capitals()
        return sides_exchanged(claim, quote) or misplaced(
            claim, quote, lambda item: is_name(item, names, ordinary) and not is_acronym(item.text, quote)
        )

    def _named_around(
        self, missing: list[Item], claim: Statement, n: int, passage: Passage, source: SourceText
    ) -> bool:
        """Whether the quote speaks of `she` or `it`, and the title or the sentences before name who that is."""
        return _may_be_renamed(missing, claim, passage.statement) and self._is_named(missing, n, passage.first, source)

    def _renamed(self, claim: Statement, n: int, place: int, source: SourceText) -> str | None:
        """A name at the claim's beginning for a pronoun at the beginning of a sentence that no name comes before."""
        sentence = source.passage(place, place + 1).statement
        opening = _opening_names(claim)
        absent = [item for item in opening if item.text not in sentence.texts]
        if not absent or not begins_with_pronoun(sentence, within=1) or claim.coverage(sentence) < SPEAKS_OF_IT:
            return None
        return None if self._is_named(absent, n, place, source) else f"name {absent[0].text}"

    def _is_named(self, names: list[Item], n: int, sentence: int, source: SourceText) -> bool:
        """Whether names stand in the document's title, its headings or the two sentences before one."""
        document = self._documents[n]
        around = {word.text for word in read_words(" ".join((document.title, *document.section)))}
        if sentence:
            around |= source.passage(max(0, sentence - 2), sentence).statement.texts
        return all(item.text in around for item in names)


def _result(steps: Steps[_T]) -> _T:
    """Takes all steps at once."""
    while True:
        try:
            next(steps)
        except StopIteration as end:
            result: _T = end.value
            return result


def _opening_names(claim: Statement) -> list[Item]:
    """The name that a claim begins with."""
    names: list[Item] = []
    for item in claim.items:
        if item.stop and not names:
            continue
        if not (item.capital or item.perhaps_name):
            break
        names.append(item)
    return names


def _may_be_renamed(missing: list[Item], claim: Statement, quote: Statement) -> bool:
    """Whether the missing names stand where the quote has a pronoun: both begin so, or the quote has no other name."""
    if not begins_with_pronoun(quote):
        return False
    others = {item.key for item in quote.items if item.capital} - claim.key_set
    opening = [item for item in claim.items if not item.stop][: len(missing)]
    return not others or (opening == missing and begins_with_pronoun(quote, within=1))


def cleaned(text: str) -> str:
    """A claim as plain words: without markers, Markdown signs, list numbers, addresses of links, and what leads in."""
    return without_lead_in(_MARKDOWN.sub(" ", _LINK.sub(r"\1", without_markers(text))))


def marker_groups(text: str) -> list[tuple[int, int, tuple[int, ...]]]:
    """The parts of a claim that end in markers: where each begins and ends, and the numbers of its markers."""
    groups: list[tuple[int, int, tuple[int, ...]]] = []
    previous: Marker | None = None
    start = 0
    for marker in read_markers(text):
        if previous is not None and _BETWEEN_MARKERS.match(text[previous.end : marker.start]):
            groups[-1] = (groups[-1][0], marker.end, groups[-1][2] + marker.numbers)
        else:
            start = previous.end if previous is not None else 0
            groups.append((start, marker.end, marker.numbers))
        previous = marker
    return groups


def _content_fault(claim: Statement, quote: Statement) -> str | None:
    covered = claim.coverage(quote)
    if covered < COVERED:
        return f"content {covered:.2f}"
    added = claim.longest_addition(quote)
    return f"adds {added} words" if added > MOST_ADDED else None


def _facts_fault(claim: Statement, quote: Statement) -> str | None:
    return (
        quantities_disagree(claim, quote)
        or bounds_disagree(claim, quote)
        or polarity_disagrees(claim, quote)
        or opposites(claim, quote)
        or status_disagrees(claim, quote)
        or restriction_disagrees(claim, quote)
    )
