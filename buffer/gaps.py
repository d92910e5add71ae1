"""Numbers whose payload is no longer in the outbox, and why: a chain of receipts with a hole must say so itself."""

from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import Iterable
from typing import NamedTuple

from buffer.sweep import BLANK

GAPS_MAX = 256
PREV_BYTES = 16  # as much as a payload names of the one before it

EVICTED = "evicted"
EXPIRED = "expired"
PURGED = "purged"


class Gap(NamedTuple):
    """Numbers `first_n` to `last_n` of a stream are gone: "evicted" for room, "expired" unsent, or "purged" after
    their retention.

    So that the chain of receipts goes on across it: `prev` is the beginning of the SHA-256 of the payload that lay
    before `first_n` when the gap came to be, `last` the SHA-256 of `last_n`'s own; empty where that neighbour is gone.
    """

    stream: str
    first_n: int
    last_n: int
    why: str
    prev: bytes = b""
    last: bytes = b""


def of(db: sqlite3.Connection, table: str, row_id: int, stream: str, n: int, why: str) -> Gap:
    """The gap that one batch leaves, while its payload is still there."""
    payload = db.execute(f"SELECT payload FROM {table} WHERE id = ?", (row_id,)).fetchone()
    before = db.execute(
        f"SELECT n, state, payload FROM {table} WHERE id < ? AND stream = ? ORDER BY id DESC LIMIT 1",
        (row_id, stream),
    ).fetchone()
    there = before is not None and before[0] == n - 1 and before[1] != BLANK
    return Gap(stream, n, n, why, _sha256(before[2])[:PREV_BYTES] if there else b"", _sha256(payload[0]))


def _sha256(payload: bytes) -> bytes:
    return hashlib.sha256(payload).digest()


def note(db: sqlite3.Connection, gone: Iterable[Gap]) -> None:
    """Record what is gone, growing the stream's last gap where it continues; within a transaction.

    At most GAPS_MAX gaps stay on record, the oldest go.
    """
    for gap in _merged(gone):
        grown = db.execute(
            "UPDATE gap SET last_n = ?, last = ? WHERE stream = ? AND why = ? AND last_n = ?",
            (gap.last_n, gap.last, gap.stream, gap.why, gap.first_n - 1),
        )
        if grown.rowcount == 0:
            db.execute(
                "INSERT INTO gap (stream, first_n, last_n, why, prev, last) VALUES (?, ?, ?, ?, ?, ?)",
                gap,
            )
            db.execute("DELETE FROM gap WHERE id <= (SELECT max(id) FROM gap) - ?", (GAPS_MAX,))
    _forget_hashes(db)


def _forget_hashes(db: sqlite3.Connection) -> None:
    """Hashes that vouch for a batch which is gone too go with it: who can guess a payload could try it against them."""
    for column, beside in {"last": "first_n = gap.last_n + 1", "prev": "last_n = gap.first_n - 1"}.items():
        db.execute(
            f"UPDATE gap SET {column} = x'' WHERE {column} != x'' AND EXISTS"
            f" (SELECT 1 FROM gap AS other WHERE other.stream = gap.stream AND other.{beside})"
        )


def _merged(gone: Iterable[Gap]) -> list[Gap]:
    """The same numbers as runs, sorted by stream, reason and number."""
    runs: list[Gap] = []
    for gap in sorted(gone, key=lambda each: (each.stream, each.why, each.first_n)):
        last = runs[-1] if runs else None
        if last is not None and (last.stream, last.why, last.last_n + 1) == (
            gap.stream,
            gap.why,
            gap.first_n,
        ):
            runs[-1] = last._replace(last_n=gap.last_n, last=gap.last)
        else:
            runs.append(gap)
    return runs


def forgotten(db: sqlite3.Connection) -> bool:
    """Whether older gaps than those on record have been let go: ids count from 1."""
    oldest: int | None = db.execute("SELECT min(id) FROM gap").fetchone()[0]
    return oldest is not None and oldest > 1


def recorded(db: sqlite3.Connection) -> list[Gap]:
    """All gaps on record, in the order they came to be."""
    rows = db.execute("SELECT stream, first_n, last_n, why, prev, last FROM gap ORDER BY id")
    return [Gap(*row) for row in rows]
