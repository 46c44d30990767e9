"""The embedded embedder, made once for the session, and a loopback server for the clients of the others."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from rag.models.minilm import MiniLMEmbeddings
from rag.settings import Settings


@pytest.fixture(scope="session")
def minilm_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("models")


@pytest.fixture(scope="session")
def minilm(minilm_folder: Path) -> MiniLMEmbeddings:
    return MiniLMEmbeddings(minilm_folder)


Reply = tuple[int, dict[str, str], bytes]


class ModelServer:
    """A loopback server that answers each POST with the next of its replies, and keeps what it was sent."""

    def __init__(self) -> None:
        self.replies: list[Reply] = []
        self.requests: list[dict[str, Any]] = []
        server = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                server.requests.append({"path": self.path, "headers": dict(self.headers), **json.loads(body)})
                status, headers, content = server.replies.pop(0)
                self.send_response(status)
                for name, value in {"content-length": str(len(content)), **headers}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(content)
                self.close_connection = True

            def log_message(self, *_: Any) -> None:
                """Says nothing on stderr."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01})
        self._thread.start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}/v1"

    def reply(self, body: Any, status: int = 200, **headers: str) -> None:
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        kind = "text/event-stream" if content.startswith(b"data:") else "application/json"
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        self.replies.append((status, {"content-type": kind, **named}, content))

    def close(self) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


@pytest.fixture
def model_server() -> Iterator[ModelServer]:
    server = ModelServer()
    yield server
    server.close()


@pytest.fixture
def openai_settings(model_server: ModelServer, tmp_path: Path) -> Settings:
    return Settings(
        data_dir=tmp_path,
        chat_model="openai:small-chat",
        embeddings="openai:small-embed",
        openai_base_url=model_server.url,
        openai_api_key=SecretStr("sk-test-1234567890"),
        model_retries=0,
    )
