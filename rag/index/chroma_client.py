"""The part of `chromadb.HttpClient` that langchain-chroma uses, with a deadline for every request."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import urlsplit

from rag.index.chroma_query import QuickQuery
from rag.index.chroma_server import HOST
from rag.index.endpoint import Endpoint

if TYPE_CHECKING:
    import chromadb
    import httpx


_WAKING_SECONDS = 300.0
"""For a server to read the graph of all its chunks: 460,000 took 22 s on a busy machine."""


class ChromaClient:
    """Talks to the server at `endpoint`; nothing is sent before the first call.

    The original waits for ever, calls the server while it is constructed, and sends requests to loopback through a
    proxy when one is set in the environment.

    Args:
        timeout: seconds for a request; `write_timeout` for one that writes.
    """

    def __init__(self, endpoint: Endpoint, timeout: float, write_timeout: float) -> None:
        import httpx
        from chromadb.api import ServerAPI
        from chromadb.config import Settings as ChromaSettings
        from chromadb.config import System

        parts = urlsplit(endpoint.url)
        secure = parts.scheme == "https"  # elsewhere no certificates are read, which takes a while
        settings = ChromaSettings(
            _env_file=None,
            chroma_api_impl="chromadb.api.fastapi.FastAPI",
            chroma_server_host=endpoint.url,
            chroma_server_http_port=parts.port or 443,  # required, though the URL is what counts
            chroma_server_ssl_enabled=secure,
            chroma_server_ssl_verify=None if secure else False,
            chroma_server_headers=dict(endpoint.headers),
            anonymized_telemetry=False,
        )
        server: Any = System(settings).instance(cast(Any, ServerAPI))
        unbounded = server._session
        server._session = httpx.Client(
            headers=unbounded.headers,
            timeout=httpx.Timeout(timeout, connect=min(timeout, 5.0)),
            verify=secure,
            event_hooks={"request": [lambda request: _allow_writes(request, write_timeout)]},
            trust_env=parts.hostname not in (HOST, "localhost", "::1"),
        )
        unbounded.close()
        self._server = server
        self._endpoint = endpoint
        self._place = {"tenant": endpoint.tenant, "database": endpoint.database}
        on_loopback = parts.scheme == "http" and parts.hostname == HOST and not endpoint.headers
        self._quick = QuickQuery(endpoint, timeout) if on_loopback else None

    def get_collection(self, name: str) -> chromadb.Collection:
        return self._wrapped(self._server.get_collection(name, **self._place))

    def wake(self, collection: chromadb.Collection, dimension: int) -> None:
        """Has a server that was just started read the graph, which takes many seconds where there are many chunks."""
        if self._quick is None:
            return
        with _in_time(), contextlib.closing(QuickQuery(self._endpoint, _WAKING_SECONDS)) as patient:
            patient.ask(str(collection.id), [1.0] * dimension, 1)()

    def ask(
        self, collection: chromadb.Collection, vector: Sequence[float], k: int
    ) -> Callable[[], list[tuple[str, float]]]:
        """Asks for the `k` nearest in `collection`; what is returned waits for their (id, distance)."""
        with _in_time():
            answer = self._quick.ask(str(collection.id), vector, k) if self._quick else None

        def nearest() -> list[tuple[str, float]]:
            with _in_time():
                found = answer() if answer else None
            if found is None:
                told = collection.query(cast(Any, [list(vector)]), n_results=k, include=["distances"])
                found = list(zip(told["ids"][0], (told["distances"] or [[]])[0], strict=True))
            return found

        return nearest

    def generation(self, name: str) -> str | None:
        """Which generation the collection is of: empty when it is not ours at all, None when there is none."""
        from chromadb.errors import NotFoundError

        try:
            metadata = self.get_collection(name).metadata or {}
        except NotFoundError:
            return None
        return str(metadata.get("generation", ""))

    def make(self, name: str, metadata: dict[str, Any], configuration: dict[str, Any]) -> None:
        self._server.create_collection(
            name, metadata=metadata, configuration=configuration, get_or_create=True, **self._place
        )

    def drop(self, name: str) -> None:
        from chromadb.errors import NotFoundError

        try:
            self._server.delete_collection(name, **self._place)
        except NotFoundError:
            return

    def rename(self, name: str, new_name: str) -> None:
        self.get_collection(name).modify(name=new_name)

    def close(self) -> None:
        self._server._session.close()
        if self._quick:
            self._quick.close()

    def _wrapped(self, model: Any) -> chromadb.Collection:
        from chromadb import Collection

        return Collection(client=self._server, model=model, embedding_function=None)


def _allow_writes(request: httpx.Request, seconds: float) -> None:
    """Gives a write more time than a query."""
    if request.url.path.endswith(("/upsert", "/delete")):
        request.extensions["timeout"] = {**request.extensions["timeout"], "read": seconds, "write": seconds}


@contextlib.contextmanager
def _in_time() -> Iterator[None]:
    """A quick query that takes too long fails as Chroma's own client does."""
    import httpx

    try:
        yield
    except TimeoutError as error:
        raise httpx.ReadTimeout("Chroma did not answer the query") from error
