"""What a receiver said in a while, as counts: no place and no time of day gets out of here."""

from __future__ import annotations

import re
from collections import Counter
from typing import Literal

from agent.calendar import DAY_MS
from agent.recording.fixes import Receiver
from agent.recording.gate import Gate, GateLimits
from drivers.nmea import Splitter, is_sound

Antenna = Literal["good", "open", "short"]
KINDS_MAX = 40
"""Kinds of sentence counted apart."""

_ADDRESS = re.compile(rb"\$([A-Z]{2}[A-Z]{3}|P[A-Z]{2,8})(?=[,*])")
_TEXT = re.compile(rb"^\$..TXT,.*?(?:ANTSTATUS=|ANTENNA )(OK|OPEN|SHORT)")
_NUMBERED = re.compile(rb"^\$(?:PGTOP|PCD),11,([123])\b")
_ANTENNA: dict[bytes, Antenna] = {
    b"OK": "good",
    b"OPEN": "open",
    b"SHORT": "short",
    b"1": "short",
    b"2": "open",  # it goes on with the small antenna on its own board
    b"3": "good",
}


class Hearing:
    """Bytes of a receiver, counted. `at` is monotonic seconds.

    `sentences` with a good checksum by address, `damaged` those with a wrong one. `fixes` that say where the truck
    is, `accepted` those of them that the agent would believe, `refused` the others by reason; `satellites` is the
    most that were used for one. `day` is the date as the agent believes it, days since 1970-01-01, and `dated_at`
    when it was first known. `antenna` is what the receiver last said of it, None when it says nothing.
    """

    def __init__(self, limits: GateLimits, floor_day: int) -> None:
        self.sentences: Counter[str] = Counter()
        self.damaged = 0
        self.fixes = 0
        self.satellites: int | None = None
        self.day: int | None = None
        self.dated_at: float | None = None
        self.antenna: Antenna | None = None
        self._gate = Gate(limits)
        self._receiver = Receiver(floor_day)
        self._splitter = Splitter()

    @property
    def accepted(self) -> int:
        """Fixes that the agent would believe."""
        return self._gate.accepted

    @property
    def refused(self) -> Counter[str]:
        """Fixes that it would not, by reason."""
        return self._gate.refused

    @property
    def rate_hz(self) -> float | None:
        """Epochs a second; None before the third."""
        interval_s = self._receiver.epochs.interval_s
        return 1 / interval_s if interval_s else None

    def feed(self, at: float, data: bytes) -> None:
        """Take bytes in any cut."""
        for line in self._splitter.feed(data):
            self._line(line)
        for fix in self._receiver.feed(at, data):
            self._gate.judge(fix)
            self.fixes += fix.quality != "none"
            if fix.satellites is not None:
                self.satellites = max(fix.satellites, self.satellites or 0)
            if fix.trusted and fix.utc_ms is not None:
                self.day = fix.utc_ms // DAY_MS
                self.dated_at = at if self.dated_at is None else self.dated_at

    def _line(self, line: bytes) -> None:
        address = _ADDRESS.match(line)
        if address is None or b"*" not in line:
            return
        if not is_sound(line):
            self.damaged += 1
            return
        name = address[1].decode("ascii")
        known = name in self.sentences or len(self.sentences) < KINDS_MAX
        self.sentences[name if known else "others"] += 1
        told = _TEXT.match(line) or _NUMBERED.match(line)
        if told:
            self.antenna = _ANTENNA[told[1]]
