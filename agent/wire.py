"""Payloads: wire version 1, zlib-compressed JSON in columns, padded to an agreed size.

Padding is empty deflate blocks between the data and the stream's end, so that every stock zlib decodes a padded
payload without knowing of it. Empty blocks come in five bytes (a stored block) and six (a fixed-Huffman block and
a stored one), which add up to every length from 20 bytes on; the few shorter gaps are first widened by white
space behind the JSON. It is irregular, because a run of one character would compress to almost nothing.

`decode` takes bytes from anywhere: whatever is wrong with them ends in `PayloadError`, within fixed limits.
"""

from __future__ import annotations

import hashlib
import json
import re
import zlib
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from agent.columns import STREAMS, Columns, read_columns, write_columns

VERSION = 1
PAYLOAD_BYTES_MAX = 256 * 1024
DECODED_BYTES_MAX = 4 * 1024 * 1024
# A chain guards what is stored against later change. Who changes a payload and wants its `prev` to hold needs a
# second preimage, 2^128 tries at 128 bits; a collision (2^64) helps only who made both payloads beforehand.
PREVIOUS_DIGITS = 32  # hexadecimal, 128 bits
NO_PREVIOUS = "0" * PREVIOUS_DIGITS
INTEGER_MAX = 2**53 - 1  # what every language's JSON reads exactly
COLUMN_NUMBERS_MAX = 100_000
PADDABLE_FROM_BYTES = 20  # every gap from here on is a sum of fives and sixes

_FILLER_FIVE = b"\x00\x00\x00\xff\xff"
_FILLER_SIX = b"\x02\x00\x00\x00\xff\xff"
_WHITE_SPACE = "   \t\n\t\t\n \n\r\r\t\r\t  \t\r\t\r\r\n\n\n\t \r\r\n   \r\t \n\t\t\n \t\n \t\t\n\n"
_EPOCH = re.compile(r"[0-9a-f]{16}")
_SHA256 = re.compile(r"[0-9a-f]{64}")
_PREVIOUS = re.compile(rf"[0-9a-f]{{{PREVIOUS_DIGITS}}}")
_AGREEMENT_ID = re.compile(r"[a-z0-9][a-z0-9-]{0,62}")


class PayloadError(ValueError):
    """These bytes are no payload of a version that this code reads; the text says why."""


class AgreementReference(NamedTuple):
    """Which agreement allowed a batch to leave. `sha256` is 64 hexadecimal digits of its canonical JSON."""

    id: str
    version: int
    sha256: str


class Heading(NamedTuple):
    """What a batch says of itself beside its records.

    `epoch` is 16 hexadecimal digits made with the outbox file, `n` counts a stream's batches from 1, `prev` is
    the first 32 hexadecimal digits of the SHA-256 of the stream's previous payload (zeros before the first).
    """

    stream: str
    epoch: str
    n: int
    prev: str
    agreement: AgreementReference

    @property
    def batch(self) -> str:
        """The batch's name in people's output; it is not in the payload."""
        return f"{self.epoch}-{self.n}"


class Payload(NamedTuple):
    """A decoded payload: its heading and its records in published units."""

    heading: Heading
    records: list[dict[str, Any]]


def text(heading: Heading, records: Sequence[Mapping[str, Any]]) -> str:
    """The JSON text of a payload before compression. Hashes come last, where they cost the columns nothing."""
    columns = write_columns(heading.stream, records)
    body = {
        "v": VERSION,
        "stream": heading.stream,
        "cols": columns.cols,
        "scale": columns.scale,
        "words": columns.words,
        "epoch": heading.epoch,
        "n": heading.n,
        "prev": heading.prev,
        "agreement": heading.agreement._asdict(),
    }
    if not columns.words:
        del body["words"]
    return json.dumps(body, separators=(",", ":"))


def encode(heading: Heading, records: Sequence[Mapping[str, Any]], size_bytes: int) -> bytes:
    """A payload of exactly `size_bytes`, or of the next multiple of it that its records need."""
    plain = text(heading, records)
    for width in range(len(_WHITE_SPACE)):
        data, end = _compress(plain + _WHITE_SPACE[:width])
        gap = -(len(data) + len(end)) % size_bytes
        padding = _padding(gap)
        if padding is not None:
            return data + padding + end
    raise AssertionError("no padding fits")  # pragma: no cover - widths grow by a byte or so


def packed_bytes(heading: Heading, records: Sequence[Mapping[str, Any]]) -> int:
    """How long the payload would be before padding."""
    data, end = _compress(text(heading, records))
    return len(data) + len(end)


def _compress(plain: str) -> tuple[bytes, bytes]:
    deflate = zlib.compressobj(level=9)
    data = deflate.compress(plain.encode("ascii")) + deflate.flush(zlib.Z_SYNC_FLUSH)
    return data, deflate.flush(zlib.Z_FINISH)


