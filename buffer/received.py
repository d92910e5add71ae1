"""The city's end: what has arrived, each batch once, in a SQLite file that anyone can look into.

Tables: `batch` (one for each key, with its payload and how often it came again); `record` (its records as JSON
text); `conflict` (a key that came again with other bytes: kept apart, never merged); `quarantine` (what could not
be decoded); `query` (who took records out, and when: only ever added to); `arrived` (ranges of numbers that have
come, whether or not their batches are still here); `exported` (up to which batch an export went); `vehicle` (its
fleet). The key is (vehicle, stream, epoch, n); harsh braking comes without a vehicle, which is then "".

No moment of arrival is kept. What is old is told by its export: a batch that was never exported is never removed.

There is no query by driver, and nothing here that could be one. `query` holds the exports of this program alone:
whoever opens the file with another tool leaves no trace in it.
"""

from __future__ import annotations

import contextlib
import itertools
import json
import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from buffer import arrived, durable, migrations, newest, sqlite_file

CONFLICTS_MAX = 10_000
QUARANTINE_ROWS_MAX = 1_000
QUARANTINE_BYTES_MAX = 256 * 1024
MISSING_LISTED_MAX = 1_000
PURGE_ROWS_MAX = 500
EXPORTS_KEPT_MAX = 1_000  # moments of exports that are remembered
SIZE_BYTES_MAX = 2**36


class StoreLost(OSError):
    """The disk would not have it, or the file is not a receiver's: nothing of this call is in it."""


class Received(NamedTuple):
    """A batch with what its envelope says and its decoded records; `vehicle` is "" for harsh braking.

    `fleet` is "" where it is not known or there is no vehicle.
    """

    vehicle: str
    stream: str
    epoch: str
    n: int
    prev: str
    sha256: str
    payload: bytes
    records: Sequence[Mapping[str, Any]]
    fleet: str = ""

    def __repr__(self) -> str:
        return f"Received({self.vehicle!r}, {self.stream!r}, {self.epoch}, {self.n}, {len(self.records)} records)"


class Total(NamedTuple):
    """What has arrived of one series of numbers. `repeats` and `records` are of the batches that are still here.

    `missing`: the numbers between 1 and the newest that have not, at most MISSING_LISTED_MAX of them listed;
    `missing_count`: all of them. `repeats`: batches that came again and were dropped.
    """

    vehicle: str
    stream: str
    epoch: str
    batches: int
    repeats: int
    records: int
    newest_n: int
    missing: tuple[int, ...]
    missing_count: int


class Stored(NamedTuple):
    """A batch that has arrived; `records` is how many it held, `repeats` how often it came again."""

    vehicle: str
    stream: str
    epoch: str
    n: int
    prev: str
    sha256: str
    repeats: int
    records: int


class Query(NamedTuple):
    """An export or a view that was asked for: number `n`, counted from 1 without a gap.

    `asked_at` is UTC to the second, `account` whose account on the city's computer, `folder` the name of the folder
    that it went to. `streams` and `agreements` are lists in words; `records` is how many there were.
    """

    n: int
    asked_at: str
    account: str
    folder: str
    streams: str
    agreements: str
    records: int


@contextlib.contextmanager
def _disk() -> Iterator[None]:
    try:
        yield
    except sqlite3.ProgrammingError:
        raise
    except (sqlite3.DatabaseError, UnicodeDecodeError, sqlite_file.Damaged) as error:
        raise StoreLost(str(error)) from error


