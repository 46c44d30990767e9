"""Fetching one page: guarded, bounded in time, bytes and redirects, and polite."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Mapping
from dataclasses import dataclass, replace
from time import monotonic
from types import TracebackType
from typing import Self

import aiohttp
from aiohttp.abc import AbstractResolver

from ingest.fetching.answers import (
    TRANSIENT,
    Fetched,
    Limits,
    Request,
    Transient,
    answer,
    check_status,
    check_type,
    too_large,
    translate,
)
from ingest.fetching.guard import Guard, refusal
from ingest.fetching.politeness import HostGate, Sleep
from ingest.urls import host_for_url, identify, resolve, site_of
from rag.errors import SourceGone, SourceRefused, SourceTooLarge, SourceUnreachable, SourceUnreadable

REDIRECTS = frozenset({301, 302, 303, 307, 308})
PERMANENT = frozenset({301, 308})
MAX_RETRY_AFTER = 120.0


@dataclass(slots=True)
class Traffic:
    """What was sent and received in all."""

    requests: int = 0
    not_modified: int = 0
    bytes: int = 0


@dataclass(frozen=True, slots=True)
class _Hop:
    """One response: an answer, or the place it points to."""

    fetched: Fetched | None = None
    location: str = ""
    permanent: bool = False


class Fetcher:
    """Asks for pages over one session. Use it as an async context manager.

    Args:
        guard: which addresses may be reached.
        gate: how often a host may be asked.
        user_agent: sent with every request.
        resolver: turns names into addresses; the system's when None.
    """

    def __init__(
        self,
        guard: Guard,
        gate: HostGate,
        *,
        user_agent: str,
        limits: Limits | None = None,
        resolver: AbstractResolver | None = None,
        sleep: Sleep = asyncio.sleep,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        self.gate = gate
        self.traffic = Traffic()
        self._guard = guard
        self._limits = limits or Limits()
        self._resolver = resolver
        self._sleep = sleep
        self._headers = {
            "Accept": "text/html,application/xhtml+xml,text/markdown,text/plain;q=0.9,*/*;q=0.1",
            "Accept-Encoding": "gzip, deflate",
            **(headers or {}),
            "User-Agent": user_agent,
        }
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        connector = aiohttp.TCPConnector(
            limit=0,  # the gate counts
            resolver=self._resolver or aiohttp.ThreadedResolver(),
            socket_factory=self._guard.socket_factory,
            use_dns_cache=False,  # the system has one, and ours would outlive a change of address
        )
        self._session = aiohttp.ClientSession(
            connector=connector, cookie_jar=aiohttp.DummyCookieJar(), headers=self._headers, trust_env=False
        )
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._session is not None:
            await self._session.close()

    async def get(self, request: Request) -> Fetched:
        """Fetches, follows redirects, and tries again after a failure that may pass.

        Raises:
            SourceRefused: a rule forbids the address, a redirect's target, or the site says 401 or 403.
            SourceGone: 404 or 410.
            SourceTooLarge: more bytes than allowed.
            SourceUnreadable: not one of the wanted types.
            SourceUnreachable: anything else that went wrong on the way.
        """
        for attempt in range(self._limits.retries + 1):
            try:
                return await self._follow(request)
            except Transient as failure:
                error = failure.error
                wait = error.retry_after
                self.gate.failed(failure.host, retry_after=wait)
                hopeless = wait is not None and wait > MAX_RETRY_AFTER
                if attempt == self._limits.retries or hopeless or self.gate.is_tired(failure.host):
                    raise error from failure.__cause__
                await self._sleep(wait if wait is not None else _backoff(attempt))
        raise AssertionError("the loop above returns or raises")

    async def _follow(self, request: Request) -> Fetched:
        url, moved, seen = identify(request.url), True, set[str]()
        budget = self._limits.seconds
        while True:
            seen.add(url)
            host, port = self._guard.check_url(url)
            async with self.gate.turn(site_of(url)):
                started = monotonic()
                try:
                    hop = await self._ask(request, url, (host, port), budget)
                except (SourceGone, SourceRefused, SourceUnreadable, SourceTooLarge):
                    self.gate.answered(site_of(url), monotonic() - started)
                    raise
                budget -= monotonic() - started
                self.gate.answered(site_of(url), monotonic() - started)
            if hop.fetched is not None:
                return hop.fetched if url == identify(request.url) else _redirected(hop.fetched, request.url, moved)
            moved = moved and hop.permanent
            url = self._target(request, url, hop.location, seen)
            if request.admit is not None:
                await request.admit(url, moved)

    def _target(self, request: Request, url: str, location: str, seen: set[str]) -> str:
        target = resolve(url, location)
        if target is None:
            raise SourceRefused(f"{url!r} redirects to {location[:200]!r}, which is not a web page.", "Check the site.")
        if target in seen:
            raise SourceUnreachable(f"{request.url!r} redirects in a circle.", "Check the site.")
        if len(seen) > self._limits.redirects:
            raise SourceUnreachable(
                f"{request.url!r} redirects more than {self._limits.redirects} times.", "Name its final URL."
            )
        return target

    async def _ask(self, request: Request, url: str, place: tuple[str, int], budget: float) -> _Hop:
        self.traffic.requests += 1
        host, port = place
        with self._guard.reaching(host, port) as reach:
            try:
                async with asyncio.timeout(max(budget, 0.001)):
                    return await self._response(request, url)
            except TimeoutError as error:
                raise SourceUnreachable(
                    f"{url!r} took longer than {self._limits.seconds:g} seconds.",
                    "Raise --timeout.",
                ) from error
            except (aiohttp.ClientError, OSError, ValueError) as error:
                if reach.refused:
                    raise refusal(url, reach.refused, host_for_url(host), port) from error
                raise translate(error, url, site_of(url)) from error

    async def _response(self, request: Request, url: str) -> _Hop:
        if self._session is None:
            raise RuntimeError("use the fetcher inside `async with`")
        async with self._session.get(
            url,
            allow_redirects=False,
            headers=request.validators.headers(),
            timeout=aiohttp.ClientTimeout(total=None, connect=None, sock_connect=10.0),
        ) as response:
            if response.status in REDIRECTS and "Location" in response.headers:
                return _Hop(None, response.headers["Location"], response.status in PERMANENT)
            if response.status == 304:
                self.traffic.not_modified += 1
                return _Hop(answer(url, response, b""))
            if not (request.any_status and response.status not in TRANSIENT):
                check_status(url, response)
            check_type(url, response, request.types)
            return _Hop(answer(url, response, await self._body(request, url, response)))

    async def _body(self, request: Request, url: str, response: aiohttp.ClientResponse) -> bytes:
        limit = request.max_bytes or self._limits.bytes
        if (response.content_length or 0) > limit and not request.truncate:
            raise too_large(url, limit)
        body = bytearray()
        async for piece in response.content.iter_any():
            self.traffic.bytes += len(piece)
            body += piece
            if len(body) > limit:
                response.close()
                if request.truncate:
                    return bytes(body[:limit])
                raise too_large(url, limit)
        return bytes(body)


def _redirected(fetched: Fetched, url: str, moved: bool) -> Fetched:
    return replace(fetched, url=url, moved=moved)


def _backoff(attempt: int) -> float:
    return 0.5 * 2.0**attempt * random.uniform(0.5, 1.5)  # noqa: S311 - spreading load is no secret
