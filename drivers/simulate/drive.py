"""How a refuse truck moves: legs from halt to halt, with bounded acceleration, corners taken slowly, harsh brakings.

A leg is cut into pieces of a few metres; its speed is the greatest that no limit, corner, acceleration or
braking forbids, found in one pass forward and one back. Within a piece acceleration is constant. Not modelled:
gears, hills, load, overtaking, other vehicles (a traffic light is a halt that the day plan asks for).
"""

from __future__ import annotations

import bisect
import itertools
import math
import random
from collections.abc import Iterator
from typing import Literal, NamedTuple

from drivers.simulate.city import LANE_M, Arc, City, Edge, Sky, corner_m
from drivers.simulate.plane import Spot, distance_m, offset, turn_rad

State = Literal["driving", "collecting", "serving", "break", "dumping", "parked", "off"]
BrakingKind = Literal["braking", "pothole", "knock"]

STEP_M, FAST_STEP_M = 2.0, 8.0
SIDEWAYS_MPS2 = 1.5  # what a driver allows in a bend
CREEP_MPS = 2.0  # the slowest bend, a U-turn
WIDE_BEND_M = 150.0
ACCELERATION_MPS2 = (0.75, 1.1)
BRAKING_MPS2 = (0.9, 1.5)
FADES_OUT_MPS = 38.0
HARSH_MPS2 = (3.0, 6.0)
HARSH_FROM_MPS = 7.0
HARSH_CHANCE = 0.14  # of a leg that is fast enough
POTHOLE_CHANCE = 0.006  # of any leg
KNOCK_CHANCE = 0.002  # of any stop: the lift hits its end


class Knot(NamedTuple):
    """The truck at one instant, and what holds until the next knot; `at_s` counts from the log's first sentence."""

    at_s: float
    spot: Spot
    speed_mps: float
    course_deg: float
    street: str
    sky: Sky
    state: State
    break_index: int | None = None
    stop: int | None = None


class Braking(NamedTuple):
    """A closing of the brake contact from `at_ms` to `ends_ms`, and what really happened.

    `severity_mps2` is the true deceleration, 0.0 for a pothole and for a knock while standing. `corroborable`
    says whether a receiver could have seen it: a real braking under an open sky.
    """

    at_ms: int
    ends_ms: int
    kind: BrakingKind
    severity_mps2: float
    corroborable: bool


class Mark(NamedTuple):
    """A place on a leg, the speed it allows, and the street that the piece after it belongs to."""

    spot: Spot
    cap_mps: float
    edge: Edge


