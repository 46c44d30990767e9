"""Metrics: the formulas, on examples worked out by hand."""

from __future__ import annotations

import math

import pytest

from rag.evaluation import metrics
from tests.fakes import make_document

DOCUMENTS = [
    make_document("Runs are kept for 72 hours.", 1, url="https://example.org/runs.html#kept"),
    make_document("Another chunk of the same page.", 2, url="https://example.org/runs.html"),
    make_document("线程保存在数据文件夹中。", 3, url="https://example.org/zh/threads.html"),
]


@pytest.mark.parametrize(
    ("gold", "found"),
    [
        ("https://example.org/runs.html", [1, 0, 0]),
        ("https://example.org/runs.html/#top", [1, 0, 0]),
        ("threads.html", [0, 0, 1]),
        ("zh/threads.html", [0, 0, 1]),
        ("reads.html", [0, 0, 0]),
        ("runs are kept for 72 hours", [1, 0, 0]),
        ("线程保存在数据文件夹中", [0, 0, 1]),
    ],
)
def test_gold_is_a_url_its_end_or_a_passage(gold: str, found: list[float]) -> None:
    """Fragments and trailing slashes do not count, and a page that is found twice counts once."""
    assert metrics.gains(DOCUMENTS, {gold: 1.0}) == found


def test_ranking() -> None:
    """hits@k, MRR and nDCG with grades."""
    found, gold = [0.0, 2.0, 0.0, 1.0], {"a": 2.0, "b": 1.0}
    assert [metrics.hit_at(found, k) for k in (1, 2)] == [0, 1]
    assert metrics.reciprocal_rank(found) == 0.5
    assert metrics.reciprocal_rank([0.0]) == 0
    best = 2 + 1 / math.log2(3)
    assert metrics.ndcg_at(found, gold, 10) == pytest.approx((2 / math.log2(3) + 1 / math.log2(5)) / best)
    assert metrics.ndcg_at([2.0, 1.0], gold, 10) == 1


def test_answers() -> None:
    """Case, articles and punctuation do not count; Chinese counts by characters; words are not cut."""
    assert metrics.contains_answer("It was the Duke, William!", ["the duke William", "x"])
    assert not metrics.contains_answer("Dukes", ["duke"])
    assert metrics.contains_answer("保存72小时。", ["72 小时"])
    assert metrics.token_f1("The cat sat", ["a cat", "dog"]) == pytest.approx(2 / 3)
    assert metrics.token_f1("三天", ["三年"]) == 0.5
    assert metrics.token_f1("", ["x"]) == 0


def test_percentiles() -> None:
    """Nearest rank, as monitoring tools count."""
    assert metrics.percentile([4.0, 1.0, 3.0, 2.0], 0.5) == 2
    assert metrics.percentile([4.0, 1.0, 3.0, 2.0], 0.95) == 4
    assert metrics.percentile([], 0.5) is metrics.mean([]) is None
