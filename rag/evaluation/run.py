"""Asks every question of a file and measures what comes back."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from rag.citations.factual import says_nothing_found
from rag.errors import FootnoteError
from rag.evaluation import metrics
from rag.evaluation.dataset import Case, read_cases
from rag.evaluation.report import EvaluationReport, Threshold, parse_thresholds
from rag.request import AskRequest, HistoryMessage
from rag.vocabulary import Answer, Citation

RANKS = (1, 3, 5, 10)

Progress = Callable[[int, int], None]


class Asker(Protocol):
    """What answers: `rag.service.Footnote`, or anything that does the same."""

    async def ask(self, request: AskRequest) -> Answer: ...


@dataclass(frozen=True)
class Outcome:
    """What came of one question: an answer, or the error that came instead."""

    case: Case
    answer: Answer | None = None
    error: FootnoteError | None = None

    @property
    def refused(self) -> bool:
        """Whether the answer is that there is none."""
        if self.answer is None:
            return False
        text = self.answer.text.strip()
        uncited = not any(citation.n for citation in self.answer.citations)
        return self.answer.finish_reason == "no_answer" or not text or (uncited and says_nothing_found(text))


async def run_evaluation(
    path: Path,
    asker: Asker,
    *,
    thresholds: Sequence[Threshold | str] = (),
    top_k: int = 10,
    concurrency: int = 1,
    limit: int | None = None,
    progress: Progress | None = None,
) -> EvaluationReport:
    """Asks the questions in a file, and reports.

    Args:
        path: of the questions, as `rag.evaluation.dataset` describes them.
        asker: is asked.
        thresholds: what must be reached, as `ndcg@10>=0.8` or `latency_ms_p95<=500`.
        top_k: how many documents are asked for; ranks beyond it cannot be measured.
        concurrency: how many questions are asked at once; latencies mean most with 1.
        limit: ask only the first so many.
        progress: called with how many are answered, and of how many.

    Raises:
        InvalidRequest: the file or a threshold cannot be used.
    """
    limits = parse_thresholds(thresholds)
    cases = read_cases(path)[:limit]
    outcomes = await ask_all(cases, asker, top_k=top_k, concurrency=concurrency, progress=progress)
    return EvaluationReport(
        questions=len(outcomes),
        values=measure(outcomes),
        thresholds=limits,
        errors=tuple(f"{outcome.case.id}: {outcome.error}" for outcome in outcomes if outcome.error is not None),
        cases=tuple(map(seen, outcomes)),
    )


async def ask_all(
    cases: Sequence[Case], asker: Asker, *, top_k: int = 10, concurrency: int = 1, progress: Progress | None = None
) -> list[Outcome]:
    """The outcomes in the order of the cases. Our own errors become outcomes; others are raised."""
    gate = asyncio.Semaphore(concurrency)
    done = 0

    async def one(case: Case) -> Outcome:
        nonlocal done
        async with gate:
            outcome = await _ask(case, asker, top_k)
        done += 1
        if progress is not None:
            progress(done, len(cases))
        return outcome

    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(one(case)) for case in cases]
    return [task.result() for task in tasks]


async def _ask(case: Case, asker: Asker, top_k: int) -> Outcome:
    history = tuple(HistoryMessage.model_validate(message) for message in case.history)
    request = AskRequest(question=case.question, history=history or None, top_k=top_k)
    try:
        return Outcome(case, await asker.ask(request))
    except FootnoteError as error:
        return Outcome(case, error=error)


def seen(outcome: Outcome) -> dict[str, Any]:
    """What came of one question, as plain JSON values; members that cannot be told are left out."""
    case, answer = outcome.case, outcome.answer
    told: dict[str, Any] = {"id": case.id, "question": case.question, "refused": outcome.refused}
    if case.gold and case.answerable:
        gains = metrics.gains(answer.documents if answer else (), case.gold)
        told["rank"] = next((rank for rank, gain in enumerate(gains, 1) if gain), None)
    if case.answers and case.answerable:
        told["contained"] = answer is not None and metrics.contains_answer(answer.text, case.answers)
    if answer is not None:
        told["verdicts"] = dict(Counter(citation.verdict for citation in answer.citations))
        told["latency_ms"] = round(answer.timing.total_ms, 1)
    if outcome.error is not None:
        told["error"] = str(outcome.error)
    return told


def measure(outcomes: Sequence[Outcome]) -> dict[str, float]:
    """Every metric that the questions allow, by name; what cannot be measured is left out.

    Ranking needs `gold`, answers need `answers`, refusals need questions of both kinds. An error counts as nothing
    found, nothing said and nothing refused.
    """
    values: dict[str, float | None] = {
        **_ranking([outcome for outcome in outcomes if outcome.case.gold and outcome.case.answerable]),
        **_answers([outcome for outcome in outcomes if outcome.case.answers and outcome.case.answerable]),
        **_citations(outcomes),
        **_refusals(outcomes),
        **_latency([outcome.answer for outcome in outcomes if outcome.answer is not None]),
        "errors": float(sum(outcome.error is not None for outcome in outcomes)),
    }
    return {name: round(value, 4) for name, value in values.items() if value is not None}


def _ranking(outcomes: Sequence[Outcome]) -> dict[str, float | None]:
    found = [
        metrics.gains(outcome.answer.documents if outcome.answer else (), outcome.case.gold) for outcome in outcomes
    ]
    gold = [outcome.case.gold for outcome in outcomes]
    return {
        **{f"hits@{k}": metrics.mean([metrics.hit_at(gains, k) for gains in found]) for k in RANKS},
        "mrr": metrics.mean([metrics.reciprocal_rank(gains) for gains in found]),
        "ndcg@10": metrics.mean(
            [metrics.ndcg_at(gains, grades, 10) for gains, grades in zip(found, gold, strict=True)]
        ),
    }


def _answers(outcomes: Sequence[Outcome]) -> dict[str, float | None]:
    texts = [(outcome.answer.text if outcome.answer else "", outcome.case.answers) for outcome in outcomes]
    return {
        "answer_contained": metrics.mean([float(metrics.contains_answer(text, answers)) for text, answers in texts]),
        "answer_f1": metrics.mean([metrics.token_f1(text, answers) for text, answers in texts]),
    }


def _citations(outcomes: Sequence[Outcome]) -> dict[str, float | None]:
    """Precision over the answers that cite, recall over the questions with gold; verdicts over all citations."""
    precision, recall = [], []
    verdicts: list[Citation] = []
    for outcome in outcomes:
        answer = outcome.answer
        verdicts += answer.citations if answer else ()
        if not outcome.case.gold or not outcome.case.answerable:
            continue
        numbers = {citation.n for citation in answer.citations} if answer else set()
        cited = [document for document in answer.documents if document.n in numbers] if answer else []
        right = [document for document in cited if any(metrics.names(name, document) for name in outcome.case.gold)]
        if cited:
            precision.append(len(right) / len(cited))
        named = sum(any(metrics.names(name, document) for document in cited) for name in outcome.case.gold)
        recall.append(named / len(outcome.case.gold))
    shares = {
        f"citations_{verdict}": metrics.mean([float(citation.verdict == verdict) for citation in verdicts])
        for verdict in ("verbatim", "supported", "unsupported")
    }
    uncited = metrics.mean([float(citation.n == 0) for citation in verdicts])
    return {
        "citation_precision": metrics.mean(precision),
        "citation_recall": metrics.mean(recall),
        **shares,
        "claims_uncited": uncited,
    }


def _refusals(outcomes: Sequence[Outcome]) -> dict[str, float | None]:
    return {
        "refused_rightly": metrics.mean([float(one.refused) for one in outcomes if not one.case.answerable]),
        "refused_wrongly": metrics.mean([float(one.refused) for one in outcomes if one.case.answerable]),
    }


def _latency(answers: Sequence[Answer]) -> dict[str, float | None]:
    """Milliseconds until the documents, the first token and the end."""
    values: dict[str, float | None] = {}
    for name in ("documents_ms", "first_token_ms", "total_ms"):
        times = [time for answer in answers if (time := getattr(answer.timing, name)) is not None]
        label = "latency_ms" if name == "total_ms" else name
        values[f"{label}_p50"] = metrics.percentile(times, 0.5)
        values[f"{label}_p95"] = metrics.percentile(times, 0.95)
    return values
