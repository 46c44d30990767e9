"""Where in a document the words of a claim are to be looked for."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

from rag.citations.agreement import quantities_disagree
from rag.citations.lexicon import NEGATORS
from rag.citations.polarity import polarity_disagrees
from rag.citations.source_text import Passage, SourceText
from rag.citations.statement import Statement
from rag.citations.words import Word
from rag.vocabulary import Verdict

SPEAKS_OF_IT = 0.4
"""The share of a claim that a sentence must have to be held against it on its own."""

_COVERED_BY_ONE = 0.8
_NEAREST = 3
_NEARLY_AS_NEAR = 0.12
_COST_OF_A_SENTENCE = 0.06
_MOST_SENTENCES = 3
_HEDGE_REACH = 6
_HEDGES = NEGATORS | frozenset("not false untrue myth if whether unless doubt deny denies denied allegedly".split())
_TAKES_BACK = frozenset("false untrue incorrect wrong myth true right correct so case longer".split())
_TAKES_BACK_CHINESE = re.compile("错|假|不[对实真是再]|谣|误|并非|无此")


class Finding(NamedTuple):
    """What checking a claim against one document came to.

    Attributes:
        start, end: of the best quote in the document's text; equal when it has nothing of the claim.
        fault: what disagrees, in a few words, when the verdict is `unsupported`.
    """

    verdict: Verdict
    start: int
    end: int
    fault: str = ""


def verbatim(claim: Statement, source: SourceText) -> Finding | None:
    """The claim's words in a row in the document, unless what stands around them turns their meaning."""
    place = source.find(claim)
    if place is None:
        return None
    first, last = place
    passage = source.passage(*source.sentences_of(first, last))
    if _is_hedged(source.words, first):
        return Finding("unsupported", passage.start, passage.end, "denied or doubted")
    if quantities_disagree(claim, passage.statement):
        return None
    if len(passage.statement.words) > last - first and polarity_disagrees(claim, _clauses(source, passage, last)):
        return None
    end = source.words[last - 1].end
    if passage.end > end and not any(character.isalnum() for character in source.text[end : passage.end]):
        end = passage.end
    start = source.words[first].start
    if passage.start < start and not any(character.isalnum() for character in source.text[passage.start : start]):
        start = passage.start
    return Finding("verbatim", start, end)


def _clauses(source: SourceText, passage: Passage, last: int) -> Statement:
    """The passage up to the end of the clause in which the words before `last` stand.

    What a later clause denies is another matter (`A does B, and C does not`), unless it takes the earlier one back.
    """
    first, end = source.bounds[passage.first][0], source.bounds[passage.last - 1][1]
    place = last
    while place < end and source.words[place].plain_gap:
        place += 1
    later = source.words[place:end]
    if any(word.text in _TAKES_BACK for word in later) or _TAKES_BACK_CHINESE.search("".join(w.text for w in later)):
        return passage.statement
    return Statement(source.words[first:place])


def _is_hedged(words: Sequence[Word], first: int) -> bool:
    """Whether the words just before, in the same clause, deny or doubt what follows."""
    for place in range(first, max(0, first - _HEDGE_REACH), -1):
        if not words[place].plain_gap:
            return False
        if words[place - 1].text in _HEDGES:
            return True
    return False


def candidates(claim: Statement, source: SourceText) -> list[Passage]:
    """The passages to try, best first: the nearest sentences, and wider ones if none says it all.

    What is clearly not the nearest is left out: that it happens to agree would say nothing.
    """
    nearest = [source.passage(sentence, sentence + 1) for sentence in source.nearest(claim, _NEAREST)]
    found = {(passage.first, passage.last): (claim.coverage(passage.statement), passage) for passage in nearest}
    if max((share for share, _ in found.values()), default=1.0) < _COVERED_BY_ONE:
        for passage in nearest[:2]:
            for first, last in _around(passage.first, len(source.spans)):
                wider = source.passage(first, last)
                share = claim.coverage(wider.statement) - _COST_OF_A_SENTENCE * (last - first - 1)
                found[first, last] = (share, wider)
    ranked = sorted(found.values(), key=lambda pair: (-pair[0], pair[1].first, pair[1].last))
    return [passage for share, passage in ranked if share >= ranked[0][0] - _NEARLY_AS_NEAR]


def alone(claim: Statement, passage: Passage, source: SourceText) -> list[Statement]:
    """The passage, and each sentence of it that has much of the claim: no neighbour makes up for a changed word."""
    if passage.last - passage.first == 1:
        return [passage.statement]
    parts = [source.passage(place, place + 1).statement for place in range(passage.first, passage.last)]
    return [passage.statement, *(part for part in parts if claim.coverage(part) >= SPEAKS_OF_IT)]


def _around(sentence: int, count: int) -> list[tuple[int, int]]:
    spans = [
        (sentence, sentence + 2),
        (sentence - 1, sentence + 1),
        (sentence, sentence + 3),
        (sentence - 1, sentence + 2),
    ]
    spans.append((sentence - 2, sentence + 1))
    return [(first, last) for first, last in spans if first >= 0 and last <= count and last - first <= _MOST_SENTENCES]
