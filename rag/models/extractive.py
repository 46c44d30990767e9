"""Answers without a language model: the best sentences of the documents, verbatim, each with its document's number."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from langchain_core.callbacks import AsyncCallbackManagerForLLMRun, CallbackManagerForLLMRun
from langchain_core.language_models.chat_models import BaseChatModel, generate_from_stream
from langchain_core.messages import AIMessageChunk, BaseMessage
from langchain_core.outputs import ChatGenerationChunk, ChatResult
from pydantic import Field

from rag.models.candidates import candidates
from rag.models.embeddings import MINILM, EmbeddingModel
from rag.models.evidence import is_answered
from rag.models.question import Question
from rag.models.sentence_choice import Embed, Floats, choose, rank
from rag.text.language import CJK_RANGES, detect_language, has_cjk
from rag.vocabulary import Document, FinishReason

NOTHING_FOUND = {
    "en": "No relevant answer to this question was found in the indexed pages.",
    "zh": "在已收录的页面中没有找到这个问题的答案。",
}
NOTHING_INDEXED = {
    "en": "No relevant pages are indexed yet, so there is nothing to answer from. Add some with `ingest URL`.",
    "zh": "没有找到已收录的页面，因此无法回答。请先用 `ingest URL` 收录页面。",
}

_TOKEN = re.compile(rf"\s*(?:[{CJK_RANGES}]{{1,2}}|[^\s{CJK_RANGES}]+)|\s+")


@dataclass(frozen=True, slots=True)
class ExtractedAnswer:
    """An answer, and `stop` or `no_answer`."""

    text: str
    finish_reason: FinishReason


class ExtractiveChatModel(BaseChatModel):
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

    def answer(self, question: str, documents: Sequence[Document]) -> ExtractedAnswer:
        """The whole answer at once.

        Raises:
            ModelError: the sentences cannot be embedded.
        """
        language = "zh" if has_cjk(question) else "en"
        found = candidates(documents)
        if not documents:
            return ExtractedAnswer(NOTHING_INDEXED[language], "no_answer")
        if found:
            embed = self._embed_for(question)
            ranking = rank(Question(question), found, embed)
            if is_answered(ranking, calibrated=self.embeddings is not None and self.embeddings.name == MINILM):
                cited = (f"{sentence.text} [{sentence.document.n}]" for sentence in choose(ranking))
                return ExtractedAnswer(" ".join(cited), "stop")
        return ExtractedAnswer(NOTHING_FOUND[language], "no_answer")

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

    def _stream(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> Iterator[ChatGenerationChunk]:
        for chunk in _chunks(self.answer(*_asked(messages, kwargs))):
            if run_manager:
                run_manager.on_llm_new_token(chunk.text, chunk=chunk)
            yield chunk

    async def _astream(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: AsyncCallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> AsyncIterator[ChatGenerationChunk]:
        answer = await asyncio.to_thread(self.answer, *_asked(messages, kwargs))
        for chunk in _chunks(answer):
            yield chunk

    def _generate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        return generate_from_stream(self._stream(messages, **kwargs))


def _asked(messages: Sequence[BaseMessage], kwargs: dict[str, Any]) -> tuple[str, Sequence[Document]]:
    question = kwargs.get("question") or (messages[-1].text if messages else "")
    return str(question), kwargs.get("documents", ())


def _chunks(answer: ExtractedAnswer) -> Iterator[ChatGenerationChunk]:
    for token in _TOKEN.findall(answer.text):
        yield ChatGenerationChunk(message=AIMessageChunk(content=token))
    last = AIMessageChunk(
        content="",
        response_metadata={"finish_reason": answer.finish_reason},
        usage_metadata={"input_tokens": 0, "output_tokens": 0, "total_tokens": 0},
        chunk_position="last",
    )
    yield ChatGenerationChunk(message=last)
