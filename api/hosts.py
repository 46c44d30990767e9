"""Which names this server answers to, while no keys are set and it listens on loopback only."""

from __future__ import annotations

import ipaddress
from collections.abc import Collection
from urllib.parse import urlsplit

from starlette.requests import HTTPConnection
from starlette.types import ASGIApp, Receive, Scope, Send
from starlette.websockets import WebSocketClose

from api.errors import error_response
from rag.errors import FootnoteError

_FORBIDDEN = 4403


class UnknownHost(FootnoteError):
    slug, title, status = "unknown-host", "This server is not known by that name", 421


class KnownHosts:
    """Refuses requests that reach a loopback address under a stranger's name.

    A page of another site can point its own name at 127.0.0.1 (DNS rebinding); to the browser both are then one origin,
    and its scripts may read whatever this server answers. Such a request carries the stranger's name in `Host`. Keys
    stop it too, and a server that listens on other addresses is known by names that cannot be guessed here.
    """

    def __init__(self, app: ASGIApp, *, names: Collection[str]) -> None:
        """`names`: further names to answer to, without a port."""
        self._app = app
        self._names = frozenset(name.lower() for name in names)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan" or not _on_loopback(scope):
            await self._app(scope, receive, send)
            return
        name = _name(HTTPConnection(scope).headers.get("host", ""))
        if _is_local(name) or name in self._names:
            await self._app(scope, receive, send)
            return
        if scope["type"] == "websocket":
            await WebSocketClose(_FORBIDDEN)(scope, receive, send)
            return
        error = UnknownHost(
            f"This server does not answer to the name {name!r}.",
            "Use http://127.0.0.1 or http://localhost, or put the name into RAG_SERVED_HOSTS, or set RAG_API_KEYS.",
        )
        await error_response(error)(scope, receive, send)


def _on_loopback(scope: Scope) -> bool:
    server = scope.get("server")
    address = _address(server[0]) if server is not None else None
    return address is not None and address.is_loopback


def _name(host: str) -> str:
    try:
        return (urlsplit(f"//{host}").hostname or "").rstrip(".").lower()
    except ValueError:
        return host


def _is_local(name: str) -> bool:
    """An address cannot be rebound; `localhost` and what is under it is loopback by RFC 6761. HTTP/1.0 has no name."""
    return not name or _address(name) is not None or name == "localhost" or name.endswith(".localhost")


def _address(name: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(name)
    except ValueError:
        return None
