"""From records to rows on disk, and from there to batches of the agreed size, numbered and chained.

What is on disk tells no more than what leaves: a record of the way has a row of its own, in order, and of every other
stream there is one row for each service day, put together anew whenever a record joins it. So no row, and no batch,
depends on when the disk was written or the agent was started.
"""

from __future__ import annotations

import hmac
import json
import zlib
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple, Protocol

from agent import wire
from agent.guarded import guarded
from agent.records import Record
from agent.release import Lane, Release, lane_of
from agent.service_day import Moment
from agent.streams.merging import MERGED
from agent.topics import FLEET_STREAMS
from buffer.outbox import Batch, Head, Kept, KeptRow

KEPT_BYTES_MAX = 4 * 1024 * 1024
ROW_BYTES_MAX = 8 * 1024  # half of what the outbox takes in a row
AT_ONCE = "help"  # passes by every release
EPOCH_DIGITS = 16  # hexadecimal

Fields = dict[str, Any]


class Change(NamedTuple):
    """One transaction's worth: batches to add, rows that they used up, rows to keep for later."""

    seal: list[Batch]
    used: list[int]
    keep: list[Kept]
    unreadable: int = 0


MERGED_ON_DISK = frozenset({"passed"}) | FLEET_STREAMS  # many records a minute, or an order that would tell


class Shelf(Protocol):
    """What sealing needs to see of the outbox: see `buffer.outbox.Outbox`."""

    def epoch(self, stream: str) -> str:
        """16 hexadecimal digits."""
        ...

    def secret(self, stream: str) -> str:
        """What is never published, and what the epochs of the fleet's releases come from."""
        ...

    def head(self, stream: str) -> Head:
        """The stream's newest sealed batch."""
        ...

    def kept(self, stream: str, before_day: int) -> list[KeptRow]:
        """Rows of records that were kept, oldest first."""
        ...


class Terms(NamedTuple):
    """What the agreement in force says of sealing.

    `streams` are those that are ever released; behind service day `until_day` (None: no end) only `box` is.
    """

    agreement: wire.AgreementReference
    streams: tuple[str, ...]
    release: Release
    until_day: int | None = None

    def leaving(self, today: int | None) -> tuple[str, ...]:
        """The streams that may leave on that service day; None: no day is known yet."""
        ended = self.until_day is not None and today is not None and today > self.until_day
        return ("box",) if ended else self.streams


# Rows.


def rows(records: Iterable[Record]) -> list[Kept]:
    """Rows for records: one each in their order, then one for each day of the streams in MERGED_ON_DISK.

    So what is on disk does not depend on which records were committed together.
    """
    days: dict[tuple[int, str], list[Fields]] = {}
    found: list[Kept] = []
    for record in records:
        if record.stream in MERGED_ON_DISK:
            days.setdefault((record.day, record.stream), []).append(record.fields)
        else:
            found += _split(record.stream, record.day, [record.fields])
    return found + [
        row
        for (day, stream), fields in sorted(days.items())
        for row in _split(stream, day, MERGED[stream](fields))
    ]


def _split(stream: str, day: int, fields: list[Fields]) -> list[Kept]:
    body = zlib.compress(json.dumps(fields, separators=(",", ":")).encode("ascii"), 9)
    if len(body) <= ROW_BYTES_MAX or len(fields) == 1:
        return [Kept(stream, day, body)]
    half = len(fields) // 2
    return _split(stream, day, fields[:half]) + _split(stream, day, fields[half:])


def kept(shelf: Shelf, records: Sequence[Record]) -> Change:
    """What the disk is to hold when these records join those on it. Raises OutboxLost when it can't be read."""
    days = sorted({(record.stream, record.day) for record in records if record.stream in MERGED_ON_DISK})
    there = [row for stream, day in days for row in shelf.kept(stream, day + 1) if row.day == day]
    there = [row for row in there if not readable([row]).unreadable]
    fresh = rows([*readable(there).records, *records])
    stay = {row[1:] for row in there} & set(fresh)
    return Change(
        seal=[],
        used=[row.id for row in there if row[1:] not in stay],
        keep=[row for row in fresh if row not in stay],
    )


@guarded
class Read(NamedTuple):
    """The records of some rows, and how many rows a worn card has made unreadable."""

    records: list[Record]
    unreadable: int


def readable(found: Sequence[KeptRow]) -> Read:
    """What can be read of the rows."""
    records: list[Record] = []
    unreadable = 0
    for row in found:
        try:
            records += [Record(row.stream, row.day, fields) for fields in opened(row.body)]
        except ValueError:
            unreadable += 1
    return Read(records, unreadable)


def opened(body: bytes) -> list[Fields]:
    """The fields of the records in one row. Raises ValueError when it is none of ours."""
    try:
        plain = zlib.decompressobj().decompress(body, KEPT_BYTES_MAX)
    except zlib.error as error:
        raise ValueError("not a row of records") from error
    fields = json.loads(plain)
    if not isinstance(fields, list):
        raise ValueError("not a row of records")
    return fields


