"""An index that answers from a list, and the chain over it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest

from rag.chain.context import ChainContext
from rag.models.chat import ChatModel
from rag.settings import Settings
from rag.vocabulary import Document, Filter
from tests.fakes import ScriptedChatModel, make_documents


@dataclass
class ListedDocuments:
    """Finds the same documents for every question, and remembers what it was asked."""

    documents: list[Document]
    asked: list[dict[str, Any]] = field(default_factory=list)

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
        return self.documents[:top_k]


@pytest.fixture
def index() -> ListedDocuments:
    return ListedDocuments(make_documents("Chroma keeps vectors.", "tantivy keeps words."))


@pytest.fixture
def make_context(index: ListedDocuments) -> Callable[..., ChainContext]:
    """Makes a context whose model answers from a script; `settings` are the fields to change."""

    def make(model: ScriptedChatModel, *, extractive: bool = False, **settings: Any) -> ChainContext:
        chat = ChatModel(name="scripted", model=model, extractive=extractive)
        return ChainContext(index=index, chat=chat, settings=Settings(_env_file=None, **settings))

    return make
