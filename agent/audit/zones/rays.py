"""Heading rays: a truck that was heading for a place when the line was cut went on the way it went.

The lines of `Cut.into`, from both sides of every gap. Least squares where all rays are about one place (as for
the zones in Dhondt et al., CCS 2022); the densest spot of pairwise crossings where only some are.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import shapely

from agent.audit.case import Floats, Seen
from agent.audit.zones.cut_points import Place, facing_cuts, places
from agent.audit.zones.target import Target

RAY_M = 2_000.0
AIMED_M = 50.0  # a ray that misses the ground by more is about something else
ROUNDS, OFF_M = 10, 30.0  # of reweighting; a ray that misses by this counts half
TO_THE_MIDDLE = 0.01  # how much the ground's middle counts, so that parallel rays have a nearest place
CROSSING_SINE_MIN = 0.35  # flatter crossings are noise
AGREE_M = 25.0
PLACES_MAX = 50


def _aimed(days: Sequence[Seen], target: Target) -> list[Place]:
    """Each place at which lines are cut on their way to the ground."""
    near = target.ground.buffer(AIMED_M)
    found = [place for place in places(facing_cuts(days, target)) if place.into.any()]
    ends = [np.array([place.place_m, place.place_m + RAY_M * place.into]) for place in found]
    return [place for place, ray in zip(found, ends, strict=True) if near.intersects(shapely.LineString(ray))]


def heading_rays(days: Sequence[Seen], target: Target) -> Floats | None:
    """The place that all rays pass nearest; rays that miss it by far count less and less."""
    rays = _aimed(days, target)
    if not rays:
        return None
    at_m, into, weights = _arrays(rays)
    across = np.eye(2) - into[:, :, None] * into[:, None, :]
    scale, guess_m, share = float(weights.sum()), target.middle_m, np.ones(len(rays))
    for _ in range(ROUNDS):
        each = (weights * share)[:, None, None] * across
        left = each.sum(axis=0) + TO_THE_MIDDLE * scale * np.eye(2)
        right = (each @ at_m[:, :, None]).sum(axis=0)[:, 0] + TO_THE_MIDDLE * scale * target.middle_m
        guess_m = np.linalg.solve(left, right)
        off_m = np.hypot(*(across @ (guess_m - at_m)[:, :, None])[:, :, 0].T)
        share = 1 / (1 + (off_m / OFF_M) ** 2)
    return guess_m


def ray_crossings(days: Sequence[Seen], target: Target) -> Floats | None:
    """Where most rays of most days cross each other on the ground; None where none do."""
    rays = _aimed(days, target)[:PLACES_MAX]
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
    """Where two rays cross ahead of both, and the days of the rarer one."""
    one, other = np.triu_indices(len(at_m), 1)
    sine = into[one, 0] * into[other, 1] - into[one, 1] * into[other, 0]
    steep = np.abs(sine) >= CROSSING_SINE_MIN
    one, other, sine = one[steep], other[steep], sine[steep]
    between_m = at_m[other] - at_m[one]
    along_m = (between_m[:, 0] * into[other, 1] - between_m[:, 1] * into[other, 0]) / sine
    back_m = (between_m[:, 0] * into[one, 1] - between_m[:, 1] * into[one, 0]) / sine
    ahead = (along_m > 0) & (back_m > 0) & (np.maximum(along_m, back_m) <= RAY_M)
    crossings_m = at_m[one] + along_m[:, None] * into[one]
    return crossings_m[ahead], np.minimum(days[one], days[other])[ahead]
