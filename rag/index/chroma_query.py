"""The one question that every search asks of Chroma, put to a server on loopback with the standard library's client.

It is the same request as `Collection.query` sends. That one takes a millisecond more of the processor to say it and to
read the answer, which every search waits for; everything else is asked by Chroma's own client.
"""

from __future__ import annotations

import contextlib
import http.client
import json
from collections import deque
from collections.abc import Callable, Sequence
from functools import partial
from urllib.parse import quote, urlsplit

from rag.index.endpoint import Endpoint

Answer = Callable[[], list[tuple[str, float]] | None]
"""Waits for the nearest (id, distance); None when the server answers anything else: Chroma's client knows what. To be
called once.

Raises:
    TimeoutError: it does not answer in time.
"""

_HEADERS = {"Content-Type": "application/json"}


class QuickQuery:
    """Nearest neighbours at `endpoint`. Safe to use from several threads; each lends itself a connection.

    Args:
        timeout: seconds for one answer.
    """

    def __init__(self, endpoint: Endpoint, timeout: float) -> None:
        parts = urlsplit(endpoint.url)
        self._host, self._port = parts.hostname or "", parts.port or 80
        self._path = f"/api/v2/tenants/{quote(endpoint.tenant)}/databases/{quote(endpoint.database)}/collections"
        self._timeout = timeout
        self._idle: deque[http.client.HTTPConnection] = deque()
        self._closed = False

    def ask(self, collection: str, vector: Sequence[float], k: int) -> Answer:
        """Asks for the `k` nearest; who asked can do something else before taking the answer.

        Raises:
            TimeoutError: it does not take the question in time.
        """
        numbers = ("%.9g," * len(vector))[:-1] % tuple(vector)  # all of a float32; json takes three times as long
        asked = f'{{"query_embeddings": [[{numbers}]], "n_results": {k}, "include": ["distances"]}}'
        try:
            connection = self._idle.pop()
        except IndexError:
            connection = http.client.HTTPConnection(self._host, self._port, timeout=self._timeout)
        try:
            connection.request("POST", f"{self._path}/{collection}/query", asked.encode(), _HEADERS)
        except TimeoutError:
            connection.close()
            raise
        except (OSError, http.client.HTTPException):  # the server was restarted, or is none
            connection.close()
            return _no_answer
        return partial(self._answer, connection)

    def _answer(self, connection: http.client.HTTPConnection) -> list[tuple[str, float]] | None:
        try:
            answer = connection.getresponse()
            body = answer.read()
            found = json.loads(body) if answer.status == 200 else None
        except TimeoutError:
            connection.close()
            raise
        except (OSError, http.client.HTTPException, ValueError):
            connection.close()
            return None
        self._idle.append(connection)
        if self._closed:  # while it was being asked
            self.close()
        return None if found is None else list(zip(found["ids"][0], found["distances"][0], strict=True))

    def close(self) -> None:
        """Closes the connections: those that are in use, when they come back."""
        self._closed = True
        with contextlib.suppress(IndexError):
            while True:
                self._idle.pop().close()


def _no_answer() -> None:
    return None