class ReceivedStore:
    """The receiver's file, for one thread; made with `ReceivedStore.open`."""

    def __init__(self, db: sqlite3.Connection) -> None:
        self._db = db

    @classmethod
    def open(cls, path: Path | None, size_bytes_max: int = SIZE_BYTES_MAX) -> ReceivedStore:
        """The store at `path`, made when there is none, or in memory when None.

        Past `size_bytes_max`, its log not counted, it takes nothing any more: StoreLost, as on a full disk.
        A damaged file is left as it is. Raises StoreLost, SchemaTooNew, or OSError from the file system.
        """
        with _disk():
            db = sqlite_file.opened(path, migrations.RECEIVED)
            db.execute(f"PRAGMA max_page_count = {max(1, size_bytes_max // sqlite_file.PAGE_BYTES)}").close()
            return cls(db)

    def close(self) -> None:
        """Close the file; SQLite brings the log into it."""
        self._db.close()

    def accept(self, received: Received) -> bool:
        """Keep a batch and its records, synced to the disk on return; False when its key is already there."""
        return self.accept_many([received])[0]

    def accept_many(self, batches: Iterable[Received]) -> list[bool]:
        """The same for several batches in one transaction and one sync."""
        with _disk(), sqlite_file.transaction(self._db):
            return [self._accept(received) for received in batches]

    def knows(self, received: Received) -> bool:
        """Whether this very batch is kept already."""
        with _disk():
            known = self._known(received)
        return known is not None and known[1] == received.sha256

    def _known(self, received: Received) -> tuple[int, str] | None:
        """The row and the hash of the batch that has the same key."""
        sql = "SELECT id, sha256 FROM batch WHERE vehicle = ? AND stream = ? AND epoch = ? AND n = ?"
        found: tuple[int, str] | None = self._db.execute(sql, received[:4]).fetchone()
        return found

    def _accept(self, received: Received) -> bool:
        known = self._known(received)
        if known is None:
            if arrived.has_come(self._db, received[:3], received.n):
                return False  # and was removed since: it must not come back
            self._insert(received)
            arrived.note(self._db, received[:3], received.n)
            self._note_fleet(received)
            return True
        if known[1] == received.sha256:
            self._db.execute("UPDATE batch SET repeats = repeats + 1 WHERE id = ?", (known[0],))
        else:
            self._set_apart(received)
        return False

    def _insert(self, received: Received) -> None:
        batch_id = self._db.execute(
            "INSERT INTO batch (vehicle, stream, epoch, n, prev, sha256, repeats, payload, records)"
            " VALUES (?, ?, ?, ?, ?, ?, 0, ?, ?)",
            (*received[:7], len(received.records)),
        ).lastrowid
        self._db.executemany(
            "INSERT INTO record (batch, stream, body) VALUES (?, ?, ?)",
            ((batch_id, received.stream, _text(record)) for record in received.records),
        )

    def _note_fleet(self, received: Received) -> None:
        sql = (
            "INSERT INTO vehicle VALUES (?, ?)"
            " ON CONFLICT DO UPDATE SET fleet = excluded.fleet WHERE fleet != excluded.fleet"
        )
        if received.vehicle and received.fleet:
            self._db.execute(sql, (received.vehicle, received.fleet))

    def _set_apart(self, received: Received) -> None:
        self._db.execute(
            "INSERT INTO conflict (vehicle, stream, epoch, n, sha256, repeats, payload)"
            " VALUES (?, ?, ?, ?, ?, 0, ?) ON CONFLICT DO UPDATE SET repeats = repeats + 1",
            (*received[:4], received.sha256, received.payload),
        )
        self._db.execute(
            "DELETE FROM conflict WHERE id <= (SELECT max(id) FROM conflict) - ?", (CONFLICTS_MAX,)
        )

    def quarantine(self, topic: str, payload: bytes, reason: str) -> None:
        """Keep what could not be decoded, cut to QUARANTINE_BYTES_MAX; beyond QUARANTINE_ROWS_MAX the oldest go."""
        row = (topic, reason, payload[:QUARANTINE_BYTES_MAX])
        with _disk(), sqlite_file.transaction(self._db):
            self._db.execute("INSERT INTO quarantine (topic, reason, payload) VALUES (?, ?, ?)", row)
            self._db.execute(
                "DELETE FROM quarantine WHERE id <= (SELECT max(id) FROM quarantine) - ?",
                (QUARANTINE_ROWS_MAX,),
            )

    def quarantined(self) -> int:
        """How many messages are kept that could not be decoded."""
        return self._count("quarantine")

    def conflicts(self) -> int:
        """How many batches are kept whose key was taken by other bytes."""
        return self._count("conflict")

    def _count(self, table: str) -> int:
        with _disk():
            return int(self._db.execute(f"SELECT count(*) FROM {table}").fetchone()[0])

    def batches(self) -> Iterator[Stored]:
        """What has arrived, without payloads, in the order of arrival."""
        sql = "SELECT vehicle, stream, epoch, n, prev, sha256, repeats, records FROM batch ORDER BY id"
        with _disk():
            yield from map(Stored._make, self._db.execute(sql))

    def totals(self) -> list[Total]:
        """What has arrived, by vehicle, stream and epoch; numbers mean something only within an epoch."""
        sql = (
            "SELECT vehicle, stream, epoch, sum(last_n - first_n + 1), ifnull(repeats, 0), ifnull(records, 0),"
            " max(last_n) FROM arrived LEFT JOIN"
            " (SELECT vehicle, stream, epoch, sum(repeats) AS repeats, sum(records) AS records"
            " FROM batch GROUP BY vehicle, stream, epoch) USING (vehicle, stream, epoch)"
            " GROUP BY vehicle, stream, epoch ORDER BY vehicle, stream, min(id)"
        )
        with _disk():
            rows = self._db.execute(sql).fetchall()
            return [Total._make((*row, self._missing(row[:3]), row[6] - row[3])) for row in rows]

    def _missing(self, series: tuple[str, str, str]) -> tuple[int, ...]:
        each = itertools.chain.from_iterable(arrived.missing(self._db, series))
        return tuple(itertools.islice(each, MISSING_LISTED_MAX))

    def fleets(self) -> dict[str, str]:
        """The fleet of each vehicle from which something has come."""
        with _disk():
            return dict(self._db.execute("SELECT vehicle, fleet FROM vehicle ORDER BY vehicle"))

    def arrived(self, vehicle: str, epochs_max: int) -> dict[str, dict[str, list[tuple[int, int]]]]:
        """Ranges of numbers that have come from a vehicle: by epoch, the newest ones, then by stream; ascending."""
        with _disk():
            return arrived.of_vehicle(self._db, vehicle, epochs_max)

    def newest_batch(self) -> int:
        """The row of the batch that came last; 0 when there is none."""
        with _disk():
            return int(self._db.execute("SELECT ifnull(max(id), 0) FROM batch").fetchone()[0])

    def note_exported(self, now: str, batch: int) -> None:
        """Everything up to that row is in an export that was made; `now` as for `note_query`."""
        with _disk(), sqlite_file.transaction(self._db):
            self._db.execute(
                "INSERT INTO exported (at, batch) SELECT strftime('%Y-%m-%dT%H:%M:%SZ', ?), ?", (now, batch)
            )
            self._db.execute(
                "DELETE FROM exported WHERE id <= (SELECT max(id) FROM exported) - ?", (EXPORTS_KEPT_MAX,)
            )

    def purge(self, now: str, keep_days: int) -> int:
        """Remove batches that were exported `keep_days` ago or earlier, their records too; how many batches.

        The newest batch stays, so that no row is used twice. Numbers that have come stay known. PURGE_ROWS_MAX rows
        are one transaction.
        """
        sql = (
            "SELECT min(max(batch), (SELECT max(id) FROM batch) - 1) FROM exported"
            " WHERE at <= strftime('%Y-%m-%dT%H:%M:%SZ', ?, ?)"
        )
        with _disk():
            upto = self._db.execute(sql, (now, f"-{keep_days} days")).fetchone()[0] or 0
            while rows := self._oldest("record", "batch", upto):
                self._remove("record", rows)
            gone = 0
            while rows := self._oldest("batch", "id", upto):
                self._remove("batch", rows)
                gone += len(rows)
        return gone

    def _oldest(self, table: str, column: str, upto: int) -> list[int]:
        """The first rows of a table whose column, which never falls, is at most `upto`."""
        sql = f"SELECT id, {column} FROM {table} ORDER BY id LIMIT ?"
        return [row[0] for row in self._db.execute(sql, (PURGE_ROWS_MAX,)) if row[1] <= upto]

    def _remove(self, table: str, row_ids: Sequence[int]) -> None:
        with sqlite_file.transaction(self._db):
            self._db.executemany(f"DELETE FROM {table} WHERE id = ?", ((row_id,) for row_id in row_ids))

    def records(self, stream: str | None = None) -> Iterator[dict[str, Any]]:
        """Decoded records in the order of arrival, of all streams when None.

        Each begins with `stream`, `vehicle` (absent where there is none), `epoch` and `n`; its own fields follow.
        """
        sql = (
            "SELECT record.stream, vehicle, epoch, n, body FROM record JOIN batch ON batch.id = record.batch"
            " WHERE record.stream = ifnull(?, record.stream) ORDER BY record.id"
        )
        with _disk():
            for of, vehicle, epoch, n, body in self._db.execute(sql, (stream,)):
                whose = {"vehicle": vehicle} if vehicle else {}
                yield {"stream": of, **whose, "epoch": epoch, "n": n, **json.loads(body)}

    def payloads(self) -> Iterator[bytes]:
        """The payloads of all batches with records, in the order of arrival: what an export is made of."""
        with _disk():
            for (payload,) in self._db.execute("SELECT payload FROM batch WHERE records > 0 ORDER BY id"):
                yield payload

    def newest(self, stream: str) -> dict[str, bytes]:
        """By vehicle, the payload with its latest dated record of a stream; `fairhaul fleet` reads `box` so."""
        with _disk():
            return newest.payloads(self._db, stream)

    def note_query(self, now: str, account: str, folder: str, agreements: str, of: str = "") -> Query:
        """Log that records, of one stream or all, are about to leave, synced on return: no answer without its row.

        `now` is a UTC moment that SQLite understands, such as "2026-11-02 06:15:00", or "now".
        """
        sql = (
            "INSERT INTO query (asked_at, account, folder, agreements, streams, records)"
            " SELECT strftime('%Y-%m-%dT%H:%M:%SZ', ?), ?, ?, ?, ifnull(group_concat(stream, ', '), ''),"
            " ifnull(sum(found), 0) FROM (SELECT stream, count(*) AS found FROM record"
            " WHERE ? IN (stream, '') GROUP BY stream ORDER BY stream)"
        )
        with _disk(), sqlite_file.transaction(self._db):
            self._db.execute(sql, (now, account, folder, agreements, of))
        return self.queries()[-1]

    def queries(self) -> list[Query]:
        """The exports and views that were asked for, newest last."""
        sql = "SELECT id, asked_at, account, folder, streams, agreements, records FROM query ORDER BY id"
        with _disk():
            return [Query(*row) for row in self._db.execute(sql)]

    def to_ndjson(self, path: Path) -> int:
        """Write every record as one JSON object a line; how many. Raises OSError; an old file then stays."""
        return _write(path, b"", self.records(), b"\n", b"\n")

    def to_geojson(self, path: Path, notice: Mapping[str, Any] | None = None) -> int:
        """Write every record with a place as a GeoJSON feature (RFC 7946, longitude first); how many.

        A `track` is a LineString, or a Point when it has one point; anything with `latitude_deg` and
        `longitude_deg` is a Point. `notice` becomes the collection's own member "fairhaul". Raises OSError; an old
        file then stays.
        """
        features = (each for each in map(feature, self.records()) if each is not None)
        own = f'"fairhaul":{_text(notice)},' if notice else ""
        head = f'{{"type":"FeatureCollection",{own}"features":[\n'.encode()
        return _write(path, head, features, b",\n", b"\n]}\n")


