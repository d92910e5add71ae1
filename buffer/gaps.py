"""Numbers whose payload is no longer in the outbox, and why: a chain of receipts with a hole must say so itself."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from typing import NamedTuple

GAPS_MAX = 512

EVICTED = "evicted"
EXPIRED = "expired"
PURGED = "purged"


class Gap(NamedTuple):
    """Numbers `first_n` to `last_n` of a stream are gone: "evicted" for room, "expired" unsent, or "purged" after
    their retention."""

    stream: str
    first_n: int
    last_n: int
    why: str


def note(db: sqlite3.Connection, gone: Iterable[tuple[str, int, str]]) -> None:
    """Record (stream, n, why), growing the stream's last gap where it continues; within a transaction.

    At most GAPS_MAX gaps stay on record, the oldest go.
    """
    for gap in _merged(gone):
        grown = db.execute(
            "UPDATE gap SET last_n = ? WHERE stream = ? AND why = ? AND last_n = ?",
            (gap.last_n, gap.stream, gap.why, gap.first_n - 1),
        )
        if grown.rowcount == 0:
            db.execute("INSERT INTO gap (stream, first_n, last_n, why) VALUES (?, ?, ?, ?)", gap)
            db.execute("DELETE FROM gap WHERE id <= (SELECT max(id) FROM gap) - ?", (GAPS_MAX,))


def _merged(gone: Iterable[tuple[str, int, str]]) -> list[Gap]:
    """The same numbers as runs, sorted by stream, reason and number."""
    runs: list[Gap] = []
    for stream, n, why in sorted(gone, key=lambda each: (each[0], each[2], each[1])):
        last = runs[-1] if runs else None
        if last is not None and (last.stream, last.why, last.last_n + 1) == (stream, why, n):
            runs[-1] = last._replace(last_n=n)
        else:
            runs.append(Gap(stream, n, n, why))
    return runs


def forgotten(db: sqlite3.Connection) -> bool:
    """Whether older gaps than those on record have been let go: ids count from 1."""
    oldest: int | None = db.execute("SELECT min(id) FROM gap").fetchone()[0]
    return oldest is not None and oldest > 1


def recorded(db: sqlite3.Connection) -> list[Gap]:
    """All gaps on record, in the order they came to be."""
    return [Gap(*row) for row in db.execute("SELECT stream, first_n, last_n, why FROM gap ORDER BY id")]
