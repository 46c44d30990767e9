"""A fetched page, or a text file, into blocks with headings and anchors: what Footnote knows of a source."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING
from urllib.parse import unquote

from lxml import etree

from ingest.media import other_kind
from ingest.reading.blocks import Draft, read_blocks
from ingest.reading.charset import decode_page
from ingest.reading.content import main_blocks
from ingest.reading.hidden import is_hidden
from ingest.reading.metadata import page_language, read_metadata, stated_date
from ingest.reading.plain import front_matter, markdown_blocks, plain_blocks
from ingest.reading.reading import Reading
from ingest.reading.text import defuse, visible
from ingest.reading.tree import parse_html
from rag.errors import SourceNeedsScript, SourceUnreadable
from rag.vocabulary import Block, Page

if TYPE_CHECKING:
    from bs4 import SoupStrainer

_LITTLE_TEXT = 200
_SCRIPT_NOTICE = re.compile(r"java\s?script", re.IGNORECASE)
_MARKDOWN_URL = re.compile(r"\.(?:md|markdown|mdx)(?:$|[?#])", re.IGNORECASE)
_APP_ROOTS = frozenset({"root", "app", "__next", "___gatsby", "app-root", "main-app", "svelte"})


def read_page(
    html: bytes | str,
    url: str,
    *,
    fetched_at: datetime,
    content_type: str | None = None,
    only: SoupStrainer | None = None,
    etag: str | None = None,
    last_modified: str | None = None,
) -> Reading:
    """Reads the main content of an HTML page.

    Args:
        content_type: the response's header, for its character set; `application/xhtml+xml` is read as such.
        only: read these elements and nothing else, whatever the page is like.
        etag, last_modified: the response's validators, kept with the page.

    Raises:
        SourceUnreadable: it holds no text, or is a PDF or the like.
        SourceNeedsScript: it needs JavaScript to show any.
        SourceTooLarge: its elements are nested too deep.
    """
    text = html if isinstance(html, str) else _decode(html, url, content_type)
    root = parse_html(text, xml="xhtml" in (content_type or ""))
    metadata = read_metadata(root, url)
    drafts = main_blocks(root) if only is None else _chosen_blocks(text, only)
    blocks = tuple(_harmless(draft.block) for draft in drafts)
    _require_text(root, blocks, url, chosen=only is not None, robots=metadata.robots)
    page = Page(
        url=url,
        title=metadata.title or _first_heading(blocks) or url,
        blocks=blocks,
        fetched_at=fetched_at,
        language=_language(blocks, metadata.declared_language),
        author=metadata.author,
        published=metadata.published,
        modified=metadata.modified,
        etag=etag,
        last_modified=last_modified,
    )
    return Reading(page, metadata.canonical, metadata.robots, metadata.links)


def read_text(
    text: bytes | str,
    url: str,
    *,
    fetched_at: datetime,
    content_type: str | None = None,
    markdown: bool | None = None,
    etag: str | None = None,
    last_modified: str | None = None,
) -> Reading:
    """Reads a Markdown or plain text file; the title is its front matter's, its first heading or its name.

    Args:
        markdown: whether the text is Markdown; None to tell by the URL's ending and the content type.

    Raises:
        SourceUnreadable: it holds no text, or is not text at all.
    """
    if isinstance(text, bytes):
        text = _decode(text, url, content_type)
    if "\x00" in text[:_LITTLE_TEXT]:
        raise SourceUnreadable(f"{url!r} is not a text file.", "Convert it to HTML, Markdown or plain text.")
    text = visible(text.replace("\r\n", "\n").replace("\r", "\n"))
    if markdown is None:
        markdown = _MARKDOWN_URL.search(url) is not None or "markdown" in (content_type or "")
    fields, body = front_matter(text) if markdown else ({}, text)
    blocks = tuple(map(_harmless, markdown_blocks(body) if markdown else plain_blocks(body)))
    if not blocks:
        raise SourceUnreadable(f"{url!r} has no text.", "Put some text in it, or leave it out.")
    name = unquote(url.rstrip("/").rpartition("/")[2])
    page = Page(
        url=url,
        title=defuse(fields.get("title", "")) or _first_heading(blocks) or name or url,
        blocks=blocks,
        fetched_at=fetched_at,
        language=_language(blocks, fields.get("lang") or fields.get("language")),
        author=fields.get("author") or None,
        published=stated_date(fields.get("date", "")),
        modified=stated_date(fields.get("updated") or fields.get("lastmod") or ""),
        etag=etag,
        last_modified=last_modified,
    )
    return Reading(page)


def _decode(body: bytes, url: str, content_type: str | None) -> str:
    if kind := other_kind(body):
        raise SourceUnreadable(f"{url!r} is {kind}.", "Convert it to HTML, Markdown or plain text.")
    return decode_page(body, content_type)


def _language(blocks: Sequence[Block], declared: str | None) -> str:
    return page_language("\n".join(block.text for block in blocks if block.kind != "code"), declared)


def _chosen_blocks(text: str, only: SoupStrainer) -> list[Draft]:
    from bs4 import BeautifulSoup

    soup = BeautifulSoup(text, "lxml", parse_only=only)
    kept = str(soup)
    return read_blocks(parse_html(kept), is_hidden) if kept.strip() else []


def _harmless(block: Block) -> Block:
    text = defuse(block.text)
    return block if text == block.text else replace(block, text=text)


def _first_heading(blocks: Sequence[Block]) -> str | None:
    return next((block.text for block in blocks if block.kind == "heading"), None)


def _require_text(
    root: etree._Element, blocks: Sequence[Block], url: str, *, chosen: bool, robots: frozenset[str]
) -> None:
    """Refuses a page that would be indexed empty; one that asks not to be indexed may be."""
    length = sum(len(block.text) for block in blocks)
    if length >= _LITTLE_TEXT:
        return
    if next(root.iter("frameset"), None) is not None:
        frames = [frame.get("src") or "" for frame in root.iter("frame")]
        raise SourceUnreadable(f"{url!r} is a frameset; its text is in {frames!r}.", "Ingest those pages.")
    if not chosen and needs_javascript(root, length):
        raise SourceNeedsScript(
            f"{url!r} needs JavaScript to show its text.",
            "Ingest a version that is served as HTML, such as a print view, or the page saved from a browser.",
        )
    if not length and chosen:
        raise SourceUnreadable(f"{url!r} has no text in the chosen elements.", "Check --only against the page's HTML.")
    if not length and "noindex" not in robots:
        raise SourceUnreadable(f"{url!r} has no text.", "Open it in a browser: is there text in it?")


def needs_javascript(root: etree._Element, length: int) -> bool:
    """Whether a page with only `length` characters of text leaves the rest to its scripts."""
    if all((script.get("type") or "").lower() == "application/ld+json" for script in root.iter("script")):
        return False
    if any(_SCRIPT_NOTICE.search("".join(element.itertext())) for element in root.iter("noscript")):
        return True
    for element in root.iter("div", "main", "app-root"):
        if (element.get("id") or element.tag) in _APP_ROOTS and not "".join(element.itertext()).strip():
            return True
    return length == 0
