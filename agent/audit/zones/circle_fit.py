"""Circle fit: a round zone centred on its secret is found from where it cuts lines.

Hassan et al., "Analysis of privacy protections in fitness tracking social networks", USENIX Security 2018. Instead
of random samples every pair of cut places is tried, with every radius: there are few enough. A circle is good when
many places of many days lie on it, when the lines head into it, and when nothing was ever published within it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from scipy.optimize import least_squares
from scipy.spatial import cKDTree

from agent.audit.case import Floats, Seen
from agent.audit.guessing import spaced
from agent.audit.zones.cut_points import Place, facing_cuts, places, solid
from agent.audit.zones.target import Target

ROUND_M = 200.0  # the radius that a tracker with round zones has in its settings
RADII_M = np.arange(60.0, 501.0, 10.0)  # where it has to be found out
ON_CIRCLE_M = 15.0  # a truck is cut up to a second's way outside
PLACES_MAX = 40
NEAR_GROUND_M = 20.0


class Circle(NamedTuple):
    """A circle; `places`: how many cut places it goes through."""

    centre_m: Floats
    radius_m: float
    places: int


def known_radius(days: Sequence[Seen], target: Target) -> Floats | None:
    """The centre of the best circle of ROUND_M."""
    return _centre_m(days, target, np.array([ROUND_M]))


def unknown_radius(days: Sequence[Seen], target: Target) -> Floats | None:
    """The centre of the best circle of any radius."""
    return _centre_m(days, target, RADII_M)


def _centre_m(days: Sequence[Seen], target: Target, radii_m: Floats) -> Floats | None:
    circle = fitted(places(facing_cuts(days, target)), ways_of(days), radii_m, target)
    return circle.centre_m if circle else None


def ways_of(days: Sequence[Seen]) -> Floats:
    """A place each 25 m of all that is published, shape (n, 2)."""
    return np.concatenate(
        [np.empty((0, 2)), *(spaced(line.points_m)[1] for seen in days for line in solid(seen))]
    )


def fitted(
    cut_places: Sequence[Place], ways_m: Floats, radii_m: Floats, target: Target | None = None
) -> Circle | None:
    """The best circle through the places, its centre on the target's ground if it can be; None without any."""
    found = [place for place in cut_places if place.into.any()][:PLACES_MAX]
    if not found:
        return None
    sizes, centres_m = _tried(found, radii_m)
    if target is not None:
        inside = target.apart_m(centres_m) <= NEAR_GROUND_M
        sizes, centres_m = (sizes[inside], centres_m[inside]) if inside.any() else (sizes, centres_m)
    scores, touched = _scores(centres_m, sizes, found, ways_m)
    if target is not None:  # of equals, the one that needs no byte at all
        scores = scores - 1e-5 * np.hypot(*(centres_m - target.middle_m).T)
    top = int(scores.argmax())
    circle = Circle(centres_m[top], float(sizes[top]), int(touched[top]))
    cuts_m = np.concatenate([place.cuts_m for place in cut_places])
    return _refined(circle, cuts_m, is_known=len(radii_m) == 1)


def _tried(found: Sequence[Place], radii_m: Floats) -> tuple[Floats, Floats]:
    """Radii (n,) and centres (n, 2): through each two places, and straight ahead of each one."""
    at_m, into = np.array([place.place_m for place in found]), np.array([place.into for place in found])
    one, other = np.triu_indices(len(found), 1)
    middles_m, halves_m = (at_m[one] + at_m[other]) / 2, (at_m[other] - at_m[one]) / 2
    lengths_m = np.hypot(*halves_m.T)
    aside = np.column_stack([-halves_m[:, 1], halves_m[:, 0]]) / lengths_m[:, None]
    sizes, centres_m = [], []
    for radius_m in radii_m:
        sizes.append(np.full(len(at_m), radius_m))
        centres_m.append(at_m + radius_m * into)
        fits = lengths_m <= radius_m
        rise_m = np.sqrt(radius_m**2 - lengths_m[fits] ** 2)[:, None] * aside[fits]
        sizes.append(np.full(2 * int(fits.sum()), radius_m))
        centres_m += [middles_m[fits] + rise_m, middles_m[fits] - rise_m]
    return np.concatenate(sizes), np.concatenate(centres_m)


def _scores(
    centres_m: Floats, sizes: Floats, found: Sequence[Place], ways_m: Floats
) -> tuple[Floats, Floats]:
    """How good each circle is, and how many places it touches."""
    scores, touched = np.zeros(len(sizes)), np.zeros(len(sizes))
    for place in found:
        ahead_m = centres_m - place.place_m
        apart_m = np.hypot(*ahead_m.T)
        fit = np.clip(1 - np.abs(apart_m - sizes) / ON_CIRCLE_M, 0, 1)
        inward = 0.5 + 0.5 * (ahead_m @ place.into) / np.maximum(apart_m, 1)
        scores += np.sqrt(place.days) * fit * inward
        touched += fit > 0
    nearest_m = cKDTree(ways_m).query(centres_m)[0]
    return scores * np.clip(nearest_m / sizes, 0, 1) ** 2, touched


def _refined(circle: Circle, cuts_m: Floats, *, is_known: bool) -> Circle:
    """The same circle by robust least squares over every single cut near it."""
    off_m = np.hypot(*(cuts_m - circle.centre_m).T) - circle.radius_m
    near_m = cuts_m[np.abs(off_m) <= ON_CIRCLE_M]
    if circle.places < (2 if is_known else 3):
        return circle

    def residuals_m(guess: Floats) -> Floats:
        radius_m = circle.radius_m if is_known else guess[2]
        return np.asarray(np.hypot(*(near_m - guess[:2]).T) - radius_m)

    begin = circle.centre_m if is_known else np.append(circle.centre_m, circle.radius_m)
    result = least_squares(residuals_m, begin, loss="soft_l1", f_scale=3.0).x
    if (
        np.hypot(*(result[:2] - circle.centre_m)) > 3 * ON_CIRCLE_M
    ):  # cuts in a row hold no circle: it ran away
        return circle
    return circle._replace(centre_m=result[:2], radius_m=float(circle.radius_m if is_known else result[2]))
