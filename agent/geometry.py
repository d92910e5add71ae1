"""Geometry on the device: exact where it decides, metric where it measures.

Positions are whole 1e-7 degrees (`_e7`), latitude before longitude. Whether a point lies in a polygon is decided
in integers, so the answer is the same on every machine; edges count as inside. Distances are taken on a plane
that touches the sphere nearby: within 20 km of its origin they are right to about 0.2 %.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

from agent.guarded import guarded

EARTH_RADIUS_M = 6_371_008.8
M_PER_E7 = math.radians(1e-7) * EARTH_RADIUS_M  # metres for 1e-7 degree of latitude
TURN_E7 = 3_600_000_000
HALF_TURN_E7 = 1_800_000_000


@guarded
class Point(NamedTuple):
    """A position in whole 1e-7 degrees. Shows no coordinates when printed."""

    latitude_e7: int
    longitude_e7: int


class Plane:
    """Metres east (x) and north (y) of an origin, and back."""

    def __init__(self, origin: Point) -> None:
        self.origin = origin
        self._m_per_e7_east = M_PER_E7 * max(1e-6, math.cos(math.radians(origin.latitude_e7 * 1e-7)))

    def xy_m(self, point: Point) -> tuple[float, float]:
        """Metres east and north of the origin, the shorter way round the earth."""
        east_e7 = (point.longitude_e7 - self.origin.longitude_e7 + HALF_TURN_E7) % TURN_E7 - HALF_TURN_E7
        return east_e7 * self._m_per_e7_east, (point.latitude_e7 - self.origin.latitude_e7) * M_PER_E7

    def point(self, x_m: float, y_m: float) -> Point:
        """The position `x_m` east and `y_m` north of the origin."""
        longitude_e7 = self.origin.longitude_e7 + round(x_m / self._m_per_e7_east)
        return Point(
            self.origin.latitude_e7 + round(y_m / M_PER_E7),
            (longitude_e7 + HALF_TURN_E7) % TURN_E7 - HALF_TURN_E7,
        )


def point_of(published: Sequence[float]) -> Point:
    """The place of a published `[latitude_deg, longitude_deg]`."""
    latitude_deg, longitude_deg = published
    return Point(round(latitude_deg * 1e7), round(longitude_deg * 1e7))


def distance_m(a: Point, b: Point) -> float:
    """Metres between two positions near each other."""
    return math.hypot(*Plane(a).xy_m(b))


def between(a: Point, b: Point, share: float) -> Point:
    """The position that lies that share of the way from `a` to `b`, which are near each other."""
    plane = Plane(a)
    east_m, north_m = plane.xy_m(b)
    return plane.point(share * east_m, share * north_m)


class Grid:
    """A metre grid anchored at an origin; a cell is known by its centre."""

    def __init__(self, origin: Point, cell_m: float) -> None:
        self._plane = Plane(origin)
        self._cell_m = cell_m

    def centre(self, point: Point) -> Point:
        """The centre of the cell that holds `point`."""
        x_m, y_m = self._plane.xy_m(point)
        column, row = math.floor(x_m / self._cell_m), math.floor(y_m / self._cell_m)
        return self._plane.point((column + 0.5) * self._cell_m, (row + 0.5) * self._cell_m)


Ring = Sequence[Point]


class Polygon:
    """An area: an outer ring and holes, with a margin in metres round it (0 for none).

    Rings are closed implicitly. A ring may cross the antimeridian: longitudes are unwrapped from its first point.
    """

    def __init__(self, outer: Ring, holes: Sequence[Ring] = (), margin_m: float = 0.0) -> None:
        base_e7 = outer[0].longitude_e7
        self._rings = [[_unwrapped(point, base_e7) for point in ring] for ring in (outer, *holes)]
        self._margin_m = margin_m
        north = max(point.latitude_e7 for point in self._rings[0])
        south = min(point.latitude_e7 for point in self._rings[0])
        widest_deg = min(89.0, max(abs(north), abs(south)) * 1e-7)
        rise_e7 = math.ceil(margin_m / M_PER_E7) + 1
        run_e7 = math.ceil(rise_e7 / math.cos(math.radians(widest_deg)) * 1.01) if margin_m else 1
        self._south, self._north = south - rise_e7, north + rise_e7
        self._west = min(point.longitude_e7 for point in self._rings[0]) - run_e7
        self._east = max(point.longitude_e7 for point in self._rings[0]) + run_e7
        self._middle = (self._west + self._east) // 2

    def may_touch(self, other: Polygon) -> bool:
        """Whether the boxes round the two areas overlap; False is certain, True is not."""
        apart = abs((self._middle - other._middle + HALF_TURN_E7) % TURN_E7 - HALF_TURN_E7)
        wide = (self._east - self._west + other._east - other._west) // 2 + 1
        return apart <= wide and self._south <= other._north and other._south <= self._north

    def covers(self, point: Point) -> bool:
        """Whether `point` lies inside, on an edge, or within the margin."""
        if not self._south <= point.latitude_e7 <= self._north:
            return False
        near = _unwrapped(point, self._middle)
        if not self._west <= near.longitude_e7 <= self._east:
            return False
        return self._inside(near) or (self._margin_m > 0 and self._within_margin(near))

    def _inside(self, point: Point) -> bool:
        outer, *holes = (_position(point, ring) for ring in self._rings)
        return outer >= 0 and all(hole <= 0 for hole in holes)

    def _within_margin(self, point: Point) -> bool:
        plane = Plane(point)
        limit = self._margin_m
        for ring in self._rings:
            corners = [plane.xy_m(corner) for corner in ring]
            if any(
                from_origin_m(a, b) <= limit for a, b in zip(corners, corners[1:] + corners[:1], strict=True)
            ):
                return True
        return False


def _unwrapped(point: Point, base_e7: int) -> Point:
    offset = (point.longitude_e7 - base_e7 + HALF_TURN_E7) % TURN_E7 - HALF_TURN_E7
    return Point(point.latitude_e7, base_e7 + offset)


def _position(point: Point, ring: Sequence[Point]) -> int:
    """1 inside, 0 on an edge, -1 outside a ring; exact. Where a ring crosses itself, all it winds round is inside."""
    y, x = point
    windings = 0
    y1, x1 = ring[-1]
    for y2, x2 in ring:
        side = (x2 - x1) * (y - y1) - (x - x1) * (y2 - y1)
        if side == 0 and min(x1, x2) <= x <= max(x1, x2) and min(y1, y2) <= y <= max(y1, y2):
            return 0
        if (y1 > y) != (y2 > y) and (side > 0) == (y2 > y1):
            windings += 1 if y2 > y1 else -1
        y1, x1 = y2, x2
    return 1 if windings else -1


def from_origin_m(a: tuple[float, float], b: tuple[float, float]) -> float:
    """Metres from the plane's origin to the segment from `a` to `b`."""
    return segment_distance_m((0.0, 0.0), a, b)


def segment_distance_m(p: tuple[float, float], a: tuple[float, float], b: tuple[float, float]) -> float:
    """Metres from `p` to the segment from `a` to `b`, all on one plane."""
    run, rise = b[0] - a[0], b[1] - a[1]
    length2 = run * run + rise * rise
    along = 0.0 if length2 == 0 else ((p[0] - a[0]) * run + (p[1] - a[1]) * rise) / length2
    along = min(1.0, max(0.0, along))
    return math.hypot(p[0] - a[0] - along * run, p[1] - a[1] - along * rise)