def _padding(gap: int) -> bytes | None:
    sixes = gap % 5
    fives = (gap - 6 * sixes) // 5
    return None if fives < 0 else _FILLER_SIX * sixes + _FILLER_FIVE * fives


def fitting(heading: Heading, records: Sequence[Mapping[str, Any]], size_bytes: int) -> int:
    """How many of `records`, from the first on, fit into `size_bytes`; at least one when there is any."""

    def fits(count: int) -> bool:
        return packed_bytes(heading, records[:count]) + PADDABLE_FROM_BYTES <= size_bytes

    low = high = min(1, len(records))
    while high < len(records) and fits(high):  # of a long backlog only what fits is ever compressed
        low, high = high, min(2 * high, len(records))
    while low < high:
        middle = (low + high + 1) // 2
        if fits(middle):
            low = middle
        else:
            high = middle - 1
    return low


def digest(payload: bytes) -> str:
    """SHA-256 of a payload as published, in hexadecimal."""
    return hashlib.sha256(payload).hexdigest()


def previous(sha256: str) -> str:
    """What the next batch's `prev` holds of a payload's SHA-256, given as 64 hexadecimal digits."""
    return sha256[:PREVIOUS_DIGITS]


def decode(payload: bytes) -> Payload:
    """The heading and records of one payload. Raises PayloadError for anything else."""
    if len(payload) > PAYLOAD_BYTES_MAX:
        raise PayloadError(f"longer than {PAYLOAD_BYTES_MAX} bytes")
    try:
        body = json.loads(_decompress(payload))
        return _payload(body)
    except PayloadError:
        raise
    except (ValueError, KeyError, IndexError, TypeError, ArithmeticError, RecursionError) as error:
        raise PayloadError(f"not a payload of version {VERSION}: {type(error).__name__}") from None


def _decompress(payload: bytes) -> bytes:
    inflate = zlib.decompressobj()
    try:
        plain = inflate.decompress(payload, DECODED_BYTES_MAX + 1)
    except zlib.error:
        raise PayloadError("not a zlib stream") from None
    if len(plain) > DECODED_BYTES_MAX:
        raise PayloadError(f"more than {DECODED_BYTES_MAX} bytes of text inside")
    if not inflate.eof or inflate.unused_data:
        raise PayloadError("cut short, or with bytes behind its end")
    return plain


def _payload(body: Any) -> Payload:
    if not isinstance(body, dict) or type(body.get("v")) is not int:
        raise PayloadError("no version inside")
    if body["v"] != VERSION:
        raise PayloadError(f"version {body['v']} inside, this reader knows version {VERSION}")
    if body["stream"] not in STREAMS:
        raise PayloadError("of a stream that this reader does not know")
    heading = _heading(body)
    columns = Columns(body["cols"], body["scale"], body.get("words", {}))
    _check_columns(columns)
    return Payload(heading, read_columns(heading.stream, columns))


def _heading(body: dict[str, Any]) -> Heading:
    agreement = body["agreement"]
    reference = AgreementReference(
        _matching(agreement["id"], _AGREEMENT_ID, "an agreement's id"),
        _number(agreement["version"], 0, "an agreement's version"),
        _matching(agreement["sha256"], _SHA256, "an agreement's SHA-256"),
    )
    return Heading(
        body["stream"],
        _matching(body["epoch"], _EPOCH, "an epoch"),
        _number(body["n"], 1, "a batch number"),
        _matching(body["prev"], _PREVIOUS, "the digits of the payload before"),
        reference,
    )


def _matching(text: Any, pattern: re.Pattern[str], what: str) -> str:
    if not isinstance(text, str) or not pattern.fullmatch(text):
        raise PayloadError(f"without {what}")
    return text


def _number(number: Any, least: int, what: str) -> int:
    if type(number) is not int or not least <= number <= INTEGER_MAX:
        raise PayloadError(f"without {what}")
    return number


def _check_columns(columns: Columns) -> None:
    if not all(isinstance(part, dict) for part in columns):
        raise PayloadError("without columns")
    for name, column in columns.cols.items():
        if not isinstance(column, list) or not all(type(value) is int for value in column):
            raise PayloadError(f"column {name[:20]!r} holds something else than whole numbers")
        if len(column) > COLUMN_NUMBERS_MAX:
            raise PayloadError(f"column {name[:20]!r} is longer than {COLUMN_NUMBERS_MAX} numbers")
        if not all(-INTEGER_MAX <= value <= INTEGER_MAX for value in column):
            raise PayloadError(f"column {name[:20]!r} holds a number past {INTEGER_MAX}")
    if not all(type(scale) in (int, float) and 1e-9 <= scale <= 1e9 for scale in columns.scale.values()):
        raise PayloadError("a scale is out of range")
    for words in columns.words.values():
        if not isinstance(words, list) or not all(isinstance(word, str) for word in words):
            raise PayloadError("words that are no list of text")
