"""Which addresses may be reached. Every connection passes here with the address that is really being connected to.

A check of the URL alone is not enough: a name can resolve to anything, and to something else the next time (DNS
rebinding), and a redirect can lead anywhere. So the connector makes its sockets through `Guard.socket_factory`,
which sees the address after resolution and before the first packet.
"""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from ingest.urls import host_and_port, host_for_url, identify, normal_host
from rag.errors import ConfigurationError, SourceRefused

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network

PORTS = frozenset({80, 443, 8080, 8443})


class Special(NamedTuple):
    """A range that is not the public web. `own` ranges may be opened by naming a host that lies in them."""

    network: Network
    what: str
    own: bool = False


def _special(prefix: str, what: str, own: bool = False) -> Special:
    return Special(ipaddress.ip_network(prefix), what, own)


# IANA's registries of special-purpose addresses, and what the clouds put at fixed places. The narrower range first.
SPECIAL: tuple[Special, ...] = (
    _special("169.254.169.254/32", "a cloud's metadata service"),
    _special("168.63.129.16/32", "Azure's platform service"),
    _special("100.100.100.200/32", "Alibaba Cloud's metadata service"),
    _special("192.0.0.192/32", "Oracle Cloud's metadata service"),
    _special("0.0.0.0/8", "an unspecified address (RFC 1122)"),
    _special("10.0.0.0/8", "a private address (RFC 1918)", own=True),
    _special("100.64.0.0/10", "a carrier's shared address (RFC 6598)", own=True),
    _special("127.0.0.0/8", "a loopback address (RFC 1122)", own=True),
    _special("169.254.0.0/16", "a link-local address (RFC 3927)"),
    _special("172.16.0.0/12", "a private address (RFC 1918)", own=True),
    _special("192.0.0.0/24", "an IETF protocol address (RFC 6890)"),
    _special("192.0.2.0/24", "a documentation address (RFC 5737)"),
    _special("192.31.196.0/24", "an AS112 address (RFC 7535)"),
    _special("192.52.193.0/24", "a multicast tunnel address (RFC 7450)"),
    _special("192.88.99.0/24", "a 6to4 relay (RFC 7526)"),
    _special("192.168.0.0/16", "a private address (RFC 1918)", own=True),
    _special("192.175.48.0/24", "an AS112 address (RFC 7534)"),
    _special("198.18.0.0/15", "a benchmarking address (RFC 2544)"),
    _special("198.51.100.0/24", "a documentation address (RFC 5737)"),
    _special("203.0.113.0/24", "a documentation address (RFC 5737)"),
    _special("224.0.0.0/4", "a multicast address (RFC 5771)"),
    _special("255.255.255.255/32", "the broadcast address (RFC 919)"),
    _special("240.0.0.0/4", "a reserved address (RFC 1112)"),
    _special("fd00:ec2::254/128", "a cloud's metadata service"),
    _special("fd20:ce::254/128", "a cloud's metadata service"),
    _special("::1/128", "the loopback address (RFC 4291)", own=True),
    _special("::/128", "the unspecified address (RFC 4291)"),
    _special("::ffff:0:0/96", "an IPv4-mapped address (RFC 4291)"),
    _special("::/96", "an IPv4-compatible address (RFC 4291)"),
    _special("64:ff9b::/96", "a NAT64 address (RFC 6052)"),
    _special("64:ff9b:1::/48", "a local NAT64 address (RFC 8215)"),
    _special("2001::/32", "a Teredo address (RFC 4380)"),
    _special("2001:db8::/32", "a documentation address (RFC 3849)"),
    _special("2001::/23", "an IETF protocol address (RFC 2928)"),
    _special("2002::/16", "a 6to4 address (RFC 3056)"),
    _special("2620:4f:8000::/48", "an AS112 address (RFC 7534)"),
    _special("3fff::/20", "a documentation address (RFC 9637)"),
    _special("fc00::/7", "a unique local address (RFC 4193)", own=True),
    _special("fe80::/10", "a link-local address (RFC 4291)"),
    _special("fec0::/10", "a site-local address (RFC 3879)", own=True),
    _special("ff00::/8", "a multicast address (RFC 4291)"),
)
_GLOBAL_UNICAST = ipaddress.ip_network("2000::/3")
_OUTSIDE = _special("::/0", "not a global unicast address (RFC 4291)")


