"""A server in a process of its own, over a list of documents, for tests that kill it, stop it, or hang up on it.

`ServedApp` starts uvicorn on a free port; `create` is the app it runs. The chat model is the one of the environment.
"""

from __future__ import annotations

import asyncio
import os
import re
import signal
import sys
from pathlib import Path
from typing import Any, Self

from tests.service_fakes import TEXTS, ListedIndex

ROOT = Path(__file__).parent.parent


def create() -> Any:
    """The app of the environment, with a listed index in place of Chroma."""
    from api.app import create_app
    from rag.models.embeddings import EmbeddingModel
    from rag.service import Footnote
    from tests.fakes import FakeEmbeddings, make_documents

    seconds = float(os.environ.get("TEST_SEARCH_SECONDS", 0))

    async def slowly() -> None:
        await asyncio.sleep(seconds)

    index: Any = ListedIndex(make_documents(*TEXTS), slowly if seconds else None)
    service = Footnote.open(embeddings=EmbeddingModel("fake", FakeEmbeddings(), 64), open_index=lambda *_: index)
    app = create_app(service=service)
    return app


class ServedApp:
    """uvicorn in a process. `stop` sends SIGTERM and waits; `kill` sends SIGKILL and waits."""

    def __init__(self, data_dir: Path, *arguments: str, **environment: str) -> None:
        inherited = {name: value for name, value in os.environ.items() if not name.startswith(("RAG_", "OPENAI_"))}
        self._environment = {
            **inherited,
            "PYTHONPATH": str(ROOT),
            "RAG_DATA_DIR": str(data_dir),
            "OPENAI_API_KEY": "test",
            "RAG_CHAT_MODEL": "openai:fake",
            **environment,
        }
        self._arguments = arguments
        self.log: list[str] = []

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        if self.process.returncode is None:
            await self.kill()
        await self._reading

    async def start(self) -> None:
        self.process = await asyncio.create_subprocess_exec(
            sys.executable,
            *("-m", "uvicorn", "tests.serving:create", "--factory", "--port", "0", "--no-access-log"),
            *self._arguments,
            env=self._environment,
            stderr=asyncio.subprocess.STDOUT,
            stdout=asyncio.subprocess.PIPE,
        )
        self.url = await self._address()
        self._reading = asyncio.create_task(self._read_on())

    @property
    def pid(self) -> int:
        return self.process.pid

    async def kill(self) -> None:
        self.process.kill()
        await self.process.wait()

    async def stop(self) -> int:
        """Returns the exit code."""
        self.process.send_signal(signal.SIGTERM)
        return await self.process.wait()

    async def _address(self) -> str:
        assert self.process.stdout is not None
        while line := (await self.process.stdout.readline()).decode():
            self.log.append(line)
            if found := re.search(r"running on (http://\S+)", line):
                return found[1]
        raise AssertionError("the server did not start:\n" + "".join(self.log))

    async def _read_on(self) -> None:
        assert self.process.stdout is not None
        async for line in self.process.stdout:
            self.log.append(line.decode())
