"""How the time of a search grows with the index, embedding of the question included.

    python bench/search.py [--sizes 1000,10000,100000] [--questions N] [--data DIR] [--json]

The text is made up but varied: words drawn by Zipf's law from a vocabulary of 200,000, each page about a few of them
more than others; ten chunks a page, some 120 words a chunk. Vectors of chunks are random projections of their words,
so that no hours go into embedding; every question is also embedded by the real model, whose time counts, and is asked
once, so that no part finds what it needs where another has left it. A million chunks take an hour to build and some
8 GB of disk: name 1000000 among the sizes, and a DIR to keep them in for the next time.
Exit 1 when the median misses its bar: 15 ms at 100,000 chunks, 30 ms at 1,000,000.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
from langchain_core.embeddings import Embeddings

from rag.index.search import Index
from rag.models.embeddings import EmbeddingModel, open_embeddings
from rag.settings import Settings
from rag.vocabulary import BLOCK_SEPARATOR, Block, Chunk, Page

BARS = {100_000: 15.0, 1_000_000: 30.0}
VOCABULARY = 200_000
CHUNKS_PER_PAGE = 10
WORDS_PER_CHUNK = 120
_SYLLABLES = (
    "ba ce di fo gu ha je ki lo mu na pe ri so tu va we xi yo zu bra cle dri flo gru ska ple tri sto wen".split()
)
_WRITTEN = datetime(2026, 1, 1, tzinfo=UTC)
_PAGES_A_WRITE = 100


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", default="1000,10000,100000", help="chunks, separated by commas")
    parser.add_argument("--questions", type=int, default=300)
    parser.add_argument("--data", type=Path, help="keep the indexes here, and use those that are there")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    folder = options.data or Path(tempfile.mkdtemp(prefix="footnote-bench-"))
    try:
        sizes = sorted(int(size) for size in options.sizes.split(","))
        rows = [measure(folder, size, options.questions) for size in sizes]
    finally:
        if options.data is None:
            shutil.rmtree(folder, ignore_errors=True)
    print(json.dumps(rows, indent=1) if options.json else table(rows))
    return 0 if all(row["passed"] for row in rows) else 1


class MadeUpEmbeddings(Embeddings):
    """Random projections of words; a question is also given to the real model, and its answer thrown away."""

    def __init__(self, real: Embeddings, dimension: int) -> None:
        self._real = real
        self._dimension = dimension

    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        return [self._projected(text).tolist() for text in texts]

    def embed_query(self, text: str) -> list[float]:
        self._real.embed_query(text)
        found: list[float] = self._projected(text).tolist()
        return found

    def _projected(self, text: str) -> np.ndarray[Any, Any]:
        vector = np.zeros(self._dimension, np.float32)
        for word in set(text.lower().split()):
            vector[
                np.frombuffer(hashlib.blake2b(word.encode(), digest_size=32).digest(), np.uint16) % self._dimension
            ] += 1
        vector -= vector.mean()
        return vector / (np.linalg.norm(vector) or 1.0)


class MadeUpText:
    """Pages and questions in words that nobody has written."""

    def __init__(self, seed: int = 7) -> None:
        self._random = np.random.default_rng(seed)
        syllables = np.array(_SYLLABLES)
        drawn = syllables[self._random.integers(0, len(syllables), (VOCABULARY, 4))]
        lengths = self._random.integers(1, 5, VOCABULARY)
        self._words = np.array(["".join(row[:length]) for row, length in zip(drawn, lengths, strict=True)])
        ranks = 1.0 / np.arange(2, VOCABULARY + 2)
        self._cumulated = np.cumsum(ranks) / ranks.sum()

    def pages(self, count: int) -> Iterator[tuple[Page, list[Chunk]]]:
        for number in range(count):
            subjects = self._random.integers(500, VOCABULARY, 12)
            title = " ".join(self._words[subjects[:3]]).capitalize()
            texts = [self._sentence(subjects, WORDS_PER_CHUNK) for _ in range(CHUNKS_PER_PAGE)]
            yield _page(f"https://site{number % 97}.test/area{number % 13}/{number}", title, texts)

    def questions(self, count: int) -> list[str]:
        return [
            self._sentence(self._random.integers(500, VOCABULARY, 3), int(self._random.integers(5, 13))) + "?"
            for _ in range(count)
        ]

    def _sentence(self, subjects: np.ndarray[Any, Any], words: int) -> str:
        places = np.searchsorted(self._cumulated, self._random.random(words))
        about = self._random.random(words) < 0.25
        places[about] = self._random.choice(subjects, int(about.sum()))
        return " ".join(self._words[np.minimum(places, VOCABULARY - 1)])


def _page(url: str, title: str, texts: Sequence[str]) -> tuple[Page, list[Chunk]]:
    page = Page(url, title, tuple(Block("paragraph", text) for text in texts), _WRITTEN, language="en")
    chunks, start = [], 0
    for ordinal, text in enumerate(texts):
        chunk_id = hashlib.sha256(f"{url}\n{ordinal}".encode()).hexdigest()[:32]
        chunks.append(Chunk(chunk_id, url, ordinal, start, start + len(text), text, title, language="en"))
        start += len(text) + len(BLOCK_SEPARATOR)
    return page, chunks


def measure(folder: Path, size: int, questions: int) -> dict[str, Any]:
    """Builds what is missing of an index of `size` chunks, then asks; milliseconds in all and of each part."""
    settings = Settings(
        data_dir=folder / str(size), embeddings="minilm", dense_weight=None, reranker=None, chroma_url=None
    )
    real = open_embeddings(settings)
    model = MadeUpEmbeddings(real.model, real.dimension)
    embeddings = EmbeddingModel(real.name, model, real.dimension, languages=real.languages)
    index = Index.open(settings, embeddings)
    try:
        began = time.perf_counter()
        build(index, size)
        built = time.perf_counter() - began
        fresh = MadeUpText(seed=11).questions
        for question in fresh(20):
            index.documents(question, top_k=6, context_tokens=2_000)
        parts = {
            "embed": lambda text: real.model.embed_query(text),
            "words": lambda text: index.words.search(text, 60),
            "vectors": lambda text: index.vectors.search(model.embed_documents([text])[0], 60),
            "search": lambda text: index.search(text, limit=10),
            "documents": lambda text: index.documents(text, top_k=6, context_tokens=2_000),
        }
        times = {name: milliseconds(part, fresh(questions)) for name, part in parts.items()}
    finally:
        index.close()
    row: dict[str, Any] = {"chunks": size, "built s": round(built)}
    row |= {f"{name} p50": round(statistics.median(found), 1) for name, found in times.items()}
    row["documents p95"] = round(statistics.quantiles(times["documents"], n=20)[-1], 1)
    row["bar"] = BARS.get(size)
    row["passed"] = row["bar"] is None or row["documents p50"] <= row["bar"]
    return row


def build(index: Index, size: int) -> None:
    """Writes made-up pages until there are `size` chunks; goes on where an earlier run stopped."""
    there = index.catalog.counts().pages
    pages = MadeUpText().pages(size // CHUNKS_PER_PAGE)
    batch: list[tuple[Page, list[Chunk]]] = []
    with index.writer("a benchmark") as writer:
        for number, page in enumerate(pages):
            if number < there:
                continue
            batch.append(page)
            if len(batch) == _PAGES_A_WRITE:
                writer.write(batch)
                batch = []
                print(f"\r{(number + 1) * CHUNKS_PER_PAGE:,} of {size:,} chunks", end="", file=sys.stderr, flush=True)
        if batch:
            writer.write(batch)
    print(file=sys.stderr)


def milliseconds(work: Callable[[str], object], questions: Sequence[str]) -> list[float]:
    found = []
    for question in questions:
        began = time.perf_counter()
        work(question)
        found.append((time.perf_counter() - began) * 1_000)
    return found


def table(rows: Sequence[dict[str, Any]]) -> str:
    names = [name for name in rows[0] if name not in ("passed",)]
    lines = ["| " + " | ".join(names) + " |", "|" + "---:|" * len(names)]
    for row in rows:
        cells = ["" if row[name] is None else f"{row[name]:,}" for name in names]
        lines.append("| " + " | ".join(cells) + " |" + ("" if row["passed"] else " MISSED"))
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
