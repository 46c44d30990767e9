"""`footnote serve`: what can be told before the server starts."""

from __future__ import annotations

import errno
import socket

from rag.errors import ConfigurationError, Conflict


def check_free(host: str, port: int) -> None:
    """Checks that the address can be listened on; port 0 always can.

    Raises:
        Conflict: another program listens there.
        ConfigurationError: there is no such address here, or this user may not.
    """
    if port == 0:
        return
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                cure = f"Choose another: footnote serve --port {port + 1 if port < 65535 else 8000}."
                raise Conflict(f"The port {port} on {host!r} is in use.", cure) from error
            cure = "Choose another with --host and --port."
            raise ConfigurationError(f"Cannot listen on {host!r}, port {port}: {error.strerror}.", cure) from error
