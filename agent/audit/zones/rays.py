"""Heading rays: a truck that was heading for a place when the line was cut went on the way it went.

The lines of `Cut.into`, from both sides of every gap (as for the zones in Dhondt et al., CCS 2022). Where the cuts lie
on a circle, streets that lead to its middle get there after one and the same way; where they do not, least squares
over all rays, or the densest spot of pairwise crossings.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import shapely

from agent.audit.case import Floats, Seen
from agent.audit.zones.cut_points import Place, facing_cuts, places
from agent.audit.zones.middles import rim
from agent.audit.zones.target import Target

RAY_M = 2_000.0
AIMED_M = 50.0  # a ray that misses the ground by more is about something else
ROUNDS, OFF_M = 10, 30.0  # of reweighting; a ray that misses by this counts half
TO_THE_DEFAULT = 0.01  # so much counts the ground's middle, so that parallel rays have a nearest place
SAME_WAY_COSINE = 0.8  # two rays of one street are no two witnesses
MEETING_MIN = 0.3
ON_CIRCLE_M, ON_CIRCLE_MIN = 15.0, 0.8
CROSSING_SINE_MIN = 0.35  # flatter crossings are noise
AGREE_M = 25.0
EQUAL_LEGS_M = 15.0
PLACES_MAX = 50


def _aimed(days: Sequence[Seen], target: Target) -> list[Place]:
    """Each place at which lines are cut on their way to the ground."""
    near = target.ground.buffer(AIMED_M)
    found = [place for place in places(facing_cuts(days, target)) if place.into.any()]
    ends = [np.array([place.place_m, place.place_m + RAY_M * place.into]) for place in found]
    return [place for place, ray in zip(found, ends, strict=True) if near.intersects(shapely.LineString(ray))]


def heading_rays(days: Sequence[Seen], target: Target) -> Floats | None:
    """Where most rays get to after the radius of a round hole, else the place that all rays pass nearest."""
    guess_m = _equally_far_m([place for place in rim(days, target) if place.into.any()], target)
    return _nearest_to_all_m(_aimed(days, target), target) if guess_m is None else guess_m


def _equally_far_m(rays: Sequence[Place], target: Target) -> Floats | None:
    """On the ground; None where the rays do not begin on a circle, or no two from different directions meet."""
    if len(rays) < 2:
        return None
    at_m, into, days = _arrays(rays)
    radius_m = _radius_m(at_m)
    if radius_m is None:
        return None
    ends_m = at_m + radius_m * into
    off_m = np.hypot(*(ends_m[:, None] - ends_m[None]).transpose(2, 0, 1))
    meet = np.exp(-((off_m / AGREE_M) ** 2)) * np.sqrt(np.minimum(days[:, None], days[None]))
    meet *= (into @ into.T <= SAME_WAY_COSINE) & (target.apart_m(ends_m) == 0)[:, None]
    best = int(meet.sum(axis=1).argmax())
    if meet[best].max() < MEETING_MIN:
        return None
    meet[best, best] = meet[best].max()
    return np.asarray(np.average(ends_m, axis=0, weights=meet[best]))


def _radius_m(at_m: Floats) -> float | None:
    """Of the smallest circle round the places; None if many of them do not lie on it."""
    circle = shapely.minimum_bounding_circle(shapely.MultiPoint(at_m))
    radius_m = float(shapely.minimum_bounding_radius(shapely.MultiPoint(at_m)))
    if radius_m == 0:
        return None
    apart_m = np.hypot(*(at_m - np.array(circle.centroid.coords[0])).T)
    on_circle = np.abs(apart_m - radius_m) <= ON_CIRCLE_M
    return radius_m if on_circle.mean() >= ON_CIRCLE_MIN else None


def _solved_m(at_m: Floats, into: Floats, weights: Floats, default_m: Floats) -> Floats:
    """The place nearest to all lines by least squares; `default_m` settles what parallel lines leave open."""
    across = weights[:, None, None] * (np.eye(2) - into[:, :, None] * into[:, None, :])
    pull = TO_THE_DEFAULT * max(1.0, float(weights.sum()))
    left = across.sum(axis=0) + pull * np.eye(2)
    right = (across @ at_m[:, :, None]).sum(axis=0)[:, 0] + pull * default_m
    return np.asarray(np.linalg.solve(left, right))


def _nearest_to_all_m(rays: Sequence[Place], target: Target) -> Floats | None:
    """By least squares; rays that miss it by far count less and less."""
    if not rays:
        return None
    at_m, into, weights = _arrays(rays)
    guess_m, share = target.middle_m, np.ones(len(rays))
    for _ in range(ROUNDS):
        guess_m = _solved_m(at_m, into, weights * share, target.middle_m)
        off_m = np.abs(_cross(into, guess_m - at_m))
        share = 1 / (1 + (off_m / OFF_M) ** 2)
    return guess_m


def _cross(one: Floats, other: Floats) -> Floats:
    return np.asarray(one[:, 0] * other[:, 1] - one[:, 1] * other[:, 0])


def ray_crossings(days: Sequence[Seen], target: Target) -> Floats | None:
    """Where most rays of most days cross each other on the ground; None where none do."""
    rays = [place for place in rim(days, target) if place.into.any()][:PLACES_MAX]
    if len(rays) < 2:
        return None
    crossings_m, weights = _crossings(*_arrays(rays))
    inside = np.asarray(shapely.intersects_xy(target.ground, crossings_m), np.bool_)
    crossings_m, weights = crossings_m[inside], weights[inside]
    if not len(crossings_m):
        return None
    apart_m = np.hypot(*(crossings_m[:, None] - crossings_m[None]).transpose(2, 0, 1))
    agreement = np.exp(-((apart_m / AGREE_M) ** 2)) * weights
    dense = int(agreement.sum(axis=1).argmax())
    return np.asarray(np.average(crossings_m, axis=0, weights=agreement[dense]))


def _arrays(rays: Sequence[Place]) -> tuple[Floats, Floats, Floats]:
    """Beginnings (n, 2), directions (n, 2) and on how many days (n,)."""
    return (
        np.array([ray.place_m for ray in rays]),
        np.array([ray.into for ray in rays]),
        np.array([float(ray.days) for ray in rays]),
    )


def _crossings(at_m: Floats, into: Floats, days: Floats) -> tuple[Floats, Floats]:
    """Where two rays cross ahead of both, and the days of the rarer one, less where one is the longer."""
    one, other = np.triu_indices(len(at_m), 1)
    sine = into[one, 0] * into[other, 1] - into[one, 1] * into[other, 0]
    steep = np.abs(sine) >= CROSSING_SINE_MIN
    one, other, sine = one[steep], other[steep], sine[steep]
    between_m = at_m[other] - at_m[one]
    along_m = (between_m[:, 0] * into[other, 1] - between_m[:, 1] * into[other, 0]) / sine
    back_m = (between_m[:, 0] * into[one, 1] - between_m[:, 1] * into[one, 0]) / sine
    ahead = (along_m > 0) & (back_m > 0) & (np.maximum(along_m, back_m) <= RAY_M)
    crossings_m = at_m[one] + along_m[:, None] * into[one]
    equal = np.exp(-(((along_m - back_m) / EQUAL_LEGS_M) ** 2))
    return crossings_m[ahead], (equal * np.minimum(days[one], days[other]))[ahead]
