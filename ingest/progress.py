"""What an ingestion tells while it runs: one event a page, and how far it is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any, ClassVar

from ingest.report import Outcome


@dataclass(frozen=True, slots=True)
class Progress:
    """How far an ingestion is.

    Attributes:
        done: pages settled; `waiting` pages found and not visited yet, which may still grow.
        fetching: pages being fetched or read just now; `writing` being embedded and indexed, or waiting for that.
        embedded: texts embedded so far, `chunks` chunks read so far.
        seconds: since the start; `rate` pages a second; `left` seconds to go at that rate, None before it is known.
    """

    name: ClassVar[str] = "progress"
    done: int
    waiting: int
    fetching: int
    writing: int
    chunks: int
    embedded: int
    seconds: float
    rate: float
    left: float | None

    @property
    def waits_for(self) -> str:
        """What holds it up, in a word or two."""
        if self.writing > self.fetching:
            return "embedding"
        return "the site" if self.fetching else "sitemaps"


@dataclass(frozen=True, slots=True)
class PageSettled:
    """A page is done with.

    Attributes:
        chunks: how many it has now; `embedded` how many texts that cost.
    """

    name: ClassVar[str] = "page"
    url: str
    outcome: Outcome
    reason: str = ""
    detail: str = ""
    chunks: int = 0
    embedded: int = 0


@dataclass(frozen=True, slots=True)
class Finished:
    """The last event: the report, as JSON values."""

    name: ClassVar[str] = "done"
    report: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Broken:
    """The last event of an ingestion that could not go on; members of RFC 9457."""

    name: ClassVar[str] = "error"
    problem: dict[str, Any]


IngestEvent = Progress | PageSettled | Finished | Broken
Listener = Callable[[IngestEvent], None]


def event_data(event: IngestEvent) -> dict[str, Any]:
    """The event's data as JSON values, absent ones left out."""
    match event:
        case Finished():
            return event.report
        case Broken():
            return event.problem
        case _:
            return {name: value for name, value in asdict(event).items() if value is not None and value != ""}
