"""From records to batches: packed in order into payloads of the agreed size, numbered and chained."""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple, Protocol

from agent import wire
from agent.records import Record
from agent.release import Release
from agent.streams.harsh_braking import shuffled
from buffer.outbox import Batch, Head, Kept, KeptRow

KEPT_BYTES_MAX = 4 * 1024 * 1024
ROW_BYTES_MAX = 8 * 1024  # half of what the outbox takes in a row


def kept(records: Iterable[Record]) -> list[Kept]:
    """The records as rows for the outbox, of one stream and day each, in order of appearance."""
    rows: dict[tuple[str, int], list[dict[str, Any]]] = {}
    for record in records:
        rows.setdefault((record.stream, record.day), []).append(record.fields)
    return [row for (stream, day), fields in rows.items() for row in _rows(stream, day, fields)]


def _rows(stream: str, day: int, fields: list[dict[str, Any]]) -> list[Kept]:
    body = zlib.compress(json.dumps(fields, separators=(",", ":")).encode("ascii"), 9)
    if len(body) <= ROW_BYTES_MAX or len(fields) == 1:
        return [Kept(stream, day, body)]
    half = len(fields) // 2
    return _rows(stream, day, fields[:half]) + _rows(stream, day, fields[half:])


def opened(body: bytes) -> list[dict[str, Any]]:
    """The fields of the records in one row. Raises ValueError when it is none of ours."""
    try:
        plain = zlib.decompressobj().decompress(body, KEPT_BYTES_MAX)
    except zlib.error as error:
        raise ValueError("not a row of records") from error
    fields = json.loads(plain)
    if not isinstance(fields, list):
        raise ValueError("not a row of records")
    return fields


class Shelf(Protocol):
    """What sealing needs to see of the outbox: see `buffer.outbox.Outbox`."""

    def epoch(self, stream: str) -> str:
        """16 hexadecimal digits."""
        ...

    def head(self, stream: str) -> Head:
        """The stream's newest sealed batch."""
        ...

    def kept(self, stream: str, before_day: int) -> list[KeptRow]:
        """Rows of records that were kept, oldest first."""
        ...


class Sealed(NamedTuple):
    """One transaction's worth: batches to add, rows that they used up, rows to keep for later."""

    seal: list[Batch]
    used: list[int]
    keep: list[Kept]
    unreadable: int = 0


class Terms(NamedTuple):
    """What the agreement in force says of sealing.

    `streams` are those that are ever released; behind service day `until_day` (None: no end) only `box` is.
    """

    agreement: wire.AgreementReference
    streams: tuple[str, ...]
    release: Release
    until_day: int | None = None

    def leaving(self, today: int) -> tuple[str, ...]:
        """The streams that may leave on that service day."""
        return self.streams if self.until_day is None or today <= self.until_day else ("box",)


def sealed(terms: Terms, shelf: Shelf, today: int, pending: Sequence[Record]) -> Sealed:
    """What a release on service day `today` does with the rows on the shelf and the records not yet there."""
    streams = terms.leaving(today)
    parts = [
        _sealed_stream(terms, shelf, today, stream, [record for record in pending if record.stream == stream])
        for stream in streams
    ]
    held = kept(record for record in pending if record.stream not in streams)
    return Sealed(
        seal=[batch for part in parts for batch in part.seal],
        used=[row_id for part in parts for row_id in part.used],
        keep=held + [row for part in parts for row in part.keep],
        unreadable=sum(part.unreadable for part in parts),
    )


def _sealed_stream(terms: Terms, shelf: Shelf, today: int, stream: str, pending: list[Record]) -> Sealed:
    before_day = today + 1 if stream == "box" else terms.release.before_day(stream, today)
    rows = shelf.kept(stream, before_day)
    ripe, unreadable = readable(rows)
    ripe += [record for record in pending if record.day < before_day]
    if stream == "harsh_braking":
        ripe = shuffled(ripe)
    batches, over = _batches(terms, shelf, today, stream, ripe)
    unripe = [record for record in pending if record.day >= before_day]
    return Sealed(batches, [row.id for row in rows], kept([*over, *unripe]), unreadable)


def readable(rows: Sequence[KeptRow]) -> tuple[list[Record], int]:
    """The records of the rows, and how many rows a worn card has made unreadable."""
    records: list[Record] = []
    unreadable = 0
    for row in rows:
        try:
            records += [Record(row.stream, row.day, fields) for fields in opened(row.body)]
        except ValueError:
            unreadable += 1
    return records, unreadable


def _batches(
    terms: Terms, shelf: Shelf, today: int, stream: str, records: list[Record]
) -> tuple[list[Batch], list[Record]]:
    """Batches behind the stream's newest, and the records that found no room in the agreed number of them."""
    count, size_bytes = terms.release.envelopes(stream), terms.release.size_bytes
    head, epoch = shelf.head(stream), shelf.epoch(stream)
    prev = wire.previous(head.sha256.hex()) if head.sha256 else wire.NO_PREVIOUS
    batches: list[Batch] = []
    while records if count is None else len(batches) < count:
        heading = wire.Heading(stream, epoch, head.n + len(batches) + 1, prev, terms.agreement)
        fields = [record.fields for record in records]
        taken = wire.fitting(heading, fields, size_bytes)
        payload = wire.encode(heading, fields[:taken], size_bytes)
        batches.append(Batch(stream, heading.n, today, payload))
        prev, records = wire.previous(wire.digest(payload)), records[taken:]
    return batches, records
