"""Answers with sentences of the documents."""

from __future__ import annotations

from typing import Any

from langchain_core.language_models.chat_models import BaseChatModel
from langchain_core.outputs import ChatResult


class ExtractiveChatModel(BaseChatModel):
    embeddings: Any = None

    @property
    def _llm_type(self) -> str:
        return "extractive"

    def _generate(self, messages: Any, stop: Any = None, run_manager: Any = None, **kwargs: Any) -> ChatResult:
        raise NotImplementedError
