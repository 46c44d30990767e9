"""Ingestion beside the usual recipe, over the same served site, with the same embedder.

    python bench/ingestion.py [SITE] [--pages N] [--embedder minilm|hash] [--extraction FOLDER] [--json]

SITE is a folder of HTML pages (data/site without it), served on loopback. The recipe is what tutorials do:
WebBaseLoader → RecursiveCharacterTextSplitter(1000, 200) → Chroma.from_documents. Each side runs in a process and a
folder of its own; its peak memory is that of all its processes together, Chroma's server among them, and memory that
they share is counted once. The second run is over the unchanged site. `hash` embeds by hashing words, so that what is
compared is everything but the embedder. The two sides cut a page differently, Footnote by tokens and headings, the
recipe by characters and with the menus: the ratio of pages is what a user waits for, the ratio of chunks the same as if
both made equally many of a page, and the ratio of tokens the same as if these were also equally long, which is what an
embedder's work follows. The imports and the start of Chroma are in the times, the loading of the embedder is not.
With --extraction (default ../shared/eval/extraction where it is) the main content of its pages is read and compared
with the gold text by 4-word shingles. Times vary with the machine: read the ratios.
"""

from __future__ import annotations

import argparse
import contextlib
import functools
import gzip
import http.server
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
EXTRACTION = ROOT.parent / "shared" / "eval" / "extraction"
SIDES = ("footnote", "recipe")
WATCH_SECONDS = 1.0
"""To add up the memory of four processes takes 30 ms of a core, which the side that has four would pay most for."""
sys.path[:0] = [str(ROOT)]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("site", nargs="?", type=Path, default=ROOT / "data" / "site")
    parser.add_argument("--pages", type=int, default=100, help="at most so many pages of the site (100)")
    parser.add_argument("--embedder", choices=("minilm", "hash"), default="minilm")
    parser.add_argument("--extraction", type=Path, default=EXTRACTION)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--side", choices=SIDES, help=argparse.SUPPRESS)
    parser.add_argument("--urls", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.side:
        print(json.dumps(run_side(options.side, options.embedder, json.loads(options.urls))))
        return 0
    found = compare(options)
    if (options.extraction / "gold.jsonl").exists():
        found["extraction"] = extraction(options.extraction)
    print(json.dumps(found, indent=1) if options.json else table(found))
    return 0


def compare(options: argparse.Namespace) -> dict[str, Any]:
    """Both sides over the same URLs, one after the other, and their ratio."""
    paths = sorted(path.relative_to(options.site).as_posix() for path in options.site.rglob("*.html"))[: options.pages]
    embedding_model(options.embedder).model.embed_documents(["warm"])
    with served(options.site) as base:
        urls = [base + path.removesuffix("index.html") for path in paths]
        found: dict[str, Any] = {side: in_process(side, options.embedder, urls) for side in SIDES}
    ours, theirs = found["footnote"], found["recipe"]
    found["ratio"] = {
        "pages_per_second": round(ours["pages_per_second"] / theirs["pages_per_second"], 2),
        "chunks_per_second": round(ours["chunks_per_second"] / theirs["chunks_per_second"], 2),
        "tokens_per_second": round(ours["tokens_per_second"] / theirs["tokens_per_second"], 2),
        "second_run": round(theirs["second_run_seconds"] / ours["second_run_seconds"], 1),
    }
    return found


def in_process(side: str, embedder: str, urls: Sequence[str]) -> dict[str, Any]:
    command = [sys.executable, __file__, "--side", side, "--embedder", embedder, "--urls", json.dumps(list(urls))]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{side} failed:\n{done.stderr[-2000:]}")
    return dict(json.loads(done.stdout.splitlines()[-1]))


def run_side(side: str, embedder: str, urls: Sequence[str]) -> dict[str, Any]:
    """A first run and one over the unchanged site; what is embedded is counted."""
    with tempfile.TemporaryDirectory() as folder, watched(folder) as peak:
        run = functools.partial(footnote if side == "footnote" else recipe, Path(folder), embedder, urls)
        first = run()
        second = run()
    return {
        "pages": first["pages"],
        "chunks": first["chunks"],
        "tokens": first["tokens"],
        "seconds": round(first["seconds"], 2),
        "pages_per_second": round(first["pages"] / first["seconds"], 2),
        "chunks_per_second": round(first["chunks"] / first["seconds"], 2),
        "tokens_per_second": round(first["tokens"] / first["seconds"]),
        "peak_mb": max(peak),
        "second_run_seconds": round(second["seconds"], 3),
        "second_run_embedded": second["embedded"],
    }


@contextmanager
def watched(folder: str) -> Iterator[list[int]]:
    """Notes, once a second, the megabytes of this process, its children, and all that name `folder`."""
    seen, done = [0], threading.Event()

    def watch() -> None:
        while not done.wait(WATCH_SECONDS):
            seen.append(sum(map(shared_memory, processes(folder))) // 1024)

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        yield seen
    finally:
        done.set()
        watcher.join()


def processes(folder: str) -> list[Path]:
    found = []
    for place in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            parent = int((place / "stat").read_text().rpartition(")")[2].split()[1])
            if os.getpid() in (int(place.name), parent) or folder.encode() in (place / "cmdline").read_bytes():
                found.append(place)
    return found


def shared_memory(place: Path) -> int:
    """Kilobytes of a process; what it shares with others is divided among them."""
    with contextlib.suppress(OSError):
        for line in (place / "smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                return int(line.split()[1])
    return 0


class Counted:
    """An embedder whose tokens can be counted afterwards, those of each text up to what it reads of one."""

    def __init__(self, model: Any) -> None:
        self._model = model
        self._texts: list[str] = []
        self._embed = model.model.embed_documents
        model.model.embed_documents = self.embed

    def embed(self, texts: list[str]) -> Any:
        self._texts += texts
        return self._embed(texts)

    @property
    def tokens(self) -> int:
        return sum(min(self._model.max_tokens, self._model.count_tokens(text)) for text in self._texts)


def footnote(folder: Path, embedder: str, urls: Sequence[str]) -> dict[str, float]:
    from ingest.arenas import share_arenas

    share_arenas()
    model = embedding_model(embedder)
    model.model.embed_documents(["warm"])
    counted = Counted(model)
    started = time.perf_counter()
    import uvloop

    from ingest.arenas import keep_imports
    from ingest.opening import open_ingestion
    from ingest.spec import IngestSpec
    from rag.index.search import Index
    from rag.settings import Settings

    settings = Settings(data_dir=folder / "footnote", allow_hosts=("127.0.0.1",))
    index = Index.open(settings, model)

    async def run() -> Any:
        async with open_ingestion(IngestSpec(tuple(urls)), settings, index=index, embeddings=model) as ingestion:
            keep_imports()
            return await ingestion.run()

    try:
        report = uvloop.run(run())
        seconds = time.perf_counter() - started
    finally:
        index.close()
    chunks = report.chunks_added + report.chunks_kept
    pages = report.indexed + report.unchanged
    embedded = {"embedded": report.embedded, "tokens": counted.tokens}
    return {"pages": pages, "chunks": chunks, "seconds": seconds, **embedded}


def recipe(folder: Path, embedder: str, urls: Sequence[str]) -> dict[str, float]:
    import warnings

    warnings.simplefilter("ignore")
    whole = embedding_model(embedder)
    model = whole.model
    model.embed_documents(["warm"])
    counted = Counted(whole)
    started = time.perf_counter()
    from langchain_chroma import Chroma
    from langchain_community.document_loaders import WebBaseLoader
    from langchain_text_splitters import RecursiveCharacterTextSplitter

    documents = WebBaseLoader(web_paths=list(urls), header_template={"User-Agent": "bench"}).load()
    chunks = RecursiveCharacterTextSplitter(chunk_size=1000, chunk_overlap=200).split_documents(documents)
    store = Chroma(embedding_function=model, persist_directory=str(folder / "recipe"))
    for first in range(0, len(chunks), 5000):
        store.add_documents(chunks[first : first + 5000])
    seconds = time.perf_counter() - started
    embedded = {"embedded": len(chunks), "tokens": counted.tokens}
    return {"pages": len(documents), "chunks": len(chunks), "seconds": seconds, **embedded}


def embedding_model(name: str) -> Any:
    from rag.models.embeddings import EmbeddingModel, open_embeddings
    from rag.settings import Settings

    if name == "minilm":
        return open_embeddings(Settings(data_dir=ROOT / "data"))  # the model file is made once, and not measured
    from tests.fakes import FakeEmbeddings

    return EmbeddingModel("hash", FakeEmbeddings(384), 384, max_tokens=250)


@contextmanager
def served(folder: Path) -> Any:
    """The folder on a free loopback port; yields the base URL."""

    class Quiet(http.server.SimpleHTTPRequestHandler):
        protocol_version = "HTTP/1.1"  # connections are kept, as by any web server
        disable_nagle_algorithm = True

        def log_message(self, format: str, *arguments: Any) -> None:
            """Says nothing."""

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=str(folder)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}/"
    finally:
        server.shutdown()


def extraction(folder: Path) -> dict[str, float]:
    """Mean precision and recall of 4-word shingles of the read text against the gold text, and their F1."""
    from ingest.reading.read import read_page
    from rag.errors import SourceError

    rows = [json.loads(line) for line in (folder / "gold.jsonl").read_text().splitlines() if line.strip()]
    shares: list[tuple[float, float, float]] = []
    for row in rows:
        html = folder / "html" / f"{row['id']}.html.gz"
        if not html.exists() or "text" not in row:
            continue
        try:
            reading = read_page(
                gzip.decompress(html.read_bytes()), "https://example.com/", fetched_at=datetime.now(UTC)
            )
            text = reading.page.text
        except SourceError:
            text = ""
        shares.append(overlap(row["text"], text))
    precisions = [right / (right + extra) for right, extra, _ in shares if right + extra]
    recalls = [right / (right + missing) for right, _, missing in shares if right + missing]
    precision, recall = sum(precisions) / len(precisions), sum(recalls) / len(recalls)
    f1 = 2 * precision * recall / (precision + recall)
    return {"pages": len(shares), "precision": round(precision, 3), "recall": round(recall, 3), "f1": round(f1, 3)}


def overlap(gold: str, text: str) -> tuple[float, float, float]:
    """Shares of shingles that are right, extra and missing."""
    wanted, found = shingles(gold), shingles(text)
    right = (wanted & found).total()
    extra, missing = found.total() - right, wanted.total() - right
    everything = right + extra + missing or 1
    return right / everything, extra / everything, missing / everything


def shingles(text: str) -> Counter[tuple[str, ...]]:
    import re

    words = re.findall(r"\w+", text)
    return Counter(tuple(words[first : first + 4]) for first in range(max(1, len(words) - 3)) if words)


def table(found: dict[str, Any]) -> str:
    rows = list(found["footnote"])
    lines = [f"{'':<22}{'footnote':>12}{'recipe':>12}"]
    lines += [f"{row:<22}{found['footnote'][row]:>12}{found['recipe'][row]:>12}" for row in rows]
    lines += [f"ratio {name:<22}{value:>6}" for name, value in found["ratio"].items()]
    if "extraction" in found:
        lines.append("extraction " + ", ".join(f"{name} {value}" for name, value in found["extraction"].items()))
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
