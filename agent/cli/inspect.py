"""`fairhaul inspect`: what the decoder understood of a recorded log.

Machine output (`--fixes`) shows positions: it stays on the laptop of whoever has the log already. The summary
for people shows none.
"""

from __future__ import annotations

import json
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

import click

from agent.calendar import DAY_MS
from agent.cli.failing import FAILED, UNREADABLE, fail
from agent.cli.progress import followed
from agent.recording.fixes import Epochs, Fix
from agent.recording.gate import Gate
from agent.records import iso_date
from drivers.nmea import Splitter, decode, is_sound
from drivers.replay import STANDARD_INPUT, Log, LogError, open_log, replay

if TYPE_CHECKING:
    from rich.table import Table

NAMES_MAX = 200
"""Distinct sentence names counted apart; noise may look like names without end."""

UNIX_EPOCH = datetime(1970, 1, 1)


class Findings:
    """What one log held. Fixes come out of `feed` and `finish`; everything else is counted."""

    def __init__(self) -> None:
        self.bytes = 0
        self.lines = 0
        self.at_s = 0.0
        self.sentences: Counter[str] = Counter()
        self.defects: Counter[str] = Counter()
        self.fixes = 0
        self.void = 0
        self.days: set[int] = set()  # since 1970-01-01
        self.interval_s: float | None = None
        self.gate = Gate(replay=True)
        self._splitter = Splitter()
        self._epochs = Epochs()

    def feed(self, at: float, data: bytes) -> Iterator[tuple[Fix, str | None]]:
        """The fixes that these bytes complete, each with the reason it was refused for."""
        self.bytes += len(data)
        self.at_s = at
        for line in self._splitter.feed(data):
            self.lines += 1
            if (defect := _defect(line)) is not None:
                self.defects[defect] += 1
                continue
            self._count_name(line)
            if not self._epochs.wants(line):
                continue
            sentence = decode(line, self.defects)
            if sentence is not None and (fix := self._epochs.push(at, sentence)) is not None:
                yield self._judged(fix)

    def finish(self) -> Iterator[tuple[Fix, str | None]]:
        """The fix of the last epoch, and what can only be said at the end."""
        if (fix := self._epochs.flush(self.at_s)) is not None:
            yield self._judged(fix)
        self.interval_s = self._epochs.interval_s
        for defect, times in (("overlong", self._splitter.overlong), ("late", self._epochs.late)):
            if times:
                self.defects[defect] += times

    def _judged(self, fix: Fix) -> tuple[Fix, str | None]:
        self.fixes += 1
        self.void += fix.quality == "none"
        if fix.utc_ms is not None:
            self.days.add(fix.utc_ms // DAY_MS)
        return fix, self.gate.judge(fix)

    def _count_name(self, line: bytes) -> None:
        name = line[1 : line.find(b",")] if b"," in line[:10] else b""
        text = name.decode("ascii", "replace")
        known = (
            text.isascii() and text.isalnum() and (text in self.sentences or len(self.sentences) < NAMES_MAX)
        )
        self.sentences[text if known else "other"] += 1


def fix_line(fix: Fix, refused: str | None) -> str:
    """One fix as a line of NDJSON, for whoever reads a log by script; degrees with seven decimals at most."""
    placed = fix.latitude_e7 is not None and fix.longitude_e7 is not None
    fields: dict[str, Any] = {
        "utc": utc_text(fix.utc_ms),
        "latitude_deg": (fix.latitude_e7 or 0) / 10_000_000 if placed else None,
        "longitude_deg": (fix.longitude_e7 or 0) / 10_000_000 if placed else None,
        "speed_mps": None if fix.speed_mps is None else round(fix.speed_mps, 3),
        "course_deg": fix.course_deg,
        "altitude_m": fix.altitude_m,
        "quality": fix.quality,
        "satellites": fix.satellites,
        "hdop": fix.hdop,
        "accepted": refused is None,
        "refused": refused,
    }
    return json.dumps(fields)


def utc_text(utc_ms: int | None) -> str | None:
    """ISO 8601 with milliseconds and Z; None stays None."""
    if utc_ms is None:
        return None
    return (UNIX_EPOCH + timedelta(milliseconds=utc_ms)).isoformat(timespec="milliseconds") + "Z"


@click.command()
@click.argument("logs", metavar="LOG...", nargs=-1, required=True)
@click.option("--fixes", metavar="F.ndjson", help='Write every fix as a line of NDJSON; "-" is stdout.')
def inspect(logs: tuple[str, ...], fixes: str | None) -> None:
    """Show what the decoder understood of recorded logs: sentences, fixes, rate, defects.

    LOG is a file of recorded NMEA, plain or .gz; "-" reads stdin. Dates are shown as recorded.
    """
    from rich.console import Console

    console = Console(stderr=True)
    with _output(fixes) as lines:
        for name in logs:
            try:
                findings = _read(open_log(name), lines)
            except LogError as error:
                fail(UNREADABLE, f"cannot read {error}")
            console.print(_table(name, findings))


@contextmanager
def _output(fixes: str | None) -> Iterator[TextIO | None]:
    """Where the fixes go: stdout, a file, or nowhere."""
    if fixes is None or fixes == STANDARD_INPUT:
        yield sys.stdout if fixes else None
        return
    try:
        stream = Path(fixes).open("w", encoding="utf-8")  # noqa: SIM115
    except OSError as error:
        fail(FAILED, f"cannot write {fixes}: {(error.strerror or str(error)).lower()}")
    with stream:
        yield stream


def _read(log: Log, lines: TextIO | None) -> Findings:
    """The whole log through decoder and gate, with a progress bar where someone watches; closes it at the end."""
    findings = Findings()
    with followed([log], log.name):
        for chunk in replay(log):
            _write(lines, findings.feed(chunk.at, chunk.data))
        _write(lines, findings.finish())
    return findings


def _write(lines: TextIO | None, judged: Iterator[tuple[Fix, str | None]]) -> None:
    for fix, refused in judged:
        if lines is not None:
            lines.write(fix_line(fix, refused) + "\n")


def _defect(line: bytes) -> str | None:
    """What is wrong with a line by its checksum alone; None when it is right."""
    if len(line.partition(b"*")[2]) < 2:
        return "no_checksum"
    return None if is_sound(line) else "bad_checksum"


def _table(name: str, findings: Findings) -> Table:
    """The summary for people, without positions."""
    from rich.table import Table
    from rich.text import Text

    table = Table(title=Text(name), title_justify="left", show_header=False)
    table.add_column(style="bold", no_wrap=True)
    table.add_column(overflow="fold")
    for label, value in _rows(findings):
        table.add_row(label, Text(value))
    return table


def _rows(findings: Findings) -> Iterator[tuple[str, str]]:
    yield "bytes", f"{findings.bytes:,}"
    yield "lines", f"{findings.lines:,}"
    if not findings.sentences:
        yield "finding", "no NMEA sentences with a good checksum"
    yield "sentences", _counts(findings.sentences)
    yield "fixes", f"{findings.fixes:,}, of them void {findings.void:,}"
    yield "accepted", f"{findings.gate.accepted:,}"
    yield "refused", _counts(findings.gate.refused)
    yield "rate", f"{1 / findings.interval_s:.3g} Hz" if findings.interval_s else "unknown"
    yield "duration", f"{findings.at_s:,.1f} s"
    yield "dates", _dates(findings)
    yield "defects", _counts(findings.defects)


def _counts(counts: Counter[str]) -> str:
    """Most frequent first, then by name, so that the same log gives the same words."""
    ordered = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    return ", ".join(f"{name} {times:,}" for name, times in ordered) or "none"


def _dates(findings: Findings) -> str:
    if not findings.days:
        return "none"
    first, last = iso_date(min(findings.days)), iso_date(max(findings.days))
    return first if first == last else f"{first} to {last}"
