"""The middle of the cuts: the simplest attacks, and the discovery of zones of which nothing was known."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import shapely

from agent.audit.case import Floats, Seen
from agent.audit.zones.circle_fit import RADII_M, fitted, ways_of
from agent.audit.zones.cut_points import Place, cuts_of, facing_cuts, gaps, places
from agent.audit.zones.holes import Hole, hole_at, holes
from agent.audit.zones.target import Target

ZONES_MAX = 8
ENOUGH_PLACES = 4  # for a circle; below that the middle has to do
SIZE_OFF_MAX = 0.35  # of the hole's radius: the circles that are tried


def centroid(days: Sequence[Seen], target: Target) -> Floats | None:
    """The middle of the places at which lines are cut about the ground: of the smallest circle round them.

    Their mean would lie where streets are dense, and the middle of their hull where it is cut on one side only.
    """
    found = rim(days, target)
    if not found:
        return None
    cuts = shapely.MultiPoint(np.array([place.place_m for place in found]))
    return np.array(shapely.minimum_bounding_circle(cuts).centroid.coords[0])


def rim(days: Sequence[Seen], target: Target) -> list[Place]:
    """The cut places about the hole on the ground; where there is no hole, those that face the ground."""
    found = places(facing_cuts(days, target))
    hole = hole_at(found, ways_of(days), target) if found else None
    return hole.rim if hole else found


def discovered(days: Sequence[Seen]) -> Floats:
    """Centres of up to ZONES_MAX zones, shape (n, 2); the one with the most cuts about it first.

    Nothing is known beforehand (Hassan et al., USENIX Security 2018): a zone is a hole with cut lines about it.
    """
    ways_m = ways_of(days)
    found = holes(places(cuts_of(gaps(days))), ways_m)[:ZONES_MAX]
    return np.array([_zone_m(hole, ways_m) for hole in found]).reshape(-1, 2)


def _zone_m(hole: Hole, ways_m: Floats) -> Floats:
    """The centre of the circle through the cuts about a hole, or the hole's own where they make none."""
    radii_m = RADII_M[np.abs(RADII_M / hole.radius_m - 1) <= SIZE_OFF_MAX]
    if len(hole.rim) >= ENOUGH_PLACES and len(radii_m):
        circle = fitted(hole.rim, ways_m, radii_m)
        if circle is not None and circle.places >= ENOUGH_PLACES:
            return circle.centre_m
    return hole.centre_m


def zone_discovery(days: Sequence[Seen], target: Target) -> Floats | None:
    """Of all zones the one on the ground with the most cuts about it, else of the discovered ones the nearest."""
    ways_m = ways_of(days)
    hole = hole_at(places(facing_cuts(days, target)), ways_m, target)
    if hole is not None:
        return _zone_m(hole, ways_m)
    centres_m = discovered(days)
    return np.asarray(centres_m[target.apart_m(centres_m).argmin()]) if len(centres_m) else None
