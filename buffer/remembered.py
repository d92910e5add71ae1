"""What the outbox remembers of its file while it is open, so that no commit has to search it."""

from __future__ import annotations

import hashlib
import re
import sqlite3
from collections import Counter
from collections.abc import Callable, Collection
from dataclasses import dataclass, field

from buffer import sqlite_file
from buffer.rows import STATES, Head, Losses

EPOCH_BYTES = 8
SECRET_BYTES = 16  # of a separate stream: what its epochs are made from, never published
VEHICLE = ""
# Kept rows in `kept_last` count from here, so that ids tell no order between a braking and the track.
LAST_SERIES = 1 << 40

# Every column that is used, so that one whose name has lost a bit shows when the file is opened, not in a commit.
_COLUMNS = (
    "SELECT place, id, stream, day, state, body FROM kept",
    "SELECT place, id, stream, n, day, since, state, payload FROM batch",
    "SELECT id, name, day, state, body FROM note",
    "SELECT id, stream, first_n, last_n, why, prev, last FROM gap",
    "SELECT id, since FROM set_aside",
)


@dataclass(slots=True)
class Remembered:
    """Epochs, heads, counts by state, losses, and where to look; true of the last committed transaction."""

    epochs: dict[str, str]
    heads: dict[str, Head]
    losses: Counter[str]
    counts: Counter[str] = field(default_factory=Counter)
    first_unsent_id: int = 0  # none is unsent before it
    next_batch_id: int = 1
    next_kept_ids: dict[str, int] = field(default_factory=lambda: {"kept_first": 1, "kept_last": LAST_SERIES})

    def add(self, tally: Counter[str]) -> None:
        """Take in the counts and losses of a committed transaction."""
        self.counts.update({state: tally[state] for state in STATES})
        self.losses.update({kind: tally[kind] for kind in Losses._fields})


def load(db: sqlite3.Connection) -> Remembered:
    """Read the whole file once. Raises Damaged for an epoch that is not one."""
    for sql in _COLUMNS:
        db.execute(f"EXPLAIN {sql}").close()
    found = Remembered(
        epochs=dict(db.execute("SELECT stream, epoch FROM epoch")),
        heads={
            stream: Head(n, sha256) for stream, n, sha256 in db.execute("SELECT stream, n, sha256 FROM head")
        },
        losses=Counter(dict(db.execute("SELECT kind, n FROM loss"))),
    )
    if not all(re.fullmatch(r"([0-9a-f]{16}){1,2}", epoch) for epoch in found.epochs.values()):
        raise sqlite_file.Damaged("an epoch is not one")
    _load_kept(db, found)
    _load_batches(db, found)
    return found


def _load_kept(db: sqlite3.Connection, found: Remembered) -> None:
    """Each series goes on where it is; in a file of schema 1 both tables share the first one."""
    sql = "SELECT id >= ?, max(id), sum(state = 'k') FROM {} GROUP BY 1"
    for table in ("kept_first", "kept_last"):
        for is_last, last_id, kept in db.execute(sql.format(table), (LAST_SERIES,)):
            found.counts["k"] += kept
            series = "kept_last" if is_last else "kept_first"
            found.next_kept_ids[series] = max(found.next_kept_ids[series], last_id + 1)


def _load_batches(db: sqlite3.Connection, found: Remembered) -> None:
    newest: dict[str, tuple[int, int]] = {}
    unsent_ids = []
    for table in ("batch_first", "batch_last"):
        sql = f"SELECT stream, state, count(*), min(id), max(id), max(n) FROM {table} GROUP BY stream, state"
        for stream, state, count, first_id, last_id, n in db.execute(sql):
            found.counts[state] += count
            found.next_batch_id = max(found.next_batch_id, last_id + 1)
            newest[stream] = max(newest.get(stream, (0, 0)), (n, last_id))
            unsent_ids += [first_id] if state == "u" else []
    found.first_unsent_id = min(unsent_ids, default=found.next_batch_id)
    for stream, (n, row_id) in newest.items():
        if n > found.heads.get(stream, Head(0, None)).n:
            payload = db.execute("SELECT payload FROM batch WHERE id = ?", (row_id,)).fetchone()[0]
            found.heads[stream] = Head(n, hashlib.sha256(payload).digest())


def give_epochs(
    db: sqlite3.Connection, streams: Collection[str], random_bytes: Callable[[int], bytes]
) -> None:
    """An epoch for the vehicle and a secret for each of `streams`, where there is none yet."""
    known = {stream for (stream,) in db.execute("SELECT stream FROM epoch")}
    wanted = {VEHICLE: EPOCH_BYTES} | dict.fromkeys(sorted(streams), SECRET_BYTES)
    missing = [(stream, random_bytes(size).hex()) for stream, size in wanted.items() if stream not in known]
    if missing:
        with sqlite_file.transaction(db):
            db.executemany("INSERT INTO epoch VALUES (?, ?)", missing)
