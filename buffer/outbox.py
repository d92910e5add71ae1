"""What must not be lost, on disk: records that left their filters, sealed batches, and the receipts they become.

The outbox knows bytes, streams, numbers and days, never what the bytes mean. Life of a row:

    keep → `kept` row ─ seal ─→ `batch` row, unsent ─ acknowledged ─→ the same row, now the receipt ─ purge ─→ gone

Tables (all STRICT): `kept` (id, stream, day, state, body); `batch` (id, stream, n, day, since, state, payload), in
the order of sealing, so that a commit that seals one batch and marks another writes the one page that holds both.
Each is a view of two tables, `_last` with the streams that are evicted last and `_first` with all others. The ids
of batches count through both; those of kept rows do not, so that none tells the order of a braking and the track.
`head` (stream, n, sha256) for a stream whose newest batch is gone; `gap` for numbers that are gone; `note` (id,
name, day, state, body), see buffer/notes.py; `loss`, `epoch`, `set_aside`. States are one letter, because a row must
keep its length (buffer/sweep.py): k kept, u unsent, a acknowledged, r refused, x blank. There is no index: what is
looked up is at a table's end or remembered.

Settings of the file and their reasons: buffer/sqlite_file.py. One thread owns the outbox.
"""

from __future__ import annotations

import contextlib
import hashlib
import sqlite3
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from buffer import gaps, migrations, remembered, room, sqlite_file, sweep
from buffer import notes as noted
from buffer.errors import OutboxDamaged, OutboxFull, OutboxLost, TooLarge, WrongNumber, disk
from buffer.gaps import Gap
from buffer.reading import Reading
from buffer.reserve import Reserve
from buffer.rows import (
    TWO_BYTE_DAYS,
    Batch,
    Counts,
    Head,
    Kept,
    KeptDay,
    KeptRow,
    Losses,
    Note,
    Receipt,
    check_lengths,
)
from buffer.sqlite_file import PAGE_BYTES, SchemaTooNew

__all__ = [
    "Batch",
    "Counts",
    "Gap",
    "Head",
    "Kept",
    "KeptDay",
    "KeptRow",
    "Losses",
    "Note",
    "Outbox",
    "OutboxDamaged",
    "OutboxLost",
    "Receipt",
    "SchemaTooNew",
    "TooLarge",
    "WrongNumber",
]

OUTBOX_FILE = "outbox.db"
SIZE_BYTES_MIN = 256 * PAGE_BYTES
EVICT_TRIES_MAX = 8
EVICT_PAGES_SPARE = 8
FULL_DISK_PAGES_MIN = 64  # on a full disk a file may grow so far: the room comes from the reserve
PURGE_ROWS_MAX = 500
RECEIPT_DAYS_DEFAULT = 60
SET_ASIDE_DAYS_MAX = 14


class _NoRoom(Exception):
    """The change does not fit; it would with so many pages free."""

    def __init__(self, free_pages: int) -> None:
        super().__init__(free_pages)
        self.free_pages = free_pages


