"""How guesses are made and judged, the same way for every attack."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from agent.audit.case import Floats, Ints, Seen, interpolated, run_m

STEP_M = 25.0  # between the places that are looked at along a line
GUESSES = 4
APART_M = 250.0  # two guesses nearer than this would be one
NEAR_M = 150.0  # what counts as found
Z_95 = 1.959964


class Candidates(NamedTuple):
    """Every place of a vehicle-day that may be guessed, in the order of the way.

    `places_m` (n, 2); `line` (n,): index into `Seen.lines`; `along_m` (n,): from the line's beginning.
    """

    places_m: Floats
    line: Ints
    along_m: Floats


def candidates(seen: Seen) -> Candidates:
    """A place each STEP_M of every line, both ends included."""
    places, numbers, alongs = [np.empty((0, 2))], [np.empty(0, np.int64)], [np.empty(0)]
    for number, line in enumerate(seen.lines):
        along_m, places_m = spaced(line.points_m)
        places.append(places_m)
        alongs.append(along_m)
        numbers.append(np.full(len(along_m), number, np.int64))
    return Candidates(np.concatenate(places), np.concatenate(numbers), np.concatenate(alongs))


def spaced(points_m: Floats, step_m: float = STEP_M) -> tuple[Floats, Floats]:
    """Metres along a line, `step_m` apart at most, and the places there; both ends included."""
    at_m = run_m(points_m)
    along_m = np.linspace(0.0, at_m[-1], max(2, math.ceil(at_m[-1] / step_m) + 1))
    return along_m, interpolated(along_m, at_m, points_m)


def best(places_m: Floats, scores: Floats, count: int = GUESSES) -> Floats:
    """The `count` places of the highest scores, no two nearer than APART_M; ties in the order given."""
    left = np.argsort(-scores, kind="stable")
    chosen: list[Floats] = []
    while len(left) and len(chosen) < count:
        place_m = places_m[left[0]]
        chosen.append(place_m)
        left = left[np.hypot(*(places_m[left] - place_m).T) >= APART_M]
    return np.array(chosen).reshape(-1, 2)


def is_near(guesses_m: Floats, place_m: Sequence[float], within_m: float = NEAR_M) -> bool:
    """Whether any of the guesses is within `within_m` of the place."""
    return bool(len(guesses_m) and (np.hypot(*(guesses_m - np.asarray(place_m)).T) <= within_m).any())


class Share(NamedTuple):
    """So many successes of so many trials."""

    hits: float
    trials: int

    @property
    def value(self) -> float:
        """From 0 to 1; NaN without a trial."""
        return self.hits / self.trials if self.trials else math.nan

    @property
    def interval(self) -> tuple[float, float]:
        """Wilson's interval of 95 %; (0, 1) without a trial."""
        if not self.trials:
            return 0.0, 1.0
        n, p = self.trials, self.value
        middle, scale = p + Z_95**2 / (2 * n), 1 + Z_95**2 / n
        half = Z_95 * math.sqrt(p * (1 - p) / n + Z_95**2 / (4 * n * n))
        return max(0.0, (middle - half) / scale), min(1.0, (middle + half) / scale)
