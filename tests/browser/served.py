"""The page as it is served: the real app over a scripted model, and a way to cut its connections."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from types import SimpleNamespace
from typing import Any

import uvicorn

from api.app import create_app
from rag.service import Footnote
from tests.fakes import ScriptedAnswer, ScriptedChatModel, make_chunk
from tests.service_fakes import ListedIndex


class Pages(ListedIndex):
    """A listed index that also lists its pages."""

    def pages(self, prefix: str | None = None) -> Iterator[Any]:
        for document in self.documents:
            yield SimpleNamespace(
                url=document.url,
                title=document.title,
                site="https://example.org",
                language=document.language,
                state="present",
                chunks=1,
                characters=len(document.text),
                fetched_at=document.fetched_at,
                published=None,
                modified=None,
                author=None,
            )

    def load_chunks(self, ids: Sequence[str]) -> dict[str, Any]:
        found = [document for document in self.documents if document.id in ids]
        return {
            d.id: SimpleNamespace(
                chunk=make_chunk(d.text, d.url, title=d.title, section=d.section), fetched_at=d.fetched_at
            )
            for d in found
        }


class Model(ScriptedChatModel):
    """A scripted model that is told its answers as the test goes on."""

    def will_say(self, *answers: ScriptedAnswer) -> None:
        self._answers.extend(answers)


@asynccontextmanager
async def serve(service: Footnote) -> AsyncIterator[str]:
    """Serves on a free port of this machine; gives the address of the page."""
    config = uvicorn.Config(create_app(service=service), log_level="error", ws="none", timeout_graceful_shutdown=20)
    server = uvicorn.Server(config)
    listening = socket.create_server(("127.0.0.1", 0))
    task = asyncio.create_task(server.serve([listening]))
    try:
        yield f"http://127.0.0.1:{listening.getsockname()[1]}/"
    finally:
        await service.finish()
        server.should_exit = True
        await task
        listening.close()


class Cutter:
    """A way to the server that can be cut: `cut` ends every connection in the midst of whatever it carries.

    `hush` lets event streams be, and carries nothing more over them; other connections end, or the browser might ask
    again over one of them and wait. `lead_to` leads new ones elsewhere.
    """

    def __init__(self, address: str) -> None:
        self.lead_to(address)
        self._hushed: set[asyncio.StreamWriter] = set()
        self._streaming: set[asyncio.StreamWriter] = set()
        self._open: set[asyncio.StreamWriter] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._streams = asyncio.Condition()
        self.streams = 0

    @asynccontextmanager
    async def listen(self) -> AsyncIterator[str]:
        """Gives the address of the page through this."""
        server = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        try:
            yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/"
        finally:
            server.close()
            self.cut()
            await asyncio.gather(*self._tasks, return_exceptions=True)

    def lead_to(self, address: str) -> None:
        self._port = int(address.rstrip("/").rpartition(":")[2])

    def hush(self) -> None:
        self._hushed |= self._open & self._streaming
        for writer in self._open - self._streaming:
            writer.transport.abort()

    def cut(self) -> None:
        for writer in self._open:
            writer.transport.abort()

    async def stream_opened(self, count: int) -> None:
        """Waits until event streams have been asked for so many times."""
        async with asyncio.timeout(60), self._streams:
            await self._streams.wait_for(lambda: self.streams >= count)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        try:
            there, back = await asyncio.open_connection("127.0.0.1", self._port)
        except OSError:  # there is no server now
            writer.transport.abort()
            return
        ends = frozenset((writer, back))
        self._open |= ends
        try:
            await asyncio.gather(self._carry(reader, back, ends), self._carry(there, writer))
        finally:
            self._open -= ends
            for end in ends:
                end.close()
                with contextlib.suppress(OSError):
                    await end.wait_closed()

    async def _carry(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        asking: frozenset[asyncio.StreamWriter] = frozenset(),
    ) -> None:
        """Carries what is read; where a browser asks, the ends of its connection are told."""
        with contextlib.suppress(OSError):
            while piece := await reader.read(65536):
                if asking and b"accept: text/event-stream" in piece.lower():
                    self._streaming |= asking
                    async with self._streams:
                        self.streams += 1
                        self._streams.notify_all()
                if writer not in self._hushed:
                    writer.write(piece)
                    await writer.drain()
        writer.close()