class Truck:
    """A truck and what it has done so far; it always halts between its legs."""

    def __init__(
        self, city: City, route: list[int], along_m: float, traffic: random.Random, bumps: random.Random
    ):
        self.city = city
        self.route = route  # crossings still under the truck or ahead of it; it stands on the first arc
        self.along_m = along_m
        self.at_s = 0.0
        self.knots: list[Knot] = []
        self.brakings: list[Braking] = []
        self._traffic, self._bumps = traffic, bumps
        self._acceleration_mps2 = traffic.uniform(*ACCELERATION_MPS2)
        self._braking_mps2 = traffic.uniform(*BRAKING_MPS2)
        self._course_deg = 0.0

    @property
    def spot(self) -> Spot:
        """Where the truck stands."""
        return self.city.kerb((self.route[0], self.route[1]), self.along_m)

    @property
    def arc(self) -> Arc:
        """The last arc of the route: the one on which the next halt will be."""
        return self.route[-2], self.route[-1]

    def stand(
        self, seconds: float, state: State, *, break_index: int | None = None, stop: int | None = None
    ) -> None:
        """Stay where the truck is for a while."""
        edge = self.city.arcs[self.route[0], self.route[1]]
        if state in ("serving", "dumping") and self._bumps.random() < KNOCK_CHANCE:
            at_ms = round((self.at_s + self._bumps.uniform(1, seconds - 2)) * 1000)
            self.brakings.append(Braking(at_ms, at_ms + self._bumps.randrange(90, 400), "knock", 0.0, False))
        knot = Knot(
            self.at_s, self.spot, 0.0, self._course_deg, edge.name, edge.sky, state, break_index, stop
        )
        self.knots.append(knot)
        self.at_s += seconds

    def halt(self, along_m: float, state: State) -> None:
        """Drive the route ahead and come to a stand `along_m` from the start of its last arc."""
        marks = list(trace(self.city, self.route, self.along_m, along_m, self._traffic.uniform(0.84, 1.0)))
        gaps_m = [distance_m(a.spot, b.spot) for a, b in itertools.pairwise(marks)]
        braking_mps2 = [self._braking_mps2 * self._traffic.uniform(0.85, 1.15)] * len(gaps_m)
        caps = [mark.cap_mps for mark in marks]
        speeds = speed_profile(caps, gaps_m, self._acceleration_mps2, braking_mps2)
        harsh = self._harsh(speeds, gaps_m)
        if harsh is not None:
            first, last, severity = harsh
            caps[last] = speeds[last] * self._bumps.uniform(0.0, 0.15)
            braking_mps2[first:last] = [severity] * (last - first)
            speeds = speed_profile(caps, gaps_m, self._acceleration_mps2, braking_mps2)
        first_knot = len(self.knots)
        self._lay_knots(marks, gaps_m, speeds, state)
        if harsh is not None:
            self._note_harsh(first_knot, speeds, harsh)
        self._hit_pothole(first_knot)
        self.route, self.along_m = self.route[-2:], along_m

    def _lay_knots(self, marks: list[Mark], gaps_m: list[float], speeds: list[float], state: State) -> None:
        for i, gap_m in enumerate(gaps_m):
            spot, edge = marks[i].spot, marks[i].edge
            if gap_m > 0.01:
                self._course_deg = _course_deg(spot, marks[i + 1].spot)
            knot = Knot(self.at_s, spot, speeds[i], self._course_deg, edge.name, edge.sky, state)
            self.knots.append(knot)
            self.at_s += 2 * gap_m / (speeds[i] + speeds[i + 1]) if gap_m > 0 else 0.0

    def _harsh(self, speeds: list[float], gaps_m: list[float]) -> tuple[int, int, float] | None:
        """Where on this leg someone steps hard on the brake: first and last mark, deceleration; None mostly."""
        fast = [i for i, speed in enumerate(speeds) if speed >= HARSH_FROM_MPS]
        if not fast or self._bumps.random() >= HARSH_CHANCE:
            return None
        severity, last = self._bumps.uniform(*HARSH_MPS2), self._bumps.choice(fast)
        needed_m, first = speeds[last] ** 2 / (2 * severity), last
        while first > 0 and needed_m > 0:
            first -= 1
            needed_m -= gaps_m[first]
        braked_anyway = any(speeds[i + 1] < speeds[i] for i in range(first, last))
        return None if needed_m > 0 or braked_anyway else (first, last, severity)

    def _note_harsh(self, first_knot: int, speeds: list[float], harsh: tuple[int, int, float]) -> None:
        first, last, severity = harsh
        while speeds[first + 1] >= speeds[first]:
            first += 1
        start_ms = round(self.knots[first_knot + first].at_s * 1000) + self._bumps.randrange(50, 250)
        ends_ms = max(start_ms + 100, round(self.knots[first_knot + last].at_s * 1000))
        seen = self.knots[first_knot + first].sky != "tunnel"
        self.brakings.append(Braking(start_ms, ends_ms, "braking", round(severity, 2), seen))

    def _hit_pothole(self, first_knot: int) -> None:
        if self._bumps.random() < POTHOLE_CHANCE and self.at_s - self.knots[first_knot].at_s > 5:
            at_ms = round(self._bumps.uniform(self.knots[first_knot].at_s + 2, self.at_s - 2) * 1000)
            self.brakings.append(
                Braking(at_ms, at_ms + self._bumps.randrange(40, 160), "pothole", 0.0, False)
            )


def speed_profile(
    caps_mps: list[float], gaps_m: list[float], acceleration_mps2: float, braking_mps2: list[float]
) -> list[float]:
    """The greatest speed at each mark, from standstill to standstill, under caps, acceleration and braking.

    `gaps_m[i]` and `braking_mps2[i]` belong to the piece after mark `i`. A truck's acceleration fades with speed:
    at FADES_OUT_MPS there is none left.
    """
    speeds = [0.0]
    for cap, gap_m in zip(caps_mps[1:], gaps_m, strict=True):
        speed = speeds[-1]
        gained = 2 * acceleration_mps2 * (1 - speed / FADES_OUT_MPS) * gap_m
        speeds.append(min(cap, math.sqrt(speed * speed + gained)))
    speeds[-1] = 0.0
    for i in range(len(gaps_m) - 1, -1, -1):
        speeds[i] = min(speeds[i], math.sqrt(speeds[i + 1] ** 2 + 2 * braking_mps2[i] * gaps_m[i]))
    return speeds


