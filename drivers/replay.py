"""Recorded logs as inputs: the same Chunks and Pulses a truck would have seen, in simulated time.

A log has no clock of its own, so time is the difference between the times of day that its sentences state,
clipped to 0..3600 s: a date that rolled over costs nothing, a night's pause costs an hour. A step back is no
time at all, one of more than twelve hours is midnight or a step back.

What it does not do: the delays within a second, and the noise of a real serial line.
"""

from __future__ import annotations

import csv
import gzip
import heapq
import math
import re
import sys
import zlib
from collections.abc import Generator, Iterable, Iterator
from pathlib import Path
from typing import BinaryIO, Protocol, Self

from drivers.inputs import Chunk, Pulse
from drivers.nmea import SENTENCE_BYTES_MAX, is_sound
from drivers.nmea_fields import clock_ms

BLOCK_BYTES = 65_536
"""Bytes read from a log at a time, and the most one Chunk holds."""

LOG_BYTES_MAX = 4 * 1024**3
"""Longest log after unpacking: a year of nine sentences a second is 17 GB and wants cutting first."""

STEP_S_MAX = 3600.0
"""Longest simulated pause between two epochs."""

USUAL_STEP_MS_MAX = 10_000
"""A longer step counts only when the checksum of the sentence that says so is
right; a step back of up to this is a sentence that comes late."""

PULSE_LINES_MAX = 10_000_000
PULSE_LINE_BYTES_MAX = 1_024
PIN_NAME_CHARACTERS_MAX = 64

DAY_MS = 86_400_000
STANDARD_INPUT = "-"

_TIMED = re.compile(
    rb"\$[A-Z0-9]{2}(?:(?:RMC|GGA|GNS|ZDA),|GLL,[^,\r\n$]*,[NS]?,[^,\r\n$]*,[EW]?,)"
    rb"([0-9]{6}(?:\.[0-9]*)?)"
)


class LogError(OSError):
    """A log or pulses file cannot be read: missing, a directory, forbidden, damaged or too long."""


class PulsesError(ValueError):
    """A line of a pulses file makes no sense; the message names file and line."""


class ByteStream(Protocol):
    """Whatever can be read in blocks: an open log, a file, bytes in memory."""

    def read(self, size: int, /) -> bytes: ...


class Log:
    """An open log, plain or packed. Reading raises LogError, never what lies beneath.

    `size` is the bytes of the file as it lies on disk, None when unknown; `position` how many of them were
    read.
    """

    def __init__(self, name: str, raw: BinaryIO, packed: bool = False, size: int | None = None) -> None:
        self.name = name
        self.size = size
        self._raw = raw
        self._stream: BinaryIO = gzip.GzipFile(fileobj=raw) if packed else raw  # type: ignore[assignment]
        self._left = LOG_BYTES_MAX

    @property
    def position(self) -> int:
        """Bytes of the file read so far; 0 where the file cannot tell."""
        try:
            return self._raw.tell()
        except (OSError, ValueError):
            return 0

    def read(self, size: int, /) -> bytes:
        """At most `size` unpacked bytes; empty at the end."""
        try:
            data = self._stream.read(size)
        except (OSError, EOFError, zlib.error) as error:
            raise LogError(f"{self.name}: {_reason(error)}") from error
        self._left -= len(data)
        if self._left < 0:
            raise LogError(f"{self.name}: longer than {LOG_BYTES_MAX} bytes")
        return data

    def close(self) -> None:
        """Close the file; standard input stays open."""
        if self.name != STANDARD_INPUT:
            self._stream.close()
            self._raw.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()


def open_log(path: str | Path) -> Log:
    """Open a recorded log: plain, packed (by its name, `.gz`) or "-" for standard input.

    Raises LogError when there is no such readable file.
    """
    name = str(path)
    if name == STANDARD_INPUT:
        return Log(name, sys.stdin.buffer)
    try:
        raw = Path(name).open("rb")  # noqa: SIM115
    except (OSError, ValueError) as error:
        raise LogError(f"{name}: {_reason(error)}") from error
    return Log(name, raw, name.endswith(".gz"), Path(name).stat().st_size)


def replay(*logs: ByteStream) -> Iterator[Chunk]:
    """The logs one after the other, one Chunk an epoch, `at` in simulated seconds since the first sentence.

    What carries no time goes with the epoch before it. A Chunk holds at most BLOCK_BYTES; without any time of
    day (a log of something else) all chunks are at 0.
    """
    timeline = _Timeline()
    for log in logs:
        held = b""
        while block := log.read(BLOCK_BYTES):
            held = yield from _cut(held + block, timeline, last=False)
        yield from _cut(held, timeline, last=True)


def pulses(path: str | Path) -> Iterator[Pulse]:
    """The pulses of a CSV file, `at_s,pin,level`: seconds since the log's first sentence, name, 0 or 1.

    Raises LogError when the file cannot be read, PulsesError naming the line when a row makes no sense, goes
    back in time, or is one too many.
    """
    with open_log(path) as log:
        rows = _rows(log)
        _, header = next(rows, ("", []))
        if [cell.strip() for cell in header] != ["at_s", "pin", "level"]:
            raise PulsesError(f"{log.name}:1: the header must be at_s,pin,level")
        before_s = 0.0
        for where, row in rows:
            if not row:
                continue
            pulse = _pulse(row, where)
            if pulse.at < before_s:
                raise PulsesError(f"{where}: at_s goes back from {before_s:g} to {pulse.at:g}")
            before_s = pulse.at
            yield pulse


