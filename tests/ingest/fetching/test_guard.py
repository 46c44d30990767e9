"""Which addresses may be reached."""

from __future__ import annotations

import ipaddress
import socket
from typing import Any

import pytest
from aiohttp.abc import AbstractResolver, ResolveResult

from ingest.fetching.answers import Limits, Request
from ingest.fetching.fetch import Fetcher
from ingest.fetching.guard import SPECIAL, Guard, special_range
from ingest.fetching.politeness import HostGate
from rag.errors import ConfigurationError, SourceRefused

LITERALS = [
    "http://127.0.0.1/",
    "http://127.1/",
    "http://127.0.1/",
    "http://2130706433/",
    "http://0x7f000001/",
    "http://0x7f.1/",
    "http://0177.0.0.1/",
    "http://017700000001/",
    "http://0x7f.0x0.0x0.0x1/",
    "http://127.0.0.1./",
    "http://１２７．０．０．１/",
    "http://127。0。0。1/",
    "http://127｡0｡0｡1/",
    "http://①②⑦.⓪.⓪.①/",
    "http://%31%32%37.0.0.1/",
    "http://127.255.255.254/",
    "http://0/",
    "http://0.0.0.0/",
    "http://0.1.2.3/",
    "http://10.0.0.1/",
    "http://10.255.255.255/",
    "http://0xa.1/",
    "http://172.16.0.1/",
    "http://172.31.255.255/",
    "http://192.168.1.1/",
    "http://192.168.257/",
    "http://100.64.0.1/",
    "http://100.100.100.200/",
    "http://169.254.169.254/latest/meta-data/",
    "http://2852039166/",
    "http://0xa9fea9fe/",
    "http://0251.0376.0251.0376/",
    "http://169.254.43518/",
    "http://169.254.1.1/",
    "http://168.63.129.16/",
    "http://192.0.0.192/",
    "http://192.0.2.1/",
    "http://192.88.99.1/",
    "http://198.18.0.1/",
    "http://198.51.100.7/",
    "http://203.0.113.9/",
    "http://224.0.0.1/",
    "http://239.255.255.250/",
    "http://240.0.0.1/",
    "http://255.255.255.255/",
    "http://[::1]/",
    "http://[0:0:0:0:0:0:0:1]/",
    "http://[::]/",
    "http://[::ffff:127.0.0.1]/",
    "http://[::ffff:7f00:1]/",
    "http://[::ffff:a9fe:a9fe]/",
    "http://[::127.0.0.1]/",
    "http://[64:ff9b::127.0.0.1]/",
    "http://[64:ff9b::a9fe:a9fe]/",
    "http://[64:ff9b:1::1]/",
    "http://[2002:7f00:1::]/",
    "http://[2001:0:7f00:1::]/",
    "http://[2001:db8::1]/",
    "http://[2001:10::1]/",
    "http://[3fff::1]/",
    "http://[fc00::1]/",
    "http://[fd00:ec2::254]/",
    "http://[fd20:ce::254]/",
    "http://[fe80::1]/",
    "http://[fec0::1]/",
    "http://[ff02::1]/",
    "http://[100::1]/",
    "http://[5f00::1]/",
    "http://[4000::1]/",
]
SPELLINGS = [
    "ftp://example.com/",
    "file:///etc/passwd",
    "gopher://example.com/",
    "javascript:alert(1)",
    "data:text/html,hello",
    "http:///nothing",
    "http://user@example.com/",
    "http://user:word@example.com/",
    "http://example.com@127.0.0.1/",
    "http://127.0.0.1\\@example.com/",
    "http://[::1%25lo]/",
    "http://[fe80::1%eth0]/",
    "http://1.2.3.4.5/",
    "http://256.256.256.256/",
    "http://0x100000000/",
    "http://1.2.3.09/",
    "http://example..com/",
    "http://example.com:0/",
    "http://example.com:65536/",
    "http://example.com:x/",
    "https://example.com/" + "a" * 3000,
]
PORTS = [
    f"http://example.com:{port}/" for port in (21, 22, 23, 25, 110, 389, 2375, 3306, 5432, 6379, 9200, 11211, 27017)
]


class OneAddress(AbstractResolver):
    """Every name has the addresses it was given, call after call; the last ones stay."""

    def __init__(self, *answers: str | list[str]) -> None:
        self._answers = [[answer] if isinstance(answer, str) else answer for answer in answers]
        self.asked: list[str] = []

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        self.asked.append(host)
        addresses = self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]
        return [_resolved(host, port, address) for address in addresses]

    async def close(self) -> None:
        """Nothing is open."""


def _resolved(host: str, port: int, address: str) -> ResolveResult:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    return {"hostname": host, "host": address, "port": port, "family": family, "proto": 0, "flags": 0}


class WatchedGuard(Guard):
    """Counts the sockets that are made; without one, no packet can be sent."""

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self.sockets: list[str] = []

    def socket_factory(self, addr_info: tuple[Any, ...]) -> socket.socket:
        made = super().socket_factory(addr_info)
        self.sockets.append(str(addr_info[4][0]))
        return made


async def fetch(url: str, guard: Guard, resolver: AbstractResolver) -> None:
    limits = Limits(retries=0)
    async with Fetcher(guard, HostGate(), user_agent="Footnote", limits=limits, resolver=resolver) as fetcher:
        await fetcher.get(Request(url))