def feature(record: Mapping[str, Any]) -> dict[str, Any] | None:
    """A record as a GeoJSON feature; None for one that has no place."""
    properties = {k: v for k, v in record.items() if k not in ("path", "latitude_deg", "longitude_deg")}
    geometry: dict[str, Any]
    if record.get("path"):
        line = [[point[1], point[0]] for point in record["path"]]
        geometry = {"type": "LineString", "coordinates": line}
        if len(line) == 1:
            geometry = {"type": "Point", "coordinates": line[0]}
    elif record.get("latitude_deg") is not None and record.get("longitude_deg") is not None:
        geometry = {"type": "Point", "coordinates": [record["longitude_deg"], record["latitude_deg"]]}
    else:
        return None
    return {"type": "Feature", "geometry": geometry, "properties": properties}


def _write(path: Path, head: bytes, lines: Iterable[Mapping[str, Any]], separator: bytes, tail: bytes) -> int:
    """Write the lines durably as JSON, and say how many; an empty file has no separator at its end."""
    count = 0

    def chunks() -> Iterator[bytes]:
        nonlocal count
        yield head
        for line in lines:
            yield (separator if count else b"") + _text(line).encode()
            count += 1
        if count or head:
            yield tail

    durable.replace(path, chunks())
    return count


def _text(fields: Mapping[str, Any]) -> str:
    return json.dumps(fields, ensure_ascii=False, separators=(",", ":"))
