"""Which numbers have come to the receiver, as ranges in its table `arrived`; they outlive the batches themselves.

A series is (vehicle, stream, epoch). Its ranges are disjoint and never touch: a complete series is one row. What
changed last has the highest row. Whoever writes holds the transaction.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator

Series = tuple[str, str, str]

_OF_SERIES = "FROM arrived WHERE vehicle = ? AND stream = ? AND epoch = ?"


def has_come(db: sqlite3.Connection, series: Series, n: int) -> bool:
    """Whether that number has come at any time."""
    sql = f"SELECT last_n {_OF_SERIES} AND first_n <= ? ORDER BY first_n DESC LIMIT 1"
    below = db.execute(sql, (*series, n)).fetchone()
    return below is not None and n <= below[0]


def note(db: sqlite3.Connection, series: Series, n: int) -> None:
    """Put one more number to the ranges, joined to those that it touches."""
    sql = f"SELECT first_n, last_n, id {_OF_SERIES} AND first_n <= ? ORDER BY first_n DESC LIMIT 2"
    first = last = n
    for first_n, last_n, row_id in db.execute(sql, (*series, n + 1)).fetchall():
        if last_n + 1 >= first:
            first, last = min(first, first_n), max(last, last_n)
            db.execute("DELETE FROM arrived WHERE id = ?", (row_id,))
    db.execute(
        "INSERT INTO arrived (vehicle, stream, epoch, first_n, last_n) VALUES (?, ?, ?, ?, ?)",
        (*series, first, last),
    )


def missing(db: sqlite3.Connection, series: Series) -> Iterator[range]:
    """Numbers between 1 and the newest that have not come, ascending."""
    end = 0
    for first_n, last_n in db.execute(f"SELECT first_n, last_n {_OF_SERIES} ORDER BY first_n", series):
        if first_n > end + 1:
            yield range(end + 1, first_n)
        end = last_n


def of_vehicle(
    db: sqlite3.Connection, vehicle: str, epochs_max: int
) -> dict[str, dict[str, list[tuple[int, int]]]]:
    """The ranges of the epochs that changed last: by epoch, then by stream; both ends included, ascending."""
    changed_last = "SELECT epoch FROM arrived WHERE vehicle = ? GROUP BY epoch ORDER BY max(id) DESC LIMIT ?"
    sql = (
        f"SELECT epoch, stream, first_n, last_n FROM arrived WHERE vehicle = ? AND epoch IN ({changed_last})"
        " ORDER BY epoch, stream, first_n"
    )
    found: dict[str, dict[str, list[tuple[int, int]]]] = {}
    for epoch, stream, first_n, last_n in db.execute(sql, (vehicle, vehicle, epochs_max)):
        found.setdefault(epoch, {}).setdefault(stream, []).append((first_n, last_n))
    return found