# Batches.


def sealed(terms: Terms, shelf: Shelf, now: Moment, pending: Sequence[Record], lane: Lane) -> Change:
    """What a release of a lane does with the rows on the shelf and the records not yet there."""
    streams = [each for each in terms.leaving(now.day) if lane_of(each) == lane and each != AT_ONCE]
    parts = [
        _sealed_stream(terms, shelf, now, stream, [record for record in pending if record.stream == stream])
        for stream in streams
    ]
    parts.append(kept(shelf, [record for record in pending if record.stream not in streams]))
    return Change(
        seal=[batch for part in parts for batch in part.seal],
        used=[row_id for part in parts for row_id in part.used],
        keep=[row for part in parts for row in part.keep],
        unreadable=sum(part.unreadable for part in parts),
    )


def sealed_at_once(terms: Terms, shelf: Shelf, day: int, records: list[Record]) -> list[Batch]:
    """Batches that wait for no release."""
    return _batches(terms, shelf, day, AT_ONCE, records, None)[0]


def _sealed_stream(terms: Terms, shelf: Shelf, now: Moment, stream: str, pending: list[Record]) -> Change:
    release = terms.release
    before_day = now.day + 1 if stream == "box" else release.before_day(stream, now.day)
    found = shelf.kept(stream, before_day)
    waiting, unreadable = readable(found)
    waiting += [record for record in pending if record.day < before_day]
    early = [record for record in pending if record.day >= before_day]
    ripe = [record for record in waiting if release.ripe(stream, record.day, record.fields, now)]
    count = release.envelopes(stream)
    if not ripe and not count:
        return kept(shelf, pending)  # what is on disk stays as it is
    unripe = [record for record in waiting if not release.ripe(stream, record.day, record.fields, now)]
    batches, over = _batches(terms, shelf, now.day, stream, _told_together(stream, ripe), count)
    rest = kept(shelf, early)
    return Change(
        seal=batches,
        used=[row.id for row in found] + rest.used,
        keep=rows([*over, *unripe]) + rest.keep,
        unreadable=unreadable,
    )


def _told_together(stream: str, records: list[Record]) -> list[Record]:
    """The records of a batch in their order, or put together for each day where their order would tell.

    Brakings of all days are sorted as one: their record has no day.
    """
    if stream not in MERGED:
        return records
    if lane_of(stream) == "fleet":
        places = {id(fields): place for place, fields in enumerate(MERGED[stream](r.fields for r in records))}
        return sorted(records, key=lambda record: places[id(record.fields)])
    days = sorted({record.day for record in records})
    return [
        Record(stream, day, fields)
        for day in days
        for fields in MERGED[stream](record.fields for record in records if record.day == day)
    ]


def _batches(
    terms: Terms, shelf: Shelf, today: int, stream: str, records: list[Record], count: int | None
) -> tuple[list[Batch], list[Record]]:
    """Batches behind the stream's newest, and the records that found no room in `count` of them (None: no limit)."""
    size_bytes = terms.release.size_bytes
    behind = shelf.head(stream)
    epoch, n, prev = _chain(shelf, stream, behind)
    batches: list[Batch] = []
    while records if count is None else len(batches) < count:
        heading = wire.Heading(stream, epoch, n + len(batches) + 1, prev, terms.agreement)
        fields = [record.fields for record in records]
        taken = wire.fitting(heading, fields, size_bytes)
        payload = wire.encode(heading, fields[:taken], size_bytes)
        batches.append(Batch(stream, behind.n + len(batches) + 1, today, payload))
        prev, records = wire.previous(wire.digest(payload)), records[taken:]
    return batches, records


def _chain(shelf: Shelf, stream: str, behind: Head) -> tuple[str, int, str]:
    """The epoch of the next batch, and the number and hash of the one before it.

    A release of the fleet's has an epoch of its own. One that lasted would tell by its numbers when the truck was
    fitted, and by the days on which it is silent which truck it is.
    """
    if lane_of(stream) == "fleet":
        return fleet_epoch(shelf.secret(stream), behind), 0, wire.NO_PREVIOUS
    before = wire.previous(behind.sha256.hex()) if behind.sha256 else wire.NO_PREVIOUS
    return shelf.epoch(stream), behind.n, before


def fleet_epoch(secret: str, behind: Head) -> str:
    """The epoch of the fleet's release that comes behind that batch of this truck's.

    It stands for the hash that `prev` would hold: who has the truck's file finds a changed release by the epoch of the
    next one. Who has not would need the secret to tell which two releases are of one truck: 128 random bits, which
    nobody tries out (a file made before version 0.4 has 64, some hundred years of one graphics card).
    """
    before = f"{behind.n} {behind.sha256.hex() if behind.sha256 else ''}"
    return hmac.new(secret.encode(), before.encode(), "sha256").hexdigest()[:EPOCH_DIGITS]
