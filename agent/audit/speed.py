"""Speed read from the track: above the ceiling, and at a place shorter than a stretch.

What may be read is the mean over a line. How much of the speed at a place the published points tell beyond that is
measured against two placebos: the same points in another order, and another day's points at the same place. The
first says what the line's shape gives away (trucks slow down in bends, whoever drives), the second what this day's
line gives away beyond what the street does.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
from sklearn.ensemble import HistGradientBoostingRegressor
from sklearn.model_selection import GroupKFold
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped,unused-ignore]

from agent.audit.case import Case, Floats, Ints, Line, Route, interpolated, run_m
from agent.audit.guessing import Share

PLACE_STEP_M = 1.2  # how far apart two published places are at least, along one axis
EXACT_S = 1.0  # receivers speak on the second: times in whole seconds are exact
STEP_M = 5.0  # between the places of a line at which the speed is read
ROWS_MAX = 2_000  # seconds of a day that are judged
MOVING_MPS = 0.5
FAR_M, NEAR_M = 30.0, 12.0  # the truth further off than this was not published
ROUND_M = 50.0
TRAIN_ROWS_MAX = 40_000
FOLDS = 5


def speeding(routes: Sequence[Route], ceiling_mps: float) -> Share:
    """The published lines that say, themselves or between some two of their points, more than the ceiling.

    A stretch never shows less time than its length takes at the ceiling, rounded up, so its running time is taken
    at its word. Times that are rounded down to minutes are given a minute. Lines without any time are no trials.
    """
    said = [
        _is_above(line, ceiling_mps)
        for route in routes
        for case in route.cases
        for line in case.seen.lines
        if _says_time(line)
    ]
    return Share(sum(said), len(said))


def _says_time(line: Line) -> bool:
    return math.isfinite(line.running_s) or line.seconds is not None


def _is_above(line: Line, ceiling_mps: float) -> bool:
    length_m = line.length_m - PLACE_STEP_M
    if math.isfinite(line.running_s) and length_m > ceiling_mps * line.running_s:
        return True
    if line.seconds is None or len(line.points_m) < 2:
        return False
    # The way ahead of a truck at the ceiling: where it rises, this one was faster.
    ahead_m = run_m(line.points_m) - ceiling_mps * line.seconds
    rise_m = ahead_m - np.minimum.accumulate(ahead_m)
    return bool(rise_m.max() > ceiling_mps * _slack_s(line.seconds) + PLACE_STEP_M)


def _slack_s(seconds: Floats) -> float:
    """What published times are rounded down to; 0 where they are exact."""
    if not np.equal(seconds, np.round(seconds)).all():
        return 0.0
    step_s = float(np.gcd.reduce(np.diff(seconds).astype(np.int64), initial=0))
    # A line within one minute shows no difference, and so no step: it says nothing.
    return 0.0 if step_s == EXACT_S else step_s or math.inf


class LocalSpeed(NamedTuple):
    """How much of the true speed while moving is explained (R², 1 is all, NaN: nothing to judge) by what is published.

    `by_line`: length and mean speed of the line. `by_place`: also what the points round the place show.
    `by_shuffled`: the same, shuffled within each line. `by_other_day`: the points of another day at this place.
    """

    seconds: int
    by_line: float
    by_place: float
    by_shuffled: float
    by_other_day: float

    @property
    def gain(self) -> float:
        """What the points tell beyond the line's mean, the street's shape included."""
        return self.by_place - self.by_shuffled

    @property
    def gain_over_street(self) -> float:
        """What the points of this day tell beyond those of another day at the same places."""
        return self.by_place - self.by_other_day


class _Readings(NamedTuple):
    """For each second that is judged: the truth, its line (unique over all days), and what is published of it."""

    mps: Floats
    line: Ints
    of_line: Floats
    of_place: Floats
    of_other_day: Floats


def local_speed(routes: Sequence[Route], seed: int) -> LocalSpeed:
    """How well an attacker reads the speed at a place, trained on the other routes' days with their truth."""
    rng = np.random.default_rng(seed)
    parts, groups = [], []
    for number, route in enumerate(routes):
        for readings in _of_route(route):
            parts.append(readings)
            groups.append(np.full(len(readings.mps), number))
    if len({group[0] for group in groups if len(group)}) < 2:
        return LocalSpeed(0, math.nan, math.nan, math.nan, math.nan)
    group, all_ = np.concatenate(groups), _joined(parts)
    shuffled = all_.of_place[_shuffled_within(all_.line, rng)]
    seen = [None, all_.of_place, shuffled, all_.of_other_day]
    models = [all_.of_line if each is None else np.column_stack([all_.of_line, each]) for each in seen]
    return LocalSpeed(len(all_.mps), *(_explained(model, all_.mps, group, seed) for model in models))


