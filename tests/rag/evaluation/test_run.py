"""Runs: every question is asked as it stands, and the report says what came of it."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pytest
from rich.console import Console

from rag.errors import InvalidRequest, ModelUnavailable
from rag.evaluation.report import MEANINGS, EvaluationReport, parse_thresholds
from rag.evaluation.run import run_evaluation
from rag.request import AskRequest
from rag.vocabulary import Answer, Citation, Timing
from tests.fakes import make_document

RUNS, OTHER = "https://example.org/runs.html", "https://example.org/other.html"


def reply(text: str, *citations: Citation, reason: str = "stop", milliseconds: float = 10.0) -> Answer:
    documents = (make_document("Other.", 1, url=OTHER), make_document("Runs are kept for 72 hours.", 2, url=RUNS))
    return Answer("r", "q", text, documents, citations, reason, Timing(1.0, 2.0, milliseconds))  # type: ignore[arg-type]


class Asked:
    """Answers from a script, and remembers what it was asked."""

    def __init__(self, *answers: Answer | Exception) -> None:
        self._answers = list(answers)
        self.requests: list[AskRequest] = []

    async def ask(self, request: AskRequest) -> Answer:
        self.requests.append(request)
        answer = self._answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer


ROWS = [
    {"question": "How long is a run kept?", "gold": [RUNS], "answers": ["72 hours"]},
    {"question": "And then?", "gold": [RUNS], "answers": ["gone"], "history": ["How long is a run kept?", "72 hours."]},
    {"question": "Who won the cup?", "answerable": False},
    {"question": "What fails?", "gold": [RUNS], "answers": ["x"]},
]


@pytest.fixture
def questions(tmp_path: Path) -> Path:
    path = tmp_path / "questions.jsonl"
    path.write_text("\n".join(map(json.dumps, ROWS)), "utf-8")
    return path


@pytest.fixture
def asked() -> Asked:
    return Asked(
        reply("For 72 hours [2].", Citation(2, 0, 17, "verbatim"), milliseconds=10),
        reply("It is gone.", Citation(0, 0, 11, "unsupported"), Citation(1, 0, 11, "supported"), milliseconds=30),
        reply("The documents do not say.", reason="no_answer", milliseconds=20),
        ModelUnavailable("The model is down."),
    )


async def test_the_report_counts_what_came_back(questions: Path, asked: Asked) -> None:
    """A question that fails counts as nothing found and nothing said, and is listed."""
    steps: list[tuple[int, int]] = []
    report = await run_evaluation(questions, asked, progress=lambda done, of: steps.append((done, of)))
    expected = {
        "hits@1": 0.0, "hits@3": 0.6667, "mrr": 0.3333, "ndcg@10": 0.4206, "answer_contained": 0.6667,
        "citation_precision": 0.5, "citation_recall": 0.3333, "citations_verbatim": 0.3333,
        "citations_supported": 0.3333, "citations_unsupported": 0.3333, "claims_uncited": 0.3333,
        "refused_rightly": 1.0, "refused_wrongly": 0.0, "latency_ms_p50": 20.0, "latency_ms_p95": 30.0, "errors": 1.0,
    }  # fmt: skip
    assert {name: report.values[name] for name in expected} == pytest.approx(expected, abs=1e-4)
    assert set(report.values) == set(MEANINGS)
    assert report.questions == 4
    assert report.errors == ("4: The model is down.",)
    assert steps == [(1, 4), (2, 4), (3, 4), (4, 4)]


async def test_the_json_tells_what_came_of_each_question(questions: Path, asked: Asked) -> None:
    """By id: the rank of what is gold, whether the answer stands in the reply, verdicts, refusal, failure."""
    report = await run_evaluation(questions, asked)
    first, second, third, fourth = json.loads(json.dumps(report.data()["cases"]))
    assert (first["id"], first["rank"], first["contained"], first["refused"]) == ("1", 2, True, False)
    assert first["verdicts"] == {"verbatim": 1}
    assert second["verdicts"] == {"unsupported": 1, "supported": 1}
    assert third["refused"] is True
    assert not {"rank", "contained"} & third.keys()
    assert (fourth["rank"], fourth["contained"], fourth["error"]) == (None, False, "The model is down.")
    assert "latency_ms" not in fourth


async def test_questions_are_asked_as_they_stand(questions: Path, asked: Asked) -> None:
    """History goes with its question, and enough documents are asked for to rank ten."""
    await run_evaluation(questions, asked, limit=3)
    assert [request.question for request in asked.requests] == [row["question"] for row in ROWS[:3]]
    assert asked.requests[1].history is not None
    assert [message.role for message in asked.requests[1].history] == ["user", "assistant"]
    assert {request.top_k for request in asked.requests} == {10}


async def test_thresholds_decide_the_exit_code(questions: Path, asked: Asked) -> None:
    """A build stops when a bound is missed, when what it bounds could not be measured, or when a question failed."""
    report = await run_evaluation(questions, asked, thresholds=["hits@3>=0.6", "latency_ms_p95<=25"])
    assert report.exit_code == 1
    assert [threshold.metric for threshold in report.missed] == ["latency_ms_p95"]
    assert EvaluationReport(1, {}, parse_thresholds(["mrr>=0"])).exit_code == 1
    assert EvaluationReport(1, {"mrr": 0.5}, parse_thresholds(["mrr>=0.5"])).exit_code == 0
    assert EvaluationReport(1, {"mrr": 0.5}, errors=("1: The model is down.",)).exit_code == 1


def test_thresholds_are_read() -> None:
    """`=` means what the option says; what is no metric is refused with a list of those there are."""
    assert parse_thresholds(["ndcg@10=0.8"]) == (("ndcg@10", ">=", 0.8),)
    assert parse_thresholds(["errors = 0"], "<=") == (("errors", "<=", 0.0),)
    with pytest.raises(InvalidRequest, match="no metric 'accuracy'"):
        parse_thresholds(["accuracy=1"])
    with pytest.raises(InvalidRequest, match="cannot be read"):
        parse_thresholds(["ndcg@10"])


def test_the_table_and_the_json_say_the_same() -> None:
    """Both hold every value and whether its bound is met."""
    report = EvaluationReport(2, {"mrr": 0.5, "latency_ms_p95": 12.3}, parse_thresholds(["mrr>=0.9"]))
    console = Console(width=120, record=True, file=io.StringIO())
    console.print(report.table())
    shown = console.export_text()
    assert "0.500" in shown
    assert "MISSED" in shown
    assert report.data()["thresholds"] == [{"metric": "mrr", "relation": ">=", "bound": 0.9, "met": False}]
    assert report.data()["metrics"] == {"mrr": 0.5, "latency_ms_p95": 12.3}
