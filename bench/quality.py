"""How well the right passage is found, beside words alone, vectors alone, and the usual recipe (dense only, top 4).

    python bench/quality.py [FOLDER] [--set NAME]... [--limit N] [--json]

FOLDER holds evaluation sets (see passages.py); without it ../shared/eval is used where it is, and else the project's
own site. nDCG@10 with one chunk a passage; hits@4 is whether a gold passage is among the first four, which is all that
the usual recipe shows. Exit 1 when a set misses its bar, or is worse than the better of words and vectors alone.
"""

from __future__ import annotations

import argparse
import json
import math
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from passages import EVAL, EvaluationSet, Query, indexed, passage_id, read_sets

from rag.index.search import Index
from rag.models.embeddings import EmbeddingModel

DEPTH = 10
USUAL_TOP = 4
BARS = {"squad_open": 0.91, "mtrag": 0.81, "musique100": 0.66, "xquad_zh": 0.965, "xquad_en": 0.97, "cranfield": 0.54}
Search = Callable[[str], Sequence[str]]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", nargs="?", type=Path)
    parser.add_argument("--set", action="append", default=[], dest="sets", help="only this set (repeatable)")
    parser.add_argument("--limit", type=int, default=0, help="at most so many questions of a set, evenly spread")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    if options.folder is None and not EVAL.is_dir():
        print(f"No evaluation sets at {EVAL}: measuring on the project's own site.", file=sys.stderr)
    found = [measure(one, options.limit) for one in read_sets(options.folder, options.sets)]
    print(json.dumps(found, indent=1) if options.json else table(found))
    return 0 if all(row["passed"] for row in found) else 1


def measure(evaluation: EvaluationSet, limit: int = 0) -> dict[str, Any]:
    """One set: nDCG@10 and hits@4 of each way of searching, and milliseconds of ours."""
    step = max(1, len(evaluation.queries) // limit) if limit else 1
    queries = evaluation.queries[::step]
    with indexed(evaluation) as (index, embeddings):
        ranked = {name: [search(query.text) for query in queries] for name, search in ways(index, embeddings).items()}
        seconds = timed(index, queries)
    row: dict[str, Any] = {"set": evaluation.name, "passages": len(evaluation.passages), "questions": len(queries)}
    for name, found in ranked.items():
        pairs = list(zip(queries, found, strict=True))
        row[name] = round(statistics.fmean(ndcg(query, ids) for query, ids in pairs), 4)
        row[f"{name} hits@4"] = round(statistics.fmean(hit(query, ids[:USUAL_TOP]) for query, ids in pairs), 4)
    row["p50 ms"] = round(statistics.median(seconds) * 1_000, 1)
    row["bar"] = BARS.get(evaluation.name)
    row["passed"] = row["footnote"] >= max(row["bar"] or 0.0, row["words"], row["vectors"])
    return row


def ways(index: Index, embeddings: EmbeddingModel) -> dict[str, Search]:
    """The ways of searching that are compared: question in, passage ids out, best first."""

    def ours(question: str) -> list[str]:
        return [passage_id(found.chunk.url) for found in index.search(question, limit=DEPTH)]

    def urls(ids: Sequence[str]) -> list[str]:
        known = index.catalog.load_chunks(ids)
        return [passage_id(known[chunk_id].chunk.url) for chunk_id in ids if chunk_id in known]

    def words(question: str) -> list[str]:
        return urls([chunk_id for chunk_id, _ in index.words.search(question, DEPTH)])

    def vectors(question: str) -> list[str]:
        return urls([chunk_id for chunk_id, _ in index.vectors.search(embeddings.model.embed_query(question), DEPTH)])

    return {
        "usual": lambda question: vectors(question)[:USUAL_TOP],
        "words": words,
        "vectors": vectors,
        "footnote": ours,
    }


def timed(index: Index, queries: Sequence[Query]) -> list[float]:
    seconds = []
    for query in queries[:200]:
        began = time.perf_counter()
        index.search(query.text, limit=DEPTH)
        seconds.append(time.perf_counter() - began)
    return seconds


def ndcg(query: Query, ids: Sequence[str]) -> float:
    """Discounted gain of the first ten over the best possible (Järvelin and Kekäläinen 2002; trec_eval ndcg_cut_10)."""
    gained = sum(query.gains.get(one, 0.0) / math.log2(rank + 1) for rank, one in enumerate(ids[:DEPTH], 1))
    best = sorted(query.gains.values(), reverse=True)[:DEPTH]
    return gained / sum(gain / math.log2(rank + 1) for rank, gain in enumerate(best, 1))


def hit(query: Query, ids: Sequence[str]) -> float:
    return float(any(one in query.gains for one in ids))


def table(rows: Sequence[dict[str, Any]]) -> str:
    names = ("usual", "words", "vectors", "footnote")
    lines = [
        "| set | passages | questions | "
        + " | ".join(f"{name} nDCG@10" for name in names)
        + " | bar | usual hits@4 | footnote hits@4 | p50 ms |",
        "|---|" + "---:|" * (len(names) + 6),
    ]
    for row in rows:
        figures = " | ".join(f"{row[name]:.3f}" for name in names)
        bar = f"{row['bar']:.3f}" if row["bar"] else ""
        lines.append(
            f"| {row['set']} | {row['passages']} | {row['questions']} | {figures} | {bar} | {row['usual hits@4']:.3f} "
            f"| {row['footnote hits@4']:.3f} | {row['p50 ms']} |{'' if row['passed'] else ' MISSED'}"
        )
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
