"""Between our documents and LangChain's, without loss: what the retrieval run shows in its log, others can read."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, cast

from langchain_core.documents import Document as LangChainDocument

from rag.vocabulary import Document


def document_to_langchain(document: Document) -> LangChainDocument:
    """The text as page content; all other fields as metadata of plain JSON values, and `source`, as loaders name it."""
    metadata: dict[str, Any] = {
        "source": document.url,
        "n": document.n,
        "url": document.url,
        "title": document.title,
        "section": list(document.section),
        "score": document.score,
        "link": document.link,
        "language": document.language,
        "fetched_at": document.fetched_at.isoformat(),
        "start": document.start,
    }
    if document.anchor is not None:
        metadata["anchor"] = document.anchor
    return LangChainDocument(id=document.id, page_content=document.text, metadata=metadata)


def document_from_langchain(document: LangChainDocument) -> Document:
    """The inverse of `document_to_langchain`, exactly."""
    metadata = cast(Mapping[str, Any], document.metadata)
    return Document(
        n=metadata["n"],
        id=str(document.id),
        url=metadata["url"],
        title=metadata["title"],
        section=tuple(metadata["section"]),
        text=document.page_content,
        score=metadata["score"],
        link=metadata["link"],
        language=metadata["language"],
        fetched_at=datetime.fromisoformat(metadata["fetched_at"]),
        anchor=metadata.get("anchor"),
        start=metadata["start"],
    )
