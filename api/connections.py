"""The connection behind a request, as far as uvicorn lets it be known.

The kernel would take some megabytes of an answer for a reader that takes nothing, while the model goes on writing it.
A small send buffer makes the reader's pace felt at once. Under another server this does nothing.
"""

from __future__ import annotations

import contextlib
import socket
from typing import Any

from fastapi import FastAPI
from starlette.types import Receive, Scope, Send

_KEY = "footnote.transport"
_SEND_BUFFER_BYTES = 64 * 1024


class ConnectedApp(FastAPI):
    """Notes the transport of each request in its scope, before any middleware replaces `send`."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            scope[_KEY] = getattr(getattr(send, "__self__", None), "transport", None)
        await super().__call__(scope, receive, send)


def keep_little_ahead(scope: Scope) -> None:
    """Bounds what the kernel keeps for the reader of this stream."""
    transport: Any = scope.get(_KEY)
    connection = transport.get_extra_info("socket") if transport is not None else None
    if connection is not None:
        with contextlib.suppress(OSError, AttributeError, ValueError):  # uvloop's ValueError: it is closed already
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _SEND_BUFFER_BYTES)
