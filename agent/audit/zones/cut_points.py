"""Where published lines end and begin beside something that is not published: what every attack on zones works on."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from sklearn.cluster import DBSCAN

from agent.audit.case import Floats, Ints, Line, Seen
from agent.audit.zones.target import Target

HEADING_M = 30.0  # the last metres of a line say where it was heading
JOINED_M = 0.01  # one line goes on where the other ends
SAME_PLACE_M = 15.0  # a truck of 1 Hz is cut a few metres earlier or later each day
REACH_M = 350.0  # from the ground; a place off limits cuts nothing farther away
NOT_COUNTED = (math.nan, math.nan)
FACING_COSINE_MIN = 0.97
CUTS_MAX = 600  # the nearest ones; more add nothing but time


class Cut(NamedTuple):
    """An end of a published line.

    `into`: unit vector along the line towards what is hidden, zeros where the line has no length. `moment_s`,
    `speed_mps` and `odometer_m` are NaN where nothing tells them.
    """

    day: int
    place_m: Floats
    into: Floats
    moment_s: float
    speed_mps: float
    odometer_m: float = math.nan


class Gap(NamedTuple):
    """What is not published between two cuts; before the first line of a day, and behind the last, one is None."""

    before: Cut | None
    after: Cut | None

    @property
    def is_open(self) -> bool:
        """Whether the day begins or ends in it."""
        return self.before is None or self.after is None

    @property
    def cuts(self) -> list[Cut]:
        """One or two."""
        return [cut for cut in self if cut is not None]

    @property
    def hidden_s(self) -> float:
        """From one cut to the other; NaN where it is not known."""
        if self.before is None or self.after is None:
            return math.nan
        return self.after.moment_s - self.before.moment_s


class Place(NamedTuple):
    """Where lines are cut day after day: the mean of its cuts `cuts_m`, shape (n, 2), and on how many days."""

    place_m: Floats
    into: Floats
    days: int
    cuts_m: Floats


def solid(seen: Seen) -> list[Line]:
    """The lines that have at least two points."""
    return [line for line in seen.lines if len(line.points_m) > 1]


def gaps(days: Sequence[Seen]) -> list[Gap]:
    """Everything between lines that do not join, over all days."""
    found: list[Gap] = []
    for day, seen in enumerate(days):
        lines = solid(seen)
        if not lines:
            continue
        found.append(Gap(None, _cut(day, seen, lines[0], last=False)))
        for one, other in itertools.pairwise(lines):
            if np.abs(one.points_m[-1] - other.points_m[0]).max() > JOINED_M:
                found.append(Gap(_cut(day, seen, one, last=True), _cut(day, seen, other, last=False)))
        found.append(Gap(_cut(day, seen, lines[-1], last=True), None))
    return found


def facing(found: Sequence[Gap], target: Target) -> list[Gap]:
    """The gaps that the target may lie in: the depot where days begin and end, anything else nearby."""
    if target.kind == "depot":
        return [gap for gap in found if gap.is_open]
    cuts = [gap.cuts for gap in found]
    if not cuts:
        return []
    apart_m = [target.apart_m(np.array([cut.place_m for cut in each])).min() for each in cuts]
    near = [number for number in np.argsort(apart_m, kind="stable")[:CUTS_MAX] if apart_m[number] <= REACH_M]
    return [found[number] for number in sorted(near)]


def cuts_of(found: Sequence[Gap]) -> list[Cut]:
    """Both ends of each gap."""
    return [cut for gap in found for cut in gap.cuts]


def facing_cuts(days: Sequence[Seen], target: Target) -> list[Cut]:
    """The ends of the gaps that the target may lie in; off limits only those that are near themselves."""
    cuts = cuts_of(facing(gaps(days), target))
    if target.kind == "depot" or not cuts:
        return cuts
    apart_m = target.apart_m(np.array([cut.place_m for cut in cuts]))
    return [cut for cut, each_m in zip(cuts, apart_m, strict=True) if each_m <= REACH_M]


def places(cuts: Sequence[Cut]) -> list[Place]:
    """Cuts of several days at one place as one, the place of most days first."""
    if not cuts:
        return []
    labels = clustered(np.array([cut.place_m for cut in cuts]), SAME_PLACE_M)
    merged = [
        _merged([cut for cut, each in zip(cuts, labels, strict=True) if each == label])
        for label in range(labels.max() + 1)
    ]
    return sorted(merged, key=lambda place: -place.days)


def facing_pairs(found: Sequence[Place]) -> list[tuple[Place, Place]]:
    """Each two places whose lines head for each other: a street that goes straight from the one to the other."""
    if len(found) < 2:
        return []
    at_m, into = np.array([place.place_m for place in found]), np.array([place.into for place in found])
    one, other = np.triu_indices(len(at_m), 1)
    across_m = at_m[other] - at_m[one]
    lengths_m = np.maximum(np.hypot(*across_m.T), 1.0)
    ahead = (across_m * into[one]).sum(axis=1) / lengths_m
    back = -(across_m * into[other]).sum(axis=1) / lengths_m
    facing = np.flatnonzero(np.minimum(ahead, back) >= FACING_COSINE_MIN)
    return [(found[one[each]], found[other[each]]) for each in facing]


def clustered(places_m: Floats, within_m: float) -> Ints:
    """The number of its cluster for each of the places; those within `within_m` of each other are linked."""
    labels: Ints = DBSCAN(eps=within_m, min_samples=1).fit_predict(places_m)
    return labels


def _merged(cuts: Sequence[Cut]) -> Place:
    cuts_m, into = np.array([cut.place_m for cut in cuts]), np.sum([cut.into for cut in cuts], axis=0)
    return Place(cuts_m.mean(axis=0), _unit(into), len({cut.day for cut in cuts}), cuts_m)


def _cut(day: int, seen: Seen, line: Line, *, last: bool) -> Cut:
    """The last end of a line, or its first."""
    end, points_m = (-1, line.points_m) if last else (0, line.points_m[::-1])
    moment_s = _on_duty(line.arrived_s, seen) - (0.0 if last else line.running_s)
    if line.seconds is not None:
        moment_s = float(line.seconds[end])
    odometer_m = (line.odometer_m or NOT_COUNTED)[end]
    return Cut(day, points_m[-1], heading(points_m), moment_s, _speed_mps(line, last=last), odometer_m)


def _on_duty(at_s: float, seen: Seen) -> float:
    """A moment of arrival if it is one of the shift: on another day it tells nothing."""
    return at_s if seen.duty_s[0] <= at_s <= seen.duty_s[1] else math.nan


def _speed_mps(line: Line, *, last: bool) -> float:
    """How fast the truck drove beside the cut when it did drive, or the line's mean; NaN if nothing tells."""
    if line.seconds is None:
        return line.length_m / line.running_s if line.running_s > 0 else math.nan
    tail = slice(-30, None) if last else slice(30)
    steps_s = np.diff(line.seconds[tail])
    moved_m = np.hypot(*np.diff(line.points_m[tail], axis=0).T)[steps_s > 0]
    return float(np.quantile(moved_m / steps_s[steps_s > 0], 0.75)) if len(moved_m) else math.nan


def heading(points_m: Floats) -> Floats:
    """The direction of a line's last HEADING_M by least squares, as a unit vector; zeros if it has no length."""
    end_m = points_m[-1]
    far = np.flatnonzero(np.hypot(*(points_m - end_m).T) > HEADING_M)
    tail_m = points_m[far[-1] if len(far) else 0 :].copy()
    back_m = tail_m[0] - tail_m[1]
    if np.hypot(*back_m) > HEADING_M:  # a simplified line has few points: a share of its last piece is enough
        tail_m[0] = tail_m[1] + _unit(back_m) * HEADING_M
    spread_m = tail_m - tail_m.mean(axis=0)
    axis: Floats = np.linalg.svd(spread_m, full_matrices=False)[2][0]
    ahead = float(axis @ (end_m - tail_m[0]))
    return axis * np.sign(ahead) if abs(ahead) > JOINED_M else np.zeros(2)


def _unit(vector: Floats) -> Floats:
    length = float(np.hypot(*vector))
    return vector / length if length else np.zeros(2)
