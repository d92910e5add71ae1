"""The same place on another day: every candidate matched with the nearest of the other days of its route."""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

import numpy as np
from scipy.spatial import cKDTree

from agent.audit.breaks.day import Day, along_day_m, headings, share
from agent.audit.case import Bools, Floats, Ints

WITHIN_M = 20.0
HEADING_M = 25.0  # going the other way counts as twice so far away
ORDER_M = 300.0  # and so does being as much as the whole day earlier or later
LOOKED_AT = 8


class Twin(NamedTuple):
    """Another day, and for each candidate of a day the same place there.

    `at` (n,): indices into the other day's candidates; `found` (n,): whether there is one within WITHIN_M.
    """

    other: Day
    at: Ints
    found: Bools


@lru_cache(maxsize=1)  # of one day, several signals ask in turn
def twins(day: Day) -> list[Twin]:
    """The day beside each other day that has any way."""
    if not len(day.candidates.line):
        return []
    return [_twin(day, other) for other in day.others if len(other.candidates.line)]


def _twin(day: Day, other: Day) -> Twin:
    mine, theirs = _columns(day), _columns(other)
    count = min(LOOKED_AT, len(theirs))
    apart, index = (each.reshape(len(mine), count) for each in cKDTree(theirs).query(mine, count))
    away_m = np.hypot(*(theirs[index, :2] - mine[:, None, :2]).transpose(2, 0, 1))
    nearest = np.where(away_m <= WITHIN_M, apart, np.inf).argmin(axis=1)
    rows = np.arange(len(mine))
    return Twin(other, index[rows, nearest], away_m[rows, nearest] <= WITHIN_M)


def _columns(day: Day) -> Floats:
    """East, north, heading and order, all in metres."""
    order_m = ORDER_M * share(along_day_m(day))
    return np.column_stack([day.candidates.places_m, HEADING_M * headings(day.candidates), order_m])


def usual(found: list[tuple[Floats, Bools, float]], otherwise: Floats) -> Floats:
    """The weighted mean of what other days show, each as values, where they hold, and weight."""
    total, weights = np.zeros(len(otherwise)), np.zeros(len(otherwise))
    for values, here, weight in found:
        holds = here & np.isfinite(values)
        total += np.where(holds, weight * np.nan_to_num(values), 0.0)
        weights += np.where(holds, weight, 0.0)
    return np.where(weights > 0, total / np.maximum(weights, 1e-9), otherwise)
