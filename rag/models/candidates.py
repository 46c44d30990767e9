"""The sentences of documents that may be shown as an answer: whole ones, with no headings, menus or code among them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

from rag.models.code_example import example_after
from rag.models.question import Pair, pairs_of
from rag.text.language import CJK_RANGES, has_cjk
from rag.text.sentences import MARKER, split_sentences
from rag.text.tokens import is_stop_term, search_terms
from rag.vocabulary import Document

_LONGEST = 1_000
_FEWEST_WORDS, _FEWEST_CJK, _FEWEST_IN_CLAUSE = 4, 6, 10
_WORDS_WITHOUT_STOP, _CJK_WITHOUT_STOP = 8, 14
_HEADING_CAPITALS = 0.7
_TERMINAL = re.compile(r"[.!?…。！？][\"'”’»)\]】）」』]*$")
_MARKER = re.compile(rf"\s*{MARKER}")
_LAST_MARKERS = re.compile(rf"(?:{_MARKER.pattern})+\s*$")
_NESTED = 3
_FOREIGN = re.compile(r"!\[|\]\(|</?[a-z][^>]*>|https?://\S+$|>>>|^\[[^\]]{1,40}\]\s*[:：]")
_CODE = re.compile(r"[{};=<>|\\_#*~^`]|\(\)|[$]\(|\w\(|&&")
_WORD = re.compile(rf"[{CJK_RANGES}]|[^\W{CJK_RANGES}]+")
_INTRODUCING = re.compile(r"[:：]\s*$")
_CUT_START = re.compile(r"[a-z,;:.)\]}%–—，、；：。）】]")


@dataclass(frozen=True)
class Candidate:
    """A sentence of a document.

    Attributes:
        rank: place of its document, from 0; `place`: of the sentence in it.
        before: the sentence in front of it, usable or not, which a pronoun may refer to.
        nth: its place among the usable sentences of the document, from 0.
        example: the code that it introduces, when that was asked for.
    """

    document: Document
    rank: int
    place: int
    text: str
    before: str = ""
    nth: int = 0
    example: str = ""

    @property
    def is_lead_in(self) -> bool:
        """Whether it says little without the code that it introduces."""
        return _INTRODUCING.search(self.text) is not None

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
        """Terms of the sentence, of the one before it, of title and headings, and of the code that follows."""
        headings = " ".join((self.document.title, *self.document.section))
        return self.terms.union(search_terms(self.before), search_terms(headings), search_terms(self.example))


def candidates(documents: Sequence[Document], *, with_code: bool = False) -> list[Candidate]:
    """The usable sentences of all documents, in reading order, without repeats.

    Args:
        with_code: give sentences the code that they introduce; `Run this:` is then one, too.
    """
    found: dict[str, Candidate] = {}
    for rank, document in enumerate(documents):
        for candidate in _of_document(document, rank, with_code):
            found.setdefault(" ".join(candidate.text.split()), candidate)
    return list(found.values())


def _of_document(document: Document, rank: int, with_code: bool) -> Iterator[Candidate]:
    headings = {document.title.strip(), *(part.strip() for part in document.section)}
    before, nth = "", 0
    for place, (start, end) in enumerate(split_sentences(document.text)):
        sentence = document.text[start:end]
        text = _LAST_MARKERS.sub("", sentence)
        cut = start == 0 and document.start > 0 and _CUT_START.match(text) is not None
        example = example_after(document.text, end) if with_code else ""
        whole = is_sentence(text) or (bool(example) and is_sentence(_INTRODUCING.sub(".", text)))
        if not cut and text not in headings and whole and not _in_table(document.text, start, end):
            yield Candidate(document, rank, place, _without_markers(text), before, nth, example)
            nth += 1
        before = sentence


def _without_markers(text: str) -> str:
    """Without the page's own `[1]`, nor one that taking another out would leave."""
    for _ in range(_NESTED):
        text = _MARKER.sub("", text)
    return _MARKER.sub(" ", text)


def _is_tail(text: str) -> bool:
    """Whether it closes a parenthesis that an earlier sentence opened."""
    return text.endswith((")", "）")) and text.count("(") + text.count("（") < text.count(")") + text.count("）")


def _in_table(text: str, start: int, end: int) -> bool:
    """Whether the line has cells: a sentence in one of them says nothing without the others."""
    after = text.find("\n", end)
    return "\t" in text[text.rfind("\n", 0, start) + 1 : after if after >= 0 else len(text)]


def is_sentence(text: str) -> bool:
    """Whether `text` reads as a whole statement on its own."""
    if len(text) > _LONGEST or _FOREIGN.search(text) or text.endswith((":", "：", ";", ",", "，")):
        return False
    if text.count("(") + text.count("（") > text.count(")") + text.count("）") or _is_tail(text):
        return False
    if len(_CODE.findall(text)) > max(2, len(text) * 0.04):
        return False
    words = _WORD.findall(text)
    chinese = has_cjk(text)
    if text.endswith("；"):  # which parts whole statements in Chinese
        return chinese and len(words) >= _FEWEST_IN_CLAUSE
    if _TERMINAL.search(text):
        return len(words) >= (_FEWEST_CJK if chinese else _FEWEST_WORDS)
    # Without a full stop it may be an item of a list, but also a heading, a menu or a cut sentence.
    if chinese:
        return len(words) >= _CJK_WITHOUT_STOP and re.search(r"[，、是的了]", text) is not None
    telling = [word for word in words if not is_stop_term(word.lower())]
    headed = sum(word[0].isupper() for word in telling) >= _HEADING_CAPITALS * len(telling)
    return len(words) >= _WORDS_WITHOUT_STOP and len(words) - len(telling) >= 2 and not headed
