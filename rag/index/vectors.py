"""The vectors index: Chroma, through langchain-chroma. With `chroma_client.py` the only file that knows Chroma.

Chroma holds ids, vectors and three metadata (`source`, `title`, `language`), and an empty text: the texts are in the
catalog, and with them Chroma's store is six times larger and its writes half as fast (measured, 6,000 chunks).

A prefix of a URL is no query in Chroma, and its metadata filters scan (63 ms at 100,000 chunks). So a filter is
weighed by the catalog first: when it leaves few chunks, these are compared exactly, from the catalog's own vectors;
when it leaves many, a plain query is widened until enough of its hits pass. Either way every match can be found.

Which collection is ours is told by its metadata: it names the generation of the catalog. A rebuild fills a collection
beside the one in use, hands over by one write to the catalog, and renames; readers never see a gap.
"""

from __future__ import annotations

import math
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar, cast

from langchain_core.embeddings import Embeddings

from rag.errors import FootnoteError, IndexMismatch, IndexUnavailable, StorageError
from rag.index.catalog import Catalog, Identity
from rag.index.chroma_client import ChromaClient
from rag.index.chroma_faults import translated, was_replaced
from rag.index.chroma_server import ChromaServer
from rag.index.endpoint import Endpoint, own_endpoint, remote_endpoint, shown
from rag.index.nearest import Hits, nearest
from rag.settings import Settings
from rag.vocabulary import Chunk, Filter

if TYPE_CHECKING:
    import chromadb
    from langchain_chroma import Chroma

T = TypeVar("T")

BATCH = 300
"""Records a write, as many as Chroma Cloud allows: with 100 at a time Chroma takes 1.7 times the processor's work, and
with thousands queries wait for it."""
EXACT_CHUNKS = 4_000
"""A filter that leaves no more is answered exactly, in the time that Chroma's own filter would take."""
WIDEST_QUERY = 5_000
_CLOUD_RESULTS = 300
_PAGE = 5_000
_TITLE_CHARACTERS = 300
_HNSW = {"space": "cosine", "sync_threshold": 10_000, "ef_search": 200, "ef_construction": 128, "max_neighbors": 16}
"""The graph is written to disk every 10,000 vectors: seldom, as a kill in that moment can damage it; not never, as
what was not written is replayed at the first query after a start (0.15 ms a vector)."""


@dataclass(frozen=True)
class _Link:
    """A client and the collection that was found with it."""

    client: ChromaClient
    store: Chroma
    given: _Given

    @property
    def collection(self) -> chromadb.Collection:
        return self.store._collection  # langchain-chroma counts nothing in public


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


