"""Embedding models open by name, speak to a compatible server, and fail in our words."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from rag.errors import (
    ConfigurationError,
    MissingCredentials,
    ModelRejectedKey,
    ModelStreamBroken,
    ModelUnavailable,
    UnknownModel,
)
from rag.models.embeddings import EmbeddingModel, open_embeddings
from rag.settings import Settings
from tests.fakes import FakeEmbeddings


def vectors(*rows: list[float]) -> dict[str, Any]:
    data = [{"object": "embedding", "index": index, "embedding": row} for index, row in enumerate(rows)]
    return {"object": "list", "data": data, "model": "m", "usage": {"prompt_tokens": 1, "total_tokens": 1}}


def test_minilm_is_the_default_and_loads_nothing(tmp_path: Path) -> None:
    model = open_embeddings(Settings(data_dir=tmp_path))
    assert (model.name, model.dimension, model.max_tokens) == ("minilm", 384, 254)
    assert model.count_tokens("one two three") == 3
    assert model.knows("en")
    assert not model.knows("zh")
    assert list(tmp_path.iterdir()) == []


def test_dimension_is_asked_once_when_it_is_unknown() -> None:
    fake = FakeEmbeddings(dimension=12)
    model = EmbeddingModel("fake", fake)
    assert (model.dimension, model.dimension, fake.calls) == (12, 12, 1)
    assert model.knows("zh")


@pytest.mark.parametrize(
    ("name", "meant"), [("minlm", "minilm"), ("openia:x", "openai:x"), ("openai:", "openai:text-embedding-3-small")]
)
def test_an_unknown_name_is_answered_with_what_was_meant(name: str, meant: str) -> None:
    with pytest.raises(UnknownModel, match="RAG_EMBEDDINGS") as caught:
        open_embeddings(Settings(embeddings=name))
    assert f"Did you mean {meant!r}?" in str(caught.value)


def test_missing_package_and_missing_key_have_their_cures() -> None:
    with pytest.raises(ConfigurationError, match="pip install langchain-cohere"):
        open_embeddings(Settings(embeddings="cohere:embed-english-v3.0"))
    with pytest.raises(MissingCredentials, match="OPENAI_API_KEY"):
        open_embeddings(Settings(embeddings="openai:text-embedding-3-small"))


def test_a_known_openai_model_needs_no_question() -> None:
    model = open_embeddings(Settings(embeddings="openai:text-embedding-3-small", openai_api_key="sk-x"))  # type: ignore[arg-type]
    assert (model.dimension, model.max_tokens) == (1536, 8000)


def test_sends_plain_strings_to_a_compatible_server(openai_settings: Settings, model_server: Any) -> None:
    """Local servers do not take token arrays; vectors come back in the order of the texts."""
    model_server.reply(vectors([1.0, 0.0], [0.0, 1.0]))
    model = open_embeddings(openai_settings)
    assert model.model.embed_documents(["one", "two"]) == [[1.0, 0.0], [0.0, 1.0]]
    assert model_server.requests[0]["input"] == ["one", "two"]
    assert model_server.requests[0]["model"] == "small-embed"


async def test_async_faces_work_too(openai_settings: Settings, model_server: Any) -> None:
    model_server.reply(vectors([1.0, 0.0]))
    model_server.reply(vectors([0.0, 1.0], [1.0, 0.0]))
    model = open_embeddings(openai_settings).model
    assert await model.aembed_query("one") == [1.0, 0.0]
    assert await model.aembed_documents(["two", "one"]) == [[0.0, 1.0], [1.0, 0.0]]


@pytest.mark.parametrize(
    ("status", "body", "expected"),
    [
        (401, {"error": {"message": "no"}}, ModelRejectedKey),
        (500, {"error": {"message": "no"}}, ModelUnavailable),
        (200, b"<html>not json</html>", ModelStreamBroken),
        (200, vectors([1.0, 0.0]), ModelStreamBroken),
        (200, vectors([1.0, 0.0], [1.0]), ModelStreamBroken),
    ],
)
def test_a_failing_server_is_told_in_our_words(
    openai_settings: Settings, model_server: Any, status: int, body: Any, expected: type[Exception]
) -> None:
    model_server.reply(body, status)
    with pytest.raises(expected, match="openai:small-embed"):
        open_embeddings(openai_settings).model.embed_documents(["one", "two"])


async def test_a_refused_connection_is_unavailable(openai_settings: Settings, model_server: Any) -> None:
    model = open_embeddings(openai_settings).model
    model_server.close()
    with pytest.raises(ModelUnavailable, match="OPENAI_BASE_URL"):
        await model.aembed_query("one")
    with pytest.raises(ModelUnavailable):
        model.embed_query("one")


def test_importing_the_models_loads_no_client() -> None:
    """The command line stays quick: neither openai nor onnxruntime is imported before it is needed."""
    code = (
        "import sys, rag.models.chat; print({'openai', 'langchain_openai', 'onnxruntime', 'onnx'} & set(sys.modules))"
    )
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=Path(__file__).parents[3]
    )
    assert result.stdout.strip() == "set()"
