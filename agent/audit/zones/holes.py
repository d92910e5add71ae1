"""Holes in what is published: empty round places with cut lines about them, which is how a zone shows itself.

Streets leave empty blocks, too, but no line ends beside those.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from scipy.spatial import cKDTree

from agent.audit.case import Floats
from agent.audit.zones.cut_points import Place
from agent.audit.zones.target import Target

GRID_M = 20.0
RADIUS_M = (40.0, 600.0)
RIM_M = 35.0  # how far the cut places of a hole lie from its edge
INWARD_MIN = 0.1  # cosine: a line that passes a hole is not cut by it
RIM_MIN = 3  # with fewer cuts about it nothing tells a hole from a block
STEPS_MAX = 150


class Hole(NamedTuple):
    """An empty disc and the places on its rim at which lines are cut."""

    centre_m: Floats
    radius_m: float
    rim: list[Place]


def holes(found: Sequence[Place], ways_m: Floats) -> list[Hole]:
    """The holes, those with the most cuts on the rim first; most cuts of each belong to no better one."""
    at_m = np.array([place.place_m for place in found]).reshape(-1, 2)
    tried, scores = (
        _tried(found, ways_m, _grid(at_m.min(axis=0), at_m.max(axis=0))) if len(found) else ([], [])
    )
    chosen: list[Hole] = []
    taken: set[int] = set()
    for number in np.argsort(-np.array(scores), kind="stable"):
        rim = {id(place) for place in tried[number].rim}
        if len(rim) >= RIM_MIN and 2 * len(rim - taken) > len(rim):
            chosen.append(tried[number])
            taken |= rim
    return chosen


def hole_at(found: Sequence[Place], ways_m: Floats, target: Target) -> Hole | None:
    """The hole with the most cuts about it of those whose middle lies on the ground; None if there is none."""
    west_m, south_m, east_m, north_m = target.ground.bounds
    centres_m = _grid(np.array([west_m, south_m]), np.array([east_m, north_m]))
    tried, scores = _tried(found, ways_m, centres_m[target.apart_m(centres_m) == 0])
    return tried[int(np.argmax(scores))] if tried else None


def _grid(low_m: Floats, high_m: Floats) -> Floats:
    """Centres each GRID_M, or farther apart where the ground is large, shape (n, 2)."""
    step_m = max(GRID_M, float((high_m - low_m).max()) / STEPS_MAX)
    axes = [np.arange(low, high + step_m, step_m) for low, high in zip(low_m, high_m, strict=True)]
    return np.stack(np.meshgrid(*axes), axis=-1).reshape(-1, 2)


def _tried(found: Sequence[Place], ways_m: Floats, centres_m: Floats) -> tuple[list[Hole], list[float]]:
    """A hole for each centre that has cuts on its rim, and how good it is: by its cuts, of equals by its size."""
    found = [place for place in found if place.into.any()]
    if not found or not len(ways_m) or not len(centres_m):
        return [], []
    at_m, into = np.array([place.place_m for place in found]), np.array([place.into for place in found])
    weights = np.sqrt([place.days for place in found])
    radii_m = cKDTree(ways_m).query(centres_m)[0]
    likely = (radii_m >= RADIUS_M[0]) & (radii_m <= RADIUS_M[1])
    centres_m, radii_m = centres_m[likely], radii_m[likely]
    ahead_m = centres_m[:, None] - at_m[None]
    apart_m = np.hypot(ahead_m[..., 0], ahead_m[..., 1])
    inward = (ahead_m * into).sum(axis=2) >= INWARD_MIN * apart_m
    rims = inward & (np.abs(apart_m - radii_m[:, None]) <= RIM_M)
    scores = rims @ weights + 1e-4 * radii_m
    numbers = np.flatnonzero(rims.any(axis=1))
    tried = [
        Hole(centres_m[each], float(radii_m[each]), [found[one] for one in np.flatnonzero(rims[each])])
        for each in numbers
    ]
    return tried, list(scores[numbers])
