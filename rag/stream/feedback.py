"""What readers thought of runs: one rating a run, kept in the journal as long as the run."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from typing import Literal

Rating = Literal["up", "down"]

FEEDBACK_SCHEMA = """
CREATE TABLE IF NOT EXISTS feedback (
    run_id TEXT PRIMARY KEY,
    rating TEXT NOT NULL,
    rated_at REAL NOT NULL
);
CREATE TRIGGER IF NOT EXISTS forget_feedback AFTER DELETE ON runs BEGIN
    DELETE FROM feedback WHERE run_id = old.id;
END;
"""


def write_rating(connection: sqlite3.Connection, run_id: str, rating: Rating, moment: float) -> None:
    """Keeps the rating in place of an earlier one; `moment` is in seconds since the epoch."""
    connection.execute(
        "INSERT INTO feedback (run_id, rating, rated_at) VALUES (?, ?, ?)"
        " ON CONFLICT (run_id) DO UPDATE SET rating = excluded.rating, rated_at = excluded.rated_at",
        (run_id, rating, moment),
    )


def read_ratings(connection: sqlite3.Connection, run_ids: Iterable[str]) -> dict[str, Rating]:
    """The ratings of those of the runs that have one."""
    found: dict[str, Rating] = {}
    for run_id in run_ids:
        row = connection.execute("SELECT rating FROM feedback WHERE run_id = ?", (run_id,)).fetchone()
        if row is not None:
            found[run_id] = row[0]
    return found