class VectorIndex:
    """Vectors of chunks, by cosine. Safe to use from several threads; a restarted server is found again.

    Args:
        locate: where Chroma is; called with True after a failure, to look again.
        catalog: decides which collection is ours, and weighs filters.
        collection: its name in Chroma.
        timeout: seconds for one call.
        server: our own server, left when the index is closed.
        generation: which collection to use, instead of the one the catalog names.
        write_timeout: seconds for one write, six times `timeout` when not given: a busy disk delays a batch, and
            nobody waits for an answer meanwhile.
        exact_chunks: a filter that leaves no more chunks is answered by comparing all of them.

    Raises (every method):
        IndexUnavailable: Chroma does not answer in time, or fails.
        IndexMismatch: the collection is another data folder's, or of another dimension.
    """

    def __init__(
        self,
        locate: Callable[[bool], Endpoint],
        catalog: Catalog,
        *,
        collection: str = "footnote",
        timeout: float = 10.0,
        server: ChromaServer | None = None,
        generation: str | None = None,
        exact_chunks: int = EXACT_CHUNKS,
        write_timeout: float | None = None,
    ) -> None:
        self._locate = locate
        self._catalog = catalog
        self._name = collection
        self._timeout = timeout
        self._write_timeout = write_timeout or 6 * timeout
        self._server = server
        self._generation = generation
        self._exact_chunks = exact_chunks
        self._lock = threading.Lock()
        self._client: ChromaClient | None = None
        self._closed = False
        self._link: _Link | None = None

    @classmethod
    def open(cls, settings: Settings, catalog: Catalog) -> VectorIndex:
        """The index that the settings name; connects at its first use."""
        server = None if settings.chroma_url else ChromaServer(settings.data_dir)
        return cls(
            own_endpoint(server) if server else remote_endpoint(settings),
            catalog,
            collection=settings.collection,
            timeout=settings.index_timeout,
            server=server,
        )

    @property
    def server(self) -> ChromaServer | None:
        """Our own server; None when RAG_CHROMA_URL names another."""
        return self._server

    def connect(self) -> None:
        """Connects, starts our own server when it does not run, and waits until it has read what it keeps.

        Not needed, and quick when it was done before.
        """
        self._call(lambda _: None)

    def add(self, chunks: Sequence[Chunk], vectors: Sequence[Sequence[float]]) -> None:
        """Adds chunks with their vectors, each in place of the one with its id. Durable when it returns."""
        writes = math.ceil(len(chunks) / BATCH)
        step = math.ceil(len(chunks) / max(1, writes))  # of one size, for what each write costs
        for first in range(0, len(chunks), max(1, step)):
            some = chunks[first : first + step]
            given = vectors[first : first + step]
            self._call(lambda link, some=some, given=given: _add(link, some, given), create=True)  # type: ignore[misc]

    def delete(self, ids: Sequence[str]) -> None:
        """Removes chunks; ids that are not there are none."""
        for first in range(0, len(ids), BATCH):
            some = list(ids[first : first + BATCH])
            self._call(lambda link, some=some: link.store.delete(some))  # type: ignore[misc]

    def search(self, vector: Sequence[float], k: int, filter: Filter | None = None) -> list[tuple[str, float]]:
        """The `k` nearest (chunk id, cosine similarity clipped to 0…1), best first."""
        return self.ask(vector, k, filter)()

    def ask(self, vector: Sequence[float], k: int, filter: Filter | None = None) -> Hits:
        """Begins a search, and returns what waits for its hits: Chroma, a process of its own, searches meanwhile."""
        if k < 1:
            return list
        if filter:
            return partial(self._filtered, vector, k, filter)
        first = self._call(lambda link: link.client.ask(link.collection, vector, k))
        asked = [first] if first else []

        def hits() -> list[tuple[str, float]]:
            near = self._call(lambda link: (asked.pop() if asked else link.client.ask(link.collection, vector, k))())
            return [(chunk_id, _similarity(distance)) for chunk_id, distance in near or []]

        return hits

    def _filtered(self, vector: Sequence[float], k: int, filter: Filter) -> list[tuple[str, float]]:
        matching = self._catalog.count_chunks(filter)
        if matching > self._exact_chunks:
            found = self._widened(vector, k, filter, matching)
            if found is not None:
                return found
        return nearest(self._catalog.vectors_under(filter), vector, k)

    def stored(self, ids: Sequence[str]) -> dict[str, list[float]]:
        """The vectors that Chroma has for `ids`; ids that are not there are absent."""
        found: dict[str, list[float]] = {}
        for first in range(0, len(ids), BATCH):
            some = list(ids[first : first + BATCH])
            page = self._call(lambda link, some=some: link.store.get(some, include=["embeddings"]))  # type: ignore[misc]
            if page:
                found |= {
                    key: list(map(float, vector)) for key, vector in zip(page["ids"], page["embeddings"], strict=True)
                }
        return found

    def count(self) -> int:
        """Vectors in the index."""
        return self._call(lambda link: link.collection.count()) or 0

    def ids(self) -> list[str]:
        """Every chunk id, in no order."""
        found: list[str] = []
        step = _CLOUD_RESULTS if self._locate(False).is_cloud else _PAGE
        while True:
            offset = len(found)
            page = self._call(lambda link, offset=offset: link.store.get(limit=step, offset=offset, include=[]))  # type: ignore[misc]
            ids = page["ids"] if page else []
            found += ids
            if len(ids) < step:
                return found

    def close(self) -> None:
        """Disconnects, and leaves our own server. A search that is still under way fails."""
        with self._lock:
            self._closed = True
        self._forget()
        if self._server is not None and self._generation is None:  # a replacement only borrows it
            self._server.close()

    def replacement(self, generation: str, identity: Identity) -> VectorIndex:
        """An empty collection beside the one in use; becomes the one in use when the catalog names its generation."""
        other = VectorIndex(
            self._locate,
            self._catalog,
            collection=self._name,
            timeout=self._timeout,
            server=self._server,
            generation=generation,
        )

        def make(client: ChromaClient) -> None:
            client.drop(f"{self._name}-next")
            client.make(f"{self._name}-next", _metadata(generation, identity), self._configuration())

        self._with_client(make)
        return other

    def tidy(self) -> None:
        """Ends a rebuild that was handed over, or one that was not: one collection remains, under its proper name."""
        base, spare = self._name, f"{self._name}-next"

        def work(client: ChromaClient) -> None:
            spare_is = client.generation(spare)
            if spare_is is None:
                return
            if spare_is != self._wanted():
                client.drop(spare)
                return
            client.drop(base)
            client.rename(spare, base)

        self._with_client(work)
        self._link = None

    def _described(self, vector: Sequence[float], k: int) -> list[tuple[str, float, dict[str, Any]]]:
        """Hits with their metadata, which take Chroma as long as finding them."""
        asked = cast(Any, [list(vector)])
        include: Any = ["distances", "metadatas"]
        found = self._call(lambda link: link.collection.query(asked, n_results=k, include=include))
        if not found:
            return []
        ids, distances = found["ids"][0], (found["distances"] or [[]])[0]
        metadatas = (found["metadatas"] or [[]])[0]
        return [
            (chunk_id, _similarity(distance), dict(metadata))
            for chunk_id, distance, metadata in zip(ids, distances, metadatas, strict=True)
        ]

    def _widened(
        self, vector: Sequence[float], k: int, filter: Filter, matching: int
    ) -> list[tuple[str, float]] | None:
        """Asks for more hits until `k` pass the filter; None when that would be too many."""
        total = self._catalog.count_chunks()
        widest = _CLOUD_RESULTS if self._locate(False).is_cloud else WIDEST_QUERY
        wanted = math.ceil(2 * k * total / matching)
        while wanted <= widest:
            hits = [
                (chunk_id, score) for chunk_id, score, data in self._described(vector, wanted) if _passes(data, filter)
            ]
            if len(hits) >= k:
                return hits[:k]
            wanted *= 4
        return None

    def _call(self, work: Callable[[_Link], T], *, create: bool = False) -> T | None:
        """Runs `work` on our collection; None when there is no collection."""

        def on_link(client: ChromaClient) -> T | None:
            link = self._resolved(client, create)
            return None if link is None else work(link)

        return self._with_client(on_link)

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

    def _resolved(self, client: ChromaClient, create: bool) -> _Link | None:
        link = self._link
        if link is None or link.client is not client:
            name = self._find(client) or self._make(client, create)
            if name is None:
                return None
            given = _Given()
            link = _Link(client, _opened(client, name, given), given)
            known = self._catalog.identity()
            if known is not None:
                client.wake(link.collection, known.dimension)
            self._link = link
        return link

    def _find(self, client: ChromaClient) -> str | None:
        """The name of the collection of our generation, among the two that it can have."""
        wanted = self._wanted()
        for name in (self._name, f"{self._name}-next"):
            if client.generation(name) == wanted:
                return name
        return None

    def _make(self, client: ChromaClient, create: bool) -> str | None:
        foreign = client.generation(self._name) is not None
        if foreign and self._server is None:
            raise IndexMismatch(
                f"The Chroma collection {self._name!r} belongs to another data folder.",
                "Set RAG_COLLECTION to another name, or run `footnote rebuild` to take it over.",
            )
        if self._catalog.count_chunks():
            raise IndexUnavailable(
                f"The Chroma collection {self._name!r} is not there, and the catalog has chunks.",
                "Run `footnote rebuild`; nothing is fetched or embedded again.",
            )
        if not create:
            return None
        if foreign:
            client.drop(self._name)
        client.make(self._name, _metadata(self._wanted(), self._catalog.identity()), self._configuration())
        return self._name

    def _wanted(self) -> str:
        return self._generation or self._catalog.generation()

    def _configuration(self) -> dict[str, Any]:
        return {"spann": {"space": "cosine"}} if self._locate(False).is_cloud else {"hnsw": dict(_HNSW)}

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
        if self._server is not None and self._server.disk_is_full():  # Chroma's own words seldom say so
            return StorageError(
                f"The disk of {str(self._server.data_dir)!r} is full.", "Free some space and try again."
            )
        where = shown(self._locate(False).url) if self._server is None else None
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


def _add(link: _Link, chunks: Sequence[Chunk], vectors: Sequence[Sequence[float]]) -> None:
    metadatas = [
        {"source": chunk.url, "title": chunk.title[:_TITLE_CHARACTERS], "language": chunk.language} for chunk in chunks
    ]
    link.given.give(vectors)
    link.store.add_texts([""] * len(chunks), metadatas, [chunk.id for chunk in chunks])


def _similarity(distance: float) -> float:
    return min(1.0, max(0.0, 1.0 - distance))


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


def _passes(metadata: dict[str, Any], filter: Filter) -> bool:
    return (filter.language is None or metadata.get("language") == filter.language) and (
        filter.url_prefix is None or str(metadata.get("source", "")).startswith(filter.url_prefix)
    )
