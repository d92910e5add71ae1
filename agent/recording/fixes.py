"""Sentences into fixes, one for each epoch of the receiver. Pure: bytes and `at` in, fixes out.

An epoch is what the receiver says about one time of day, in whatever order and from whichever talkers. It
ends when a sentence with another time of day arrives, when the same sentence comes again, or when the
caller says that nothing more came (`flush`). Receivers of 0.5 to 10 Hz need no setting; the interval is
learned.

VTG and GSA carry no time: they count for the epoch they arrive in, which for receivers that send them before
RMC and GGA is the one before, and only where RMC or GGA left their reading open.
"""

from __future__ import annotations

from collections import Counter, deque
from statistics import median
from typing import NamedTuple

from agent.calendar import Calendar, day_beside
from agent.geometry import HALF_TURN_E7, Point
from agent.guarded import unpickled
from drivers.nmea import QUALITY_RANK, Sentence, Splitter, decode

NOWHERE = Point(0, 0)  # what receivers say that do not know

INTERVALS_KEPT = 9
"""Epoch intervals from which the rate is learned."""

_SAID_BY_RMC = frozenset((b"VTG,", b"ZDA,", b"GLL,"))
_SAID_BY_GGA = frozenset((b"GSA,", b"GNS,"))
_MAY_END_AN_EPOCH = frozenset((b"GLL,", b"GNS,"))
_BEST_FIRST = ("GGA", "GNS", "RMC", "GLL")


@unpickled
class Fix(NamedTuple):
    """One epoch. A reading is None when no sentence of the epoch held it, or the quality is "none".

    `at` is monotonic seconds of the chunk in which the epoch began; `utc_ms` milliseconds since 1970-01-01
    UTC, None until a date is known; `trusted` says that date and time may be believed. Latitude and
    longitude are exact integers of 1e-7 degrees. `quality` is one of drivers.nmea.QUALITIES.
    """

    at: float
    utc_ms: int | None
    trusted: bool
    latitude_e7: int | None
    longitude_e7: int | None
    speed_mps: float | None
    course_deg: float | None
    altitude_m: float | None
    hdop: float | None
    satellites: int | None
    quality: str

    def __repr__(self) -> str:
        """Quality and trust only: a log must never show where or when a truck was."""
        return f"Fix({self.quality}, {'trusted' if self.trusted else 'untrusted'} date)"


def place_of(fix: Fix) -> Point | None:
    """Where the fix says the truck is, whatever it is worth.

    None when it names no place on Earth, or the one that receivers name which do not know.
    """
    if fix.latitude_e7 is None or fix.longitude_e7 is None:
        return None
    point = Point(fix.latitude_e7, fix.longitude_e7)
    on_earth = abs(point.latitude_e7) <= HALF_TURN_E7 // 2 and abs(point.longitude_e7) <= HALF_TURN_E7
    return point if on_earth and point != NOWHERE else None


