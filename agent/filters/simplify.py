"""Fewer points for the same line: simplification with a bound, in one pass.

From each kept point the widest sector of directions is tracked in which a straight line passes within the
tolerance of everything skipped so far; the point before the sector closes is kept next. Every input point then
lies within the tolerance of the kept line. The method is that of Williams (1978) and of Sklansky and Gonzalez
(1980); an optimal choice of points would keep a few per cent fewer.

Where the agreement publishes an exact time for each point, the line must also be right in time: the distance is
then the synchronised Euclidean one, between where the truck was and where the line says it was at that second
(Meratnia and de By, 2004), kept below the tolerance by halving at the worst point.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from typing import NamedTuple

from agent.guarded import guarded


@guarded
class Spot(NamedTuple):
    """A point of a path on a plane: metres east and north, metres and seconds run since the path began.

    `second` is the second of the service day, for agreements that publish a time for each point. `stands`: the
    truck came to stand here.
    """

    x_m: float
    y_m: float
    run_m: float
    running_s: float
    second: int
    stands: bool = False


def simplified(path: Sequence[Spot], tolerance_m: float) -> list[Spot]:
    """The points of `path` to keep: its ends, and enough between that no point is `tolerance_m` off the line."""
    if len(path) <= 2:
        return list(path)
    kept = [path[0]]
    sector = _Sector(path[0], tolerance_m)
    for before, spot in itertools.pairwise(path[1:]):
        if not sector.admits_line_past(before, spot):
            kept.append(before)
            sector = _Sector(before, tolerance_m)
    kept.append(path[-1])
    return kept


def synchronised(path: Sequence[Spot], tolerance_m: float) -> list[Spot]:
    """The points of `path` to keep so that at each spot's second the line is within `tolerance_m` of the spot."""
    keep = {0, len(path) - 1}
    pieces = [(0, len(path) - 1)]
    while pieces:
        first, last = pieces.pop()
        worst = max(range(first + 1, last), key=lambda i: _late_m(path, first, i, last), default=None)
        if worst is not None and _late_m(path, first, worst, last) > tolerance_m:
            keep.add(worst)
            pieces += [(first, worst), (worst, last)]
    return [path[index] for index in sorted(keep)] if path else []


def _late_m(path: Sequence[Spot], first: int, index: int, last: int) -> float:
    """Metres between a spot and where the line from `first` to `last` is at its second."""
    a, spot, b = path[first], path[index], path[last]
    lasts_s = b.second - a.second
    # Within one second, and where the clock was set back, spots count as evenly spread.
    share = (spot.second - a.second) / lasts_s if lasts_s > 0 else (index - first) / (last - first)
    share = min(1.0, max(0.0, share))
    return math.hypot(spot.x_m - a.x_m - share * (b.x_m - a.x_m), spot.y_m - a.y_m - share * (b.y_m - a.y_m))


class _Sector:
    """The directions from `start` that pass within `tolerance_m` of every point seen."""

    def __init__(self, start: Spot, tolerance_m: float) -> None:
        self._start = start
        self._tolerance_m = tolerance_m
        self._middle: float | None = None
        self._low = -math.pi
        self._high = math.pi
        self._farthest_m = 0.0

    def admits_line_past(self, skipped: Spot, end: Spot) -> bool:
        """Take `skipped` into the sector and say whether the straight line to `end` still passes all points."""
        self._skip(skipped)
        east, north = end.x_m - self._start.x_m, end.y_m - self._start.y_m
        far_m = math.hypot(east, north)
        if far_m < self._farthest_m:  # it turned back: what was skipped would stick out beyond the line's end
            return self._farthest_m <= self._tolerance_m
        if self._middle is None:
            return True
        return self._low <= _turn(math.atan2(north, east) - self._middle) <= self._high

    def _skip(self, spot: Spot) -> None:
        east, north = spot.x_m - self._start.x_m, spot.y_m - self._start.y_m
        far_m = math.hypot(east, north)
        self._farthest_m = max(self._farthest_m, far_m)
        if far_m <= self._tolerance_m:
            return
        bearing = math.atan2(north, east)
        if self._middle is None:
            self._middle = bearing
        half = math.asin(self._tolerance_m / far_m)
        offset = _turn(bearing - self._middle)
        self._low = max(self._low, offset - half)
        self._high = min(self._high, offset + half)


def _turn(angle: float) -> float:
    return (angle + math.pi) % (2 * math.pi) - math.pi
