"""What a search looks up in the catalog, as it is at one moment."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable
from datetime import datetime

from rag.index.rows import CHUNK_COLUMNS, Head, StoredChunk, chunk_of


class Moment:
    """Look-ups that all see one commit.

    Each is one row: Python's sqlite3 lets go of the interpreter at every row, and has to wait for it where an
    event loop is busy.
    """

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def heads(self, ids: Iterable[str]) -> dict[str, Head]:
        """Those of `ids` that are in force, by id: a third of the work of loading them."""
        sql = """
            SELECT json_group_array(json_array(c.id, coalesce(c.title, p.title), coalesce(c.language, p.language)))
            FROM json_each(?) j CROSS JOIN chunks c ON c.id = j.value JOIN pages p ON p.id = c.page
        """
        found = self._connection.execute(sql, (json.dumps(list(ids)),)).fetchone()
        return {row[0]: Head(*row) for row in json.loads(found[0])}

    def load_chunks(self, ids: Iterable[str]) -> dict[str, StoredChunk]:
        """The chunks of `ids` that are in force; others are absent."""
        sql = f"""
            SELECT json_group_array(json_array({CHUNK_COLUMNS}, p.fetched_at)) FROM json_each(?) j
            CROSS JOIN chunks c ON c.id = j.value JOIN pages p ON p.id = c.page
        """  # noqa: S608 - constant columns
        found = self._connection.execute(sql, (json.dumps(list(ids)),)).fetchone()
        return {row[0]: StoredChunk(chunk_of(row), datetime.fromisoformat(row[10])) for row in json.loads(found[0])}

    def vectors(self, ids: Iterable[str], model: str) -> dict[str, bytes]:
        """Vectors of `model`, as float32 in machine order, by the id of the chunk they are of; others are absent."""
        sql = """
            SELECT json_group_array(json_array(c.id, length(v.vector))), CAST(group_concat(v.vector, '') AS BLOB)
            FROM json_each(?) j
            CROSS JOIN chunks c ON c.id = j.value CROSS JOIN vectors v ON v.hash = c.hash AND v.model = ?
        """
        names, joined = self._connection.execute(sql, (json.dumps(list(ids)), model)).fetchone()
        found: dict[str, bytes] = {}
        start = 0
        for chunk_id, length in json.loads(names):
            found[chunk_id] = joined[start : start + length]
            start += length
        return found
