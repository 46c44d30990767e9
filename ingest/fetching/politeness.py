"""How often a site is asked: a few requests at once, spaced by a delay that follows the site's own pace."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from time import monotonic

MAX_DELAY = 30.0
TIRED_AFTER = 5
Sleep = Callable[[float], Awaitable[None]]


@dataclass(slots=True)
class _Host:
    """What is known of one host in this run; times on the clock of the gate."""

    slots: asyncio.Semaphore
    delay: float
    floor: float
    free_at: float = 0.0
    latency: float | None = None
    failures: int = 0
    started: asyncio.Lock = field(default_factory=asyncio.Lock)


class HostGate:
    """Gives turns to speak to a host.

    The delay between two requests follows the site: when answers take longer than usual or fail, it grows towards the
    latency; when they come quickly again it falls back to the configured one (compare Scrapy's AutoThrottle).

    Args:
        per_host: requests under way to one host at most.
        delay: seconds between the starts of two requests to one host, at least.
        clock: monotonic seconds.
        sleep: waits that many seconds.
    """

    def __init__(
        self,
        per_host: int = 4,
        delay: float = 0.0,
        *,
        clock: Callable[[], float] = monotonic,
        sleep: Sleep = asyncio.sleep,
    ) -> None:
        self._per_host = per_host
        self._delay = delay
        self._clock = clock
        self._sleep = sleep
        self._hosts: dict[str, _Host] = {}

    @asynccontextmanager
    async def turn(self, host: str) -> AsyncIterator[None]:
        """Waits for a place and for the delay; inside, one request may be made."""
        state = self._host(host)
        async with state.slots:
            async with state.started:
                await self._wait_until_free(state)
                state.free_at = self._clock() + state.delay
            yield

    def answered(self, host: str, seconds: float) -> None:
        """Takes note of a good answer and how long it took."""
        state = self._host(host)
        state.failures = 0
        usual = seconds if state.latency is None else state.latency
        state.latency = 0.8 * usual + 0.2 * seconds
        slow = seconds > 1.0 and seconds > 2 * usual
        wanted = state.latency / self._per_host if slow else state.delay / 2
        state.delay = min(max(wanted if wanted > 0.01 else 0.0, state.floor), MAX_DELAY)

    def failed(self, host: str, *, retry_after: float | None = None) -> None:
        """Takes note of a failure that speaks of overload: asks half as often, and not before `retry_after` seconds."""
        state = self._host(host)
        state.failures += 1
        state.delay = min(max(state.delay * 2, state.latency or 0.1, state.floor), max(1.0, state.floor))
        if retry_after is not None:
            state.free_at = max(state.free_at, self._clock() + min(retry_after, MAX_DELAY))

    def slow_down(self, host: str, delay: float) -> None:
        """A crawl-delay of robots.txt, in seconds; more than 30 are taken as 30."""
        state = self._host(host)
        state.floor = max(state.floor, min(delay, MAX_DELAY))
        state.delay = max(state.delay, state.floor)

    def is_tired(self, host: str) -> bool:
        """Whether the last few requests to the host all failed, so that trying each one again only adds to it."""
        return self._host(host).failures >= TIRED_AFTER

    def _host(self, host: str) -> _Host:
        if host not in self._hosts:
            self._hosts[host] = _Host(asyncio.Semaphore(self._per_host), self._delay, self._delay)
        return self._hosts[host]

    async def _wait_until_free(self, state: _Host) -> None:
        while (wait := state.free_at - self._clock()) > 0:
            await self._sleep(wait)
