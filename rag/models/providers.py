"""Model names as they are set, `provider:model`, and what is wrong with one that cannot work."""

from __future__ import annotations

import difflib
import importlib.util
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rag.errors import ConfigurationError, MissingCredentials, UnknownModel
from rag.settings import Settings

CHAT_PROVIDERS: Mapping[str, str] = {
    "anthropic": "langchain_anthropic",
    "anthropic_bedrock": "langchain_aws",
    "azure_ai": "langchain_azure_ai",
    "azure_openai": "langchain_openai",
    "baseten": "langchain_baseten",
    "bedrock": "langchain_aws",
    "bedrock_converse": "langchain_aws",
    "bedrock_mantle_anthropic": "langchain_aws",
    "bedrock_mantle_openai": "langchain_aws",
    "cohere": "langchain_cohere",
    "deepseek": "langchain_deepseek",
    "fireworks": "langchain_fireworks",
    "google_anthropic_vertex": "langchain_google_vertexai",
    "google_genai": "langchain_google_genai",
    "google_vertexai": "langchain_google_vertexai",
    "groq": "langchain_groq",
    "huggingface": "langchain_huggingface",
    "ibm": "langchain_ibm",
    "langsmith": "langchain_openai",
    "litellm": "langchain_litellm",
    "meta": "langchain_meta",
    "mistralai": "langchain_mistralai",
    "nvidia": "langchain_nvidia_ai_endpoints",
    "ollama": "langchain_ollama",
    "openai": "langchain_openai",
    "openrouter": "langchain_openrouter",
    "perplexity": "langchain_perplexity",
    "together": "langchain_together",
    "upstage": "langchain_upstage",
    "xai": "langchain_xai",
}
"""Providers that LangChain's `init_chat_model` knows, and the module of each."""

EMBEDDING_PROVIDERS: Mapping[str, str] = {
    "azure_ai": "langchain_azure_ai",
    "azure_openai": "langchain_openai",
    "bedrock": "langchain_aws",
    "cohere": "langchain_cohere",
    "google_genai": "langchain_google_genai",
    "google_vertexai": "langchain_google_vertexai",
    "huggingface": "langchain_huggingface",
    "mistralai": "langchain_mistralai",
    "ollama": "langchain_ollama",
    "openai": "langchain_openai",
}
"""The same for `init_embeddings`."""

NO_KEY = "none"
"""Sent to a server of one's own, which asks for no key; the client insists on one."""


@dataclass(frozen=True, slots=True)
class ModelName:
    """A model of a provider, whose package is installed."""

    provider: str
    model: str

    def __str__(self) -> str:
        return f"{self.provider}:{self.model}"


@dataclass(frozen=True, slots=True)
class NameSpace:
    """What one setting may name: `built_in` models by one word, and models of `providers`."""

    variable: str
    built_in: Sequence[str]
    providers: Mapping[str, str]
    example: str

    def parse(self, name: str) -> ModelName:
        """Reads `provider:model`.

        Raises:
            UnknownModel: no such provider, or no model named; says what was probably meant.
            ConfigurationError: the provider's package is not installed.
        """
        provider, _, model = name.strip().partition(":")
        provider = provider.strip().lower().replace("-", "_")
        if provider not in self.providers or not model.strip():
            guess = self._guess(name.strip(), provider, model.strip())
            raise UnknownModel(f"{self.variable}={name!r} names no model. Did you mean {guess!r}?", self._cure())
        package = self.providers[provider]
        if importlib.util.find_spec(package) is None:
            raise ConfigurationError(
                f"{self.variable}={name!r} needs the package {package.replace('_', '-')!r}, which is not installed.",
                f"Run `.venv/bin/pip install {package.replace('_', '-')}`.",
            )
        return ModelName(provider, model.strip())

    def _guess(self, name: str, provider: str, model: str) -> str:
        if provider == self.example.partition(":")[0]:
            return self.example
        known = difflib.get_close_matches(provider, [*self.built_in, *self.providers], n=1)
        if not known:
            return f"openai:{model or name}" if name else self.example
        return known[0] if known[0] in self.built_in else f"{known[0]}:{model or 'MODEL'}"

    def _cure(self) -> str:
        return (
            f"Set {self.variable} to {' or '.join(map(repr, self.built_in))}, or to 'provider:model' such as "
            f"{self.example!r}; providers: {', '.join(self.providers)}."
        )


def openai_access(settings: Settings, variable: str, name: ModelName) -> dict[str, Any]:
    """Key and URL for an OpenAI-compatible server, as keyword arguments of the LangChain client.

    Raises:
        MissingCredentials: there is neither a key nor a server of one's own.
    """
    if settings.openai_api_key is None and settings.openai_base_url is None:
        raise MissingCredentials(
            f"{variable}={str(name)!r} needs a key.",
            "Set OPENAI_API_KEY, or set OPENAI_BASE_URL to a server that needs none.",
        )
    key = settings.openai_api_key.get_secret_value() if settings.openai_api_key else NO_KEY
    # Given even when it is the default, so that the client does not look it up in the environment by itself.
    return {"api_key": key, "base_url": settings.openai_base_url or "https://api.openai.com/v1"}


def cannot_set_up(variable: str, name: ModelName) -> ConfigurationError:
    """For a provider whose own client refuses to be made, mostly for want of a key."""
    return ConfigurationError(
        f"{variable}={str(name)!r} cannot be set up.",
        f"Set the key that the provider asks for, such as {name.provider.upper()}_API_KEY; the log says more.",
    )
