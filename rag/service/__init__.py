"""Footnote as one object: what the HTTP face, the command line and embedding programs call."""

from rag.service.blocking import BlockingFootnote
from rag.service.footnote import Footnote, Health

__all__ = ["BlockingFootnote", "Footnote", "Health"]
