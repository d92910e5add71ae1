"""A flat plane in metres on which the simulated city is built, and its way back to degrees.

`east_m` and `north_m` count from the city's origin. The plane bends less than 0.3 % over the 25 km used here.
Square roots instead of `math.hypot`, and loops instead of `sum`, keep results equal between Python releases.
"""

from __future__ import annotations

import math
import random
from collections.abc import Sequence
from typing import NamedTuple

METRES_A_DEGREE = 111_195.08  # of a sphere with the Earth's mean radius


class Spot(NamedTuple):
    """A point of the plane, metres from the origin."""

    east_m: float
    north_m: float


class Origin(NamedTuple):
    """Where on Earth the plane's zero lies."""

    latitude_deg: float
    longitude_deg: float

    def degrees(self, east_m: float, north_m: float) -> tuple[float, float]:
        """Latitude and longitude, in that order, of a point of the plane."""
        along_deg = METRES_A_DEGREE * math.cos(math.radians(self.latitude_deg))
        return self.latitude_deg + north_m / METRES_A_DEGREE, self.longitude_deg + east_m / along_deg


def chance(seed: int, purpose: str) -> random.Random:
    """A source of chance of its own for each purpose, so that one more draw here moves nothing there."""
    return random.Random(f"fairhaul {seed} {purpose}")


def distance_m(a: Spot, b: Spot) -> float:
    """Straight distance."""
    east_m, north_m = b.east_m - a.east_m, b.north_m - a.north_m
    return math.sqrt(east_m * east_m + north_m * north_m)


def toward(a: Spot, b: Spot) -> Spot:
    """The unit vector from `a` to `b`; the two must differ."""
    length_m = distance_m(a, b)
    return Spot((b.east_m - a.east_m) / length_m, (b.north_m - a.north_m) / length_m)


def offset(start: Spot, unit: Spot, along_m: float, right_m: float = 0.0) -> Spot:
    """The point `along_m` on from `start` in direction `unit` and `right_m` to the right of it."""
    return Spot(
        start.east_m + unit.east_m * along_m + unit.north_m * right_m,
        start.north_m + unit.north_m * along_m - unit.east_m * right_m,
    )


def turn_rad(before: Spot, after: Spot) -> float:
    """Angle between two unit vectors: 0 straight on, positive to the left, pi for a U-turn."""
    cross = before.east_m * after.north_m - before.north_m * after.east_m
    dot = before.east_m * after.east_m + before.north_m * after.north_m
    return math.atan2(cross, dot)


def hull(spots: Sequence[Spot]) -> list[Spot]:
    """Convex hull, counter-clockwise, not closed (Andrew's monotone chain)."""

    def chain(ordered: Sequence[Spot]) -> list[Spot]:
        kept: list[Spot] = []
        for spot in ordered:
            while len(kept) > 1 and _left_of(kept[-2], kept[-1], spot) <= 0:
                kept.pop()
            kept.append(spot)
        return kept[:-1]

    ordered = sorted(spots)
    return chain(ordered) + chain(ordered[::-1])


def _left_of(a: Spot, b: Spot, spot: Spot) -> float:
    """Twice the area of the triangle; positive when `spot` lies left of the line from `a` to `b`."""
    return (b.east_m - a.east_m) * (spot.north_m - a.north_m) - (b.north_m - a.north_m) * (
        spot.east_m - a.east_m
    )


def outside_m(convex: Sequence[Spot], spot: Spot) -> float:
    """Distance from `spot` to a convex, counter-clockwise ring; 0 inside and on it."""
    sides = list(zip(convex, [*convex[1:], convex[0]], strict=True))
    if all(_left_of(a, b, spot) >= 0 for a, b in sides):
        return 0.0
    return min(_from_side_m(a, b, spot) for a, b in sides)


def _from_side_m(a: Spot, b: Spot, spot: Spot) -> float:
    """Distance from a spot to the line piece from `a` to `b`."""
    unit, length_m = toward(a, b), distance_m(a, b)
    along_m = (spot.east_m - a.east_m) * unit.east_m + (spot.north_m - a.north_m) * unit.north_m
    return distance_m(spot, offset(a, unit, min(max(along_m, 0.0), length_m)))
