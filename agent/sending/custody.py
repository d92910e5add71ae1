"""Custody: what the city's end says has arrived of one truck, and which batches that asks for. Pure.

A broker's acknowledgement is not custody. The receiver tells for each of a truck's series of numbers how far
everything has arrived and which ranges are missing; the truck sends those again that it still has.

Harsh braking has no part in it: it names no truck, so nobody could be asked without joining truck and braking.
"""

from __future__ import annotations

import itertools
import json
import re
from collections.abc import Collection, Mapping, Sequence
from typing import Any, NamedTuple

from agent.topics import FLEET_STREAMS

VERSION = 1
BYTES_MAX = 4_096
RANGES_MAX = 64  # of missing numbers, over all series of a message
EPOCHS_MAX = 2  # told in one message: a truck has one, and had another before its buffer was renewed
STREAMS_MAX = 32  # in one epoch
N_MAX = 2**53 - 1

Range = tuple[int, int]  # first and last number, both included

_EPOCH = re.compile(r"[0-9a-f]{16}")
_STREAM = re.compile(r"[a-z_]{1,32}")


class Series(NamedTuple):
    """One stream in one epoch: all of 1 to `upto` have arrived, `newest` is the highest number that has.

    `missing`: ranges between the two, ascending; only the newest of them where there are too many for a message.
    """

    upto: int
    newest: int
    missing: tuple[Range, ...]


Custody = Mapping[str, Mapping[str, Series]]  # by epoch, then by stream


def series(arrived: Sequence[Range]) -> Series:
    """What to tell of numbers that have arrived, given as ranges: ascending, at least one, none touching another."""
    ends = [0, *(last for _, last in arrived)]
    missing = [
        (end + 1, first - 1) for end, (first, _) in zip(ends, arrived, strict=False) if first - end > 1
    ]
    return Series(missing[0][0] - 1 if missing else ends[-1], ends[-1], tuple(missing))


def encode(custody: Custody) -> bytes:
    """The message; at most RANGES_MAX missing ranges, the newest of each series in turn, and BYTES_MAX bytes.

    Raises ValueError when so many series would not fit even without ranges.
    """
    ranges_max = RANGES_MAX
    while len(told := _text(custody, ranges_max)) > BYTES_MAX:
        if not ranges_max:
            raise ValueError("too many series for one message of custody")
        ranges_max //= 2
    return told


def _text(custody: Custody, ranges_max: int) -> bytes:
    found = [
        [(epoch, stream, each) for each in reversed(known.missing)]
        for epoch, streams in custody.items()
        for stream, known in streams.items()
    ]
    in_turn = (each for one_of_each in itertools.zip_longest(*found) for each in one_of_each if each)
    listed = sorted(itertools.islice(in_turn, ranges_max), key=lambda each: each[2])
    epochs = {
        epoch: {
            stream: {
                "upto": known.upto,
                "newest": known.newest,
                "missing": [each for of, what, each in listed if (of, what) == (epoch, stream)],
            }
            for stream, known in streams.items()
        }
        for epoch, streams in custody.items()
    }
    return json.dumps({"v": VERSION, "epochs": epochs}, separators=(",", ":")).encode("ascii")


def decode(payload: bytes) -> Custody | None:
    """What a message says; None for one that is nonsense, too long or of a version not known here."""
    if len(payload) > BYTES_MAX:
        return None
    try:
        body = json.loads(payload)
        if body["v"] != VERSION or len(body["epochs"]) > EPOCHS_MAX:
            return None
        custody = {_named(_EPOCH, epoch): _streams(told) for epoch, told in body["epochs"].items()}
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        return None
    ranges = sum(len(known.missing) for streams in custody.values() for known in streams.values())
    return custody if ranges <= RANGES_MAX else None


def _named(pattern: re.Pattern[str], name: str) -> str:
    if not pattern.fullmatch(name):
        raise ValueError("no name of an epoch or a stream")
    return name


def _streams(told: Any) -> dict[str, Series]:
    if len(told) > STREAMS_MAX:
        raise ValueError("too many streams")
    return {_named(_STREAM, stream): _series(fields) for stream, fields in told.items()}


def _series(fields: Any) -> Series:
    """Numbers that make sense together, or ValueError, TypeError or KeyError."""
    upto, newest = fields["upto"], fields["newest"]
    missing = tuple((first, last) for first, last in fields["missing"])
    numbers = [upto, *itertools.chain.from_iterable(missing), newest]
    if any(type(number) is not int for number in numbers) or not 0 <= upto <= newest <= N_MAX:
        raise ValueError("not whole numbers in order")
    ends = [upto, *(last for _, last in missing)]
    ascending = all(end < first <= last for end, (first, last) in zip(ends, missing, strict=False))
    if not ascending or ends[-1] > newest:
        raise ValueError("ranges out of order")
    return Series(upto, newest, missing)


def asked(
    told: Mapping[str, Series], heads: Mapping[str, int], streams: Collection[str], *, live: bool
) -> dict[str, tuple[Range, ...]]:
    """Which numbers a message asks for of a truck whose newest batches are `heads`, by stream.

    Only of `streams`, never of the fleet's, and nothing that was not sealed yet. `live`: the receiver has only now
    said so, and what it does not know of is missing, too; a message that the broker kept may be older than that.
    """
    wanted: dict[str, tuple[Range, ...]] = {}
    for stream in sorted(set(streams) - FLEET_STREAMS):
        head, known = heads.get(stream, 0), told.get(stream, Series(0, 0, ()))
        tail = [(known.newest + 1, head)] if live else []
        ranges = tuple((a, min(b, head)) for a, b in (*known.missing, *tail) if a <= head)
        if ranges:
            wanted[stream] = ranges
    return wanted
