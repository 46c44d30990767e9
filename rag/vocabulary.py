"""The nouns of Footnote, in the order in which a page becomes a footnote.

page → block → chunk → hit → document → claim → citation → answer. All frozen; all offsets count Unicode code points.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from typing import Literal

BlockKind = Literal["heading", "paragraph", "list_item", "quote", "table", "code", "definition"]
Verdict = Literal["verbatim", "supported", "unsupported"]
FinishReason = Literal["stop", "no_answer", "blocked", "length"]

BLOCK_SEPARATOR = "\n\n"


@dataclass(frozen=True, slots=True)
class Block:
    """One element of a page as a reader sees it: its text is what the browser shows, white space folded (code kept).

    Attributes:
        level: 1 to 6 for a heading, nesting depth from 1 for a list item, else 0.
        anchor: the `id` that a link can jump to, of the element itself or of the last one before it; None when none.
        first_line: the number that the page shows beside the first line of code, each following line having the next;
            None where it shows none. Not part of the text.
    """

    kind: BlockKind
    text: str
    level: int = 0
    anchor: str | None = None
    first_line: int | None = None

    @property
    def fields(self) -> tuple[BlockKind, str, int, str | None] | tuple[BlockKind, str, int, str | None, int]:
        """What makes the same block again, as plain values."""
        known = (self.kind, self.text, self.level, self.anchor)
        return known if self.first_line is None else (*known, self.first_line)


@dataclass(frozen=True)
class Page:
    """One fetched and read source.

    Attributes:
        url: its identity: the URL after redirects and normalisation, or a `file:` URL.
        language: ISO 639-1 code such as `en` or `zh`; `und` when it cannot be told.
        fetched_at: aware, UTC.
        published, modified: as the page states them (ISO 8601 date or date-time), else None.
        etag, last_modified: validators of the response, for a conditional request (RFC 9110).
    """

    url: str
    title: str
    blocks: tuple[Block, ...]
    fetched_at: datetime
    language: str = "und"
    author: str | None = None
    published: str | None = None
    modified: str | None = None
    etag: str | None = None
    last_modified: str | None = None

    @cached_property
    def text(self) -> str:
        """All blocks joined by a blank line; chunks are slices of it."""
        return BLOCK_SEPARATOR.join(block.text for block in self.blocks)

    @cached_property
    def content_hash(self) -> str:
        """SHA-256 (hex) of what was read, not of what was sent: dates, nonces and menus do not change it."""
        digest = hashlib.sha256(self.title.encode("utf-8", "replace"))
        for block in self.blocks:
            line = f"\x1e{block.kind}\x1f{block.level}\x1f{block.anchor or ''}\x1f{block.text}"
            if block.first_line is not None:
                line += f"\x1f{block.first_line}"
            digest.update(line.encode("utf-8", "replace"))
        return digest.hexdigest()


@dataclass(frozen=True, slots=True)
class Chunk:
    """Some blocks of one section of a page: `text == page.text[start:end]`.

    Attributes:
        id: 32 hexadecimal digits, the same as long as URL, section and text are the same.
        ordinal: place on the page, from 0.
        section: the headings above it, outermost first.
        anchor: the fragment that opens the page nearest to it.
    """

    id: str
    url: str
    ordinal: int
    start: int
    end: int
    text: str
    title: str = ""
    section: tuple[str, ...] = ()
    anchor: str | None = None
    language: str = "und"

    @property
    def embedded_text(self) -> str:
        """What is embedded: title and headings give a short passage its context; the stored text stays pure."""
        path = [self.title, *(part for part in self.section if part != self.title)]
        context = " > ".join(part for part in path if part)
        return f"{context}\n{self.text}" if context else self.text


@dataclass(frozen=True, slots=True)
class Hit:
    """A chunk that a search found; `score` is in [0, 1], higher is better, comparable within one search only."""

    chunk: Chunk
    score: float
    fetched_at: datetime


@dataclass(frozen=True, slots=True)
class Filter:
    """Restricts a search: pages whose URL starts with `url_prefix`, pages in `language`."""

    url_prefix: str | None = None
    language: str | None = None

    def __bool__(self) -> bool:
        return self.url_prefix is not None or self.language is not None


@dataclass(frozen=True, slots=True)
class Document:
    """A hit as shown to the reader and to the model, numbered from 1.

    Attributes:
        id: of its first chunk; `GET /documents/{id}` shows it.
        start: where `text` begins in the page's text.
    """

    n: int
    id: str
    url: str
    title: str
    section: tuple[str, ...]
    text: str
    score: float
    link: str
    language: str
    fetched_at: datetime
    anchor: str | None = None
    start: int = 0


@dataclass(frozen=True, slots=True)
class Claim:
    """A sentence of the answer: `start:end` in the answer, and the document numbers it names."""

    start: int
    end: int
    text: str
    cites: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Citation:
    """A claim tied to the exact words of a document, with a verdict.

    Attributes:
        n: the number in the answer; it may name no document (then `document_id` and the quote are None).
        quote: `document.text[quote_start:quote_end]`, exactly.
    """

    n: int
    claim_start: int
    claim_end: int
    verdict: Verdict
    document_id: str | None = None
    quote: str | None = None
    quote_start: int | None = None
    quote_end: int | None = None
    link: str | None = None


@dataclass(frozen=True, slots=True)
class Timing:
    """Milliseconds since the question arrived; None for what did not happen."""

    documents_ms: float | None = None
    first_token_ms: float | None = None
    total_ms: float = 0.0


@dataclass(frozen=True, slots=True)
class Answer:
    """A finished run."""

    run_id: str
    question: str
    text: str
    documents: tuple[Document, ...]
    citations: tuple[Citation, ...]
    finish_reason: FinishReason
    timing: Timing
    usage: Mapping[str, int] = field(default_factory=dict)
    thread_id: str | None = None
