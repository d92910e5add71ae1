"""What can be read of the outbox's file."""

from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from buffer import gaps, notes, remembered, sqlite_file
from buffer.errors import disk
from buffer.gaps import Gap
from buffer.rows import STATES, Batch, Counts, Head, KeptDay, KeptRow, Losses, Note, Receipt
from buffer.sqlite_file import PAGE_BYTES

REMEMBERED_MAX = 4096
RECEIPT_ROWS_READ = 64
EPOCH_DIGITS = 2 * remembered.EPOCH_BYTES


class Place(NamedTuple):
    """Where a batch lies in the file; `answered`: the broker's answer for it is on record."""

    row: int
    stream: str
    n: int
    answered: bool


class Reading:
    """The half of the outbox that changes nothing."""

    def __init__(self, db: sqlite3.Connection, path: Path | None) -> None:
        self._db = db
        self._path = path
        self._known = remembered.load(db)
        self._ids: dict[tuple[str, int], int] = {}  # rows that `unsent` gave out

    def epoch(self, stream: str) -> str:
        """16 hex digits made by chance together with the file, the key under which the stream's numbers count."""
        return self.secret(stream)[-EPOCH_DIGITS:]

    def secret(self, stream: str) -> str:
        """All hex digits made by chance for that stream: 32 of one that is separate, else the vehicle's epoch."""
        return self._known.epochs.get(stream) or self._known.epochs[remembered.VEHICLE]

    def head(self, stream: str) -> Head:
        """The newest sealed batch of a stream, whether or not its payload is still here."""
        return self._known.heads.get(stream, Head(0, None))

    def newest(self, stream: str | None = None) -> Batch | None:
        """The newest sealed batch, of a stream or of all, whose payload is still here."""
        sql = (
            "SELECT id, stream, n, day, payload FROM batch"
            " WHERE state != 'x' AND stream = ifnull(?, stream) ORDER BY id DESC LIMIT 1"
        )
        with disk():
            row = self._db.execute(sql, (stream,)).fetchone()
        return Batch(*row[1:]) if row else None

    def losses(self) -> Losses:
        """Rows that will not arrive, since the file was made."""
        return Losses(*(self._known.losses[kind] for kind in Losses._fields))

    def counts(self) -> Counts:
        """What the file holds, without reading it."""
        with disk():
            disk_bytes = sqlite_file.page_count(self._db) * PAGE_BYTES + sqlite_file.log_bytes(self._path)
        kept, unsent, receipts, refused = (self._known.counts[state] for state in "kuar")
        return Counts(kept, unsent, receipts, refused, disk_bytes)

    def kept(self, stream: str, before_day: int) -> list[KeptRow]:
        """Unsealed rows of a stream of days before `before_day`, oldest first."""
        sql = (
            "SELECT id, stream, day, body FROM kept"
            " WHERE state = 'k' AND stream = ? AND day < ? ORDER BY day, id"
        )
        with disk():
            return [KeptRow(*row) for row in self._db.execute(sql, (stream, before_day))]

    def kept_days(self) -> list[KeptDay]:
        """What waits to be sealed, by stream and day."""
        sql = (
            "SELECT stream, day, count(*), sum(length(body)) FROM kept"
            " WHERE state = 'k' GROUP BY stream, day ORDER BY day, stream"
        )
        with disk():
            return [KeptDay(*row) for row in self._db.execute(sql)]

    def unsent(self, limit: int, skip: Collection[tuple[str, int]] = ()) -> list[Batch]:
        """Up to `limit` sealed batches without an answer, oldest first, those named in `skip` left out."""
        sql = (
            "SELECT id, stream, n, day, payload FROM batch WHERE id >= ? AND state = 'u' ORDER BY id LIMIT ?"
        )
        if limit <= 0:
            return []
        with disk():
            rows = self._db.execute(sql, (self._known.first_unsent_id, limit + len(skip))).fetchall()
            self._known.first_unsent_id = rows[0][0] if rows else self._known.next_batch_id
        found = [(row[0], Batch(*row[1:])) for row in rows if (row[1], row[2]) not in skip][:limit]
        for row_id, batch in found:
            self._ids[batch.stream, batch.n] = row_id
        while len(self._ids) > REMEMBERED_MAX:
            del self._ids[next(iter(self._ids))]
        return [batch for _, batch in found]

    def receipts(self, stream: str | None = None) -> Iterator[Receipt]:
        """What was published and is still here, in the order of sealing; all streams when None."""
        return self._rows("state IN ('a', 'r')", stream)

    def sealed(self, stream: str | None = None) -> Iterator[Receipt]:
        """The same with the batches that still wait for an answer: every payload that is here."""
        return self._rows("state IN ('u', 'a', 'r')", stream)

    def _rows(self, condition: str, stream: str | None) -> Iterator[Receipt]:
        sql = (
            f"SELECT id, stream, n, day, state, payload FROM batch WHERE id > ? AND {condition}"
            " AND stream = ifnull(?, stream) ORDER BY id LIMIT ?"
        )
        last_id = -1
        while True:
            with disk():
                rows = self._db.execute(sql, (last_id, stream, RECEIPT_ROWS_READ)).fetchall()
            if not rows:
                return
            last_id = rows[-1][0]
            for _, of, n, day, state, payload in rows:
                yield Receipt(of, n, day, STATES[state], payload, hashlib.sha256(payload).digest())

    def find(self, asked: Mapping[str, Sequence[tuple[int, int]]], limit: int) -> list[Place]:
        """Where batches with these numbers lie, newest first, at most `limit`; those whose payload is gone left out.

        `asked`: ranges of numbers by stream, ascending, both ends included.
        """
        missing = sum(last - first + 1 for ranges in asked.values() for first, last in ranges)
        sql = "SELECT id, stream, n, state FROM batch WHERE state != 'x' ORDER BY id DESC"
        found: list[Place] = []
        with disk():
            for row_id, stream, n, state in self._db.execute(sql):
                if len(found) >= min(limit, missing):
                    break
                if stream in asked and any(first <= n <= last for first, last in asked[stream]):
                    found.append(Place(row_id, stream, n, state != "u"))
        return found

    def at(self, row: int) -> Batch | None:
        """The batch that `find` found there; None when its payload has gone meanwhile."""
        sql = "SELECT stream, n, day, payload FROM batch WHERE id = ? AND state != 'x'"
        with disk():
            found = self._db.execute(sql, (row,)).fetchone()
        return Batch(*found) if found else None

    def note(self, name: str) -> Note | None:
        """What was last committed under that name; None when nothing was, or it was removed or purged."""
        with disk():
            return notes.read(self._db, name)

    def gaps(self) -> list[Gap]:
        """Numbers whose payload is gone, and why."""
        with disk():
            return gaps.recorded(self._db)

    def gaps_forgotten(self) -> bool:
        """Whether there have been so many gaps that the oldest are no longer on record."""
        with disk():
            return gaps.forgotten(self._db)

    def heads_on_record(self) -> dict[str, Head]:
        """Number and hash of a batch that was its stream's newest when its payload went; by stream."""
        with disk():
            return {
                stream: Head(n, sha256)
                for stream, n, sha256 in self._db.execute(
                    "SELECT stream, n, sha256 FROM head ORDER BY stream"
                )
            }
