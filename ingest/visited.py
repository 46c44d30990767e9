"""What a visit works with, and how it ended."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, field

from ingest.apart.processes import Reader
from ingest.fetching.fetch import Fetcher
from ingest.fetching.robots import Robots
from ingest.frontier.frontier import Found, Frontier, Visit
from ingest.frontier.listing import Openings, Outline
from ingest.frontier.memory import Memories, Memory
from ingest.frontier.scope import Scope
from ingest.report import Outcome
from ingest.store import Store
from rag.index.rows import PageRow, PageState
from rag.vocabulary import Chunk, Page


@dataclass(frozen=True, slots=True)
class Rooms:
    """What a visit works with."""

    fetcher: Fetcher
    robots: Robots
    reader: Reader
    store: Store
    frontier: Frontier
    memories: Memories
    openings: Openings
    scope: Scope
    executor: Executor


@dataclass(slots=True)
class Visited:
    """How a visit ended, before anything is written.

    Attributes:
        visits: the visit, and those that its redirects took over; all end alike.
        url: the page's identity, after redirects.
        outcome: None when the decision waits for other pages; then `reason` is `list` or `page`, and the canonical
            address when that is another page.
        page: to be written with `chunks`, or, when these are None, to be noted as unchanged.
        memory: to be kept once the page is written.
        found: links to visit.
        state: to be noted in the catalog.
        sure: a missing page need not be looked for again.
    """

    visits: list[Visit]
    url: str
    outcome: Outcome | None = None
    reason: str = ""
    detail: str = ""
    row: PageRow | None = None
    page: Page | None = None
    chunks: Sequence[Chunk] | None = None
    memory: Memory | None = None
    outline: Outline | None = None
    found: list[Found] = field(default_factory=list)
    sure: bool = False
    state: PageState | None = None

    def end(self, outcome: Outcome, reason: str = "", detail: str = "") -> Visited:
        """This, with its end."""
        self.outcome, self.reason, self.detail = outcome, reason, detail
        return self

    def defer(self, reason: str) -> Visited:
        """This, to be decided when other pages are read."""
        self.reason = reason
        return self
