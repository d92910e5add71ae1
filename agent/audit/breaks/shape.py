"""Attacks on breaks that look at the line itself: vertices, kinks, offsets, ends, and where no other day went."""

from __future__ import annotations

import numpy as np
from scipy.ndimage import uniform_filter1d
from scipy.spatial import cKDTree

from agent.audit.breaks.day import Day, by_line, headings, nothing
from agent.audit.breaks.twins import Twin, twins, usual
from agent.audit.case import Floats, run_m

ROUND_M = 40.0  # what a standstill's vertices lie within
SAME_M = 8.0  # two days' vertices nearer than this are of one bend
STRAIGHT_RAD = 0.35
OFFSET_M_MAX = 15.0
SAME_WAY = 0.97  # least cosine between two ways that are one
SIDE = 5  # candidates that a displacement is averaged over
SHOWN_MIN = 0.5  # least weight of streets that show it
ENDS_M = 100.0


def vertices(day: Day) -> Floats:
    """How many more vertices and kinks than on other days there are round a candidate."""
    mine, scores = _vertices(day), nothing(day)
    others = [(_vertices(twin.other)[twin.at], twin.found) for twin in twins(day)]
    for column in range(mine.shape[1]):
        theirs = [(rows[:, column], found, 1.0) for rows, found in others]
        scores += _scaled(mine[:, column] - usual(theirs, mine[:, column]))
    return scores


def _vertices(day: Day) -> Floats:
    """Of each candidate: vertices within ROUND_M along its line, and the turning there that turns back again."""
    found = np.zeros((len(day.candidates.line), 2))
    for number, line in enumerate(day.seen.lines):
        here = day.candidates.line == number
        at_m, turns = run_m(line.points_m), _turns_rad(line.points_m)
        first, last = (
            np.searchsorted(at_m, day.candidates.along_m[here] + side_m) for side_m in (-ROUND_M, ROUND_M)
        )
        bent, net = (np.concatenate([[0.0], each.cumsum()]) for each in (np.abs(turns), turns))
        kinks = bent[last] - bent[first] - np.abs(net[last] - net[first])
        found[here] = np.column_stack([last - first, kinks])
    return found


def _turns_rad(points_m: Floats) -> Floats:
    """By how much the line turns at each point, 0 at its ends."""
    step_m = np.diff(points_m, axis=0)
    bearings = np.arctan2(step_m[:, 1], step_m[:, 0])
    return np.pad((np.diff(bearings) + np.pi) % (2 * np.pi) - np.pi, 1)[: len(points_m)]


def _scaled(values: Floats) -> Floats:
    spread = float(values.std()) if len(values) else 0.0
    return values / spread if spread > 0 else np.zeros(len(values))


def lone_vertices(day: Day) -> Floats:
    """How many vertices of straight way lie round a candidate that no other day has.

    A standstill leaves vertices; those at bends and lights come back every day.
    """
    others = [line.points_m for other in day.others for line in other.seen.lines]
    lines = day.seen.lines
    if not others or not lines:
        return nothing(day)
    points_m = np.concatenate([line.points_m for line in lines])
    turns = np.concatenate([_turns_rad(line.points_m) for line in lines])
    away_m = cKDTree(np.concatenate(others)).query(points_m)[0]
    lone_m = points_m[(away_m > SAME_M) & (np.abs(turns) < STRAIGHT_RAD)]
    if not len(lone_m):
        return nothing(day)
    counts: Floats = cKDTree(lone_m).query_ball_point(day.candidates.places_m, ROUND_M, return_length=True)
    return counts.astype(np.float64)


def sideways(day: Day) -> Floats:
    """By how much the line's displacement from other days' lines changes at a candidate, in metres.

    What a receiver drifted while the truck stood shows as a step, or as a slow return.
    """
    found = twins(day)
    if len(day.candidates.line) <= 2 * SIDE or not found:
        return nothing(day)
    # Each other day has drift of its own: the middle of all of them is nearest to the street.
    beside_m = np.ma.masked_invalid([_left_m(day, twin) for twin in found])
    left_m: Floats = np.ma.median(beside_m, axis=0).filled(np.nan)  # type: ignore[no-untyped-call]
    ahead = headings(day.candidates)
    across = np.column_stack([-ahead[:, 1], ahead[:, 0]]) * np.isfinite(left_m)[:, None]
    # A street shows the part of a displacement that is square to it: only streets of one direction can be compared.
    parts, weights = uniform_filter1d(
        np.stack([across * np.nan_to_num(left_m)[:, None], across**2]), SIDE, axis=1
    )
    shown_m = np.where(weights > SHOWN_MIN, parts / np.maximum(weights, SHOWN_MIN), np.nan)
    reach = SIDE // 2 + 1
    steps_m = np.nan_to_num(np.roll(shown_m, -reach, axis=0) - np.roll(shown_m, reach, axis=0))
    steps_m[:reach] = steps_m[-reach:] = 0.0
    return np.asarray(np.hypot(*steps_m.T), np.float64)


def _left_m(day: Day, twin: Twin) -> Floats:
    """How far to the left of the other day's line; NaN where it cannot be compared."""
    there = twin.other.candidates
    ahead, apart_m = headings(there)[twin.at], day.candidates.places_m - there.places_m[twin.at]
    left_m = ahead[:, 0] * apart_m[:, 1] - ahead[:, 1] * apart_m[:, 0]
    same_way = (headings(day.candidates) * ahead).sum(axis=1) > SAME_WAY
    return np.where(twin.found & same_way & (np.abs(left_m) <= OFFSET_M_MAX), left_m, np.nan)


def boundaries(day: Day) -> Floats:
    """How near an end of a line is, more so of lines whose length is unusual."""
    length_m = day.lengths_m
    along_m = day.candidates.along_m
    near_m = np.minimum(along_m, by_line(day, length_m) - along_m)
    usual_m = float(np.median(length_m)) if len(length_m) else 1.0
    unusual = np.abs(length_m - usual_m) / max(usual_m, 1.0)
    scores: Floats = np.exp(-near_m / ENDS_M) * (1 + by_line(day, unusual))
    return scores


def elsewhere(day: Day) -> Floats:
    """How far into a way that no other day went a candidate lies, counted from its nearer end."""
    found = twins(day)
    if not found:
        return nothing(day)
    lone = ~np.any([twin.found for twin in found], axis=0)
    index = np.arange(len(lone), dtype=np.float64)
    before = np.maximum.accumulate(np.where(lone, -1, index))
    behind = np.minimum.accumulate(np.where(lone, len(lone), index)[::-1])[::-1]
    return np.asarray(np.minimum(index - before, behind - index), np.float64)


def out_of_order(day: Day) -> Floats:
    """How many places round a candidate are passed at another share of the way than on other days, or on no other."""
    found = twins(day)
    if not found:
        return nothing(day)
    order = np.arange(len(day.candidates.line)) / len(day.candidates.line)
    late = usual(
        [(np.abs(twin.at / len(twin.other.candidates.line) - order), twin.found, 1.0) for twin in found],
        np.ones(len(order)),
    )
    joined: Floats = uniform_filter1d(late, 9, mode="nearest")
    return joined
