"""A service over a list of documents and a scripted model: everything real but the index and the model."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from langchain_core.language_models.chat_models import BaseChatModel

from rag.index.rows import Counts
from rag.models.chat import ChatModel
from rag.models.embeddings import EmbeddingModel
from rag.service import Footnote
from rag.settings import Settings
from rag.vocabulary import Block, Document, Filter
from tests.fakes import FakeEmbeddings, make_documents

TEXTS = ("Chroma keeps the vectors of every chunk.", "tantivy keeps the words of every chunk.")


class ListedIndex:
    """Finds the same documents for every question. `before` is called, and awaited, before each search."""

    def __init__(self, documents: Sequence[Document], before: Callable[[], Any] | None = None) -> None:
        self.documents = list(documents)
        self.asked: list[dict[str, Any]] = []
        self.catalog = self
        self.closed = False
        self._before = before

    async def adocuments(
        self,
        question: str,
        *,
        top_k: int,
        context_tokens: int,
        filter: Filter | None = None,
        also: Sequence[str] = (),
    ) -> list[Document]:
        self.asked.append({"question": question, "top_k": top_k, "filter": filter, "also": tuple(also)})
        if self._before is not None:
            await self._before()
        return self.documents[:top_k]

    async def asearch(self, question: str, *, limit: int, filter: Filter | None = None) -> list[Any]:
        return []

    def page_row(self, url: str) -> Any:
        document = next((document for document in self.documents if document.url == url), None)
        return document and SimpleNamespace(state="present", fetched_at=document.fetched_at)

    def page_text(self, url: str) -> str | None:
        return next((document.text for document in self.documents if document.url == url), None)

    def page_blocks(self, url: str) -> tuple[Block, ...] | None:
        text = self.page_text(url)
        return None if text is None else (Block("paragraph", text),)

    def load_chunks(self, ids: Sequence[str]) -> dict[str, Any]:
        return {}

    def counts(self) -> Counts:
        return Counts(len(self.documents), len(self.documents), len(self.documents))

    def close(self) -> None:
        self.closed = True


def make_service(
    data_dir: Path,
    model: BaseChatModel | None,
    *,
    index: Any = None,
    seams: dict[str, Any] | None = None,
    **settings: Any,
) -> Footnote:
    """A service whose model answers from a script; the one that the settings name when `model` is None."""
    found = index if index is not None else ListedIndex(make_documents(*TEXTS))
    return Footnote.open(
        Settings(data_dir=data_dir, _env_file=None, **settings),
        chat=ChatModel("scripted", model) if model is not None else None,
        embeddings=EmbeddingModel("fake", FakeEmbeddings(), 64),
        **{"open_index": lambda *_: found, **(seams or {})},
    )
