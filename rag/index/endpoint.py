"""Where Chroma is: our own server, or the one that the settings name."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import parse_qs, urlsplit, urlunsplit

from rag.errors import ConfigurationError
from rag.index.chroma_server import HOST, ChromaServer
from rag.settings import Settings

_CLOUD_HOST = "trychroma.com"


@dataclass(frozen=True)
class Endpoint:
    """Where Chroma is: base URL, headers, tenant and database."""

    url: str
    headers: dict[str, str]
    tenant: str = "default_tenant"
    database: str = "default_database"

    @property
    def is_cloud(self) -> bool:
        return (urlsplit(self.url).hostname or "").endswith(_CLOUD_HOST)


def own_endpoint(server: ChromaServer) -> Callable[[bool], Endpoint]:
    """Finds our own server, which is started when there is none."""
    return lambda again: Endpoint(f"http://{HOST}:{server.port(check=again)}", {})


def remote_endpoint(settings: Settings) -> Callable[[bool], Endpoint]:
    """The server at RAG_CHROMA_URL; tenant and database may be given as its query (`?tenant=…&database=…`).

    Raises:
        ConfigurationError: it is no URL of a server.
    """
    parts = urlsplit(settings.chroma_url or "")
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ConfigurationError(
            f"RAG_CHROMA_URL is {shown(settings.chroma_url or '')!r}, which names no server.",
            "Give it as http://HOST:PORT or https://HOST.",
        )
    token = settings.chroma_token.get_secret_value() if settings.chroma_token else None
    headers = {"Authorization": f"Bearer {token}", "X-Chroma-Token": token} if token else {}
    query = {name: values[0] for name, values in parse_qs(parts.query).items()}
    url = urlunsplit((parts.scheme, parts.netloc, parts.path.rstrip("/"), "", ""))
    endpoint = Endpoint(
        url,
        headers,
        tenant=query.get("tenant", Endpoint.tenant),
        database=query.get("database", Endpoint.database),
    )
    return lambda again: endpoint


def shown(url: str) -> str:
    """The URL without user, password and query."""
    parts = urlsplit(url)
    return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, "", ""))
