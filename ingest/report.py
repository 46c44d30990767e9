"""What an ingestion did: counted per page and per chunk, every failure and every removal named."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple

from rag.index.writer import PageChange

Outcome = Literal["indexed", "unchanged", "skipped", "failed", "gone"]
MOST_LEFT_OUT = 100


class Failure(NamedTuple):
    """A page that could not be brought up to date; `reason` is a short word, `detail` says it in a sentence."""

    url: str
    reason: str
    detail: str


class Skip(NamedTuple):
    """A page that a rule left out, such as `robots`, `noindex`, `listing`, `duplicate`, `off_site`."""

    url: str
    reason: str


@dataclass(slots=True)
class Report:
    """The figures of one ingestion; they grow as it goes.

    Attributes:
        stopped: it was interrupted, or gave up; the same command goes on where it stopped.
        removed: what was pruned, with the reason.
    """

    run_id: str
    seconds: float = 0.0
    indexed: int = 0
    unchanged: int = 0
    skipped: int = 0
    failed: int = 0
    gone: int = 0
    chunks_added: int = 0
    chunks_kept: int = 0
    chunks_removed: int = 0
    embedded: int = 0
    requests: int = 0
    not_modified: int = 0
    bytes: int = 0
    stopped: bool = False
    resumed: bool = False
    failures: list[Failure] = field(default_factory=list)
    skips: list[Skip] = field(default_factory=list)
    removed: list[Skip] = field(default_factory=list)

    @property
    def exit_code(self) -> int:
        """0: every source is indexed, unchanged or skipped by a rule; 1: at least one failed."""
        return 1 if self.failures else 0

    @property
    def pages(self) -> int:
        """Pages that were settled, one way or another."""
        return self.indexed + self.unchanged + self.skipped + self.failed + self.gone

    def count(self, outcome: Outcome, url: str, reason: str = "", detail: str = "") -> None:
        """Adds one page."""
        setattr(self, outcome, getattr(self, outcome) + 1)
        if outcome == "failed":
            self.failures.append(Failure(url, reason, detail))
        elif outcome == "skipped":
            self.skips.append(Skip(url, reason))

    def leave_out(self, urls: list[str], reason: str) -> None:
        """Adds pages that were found and never visited; the first hundred are named."""
        self.skipped += len(urls)
        self.skips.extend(Skip(url, reason) for url in urls[:MOST_LEFT_OUT])

    def refuse(self, place: str, reason: str, detail: str) -> None:
        """Names something that was asked for and not done, without counting a page."""
        self.failures.append(Failure(place, reason, detail))

    def add_change(self, change: PageChange) -> None:
        """Adds what writing or removing a page changed."""
        self.chunks_added += change.added
        self.chunks_kept += change.kept
        self.chunks_removed += change.removed
        self.embedded += change.embedded

    def data(self) -> dict[str, Any]:
        """The report as JSON values; `removed` and `stopped` only where there is something to tell."""
        return {
            "run_id": self.run_id,
            "seconds": round(self.seconds, 3),
            "pages": {
                "indexed": self.indexed,
                "unchanged": self.unchanged,
                "skipped": self.skipped,
                "failed": self.failed,
                "gone": self.gone,
                "pruned": len(self.removed),
            },
            "chunks": {"added": self.chunks_added, "kept": self.chunks_kept, "removed": self.chunks_removed},
            "embedded": self.embedded,
            "requests": self.requests,
            "not_modified": self.not_modified,
            "bytes": self.bytes,
            "failures": [failure._asdict() for failure in self.failures],
            "skips": [skip._asdict() for skip in self.skips],
            **({"removed": [skip._asdict() for skip in self.removed]} if self.removed else {}),
            **({"stopped": True} if self.stopped else {}),
        }