class _Change(NamedTuple):
    """The arguments of `commit`."""

    keep: Sequence[Kept]
    seal: Sequence[Batch]
    used: frozenset[int]
    acknowledged: Collection[tuple[str, int]]
    refused: Collection[tuple[str, int]]
    today: int | None
    notes: Mapping[str, Note | None]

    @property
    def pages_max(self) -> int:
        """Pages that it takes at most: two more for each row, which may begin a page and end in the middle of one."""
        bodies = [row.body for row in self.keep] + [note.body for note in self.notes.values() if note]
        bodies += [batch.payload for batch in self.seal]
        return sum(len(body) // PAGE_BYTES + 2 for body in bodies)


class Outbox(Reading):
    """The buffer file, for one thread; made with `Outbox.open`. `set_aside` is where a damaged one went, or None."""

    def __init__(self, db: sqlite3.Connection, path: Path | None, size_bytes_max: int) -> None:
        super().__init__(db, path)
        self.set_aside: Path | None = None
        self._holds_dead_bytes = True  # in the log or as blank rows: there is something to purge
        self._version = sqlite_file.data_version(db)
        self._reserve = Reserve(path)
        self._pages_max = max(size_bytes_max // PAGE_BYTES, sqlite_file.page_count(db))

    @classmethod
    def open(
        cls,
        path: Path | None,
        *,
        random_bytes: Callable[[int], bytes],
        size_bytes_max: int,
        separate_epoch: Collection[str] = ("harsh_braking",),
        connect: sqlite_file.Connect = sqlite_file.plain_connect,
    ) -> Outbox:
        """The outbox in the file at `path` (mode 0600, made when absent), or in memory when None.

        `size_bytes_max` bounds the file without its log; at least SIZE_BYTES_MIN; a file that is larger already
        stops growing. `separate_epoch`: streams that do not share the vehicle's epoch. `connect` is a seam for tests.

        A damaged file is set aside, told in `set_aside`, and replaced by a new one. Raises OutboxLost when the
        disk will not have it, SchemaTooNew for the file of a newer version, ValueError for a size too small.
        """
        if size_bytes_max < SIZE_BYTES_MIN:
            raise ValueError(f"an outbox needs {SIZE_BYTES_MIN} bytes, not {size_bytes_max}")

        def build() -> Outbox:
            db = sqlite_file.opened(path, migrations.OUTBOX, connect)
            with sqlite_file.closed_on_error(db, schema_is_known=True):
                remembered.give_epochs(db, separate_epoch, random_bytes)
                return cls(db, path, size_bytes_max)

        with disk():
            try:
                return build()
            except sqlite_file.Damaged:
                if path is None:
                    raise
                aside = sqlite_file.set_aside(path)
            outbox = build()
            outbox.set_aside = aside
            return outbox

    def close(self) -> None:
        """Close the file; SQLite brings the log into it."""
        self._db.close()

    def commit(
        self,
        *,
        keep: Sequence[Kept] = (),
        seal: Sequence[Batch] = (),
        used: Collection[int] = (),
        acknowledged: Collection[tuple[str, int]] = (),
        refused: Collection[tuple[str, int]] = (),
        today: int | None = None,
        notes: Mapping[str, Note | None] = {},
    ) -> None:
        """Change the file in one transaction, synced to the disk on return; no arguments, no transaction.

        `used`: ids of kept rows that `seal` now holds. `acknowledged`: (stream, n) that the broker has taken; the
        row becomes the receipt and, when `today` is known, keeps its days from now. `refused`: what the broker will
        never take; set apart and counted. Answers for rows that have gone meanwhile are ignored. `notes`: each takes
        the place of the one of its name; None removes it.

        When it would not fit, the oldest go (buffer/room.py) and are counted in the same transaction; when the disk
        is full, so that this change takes no more of it. Raises
        OutboxLost with nothing changed; WrongNumber when a batch is not its stream's next or a used row is absent;
        TooLarge for a row or a note beyond its limit.
        """
        if not (keep or seal or used or acknowledged or refused or notes):
            return
        check_lengths(keep, seal)
        noted.check(notes)
        change = _Change(keep, seal, frozenset(used), acknowledged, refused, today, notes)
        self._reserve.take()
        free_pages, may_grow = 0, self._reserve.held
        for _ in range(EVICT_TRIES_MAX):
            try:
                self._write(change, free_pages, may_grow)
            except _NoRoom as no_room:
                free_pages = no_room.free_pages + EVICT_PAGES_SPARE
            except OutboxFull:
                if not self._reserve.give():
                    raise
                may_grow, free_pages = False, change.pages_max + EVICT_PAGES_SPARE
                with disk():
                    room.reuse_log(self._db)
            else:
                return
        raise OutboxLost("the outbox has no room for this change, even after evicting all it may")

    def purge(
        self,
        today: int,
        *,
        receipt_days: Mapping[str, int],
        age_days_max: int,
        receipt_days_default: int = RECEIPT_DAYS_DEFAULT,
    ) -> None:
        """Let go what is too old on day `today`, bytes included, and count what had not been sent.

        A receipt may be as old as its stream's `receipt_days`; what has not been sent, and a note that has a day, as
        old as `age_days_max`.
        Each PURGE_ROWS_MAX rows are one transaction. Raises OutboxLost; what was purged until then stays so.
        """
        limits = room.Limits(today, receipt_days, receipt_days_default, age_days_max)
        with disk():
            while rows := room.past_their_time(self._db, limits, PURGE_ROWS_MAX):
                with self._transaction() as change:
                    gaps.note(self._db, self._drop(rows, gaps.EXPIRED, gaps.PURGED, change))
            if row_ids := noted.past_their_time(self._db, today - age_days_max):
                with self._transaction():
                    sweep.blank(self._db, "note", row_ids)
                self._holds_dead_bytes = True
            if self._holds_dead_bytes:
                with self._transaction():
                    for table in sweep.CONTENT_COLUMN:
                        sweep.sweep(self._db, table)
                self._holds_dead_bytes = not sqlite_file.truncate_log(self._db)
            if self._path is not None:
                room.purge_set_aside(self._db, self._path, today, min(age_days_max, SET_ASIDE_DAYS_MAX))

    def _write(self, change: _Change, free_pages: int, may_grow: bool) -> None:
        with disk(), self._transaction() as tally:
            # A purge may have taken some pages more, for its gaps.
            pages_max = max(
                self._pages_max if may_grow else FULL_DISK_PAGES_MIN, sqlite_file.page_count(self._db)
            )
            self._use(change.used, tally)
            self._mark("a", change.acknowledged, change.today, tally)
            self._mark("r", change.refused, change.today, tally)
            if free_pages:
                self._evict(free_pages, tally)
            free_before = sqlite_file.free_count(self._db)
            self._keep(change.keep, tally)
            self._note(change.notes)
            heads = self._seal(change.seal, tally)
            too_many = sqlite_file.page_count(self._db) - pages_max
            if too_many > 0:
                raise _NoRoom(free_before + too_many)
        self._known.heads.update(heads)
        for key in (*change.acknowledged, *change.refused):
            self._ids.pop(key, None)

    @contextlib.contextmanager
    def _transaction(self) -> Iterator[Counter[str]]:
        """One transaction; what the value says of counts and losses holds once it is committed."""
        tally: Counter[str] = Counter()
        with self._rolled_back_bytes_are_dead(), sqlite_file.transaction(self._db):
            if (version := sqlite_file.data_version(self._db)) != self._version:
                self._known = remembered.load(self._db)  # someone else has written the file
                self._version = version
            yield tally
            losses = [(kind, tally[kind]) for kind in Losses._fields if tally[kind]]
            self._db.executemany(
                "INSERT INTO loss VALUES (?, ?) ON CONFLICT DO UPDATE SET n = n + excluded.n", losses
            )
        self._known.add(tally)

    @contextlib.contextmanager
    def _rolled_back_bytes_are_dead(self) -> Iterator[None]:
        """A large change may have reached the log before it failed."""
        try:
            yield
        except BaseException:
            self._holds_dead_bytes = True
            raise

    def _use(self, ids: Collection[int], tally: Counter[str]) -> None:
        """Take away kept rows that are now in a batch; all at once when none is left, else blank them."""
        if not ids:
            return
        blanked = {table: sweep.blank(self._db, table, ids) for table in ("kept_first", "kept_last")}
        if sum(blanked.values()) != len(ids):
            raise WrongNumber("a batch holds kept rows that are not there")
        tally["k"] -= len(ids)
        self._holds_dead_bytes = True
        for table in (table for table, rows in blanked.items() if rows):
            if not self._db.execute(f"SELECT 1 FROM {table} WHERE state = 'k' LIMIT 1").fetchall():
                self._db.execute(f"DELETE FROM {table}")

    def _table(self, name: str, stream: str) -> str:
        return f"{name}_last" if stream in room.LAST_TO_GO else f"{name}_first"

    def _mark(
        self, state: str, keys: Collection[tuple[str, int]], today: int | None, tally: Counter[str]
    ) -> None:
        low, high = TWO_BYTE_DAYS
        sql = (
            "UPDATE {} SET state = ?, since = CASE WHEN ? BETWEEN max(since, ?) AND ? AND since >= ?"
            " THEN ? ELSE since END WHERE id = ? AND state = 'u'"
        )
        values = [
            (state, today, low, high, low, today, row_id) for row_id in map(self._row_id, keys) if row_id
        ]
        marked = 0
        for table in ("batch_first", "batch_last") if values else ():
            marked += self._db.executemany(sql.format(table), values).rowcount
        tally["u"] -= marked
        tally[state] += marked
        if state == "r":
            tally["refused"] += marked

    def _row_id(self, key: tuple[str, int]) -> int | None:
        """Where an unsent batch lies; looked for in the file only if `unsent` did not give it out lately."""
        stream, n = key
        if key in self._ids or n > self.head(stream).n:
            return self._ids.get(key)
        sql = "SELECT id FROM batch WHERE id >= ? AND state = 'u' AND stream = ? AND n = ?"
        row = self._db.execute(sql, (self._known.first_unsent_id, stream, n)).fetchone()
        return None if row is None else int(row[0])

    def _keep(self, keep: Sequence[Kept], tally: Counter[str]) -> None:
        for row in keep:
            table = self._table("kept", row.stream)
            # Ids are ours, so that one that was read and has gone meanwhile can't be another row's.
            self._db.execute(
                f"INSERT INTO {table} (id, stream, day, state, body) VALUES (?, ?, ?, 'k', ?)",
                (self._known.next_kept_ids[table], *row),
            )
            self._known.next_kept_ids[table] += 1
        tally["k"] += len(keep)

    def _note(self, notes: Mapping[str, Note | None]) -> None:
        noted.write(self._db, notes)
        self._holds_dead_bytes |= bool(notes)

    def _seal(self, seal: Sequence[Batch], tally: Counter[str]) -> dict[str, Head]:
        heads: dict[str, Head] = {}
        for batch in seal:
            expected = heads.get(batch.stream, self.head(batch.stream)).n + 1
            if batch.n != expected:
                raise WrongNumber(f"batch {batch.n} of {batch.stream} sealed, {expected} is next")
            self._db.execute(
                f"INSERT INTO {self._table('batch', batch.stream)} (id, stream, n, day, since, state, payload)"
                " VALUES (?, ?, ?, ?, ?, 'u', ?)",
                (self._known.next_batch_id, batch.stream, batch.n, batch.day, batch.day, batch.payload),
            )
            self._known.next_batch_id += 1
            heads[batch.stream] = Head(batch.n, hashlib.sha256(batch.payload).digest())
        tally["u"] += len(seal)
        return heads

    def _evict(self, free_pages: int, tally: Counter[str]) -> None:
        """Let the oldest go until so many pages are free or nothing is left."""
        gone: list[Gap] = []
        while sqlite_file.free_count(self._db) < free_pages:
            has_receipts = sum(self._known.counts[state] + tally[state] for state in "ar") > 0
            rows = room.oldest(self._db, has_receipts, room.LAST_TO_GO)
            if not rows:
                break
            gone += self._drop(rows, gaps.EVICTED, gaps.EVICTED, tally)
            for place in {row.place for row in rows}:
                sweep.sweep(self._db, place, upto=max(row.id for row in rows if row.place == place))
        gaps.note(self._db, gone)  # last, because many gaps take pages themselves

    def _drop(self, rows: Sequence[room.Row], lost: str, done: str, tally: Counter[str]) -> list[Gap]:
        """Blank rows and count what had not been sent as `lost`; which numbers are gone now, the rest as `done`."""
        gone: list[Gap] = []
        for row in rows:
            why = lost if row.state in "ku" else done
            if row.n:
                gone.append(gaps.of(self._db, row.place, row.id, row.stream, row.n, why))
            tally[row.state] -= 1
            if row.state in "ku":
                tally[why] += 1
            head = self.head(row.stream)
            if row.n and row.n == head.n:
                self._db.execute("INSERT OR REPLACE INTO head VALUES (?, ?, ?)", (row.stream, *head))
        for table in sweep.CONTENT_COLUMN:
            sweep.blank(self._db, table, [row.id for row in rows if row.place == table])
        self._holds_dead_bytes = True
        return gone
