"""Evaluation sets as folders of JSON lines, and an index made of one: each passage a page with a single chunk.

A set is a folder with `corpus.jsonl` (`doc_id`, `title`, `text`) and `dev_queries.jsonl` (`query_id`, `query`, `gold`:
ids of passages, optional `grades`: gain by id). Where there are none, the project's own site stands in: each section of
a page is a passage, and its heading, asked as a question, should find it.
"""

from __future__ import annotations

import hashlib
import json
import re
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from rag.index.search import Index
from rag.models.embeddings import EmbeddingModel, open_embeddings
from rag.settings import Settings
from rag.text.language import detect_language
from rag.vocabulary import Block, Chunk, Page

EVAL = Path(__file__).resolve().parents[2] / "shared" / "eval"
SITE = Path(__file__).resolve().parents[1] / "data" / "site"
_WRITTEN = datetime(2026, 1, 1, tzinfo=UTC)
_BATCH = 400


@dataclass(frozen=True)
class Passage:
    id: str
    title: str
    text: str


@dataclass(frozen=True)
class Query:
    """A question, and how much each passage that answers it is worth."""

    text: str
    gains: dict[str, float]


@dataclass(frozen=True)
class EvaluationSet:
    name: str
    passages: tuple[Passage, ...] = field(repr=False)
    queries: tuple[Query, ...] = field(repr=False)


def read_sets(folder: Path | None, names: Sequence[str] = ()) -> list[EvaluationSet]:
    """The sets under `folder` (or the folder itself, if it is one), or the project's own site."""
    folder = folder or EVAL
    if not folder.is_dir():
        return [site_set()]
    folders = [folder] if (folder / "corpus.jsonl").exists() else sorted(folder.iterdir())
    return [read_set(one) for one in folders if (one / "corpus.jsonl").exists() and (not names or one.name in names)]


def read_set(folder: Path) -> EvaluationSet:
    passages = [Passage(row["doc_id"], row.get("title", ""), row["text"]) for row in _rows(folder / "corpus.jsonl")]
    queries = [
        Query(row["query"], {gold: float((row.get("grades") or {}).get(gold, 1.0)) for gold in row["gold"]})
        for row in _rows(folder / "dev_queries.jsonl")
        if row["gold"]
    ]
    return EvaluationSet(folder.name, tuple(passages), tuple(queries))


def site_set() -> EvaluationSet:
    """Sections of the project's own site, read without any of its code."""
    passages: list[Passage] = []
    queries: list[Query] = []
    for path in sorted(SITE.rglob("*.html")):
        html = re.sub(r"(?s)<(script|style|nav|header|footer)\b.*?</\1>", "", path.read_text("utf-8"))
        title = _plain(re.search(r"(?s)<title>(.*?)</title>", html))
        for heading in re.finditer(r"(?s)<h2[^>]*>(.*?)</h2>(.*?)(?=<h[12]\b|\Z)", html):
            text = " ".join(re.sub(r"<[^>]+>", " ", heading[2]).split())
            if len(text) > 80:
                passage = Passage(f"{path.name}#{len(passages)}", title, text)
                passages.append(passage)
                queries.append(Query(f"{title}: {_plain(heading)}", {passage.id: 1.0}))
    return EvaluationSet("site", tuple(passages), tuple(queries))


@contextmanager
def indexed(evaluation: EvaluationSet) -> Iterator[tuple[Index, EmbeddingModel]]:
    """An index of the passages in a temporary folder, with the default embedder and a Chroma server of its own."""
    folder = Path(tempfile.mkdtemp(prefix="footnote-bench-"))
    settings = Settings(data_dir=folder, embeddings="minilm", dense_weight=None, reranker=None, chroma_url=None)
    try:
        embeddings = open_embeddings(settings)
        index = Index.open(settings, embeddings)
        try:
            pages = [page_of(passage, evaluation.name) for passage in evaluation.passages]
            with index.writer("a benchmark") as writer:
                for first in range(0, len(pages), _BATCH):
                    writer.write(pages[first : first + _BATCH])
            yield index, embeddings
        finally:
            index.close()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def page_of(passage: Passage, name: str) -> tuple[Page, list[Chunk]]:
    """A passage as a page with one chunk; the page's URL ends in the passage's id."""
    url = f"https://{name.replace('_', '-')}.test/{passage.id}"
    language = detect_language(passage.text)
    page = Page(url, passage.title, (Block("paragraph", passage.text),), _WRITTEN, language=language)
    chunk_id = hashlib.sha256(url.encode()).hexdigest()[:32]
    return page, [Chunk(chunk_id, url, 0, 0, len(page.text), page.text, passage.title, language=language)]


def passage_id(url: str) -> str:
    return url.split("/", 3)[3]


def _plain(found: re.Match[str] | None) -> str:
    return " ".join(re.sub(r"<[^>]+>", "", found[1]).split()) if found else ""


def _rows(path: Path) -> Iterator[dict[str, Any]]:
    with path.open(encoding="utf-8") as lines:
        yield from (json.loads(line) for line in lines if line.strip())
