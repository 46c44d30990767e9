"""stub"""

from __future__ import annotations

from collections.abc import Sequence

from langchain_core.messages import BaseMessage


def rewritten_by_rules(question: str, history: Sequence[BaseMessage]) -> str:
    return question
