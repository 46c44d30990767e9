"""Answers questions over an index of web pages, every sentence with a footnote that was checked.

    from rag import Footnote

    async with Footnote.open() as footnote:
        answer = await footnote.ask("How do I index a site?")

The names below are loaded when they are first used, so that `import rag` costs nothing and connects to nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rag.errors import FootnoteError
    from rag.request import AskRequest
    from rag.service import BlockingFootnote, Footnote
    from rag.settings import Settings
    from rag.vocabulary import Answer, Citation, Document

__all__ = [
    "Answer",
    "AskRequest",
    "BlockingFootnote",
    "Citation",
    "Document",
    "Footnote",
    "FootnoteError",
    "Settings",
]

_HOMES = {
    "Answer": "rag.vocabulary",
    "AskRequest": "rag.request",
    "BlockingFootnote": "rag.service",
    "Citation": "rag.vocabulary",
    "Document": "rag.vocabulary",
    "Footnote": "rag.service",
    "FootnoteError": "rag.errors",
    "Settings": "rag.settings",
}


def __getattr__(name: str) -> Any:
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(home), name)


def __dir__() -> list[str]:
    return sorted(__all__)
