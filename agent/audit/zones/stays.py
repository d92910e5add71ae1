"""Where trucks stay: the last destination of the day, and clusters of stay points.

Krumm, "Inference attacks on location tracks", Pervasive 2007 (the median of the last destinations is the home);
stay points as in Li et al., "Mining user similarity based on location history", GIS 2008, clustered over all days.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence

import numpy as np

from agent.audit.case import Floats, Line, Seen
from agent.audit.zones.cut_points import JOINED_M, Gap, clustered, gaps, solid
from agent.audit.zones.target import Target

STAY_S = 300.0
STAY_M = 40.0
GUESSED_STAY_S = 600.0  # where a day begins or ends, and in a gap of which nobody says how long it was
CLUSTER_M = 40.0
REACH_M = 500.0  # a stay farther from the ground has nothing to do with it
MEDIAN_ROUNDS = 50

Stay = tuple[Floats, float]  # where, and for how many seconds


def last_destination(days: Sequence[Seen], target: Target) -> Floats | None:
    """The geometric median of where the days begin and end."""
    del target  # what is asked for is no part of this attack
    ends_m = [cut.place_m for gap in gaps(days) if gap.is_open for cut in gap.cuts]
    return _geometric_median_m(np.array(ends_m)) if ends_m else None


def stay_points(days: Sequence[Seen], target: Target) -> Floats | None:
    """Where trucks stayed longest in all on the ground, or else nearest to it."""
    stays = list(stays_of(days))
    if not stays:
        return None
    centres_m, seconds = _clusters(stays)
    apart_m = target.apart_m(centres_m)
    if apart_m.min() > REACH_M:
        return None
    worth = np.where(apart_m == 0, seconds, -apart_m)
    return np.asarray(centres_m[int(worth.argmax())])


def stays_of(days: Sequence[Seen]) -> Iterator[Stay]:
    """Every stay that the published lines show or hint at."""
    for seen in days:
        for line in solid(seen):
            yield from _on_line(line)
        yield from _between_arrivals(seen)
    for gap in gaps(days):
        yield from _in_gap(gap)


def _on_line(line: Line) -> Iterator[Stay]:
    """Times of at least STAY_S within which the truck ended up where it had been."""
    if line.seconds is None:
        return
    later = np.searchsorted(line.seconds, line.seconds + STAY_S)
    begins = np.flatnonzero(later < len(later))
    moved_m = np.hypot(*(line.points_m[later[begins]] - line.points_m[begins]).T)
    standing = begins[moved_m <= STAY_M]
    for run in np.split(standing, np.flatnonzero(np.diff(standing) > 1) + 1):
        if len(run):
            first, last = int(run[0]), int(later[run[-1]])
            where_m = np.median(line.points_m[first : last + 1], axis=0)
            yield where_m, float(line.seconds[last] - line.seconds[first])


def _between_arrivals(seen: Seen) -> Iterator[Stay]:
    """Where one line goes on where the other ended, but came much later than its own running time says."""
    for one, other in itertools.pairwise(solid(seen)):
        late_s = other.arrived_s - one.arrived_s - other.running_s
        joins = np.abs(one.points_m[-1] - other.points_m[0]).max() <= JOINED_M
        if joins and late_s >= STAY_S and other.arrived_s <= seen.duty_s[1]:
            yield other.points_m[0], float(late_s)


def _in_gap(gap: Gap) -> Iterator[Stay]:
    """In the middle of a gap, for as long as it was hidden; short ones were only passed."""
    seconds = gap.hidden_s if np.isfinite(gap.hidden_s) else GUESSED_STAY_S
    if seconds >= STAY_S:
        yield np.mean([cut.place_m for cut in gap.cuts], axis=0), seconds


def _clusters(stays: Sequence[Stay]) -> tuple[Floats, Floats]:
    """Centres (n, 2), weighted by time, and seconds (n,) of the clusters of stays."""
    places_m, seconds = np.array([stay[0] for stay in stays]), np.array([stay[1] for stay in stays])
    labels = clustered(places_m, CLUSTER_M)
    total_s: Floats = np.bincount(labels, seconds).astype(np.float64)
    sums_m = np.column_stack([np.bincount(labels, seconds * places_m[:, axis]) for axis in (0, 1)])
    return sums_m / total_s[:, None], total_s


def _geometric_median_m(places_m: Floats) -> Floats:
    """The place with the least sum of distances (Weiszfeld's iteration)."""
    median_m: Floats = np.median(places_m, axis=0)
    for _ in range(MEDIAN_ROUNDS):
        weights = 1 / np.maximum(np.hypot(*(places_m - median_m).T), 1.0)
        median_m = np.average(places_m, axis=0, weights=weights)
    return median_m
