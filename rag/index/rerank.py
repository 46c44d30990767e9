"""The optional reranker: any LangChain document compressor, named by a setting. None by default."""

from __future__ import annotations

import importlib
from collections.abc import Sequence

from langchain_core.documents import Document as LangChainDocument
from langchain_core.documents.compressor import BaseDocumentCompressor

from rag.errors import ConfigurationError, FootnoteError, ModelError
from rag.vocabulary import Hit

_PLACE = "hit"


class Reranker:
    """Reorders hits, and may leave some out.

    Args:
        name: `module:attribute` of a compressor, or of a callable without arguments that makes one.
        compressor: does the work; hits it returns keep their order. A `relevance_score` in their metadata, as
            LangChain's own rerankers set it, becomes the hit's score when it is from 0 to 1.
    """

    def __init__(self, name: str, compressor: BaseDocumentCompressor) -> None:
        self._name = name
        self._compressor = compressor

    @classmethod
    def load(cls, name: str) -> Reranker:
        """Imports what `name` names.

        Raises:
            ConfigurationError: it cannot be imported, or is no document compressor.
        """
        module, _, attribute = name.partition(":")
        cure = "Set RAG_RERANKER to module:attribute of a LangChain document compressor, or leave it empty."
        try:
            found = getattr(importlib.import_module(module), attribute)
            if not isinstance(found, BaseDocumentCompressor):
                found = found()
        except Exception as error:  # importing and making it runs code that is not ours
            raise ConfigurationError(f"The reranker {name!r} cannot be loaded: {error}.", cure) from error
        if not isinstance(found, BaseDocumentCompressor):
            raise ConfigurationError(f"The reranker {name!r} is a {type(found).__name__}.", cure)
        return cls(name, found)

    def rerank(self, question: str, hits: Sequence[Hit]) -> list[Hit]:
        """Returns `hits` in the compressor's order.

        Raises:
            ModelError: the compressor fails.
        """
        documents = [
            LangChainDocument(hit.chunk.text, metadata={_PLACE: place, "url": hit.chunk.url, "title": hit.chunk.title})
            for place, hit in enumerate(hits)
        ]
        try:
            kept = self._compressor.compress_documents(documents, question)
        except FootnoteError:
            raise
        except Exception as error:  # whatever a foreign model raises
            raise ModelError(
                f"The reranker {self._name!r} failed ({type(error).__name__}).", "Try again, or unset RAG_RERANKER."
            ) from error
        return [_scored(hits[document.metadata[_PLACE]], place, document) for place, document in enumerate(kept)]


def _scored(hit: Hit, place: int, document: LangChainDocument) -> Hit:
    score = document.metadata.get("relevance_score")
    if not isinstance(score, int | float) or not 0.0 <= score <= 1.0:
        score = 1.0 / (1.0 + place)
    return Hit(hit.chunk, float(score), hit.fetched_at)
