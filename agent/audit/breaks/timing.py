"""Attacks on breaks that look at when: published times, arrivals, and the silence between them."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import numpy as np
from scipy.ndimage import maximum_filter1d, minimum_filter1d, uniform_filter1d

from agent.audit.breaks.day import (
    Day,
    along_day_m,
    by_line,
    clock_s,
    live_s,
    nothing,
    ran_s,
    runnings_s,
    share,
)
from agent.audit.case import Floats, Line, interpolated

GRID_S = 5.0
STANDS_WITHIN_M = 30.0
STANDS_S = np.geomspace(60.0, 4 * 3600.0, 72)
FADES_M = 75.0  # behind a silence the break lies about where the next way begins
HELD_BACK_M = 25.0
GAP_M_MIN = 1.0
BUCKET_S = 300.0
FLOORED_S = 60.0  # by how much a published time may be less exact
BUCKETS_JOINED = 3
SIDE = 4  # candidates on either side of a step


def gap_in_space(day: Day) -> Floats:
    """How far apart two lines are, for the candidates at their ends."""
    gaps_m = _gaps_m(day.seen.lines)
    return _at_beginnings(day, gaps_m) + _at_ends(day, np.append(gaps_m, 0.0)[1:])


def _gaps_m(lines: Sequence[Line]) -> Floats:
    """From each line's beginning back to the end of the one before; 0 where they join, and for the first."""
    gaps_m = np.zeros(len(lines))
    for i in range(1, len(lines)):
        gaps_m[i] = np.hypot(*(lines[i].points_m[0] - lines[i - 1].points_m[-1]))
    return np.where(gaps_m > GAP_M_MIN, gaps_m, 0.0)


def _at_beginnings(day: Day, values: Floats, behind_m: float = 0.0) -> Floats:
    away_m = np.abs(day.candidates.along_m - behind_m)
    return by_line(day, values) * np.exp(-away_m / FADES_M)


def _at_ends(day: Day, values: Floats) -> Floats:
    left_m = by_line(day, day.lengths_m) - day.candidates.along_m
    return by_line(day, values) * np.exp(-left_m / FADES_M)


def gap_in_time(day: Day) -> Floats:
    """For how long the truck stayed within STANDS_WITHIN_M, by the times that its points carry, in seconds."""
    lines = [line for line in day.seen.lines if line.seconds is not None and len(line.points_m)]
    clock = clock_s(day)
    timed = np.flatnonzero([day.seen.lines[number].seconds is not None for number in day.candidates.line])
    if not lines or not len(timed):
        return nothing(day)
    seconds = np.maximum.accumulate(
        np.concatenate([line.seconds for line in lines if line.seconds is not None])
    )
    points_m = np.concatenate([line.points_m for line in lines])
    grid_s = np.arange(seconds[0], seconds[-1] + GRID_S, GRID_S)
    stood_s = _stood_s(interpolated(grid_s, seconds, points_m))
    scores = nothing(day)
    behind = np.searchsorted(clock[timed], grid_s, side="right") - 1
    for neighbour in (behind, behind + 1):
        np.maximum.at(scores, timed[np.clip(neighbour, 0, len(timed) - 1)], stood_s)
    return scores


def _stood_s(places_m: Floats) -> Floats:
    """For places GRID_S apart in time: the longest time around each that stays within STANDS_WITHIN_M.

    Odd windows are slid over the places; all of a window that is small enough have stood for its length.
    """
    stood_s = np.zeros(len(places_m))
    for lasts_s in STANDS_S:
        size = 2 * int(lasts_s / GRID_S / 2) + 1
        if size > len(places_m):
            break
        extents_m = [
            maximum_filter1d(axis, size, mode="nearest") - minimum_filter1d(axis, size, mode="nearest")
            for axis in places_m.T
        ]
        small = np.hypot(*extents_m) <= STANDS_WITHIN_M
        stood_s = np.where(maximum_filter1d(small, size, mode="constant"), lasts_s, stood_s)
    return stood_s


def arrival_deficit(day: Day) -> Floats:
    """How much longer nothing came than the way that then came took to drive, in seconds."""
    came_s, running_s = live_s(day), runnings_s(day)
    silence_s = np.zeros(len(came_s))
    last_s = day.seen.duty_s[0]
    for i in np.flatnonzero(np.isfinite(came_s)):
        silence_s[i] = max(0.0, came_s[i] - last_s - running_s[i]) if came_s[i] > last_s else 0.0
        last_s = max(last_s, came_s[i])
    return _at_beginnings(day, silence_s, HELD_BACK_M)


