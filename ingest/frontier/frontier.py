"""What to visit in this pass, and what was visited already.

A pass is one ingestion. Its visits are kept on disk, so that an interrupted pass goes on where it stopped and a site of
any size needs little memory.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal, NamedTuple

from ingest.frontier.database import CrawlDatabase
from ingest.urls import site_of

Origin = Literal["named", "sitemap", "link", "known", "again"]
State = Literal["waiting", "taken", "queued", "deferred", "failed", "done"]
RESUME_WITHIN = timedelta(hours=24)
_LOOKED_AT = 32
REPLACED = "replaced"
"""Why a visit is deferred that has to be made again; for the others it is enough to know all pages."""


@dataclass(frozen=True, slots=True)
class Visit:
    """One page to visit in a pass.

    Attributes:
        depth: links between it and a seed.
        origin: how it was found.
        lastmod: as the sitemap gives it.
    """

    id: int
    url: str
    depth: int
    origin: Origin
    lastmod: str | None = None


class Found(NamedTuple):
    """A URL to add to a pass."""

    url: str
    depth: int
    origin: Origin
    lastmod: str | None = None


class Frontier:
    """The visits of one pass.

    Attributes:
        number: of the pass; later passes have higher ones.
        resumed: the pass was begun by an earlier process.
    """

    def __init__(self, database: CrawlDatabase) -> None:
        self.number = 0
        self.resumed = False
        self._database = database
        self._waiting: Counter[str] = Counter()
        self._turns: deque[str] = deque()

    def begin(self, key: str, now: datetime) -> None:
        """Starts a pass, or goes on with an unfinished one of the same key that is not older than a day."""
        with self._database.change() as connection:
            oldest = (now - RESUME_WITHIN).isoformat()
            connection.execute("DELETE FROM pass WHERE finished_at IS NULL AND started_at < ?", (oldest,))
            row = connection.execute(
                "SELECT id FROM pass WHERE key = ? AND finished_at IS NULL ORDER BY id DESC", (key,)
            ).fetchone()
            self.resumed = row is not None
            if row is None:
                row = connection.execute(
                    "INSERT INTO pass (key, started_at) VALUES (?, ?) RETURNING id", (key, now.isoformat())
                ).fetchone()
            self.number = int(row[0])
            connection.execute(
                "UPDATE visit SET state = 'waiting' WHERE pass = ? AND state NOT IN ('waiting', 'done')"
                " AND NOT (state = 'deferred' AND outcome <> ?)",
                (self.number, REPLACED),
            )
            connection.execute("DELETE FROM visit WHERE pass NOT IN (SELECT id FROM pass WHERE finished_at IS NULL)")
        self._count_waiting()

    def finish(self, now: datetime) -> None:
        """Ends the pass: nothing is left to visit."""
        with self._database.change() as connection:
            connection.execute("UPDATE pass SET finished_at = ? WHERE id = ?", (now.isoformat(), self.number))
            connection.execute("DELETE FROM visit WHERE pass = ?", (self.number,))

    def add(self, found: Iterable[Found]) -> int:
        """Adds pages that are not in the pass yet, and returns how many; a shorter way to a waiting one counts."""
        added = 0
        with self._database.change() as connection:
            for item in found:
                site = site_of(item.url)
                is_new = connection.execute(
                    "INSERT OR IGNORE INTO visit (pass, url, site, depth, origin, lastmod) VALUES (?, ?, ?, ?, ?, ?)",
                    (self.number, item.url, site, item.depth, item.origin, item.lastmod),
                ).rowcount
                if is_new:
                    added += 1
                    self._expect(site)
                else:
                    connection.execute(
                        "UPDATE visit SET depth = min(depth, ?), lastmod = coalesce(lastmod, ?)"
                        " WHERE pass = ? AND url = ? AND state = 'waiting'",
                        (item.depth, item.lastmod, self.number, item.url),
                    )
        return added

    def take(self, busy: Collection[str] = ()) -> Visit | None:
        """The next page to visit: sites in turn, each breadth first, none of `busy`; None when none is ready."""
        for _ in range(len(self._turns)):
            site = self._turns[0]
            self._turns.rotate(-1)
            if not self._waiting[site]:
                self._turns.remove(site)
            elif site not in busy and (visit := self._take_of(site)) is not None:
                return visit
        return None

    def claim(self, url: str, visit: Visit) -> Visit | None:
        """Takes the page that a redirect of `visit` leads to; None when another visit has or had it."""
        with self._database.change() as connection:
            state = connection.execute(
                "SELECT state FROM visit WHERE pass = ? AND url = ?", (self.number, url)
            ).fetchone()
            row = connection.execute(
                "INSERT INTO visit (pass, url, site, depth, origin, state) VALUES (?, ?, ?, ?, ?, 'taken')"
                " ON CONFLICT (pass, url) DO UPDATE SET state = 'taken' WHERE state = 'waiting'"
                " RETURNING id, url, depth, origin, lastmod",
                (self.number, url, site_of(url), visit.depth, visit.origin),
            ).fetchone()
        if state is not None and row is not None:
            self._waiting[site_of(url)] -= 1
        return Visit(*row) if row else None

    def settle(self, visit: Visit, outcome: str, *, state: State = "done") -> None:
        """Writes down how far a visit got: `queued` to be written, `deferred`, `failed` or `done`."""
        self._database.run("UPDATE visit SET state = ?, outcome = ? WHERE id = ?", (state, outcome, visit.id))

    def deferred(self) -> list[tuple[Visit, str]]:
        """The visits whose fate waits for the others, each with the reason given to `settle`."""
        query = "SELECT id, url, depth, origin, lastmod, outcome FROM visit WHERE pass = ? AND state = 'deferred'"
        rows = self._database.connection.execute(query, (self.number,)).fetchall()
        return [(Visit(*row[:5]), row[5]) for row in rows]

    def revive(self, visits: Iterable[Visit]) -> None:
        """Makes deferred visits wait again; they are not deferred twice."""
        with self._database.change() as connection:
            connection.executemany(
                "UPDATE visit SET state = 'waiting', origin = 'again' WHERE id = ?", [(visit.id,) for visit in visits]
            )
        self._count_waiting()

    def leave(self, outcome: str) -> list[str]:
        """Settles named pages and links that still wait without visiting them, and returns the URLs."""
        with self._database.change() as connection:
            rows = connection.execute(
                "UPDATE visit SET state = 'done', outcome = ? WHERE pass = ? AND state = 'waiting'"
                " AND origin IN ('named', 'link') RETURNING url",
                (outcome, self.number),
            ).fetchall()
        self._count_waiting()
        return [row[0] for row in rows]

    def has(self, url: str) -> bool:
        """Whether the pass knows the URL, in whatever state."""
        query = "SELECT 1 FROM visit WHERE pass = ? AND url = ?"
        return self._database.connection.execute(query, (self.number, url)).fetchone() is not None

    @property
    def waiting(self) -> int:
        """How many pages wait to be visited."""
        return self._waiting.total()

    @property
    def unread(self) -> int:
        """How many of the next pages were never read before; of many only the first are looked at."""
        query = (
            "SELECT count(*) FROM (SELECT url FROM visit WHERE pass = ? AND state = 'waiting' LIMIT ?) AS next"
            " WHERE NOT EXISTS (SELECT 1 FROM page WHERE page.url = next.url AND reading IS NOT NULL)"
        )
        return int(self._database.connection.execute(query, (self.number, _LOOKED_AT)).fetchone()[0])

    @property
    def visited(self) -> int:
        """How many visits of the pass were made, are being made, or are deferred."""
        query = "SELECT count(*) FROM visit WHERE pass = ? AND state <> 'waiting'"
        return int(self._database.connection.execute(query, (self.number,)).fetchone()[0])

    @property
    def followed(self) -> int:
        """How many named pages and links were visited already."""
        query = (
            "SELECT count(*) FROM visit WHERE pass = ? AND state <> 'waiting' AND origin IN ('named', 'link', 'again')"
        )
        return int(self._database.connection.execute(query, (self.number,)).fetchone()[0])

    def incomplete_sites(self) -> frozenset[str]:
        """Sites with a visit of this pass that failed or was not made."""
        query = "SELECT DISTINCT site FROM visit WHERE pass = ? AND state <> 'done'"
        return frozenset(row[0] for row in self._database.connection.execute(query, (self.number,)))

    def _take_of(self, site: str) -> Visit | None:
        row = self._database.connection.execute(
            "SELECT id, url, depth, origin, lastmod FROM visit"
            " WHERE pass = ? AND state = 'waiting' AND site = ? ORDER BY depth, id LIMIT 1",
            (self.number, site),
        ).fetchone()
        if row is None or (row[2] and self._shallower_under_way(site, row[2])):
            return None
        self._database.run("UPDATE visit SET state = 'taken' WHERE id = ?", (row[0],))
        self._waiting[site] -= 1
        return Visit(*row)

    def _shallower_under_way(self, site: str, depth: int) -> bool:
        """Its links may bring a shorter way, so that the depth limit would fall by chance."""
        query = "SELECT 1 FROM visit WHERE pass = ? AND state = 'taken' AND site = ? AND depth < ? LIMIT 1"
        return self._database.connection.execute(query, (self.number, site, depth)).fetchone() is not None

    def _expect(self, site: str) -> None:
        if site not in self._turns:
            self._turns.append(site)
        self._waiting[site] += 1

    def _count_waiting(self) -> None:
        query = "SELECT site, count(*) FROM visit WHERE pass = ? AND state = 'waiting' GROUP BY site ORDER BY min(id)"
        self._waiting = Counter(dict(self._database.connection.execute(query, (self.number,)).fetchall()))
        self._turns = deque(self._waiting)
