"""Answers without a language model: the best sentences of the documents, verbatim, each with its document's number."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from langchain_core.messages import BaseMessage
from pydantic import Field

from rag.models.candidates import Candidate, candidates
from rag.models.embeddings import MINILM, EmbeddingModel
from rag.models.evidence import is_answered
from rag.models.prepared import PreparedAnswer, PreparedChatModel
from rag.models.question import Question
from rag.models.sentence_choice import Embed, Floats, choose, rank
from rag.text.han_variants import simplified
from rag.text.language import detect_language, has_cjk
from rag.vocabulary import Document

NOTHING_FOUND = {
    "en": "No relevant answer to this question was found in the indexed pages.",
    "zh": "在已收录的页面中没有找到这个问题的答案。",
}
NOTHING_INDEXED = {
    "en": "No relevant pages are indexed yet, so there is nothing to answer from. Add some with `ingest URL`.",
    "zh": "没有找到已收录的页面，因此无法回答。请先用 `ingest URL` 收录页面。",
}

_AFTER_CODE = "\n\n"


class ExtractiveChatModel(PreparedChatModel):
    """A chat model that quotes. It is called with the documents and the question, which a prompt would only hide:

        model.astream([], documents=documents, question="What is task decomposition?")

    Without `question` it takes the text of the last message. The last chunk carries `finish_reason` in its
    `response_metadata`: `stop`, or `no_answer` when no sentence fits.

    Attributes:
        embeddings: tells which sentences mean what the question means; None goes by words alone.
    """

    embeddings: EmbeddingModel | None = Field(default=None, exclude=True)

    @property
    def _llm_type(self) -> str:
        return "extractive"

    def prepare(self, messages: list[BaseMessage], **kwargs: Any) -> PreparedAnswer:
        question = kwargs.get("question") or (messages[-1].text if messages else "")
        return self.answer(str(question), kwargs.get("documents", ()))

    def answer(self, question: str, documents: Sequence[Document]) -> PreparedAnswer:
        """The whole answer at once.

        Raises:
            ModelError: the sentences cannot be embedded.
        """
        language = "zh" if has_cjk(question) else "en"
        asked = Question(simplified(question))
        found = candidates(documents, with_code=asked.is_for_the_reader)
        if not documents:
            return PreparedAnswer(NOTHING_INDEXED[language], "no_answer")
        if found:
            embed = self._embed_for(question)
            ranking = rank(asked, found, embed)
            if is_answered(ranking, calibrated=self.embeddings is not None and self.embeddings.name == MINILM):
                return PreparedAnswer(_written(choose(ranking)), "stop")
        return PreparedAnswer(NOTHING_FOUND[language], "no_answer")

    def _embed_for(self, question: str) -> Embed | None:
        if self.embeddings is None or not (
            self.embeddings.knows(detect_language(question)) or (self.embeddings.knows("en") and not has_cjk(question))
        ):
            return None
        model = self.embeddings.model

        def embed(texts: Sequence[str]) -> Floats:
            vectors: Floats = np.asarray(model.embed_documents(list(texts)), np.float32)
            lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
            return np.asarray(vectors / np.maximum(lengths, 1e-12), np.float32)

        return embed


def _written(chosen: Sequence[Candidate]) -> str:
    """The sentences, each with its document's number; the first code that one of them introduces stands behind it."""
    text, shown = "", False
    for sentence in chosen:
        if shown and sentence.is_lead_in:
            continue
        text += f"{'' if not text or text.endswith(_AFTER_CODE) else ' '}{sentence.text} [{sentence.document.n}]"
        if sentence.example and not shown:
            text += f"\n\n```\n{sentence.example}\n```{_AFTER_CODE}"
            shown = True
    return text.rstrip()
