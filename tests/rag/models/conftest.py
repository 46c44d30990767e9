"""The embedded embedder, made once for the session."""

from __future__ import annotations

from pathlib import Path

import pytest

from rag.models.minilm import MiniLMEmbeddings


@pytest.fixture(scope="session")
def minilm_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("models")


@pytest.fixture(scope="session")
def minilm(minilm_folder: Path) -> MiniLMEmbeddings:
    return MiniLMEmbeddings(minilm_folder)
