"""A simulated shift: one seeded day in one seeded city, rendered as sentences, pulses and truth."""

from __future__ import annotations

import datetime
import itertools
from collections import Counter, deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

from drivers.inputs import Pulse
from drivers.simulate.city import City, build
from drivers.simulate.day import Break, Day, plan_day
from drivers.simulate.drive import BrakingKind, Sample, State, sample
from drivers.simulate.plane import Spot, chance
from drivers.simulate.pulses import PINS, Edge, edges
from drivers.simulate.receiver import Lull, Receiver
from drivers.simulate.sentences import sentences

HOURS_MIN, HOURS_MAX = 0.05, 14.0
BREAK_MINUTES_MIN, BREAK_MINUTES_MAX = 1.0, 240.0
RATE_HZ_MIN, RATE_HZ_MAX = 0.5, 10.0
NOISE_M_MAX = 50.0
DAY_MS = 86_400_000
EPOCH = datetime.datetime(1970, 1, 1)
STRETCH_S = 10  # breaks are stretched by whole tens of seconds, so that later readings keep their phase

Place = Literal["depot", "district", "road", "landfill", "break", "off_limits"]


class BrakingTruth(NamedTuple):
    """A closing of the brake contact, and what really happened (see `drive.Braking`)."""

    at_s: float
    kind: BrakingKind
    severity_mps2: float
    corroborable: bool


class Second(NamedTuple):
    """The truth of one second; every field is explained in the package's docstring."""

    at_s: int
    utc: str
    latitude_deg: float
    longitude_deg: float
    speed_mps: float
    street: str
    place: Place
    state: State
    on_duty: bool
    break_index: int | None
    stop: int | None
    brakings: tuple[BrakingTruth, ...]
    lifts: int


class _Tick(NamedTuple):
    """One reading's instant in the stretched shift, and what was planned for it."""

    number: int
    sample: Sample
    lull: Lull | None


