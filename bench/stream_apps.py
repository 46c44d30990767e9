"""The apps that bench/stream.py measures: one factory each, for uvicorn, told what to do by the environment.

BENCH_MODEL is `inprocess` (a model that costs next to nothing) or `wire` (`ChatOpenAI` at OPENAI_BASE_URL);
BENCH_TOKENS how long its answers are; BENCH_RATE its tokens a second, 0 for as fast as possible.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
import tempfile
import time
import warnings
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

from fastapi import FastAPI
from langchain_core.documents import Document
from langchain_core.language_models.chat_models import BaseChatModel
from langchain_core.messages import AIMessageChunk
from langchain_core.output_parsers import StrOutputParser
from langchain_core.outputs import ChatGenerationChunk, ChatResult
from langchain_core.prompts import ChatPromptTemplate
from langchain_core.retrievers import BaseRetriever
from langchain_core.runnables import RunnableParallel, RunnablePassthrough
from starlette.responses import StreamingResponse

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
PROMPT = "Answer from the documents.\n\n{context}\n\nQuestion: {question}"
WORDS = "Chroma keeps the vectors of every chunk that was ever read from a page [1]. ".split()


class InProcessModel(BaseChatModel):
    """Streams words: sentences that cite a document, some of them with a number of their own."""

    tokens: int
    rate: float = 0.0

    @property
    def _llm_type(self) -> str:
        return "bench"

    def _generate(self, *_: Any, **__: Any) -> ChatResult:
        raise NotImplementedError

    async def _astream(self, *_: Any, **__: Any) -> AsyncIterator[ChatGenerationChunk]:
        started = time.perf_counter()
        for number in range(self.tokens):
            if self.rate:
                await asyncio.sleep(max(0.0, started + number / self.rate - time.perf_counter()))
            word = f"{number} " if number % 100 == 50 else WORDS[number % len(WORDS)] + " "
            yield ChatGenerationChunk(message=AIMessageChunk(content=word))
        done = AIMessageChunk(content="", response_metadata={"finish_reason": "stop"}, chunk_position="last")
        yield ChatGenerationChunk(message=done)


class Shelf(BaseRetriever):
    """Finds two documents at once."""

    def _get_relevant_documents(self, query: str, *, run_manager: Any) -> list[Document]:
        return [Document(page_content=text) for text in TEXTS]

    async def _aget_relevant_documents(self, query: str, *, run_manager: Any) -> list[Document]:
        return self._get_relevant_documents(query, run_manager=run_manager)


TEXTS = ("Chroma keeps the vectors of every chunk.", "tantivy keeps the words of every chunk.")


def model() -> BaseChatModel:
    if os.environ.get("BENCH_MODEL") == "wire":
        from langchain_openai import ChatOpenAI

        return ChatOpenAI(model="fake", stream_usage=True)
    return InProcessModel(tokens=int(os.environ["BENCH_TOKENS"]), rate=float(os.environ.get("BENCH_RATE", 0)))


def model_alone() -> FastAPI:
    """Reads the model and sends only how many tokens there were."""
    app, chat = FastAPI(), model()

    async def ask() -> dict[str, int]:
        return {"tokens": len([None async for _ in chat.astream(PROMPT)])}

    app.add_api_route("/ask", ask, methods=["POST"])
    return app


def passthrough() -> FastAPI:
    """The least that sends a model's tokens as server-sent events."""
    app, chat = FastAPI(), model()

    async def events() -> AsyncIterator[str]:
        async for chunk in chat.astream(PROMPT):
            yield f"event: token\ndata: {json.dumps({'text': chunk.content})}\n\n"
        yield "event: done\ndata: {}\n\n"

    async def ask() -> StreamingResponse:
        return StreamingResponse(events(), media_type="text/event-stream")

    app.add_api_route("/ask", ask, methods=["POST"])
    return app


def recipe() -> FastAPI:
    """The usual recipe: documents and question in parallel, the answer assigned, `astream_log`, each patch an event."""
    app, chat = FastAPI(), model()
    answer = ChatPromptTemplate.from_template(PROMPT) | chat | StrOutputParser()
    chain = RunnableParallel(context=Shelf(name="Retriever"), question=RunnablePassthrough()).assign(answer=answer)

    async def events() -> AsyncIterator[str]:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message="astream_log is deprecated")
            async for patch in chain.astream_log("What keeps vectors?"):
                yield f"event: data\ndata: {json.dumps({'ops': patch.ops}, default=_plain)}\n\n"
        yield "event: end\ndata: {}\n\n"

    async def ask() -> StreamingResponse:
        return StreamingResponse(events(), media_type="text/event-stream")

    app.add_api_route("/ask", ask, methods=["POST"])
    return app


def ours() -> Any:
    """The whole of Footnote but its index: chain, assembly, citations, journal, HTTP."""
    from api.app import create_app
    from rag.models.chat import ChatModel
    from rag.models.embeddings import EmbeddingModel
    from rag.service import Footnote
    from rag.settings import Settings
    from tests.fakes import FakeEmbeddings, make_documents
    from tests.service_fakes import ListedIndex

    folder = Path(os.environ.get("BENCH_DATA") or tempfile.mkdtemp())
    index: Any = ListedIndex(make_documents(*TEXTS))
    service = Footnote.open(
        Settings(data_dir=folder, max_streams=10_000),
        chat=ChatModel("bench", model()),
        embeddings=EmbeddingModel("fake", FakeEmbeddings(), 64),
        open_index=lambda *_: index,
    )
    return create_app(service=service)


def _plain(value: Any) -> Any:
    return value.model_dump() if hasattr(value, "model_dump") else str(value)
