"""Chat models by name: `extractive`, which is embedded, or `provider:model` through LangChain."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import Any, cast

from langchain_core.language_models.chat_models import BaseChatModel

from rag.models.embeddings import EmbeddingModel
from rag.models.extractive import ExtractiveChatModel
from rag.models.failures import redacted, translate_model_error
from rag.models.providers import CHAT_PROVIDERS, ModelName, NameSpace, cannot_set_up, openai_access
from rag.models.stream_end import watching_client
from rag.settings import Settings

__all__ = ["ChatModel", "open_chat_model", "translate_model_error"]

VARIABLE = "RAG_CHAT_MODEL"
EXTRACTIVE = "extractive"
NAMES = NameSpace(VARIABLE, (EXTRACTIVE, "auto"), CHAT_PROVIDERS, "openai:gpt-4o-mini")

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class ChatModel:
    """A model that answers.

    Attributes:
        name: as set: `extractive`, `openai:gpt-4o-mini`.
        extractive: it takes the documents and the question themselves (see `ExtractiveChatModel`), not a prompt.
    """

    name: str
    model: BaseChatModel
    extractive: bool = False


def open_chat_model(settings: Settings, embeddings: EmbeddingModel) -> ChatModel:
    """The chat model of the settings. Connects to nothing.

    Raises:
        UnknownModel, MissingCredentials, ConfigurationError: it cannot work as set.
    """
    if settings.chat_model_name.strip().lower() == EXTRACTIVE:
        return ChatModel(EXTRACTIVE, ExtractiveChatModel(embeddings=embeddings), extractive=True)
    name = NAMES.parse(settings.chat_model_name)
    return ChatModel(str(name), _open_remote(settings, name))


def _open_remote(settings: Settings, name: ModelName) -> BaseChatModel:
    from langchain.chat_models import init_chat_model

    options = _openai_options(settings, name) if name.provider == "openai" else {}
    if settings.temperature is not None:
        options["temperature"] = settings.temperature
    if settings.max_answer_tokens is not None:
        # ollama has a word of its own for what all others call max_tokens
        options["num_predict" if name.provider == "ollama" else "max_tokens"] = settings.max_answer_tokens
    try:
        return cast(BaseChatModel, init_chat_model(name.model, model_provider=name.provider, **options))
    except Exception as error:
        logger.warning("The chat model %s cannot be set up: %s", name, redacted(str(error)))
        raise cannot_set_up(VARIABLE, name) from error


def _openai_options(settings: Settings, name: ModelName) -> dict[str, Any]:
    from openai import Timeout

    silence = max(settings.first_token_timeout, settings.token_timeout)
    return {
        **openai_access(settings, VARIABLE, name),
        "timeout": Timeout(silence, connect=settings.connect_timeout),
        # Tries, and the limits before and between tokens, are the chain's: it knows what was said already. The
        # client's own would obey any Retry-After and cost a timer a token.
        "max_retries": 0,
        "stream_chunk_timeout": None,
        "http_async_client": watching_client(),
        "stream_usage": True,
    }