def bucket_deficit(day: Day) -> Floats:
    """How much less way there is in the buckets of time round a candidate than usual, in metres."""
    clock, way_m = clock_s(day), along_day_m(day)
    known = np.flatnonzero(np.isfinite(clock))
    scores = nothing(day)
    if len(known) < 2:
        return scores
    bucket = ((clock[known] - clock[known[0]]) / BUCKET_S).astype(int)
    ways_m = np.bincount(bucket, np.diff(way_m[known], prepend=way_m[known[0]]))
    some_m = ways_m[ways_m > 0]
    missing_m = np.maximum(0.0, (float(np.median(some_m)) if len(some_m) else 0.0) - ways_m)
    joined_m = uniform_filter1d(missing_m, BUCKETS_JOINED, mode="constant") * BUCKETS_JOINED
    empty_m = np.where(ways_m > 0, 0.0, joined_m)
    scores[known] = joined_m[bucket]
    # An empty bucket has no candidates: it counts for those that the truck was at before and behind it.
    for empty in np.flatnonzero(empty_m):
        behind = min(int(np.searchsorted(bucket, empty)), len(known) - 1)
        for here in (known[behind - 1], known[behind]):
            scores[here] = max(scores[here], BUCKET_S + empty_m[empty])
    return scores


def step_change(day: Day) -> Floats:
    """By how much the published time runs ahead of the running time from a little before to a little behind."""
    clock, expected_s = clock_s(day), ran_s(day)
    known = np.flatnonzero(np.isfinite(clock))
    scores = nothing(day)
    if len(known) <= 2 * SIDE:
        return scores
    ahead_s = clock[known] - expected_s[known]
    mean_s = np.convolve(ahead_s, np.full(SIDE, 1 / SIDE), mode="valid")
    scores[known[SIDE:-SIDE]] = mean_s[SIDE + 1 :] - mean_s[: -SIDE - 1]
    return np.maximum(scores, 0.0)


def silent_connection(day: Day) -> Floats:
    """For how long there was no connection, or nothing came, when the truck was at a candidate, in seconds.

    Where no time is published, the time is guessed: the share of the shift is that of the running time.
    """
    silences_s = _silences_s(day)
    begins_s, ends_s = day.seen.duty_s
    clock = clock_s(day)
    at_s = np.where(np.isfinite(clock), clock, begins_s + share(ran_s(day)) * (ends_s - begins_s))[:, None]
    first_s, last_s = silences_s.T
    within = (first_s - FLOORED_S <= at_s) & (at_s <= last_s + FLOORED_S)
    return np.asarray(np.where(within, last_s - first_s, 0.0).max(axis=1, initial=0.0), np.float64)


def _silences_s(day: Day) -> Floats:
    """From when until when, within duty, there was no connection, or nothing came: shape (n, 2)."""
    begins_s, ends_s = day.seen.duty_s
    lost_s = [(before[1], after[0]) for before, after in itertools.pairwise(sorted(day.seen.connections))]
    told_s = [arrival.at_s for arrival in day.seen.arrivals] + list(live_s(day))
    came_s = np.unique([at_s for at_s in told_s if begins_s <= at_s <= ends_s])
    pairs_s = [pair for pair in lost_s if begins_s <= pair[0] < pair[1] <= ends_s]
    return np.array([*pairs_s, *itertools.pairwise(came_s)], np.float64).reshape(-1, 2)


def label_flips(day: Day) -> Floats:
    """How much earlier by running time the part of the day changes than on other days, in seconds.

    What stood before a change is missing from the running time up to it: it lies between this change and the one
    before.
    """
    usual_s = _usual_flips_s(day)
    early_s, first = np.zeros(len(day.seen.lines)), 0
    before_s = np.concatenate([[0.0], runnings_s(day).cumsum()])
    counted_s = 0.0
    for number, part in _flips(day.seen.lines):
        if part in usual_s:
            missing_s = usual_s[part] - before_s[number]
            early_s[first:number] = max(0.0, missing_s - counted_s)
            first, counted_s = number, missing_s
    return by_line(day, early_s)


def _flips(lines: Sequence[Line]) -> list[tuple[int, int]]:
    """The lines at which the label changes, and to what."""
    parts = [line.part for line in lines]
    return [(i, now) for i, now in enumerate(parts) if i and now is not None and now != parts[i - 1]]


def _usual_flips_s(day: Day) -> dict[int, float]:
    """By label, the longest running time before it that any day shows: the least was stood then."""
    longest_s: dict[int, float] = {}
    for other in day.others:
        before_s = np.cumsum(np.nan_to_num([line.running_s for line in other.seen.lines]))
        for number, part in _flips(other.seen.lines):
            longest_s[part] = max(longest_s.get(part, 0.0), float(before_s[number - 1]))
    return longest_s
