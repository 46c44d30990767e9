"""Whether the answers are right, cite the right passage, and are refused when the index holds none.

    python bench/answers.py [FOLDER] [--set NAME]... [--limit N] [--model NAME] [--json]

FOLDER holds evaluation sets (see passages.py); without it ../shared/eval is used where it is. Each set is indexed with
one chunk a passage, its questions written as `footnote eval` reads them and run through it, with the extractive
answerer unless --model names another. What should be refused are the questions of an unrelated set; `refused_near`
counts those of `dev_unanswerable.jsonl`, which ask in the passages' own words for what they do not say. Exit 1 when a
bar is missed: the answer stands in the reply ≥ .80, in its first sentence ≥ .72, the cited passage is gold ≥ .85,
refused rightly ≥ .95, wrongly ≤ .05 (squad_open), and xquad_zh within .03 of xquad_en.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from passages import EVAL, EvaluationSet, Passage, indexed, page_of, read_set

from rag.evaluation import metrics
from rag.evaluation.dataset import read_cases
from rag.evaluation.run import Outcome, ask_all, measure
from rag.models.chat import open_chat_model
from rag.service import Footnote
from rag.settings import Settings
from rag.text.sentences import split_sentences

SETS = ("squad_open", "xquad_en", "xquad_zh")
BARS = {"answer_contained": 0.80, "in_first_sentence": 0.72, "citation_precision": 0.85, "refused_rightly": 0.95}
NEAR = "dev_unanswerable.jsonl"
UNRELATED = "cranfield"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", nargs="?", type=Path)
    parser.add_argument("--set", action="append", default=[], dest="sets", help="only this set (repeatable)")
    parser.add_argument("--limit", type=int, default=300, help="at most so many questions of a kind (300)")
    parser.add_argument("--model", default="extractive")
    parser.add_argument("--show", action="store_true", help="print the questions whose answer is not in the reply")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    folder = options.folder or EVAL
    names = [name for name in options.sets or SETS if (folder / name / "corpus.jsonl").exists()]
    if not names:
        print(f"There are no evaluation sets in {str(folder)!r}; name a folder that holds some.", file=sys.stderr)
        return 2
    found = {name: asyncio.run(measured(folder, name, options)) for name in names}
    print(json.dumps(found, indent=1) if options.json else table(found))
    return 0 if passed(found) else 1


async def measured(folder: Path, name: str, options: argparse.Namespace) -> dict[str, float]:
    """The metrics of one set, and the share of answers that stand in the first sentence."""
    evaluation = with_plain_ids(read_set(folder / name))
    with indexed(evaluation) as (index, embeddings), tempfile.TemporaryDirectory() as scratch:
        questions = Path(scratch) / "questions.jsonl"
        questions.write_text("\n".join(map(json.dumps, rows(folder, name, options.limit))), "utf-8")
        settings = Settings(data_dir=Path(scratch), chat_model=options.model)
        chat = open_chat_model(settings, embeddings)
        footnote = Footnote(settings, chat=chat, embeddings=embeddings, open_index=lambda *_: index)
        try:
            outcomes = await ask_all(read_cases(questions), footnote, top_k=6)
        finally:
            await footnote.aclose()
    if options.show:
        show(outcomes)
    near = [outcome.refused for outcome in outcomes if outcome.case.id.startswith("near ")]
    values = measure([outcome for outcome in outcomes if not outcome.case.id.startswith("near ")])
    values["in_first_sentence"] = round(first_sentences(outcomes), 4)
    return values | ({"refused_near": round(sum(near) / len(near), 4)} if near else {})


def with_plain_ids(evaluation: EvaluationSet) -> EvaluationSet:
    """`Title#3` would be a fragment in a URL, and every paragraph the same page."""
    return replace(
        evaluation,
        passages=tuple(Passage(plain_id(one.id), one.title, one.text) for one in evaluation.passages),
    )


def plain_id(passage: str) -> str:
    return passage.replace("#", "/")


def rows(folder: Path, name: str, limit: int) -> list[dict[str, Any]]:
    """Questions with gold URLs and answers, then those that nothing in the set answers."""
    given = spread(read(folder / name / "dev_queries.jsonl"), limit)
    asked: list[dict[str, Any]] = [
        {
            "id": row["query_id"],
            "question": row["query"],
            "answers": row.get("answers", []),
            "gold": [page_of(Passage(plain_id(gold), "", "x"), name)[0].url for gold in row["gold"]],
        }
        for row in given
    ]
    for kind, path in (("far", folder / UNRELATED / "dev_queries.jsonl"), ("near", folder / name / NEAR)):
        none = spread(read(path), limit) if path.is_file() else []
        asked += [{"id": f"{kind} {row['query_id']}", "question": row["query"], "answerable": False} for row in none]
    return asked


def read(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text("utf-8").splitlines() if line.strip()]


def spread(found: Sequence[dict[str, Any]], limit: int) -> Sequence[dict[str, Any]]:
    """At most `limit` of them, evenly spread."""
    return found[:: max(1, len(found) // limit)][:limit]


def first_sentences(outcomes: Sequence[Outcome]) -> float:
    """The share of answerable questions whose answer stands in the first sentence of the reply."""
    asked = [outcome for outcome in outcomes if outcome.case.answers]
    good = [metrics.contains_answer(first_sentence(outcome), outcome.case.answers) for outcome in asked]
    return sum(good) / max(1, len(good))


def first_sentence(outcome: Outcome) -> str:
    text = outcome.answer.text if outcome.answer else ""
    spans = split_sentences(text)
    return text[spans[0].start : spans[0].end] if spans else ""


def show(outcomes: Sequence[Outcome]) -> None:
    for outcome in outcomes:
        text = outcome.answer.text if outcome.answer else str(outcome.error)
        wrong = (
            not metrics.contains_answer(text, outcome.case.answers) if outcome.case.answerable else not outcome.refused
        )
        if wrong:
            print(f"{outcome.case.question}\n  wanted: {outcome.case.answers}\n  got: {text}\n", file=sys.stderr)


def passed(found: dict[str, dict[str, float]]) -> bool:
    """Whether the bars are met by the sets that were measured."""
    squad, english, chinese = (found.get(name) for name in SETS)
    good = True
    if squad is not None:
        good = all(squad.get(name, 0.0) >= bar for name, bar in BARS.items()) and squad["refused_wrongly"] <= 0.05
    if english is not None and chinese is not None:
        good = good and chinese["answer_contained"] >= english["answer_contained"] - 0.03
    return good


def table(found: dict[str, dict[str, float]]) -> str:
    names = list(dict.fromkeys(metric for values in found.values() for metric in values))
    lines = ["| metric | " + " | ".join(found) + " |", "|---|" + "---:|" * len(found)]
    for metric in names:
        shown = [f"{values[metric]:.3f}" if metric in values else "" for values in found.values()]
        lines.append(f"| {metric} | {' | '.join(shown)} |")
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