class _Epoch:
    """The sentences of one time of day: the best of each kind, and which talkers were heard."""

    __slots__ = ("at", "clock", "gga_is_full", "heard", "held", "rmc_is_full", "time_of_day_ms")

    def __init__(self, at: float, sentence: Sentence) -> None:
        self.at = at
        self.time_of_day_ms = sentence.time_of_day_ms
        self.held: dict[str, Sentence] = {}
        self.heard: set[str] = set()
        self.clock = _clock(sentence.time_of_day_ms)
        self.rmc_is_full = False
        self.gga_is_full = False
        self.add(sentence)

    def takes(self, sentence: Sentence) -> bool:
        """Whether the sentence belongs here: the same time (old GLL has none), and not heard before."""
        if sentence.talker + sentence.kind in self.heard:
            return False
        if sentence.time_of_day_ms == self.time_of_day_ms:
            return True
        return sentence.time_of_day_ms is None and sentence.kind == "GLL"

    def add(self, sentence: Sentence) -> None:
        """Keep the best of a kind: GPS and GLONASS may each send their own GGA."""
        kind = sentence.kind
        self.heard.add(sentence.talker + kind)
        held = self.held.get(kind)
        if held is None or _rank(sentence) > _rank(held):
            self.held[kind] = sentence
        if sentence.latitude_e7 is None:
            return
        if kind == "RMC":
            self.rmc_is_full = sentence.date is not None and sentence.speed_mps is not None
        elif kind == "GGA":
            self.gga_is_full = sentence.hdop is not None and sentence.quality is not None

    def note(self, sentence: Sentence) -> None:
        """Keep the first VTG or GSA that says something."""
        if sentence.speed_mps is not None or sentence.hdop is not None:
            self.held.setdefault(sentence.kind, sentence)

    def quality(self) -> str:
        """What the epoch is worth: "none" from any kind of sentence decides, then simulated or estimated."""
        ranks = [
            QUALITY_RANK[held.quality]
            for kind in _BEST_FIRST
            if (held := self.held.get(kind)) is not None and held.quality is not None
        ]
        worst = min(ranks, default=0)
        rank = worst if worst < QUALITY_RANK["gnss"] else max(ranks)
        return _QUALITY_OF_RANK[rank]

    def reading(self, name: str, *kinds: str) -> float | None:
        """The first of `kinds` that has a reading of that name."""
        for kind in kinds:
            held = self.held.get(kind)
            if held is not None and (value := getattr(held, name)) is not None:
                return float(value)
        return None

    def placed(self) -> Sentence | None:
        """The best sentence with a position."""
        for kind in _BEST_FIRST:
            held = self.held.get(kind)
            if held is not None and held.latitude_e7 is not None and held.quality != "none":
                return held
        return None