def _of_route(route: Route) -> list[_Readings]:
    """One day after the other; the other day of the last one is the first."""
    shown = [_shown(case) for case in route.cases]
    others = shown[-1:] + shown[:-1] if len(shown) > 1 else [_shown_nothing()] * len(shown)
    return [_readings(*each) for each in zip(route.cases, shown, others, strict=True)]


class _Shown(NamedTuple):
    """What a day's lines show at each place of theirs, in order."""

    places_m: Floats
    line: Ints
    of_line: Floats
    of_place: Floats


PLACE_FEATURES = 15


def _shown_nothing() -> _Shown:
    return _Shown(np.empty((0, 2)), np.empty(0, np.int64), np.empty((0, 2)), np.empty((0, PLACE_FEATURES)))


def _shown(case: Case) -> _Shown:
    lines = [
        _shown_of(number, line)
        for number, line in enumerate(case.seen.lines)
        if len(line.points_m) > 1 and line.length_m
    ]
    return _Shown(*map(np.concatenate, zip(_shown_nothing(), *lines, strict=True)))


def _shown_of(number: int, line: Line) -> _Shown:
    at_m = run_m(line.points_m)
    along_m = np.arange(min(STEP_M, at_m[-1]) / 2, at_m[-1], STEP_M)
    of_line = np.tile([at_m[-1], at_m[-1] / _lasts_s(line)], (len(along_m), 1))
    places_m = interpolated(along_m, at_m, line.points_m)
    return _Shown(places_m, np.full(len(along_m), number), of_line, _of_places(line, at_m, along_m))


def _lasts_s(line: Line) -> float:
    """The line's running time, else what its points say; NaN where neither does."""
    if math.isfinite(line.running_s):
        return line.running_s or math.nan
    return float(line.seconds[-1] - line.seconds[0]) or math.nan if line.seconds is not None else math.nan


def _of_places(line: Line, at_m: Floats, along_m: Floats) -> Floats:
    """Round each place: spacing of the points, turns, how straight the way is, and speeds where times are published."""
    last = len(at_m) - 2
    at = np.clip(np.searchsorted(at_m, along_m, "right") - 1, 0, last)
    spacing_m, turn = np.diff(at_m), _turns(line.points_m)
    speed_mps = _speeds(line, at_m)
    near = [np.clip(at + by, 0, last) for by in (-2, -1, 0, 1, 2)]
    low_m, high_m = np.maximum(0, along_m - ROUND_M), np.minimum(at_m[-1], along_m + ROUND_M)
    density = np.searchsorted(at_m, high_m) - np.searchsorted(at_m, low_m)
    chord_m = np.subtract(*(interpolated(end_m, at_m, line.points_m) for end_m in (high_m, low_m)))
    straight = np.hypot(*chord_m.T) / np.maximum(1e-9, high_m - low_m)
    columns = [
        *(spacing_m[index] for index in near[1:4]),
        along_m - at_m[at],
        at_m[at + 1] - along_m,
        *(turn[index] for index in (at, at + 1)),
        density,
        straight,
        at_m[-1] - along_m,
        *(speed_mps[index] for index in near),
    ]
    return np.column_stack(columns).astype(np.float64)


def _turns(points_m: Floats) -> Floats:
    """By how much the way turns at each point, 0 to π; 0 at its ends."""
    bearings = np.arctan2(*np.diff(points_m, axis=0).T)
    turns = np.abs((np.diff(bearings) + np.pi) % (2 * np.pi) - np.pi)
    return np.concatenate([[0.0], turns, [0.0]])


def _speeds(line: Line, at_m: Floats) -> Floats:
    """Of each piece between two points, in m/s; NaN where no time is published, or none passes."""
    if line.seconds is None:
        return np.full(len(at_m) - 1, np.nan)
    lasts_s = np.diff(line.seconds)
    return np.diff(at_m) / np.where(lasts_s > 0, lasts_s, np.nan)


