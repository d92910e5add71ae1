"""Fewer points for the same line: simplification with a bound, in one pass.

From each kept point the widest sector of directions is tracked in which a straight line passes within the
tolerance of everything skipped so far; the point before the sector closes is kept next. Every input point then
lies within the tolerance of the kept line. The method is that of Williams (1978) and of Sklansky and Gonzalez
(1980); an optimal choice of points would keep a few per cent fewer.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from typing import NamedTuple


class Spot(NamedTuple):
    """A point of a path on a plane: metres east and north, metres and seconds run since the path began.

    `second` is the second of the service day, for agreements that publish a time for each point.
    """

    x_m: float
    y_m: float
    run_m: float
    running_s: float
    second: int

    def __repr__(self) -> str:
        return "Spot(…)"

    def __str__(self) -> str:
        return repr(self)


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
