"""One vehicle-day as an attacker sees it, and what is to stay hidden: the two sides of every attack.

Places are metres east and north of the agreement's origin, as arrays of shape (n, 2); seconds count from the first
sentence of the day's log.
"""

from __future__ import annotations

from typing import Any, Literal, NamedTuple

import numpy as np
import shapely
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]
BreakKind = Literal["on_route", "detour", "off_limits"]
HiddenKind = Literal["off_limits", "depot"]


def run_m(points_m: Floats) -> Floats:
    """Metres from the beginning of a line to each of its points."""
    return np.concatenate([[0.0], np.hypot(*np.diff(points_m, axis=0).T).cumsum()])


def interpolated(at: Floats | float, known: Floats, points_m: Floats) -> Floats:
    """The places `at` so many metres or seconds, between points of which those are `known`."""
    return np.column_stack([np.interp(at, known, axis) for axis in points_m.T])


def pair(place_m: Floats) -> tuple[float, float]:
    """One place east and north, of shape (2,)."""
    return float(place_m[0]), float(place_m[1])


class Line(NamedTuple):
    """One published line. `running_s` is NaN and `seconds` None where they are not published.

    `seconds`: of the log, for each point, as exact as they are published. `part`: what the record says of the part
    of the day (None: nothing). `arrived_s`: when its payload came. `odometer_m`: at its first and last point, where
    a tracker publishes that (None: it does not).
    """

    number: int
    points_m: Floats
    running_s: float
    seconds: Floats | None
    arrived_s: float
    part: int | None = None
    odometer_m: tuple[float, float] | None = None

    @property
    def length_m(self) -> float:
        """Along the line."""
        return float(np.hypot(*np.diff(self.points_m, axis=0).T).sum())


class Arrival(NamedTuple):
    """One payload as the receiver got it; `records` as `fairhaul replay --out` names their fields."""

    at_s: float
    topic: str
    stream: str
    epoch: str
    n: int
    size_bytes: int
    records: list[dict[str, Any]]


class Trip(NamedTuple):
    """An activity as trackers publish it, from one stay to the next: when it began and ended, and the odometer then."""

    begins_s: float
    ends_s: float
    begins_m: float
    ends_m: float


class Seen(NamedTuple):
    """What the attacker sees of one vehicle-day.

    `route`: the same city and round; attackers are trained on other ones. `duty_s`: when the shift began and ended.
    `connections`: from when until when there was one. `cap_s`: what a standstill counts at most, inf for no cap.
    `trips`: none but where a tracker publishes them.
    """

    route: str
    vehicle: str
    date: str
    duty_s: tuple[float, float]
    lines: list[Line]
    arrivals: list[Arrival]
    connections: list[tuple[float, float]]
    cap_s: float
    trips: tuple[Trip, ...] = ()


class Break(NamedTuple):
    """A break that was taken. `kind`: at a stop of the route, on a detour, or in a place off limits."""

    kind: BreakKind
    place_m: tuple[float, float]
    begins_s: float
    ends_s: float


class Braking(NamedTuple):
    """A harsh braking that happened on ground that may be published."""

    at_s: float
    place_m: tuple[float, float]


class Secrets(NamedTuple):
    """What is to stay hidden of one vehicle-day.

    `way_m` and `speed_mps`: the truth of each second. `stops_m`: where the truck stood to serve, for placebos.
    """

    breaks: list[Break]
    way_m: Floats
    speed_mps: Floats
    stops_m: Floats
    brakings: list[Braking]


class Case(NamedTuple):
    """A vehicle-day: what is seen, and what is hidden."""

    seen: Seen
    secrets: Secrets


class Hidden(NamedTuple):
    """A place that is to stay hidden, and what the attacker knows of it beforehand.

    `ground`: where it can lie at all: what the agreement draws off limits (margin included), or a disc of HINT_M
    whose centre is off by chance. A guess outside of it is not made.
    """

    kind: HiddenKind
    place_m: tuple[float, float]
    ground: shapely.Polygon


class Route(NamedTuple):
    """All vehicle-days of one city and round, and the places hidden there."""

    name: str
    cases: list[Case]
    hidden: list[Hidden]
