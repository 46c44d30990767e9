"""Settings: one frozen object, read from the environment or `.env` in one place, every field described.

`docs/settings.md` is generated from this file; `footnote config` prints the values in force.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Any

from pydantic import AliasChoices, Field, SecretStr, ValidationError, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from rag.errors import ConfigurationError

_PHRASE = re.compile(r"(?:(?<=,)|^)\s*(/(?:[^/\\]|\\.)+/(?=\s*(?:,|$))|[^,\s][^,]*)")

Names = Annotated[tuple[str, ...], NoDecode]
Secrets = Annotated[tuple[SecretStr, ...], NoDecode]


class Settings(BaseSettings):
    """What can be set. Environment names are the field names in capitals with the prefix `RAG_`, unless noted."""

    model_config = SettingsConfigDict(
        env_prefix="RAG_",
        env_file=".env",
        env_ignore_empty=True,
        extra="ignore",
        frozen=True,
        populate_by_name=True,
    )

    # Where things are kept
    data_dir: Path = Field(Path("data"), description="Folder of the catalog, the indexes, the models and the runs.")
    chroma_url: str | None = Field(
        None,
        description="A Chroma server to use, such as http://chroma:8000. Without it Footnote starts its own.",
    )
    chroma_token: SecretStr | None = Field(None, description="Token for the Chroma server or Chroma Cloud.")
    collection: str = Field(
        "footnote",
        pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{1,60}[A-Za-z0-9]$",
        description="Name of the Chroma collection.",
    )
    threads_url: SecretStr | None = Field(
        None, description="Postgres URL for conversations. Without it they are kept in the data folder."
    )

    # Models
    chat_model: str = Field(
        "auto",
        description="`auto` (openai:gpt-4o-mini when OPENAI_API_KEY is set, else extractive), `extractive`, "
        "or `provider:model`.",
    )
    embeddings: str = Field(
        "minilm", description="`minilm`, or `provider:model` such as openai:text-embedding-3-small."
    )
    openai_api_key: SecretStr | None = Field(
        None,
        validation_alias=AliasChoices("OPENAI_API_KEY", "openai_api_key"),
        description="Key of the OpenAI-compatible server.",
    )
    openai_base_url: str | None = Field(
        None,
        validation_alias=AliasChoices("OPENAI_BASE_URL", "OPENAI_API_BASE", "openai_base_url"),
        description="URL of an OpenAI-compatible server, up to and including /v1.",
    )
    temperature: float | None = Field(
        0.0, ge=0, le=2, description="Sampling temperature of the chat model; `default` for its own."
    )
    max_answer_tokens: int | None = Field(None, ge=1, description="Cap on the tokens of an answer.")
    connect_timeout: float = Field(5.0, gt=0, description="Seconds to reach the model's server.")
    first_token_timeout: float = Field(60.0, gt=0, description="Seconds to wait for the first token.")
    token_timeout: float = Field(30.0, gt=0, description="Seconds to wait between two tokens.")
    model_retries: int = Field(2, ge=0, le=10, description="Further tries before the first token.")

    # Answering
    top_k: int = Field(6, ge=1, le=50, description="How many documents are shown at most.")
    context_tokens: int = Field(2_000, ge=100, description="Token budget of the documents given to the model.")
    dense_weight: float | None = Field(
        None, ge=0, le=1, description="Share of the vectors in the fused score; empty to follow the language."
    )
    reranker: str | None = Field(
        None, description="`module:attribute` of a LangChain document compressor that reorders the hits."
    )
    blocked_phrases: Names = Field((), description="Words or /patterns/ an answer must not say, separated by commas.")
    history_tokens: int = Field(2_000, ge=100, description="Token budget of earlier turns; older ones are summarised.")
    agent_steps: int = Field(8, ge=1, le=50, description="Tool calls an agent may make for one question.")

    # Serving
    api_keys: Secrets = Field((), description="Keys that may use the API, separated by commas; empty lets anyone in.")
    served_hosts: Names = Field(
        (),
        description="Names by which browsers reach a server on loopback without keys, besides localhost and addresses; "
        "a proxy on the same machine needs its own here.",
    )
    max_streams: int = Field(100, ge=1, description="Questions answered at once; more get 503 and Retry-After.")
    ask_timeout: float = Field(120.0, gt=0, description="Seconds after which a run ends with an error.")
    index_timeout: float = Field(10.0, gt=0, description="Seconds to wait for Chroma.")
    ping_interval: float = Field(15.0, gt=0, description="Seconds between comments that keep a stream open.")
    run_ttl_hours: float = Field(72.0, gt=0, description="Hours for which a finished run can be replayed.")
    thread_ttl_days: float | None = Field(
        None, gt=0, description="Days after which an unused thread is deleted; empty keeps it."
    )
    shutdown_grace: float = Field(
        10.0, ge=0, description="Seconds that running answers get to finish when the server stops."
    )

    # Ingesting
    allow_hosts: Names = Field((), description="Private or loopback hosts, HOST or HOST:PORT, that may be reached.")
    user_agent: str = Field("Footnote/0.1", description="Name sent to sites, and looked up in their robots.txt.")
    contact: str | None = Field(
        None, description="URL or mail address added to the user agent, so that a site can reach you."
    )
    concurrency: int = Field(8, ge=1, le=256, description="Pages fetched at once.")
    per_host: int = Field(4, ge=1, le=64, description="Pages fetched at once from one host.")
    delay: float = Field(0.0, ge=0, description="Seconds between two requests to one host, at least.")
    fetch_timeout: float = Field(30.0, gt=0, description="Seconds for one page in all, redirects included.")
    max_bytes: int = Field(10_000_000, ge=1_000, description="Bytes of one page, decoded.")

    @field_validator("temperature", mode="before")
    @classmethod
    def _own_default(cls, value: Any) -> Any:
        return None if isinstance(value, str) and value.strip().lower() == "default" else value

    @field_validator("blocked_phrases", mode="before")
    @classmethod
    def _split_phrases(cls, value: Any) -> Any:
        """At commas, but not at those inside a /pattern/."""
        return tuple(found.strip() for found in _PHRASE.findall(value)) if isinstance(value, str) else value

    @field_validator("allow_hosts", "served_hosts", "api_keys", mode="before")
    @classmethod
    def _split(cls, value: Any) -> Any:
        return tuple(part.strip() for part in value.split(",") if part.strip()) if isinstance(value, str) else value

    @classmethod
    def load(cls, **overrides: Any) -> Settings:
        """Reads environment and `.env`; keyword arguments win.

        Raises:
            ConfigurationError: a value cannot be used; names the variable, never its value.
        """
        try:
            return cls(**overrides)
        except ValidationError as error:
            first = error.errors(include_input=False, include_url=False)[0]
            name = str(first["loc"][0]) if first["loc"] else "?"
            raise ConfigurationError(
                f"The setting {variable_name(name)} cannot be used: {first['msg']}.",
                "Correct it in the environment or in .env; `footnote config` lists every setting.",
            ) from None

    @property
    def chat_model_name(self) -> str:
        """The chat model in force, with `auto` resolved."""
        if self.chat_model != "auto":
            return self.chat_model
        return "openai:gpt-4o-mini" if self.openai_api_key else "extractive"


def variable_name(field: str) -> str:
    """The environment variable of a field: `top_k` → `RAG_TOP_K`, `openai_api_key` → `OPENAI_API_KEY`."""
    if field.isupper():
        return field
    info = Settings.model_fields.get(field)
    if info is not None and isinstance(info.validation_alias, AliasChoices):
        return str(info.validation_alias.choices[0])
    return f"RAG_{field.upper()}"
