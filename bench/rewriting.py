"""Follow-up questions: recall at 5 of the last turn alone, of the rewrite by rules, and of a gold rewrite.

    python bench/rewriting.py [FOLDER] [--json]

FOLDER is a set of conversations, `mtrag` among the evaluation sets by default: `corpus.jsonl`, and `dev_queries.jsonl`
with `query`, `history` (`role`, `text`), `gold` and, for some, `rewrite`. Without it there is nothing to measure.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from langchain_core.messages import AIMessage, BaseMessage, HumanMessage

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from bench.passages import EVAL, indexed, passage_id, read_set
from rag.chain.leaning import leans, recent_context, rewritten_by_rules
from rag.index.search import Index
from rag.text.tokens import search_terms

_AT = 5

Phrasings = Callable[[dict[str, Any]], tuple[str, list[str]]]
"""What is searched for a row: the question, and what is searched beside it."""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", nargs="?", type=Path, default=EVAL / "mtrag")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    if not (options.folder / "dev_queries.jsonl").exists():
        print(f"There is no set of conversations in {options.folder}.", file=sys.stderr)
        return 0
    lines = (options.folder / "dev_queries.jsonl").read_text("utf-8").splitlines()
    rows = [row for row in map(json.loads, lines) if row["gold"] and row["history"]]
    with indexed(read_set(options.folder)) as (index, _):
        found = {name: measure(index, part) for name, part in parts(rows).items()}
    print(json.dumps(found) if options.json else table(found))
    return 0


def parts(rows: Sequence[dict[str, Any]]) -> dict[str, list[dict[str, Any]]]:
    gold = [row for row in rows if row.get("rewrite")]
    return {
        "all": list(rows),
        "leaning": [row for row in rows if leans(row["query"])],
        "gold rewrite differs": [row for row in gold if not same(row)],
        "gold rewrite is the question": [row for row in gold if same(row)],
    }


def same(row: dict[str, Any]) -> bool:
    return search_terms(row["rewrite"]) == search_terms(row["query"])


def measure(index: Index, rows: Sequence[dict[str, Any]]) -> dict[str, float]:
    ways: dict[str, Phrasings] = {"last turn": lambda row: (row["query"], []), "by rules, fused": by_rules}
    if all(row.get("rewrite") for row in rows):
        ways["gold rewrite"] = lambda row: (row["rewrite"], [])
        ways["gold rewrite, fused"] = lambda row: (row["rewrite"], [row["query"]])
    recalls = {name: [recall(index, way(row), row["gold"]) for row in rows] for name, way in ways.items()}
    found: dict[str, float] = {"questions": len(rows)}
    found |= {name: round(sum(values) / max(1, len(values)), 4) for name, values in recalls.items()}
    pairs = list(zip(recalls["last turn"], recalls["by rules, fused"], strict=True))
    return found | {"better": sum(a < b for a, b in pairs), "worse": sum(a > b for a, b in pairs)}


def by_rules(row: dict[str, Any]) -> tuple[str, list[str]]:
    """As the chain searches where there is no model."""
    history = messages(row["history"])
    rewritten = rewritten_by_rules(row["query"], history)
    return rewritten, [row["query"], recent_context(row["query"], history)] if rewritten != row["query"] else []


def messages(history: Sequence[dict[str, str]]) -> list[BaseMessage]:
    return [(HumanMessage if turn["role"] == "user" else AIMessage)(turn["text"]) for turn in history]


def recall(index: Index, asked: tuple[str, list[str]], gold: Sequence[str]) -> float:
    hits = index.search(asked[0], limit=_AT, also=asked[1])
    return len({passage_id(hit.chunk.url) for hit in hits} & set(gold)) / len(gold)


def table(found: dict[str, dict[str, float]]) -> str:
    names = list(dict.fromkeys(name for values in found.values() for name in values))
    lines = [f"recall@{_AT}", "", "| | " + " | ".join(found) + " |", "|---" * (len(found) + 1) + "|"]
    lines += [
        f"| {name} | " + " | ".join(str(values.get(name, "")) for values in found.values()) + " |" for name in names
    ]
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