def _clock(time_of_day_ms: int | None) -> bytes:
    """The field `,hhmmss` as sentences of that second hold it; empty, thus in every line, without a time."""
    if time_of_day_ms is None:
        return b""
    minutes, seconds = divmod(min(time_of_day_ms // 1000, 86_399), 60)
    return b",%02d%02d%02d" % (*divmod(minutes, 60), seconds)


_QUALITY_OF_RANK = {rank: quality for quality, rank in QUALITY_RANK.items()}


def _rank(sentence: Sentence) -> tuple[bool, int, int]:
    """How much a sentence is worth among others of its kind and time."""
    quality = QUALITY_RANK[sentence.quality] if sentence.quality else QUALITY_RANK["gnss"]
    return sentence.latitude_e7 is not None, quality, sentence.satellites or 0


class Epochs:
    """Sentences to fixes. One epoch is open at a time; what else is remembered has a fixed size.

    `floor_day` is for week rollover (Calendar). `late` counts sentences of an epoch that was already over.
    """

    def __init__(self, floor_day: int | None = None) -> None:
        self.late = 0
        self._calendar = Calendar(floor_day)
        self._epoch: _Epoch | None = None
        self._zda: Sentence | None = None
        self._ended: _Epoch | None = None
        self._intervals_ms: deque[int] = deque(maxlen=INTERVALS_KEPT)

    @property
    def interval_s(self) -> float | None:
        """Seconds from epoch to epoch as learned from the last few; None before the third epoch."""
        return median(self._intervals_ms) / 1000 if len(self._intervals_ms) > 1 else None

    def wants(self, line: bytes) -> bool:
        """Whether decoding the line can still add to the open epoch: a cheap look at its kind only."""
        epoch = self._epoch
        if epoch is None:
            return True
        kind = line[3:7]
        if (epoch.rmc_is_full and kind in _SAID_BY_RMC) or (epoch.gga_is_full and kind in _SAID_BY_GGA):
            # Of another second it may end the epoch: some receivers stop sending RMC and GGA.
            return kind in _MAY_END_AN_EPOCH and epoch.clock not in line
        return True

    def push(self, at: float, sentence: Sentence) -> Fix | None:
        """Take one sentence; the fix of the epoch that it ended, or None."""
        epoch = self._epoch
        if sentence.kind in ("VTG", "GSA", "ZDA"):
            self._note(sentence)
            return None
        if epoch is not None and epoch.takes(sentence):
            epoch.add(sentence)
            return None
        if self._is_late(sentence):
            self.late += 1
            return None
        fix = self.flush(at)
        self._epoch = _Epoch(at, sentence)
        return fix

    def flush(self, at: float) -> Fix | None:
        """End the open epoch, because nothing came since `at` or the log is over; its fix, or None."""
        epoch, self._epoch = self._epoch, None
        if epoch is None:
            return None
        fix = self._fix(epoch)
        self._learn(epoch)
        self._ended, self._zda = epoch, None
        return fix

    def doubt(self) -> None:
        """The time must earn its trust again, and hidden sentences date nothing."""
        self._calendar.forget()
        self._zda = None

    def anew(self, fix: Fix) -> Fix:
        """The same fix as the first of those that have to earn trust."""
        self._calendar.doubt()
        return fix._replace(trusted=self._calendar.trusts(fix.utc_ms))

    def _note(self, sentence: Sentence) -> None:
        """ZDA never ends an epoch: some receivers send it for the second to come."""
        if sentence.kind == "ZDA":
            self._zda = sentence
        elif self._epoch is not None:
            self._epoch.note(sentence)

    def _is_late(self, sentence: Sentence) -> bool:
        """Whether the sentence belongs to the epoch before: its time, and not heard there yet."""
        return self._ended is not None and self._ended.takes(sentence)

    def _learn(self, epoch: _Epoch) -> None:
        before = self._ended.time_of_day_ms if self._ended else None
        if epoch.time_of_day_ms is not None and before is not None and epoch.time_of_day_ms > before:
            self._intervals_ms.append(epoch.time_of_day_ms - before)

    def _fix(self, epoch: _Epoch) -> Fix:
        quality = epoch.quality()
        placed = epoch.placed()
        satellites = epoch.reading("satellites", "GGA", "GNS")
        hdop = epoch.reading("hdop", "GGA", "GNS", "GSA")
        used = None if satellites is None else int(satellites)
        if quality == "none" or placed is None:
            self._calendar.lapse()
            return Fix(epoch.at, None, False, None, None, None, None, None, hdop, used, quality)
        utc_ms = self._utc_ms(epoch)
        return Fix(
            epoch.at,
            utc_ms,
            self._calendar.trusts(utc_ms),
            placed.latitude_e7,
            placed.longitude_e7,
            epoch.reading("speed_mps", "RMC", "VTG"),
            epoch.reading("course_deg", "RMC", "VTG"),
            epoch.reading("altitude_m", "GGA", "GNS"),
            hdop,
            used,
            quality,
        )

    def _utc_ms(self, epoch: _Epoch) -> int | None:
        """UTC of a valid epoch: dated by its RMC, else by the ZDA beside it, else the day carried on."""
        if epoch.time_of_day_ms is None:
            return None
        rmc, zda = epoch.held.get("RMC"), self._zda
        date = rmc.date if rmc is not None else None
        if date is None and zda is not None and zda.date is not None and zda.time_of_day_ms is not None:
            date = day_beside(epoch.time_of_day_ms, zda.time_of_day_ms, zda.date)
        return self._calendar.utc_ms(epoch.time_of_day_ms, date)


class Receiver:
    """One receiver's bytes to fixes: splitter, decoder and epochs in a row, skipping what adds nothing.

    `defects` counts what the decoder refused, by kind.
    """

    def __init__(self, floor_day: int | None = None) -> None:
        self.defects: Counter[str] = Counter()
        self.splitter = Splitter()
        self.epochs = Epochs(floor_day)

    def feed(self, at: float, data: bytes) -> list[Fix]:
        """The fixes of the epochs that `data` completes."""
        fixes = []
        epochs, defects = self.epochs, self.defects
        for line in self.splitter.feed(data):
            if not epochs.wants(line):
                continue
            sentence = decode(line, defects)
            if sentence is not None and (fix := epochs.push(at, sentence)) is not None:
                fixes.append(fix)
        return fixes

    def flush(self, at: float) -> Fix | None:
        """End the open epoch: the receiver fell quiet or the log is over."""
        return self.epochs.flush(at)
