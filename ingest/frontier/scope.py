"""Where a crawl may go: below the folders of its seeds, on their sites, and not into a maze of links."""

from __future__ import annotations

from collections.abc import Iterable
from urllib.parse import urlsplit, urlunsplit

from ingest.fetching.guard import Guard
from ingest.urls import host_and_port, resolve, site_of

MAX_QUERIES_OF_A_PATH = 50
MAX_SEGMENTS = 20


class Scope:
    """The scope of one pass.

    A site that is served from a host opened by hand, such as a copy on this machine, often links to itself by its
    public name. When a page there names the same path on another host as its canonical address, that host is taken as
    the site's other name, and links to it as links within the copy.

    Args:
        guard: tells which hosts were opened by hand.
    """

    def __init__(self, guard: Guard) -> None:
        self._guard = guard
        self._folders: dict[str, set[str]] = {}
        self._queries: dict[str, int] = {}
        self._names: dict[str, tuple[str, str]] = {}

    def add_seed(self, url: str) -> None:
        """Opens the folder of a seed: `/docs/intro.html` and `/docs/` open `/docs/`, `/docs` opens itself as well."""
        self._folders.setdefault(site_of(url), set()).add(_folder(url))

    def covers(self, url: str) -> bool:
        """Whether `url` is on the site and below the folder of a seed."""
        path = urlsplit(url).path
        folders = self._folders.get(site_of(url), ())
        return any(path.startswith(folder) or path == folder.rstrip("/") for folder in folders)

    def learn_mirror(self, url: str, canonical: str | None) -> None:
        """Notes the public name of a copy on a host that was opened by hand."""
        target = resolve(url, canonical) if canonical else None
        if target is None or site_of(target) == site_of(url) or urlsplit(target).path != urlsplit(url).path:
            return
        if self._guard.allows(*host_and_port(url)):
            parts = urlsplit(url)
            self._names.setdefault(site_of(target), (parts.scheme, parts.netloc))

    def canonical(self, url: str, canonical: str | None) -> str | None:
        """The page's canonical address, when it is another page of the same site."""
        target = self._local(resolve(url, canonical)) if canonical else None
        return target if target not in (None, url) and site_of(str(target)) == site_of(url) else None

    def inside(self, links: Iterable[str], url: str) -> list[str]:
        """Those of the links on page `url` that stay on its site or in scope."""
        sites = {site_of(url), *self._folders}
        targets = (self._local(link) for link in links)
        return [target for target in targets if target is not None and site_of(target) in sites]

    def is_maze(self, url: str) -> bool:
        """Whether the URL looks made by a program that never ends: segments repeated or too many, ever new queries."""
        parts = urlsplit(url)
        segments = [segment for segment in parts.path.split("/") if segment]
        if len(segments) > MAX_SEGMENTS or any(segments.count(segment) > 3 for segment in set(segments)):
            return True
        if not parts.query:
            return False
        place = f"{parts.netloc}{parts.path}"
        self._queries[place] = self._queries.get(place, 0) + 1
        return self._queries[place] > MAX_QUERIES_OF_A_PATH

    def _local(self, url: str | None) -> str | None:
        if url is None or not self._names or (place := self._names.get(site_of(url))) is None:
            return url
        parts = urlsplit(url)
        return urlunsplit((*place, parts.path, parts.query, ""))


def _folder(url: str) -> str:
    path = urlsplit(url).path
    last = path.rsplit("/", 1)[-1]
    return path[: len(path) - len(last)] if not last or "." in last else f"{path}/"
