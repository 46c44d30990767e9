"""Our documents become LangChain's and come back the same."""

from __future__ import annotations

import json

import pytest

from rag.index.documents import document_from_langchain, document_to_langchain
from rag.vocabulary import Document
from tests.fakes import make_document


@pytest.mark.parametrize(
    "document",
    [
        make_document("text"),
        make_document("文", 3, section=("甲", "乙"), anchor="a", start=7, score=0.1 + 0.2, link="https://e.org/#a"),
    ],
)
def test_there_and_back_is_the_same(document: Document) -> None:
    """Through JSON too, as the metadata are plain values."""
    converted = document_to_langchain(document)
    converted.metadata = json.loads(json.dumps(converted.metadata))

    assert document_from_langchain(converted) == document
    assert converted.metadata["source"] == document.url
