"""Listing pages, such as tags, archives, a front page: they show the beginnings of others and say nothing themselves.

A page is looked at when its markup or its address hints at a list. It is a listing when it has hardly any running
text beside its links, or when most of its sentences are also among the first of pages it links to, which is only known
when those have been read: so it is decided at the end of a pass.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice
from urllib.parse import urlsplit

from ingest.frontier.database import CrawlDatabase
from rag.vocabulary import Page

OPENING = 40
LONG = 80
KEPT_OPENINGS = 30
KEPT_OF_LISTS = 200
_CLASSES = re.compile(
    rb"<body[^>]*\bclass\s*=\s*[\"']?[^\"'>]*?\b(list|archive|home|blog|tag|term|taxonomy|category|search)\b",
    re.IGNORECASE,
)
_ARTICLE = re.compile(rb"<article[\s>]", re.IGNORECASE)
_COLLECTION = re.compile(rb'"@type"\s*:\s*"(CollectionPage|SearchResultsPage)"')
_SEGMENTS = re.compile(
    r"/(tags?|categor(y|ies)|archives?|authors?|topics?|labels?|series|page/\d+)(/|$)", re.IGNORECASE
)
_SENTENCE_END = re.compile(r"(?<=[.!?\])…])\s+|(?<=[。！？])|\n")
_SPACE = re.compile(r"\W+")


@dataclass(frozen=True, slots=True)
class Outline:
    """What of a page tells a listing: `openings` are hashes of the beginnings of its longer sentences."""

    openings: tuple[int, ...]
    prose: int
    characters: int


def hints_at_list(body: bytes, url: str) -> bool:
    """Whether markup or address say that this might be a list of other pages."""
    if _SEGMENTS.search(urlsplit(url).path):
        return True
    return bool(_CLASSES.search(body) or _COLLECTION.search(body)) or len(_ARTICLE.findall(body)) > 2


def outline(page: Page, *, is_list: bool) -> Outline:
    """The outline of a page; of a likely list all sentences count, of others the first few, which lists quote."""
    long = [block.text for block in page.blocks if block.kind != "heading" and len(block.text) >= LONG]
    sentences = (part for text in long for part in _SENTENCE_END.split(text) if len(part) >= OPENING)
    kept = islice(sentences, KEPT_OF_LISTS if is_list else KEPT_OPENINGS)
    return Outline(tuple(_opening(text) for text in kept), sum(map(len, long)), len(page.text))


def is_bare_list(found: Outline, links: int) -> bool:
    """Whether a likely list has links and hardly a sentence beside them."""
    return links >= 5 and found.prose * 4 < found.characters


class Openings:
    """The beginnings of sentences of every page, to find out who shows whose."""

    def __init__(self, database: CrawlDatabase) -> None:
        self._database = database

    def keep(self, url: str, openings: Sequence[int]) -> None:
        """Replaces the openings of a page."""
        with self._database.change() as connection:
            connection.execute("DELETE FROM opening WHERE url = ?", (url,))
            connection.execute(
                "INSERT OR IGNORE INTO opening SELECT value, ? FROM json_each(?)", (url, json.dumps(list(openings)))
            )

    def are_new(self, url: str, openings: Sequence[int]) -> bool:
        """Whether the page had none of these."""
        mine = {row[0] for row in self._database.connection.execute("SELECT hash FROM opening WHERE url = ?", (url,))}
        return mine.isdisjoint(openings)

    def are_borrowed(self, url: str, links: Sequence[str]) -> bool:
        """Whether at least half of the sentences of `url` are among those of pages it links to."""
        connection = self._database.connection
        mine = [row[0] for row in connection.execute("SELECT hash FROM opening WHERE url = ?", (url,))]
        targets = set(links) - {url}
        borrowed = 0
        for value in mine:
            owners = connection.execute("SELECT url FROM opening WHERE hash = ?", (value,))
            borrowed += any(row[0] in targets for row in owners)
        return bool(mine) and borrowed * 2 >= len(mine)


def _opening(text: str) -> int:
    plain = _SPACE.sub("", text)[:OPENING].casefold()
    return int.from_bytes(hashlib.blake2b(plain.encode("utf-8", "replace"), digest_size=8).digest(), signed=True)
