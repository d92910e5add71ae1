"""Trackers with one fault each, for the same vehicle-days: on one of them every attack on breaks must succeed.

They publish lines with a running time, on a later day but for one, as a daily agreement does, made from what a tracker
without Fairhaul received. An attack that finds nothing even where its own fault is planted is broken, and that it finds
nothing elsewhere proves nothing. Faults show at breaks alone: what a truck stands at sites, attackers know anyway.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

import numpy as np
import shapely
from scipy.ndimage import uniform_filter1d

from agent.audit.breaks.day import days_of_route
from agent.audit.breaks.signals import SIGNALS
from agent.audit.case import Bools, Case, Floats, Ints, Line, Route, Seen, interpolated, run_m
from agent.audit.guessing import Share, best, is_near

MOVING_MPS = 0.5
SMOOTH_S = 5
CAP_S = 20.0
ROUNDED_S = 10.0
LINE_M = 1000.0
POINT_M = 10.0
BENDS_M = 5.0
FINE_M, FINE_ROUND_M = 0.05, 30.0
AHEAD_M = 10.0
SPUR_M = 130.0
WITHHELD_M = 50.0
ASIDE_M = 12.0
SHORT_M = 250.0
PART_S = 300.0
SENT_S = 60.0
LATER_S = 80_000.0


class Way(NamedTuple):
    """What a tracker received while the truck moved on duty, one row a second, and the standstills between.

    `stood_s`: for how long the truck stood before each row; `rested`: whether that was a break.
    """

    seen: Seen
    seconds: Floats
    points_m: Floats
    stood_s: Floats
    rested: Bools

    @property
    def along_m(self) -> Floats:
        """Metres to each row."""
        return run_m(self.points_m)


def way_of(case: Case) -> Way:
    """What a tracker without Fairhaul has of a vehicle-day; `case`: as seen raw."""
    seconds, points_m = _received(case)
    speed_mps = case.secrets.speed_mps
    moving = speed_mps[np.minimum(seconds.astype(np.int64), len(speed_mps) - 1)] > MOVING_MPS
    rows = np.flatnonzero(moving)
    smooth_m = (
        uniform_filter1d(points_m[rows], SMOOTH_S, axis=0, mode="nearest") if len(rows) else points_m[:0]
    )
    stood_s = np.diff(seconds[rows], prepend=seconds[rows[:1]] - 1) - 1
    middles_s = [(taken.begins_s + taken.ends_s) / 2 for taken in case.secrets.breaks]
    behind = np.searchsorted(seconds[rows], middles_s)
    rested = np.isin(np.arange(len(rows)), behind)
    return Way(case.seen, seconds[rows], smooth_m, stood_s, rested)


def _received(case: Case) -> tuple[Floats, Floats]:
    """The seconds of the log on duty at which there was a fix, and the places."""
    lines = [line for line in case.seen.lines if line.seconds is not None]
    seconds = np.concatenate([np.empty(0), *(line.seconds for line in lines if line.seconds is not None)])
    points_m = np.concatenate([np.empty((0, 2)), *(line.points_m for line in lines)])
    begins_s, ends_s = case.seen.duty_s
    on = (seconds >= begins_s) & (seconds <= ends_s)
    return seconds[on], points_m[on]


# Lines.


def _cut(way: Way, every_m: float) -> Iterator[slice]:
    """The rows of each line of `every_m`."""
    number = (way.along_m // every_m).astype(np.int64)
    return _runs(number)


def _runs(number: Ints) -> Iterator[slice]:
    """Of rows in a row with one number; the first of the next is the last of each, so that they join."""
    ends = [0, *(np.flatnonzero(np.diff(number)) + 1), len(number)]
    for first, last in itertools.pairwise(ends):
        if min(last + 1, len(number)) - first >= 2:
            yield slice(first, min(last + 1, len(number)))


def _line(way: Way, rows: slice, cap_s: float = CAP_S) -> Line:
    """A point each POINT_M, and the running time, in which a standstill counts `cap_s` at most."""
    points_m = way.points_m[rows]
    along_m = run_m(points_m)
    at_m = np.linspace(0.0, along_m[-1], max(2, round(along_m[-1] / POINT_M) + 1))
    ran_s = len(points_m) + np.minimum(way.stood_s[rows], cap_s).sum()
    return Line(0, interpolated(at_m, along_m, points_m), ROUNDED_S * round(ran_s / ROUNDED_S), None, LATER_S)


def _seen(way: Way, lines: Iterable[Line]) -> Seen:
    numbered = [line._replace(number=number) for number, line in enumerate(lines, 1)]
    return way.seen._replace(lines=numbered, arrivals=[], connections=[], cap_s=CAP_S)


# Faults.


def published(way: Way, chance: np.random.Generator) -> Seen:
    """No fault but one: the whole way is published, detours and all."""
    return _seen(way, (_line(way, rows) for rows in _cut(way, LINE_M)))


def uncapped(way: Way, chance: np.random.Generator) -> Seen:
    """The clock runs on while the truck stands."""
    return _seen(way, (_line(way, rows, np.inf) for rows in _cut(way, SHORT_M)))


def trimmed(way: Way, chance: np.random.Generator) -> Seen:
    """A break ends the line, and so many metres round it are withheld."""
    shown = np.ones(len(way.seconds), np.bool_)
    for at_m in way.along_m[way.rested]:
        shown &= np.abs(way.along_m - at_m) > WITHHELD_M
    pieces = way.rested.cumsum() * len(way.seconds) + (way.along_m // LINE_M).astype(np.int64)
    number = np.where(shown, pieces, -1)
    return _seen(way, (_line(way, rows) for rows in _runs(number) if shown[rows][:-1].all()))


def ended(way: Way, chance: np.random.Generator) -> Seen:
    """A break ends the line."""
    pieces = way.rested.cumsum() * len(way.seconds) + (way.along_m // LINE_M).astype(np.int64)
    return _seen(way, (_line(way, rows) for rows in _runs(pieces)))


def labelled(way: Way, chance: np.random.Generator) -> Seen:
    """Lines say in which part of the day they begin."""
    lines = (
        _line(way, rows)._replace(part=int(way.seconds[rows.start] // PART_S)) for rows in _cut(way, SHORT_M)
    )
    return _seen(way, lines)


def aside(way: Way, chance: np.random.Generator) -> Seen:
    """What the receiver wandered in a break stays: the line goes on beside the street."""
    stands = np.flatnonzero(way.rested)
    by_m = chance.choice([-ASIDE_M, ASIDE_M], len(stands))[:, None] * _left(way, stands)
    shifted = way.points_m + np.concatenate([np.zeros((1, 2)), by_m])[way.rested.cumsum()]
    return published(way._replace(points_m=shifted), chance)


def _left(way: Way, stands: Ints) -> Floats:
    """A unit vector to the left of the way that led to each standstill."""
    before = np.searchsorted(way.along_m, way.along_m[stands] - AHEAD_M)
    ahead_m = way.points_m[stands] - way.points_m[before]
    left_m = np.column_stack([-ahead_m[:, 1], ahead_m[:, 0]])
    units: Floats = left_m / np.maximum(np.hypot(*left_m.T), 1e-9)[:, None]
    return units


def detoured(way: Way, chance: np.random.Generator) -> Seen:
    """For a break the truck leaves its way, and comes back to it."""
    stands = np.flatnonzero(way.rested)
    tips_m = way.points_m[stands] + SPUR_M * _left(way, stands)
    points_m = np.insert(way.points_m, stands, tips_m, axis=0)
    more = way._replace(
        seconds=np.insert(way.seconds, stands, way.seconds[stands]),
        points_m=points_m,
        stood_s=np.insert(way.stood_s, stands, 0.0),
        rested=np.insert(way.rested, stands, False),
    )
    return published(more, chance)


def pointed(way: Way, chance: np.random.Generator) -> Seen:
    """The line has points at its bends alone, and many round a break."""
    stands_m = way.along_m[way.rested]
    near: Bools = np.any(np.abs(way.along_m[:, None] - stands_m) <= FINE_ROUND_M, axis=1)
    lines = []
    for rows in _cut(way, LINE_M):
        ends = np.flatnonzero(np.diff(near[rows])) + 1
        pieces = zip(np.split(way.points_m[rows], ends), np.split(near[rows], ends), strict=True)
        kept = [_bends_m(piece, FINE_M if fine[0] else BENDS_M) for piece, fine in pieces]
        lines.append(_line(way, rows)._replace(points_m=np.concatenate(kept)))
    return _seen(way, lines)


def _bends_m(points_m: Floats, within_m: float) -> Floats:
    if len(points_m) < 2:
        return points_m
    return np.asarray(shapely.LineString(points_m).simplify(within_m).coords, np.float64)


def sent(way: Way, chance: np.random.Generator) -> Seen:
    """While the truck moves a line is sent each minute; in a break there is no connection."""
    minute = (way.seconds // SENT_S).astype(np.int64)
    lines = (
        _line(way, rows)._replace(arrived_s=SENT_S * (float(minute[rows.start]) + 1))
        for rows in _runs(minute)
    )
    drives = np.split(way.seconds, np.flatnonzero(way.rested))
    whole = [(float(drive[0]), float(drive[-1])) for drive in drives if len(drive)]
    return _seen(way, lines)._replace(connections=whole)


# Judgement.


Fault = Callable[[Way, np.random.Generator], Seen]

FAULTS: Mapping[str, Fault] = {
    "a line a minute": sent,
    "a clock that runs on": uncapped,
    "a cut and a trim at a break": trimmed,
    "a line that ends at a break": ended,
    "points at a break": pointed,
    "drift that stays": aside,
    "parts of the day on lines": labelled,
    "a way of its own to a break": detoured,
}


class Control(NamedTuple):
    """Where an attack must find breaks on the route: RAW or one of FAULTS, and the least share of them."""

    where: str
    least: float


RAW = "raw data"
CONTROLS: Mapping[str, Control] = {
    "gap in space": Control("a cut and a trim at a break", 0.9),
    "gap in time": Control(RAW, 0.9),
    "arrival deficit": Control("a line a minute", 0.9),
    "bucket deficit": Control(RAW, 0.9),
    "step change": Control(RAW, 0.9),
    "connection times": Control("a line a minute", 0.5),
    "label-flip budget": Control("parts of the day on lines", 0.4),
    "clock saturation": Control("a clock that runs on", 0.6),
    "excess over other days": Control("a clock that runs on", 0.6),
    "excess beyond lifts": Control("a clock that runs on", 0.6),
    "vertices": Control(RAW, 0.9),
    "several days' standstills": Control("points at a break", 0.6),
    "sideways after a standstill": Control("drift that stays", 0.4),
    "stretch boundaries": Control("a line that ends at a break", 0.6),
    "where no other day went": Control("a way of its own to a break", 0.5),
    "out of order": Control("a way of its own to a break", 0.5),
}


def planted(raw: Sequence[Route], seed: int) -> dict[str, Share]:
    """What each attack finds on the tracker with its own fault; `raw`: without any.

    Those whose control is RAW itself are not in it.
    """
    found: dict[str, Share] = {}
    for name, fault in FAULTS.items():
        routes = rendered(raw, fault, seed)
        attacks = [attack for attack, control in CONTROLS.items() if control.where == name]
        found |= dict(zip(attacks, alone(routes, attacks), strict=True))
    return found


def rendered(raw: Sequence[Route], fault: Fault, seed: int) -> list[Route]:
    """The same vehicle-days as a tracker with this fault shows them; `raw`: as one without Fairhaul does."""
    chance = np.random.default_rng(seed)
    return [
        route._replace(cases=[case._replace(seen=fault(way_of(case), chance)) for case in route.cases])
        for route in raw
    ]


def alone(routes: Sequence[Route], attacks: Sequence[str]) -> list[Share]:
    """How many breaks on the route each of these attacks finds, without any training."""
    hits: list[list[bool]] = [[] for _ in attacks]
    for route in routes:
        for day, case in zip(days_of_route(route), route.cases, strict=True):
            places_m = [taken.place_m for taken in case.secrets.breaks if taken.kind == "on_route"]
            for name, of_attack in zip(attacks, hits, strict=True):
                guesses_m = best(day.candidates.places_m, SIGNALS[name](day))
                of_attack += [is_near(guesses_m, place_m) for place_m in places_m]
    return [Share(sum(each), len(each)) for each in hits]