@dataclass(slots=True)
class Reach:
    """One attempt to reach a host; `refused` collects the addresses that the guard turned down on the way."""

    host: str
    port: int
    refused: list[str] = field(default_factory=list)


class AddressRefused(OSError):
    """Raised inside the connector, which takes it as a failed connection; `Reach.refused` tells the story."""


class Guard:
    """Lets the public web through at its usual ports, and of the rest only hosts named beforehand.

    Args:
        allow_hosts: `HOST` (any port) or `HOST:PORT`. A name lets its private addresses through, but link-local,
            metadata, multicast and the like only when the address itself is named.
        ports: of the public web.

    Raises:
        ConfigurationError: a host cannot be read.
    """

    def __init__(self, allow_hosts: Iterable[str] = (), *, ports: frozenset[int] = PORTS) -> None:
        self._allowed = frozenset(_allowance(entry) for entry in allow_hosts)
        self._ports = ports
        self._reach: ContextVar[Reach | None] = ContextVar("reach", default=None)

    def allows(self, host: str, port: int) -> bool:
        """Whether `host` was named for `port`."""
        return (host, None) in self._allowed or (host, port) in self._allowed

    def check_url(self, url: str) -> tuple[str, int]:
        """Host and port of `url` when nothing about its spelling forbids it; its addresses are checked on connecting.

        Raises:
            SourceRefused: names the rule.
        """
        host, port = host_and_port(identify(url))
        allowed = self.allows(host, port)
        if port not in self._ports and not allowed:
            ports = ", ".join(str(usual) for usual in sorted(self._ports))
            raise SourceRefused(
                f"{url!r} is at port {port}; pages are read at {ports}.",
                f"If the site is yours, add --allow-host {host_for_url(host)}:{port}.",
            )
        address = _literal(host)
        if address is not None and not allowed and (special := special_range(address)) is not None:
            raise refusal(url, [f"{address}, {special.what}"], host, port)
        return host, port

    @contextmanager
    def reaching(self, host: str, port: int) -> Iterator[Reach]:
        """Says for whom sockets are made inside; tasks started inside inherit it."""
        reach = Reach(host, port)
        token = self._reach.set(reach)
        try:
            yield reach
        finally:
            self._reach.reset(token)

    def socket_factory(self, addr_info: tuple[Any, ...]) -> socket.socket:
        """Makes the socket for one resolved address, or raises before anything is sent.

        Raises:
            AddressRefused: the address is special and its host was not named.
        """
        family, kind, protocol, _, place = addr_info
        reach = self._reach.get() or Reach("", 0)
        special = self._objection(ipaddress.ip_address(str(place[0]).split("%")[0]), reach)
        if special is not None:
            reach.refused.append(f"{place[0]}, {special.what}")
            raise AddressRefused(f"{place[0]} is {special.what}")
        return socket.socket(family, kind, protocol)

    def _objection(self, address: Address, reach: Reach) -> Special | None:
        special = special_range(address)
        if special is None or not self.allows(reach.host, reach.port):
            return special
        named_itself = _literal(reach.host) == address
        return None if special.own or named_itself else special


def special_range(address: Address) -> Special | None:
    """The special range an address lies in; None for the public internet."""
    for special in SPECIAL:
        if address.version == special.network.version and address in special.network:
            return special
    return _OUTSIDE if address.version == 6 and address not in _GLOBAL_UNICAST else None


def refusal(url: str, refused: list[str], host: str, port: int) -> SourceRefused:
    """The error for a URL that leads to special addresses."""
    return SourceRefused(
        f"{url!r} leads to {'; '.join(refused)}.",
        f"If the site is yours, add --allow-host {host_for_url(host)}:{port} (or RAG_ALLOW_HOSTS).",
    )


def _allowance(entry: str) -> tuple[str, int | None]:
    host, port = entry.strip(), None
    bracketed = host.startswith("[")
    if (":" in host and host.count(":") == 1) or (bracketed and "]:" in host):
        host, _, digits = host.rpartition(":")
        port = int(digits) if digits.isdigit() and 0 < int(digits) < 65536 else -1
    try:
        if port == -1:
            raise SourceRefused("the port is not a number from 1 to 65535.")
        return normal_host(host.strip("[]"), entry), port
    except SourceRefused as error:
        raise ConfigurationError(
            f"The allowed host {entry!r} cannot be read: {error.detail}", "Write HOST or HOST:PORT, without a scheme."
        ) from error


def _literal(host: str) -> Address | None:
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        return None
