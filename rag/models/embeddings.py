"""Embedding models by name: `minilm`, which is embedded, or `provider:model` through LangChain."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from typing import Any

from langchain_core.embeddings import Embeddings

from rag.errors import FootnoteError, ModelStreamBroken
from rag.models.failures import redacted, translate_model_error
from rag.models.minilm import CONTENT_WORD_PIECES, DIMENSION, MiniLMEmbeddings
from rag.models.providers import EMBEDDING_PROVIDERS, ModelName, NameSpace, cannot_set_up, openai_access
from rag.settings import Settings
from rag.text.tokens import count_tokens as estimate_tokens

VARIABLE = "RAG_EMBEDDINGS"
MINILM = "minilm"
NAMES = NameSpace(VARIABLE, (MINILM,), EMBEDDING_PROVIDERS, "openai:text-embedding-3-small")

_OPENAI_DIMENSIONS = {"text-embedding-3-small": 1536, "text-embedding-3-large": 3072, "text-embedding-ada-002": 1536}
_OPENAI_MAX_TOKENS = 8_000
_USUAL_MAX_TOKENS = 512
"""What most open embedding models read."""
_TEXTS_PER_REQUEST = 128

logger = logging.getLogger(__name__)


class EmbeddingModel:
    """A model that turns texts into vectors, and what the index has to know about it.

    Args:
        name: as set: `minilm`, `openai:text-embedding-3-small`.
        dimension: length of its vectors; when it is not given, asking for it embeds one word.
        max_tokens: what it reads of a text, in tokens as `count_tokens` counts them.
        languages: ISO 639-1 codes that it knows; None for all.
    """

    def __init__(
        self,
        name: str,
        model: Embeddings,
        dimension: int | None = None,
        *,
        max_tokens: int = _USUAL_MAX_TOKENS,
        count_tokens: Callable[[str], int] = estimate_tokens,
        languages: frozenset[str] | None = None,
    ) -> None:
        self.name = name
        self.model = model
        self.max_tokens = max_tokens
        self.count_tokens = count_tokens
        self.languages = languages
        self._dimension = dimension

    @property
    def dimension(self) -> int:
        """Length of the vectors.

        Raises:
            ModelError: it had to be asked, and did not answer.
        """
        if self._dimension is None:
            self._dimension = len(self.model.embed_query("dimension"))
        return self._dimension

    def knows(self, language: str) -> bool:
        """Whether vectors mean something for texts in `language`."""
        return self.languages is None or language in self.languages


def open_embeddings(settings: Settings) -> EmbeddingModel:
    """The embedding model of the settings. Nothing is loaded or connected before the first text.

    Raises:
        UnknownModel, MissingWeights, MissingCredentials, ConfigurationError: it cannot work as set.
    """
    if settings.embeddings.strip().lower() == MINILM:
        embedder = MiniLMEmbeddings(settings.data_dir / "models")
        return EmbeddingModel(
            MINILM,
            embedder,
            DIMENSION,
            max_tokens=CONTENT_WORD_PIECES,
            count_tokens=embedder.word_pieces,
            languages=frozenset({"en"}),
        )
    name = NAMES.parse(settings.embeddings)
    known = _OPENAI_DIMENSIONS.get(name.model) if name.provider == "openai" else None
    return EmbeddingModel(
        str(name),
        TranslatedEmbeddings(_open_remote(settings, name), str(name)),
        known,
        max_tokens=_OPENAI_MAX_TOKENS if known else _USUAL_MAX_TOKENS,
    )


def _open_remote(settings: Settings, name: ModelName) -> Embeddings:
    from langchain.embeddings import init_embeddings

    options: dict[str, Any] = {}
    if name.provider == "openai":
        from openai import Timeout

        options = {
            **openai_access(settings, VARIABLE, name),
            # Plain strings, which every compatible server takes, and no tokenizer that is fetched from the network.
            "check_embedding_ctx_length": False,
            "chunk_size": _TEXTS_PER_REQUEST,
            "max_retries": settings.model_retries,
            "timeout": Timeout(settings.first_token_timeout, connect=settings.connect_timeout),
        }
    try:
        return init_embeddings(name.model, provider=name.provider, **options)
    except Exception as error:
        logger.warning("The embedding model %s cannot be set up: %s", name, redacted(str(error)))
        raise cannot_set_up(VARIABLE, name) from error


class TranslatedEmbeddings(Embeddings):
    """Embeddings of a provider whose failures are told in our words, and whose vectors are counted.

    Raises:
        ModelError: from every method.
    """

    def __init__(self, model: Embeddings, name: str) -> None:
        self._model = model
        self._name = name

    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        return self._checked(lambda: self._model.embed_documents(texts), len(texts))

    def embed_query(self, text: str) -> list[float]:
        return self._checked(lambda: [self._model.embed_query(text)], 1)[0]

    async def aembed_documents(self, texts: list[str]) -> list[list[float]]:
        return await self._achecked(self._model.aembed_documents(texts), len(texts))

    async def aembed_query(self, text: str) -> list[float]:
        async def one() -> list[list[float]]:
            return [await self._model.aembed_query(text)]

        return (await self._achecked(one(), 1))[0]

    def _checked(self, embed: Callable[[], list[list[float]]], count: int) -> list[list[float]]:
        try:
            return self._counted(embed(), count)
        except FootnoteError:
            raise
        except Exception as error:
            raise translate_model_error(error, self._name) from error

    async def _achecked(self, vectors: Awaitable[list[list[float]]], count: int) -> list[list[float]]:
        try:
            return self._counted(await vectors, count)
        except FootnoteError:
            raise
        except Exception as error:
            raise translate_model_error(error, self._name) from error

    def _counted(self, vectors: list[list[float]], count: int) -> list[list[float]]:
        if len(vectors) != count or not all(vectors) or len({len(vector) for vector in vectors}) > 1:
            raise ModelStreamBroken(
                f"The model {self._name!r} sent {len(vectors)} vectors for {count} texts, or uneven ones.",
                "Check that it is an embedding model, and that OPENAI_BASE_URL is right.",
            )
        return vectors
