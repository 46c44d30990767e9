"""What an evaluation came to: a table for people, JSON for programs, an exit code for a build."""

from __future__ import annotations

import operator
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

from rag.errors import InvalidRequest

if TYPE_CHECKING:
    from rich.table import Table

MEANINGS = {
    "hits@1": "questions whose first document is gold",
    "hits@3": "questions with something gold among the first 3",
    "hits@5": "questions with something gold among the first 5",
    "hits@10": "questions with something gold among the first 10",
    "mrr": "mean of 1 / rank of the first gold document",
    "ndcg@10": "gain of the first 10 documents, as a share of the best order's",
    "answer_contained": "replies in which a right answer stands",
    "answer_f1": "overlap of reply and right answer, by tokens",
    "citation_precision": "cited documents that are gold",
    "citation_recall": "gold that is cited",
    "citations_verbatim": "citations whose claim is the page's own words",
    "citations_supported": "citations whose quote carries the claim",
    "citations_unsupported": "citations that nothing carries",
    "claims_uncited": "facts without a source, among the citations",
    "refused_rightly": "unanswerable questions that were refused",
    "refused_wrongly": "answerable questions that were refused",
    "documents_ms_p50": "milliseconds to the documents, median",
    "documents_ms_p95": "milliseconds to the documents, 95th percentile",
    "first_token_ms_p50": "milliseconds to the first token, median",
    "first_token_ms_p95": "milliseconds to the first token, 95th percentile",
    "latency_ms_p50": "milliseconds to the end, median",
    "latency_ms_p95": "milliseconds to the end, 95th percentile",
    "errors": "questions that failed",
}
"""Every metric, in the order in which a report shows them, and what it counts."""

_THRESHOLD = re.compile(r"\s*([\w@]+)\s*(>=|<=|=)\s*([0-9]*\.?[0-9]+)\s*\Z")
_MEETS = {">=": operator.ge, "<=": operator.le}


class Threshold(NamedTuple):
    """`metric` must be at least (`>=`) or at most (`<=`) `bound`."""

    metric: str
    relation: str
    bound: float

    def is_met(self, values: Mapping[str, float]) -> bool:
        """False too when the metric could not be measured: a gate that measures nothing must not stand open."""
        return self.metric in values and bool(_MEETS[self.relation](values[self.metric], self.bound))


def parse_thresholds(given: Sequence[Threshold | str], relation: str = ">=") -> tuple[Threshold, ...]:
    """Reads `ndcg@10>=0.8`, `latency_ms_p95<=500`, or `ndcg@10=0.8` where `=` stands for `relation`.

    Raises:
        InvalidRequest: it is no such thing, or there is no such metric.
    """
    return tuple(one if isinstance(one, Threshold) else _threshold(one, relation) for one in given)


def _threshold(text: str, relation: str) -> Threshold:
    match = _THRESHOLD.match(text)
    if match is None:
        raise InvalidRequest(
            f"The threshold {text!r} cannot be read.", 'Write it as "ndcg@10>=0.8" or "latency_ms_p95<=500".'
        )
    metric, sign, bound = match.groups()
    if metric not in MEANINGS:
        raise InvalidRequest(f"There is no metric {metric!r}.", f"Choose one of {', '.join(MEANINGS)}.")
    return Threshold(metric, relation if sign == "=" else sign, float(bound))


@dataclass(frozen=True)
class EvaluationReport:
    """What was measured, and whether it is enough.

    Attributes:
        values: metric → value; shares from 0 to 1, times in milliseconds.
        errors: the questions that failed, with the reason.
        cases: what came of each question, as plain JSON values.
    """

    questions: int
    values: Mapping[str, float]
    thresholds: tuple[Threshold, ...] = ()
    errors: tuple[str, ...] = field(default=())
    cases: tuple[Mapping[str, Any], ...] = field(default=(), repr=False)

    @property
    def missed(self) -> tuple[Threshold, ...]:
        return tuple(threshold for threshold in self.thresholds if not threshold.is_met(self.values))

    @property
    def exit_code(self) -> int:
        """0 when every threshold is met and no question failed, else 1."""
        return 1 if self.missed or self.errors else 0

    def data(self) -> dict[str, Any]:
        """The report as plain JSON values."""
        return {
            "questions": self.questions,
            "metrics": {name: self.values[name] for name in MEANINGS if name in self.values},
            "thresholds": [
                {
                    "metric": name,
                    "relation": relation,
                    "bound": bound,
                    "met": (name, relation, bound) not in self.missed,
                }
                for name, relation, bound in self.thresholds
            ],
            "errors": list(self.errors),
            "cases": [dict(case) for case in self.cases],
        }

    def table(self) -> Table:
        """The report for a terminal: metric, value, threshold, meaning."""
        from rich.table import Table

        table = Table(title=f"{self.questions} questions", title_justify="left")
        table.add_column("metric")
        table.add_column("value", justify="right")
        table.add_column("threshold")
        table.add_column("what it counts")
        for name, meaning in MEANINGS.items():
            if name in self.values or any(threshold.metric == name for threshold in self.thresholds):
                table.add_row(name, self._shown(name), self._bound(name), meaning)
        return table

    def _shown(self, name: str) -> str:
        if name not in self.values:
            return "–"
        value = self.values[name]
        return f"{value:.0f}" if "_ms_" in name or name == "errors" else f"{value:.3f}"

    def _bound(self, name: str) -> str:
        bounds = [one for one in self.thresholds if one.metric == name]
        return ", ".join(
            f"{one.relation} {one.bound:g} {'met' if one.is_met(self.values) else 'MISSED'}" for one in bounds
        )