@pytest.mark.parametrize("url", [*LITERALS, *SPELLINGS, *PORTS])
async def test_a_hostile_url_is_refused_before_a_name_is_looked_up_or_a_socket_made(url: str) -> None:
    guard, resolver = WatchedGuard(), OneAddress("93.184.216.34")
    with pytest.raises(SourceRefused):
        await fetch(url, guard, resolver)
    assert guard.sockets == []
    assert resolver.asked == []


@pytest.mark.parametrize(
    "address",
    ["127.0.0.1", "10.1.2.3", "169.254.169.254", "100.64.1.1", "168.63.129.16", "::1", "fe80::1", "::ffff:127.0.0.1",
     "64:ff9b::a9fe:a9fe", "2002:7f00:1::", "2001::1", "fec0::1", "fd00::1", "224.0.0.1", "255.255.255.255", "0.0.0.0"],  # noqa: S104
)  # fmt: skip
async def test_a_name_with_a_special_address_is_refused_without_a_socket(address: str) -> None:
    guard = WatchedGuard()
    with pytest.raises(SourceRefused, match="--allow-host"):
        await fetch("http://innocent.example/", guard, OneAddress(address))
    assert guard.sockets == []


async def test_an_address_that_changes_between_check_and_connection_is_refused() -> None:
    """DNS rebinding: the answer that counts is the one that is connected to."""
    guard = WatchedGuard(["innocent.example:81"])
    resolver = OneAddress("127.0.0.1", "169.254.169.254")
    with pytest.raises(SourceRefused, match="metadata"):
        await fetch("http://innocent.example/", guard, OneAddress("169.254.169.254"))
    with pytest.raises(SourceRefused, match="loopback"):
        await fetch("http://innocent.example/", guard, resolver)
    assert guard.sockets == []


async def test_all_addresses_of_a_name_are_checked() -> None:
    """None of several special addresses is tried, and each is named."""
    guard = WatchedGuard()
    with pytest.raises(SourceRefused, match=r"10\.0\.0\.1.*; .*fe80::1"):
        await fetch("http://innocent.example/", guard, OneAddress(["10.0.0.1", "fe80::1"]))
    assert guard.sockets == []


def factory(guard: Guard, address: str, host: str, port: int = 80) -> bool:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with guard.reaching(host, port):
        try:
            guard.socket_factory((family, socket.SOCK_STREAM, 0, "", (address, port))).close()
        except OSError:
            return False
    return True


def test_an_allowed_host_is_reached_on_its_port_only() -> None:
    guard = Guard(["localhost:8000", "wiki.internal", "[::1]:9000"])
    assert guard.check_url("http://localhost:8000/") == ("localhost", 8000)
    assert guard.check_url("http://wiki.internal:4711/") == ("wiki.internal", 4711)
    assert guard.check_url("http://[::1]:9000/") == ("::1", 9000)
    for url in ("http://localhost:8001/", "http://127.0.0.1:8000/", "http://wiki.internal.example:4711/"):
        with pytest.raises(SourceRefused):
            guard.check_url(url)


def test_an_allowed_name_opens_private_addresses_but_no_metadata() -> None:
    """A name that was allowed for an intranet cannot be turned against the cloud's metadata service."""
    guard = Guard(["wiki.internal", "169.254.169.254"])
    assert factory(guard, "10.0.0.5", "wiki.internal")
    assert factory(guard, "fd12::5", "wiki.internal")
    assert not factory(guard, "169.254.169.254", "wiki.internal")
    assert not factory(guard, "fd00:ec2::254", "wiki.internal")
    assert not factory(guard, "224.0.0.1", "wiki.internal")
    assert factory(guard, "169.254.169.254", "169.254.169.254")
    assert not factory(guard, "10.0.0.5", "other.internal")


def test_a_socket_made_outside_a_request_gets_no_allowance() -> None:
    guard = Guard(["wiki.internal"])
    with pytest.raises(OSError, match="private"):
        guard.socket_factory((socket.AF_INET, socket.SOCK_STREAM, 0, "", ("10.0.0.5", 80)))


@pytest.mark.parametrize(
    "address", ["93.184.216.34", "8.8.8.8", "1.1.1.1", "2606:4700::1111", "2a00:1450::1", "172.32.0.1"]
)
def test_the_public_internet_is_not_special(address: str) -> None:
    assert special_range(ipaddress.ip_address(address)) is None


def test_the_usual_ports_of_the_web_are_open() -> None:
    for url in ("http://example.com/", "https://example.com/", "http://example.com:8080/", "https://example.com:8443/"):
        assert Guard().check_url(url)


def test_every_range_of_the_table_says_what_it_is() -> None:
    assert len({special.network for special in SPECIAL}) == len(SPECIAL)
    assert all(special.what for special in SPECIAL)


@pytest.mark.parametrize("entry", ["http://localhost", "a:b", "host:0", "host:70000", "", "user@host"])
def test_an_allowance_that_cannot_be_read_is_a_configuration_error(entry: str) -> None:
    with pytest.raises(ConfigurationError, match="HOST:PORT"):
        Guard([entry])
