"""A stranger's name for a loopback server without keys is refused; everything else is let through."""

from __future__ import annotations

from typing import Any

import pytest
from starlette.types import Message, Scope

from api.app import create_app
from tests.fakes import ScriptedChatModel

REBOUND = "rebound.example"


@pytest.mark.parametrize(
    "host", ["rebound.example", "rebound.example:8000", "127.0.0.1.rebound.example", "localhost.evil"]
)
async def test_a_name_of_another_site_is_refused(make_client: Any, host: str) -> None:
    """421 with the cure, whatever is asked for: the page of that name cannot read the index."""
    client, _ = await make_client(ScriptedChatModel())
    response = await client.get("http://127.0.0.1:8000/threads", headers={"host": host})
    assert response.status_code == 421
    assert "RAG_SERVED_HOSTS" in response.json()["detail"]


@pytest.mark.parametrize(
    "host", ["127.0.0.1:8000", "[::1]:8000", "localhost", "LOCALHOST:1", "app.localhost", "10.0.0.7"]
)
async def test_addresses_and_localhost_are_let_through(make_client: Any, host: str) -> None:
    """They cannot be pointed elsewhere by a stranger."""
    client, _ = await make_client(ScriptedChatModel())
    assert (await client.get("http://127.0.0.1:8000/health/live", headers={"host": host})).status_code == 200


async def test_a_name_can_be_allowed(make_client: Any) -> None:
    """What a proxy on the same machine needs."""
    client, _ = await make_client(ScriptedChatModel(), served_hosts=(REBOUND,))
    assert (await client.get("http://127.0.0.1/health/live", headers={"host": REBOUND})).status_code == 200


async def test_keys_and_other_addresses_need_no_names(make_client: Any) -> None:
    """A key stops a stranger's page by itself; a server on the network has names of its own."""
    with_keys, _ = await make_client(ScriptedChatModel(), api_keys=("one",))
    assert (await with_keys.get("http://127.0.0.1/health/live", headers={"host": REBOUND})).status_code == 200
    without, _ = await make_client(ScriptedChatModel())
    assert (await without.get("http://192.0.2.7/health/live", headers={"host": REBOUND})).status_code == 200


async def test_a_socket_under_a_name_of_another_site_is_refused(make_client: Any) -> None:
    """It is closed before it is accepted, though its origin and its host agree."""
    _, service = await make_client(ScriptedChatModel())
    sent: list[Message] = []
    scope: Scope = {
        "type": "websocket",
        "path": "/ws",
        "raw_path": b"/ws",
        "query_string": b"",
        "root_path": "",
        "server": ("127.0.0.1", 8000),
        "client": ("127.0.0.1", 50000),
        "subprotocols": [],
        "headers": [(b"host", REBOUND.encode()), (b"origin", f"http://{REBOUND}".encode())],
    }

    async def receive() -> Message:
        return {"type": "websocket.connect"}

    async def send(message: Message) -> None:
        sent.append(message)

    await create_app(service=service)(scope, receive, send)
    assert [message["type"] for message in sent] == ["websocket.close"]
