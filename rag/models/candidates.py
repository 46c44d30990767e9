"""The sentences of documents that may be shown as an answer: whole ones, with no headings, menus or code among them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

from rag.models.question import Pair, pairs_of
from rag.text.language import CJK_RANGES, has_cjk
from rag.text.sentences import split_sentences
from rag.text.tokens import is_stop_term, search_terms
from rag.vocabulary import Document

_LONGEST = 1_000
_FEWEST_WORDS, _FEWEST_CJK = 4, 6
_WORDS_WITHOUT_STOP, _CJK_WITHOUT_STOP = 8, 14
_HEADING_CAPITALS = 0.7
_TERMINAL = re.compile(r"[.!?…。！？][\"'”’»)\]】）」』]*$")
_MARKER = re.compile(r"\s*[\[【［]\s*\d+(?:\s*[,，、–-]\s*\d+)*\s*[\]】］]")
_LAST_MARKERS = re.compile(rf"(?:{_MARKER.pattern})+\s*$")
_FOREIGN = re.compile(r"!\[|\]\(|</?[a-z][^>]*>|https?://\S+$")
_CODE = re.compile(r"[{};=<>|\\_#*~^`]|\(\)|[$]\(|\w\(|&&")
_WORD = re.compile(rf"[{CJK_RANGES}]|\w+")
_CUT_START = re.compile(r"[a-z,;:.)\]}%–—，、；：。）】]")


@dataclass(frozen=True)
class Candidate:
    """A sentence of a document.

    Attributes:
        rank: place of its document, from 0; `place`: of the sentence in it.
        before: the sentence in front of it, usable or not, which a pronoun may refer to.
        nth: its place among the usable sentences of the document, from 0.
    """

    document: Document
    rank: int
    place: int
    text: str
    before: str = ""
    nth: int = 0

    @cached_property
    def term_list(self) -> list[str]:
        return search_terms(self.text)

    @cached_property
    def terms(self) -> frozenset[str]:
        return frozenset(self.term_list)

    @cached_property
    def pairs(self) -> set[Pair]:
        return pairs_of(self.term_list)

    @cached_property
    def context_terms(self) -> frozenset[str]:
        """Terms of the sentence, of the one before it, and of title and headings: what a reader knows at this point."""
        headings = " ".join((self.document.title, *self.document.section))
        return self.terms.union(search_terms(self.before), search_terms(headings))


def candidates(documents: Sequence[Document]) -> list[Candidate]:
    """The usable sentences of all documents, in reading order, without repeats."""
    found: dict[str, Candidate] = {}
    for rank, document in enumerate(documents):
        for candidate in _of_document(document, rank):
            found.setdefault(" ".join(candidate.text.split()), candidate)
    return list(found.values())


def _of_document(document: Document, rank: int) -> Iterator[Candidate]:
    headings = {document.title.strip(), *(part.strip() for part in document.section)}
    before, nth = "", 0
    for place, (start, end) in enumerate(split_sentences(document.text)):
        sentence = document.text[start:end]
        text = _LAST_MARKERS.sub("", sentence)
        cut = start == 0 and document.start > 0 and _CUT_START.match(text) is not None
        if not cut and text not in headings and is_sentence(text) and not _in_table(document.text, start, end):
            yield Candidate(document, rank, place, _MARKER.sub("", text), before, nth)
            nth += 1
        before = sentence


def _is_tail(text: str) -> bool:
    """Whether it closes a parenthesis that an earlier sentence opened."""
    return text.endswith((")", "）")) and text.count("(") + text.count("（") < text.count(")") + text.count("）")


def _in_table(text: str, start: int, end: int) -> bool:
    """Whether the line has cells: a sentence in one of them says nothing without the others."""
    after = text.find("\n", end)
    return "\t" in text[text.rfind("\n", 0, start) + 1 : after if after >= 0 else len(text)]


def is_sentence(text: str) -> bool:
    """Whether `text` reads as a whole statement on its own."""
    if len(text) > _LONGEST or _FOREIGN.search(text) or text.endswith((":", "：", ";", "；", ",", "，")):
        return False
    if text.count("(") + text.count("（") > text.count(")") + text.count("）") or _is_tail(text):
        return False
    if len(_CODE.findall(text)) > max(2, len(text) * 0.04):
        return False
    words = _WORD.findall(text)
    chinese = has_cjk(text)
    if _TERMINAL.search(text):
        return len(words) >= (_FEWEST_CJK if chinese else _FEWEST_WORDS)
    # Without a full stop it may be an item of a list, but also a heading, a menu or a cut sentence.
    if chinese:
        return len(words) >= _CJK_WITHOUT_STOP and re.search(r"[，、是的了]", text) is not None
    telling = [word for word in words if not is_stop_term(word.lower())]
    headed = sum(word[0].isupper() for word in telling) >= _HEADING_CAPITALS * len(telling)
    return len(words) >= _WORDS_WITHOUT_STOP and len(words) - len(telling) >= 2 and not headed
