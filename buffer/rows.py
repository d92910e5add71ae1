"""What goes into the outbox and comes out of it, as values.

Bodies and payloads are opaque here, yet what they say is where a truck has been: a repr tells their length only.
Days are days since 1970-01-01, as GNSS dates give them; nothing finer than a day is kept.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, NoReturn, TypeVar

from buffer.errors import TooLarge

BATCH_BYTES_MAX = 8 * 1024
KEPT_BYTES_MAX = 16 * 1024
NOTE_BYTES_MAX = 256 * 1024
STREAM_CHARS_MAX = 64
TWO_BYTE_DAYS = (128, 32767)  # what SQLite stores in two bytes: 1970-05-09 to 2059-09-18

Class = TypeVar("Class", bound=type)

STATES = {"k": "kept", "u": "unsent", "a": "acknowledged", "r": "refused"}


def _unpickled(cls: Class) -> Class:
    """Decorate a class whose values say where a truck has been: neither pickled nor copied."""
    cls.__reduce__ = _refused  # type: ignore[assignment]
    return cls


def _refused(value: object) -> NoReturn:
    raise TypeError(f"a {type(value).__name__} is neither pickled nor copied")


@_unpickled
class Kept(NamedTuple):
    """Records of one stream and day that left their filters, compressed by the caller; not yet in a batch."""

    stream: str
    day: int
    body: bytes

    def __repr__(self) -> str:
        return f"Kept({self.stream!r}, day={self.day}, {len(self.body)} bytes)"


@_unpickled
class KeptRow(NamedTuple):
    """A Kept that is on disk; `id` is given to `commit` as `used` together with the batch that holds it."""

    id: int
    stream: str
    day: int
    body: bytes

    def __repr__(self) -> str:
        return f"KeptRow({self.id}, {self.stream!r}, day={self.day}, {len(self.body)} bytes)"


class KeptDay(NamedTuple):
    """How much of one stream and day waits to be sealed."""

    stream: str
    day: int
    rows: int
    body_bytes: int


@_unpickled
class Note(NamedTuple):
    """What an agent wants to find again under a name, for one day or, with None, for any."""

    day: int | None
    body: bytes

    def __repr__(self) -> str:
        return f"Note(day={self.day}, {len(self.body)} bytes)"


@_unpickled
class Batch(NamedTuple):
    """One sealed payload, byte for byte as published. `day` is the day it was sealed for; `n` counts from 1."""

    stream: str
    n: int
    day: int
    payload: bytes

    def __repr__(self) -> str:
        return f"Batch({self.stream!r}, {self.n}, day={self.day}, {len(self.payload)} bytes)"


class Head(NamedTuple):
    """Number and hash of a stream's newest sealed batch; 0 and None before the first."""

    n: int
    sha256: bytes | None


class Losses(NamedTuple):
    """Rows that will not arrive, since the file was made: evicted for room, expired by age, refused by the broker."""

    evicted: int
    expired: int
    refused: int


class Counts(NamedTuple):
    """What the outbox holds now, for people: rows by state, and bytes on disk, the log included."""

    kept: int
    unsent: int
    receipts: int
    refused: int
    disk_bytes: int


@_unpickled
class Receipt(NamedTuple):
    """A batch that was published. `sha256` is computed from the payload.

    `state` is "acknowledged" or "refused"; "unsent" for one that still waits for an answer, and may have arrived.
    """

    stream: str
    n: int
    day: int
    state: str
    payload: bytes
    sha256: bytes

    def __repr__(self) -> str:
        return f"Receipt({self.stream!r}, {self.n}, day={self.day}, {self.state}, {len(self.payload)} bytes)"


def check_lengths(keep: Sequence[Kept], seal: Sequence[Batch]) -> None:
    """Raise TooLarge for a body, a payload or a stream's name beyond its limit."""
    if any(len(row.stream) > STREAM_CHARS_MAX for rows in (keep, seal) for row in rows):
        raise TooLarge(f"the name of a stream has more than {STREAM_CHARS_MAX} characters")
    if any(len(row.body) > KEPT_BYTES_MAX for row in keep):
        raise TooLarge(f"a kept row has more than {KEPT_BYTES_MAX} bytes")
    if any(len(batch.payload) > BATCH_BYTES_MAX for batch in seal):
        raise TooLarge(f"a batch has more than {BATCH_BYTES_MAX} bytes")
