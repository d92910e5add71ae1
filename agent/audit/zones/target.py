"""What an attacker on a hidden place starts from: the ground on which it can lie, and what that alone is worth."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import shapely
from scipy.spatial import cKDTree

from agent.audit.case import Floats, Hidden, HiddenKind


class Target(NamedTuple):
    """A hidden place without its place.

    `ground`: for a place off limits what the agreement draws, margin included; else a disc that is off by chance.
    """

    kind: HiddenKind
    ground: shapely.Polygon

    @property
    def middle_m(self) -> Floats:
        """The ground's centroid, shape (2,)."""
        return np.array(self.ground.centroid.coords[0])

    def clipped(self, guess_m: Floats) -> Floats:
        """The guess, or the nearest place of the ground when it lies outside."""
        point = shapely.Point(guess_m)
        if self.ground.intersects(point):
            return guess_m
        return np.array(shapely.shortest_line(self.ground, point).coords[0])

    def apart_m(self, places_m: Floats) -> Floats:
        """How far each place lies from the ground, 0 within it; (n, 2) in, (n,) out."""
        return np.asarray(shapely.distance(self.ground, shapely.points(places_m)), np.float64)


def without_place(hidden: Hidden) -> Target:
    """What of a hidden place an attack is given."""
    return Target(hidden.kind, hidden.ground)


def blind(target: Target) -> Floats:
    """The guess of someone who has seen no byte: the middle of the ground, shape (2,)."""
    return target.clipped(target.middle_m)


def by_map(target: Target, streets_m: Floats) -> Floats | None:
    """The guess of someone with a street map, who has seen no byte either: the place on a street that is farthest
    from all streets outside the ground; None where the map has none inside, or none outside.

    `streets_m`: places along all streets, (n, 2).
    """
    inside = target.apart_m(streets_m) == 0
    if inside.all() or not inside.any():
        return None
    depths_m = cKDTree(streets_m[~inside]).query(streets_m[inside])[0]
    return np.asarray(streets_m[inside][depths_m.argmax()], np.float64)


def chance(target: Target, place_m: Sequence[float], within_m: float) -> float:
    """How likely a random place of the ground, each as likely as any other, is within `within_m` of the secret."""
    disc = shapely.Point(*place_m).buffer(within_m, quad_segs=32)
    return float(target.ground.intersection(disc).area / target.ground.area)
