"""Who goes first when the outbox is full, and who has had its time."""

from __future__ import annotations

import sqlite3
from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from buffer import durable, sqlite_file

VICTIMS_A_STEP = 16
LAST_TO_GO = ("harsh_braking", "box")  # after all others, the first named last of all


class Row(NamedTuple):
    """A row without its content; `place` is its table, `n` is 0 in those of kept rows."""

    place: str
    id: int
    stream: str
    n: int
    day: int
    state: str


_SEALED = "SELECT place, id, stream, n, day, state FROM batch WHERE "
_KEPT = "SELECT place, id, stream, 0, day, state FROM kept WHERE "


def oldest(db: sqlite3.Connection, has_receipts: bool, last_to_go: Sequence[str]) -> list[Row]:
    """The next few rows to evict, [] when nothing is left.

    Receipts go first: they have arrived. Then what is unsent, the oldest day first, sealed before kept; then the
    streams of `last_to_go`, the first named last of all.
    """
    if has_receipts and (receipts := _rows(db, _SEALED + "state IN ('a', 'r')", ())):
        return receipts
    for streams, condition in _turns(last_to_go):
        sealed = _rows(db, f"{_SEALED}state = 'u' AND stream {condition}", streams)
        kept = _rows(db, f"{_KEPT}state = 'k' AND stream {condition}", streams)
        if sealed or kept:
            return sorted(sealed + kept, key=lambda row: (row.day, row.place, row.id))[:VICTIMS_A_STEP]
    return []


def _turns(last_to_go: Sequence[str]) -> Iterator[tuple[Sequence[str], str]]:
    yield last_to_go, f"NOT IN ({', '.join('?' * len(last_to_go))})"
    for stream in reversed(last_to_go):
        yield (stream,), "= ?"


def _rows(db: sqlite3.Connection, sql: str, values: Collection[object]) -> list[Row]:
    return [Row(*row) for row in db.execute(f"{sql} ORDER BY id LIMIT {VICTIMS_A_STEP}", tuple(values))]


def reuse_log(db: sqlite3.Connection) -> None:
    """Let the next change begin at the log's first byte: on a full disk that is all the room there is.

    Raises sqlite3's errors when the file itself can't take what is in the log.
    """
    db.execute("PRAGMA wal_checkpoint(RESTART)").close()


class Limits(NamedTuple):
    """How old rows may be, in days, on day `today`: receipts by stream, and what has not been sent."""

    today: int
    receipt_days: Mapping[str, int]
    receipt_days_default: int
    age_days_max: int


def past_their_time(db: sqlite3.Connection, limits: Limits, rows_max: int) -> list[Row]:
    """At most `rows_max` rows that are older than they may be; as old as its limit a row may be.

    Receipts age from the day they were sealed for or, if that came later, acknowledged on.
    """
    allowed = "CASE stream" + " WHEN ? THEN ?" * len(limits.receipt_days) + " ELSE ? END"
    if not limits.receipt_days:
        allowed = "?"
    days = [value for pair in limits.receipt_days.items() for value in pair] + [limits.receipt_days_default]
    receipt = f"(state IN ('a', 'r') AND since < ? - {allowed})"
    sealed = f"{_SEALED}({receipt} OR (state = 'u' AND day < ?)) ORDER BY id LIMIT ?"
    oldest_day = limits.today - limits.age_days_max
    rows = [Row(*row) for row in db.execute(sealed, (limits.today, *days, oldest_day, rows_max))]
    kept = f"{_KEPT}state = 'k' AND day < ? ORDER BY id LIMIT ?"
    return rows + [Row(*row) for row in db.execute(kept, (oldest_day, rows_max - len(rows)))]


def purge_set_aside(db: sqlite3.Connection, path: Path, today: int, days_max: int) -> None:
    """Delete damaged files that have been set aside for more than `days_max` days: they hold records too.

    When one was set aside no date is known; its days count from the first purge that sees it. They are forgotten only
    when the files are gone for good, or a power cut in between would give the files as many days again.
    """
    damaged = sqlite_file.damaged_files(path)
    if damaged:
        with sqlite_file.transaction(db):
            db.execute("INSERT OR IGNORE INTO set_aside VALUES (1, ?)", (today,))
            since: int = db.execute("SELECT since FROM set_aside").fetchone()[0]
        if today - since <= days_max:
            return
        for each in damaged:
            sqlite_file.remove(each)
        durable.sync_directory(path.parent)
    if db.execute("SELECT since FROM set_aside").fetchall():
        with sqlite_file.transaction(db):
            db.execute("DELETE FROM set_aside")
