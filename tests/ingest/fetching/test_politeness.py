"""Turns to speak to a host, on a clock that only moves when somebody waits."""

from __future__ import annotations

import asyncio

import pytest

from ingest.fetching.politeness import HostGate


class Time:
    """A clock whose sleepers move it."""

    def __init__(self) -> None:
        self.now = 0.0

    def clock(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        self.now += seconds
        await asyncio.sleep(0)


def gate(time: Time, per_host: int = 1, delay: float = 0.0) -> HostGate:
    return HostGate(per_host, delay, clock=time.clock, sleep=time.sleep)


async def turns(gate: HostGate, host: str, count: int) -> None:
    for _ in range(count):
        async with gate.turn(host):
            pass


async def test_requests_to_a_host_are_spaced_and_hosts_do_not_wait_for_each_other() -> None:
    time = Time()
    slow = gate(time, delay=2.0)
    await turns(slow, "a", 4)
    assert time.now == pytest.approx(6.0)
    await turns(slow, "b", 1)
    assert time.now == pytest.approx(6.0)


async def test_no_more_than_the_allowed_number_speak_at_once() -> None:
    polite, most, at_once = gate(Time(), per_host=3), 0, 0

    async def speak() -> None:
        nonlocal most, at_once
        async with polite.turn("a"):
            at_once += 1
            most = max(most, at_once)
            await asyncio.sleep(0)
            at_once -= 1

    await asyncio.gather(*(speak() for _ in range(20)))
    assert most == 3


async def test_a_crawl_delay_is_kept_up_to_half_a_minute() -> None:
    time = Time()
    polite = gate(time)
    polite.slow_down("a", 5)
    await turns(polite, "a", 3)
    assert time.now == pytest.approx(10)
    polite.slow_down("b", 10_000)
    await turns(polite, "b", 2)
    assert time.now == pytest.approx(40)


async def test_retry_after_holds_everybody_up() -> None:
    time = Time()
    polite = gate(time)
    polite.failed("a", retry_after=12)
    await turns(polite, "a", 1)
    assert time.now >= 12


async def test_the_delay_grows_with_trouble_and_falls_back() -> None:
    time = Time()
    polite = gate(time)
    for _ in range(4):
        polite.failed("a")
    before = time.now
    await turns(polite, "a", 2)
    assert time.now > before
    for _ in range(20):
        polite.answered("a", 0.01)
    await turns(polite, "a", 1)
    before = time.now
    await turns(polite, "a", 5)
    assert time.now == before


async def test_a_host_that_slows_down_is_asked_less_often() -> None:
    time = Time()
    polite = gate(time)
    for _ in range(5):
        polite.answered("a", 0.1)
    polite.answered("a", 8.0)
    await turns(polite, "a", 3)
    assert time.now > 1.0


def test_a_host_is_tired_after_failures_in_a_row_only() -> None:
    polite = gate(Time())
    for _ in range(4):
        polite.failed("a")
    polite.answered("a", 0.1)
    for _ in range(4):
        polite.failed("a")
    assert not polite.is_tired("a")
    polite.failed("a")
    assert polite.is_tired("a")
