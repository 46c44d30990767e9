"""What one ingestion is asked to do: sources, scope and limits, checked once for the command line and the API."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from fnmatch import fnmatchcase

from rag.errors import InvalidRequest


@dataclass(frozen=True, slots=True)
class IngestSpec:
    """One ingestion.

    Attributes:
        sources: URLs, files, folders.
        sitemaps: URLs of sitemaps or sitemap indexes.
        crawl: follow links from each URL, inside its site and path; `depth` links deep, `max_pages` in all.
        include, exclude: globs on the whole URL; a page is visited when any include matches (or there is none) and
            no exclude does. URLs named as sources are always visited.
        only: CSS selectors of the elements to read; all of the main content when empty.
        refresh: visit again every page that is known, of the sites of `sources`, or of all when there are none.
        prune: remove pages that are gone, at most `max_prune` percent of a site's.
    """

    sources: tuple[str, ...] = ()
    sitemaps: tuple[str, ...] = ()
    crawl: bool = False
    depth: int = 3
    max_pages: int = 1_000
    include: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    only: tuple[str, ...] = ()
    refresh: bool = False
    prune: bool = False
    max_prune: float = 20.0
    ignore_robots: bool = False

    def __post_init__(self) -> None:
        if not (self.sources or self.sitemaps or self.refresh):
            raise InvalidRequest(
                "There is no source to ingest.", "Name a URL, a file or a folder; see `ingest --help`."
            )
        if self.prune and not self.refresh:
            raise InvalidRequest("--prune works on a full visit of what is known.", "Use --refresh --prune.")
        if not 0 <= self.max_prune <= 100:
            raise InvalidRequest(f"--max-prune is a percentage, not {self.max_prune!r}.", "Give 0 to 100.")

    @property
    def key(self) -> str:
        """The same for the same request: an interrupted one is found again by it."""
        fields = {name: getattr(self, name) for name in self.__slots__}
        return hashlib.sha256(json.dumps(fields, sort_keys=True, default=list).encode()).hexdigest()[:32]

    def wants(self, url: str) -> bool:
        """Whether the globs let a found URL through."""
        if any(fnmatchcase(url, glob) for glob in self.exclude):
            return False
        return not self.include or any(fnmatchcase(url, glob) for glob in self.include)