@dataclass(slots=True)
class Shift:
    """A day that can be rendered again and again; equal arguments give equal bytes.

    `breaks` are as driven (stretched); `day` is as planned.
    """

    seed: int
    hours: float
    city: City
    day: Day
    noise_m: float
    rate_hz: float
    utc_ms: int  # of the first sentence, since 1970-01-01
    extra_s: list[int]  # by which each break is longer than planned
    breaks: list[Break] = field(default_factory=list)

    def __post_init__(self) -> None:
        moved = 0
        for entry, extra_s in zip(self.day.breaks, self.extra_s, strict=True):
            start_s = entry.starts_s + moved
            moved += extra_s
            self.breaks.append(entry._replace(starts_s=start_s, ends_s=entry.ends_s + moved))

    @property
    def seconds(self) -> float:
        """How long the log is."""
        return self.day.ends_s + sum(self.extra_s)

    @property
    def readings(self) -> int:
        """How many times the receiver reports; nine sentences each."""
        return int(self.seconds * self.rate_hz)

    def shown_ms(self, planned_ms: int) -> int:
        """Where stretched breaks move a planned instant outside a break to."""
        pairs = zip(self.day.breaks, self.extra_s, strict=True)
        return planned_ms + sum(
            1000 * extra_s for entry, extra_s in pairs if planned_ms >= entry.ends_s * 1000
        )

    def nmea(self) -> Iterator[bytes]:
        """Sentences with their line ends, nine for each reading."""
        for group in self.nmea_readings():
            yield from group

    def nmea_readings(self) -> Iterator[list[bytes]]:
        """The same, as one list for each reading."""
        receiver = Receiver(self.seed, self.noise_m, self.rate_hz, self.city.altitude_m)
        for tick in self._ticks(self.rate_hz):
            at_s = tick.number / self.rate_hz
            reading = receiver.read(at_s, tick.sample, tick.lull)
            yield sentences(reading, self.city.origin, _utc(self.utc_ms + round(at_s * 1000)))

    def edges(self) -> list[Edge]:
        """Every edge of the input lines, in whole milliseconds."""
        return edges(self.day, self.seed, self.shown_ms, self.breaks)

    def pulses(self) -> Iterator[Pulse]:
        """Every edge as an input of the agent; `at` counts seconds from the first sentence."""
        return (Pulse(edge.at_ms / 1000, edge.pin, edge.level) for edge in self.edges())

    def truth(self) -> Iterator[Second]:
        """What was really so, second by second."""
        brakings, lifts = self._brakings_by_second(), self._lifts_by_second()
        for tick, on_duty in zip(self._ticks(1.0), self._duty(), strict=False):
            at_s, knot = tick.number, tick.sample.knot
            latitude_deg, longitude_deg = self.city.origin.degrees(*tick.sample.spot)
            yield Second(
                at_s=at_s,
                utc=_utc(self.utc_ms + at_s * 1000).isoformat() + "Z",
                latitude_deg=round(latitude_deg, 7),
                longitude_deg=round(longitude_deg, 7),
                speed_mps=round(tick.sample.speed_mps, 3),
                street=knot.street,
                place=self._place(tick.sample.spot, knot.break_index is not None),
                state=knot.state,
                on_duty=on_duty,
                break_index=knot.break_index,
                stop=knot.stop,
                brakings=tuple(brakings.get(at_s, ())),
                lifts=lifts[at_s],
            )

    def _ticks(self, rate_hz: float) -> Iterator[_Tick]:
        """Readings in order: those planned, with more or fewer of them in each break."""
        planned = sample(self.day.knots, (i / rate_hz for i in range(int(self.day.ends_s * rate_hz))))
        number = itertools.count()
        for index, group in itertools.groupby(planned, key=lambda one: one.knot.break_index):
            if index is None:
                for one in group:
                    yield _Tick(next(number), one, None)
                continue
            standing = list(group)
            count = len(standing) + round(self.extra_s[index] * rate_hz)
            for i in range(count):
                yield _Tick(next(number), standing[0], Lull(index, i, count - 1 - i))

    def _place(self, spot: Spot, on_break: bool) -> Place:
        city = self.city
        for site in city.sites:
            if site.holds(spot):
                return site.kind
        if city.off_limits_at(spot):
            return "off_limits"
        if on_break:
            return "break"
        return "district" if city.served_at(spot) else "road"

    def _brakings_by_second(self) -> dict[int, list[BrakingTruth]]:
        found: dict[int, list[BrakingTruth]] = {}
        for braking in self.day.brakings:
            at_ms = self.shown_ms(braking.at_ms)
            truth = BrakingTruth(at_ms / 1000, braking.kind, braking.severity_mps2, braking.corroborable)
            found.setdefault(at_ms // 1000, []).append(truth)
        return found

    def _lifts_by_second(self) -> Counter[int]:
        starts_ms = (self.shown_ms(up_ms) for stop in self.day.stops for up_ms, _ in stop.lifts_ms)
        return Counter(at_ms // 1000 for at_ms in starts_ms)

    def _duty(self) -> Iterator[bool]:
        """Whether ignition and crew switch are both on, second by second and without end."""
        left, level = deque(self.edges()), dict.fromkeys(PINS, 0)
        for at_s in itertools.count():
            while left and left[0].at_ms <= at_s * 1000:
                edge = left.popleft()
                level[edge.pin] = edge.level
            yield bool(level["ignition"] and level["crew_switch"])


def shift(
    seed: int,
    hours: float,
    *,
    break_minutes: float | None = None,
    noise_m: float = 1.5,
    rate_hz: float = 1.0,
    city_seed: int | None = None,
) -> Shift:
    """The shift of this seed, `hours` long (0.05-14).

    `break_minutes` (1-240, to ten seconds) replaces the length of every break and moves what comes later, and
    nothing else: readings before and after a break are the same bytes but for their time. `noise_m` is the
    deviation of each axis, `rate_hz` 0.5-10. `city_seed` puts other days (seeds) into the same city and on the
    same round; by default each seed has a city of its own. Raises ValueError outside these ranges.
    """
    _require("hours", hours, HOURS_MIN, HOURS_MAX)
    _require("noise_m", noise_m, 0.0, NOISE_M_MAX)
    _require("rate_hz", rate_hz, RATE_HZ_MIN, RATE_HZ_MAX)
    city = build(seed if city_seed is None else city_seed)
    day = plan_day(city, seed, hours)
    extra_s = [0] * len(day.breaks)
    if break_minutes is not None:
        _require("break_minutes", break_minutes, BREAK_MINUTES_MIN, BREAK_MINUTES_MAX)
        wanted_s = round(break_minutes * 60 / STRETCH_S) * STRETCH_S
        extra_s = [wanted_s - round(entry.ends_s - entry.starts_s) for entry in day.breaks]
    return Shift(seed, hours, city, day, noise_m, rate_hz, _first_utc_ms(seed, city), extra_s)


def _require(name: str, value: float, least: float, most: float) -> None:
    if not least <= value <= most:
        raise ValueError(f"{name} is {value}, but must be from {least:g} to {most:g}")


def _first_utc_ms(seed: int, city: City) -> int:
    """A working day of 2026 or 2027, between six and half past six by the sun."""
    rng = chance(seed, "date")
    date = datetime.datetime(2026, 1, 5) + datetime.timedelta(days=rng.randrange(700))
    if date.weekday() == 6:
        date += datetime.timedelta(days=1)
    sun_h = round(city.origin.longitude_deg / 15)
    return (date - EPOCH).days * DAY_MS + ((6 - sun_h) * 3600 + rng.randrange(1800)) * 1000


def _utc(utc_ms: int) -> datetime.datetime:
    return EPOCH + datetime.timedelta(milliseconds=utc_ms)
