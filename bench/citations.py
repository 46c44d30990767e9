"""How many planted faults the citation check catches, how often it doubts claims that are true, and how long it takes.

    python bench/citations.py [FOLDER...] [--each N] [--seed N] [--show KIND] [--json]

FOLDERs hold `corpus.jsonl` (`doc_id`, `title`, `text`) and, better, `dev_queries.jsonl`; without any, the sets under
../shared/eval are used where they are, and else the project's own site in data/site. How the claims are made is told
in planted.py. Exit 1 when a bar is missed: faults caught ≥ .95, false alarms ≤ .02 on untouched claims and ≤ .15 on
paraphrases, ≤ 5 ms a claim.
"""

from __future__ import annotations

import argparse
import json
import re
import statistics
import sys
import time
from collections import defaultdict
from datetime import UTC, datetime
from pathlib import Path

from planted import FAULTS, Passage, PlantedClaim, load_passages, make_claims

from rag.citations.claims import ClaimReader
from rag.citations.verify import Verifier
from rag.vocabulary import Claim, Document

EVAL = Path(__file__).resolve().parents[2] / "shared" / "eval"
SITE = Path(__file__).resolve().parents[1] / "data" / "site"
SETS = ("squad_open", "mtrag", "xquad_en", "xquad_zh")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folders", nargs="*", type=Path)
    parser.add_argument("--each", type=int, default=150, help="claims of each kind and language (150)")
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--show", help="print what went wrong with claims of this kind")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    folders = options.folders or [EVAL / name for name in SETS if (EVAL / name).is_dir()]
    passages = [passage for folder in folders for passage in load_passages(folder)] or site_passages()
    claims = list(make_claims(passages, options.each, options.seed))
    claims = [claim for claim in claims if len(read_claims(claim)) == 1]
    rows = [check(claim) for claim in claims]
    for claim, (verdicts, faults, _, _) in zip(claims, rows, strict=True):
        if options.show == claim.kind and (claim.kind in FAULTS) != ("unsupported" in verdicts):
            print(f"[{claim.language}] {claim.text}\n     was: {claim.original}\n     {verdicts} {faults}")
    summary = summarise(claims, rows)
    print(json.dumps(summary, indent=1) if options.json else table(summary))
    return 0 if summary["bars_met"] else 1


def site_passages() -> list[Passage]:
    """The paragraphs of the project's own site, read without any of its code."""
    passages = []
    for path in sorted(SITE.rglob("*.html")):
        html = path.read_text("utf-8")
        for paragraph in re.findall(r"<p[^>]*>(.*?)</p>", html, re.DOTALL):
            text = " ".join(re.sub(r"<[^>]+>", "", paragraph).split())
            language = "zh" if re.search("[\u4e00-\u9fff]{4}", text) else "en"
            passages.append(Passage(text, path.stem, path.name, language))
    return passages


def read_claims(planted: PlantedClaim) -> list[Claim]:
    """What the text is read as; a text that is more than one sentence after all is left out of the figures."""
    reader = ClaimReader()
    return reader.feed(planted.text) + reader.finish()


def check(planted: PlantedClaim) -> tuple[list[str], list[str], float, bool]:
    """The verdicts, what was found wrong, seconds of the processor, and whether every quote is exact."""
    moment = datetime(2026, 1, 1, tzinfo=UTC)
    documents = [
        Document(n, f"{n:032x}", f"https://example.org/{n}", passage.title, (), passage.text, 1.0,
                 f"https://example.org/{n}", passage.language, moment)
        for n, passage in enumerate(planted.passages, 1)
    ]  # fmt: skip
    cited = read_claims(planted)
    began = time.process_time()
    verifier = Verifier(documents)
    citations = [citation for claim in cited for citation in verifier.verify(claim)]
    seconds = time.process_time() - began
    exact = all(
        citation.quote is None
        or documents[citation.n - 1].text[citation.quote_start : citation.quote_end] == citation.quote
        for citation in citations
    )
    faults = [finding.fault for claim in cited for finding in verifier.findings(claim).values()]
    return [citation.verdict for citation in citations], faults, seconds, exact


def summarise(claims: list[PlantedClaim], rows: list[tuple[list[str], list[str], float, bool]]) -> dict:
    """Shares of `unsupported` by kind and language, the times, and whether the bars are met."""
    alarms: dict[str, dict[str, list[bool]]] = defaultdict(lambda: defaultdict(list))
    for claim, (verdicts, _, _, _) in zip(claims, rows, strict=True):
        alarms[claim.kind][claim.language].append("unsupported" in verdicts)
    kinds = {
        kind: {language: {"claims": len(found), "unsupported": round(sum(found) / len(found), 4)}
               for language, found in sorted(by_language.items())}
        for kind, by_language in alarms.items()
    }  # fmt: skip
    faults = [alarm for kind in FAULTS for found in alarms[kind].values() for alarm in found]
    share = {kind: _share(alarms[kind]) for kind in ("untouched", "paraphrase")}
    times = sorted(1000 * seconds for _, _, seconds, _ in rows)
    exact = all(exact for _, _, _, exact in rows)
    caught = sum(faults) / max(1, len(faults))
    met = caught >= 0.95 and share["untouched"] <= 0.02 and share["paraphrase"] <= 0.15
    return {
        "claims": len(claims), "kinds": kinds, "faults_caught": round(caught, 4),
        "false_alarms_untouched": round(share["untouched"], 4),
        "false_alarms_paraphrase": round(share["paraphrase"], 4),
        "milliseconds": {"p50": round(statistics.median(times), 3), "p95": round(times[int(0.95 * len(times))], 3)},
        "quotes_exact": exact, "bars_met": bool(met and exact and statistics.median(times) <= 5),
    }  # fmt: skip


def _share(found: dict[str, list[bool]]) -> float:
    every = [alarm for alarms in found.values() for alarm in alarms]
    return sum(every) / max(1, len(every))


def table(summary: dict) -> str:
    lines = [f"{'kind':14}{'language':>9}{'claims':>8}{'unsupported':>13}"]
    for kind, by_language in summary["kinds"].items():
        for language, row in by_language.items():
            lines.append(f"{kind:14}{language:>9}{row['claims']:>8}{row['unsupported']:>13.3f}")
    lines += [f"{name}: {value}" for name, value in summary.items() if name != "kinds"]
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