def trace(city: City, route: list[int], start_m: float, end_m: float, pace: float) -> Iterator[Mark]:
    """Marks along a route, from `start_m` on its first arc to `end_m` on its last; `pace` scales the limits."""
    along_m = start_m
    for i, arc in enumerate(itertools.pairwise(route)):
        edge = city.arcs[arc]
        if i == len(route) - 2:
            yield from _straight(city, arc, along_m, end_m, pace)
            yield Mark(city.kerb(arc, end_m), edge.limit_mps, edge)
            return
        beyond = arc[1], route[i + 2]
        angle = abs(turn_rad(city.unit(arc), city.unit(beyond)))
        reach_m = _reach_m(edge, city.arcs[beyond], angle)
        yield from _straight(city, arc, along_m, edge.length_m - reach_m, pace)
        if reach_m > 0:
            yield from _bend(city, arc, beyond, angle, reach_m, pace)
        along_m = reach_m


def _straight(city: City, arc: Arc, from_m: float, to_m: float, pace: float) -> Iterator[Mark]:
    """Marks in a lane, without the last one."""
    edge = city.arcs[arc]
    pieces = max(2, math.ceil((to_m - from_m) / (FAST_STEP_M if edge.fast else STEP_M)))
    for i in range(pieces):
        yield Mark(city.kerb(arc, from_m + (to_m - from_m) * i / pieces), edge.limit_mps * pace, edge)


def _reach_m(edge: Edge, beyond: Edge, angle: float) -> float:
    """How far before and after the crossing the bend reaches; 0 where the road goes straight on."""
    if angle < 0.05:
        return 0.0
    if edge.fast and beyond.fast and angle < 1.0:
        return min(WIDE_BEND_M, 0.3 * edge.length_m, 0.3 * beyond.length_m)
    return min(corner_m(edge), corner_m(beyond))


def _bend(city: City, arc: Arc, beyond: Arc, angle: float, reach_m: float, pace: float) -> Iterator[Mark]:
    """Marks round a corner on a quadratic curve, without the last one."""
    edge = city.arcs[arc]
    enter, leave = city.kerb(arc, edge.length_m - reach_m), city.kerb(beyond, reach_m)
    peak = _lanes_meet(city.crossings[arc[1]], city.unit(arc), city.unit(beyond), angle)
    cap_mps = max(CREEP_MPS, math.sqrt(SIDEWAYS_MPS2 * reach_m / math.tan(min(angle, 3.1) / 2)))
    pieces = max(4, math.ceil(2 * reach_m / FAST_STEP_M))
    for i in range(pieces):
        t = i / pieces
        before, between, after = (1 - t) ** 2, 2 * t * (1 - t), t * t
        spot = Spot(
            before * enter.east_m + between * peak.east_m + after * leave.east_m,
            before * enter.north_m + between * peak.north_m + after * leave.north_m,
        )
        yield Mark(spot, min(cap_mps, edge.limit_mps * pace), edge)


def _lanes_meet(node: Spot, unit: Spot, unit_after: Spot, angle: float) -> Spot:
    """Where the lanes before and after a crossing cross; for a U-turn, beyond the crossing."""
    if angle > 2.4:
        return offset(node, unit, CREEP_MPS)
    right_m = LANE_M / (1 + math.cos(angle))
    return offset(offset(node, unit, 0, right_m), unit_after, 0, right_m)


def _course_deg(a: Spot, b: Spot) -> float:
    return math.degrees(math.atan2(b.east_m - a.east_m, b.north_m - a.north_m)) % 360.0


class Sample(NamedTuple):
    """The truck between two knots: where, how fast, and the knot that rules there."""

    spot: Spot
    speed_mps: float
    knot: Knot


def sample(knots: list[Knot], instants_s: Iterator[float]) -> Iterator[Sample]:
    """The truck at ascending instants; after the last knot it stands there."""
    times = [knot.at_s for knot in knots]
    for at_s in instants_s:
        i = bisect.bisect_right(times, at_s) - 1
        yield _between(knots[i], knots[min(i + 1, len(knots) - 1)], at_s)


def _between(knot: Knot, after: Knot, at_s: float) -> Sample:
    """Constant acceleration along the straight piece between two knots."""
    lasts_s, since_s = after.at_s - knot.at_s, at_s - knot.at_s
    if lasts_s <= 0 or knot.speed_mps + after.speed_mps == 0:
        return Sample(knot.spot, 0.0, knot)
    gained_mps = (after.speed_mps - knot.speed_mps) * since_s / lasts_s
    share = (knot.speed_mps + gained_mps / 2) * since_s / ((knot.speed_mps + after.speed_mps) / 2 * lasts_s)
    east_m = knot.spot.east_m + share * (after.spot.east_m - knot.spot.east_m)
    north_m = knot.spot.north_m + share * (after.spot.north_m - knot.spot.north_m)
    return Sample(Spot(east_m, north_m), knot.speed_mps + gained_mps, knot)