def _rows(log: Log) -> Iterator[tuple[str, list[str]]]:
    """The rows of a CSV file and where each stands; raises PulsesError where it is none."""
    rows = csv.reader(_lines(log))
    try:
        for row in rows:
            yield f"{log.name}:{rows.line_num}", row
    except csv.Error as error:
        raise PulsesError(f"{log.name}:{rows.line_num}: no line of CSV ({error})") from None


def merge(chunks: Iterable[Chunk], pulses: Iterable[Pulse]) -> Iterator[Chunk | Pulse]:
    """Both in the order of `at`; a pulse before a chunk of the same moment, so that ignition counts."""
    return heapq.merge(pulses, chunks, key=lambda entry: entry.at)


class _Timeline:
    """Simulated seconds, from the times of day met so far."""

    def __init__(self) -> None:
        self.at = 0.0
        self._text = b""
        self._time_of_day_ms: int | None = None

    def turns(self, match: re.Match[bytes]) -> bool:
        """Whether a new epoch begins with this sentence; if so, time has moved on."""
        text = match[1]
        if text == self._text:
            return False
        now_ms = clock_ms(text.decode("ascii"))
        before_ms = self._time_of_day_ms
        if now_ms is None or now_ms == before_ms:
            return False
        if before_ms is not None:
            step_ms = now_ms - before_ms
            if -USUAL_STEP_MS_MAX <= step_ms < 0:
                return False  # a sentence that comes late
            line = match.string[match.start() : match.start() + SENTENCE_BYTES_MAX]
            if abs(step_ms) > USUAL_STEP_MS_MAX and not is_sound(line):
                return False
            self.at += _simulated_step_s(step_ms)
        self._text, self._time_of_day_ms = text, now_ms
        return before_ms is not None


def _simulated_step_s(step_ms: int) -> float:
    """Simulated seconds between two times of day: over midnight, never back, at most STEP_S_MAX."""
    if step_ms < -DAY_MS // 2:
        step_ms += DAY_MS
    if not 0 < step_ms <= DAY_MS // 2:
        return 0.0
    return min(step_ms / 1000, STEP_S_MAX)


def _cut(data: bytes, timeline: _Timeline, *, last: bool) -> Generator[Chunk, None, bytes]:
    """Chunks up to the last turn that is certain, all when no more bytes come; returns what waits for more."""
    # A sentence at the end may still lack its time or its checksum: leave it for the next block.
    end = len(data) if last else _settled(data)
    start = 0
    for match in _TIMED.finditer(data, 0, end):
        at = timeline.at
        if timeline.turns(match):
            yield from _pieces(at, data[start : match.start()])
            start = match.start()
    if last or end - start > BLOCK_BYTES:
        yield from _pieces(timeline.at, data[start:end])
        start = end
    return data[start:]


def _settled(data: bytes) -> int:
    """Where the last line of the bytes begins, unless it is too long to be one."""
    end = max(data.rfind(b"\n"), data.rfind(b"\r")) + 1
    return end if len(data) - end <= 2 * SENTENCE_BYTES_MAX else len(data)


def _pieces(at: float, data: bytes) -> Iterator[Chunk]:
    for start in range(0, len(data), BLOCK_BYTES):
        yield Chunk(at, data[start : start + BLOCK_BYTES])


def _lines(log: Log) -> Iterator[str]:
    """The lines of a text file, each and all bounded."""
    number = 1
    held = b""
    while block := log.read(BLOCK_BYTES):
        *whole, held = (held + block).split(b"\n")
        for line in whole:
            yield _line(line, log, number)
            number += 1
        if held:
            _line(held, log, number)  # refused here, before it grows
    if held:
        yield _line(held, log, number)


def _line(line: bytes, log: Log, number: int) -> str:
    if len(line) > PULSE_LINE_BYTES_MAX:
        raise PulsesError(f"{log.name}:{number}: longer than {PULSE_LINE_BYTES_MAX} bytes")
    if number > PULSE_LINES_MAX:
        raise PulsesError(f"{log.name}:{number}: more than {PULSE_LINES_MAX} lines")
    return line.decode("utf-8", "replace").replace("\0", "").rstrip("\r")


def _pulse(row: list[str], where: str) -> Pulse:
    """One row; raises PulsesError saying what is wrong with it."""
    if len(row) != 3:
        raise PulsesError(f"{where}: expected at_s,pin,level, found {len(row)} columns")
    at_text, pin, level = (cell.strip() for cell in row)
    try:
        at_s = float(at_text)
    except ValueError:
        at_s = math.nan
    if not (math.isfinite(at_s) and at_s >= 0):
        raise PulsesError(f"{where}: at_s must be seconds from 0 up, found {at_text[:40]!r}")
    if not 0 < len(pin) <= PIN_NAME_CHARACTERS_MAX:
        raise PulsesError(f"{where}: pin must be a name of at most {PIN_NAME_CHARACTERS_MAX} characters")
    if level not in ("0", "1"):
        raise PulsesError(f"{where}: level must be 0 or 1, found {level[:40]!r}")
    return Pulse(at_s, pin, int(level))


def _reason(error: Exception) -> str:
    """The error in words, without the path that the message already names."""
    if isinstance(error, OSError) and error.strerror:
        return error.strerror.lower()
    return str(error).lower() or "cannot be read"
