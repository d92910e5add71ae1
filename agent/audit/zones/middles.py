"""The middle of the cuts: the simplest attacks, and the discovery of zones of which nothing was known."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import shapely

from agent.audit.case import Floats, Seen
from agent.audit.zones.circle_fit import RADII_M, fitted, ways_of
from agent.audit.zones.cut_points import Cut, clustered, cuts_of, facing_cuts, gaps, places
from agent.audit.zones.target import Target

LINKED_M = 150.0  # the cuts of one zone are no farther apart than streets are
ZONES_MAX = 8
ENOUGH_PLACES = 4  # for a circle; below that the middle has to do


def centroid_of_cuts(days: Sequence[Seen], target: Target) -> Floats | None:
    """The mean of the places at which lines are cut near the ground."""
    found = places(facing_cuts(days, target))
    return np.mean([place.place_m for place in found], axis=0) if found else None


def centroid_of_hull(days: Sequence[Seen], target: Target) -> Floats | None:
    """The middle of the convex hull of those places."""
    found = places(facing_cuts(days, target))
    return _hull_middle_m(np.array([place.place_m for place in found])) if found else None


def _hull_middle_m(places_m: Floats) -> Floats:
    return np.array(shapely.MultiPoint(places_m).convex_hull.centroid.coords[0])


def discovered(days: Sequence[Seen]) -> Floats:
    """Centres of up to ZONES_MAX zones found by clustering line ends, shape (n, 2); the most often cut first.

    Nothing is known beforehand (Hassan et al., USENIX Security 2018, and the endpoint clusters before it).
    """
    cuts = cuts_of(gaps(days))
    if not cuts:
        return np.empty((0, 2))
    labels, ways_m = clustered(np.array([cut.place_m for cut in cuts]), LINKED_M), ways_of(days)
    often = np.argsort(-np.bincount(labels), kind="stable")[:ZONES_MAX]
    groups = [[cut for cut, each in zip(cuts, labels, strict=True) if each == label] for label in often]
    return np.array([_zone_m(group, ways_m) for group in groups])


def _zone_m(cuts: Sequence[Cut], ways_m: Floats) -> Floats:
    """The centre of one cluster: of a circle if there is a good one, else the middle of its hull."""
    found = places(cuts)
    if len(found) >= ENOUGH_PLACES:
        circle = fitted(cuts, ways_m, RADII_M)
        if circle is not None and circle.places >= ENOUGH_PLACES:
            return circle.centre_m
    return _hull_middle_m(np.array([place.place_m for place in found]))


def zone_discovery(days: Sequence[Seen], target: Target) -> Floats | None:
    """Of the zones discovered on the ground the one that is cut most often, else the nearest one."""
    centres_m = discovered(days)
    if not len(centres_m):
        return None
    return np.asarray(centres_m[target.apart_m(centres_m).argmin()])  # of equals, argmin takes the first
