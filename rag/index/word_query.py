"""What tantivy is asked. With `words.py` the only file that knows tantivy.

Queries are built from terms and never parsed, so that no question can be a query language.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from functools import lru_cache, partial
from itertools import accumulate
from typing import TYPE_CHECKING, NamedTuple

from rag.text.tokens import is_stop_term, search_terms
from rag.vocabulary import Filter

if TYPE_CHECKING:
    import tantivy

BOOSTS: tuple[tuple[str, float], ...] = (("text", 1.0), ("title", 0.5), ("section", 0.5))
"""The fields that are searched, and what a word counts in each."""

MOST_URL_PARTS = 32
_MAX_TERMS = 24
_MOST_CHUNKS = 20_000
"""Chunks that the words of a question are in, counted once a word and field: a search goes through that many. Of a
question whose words are in more, those of its rarest words are scored, by all words, and the others left out as long as
there are enough: tantivy scores each. At 1,000,000 chunks .997 of the best 60 are the same in a third of the time, at
100,000 all."""
_ASKED = 64
_REGEX_SPECIAL = re.compile(r"[\\.+*?()|\[\]{}^$#&~-]")


class AskedWords(NamedTuple):
    """A question as tantivy is asked it.

    Attributes:
        terms: its words.
        parts: each of them in each field that has it.
        wanted: any of the parts; None when there is none.
        rarest: any of the rarest parts, scored by all; None when all are rare.
    """

    terms: Sequence[str]
    parts: Sequence[tantivy.Query]
    wanted: tantivy.Query | None
    rarest: tantivy.Query | None


class Questions:
    """Makes queries of questions for one `searcher`: the index as last committed. Those at hand are remembered."""

    def __init__(self, schema: tantivy.Schema, searcher: tantivy.Searcher) -> None:
        self.searcher = searcher
        self._schema = schema
        self.asked = lru_cache(maxsize=_ASKED)(partial(_asked, schema, searcher))  # no cycle: old indexes go at once

    def rarities(self, question: str) -> dict[str, float]:
        """The terms a search for `question` uses, in its order, with their inverse document frequency (as in BM25)."""
        size = self.searcher.num_docs
        counts = {term: min(size, self.searcher.doc_freq("text", term)) for term in self.asked(question).terms}
        return {term: math.log(1 + (size - count + 0.5) / (count + 0.5)) for term, count in counts.items()}

    def under(self, wanted: tantivy.Query, filter: Filter) -> tantivy.Query:
        """Those of `wanted` that `filter` lets through."""
        import tantivy

        return tantivy.Query.boolean_query([(tantivy.Occur.Must, part) for part in (wanted, *self._conditions(filter))])

    def among(self, question: str, ids: Sequence[str]) -> tantivy.Query:
        """The chunks of `ids`, scored by the words of `question`."""
        import tantivy

        # A term set would walk the dictionary of ids: ten times slower at 100,000 chunks than asking for each.
        each = [tantivy.Query.term_query(self._schema, "id", chunk_id, "basic") for chunk_id in ids]
        return _scored_by(tantivy.Query.const_score_query(_any_of(each), 0.0), self.asked(question).parts)

    def _conditions(self, filter: Filter) -> Iterator[tantivy.Query]:
        """Unscored queries, all of which must match."""
        import tantivy

        if filter.language is not None:
            language = tantivy.Query.term_query(self._schema, "language", filter.language, "basic")
            yield tantivy.Query.const_score_query(language, 0.0)
        if filter.url_prefix:
            yield tantivy.Query.const_score_query(self._under(filter.url_prefix), 0.0)

    def _under(self, prefix: str) -> tantivy.Query:
        """Chunks whose URL starts with `prefix`: one posting list when it ends in a slash, else a walk over URLs."""
        import tantivy

        if prefix.endswith("/") and prefix.count("/") <= MOST_URL_PARTS:
            return tantivy.Query.term_query(self._schema, "url", prefix, "basic")
        pattern = _REGEX_SPECIAL.sub(r"\\\g<0>", prefix)
        return tantivy.Query.regex_query(self._schema, "url", f"{pattern}(?s:.*)")


def _asked(schema: tantivy.Schema, searcher: tantivy.Searcher, question: str) -> AskedWords:
    weights = _weights(searcher, question)
    counted = _parts(schema, searcher, weights)
    parts = [part for _, part in counted]
    return AskedWords(tuple(weights), parts, _any_of(parts) if parts else None, _rarest(counted))


def _weights(searcher: tantivy.Searcher, question: str) -> dict[str, float]:
    """The terms worth searching, each with its count in the question; of a long question the rarest ones.

    Stop words only cost time when there are other words: they are searched when nothing else is left.
    """
    counts = Counter(search_terms(question))
    content = {term: count for term, count in counts.items() if not is_stop_term(term)} or counts
    if len(content) > _MAX_TERMS:
        frequency = {term: searcher.doc_freq("text", term) for term in content}
        known = sorted((term for term in content if frequency[term]), key=lambda term: frequency[term])
        content = {term: content[term] for term in known[:_MAX_TERMS]}
    return {term: float(count) for term, count in content.items()}


def _parts(
    schema: tantivy.Schema, searcher: tantivy.Searcher, weights: dict[str, float]
) -> list[tuple[int, tantivy.Query]]:
    """Each of the terms in each field that has it, with how many chunks do."""
    import tantivy

    parts = []
    for term, weight in weights.items():
        for field, boost in BOOSTS:
            if chunks := searcher.doc_freq(field, term):
                query = tantivy.Query.term_query(schema, field, term, "freq")
                parts.append((chunks, tantivy.Query.boost_query(query, boost * weight)))
    return parts


def _any_of(parts: Sequence[tantivy.Query]) -> tantivy.Query:
    import tantivy

    return tantivy.Query.boolean_query([(tantivy.Occur.Should, part) for part in parts])


def _scored_by(wanted: tantivy.Query, parts: Sequence[tantivy.Query]) -> tantivy.Query:
    """What is wanted, with the scores of `parts` added: one in another, so that each is looked up where it is needed.

    A union of them tantivy would score 4,096 chunks at a time, however few of them are wanted.
    """
    import tantivy

    for part in parts:
        wanted = tantivy.Query.boolean_query([(tantivy.Occur.Must, wanted), (tantivy.Occur.Should, part)])
    return wanted


def _rarest(counted: Sequence[tuple[int, tantivy.Query]]) -> tantivy.Query | None:
    """Any of the rarest parts that are in `_MOST_CHUNKS` together, scored by all; None when that are all parts."""
    ordered = sorted(counted, key=lambda part: part[0])
    totals = accumulate(chunks for chunks, _ in ordered)
    kept = max(1, sum(total <= _MOST_CHUNKS for total in totals))
    parts = [part for _, part in ordered]
    return _scored_by(_any_of(parts[:kept]), parts[kept:]) if kept < len(parts) else None
