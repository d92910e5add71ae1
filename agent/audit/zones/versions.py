"""Differencing of two agreement versions: what the one published and the other does not is where the place lies."""

from __future__ import annotations

from collections.abc import Sequence

from scipy.spatial import cKDTree

from agent.audit.case import Floats, Seen
from agent.audit.zones.circle_fit import ways_of
from agent.audit.zones.stays import stays_of
from agent.audit.zones.target import Target

MISSING_M = 30.0  # a place that is farther than this from all ways of the other version is missing there


def differenced(days_before: Sequence[Seen], days_after: Sequence[Seen], target: Target) -> Floats | None:
    """The longest stay on the ways that one version lacks, else the deepest place of them; None if none is missing.

    Either version may be the wider one: a place was added to what is off limits, or one was taken away.
    """
    both_ways = ((days_before, days_after), (days_after, days_before))
    depth_m, place_m, wider, narrower = max(
        ((*_deepest(one, other, target), one, other) for one, other in both_ways), key=lambda each: each[0]
    )
    if depth_m < MISSING_M:
        return None
    stay_m = _stay_m(wider, narrower, target)
    return target.clipped(place_m if stay_m is None else stay_m)


def _deepest(one: Sequence[Seen], other: Sequence[Seen], target: Target) -> tuple[float, Floats]:
    """How far the ways of `one` on the ground get from every way of `other`, and where that is."""
    ways_m, others_m = ways_of(one), ways_of(other)
    inside_m = ways_m[target.apart_m(ways_m) == 0]
    if not len(inside_m) or not len(others_m):
        return 0.0, target.middle_m
    depths_m = cKDTree(others_m).query(inside_m)[0]
    deepest = int(depths_m.argmax())
    return float(depths_m[deepest]), inside_m[deepest]


def _stay_m(wider: Sequence[Seen], narrower: Sequence[Seen], target: Target) -> Floats | None:
    """Where the wider version shows the longest stay on the part of the ground that the narrower one lacks."""
    tree = cKDTree(ways_of(narrower))
    stays = [
        (seconds, place_m)
        for place_m, seconds in stays_of(wider)
        if target.apart_m(place_m[None])[0] == 0 and tree.query(place_m)[0] >= MISSING_M
    ]
    return max(stays, key=lambda stay: stay[0])[1] if stays else None
