"""What is remembered of each page from one pass to the next: enough to see that nothing changed."""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple

from ingest.frontier.database import CrawlDatabase
from ingest.urls import site_of

MAX_LINKS = 5_000


@dataclass(frozen=True, slots=True)
class Memory:
    """What the last successful visit of a page left.

    Attributes:
        reading: version of the reader and what it was told to read; under another one the rest is worth nothing.
        body_hash: of the bytes that were sent.
        content_hash: of what was read; None when it was not indexed, and then `skip` says why.
        lastmod: as the sitemap gave it then.
        links: what the page links to, nofollow links left out.
    """

    url: str
    reading: str
    body_hash: str
    content_hash: str | None = None
    lastmod: str | None = None
    etag: str | None = None
    last_modified: str | None = None
    links: tuple[str, ...] = ()
    skip: str | None = None


class GonePage(NamedTuple):
    """A page that is gone for good: missing in two passes, or no longer meant to be indexed."""

    site: str
    url: str
    reason: str


class Memories:
    """The pages' memories.

    Args:
        database: shared with the frontier.
    """

    def __init__(self, database: CrawlDatabase) -> None:
        self._database = database

    def recall(self, url: str) -> Memory | None:
        """What is remembered of a page that was visited successfully before."""
        row = self._database.connection.execute(
            "SELECT url, reading, body_hash, content_hash, lastmod, etag, last_modified, links, skip"
            " FROM page WHERE url = ? AND reading IS NOT NULL",
            (url,),
        ).fetchone()
        if row is None:
            return None
        links = tuple(json.loads(zlib.decompress(row[7]))) if row[7] else ()
        url, reading, body_hash, content_hash, lastmod, etag, last_modified = row[:7]
        return Memory(url, reading, body_hash, content_hash, lastmod, etag, last_modified, links, row[8])

    def keep(self, memory: Memory) -> None:
        """Keeps what a successful visit left; the page is present again if it had been missing."""
        links = zlib.compress(json.dumps(memory.links[:MAX_LINKS]).encode(), 6) if memory.links else None
        self._database.run(
            "INSERT OR REPLACE INTO page (url, site, reading, body_hash, content_hash, lastmod, etag,"
            " last_modified, links, skip) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                memory.url,
                site_of(memory.url),
                memory.reading,
                memory.body_hash,
                memory.content_hash,
                memory.lastmod,
                memory.etag,
                memory.last_modified,
                links,
                memory.skip,
            ),
        )

    def note_missing(self, url: str, reason: str, *, number: int, sure: bool = False) -> bool:
        """Notes that a page was missing in pass `number`.

        Returns whether it is gone: when the site is `sure` (noindex), or it was missing in an earlier pass too.
        """
        with self._database.change() as connection:
            connection.execute("INSERT OR IGNORE INTO page (url, site) VALUES (?, ?)", (url, site_of(url)))
            connection.execute(
                "UPDATE page SET missing_since = coalesce(missing_since, ?),"
                " gone = CASE WHEN ? OR missing_since < ? THEN ? ELSE gone END WHERE url = ?",
                (number, sure, number, reason, url),
            )
            row = connection.execute("SELECT gone FROM page WHERE url = ?", (url,)).fetchone()
        return row[0] is not None

    def twin(self, url: str, content_hash: str) -> str | None:
        """Another indexed page of the same site with exactly the same content, unless it was missing lately."""
        row = self._database.connection.execute(
            "SELECT url FROM page WHERE site = ? AND content_hash = ? AND url <> ? AND skip IS NULL"
            " AND missing_since IS NULL ORDER BY url",
            (site_of(url), content_hash, url),
        ).fetchone()
        return row[0] if row else None

    def gone(self) -> list[GonePage]:
        """Every page known to be gone."""
        rows = self._database.connection.execute("SELECT site, url, gone FROM page WHERE gone IS NOT NULL ORDER BY url")
        return [GonePage(*row) for row in rows]

    def forget(self, urls: Iterable[str]) -> None:
        """Drops what is remembered of pages that were removed."""
        with self._database.change() as connection:
            connection.executemany("DELETE FROM page WHERE url = ?", [(url,) for url in urls])
