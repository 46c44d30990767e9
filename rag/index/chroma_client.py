"""Chroma's HTTP interface, with a deadline for every request.

What writing needs is asked for directly: importing chromadb takes a second and a half of processor time, and an
ingestion would have to wait for it before its first page. The rest is asked through chromadb's own client, which
langchain-chroma needs, from the first search on.
"""

from __future__ import annotations

import base64
import functools
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import quote, urlsplit

from rag.index.chroma_server import HOST
from rag.index.endpoint import Endpoint

if TYPE_CHECKING:
    import chromadb

_API = "/api/v2"
_CONNECT_SECONDS = 5.0


class ChromaRefused(Exception):
    """Chroma answered with an error.

    Attributes:
        status: of HTTP.
    """

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


@dataclass(frozen=True)
class Collection:
    """A collection as the server knows it."""

    id: str
    name: str
    metadata: dict[str, Any]

    @property
    def generation(self) -> str:
        """Which generation of a catalog it belongs to; empty when it is not ours at all."""
        return str(self.metadata.get("generation", ""))


class ChromaClient:
    """Talks to the server at `endpoint`; nothing is sent before the first call. Safe to use from several threads.

    Args:
        timeout: seconds for a request; `write_timeout` for one that writes.

    Raises (every method):
        ChromaRefused: the server answered with an error.
        OSError: it cannot be reached, or does not answer in time.
    """

    def __init__(self, endpoint: Endpoint, timeout: float, write_timeout: float) -> None:
        import requests

        self._endpoint = endpoint
        self._timeout = timeout
        self._write_timeout = write_timeout
        self._base = endpoint.url.removesuffix(_API) + _API
        self._place = f"/tenants/{quote(endpoint.tenant, '')}/databases/{quote(endpoint.database, '')}/collections"
        self._session = requests.Session()
        self._session.trust_env = not _is_local(endpoint)
        self._session.headers.update(endpoint.headers)

    def find(self, name: str) -> Collection | None:
        """The collection of that name; None when there is none."""
        try:
            found = self._ask("GET", f"{self._place}/{quote(name, '')}")
        except ChromaRefused as error:
            if error.status == 404:
                return None
            raise
        return _collection(found)

    def make(self, name: str, metadata: dict[str, Any], configuration: dict[str, Any]) -> Collection:
        """Makes a collection; one of that name that is there already is returned as it is."""
        body = {"name": name, "metadata": metadata, "configuration": configuration, "get_or_create": True}
        return _collection(self._ask("POST", self._place, body))

    def drop(self, name: str) -> None:
        """Removes a collection; one that is not there is none."""
        try:
            self._ask("DELETE", f"{self._place}/{quote(name, '')}")
        except ChromaRefused as error:
            if error.status != 404:
                raise

    def rename(self, collection: Collection, name: str) -> None:
        """Gives a collection another name."""
        self._ask("PUT", f"{self._place}/{collection.id}", {"new_name": name})

    def upsert(
        self,
        collection: Collection,
        ids: Sequence[str],
        vectors: Sequence[Sequence[float]],
        metadatas: Sequence[dict[str, str]],
    ) -> None:
        """Puts records in, each in place of the one with its id, with an empty text."""
        packed = _packed if self._takes_base64 else list
        body = {
            "ids": list(ids),
            "embeddings": [packed(vector) for vector in vectors],
            "metadatas": list(metadatas),
            "documents": [""] * len(ids),
        }
        self._ask("POST", f"{self._place}/{collection.id}/upsert", body, seconds=self._write_timeout)

    def delete(self, collection: Collection, ids: Sequence[str]) -> None:
        """Removes records; ids that are not there are none."""
        body = {"ids": list(ids)}
        self._ask("POST", f"{self._place}/{collection.id}/delete", body, seconds=self._write_timeout)

    @functools.cached_property
    def api(self) -> chromadb.api.ClientAPI:
        """Chromadb's own client: the part of `chromadb.HttpClient` that langchain-chroma uses.

        The original waits for ever, calls the server while it is constructed, and sends requests to loopback through a
        proxy when one is set in the environment.
        """
        return cast("chromadb.api.ClientAPI", _Api(self._endpoint, self._timeout))

    def close(self) -> None:
        self._session.close()
        api = self.__dict__.get("api")
        if api is not None:
            api.close()

    @functools.cached_property
    def _takes_base64(self) -> bool:
        """Whether vectors may be sent packed, at a tenth of the work."""
        return bool(self._ask("GET", "/pre-flight-checks").get("supports_base64_encoding"))

    def _ask(self, method: str, path: str, body: dict[str, Any] | None = None, seconds: float | None = None) -> Any:
        timeout = (min(self._timeout, _CONNECT_SECONDS), seconds or self._timeout)
        response = self._session.request(method, self._base + path, json=body, timeout=timeout)
        if response.status_code >= 400:
            raise ChromaRefused(response.status_code, _message(response.text))
        return response.json() if response.content else {}


class _Api:
    def __init__(self, endpoint: Endpoint, timeout: float) -> None:
        import httpx
        from chromadb.api import ServerAPI
        from chromadb.config import Settings as ChromaSettings
        from chromadb.config import System

        settings = ChromaSettings(
            _env_file=None,
            chroma_api_impl="chromadb.api.fastapi.FastAPI",
            chroma_server_host=endpoint.url,
            chroma_server_http_port=urlsplit(endpoint.url).port or 443,  # required, though the URL is what counts
            chroma_server_ssl_enabled=endpoint.url.startswith("https:"),
            chroma_server_headers=dict(endpoint.headers),
            anonymized_telemetry=False,
        )
        server: Any = System(settings).instance(cast(Any, ServerAPI))
        unbounded = server._session
        server._session = httpx.Client(
            headers=unbounded.headers,
            timeout=httpx.Timeout(timeout, connect=min(timeout, _CONNECT_SECONDS)),
            trust_env=not _is_local(endpoint),
        )
        unbounded.close()
        self._server = server
        self._place = {"tenant": endpoint.tenant, "database": endpoint.database}

    def get_collection(self, name: str, **_: Any) -> chromadb.Collection:
        from chromadb import Collection

        model = self._server.get_collection(name, **self._place)
        return Collection(client=self._server, model=model, embedding_function=None)

    def close(self) -> None:
        self._server._session.close()


def _collection(row: dict[str, Any]) -> Collection:
    return Collection(row["id"], row["name"], row["metadata"] or {})


def _is_local(endpoint: Endpoint) -> bool:
    return urlsplit(endpoint.url).hostname in (HOST, "localhost", "::1")


def _packed(vector: Sequence[float]) -> str:
    import numpy as np

    return base64.b64encode(np.asarray(vector, "<f4").tobytes()).decode("ascii")


def _message(text: str) -> str:
    """What an error body says; the server sends JSON, a proxy before it anything."""
    try:
        said = json.loads(text)
    except ValueError:
        return text[:200]
    return str(said.get("message") or said.get("error") or said) if isinstance(said, dict) else str(said)
