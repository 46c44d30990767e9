"""The quick way of asking Chroma for neighbours, and when it leaves the question to Chroma's own client."""

from __future__ import annotations

import contextlib
import gc
import json
import threading
import warnings
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import SimpleNamespace
from typing import Any

import httpx
import numpy as np
import pytest

from rag.index.chroma_client import ChromaClient
from rag.index.chroma_query import QuickQuery
from rag.index.endpoint import Endpoint


class Server(ThreadingHTTPServer):
    """Answers every query with `reply`, and closes the connection after each when it `hangs_up`."""

    reply: tuple[int, bytes] = (200, json.dumps({"ids": [["a", "b"]], "distances": [[0.1, 0.2]]}).encode())
    hangs_up = False

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.asked: list[dict[str, object]] = []
        self.answering = threading.Event()
        self.answering.set()


class Handler(BaseHTTPRequestHandler):
    server: Server
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.asked.append({"path": self.path, **json.loads(body)})
        self.server.answering.wait(5)
        status, reply = self.server.reply
        with contextlib.suppress(OSError):  # who waited may have gone
            self._send(status, reply)

    def _send(self, status: int, reply: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(reply)))
        self.end_headers()
        self.wfile.write(reply)
        self.close_connection = self.server.hangs_up

    def log_message(self, format: str, *args: object) -> None:
        """Says nothing."""


@pytest.fixture
def server() -> Iterator[Server]:
    with Server() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server
        server.answering.set()
        server.shutdown()
        thread.join()


def quick(server: Server, timeout: float = 5.0) -> QuickQuery:
    return QuickQuery(Endpoint(f"http://127.0.0.1:{server.server_port}", {}), timeout)


def test_asks_what_chroma_is_asked_and_gives_its_answer(server: Server) -> None:
    query = quick(server)
    assert query.ask("c1", [0.5, 1.0], 2)() == [("a", 0.1), ("b", 0.2)]
    assert server.asked == [
        {
            "path": "/api/v2/tenants/default_tenant/databases/default_database/collections/c1/query",
            "query_embeddings": [[0.5, 1.0]],
            "n_results": 2,
            "include": ["distances"],
        }
    ]
    query.close()


def test_who_asks_is_free_until_the_answer_is_taken(server: Server) -> None:
    """The server has the question while the answer is still waited for by nobody."""
    query = quick(server)
    first, other = query.ask("c1", [0.5], 2), query.ask("c1", [0.25], 2)
    while len(server.asked) < 2:
        server.answering.wait(0.01)
    assert other() == first() == [("a", 0.1), ("b", 0.2)]
    query.close()


def test_a_vector_is_asked_for_as_exactly_as_chroma_keeps_it(server: Server) -> None:
    """Nine digits tell every float32 from its neighbours, the smallest and the largest too."""
    vector = np.array([1 / 3, -1e-30, 3.4e38, 0.1, 16_777_217.0], np.float32)
    query = quick(server)
    query.ask("c1", vector.tolist(), 2)()
    assert np.array(server.asked[0]["query_embeddings"][0], np.float32).tobytes() == vector.tobytes()
    query.close()


@pytest.mark.parametrize("reply", [(404, b'{"error": "NotFoundError"}'), (200, b"<html>"), (500, b"")])
def test_any_other_answer_is_left_to_chromas_client(server: Server, reply: tuple[int, bytes]) -> None:
    server.reply = reply
    query = quick(server)
    assert query.ask("c1", [0.5], 2)() is None
    query.close()


def test_a_connection_that_was_closed_meanwhile_is_no_failure(server: Server) -> None:
    """The server was restarted: that question is left to Chroma's client, the next one is asked anew."""
    server.hangs_up = True
    query = quick(server)
    answers = [query.ask("c1", [0.5], 2)() for _ in range(3)]
    assert answers[0]
    assert answers[2]
    query.close()


def test_waits_no_longer_than_allowed(server: Server) -> None:
    server.answering.clear()
    with pytest.raises(TimeoutError):
        quick(server, timeout=0.05).ask("c1", [0.5], 2)()


def test_a_server_that_reads_what_it_keeps_is_waited_for(server: Server) -> None:
    """A search has its deadline; waking a server that was just started has none so short."""
    server.answering.clear()
    client = ChromaClient(Endpoint(f"http://127.0.0.1:{server.server_port}", {}), 0.05, 0.05)
    collection: Any = SimpleNamespace(id="c1")
    with ThreadPoolExecutor(1) as thread:
        waking = thread.submit(client.wake, collection, 2)
        with pytest.raises(httpx.ReadTimeout):
            client.ask(collection, [0.5, 0.5], 2)()
        assert not waking.done()
        server.answering.set()
        waking.result()
    client.close()


def test_a_connection_in_use_is_closed_when_it_comes_back(server: Server) -> None:
    """A search may outlive its index by a moment; its socket must not."""
    server.answering.clear()
    query = quick(server)
    with warnings.catch_warnings(record=True) as told, ThreadPoolExecutor(1) as thread:
        warnings.simplefilter("always")
        searching = thread.submit(query.ask("c1", [0.5], 2))
        while not server.asked:
            server.answering.wait(0.01)
        query.close()
        server.answering.set()
        assert searching.result()
        del query, searching
        gc.collect()
    assert told == []