def _readings(case: Case, own: _Shown, other: _Shown) -> _Readings:
    moving = np.flatnonzero(case.secrets.speed_mps > MOVING_MPS)
    moving = moving[:: max(1, math.ceil(len(moving) / ROWS_MAX))]
    way_m = case.secrets.way_m[moving]
    at, off_m = in_order(way_m, own.places_m)
    there, other_off_m = in_order(way_m, other.places_m)
    elsewhere = np.full((len(way_m), PLACE_FEATURES), np.nan)
    known = other_off_m <= NEAR_M
    elsewhere[known] = other.of_place[there[known]]
    # Both days must show the place, or the lack of one of them would tell where it is.
    kept = (off_m <= NEAR_M) & (known | (not len(other.places_m)))
    at = at[kept]
    return _Readings(
        case.secrets.speed_mps[moving][kept], own.line[at], own.of_line[at], own.of_place[at], elsewhere[kept]
    )


def in_order(way_m: Floats, places_m: Floats) -> tuple[Ints, Floats]:
    """For each point of a way the place that fits best when both are gone through in order, and how far off it is.

    The sum of squared distances is least over all ways to go forward only; a distance counts FAR_M at most, so that
    what has no place of its own bends nothing. Distances are infinite where there is no place.
    """
    if not len(way_m) or not len(places_m):
        return np.zeros(len(way_m), np.int64), np.full(len(way_m), np.inf)
    cost = np.zeros(len(places_m))
    lowest = np.empty((len(way_m), len(places_m)), np.bool_)
    for row, off2 in enumerate(_squared(way_m, places_m)):
        reached = np.minimum.accumulate(cost)
        np.equal(cost, reached, out=lowest[row])
        np.add(reached, np.minimum(off2, FAR_M**2), out=cost)
    at = np.empty(len(way_m), np.int64)
    index = int(cost.argmin())
    for row in range(len(way_m) - 1, -1, -1):
        at[row] = index
        index = int(np.flatnonzero(lowest[row, : index + 1])[-1])
    return at, np.hypot(*(places_m[at] - way_m).T)


def _squared(way_m: Floats, places_m: Floats) -> Iterator[Floats]:
    """Squared distances of each point of the way from all places; the same array each time."""
    east_m, north_m = (np.ascontiguousarray(axis) for axis in places_m.T)
    off2, more = np.empty(len(places_m)), np.empty(len(places_m))
    for point_m in way_m:
        np.square(np.subtract(east_m, point_m[0], out=off2), out=off2)
        np.square(np.subtract(north_m, point_m[1], out=more), out=more)
        yield np.add(off2, more, out=off2)


def _joined(parts: list[_Readings]) -> _Readings:
    """All days' readings, with lines told apart over all days."""
    after = itertools.accumulate((part.line.max(initial=-1) + 1 for part in parts), initial=0)
    own = [part._replace(line=part.line + offset) for part, offset in zip(parts, after, strict=False)]
    return _Readings(*(np.concatenate(column) for column in zip(*own, strict=True)))


def _shuffled_within(line: Ints, rng: np.random.Generator) -> Ints:
    """An order of all rows in which each stays within its line."""
    order = np.argsort(line, kind="stable")
    mixed = np.lexsort((rng.random(len(line)), line))
    shuffled = np.empty(len(line), np.int64)
    shuffled[order] = mixed
    return shuffled


def _explained(features: Floats, mps: Floats, group: Ints, seed: int) -> float:
    """R² of what a regressor trained on the other routes says."""
    rng, said_mps = np.random.default_rng(seed), np.empty(len(mps))
    features = np.nan_to_num(features, nan=-1.0)  # of what is not published; nothing else is negative
    folds = GroupKFold(min(FOLDS, len(np.unique(group))))
    for train, test in folds.split(features, groups=group):
        taken = rng.permutation(train)[:TRAIN_ROWS_MAX]
        model = HistGradientBoostingRegressor(max_iter=60, min_samples_leaf=100, random_state=seed)
        with threadpool_limits(1):  # on a busy machine several threads wait for each other most of the time
            said_mps[test] = model.fit(features[taken], mps[taken]).predict(features[test])
    spread = float(((mps - mps.mean()) ** 2).sum())
    return 1 - float(((mps - said_mps) ** 2).sum()) / spread if spread else math.nan
