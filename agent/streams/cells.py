"""Places as they are published: degrees to 1e-5, and squares of a grid, known by their centres."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator

from agent.geometry import Grid, Plane, Point

LINE_M_MAX = 20_000.0  # a line longer than this was not driven, and only its ends count


def degrees(point: Point) -> dict[str, float]:
    """The published fields of a place."""
    return {
        "latitude_deg": round(point.latitude_e7 / 100) / 1e5,
        "longitude_deg": round(point.longitude_e7 / 100) / 1e5,
    }


class Cells:
    """The squares of `cell_m` on a grid anchored at `origin`."""

    def __init__(self, origin: Point, cell_m: float) -> None:
        self._grid = Grid(origin, cell_m)
        self._plane = Plane(origin)
        self._cell_m = cell_m

    def centre(self, point: Point) -> Point:
        """The centre of the square that holds `point`."""
        return self._grid.centre(point)

    def fields(self, point: Point) -> dict[str, float]:
        """The published fields of the square that holds `point`."""
        return degrees(self.centre(point))

    def crossed(self, a: Point, b: Point) -> Iterator[tuple[float, Point]]:
        """The centres of all squares that the line crosses, each with how far along: from 0 at `a` to 1 at `b`.

        After Amanatides and Woo (1987): the line is cut where it meets the grid, and each piece lies in one square.
        """
        (ax_m, ay_m), (bx_m, by_m) = self._plane.xy_m(a), self._plane.xy_m(b)
        east_m, north_m = bx_m - ax_m, by_m - ay_m
        if math.hypot(east_m, north_m) > LINE_M_MAX:
            yield from ((0.0, self.centre(a)), (1.0, self.centre(b)))
            return
        met = sorted(self._borders(ax_m, bx_m) + self._borders(ay_m, by_m))
        for enters, leaves in itertools.pairwise((0.0, *met, 1.0)):
            share = (enters + leaves) / 2
            yield share, self.centre(self._plane.point(ax_m + share * east_m, ay_m + share * north_m))

    def _borders(self, from_m: float, to_m: float) -> list[float]:
        """The shares of the way from `from_m` to `to_m`, on one axis, at which a border is met."""
        low, high = sorted((from_m / self._cell_m, to_m / self._cell_m))
        between = range(math.floor(low) + 1, math.ceil(high))
        return [(number * self._cell_m - from_m) / (to_m - from_m) for number in between]
