"""Our collection in Chroma: which one it is, the connection to it, and what is tried again.

Which collection is ours is told by its metadata: it names the generation of the catalog. A rebuild fills a collection
beside the one in use, hands over by one write to the catalog, and renames; readers never see a gap.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar, cast

from langchain_core.embeddings import Embeddings

from rag.errors import FootnoteError, IndexMismatch, IndexUnavailable, StorageError
from rag.index.catalog import Catalog
from rag.index.chroma_client import ChromaClient
from rag.index.chroma_faults import translated, was_replaced
from rag.index.chroma_server import ChromaServer
from rag.index.endpoint import Endpoint, own_endpoint, remote_endpoint, shown
from rag.index.rows import Identity
from rag.settings import Settings

if TYPE_CHECKING:
    import chromadb
    from langchain_chroma import Chroma

T = TypeVar("T")

_HNSW = {"space": "cosine", "sync_threshold": 10_000, "ef_search": 200, "ef_construction": 128, "max_neighbors": 16}
"""The graph is written to disk every 10,000 vectors: seldom, as a kill in that moment can damage it; not never, as
what was not written is replayed at the first query after a start (0.15 ms a vector)."""


@dataclass(frozen=True)
class Link:
    """A client and the collection that was found with it."""

    client: ChromaClient
    store: Chroma
    given: _Given

    @property
    def collection(self) -> chromadb.Collection:
        return self.store._collection  # langchain-chroma counts nothing in public

    def add(self, ids: list[str], vectors: Sequence[Sequence[float]], metadatas: list[dict[str, Any]]) -> None:
        """Adds records without a text, each in place of the one with its id."""
        self.given.give(vectors)
        self.store.add_texts([""] * len(ids), metadatas, ids)


class _Given(Embeddings):
    """Hands langchain-chroma the vectors that the catalog already has: those of the write at hand in each thread."""

    def __init__(self) -> None:
        self._writes = threading.local()

    def give(self, vectors: Sequence[Sequence[float]]) -> None:
        self._writes.vectors = vectors

    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        return cast(list[list[float]], self._writes.vectors)

    def embed_query(self, text: str) -> list[float]:
        raise NotImplementedError("searches are made by vector")


class ChromaCollection:
    """The collection of a catalog. Safe to use from several threads; a restarted server is found again.

    Args:
        locate: where Chroma is; called with True after a failure, to look again.
        catalog: decides which collection is ours.
        name: its name in Chroma.
        timeout: seconds for one call.
        server: our own server, left when the collection is closed.
        generation: which collection to use, instead of the one the catalog names.
        write_timeout: seconds for one write, six times `timeout` when not given: a busy disk delays a batch, and
            nobody waits for an answer meanwhile.

    Raises (every method):
        IndexUnavailable: Chroma does not answer in time, or fails.
        IndexMismatch: the collection is another data folder's, or of another dimension.
    """

    def __init__(
        self,
        locate: Callable[[bool], Endpoint],
        catalog: Catalog,
        *,
        name: str = "footnote",
        timeout: float = 10.0,
        server: ChromaServer | None = None,
        generation: str | None = None,
        write_timeout: float | None = None,
    ) -> None:
        self.name = name
        self.server = server
        self._locate = locate
        self._catalog = catalog
        self._timeout = timeout
        self._write_timeout = write_timeout or 6 * timeout
        self._generation = generation
        self._lock = threading.Lock()
        self._client: ChromaClient | None = None
        self._closed = False
        self._link: Link | None = None

    @classmethod
    def open(cls, settings: Settings, catalog: Catalog) -> ChromaCollection:
        """The collection that the settings name; connects at its first use."""
        server = None if settings.chroma_url else ChromaServer(settings.data_dir)
        return cls(
            own_endpoint(server) if server else remote_endpoint(settings),
            catalog,
            name=settings.collection,
            timeout=settings.index_timeout,
            server=server,
        )

    @property
    def is_cloud(self) -> bool:
        """Whether it is at Chroma Cloud, which has limits of its own."""
        return self._locate(False).is_cloud

    def call(self, work: Callable[[Link], T], *, create: bool = False) -> T | None:
        """Runs `work` on our collection; None when there is no collection."""

        def on_link(client: ChromaClient) -> T | None:
            link = self._resolved(client, create)
            return None if link is None else work(link)

        return self._with_client(on_link)

    def replacement(self, generation: str, identity: Identity) -> ChromaCollection:
        """An empty collection beside this one; becomes the one in use when the catalog names its generation."""
        other = ChromaCollection(
            self._locate,
            self._catalog,
            name=self.name,
            timeout=self._timeout,
            server=self.server,
            generation=generation,
            write_timeout=self._write_timeout,
        )

        def make(client: ChromaClient) -> None:
            client.drop(self._spare)
            client.make(self._spare, _metadata(generation, identity), self._configuration())

        self._with_client(make)
        return other

    def tidy(self) -> None:
        """Ends a rebuild that was handed over, or one that was not: one collection remains, under its proper name."""

        def work(client: ChromaClient) -> None:
            spare_is = client.generation(self._spare)
            if spare_is is None:
                return
            if spare_is != self._wanted():
                client.drop(self._spare)
                return
            client.drop(self.name)
            client.rename(self._spare, self.name)

        self._with_client(work)
        self._link = None

    def close(self) -> None:
        """Disconnects, and leaves our own server. A call that is still under way fails."""
        with self._lock:
            self._closed = True
        self._forget()
        if self.server is not None and self._generation is None:  # a replacement only borrows it
            self.server.close()

    @property
    def _spare(self) -> str:
        return f"{self.name}-next"

    def _with_client(self, work: Callable[[ChromaClient], T]) -> T:
        """Runs `work`, and once more when the server or the collection was replaced meanwhile."""
        for again in (False, True):
            client: ChromaClient | None = None
            try:
                client = self._connected(again)
                return work(client)
            except FootnoteError:
                raise
            except Exception as error:  # whatever Chroma and its HTTP client raise
                self._forget(client)
                if again or not was_replaced(error):
                    raise self._translated(error) from error
        raise AssertionError("unreachable")

    def _resolved(self, client: ChromaClient, create: bool) -> Link | None:
        link = self._link
        if link is None or link.client is not client:
            name = self._find(client) or self._make(client, create)
            if name is None:
                return None
            given = _Given()
            link = Link(client, _opened(client, name, given), given)
            known = self._catalog.identity()
            if known is not None:
                client.wake(link.collection, known.dimension)
            self._link = link
        return link

    def _find(self, client: ChromaClient) -> str | None:
        """The name of the collection of our generation, among the two that it can have."""
        wanted = self._wanted()
        for name in (self.name, self._spare):
            if client.generation(name) == wanted:
                return name
        return None

    def _make(self, client: ChromaClient, create: bool) -> str | None:
        foreign = client.generation(self.name) is not None
        if foreign and self.server is None:
            raise IndexMismatch(
                f"The Chroma collection {self.name!r} belongs to another data folder.",
                "Set RAG_COLLECTION to another name, or run `footnote rebuild` to take it over.",
            )
        if self._catalog.count_chunks():
            raise IndexUnavailable(
                f"The Chroma collection {self.name!r} is not there, and the catalog has chunks.",
                "Run `footnote rebuild`; nothing is fetched or embedded again.",
            )
        if not create:
            return None
        if foreign:
            client.drop(self.name)
        client.make(self.name, _metadata(self._wanted(), self._catalog.identity()), self._configuration())
        return self.name

    def _wanted(self) -> str:
        return self._generation or self._catalog.generation()

    def _configuration(self) -> dict[str, Any]:
        return {"spann": {"space": "cosine"}} if self.is_cloud else {"hnsw": dict(_HNSW)}

    def _connected(self, again: bool) -> ChromaClient:
        with self._lock:
            if self._closed:
                raise IndexUnavailable("The index was closed.", "Open it again.")
            if self._client is None:
                importing = threading.Thread(target=_import_libraries)
                importing.start()  # which takes a second or more, as the server does to come up
                try:
                    endpoint = self._locate(again)
                finally:
                    importing.join()
                self._client = ChromaClient(endpoint, self._timeout, self._write_timeout)
            return self._client

    def _forget(self, failed: ChromaClient | None = None) -> None:
        """Lets go of the connection, unless another thread already made a new one in place of `failed`."""
        with self._lock:
            client = self._client
            if failed is not None and client is not failed:
                return
            self._client = self._link = None
        if client is not None:
            client.close()

    def _translated(self, error: Exception) -> FootnoteError:
        if self.server is not None and self.server.disk_is_full():  # Chroma's own words seldom say so
            return StorageError(f"The disk of {str(self.server.data_dir)!r} is full.", "Free some space and try again.")
        where = shown(self._locate(False).url) if self.server is None else None
        return translated(error, where, self._timeout)


def _import_libraries() -> None:
    import langchain_chroma  # noqa: F401 - and chromadb with it


def _opened(client: ChromaClient, name: str, given: _Given) -> Chroma:
    from langchain_chroma import Chroma

    return Chroma(
        collection_name=name,
        embedding_function=given,
        client=cast(Any, client),
        create_collection_if_not_exists=False,
    )


def _metadata(generation: str, identity: Identity | None) -> dict[str, Any]:
    made_with = (
        {
            "embeddings": identity.embeddings,
            "dimension": identity.dimension,
            "chunker_version": identity.chunker_version,
        }
        if identity
        else {}
    )
    return {"generation": generation, **made_with}
