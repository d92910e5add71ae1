"""Ways on the plane: how much of one lies near another, and when a published stretch was driven."""

from __future__ import annotations

import itertools
from typing import NamedTuple

import numpy as np
import shapely

from tests.usefulness.driving import Driven, Flags, Floats

STEP_M = 5.0  # ways are compared at points so far apart
FAR_M = 40.0  # what lies farther apart counts as so far
EARLIER = 0.02  # of two equally near passages the earlier one counts: square metres for each step skipped
LATER = -0.1  # or the later one
LOOK_BACK_M, LOOK_AHEAD_M = 150.0, 4_000.0
STANDS_S = 6.0  # the truck needs less for STEP_M unless it stands in between
OVERLAP_M = 30.0  # successive records may be found to overlap by so much
WRONG_M = 15.0  # a passage farther from the truth than this on average was not found


class Way(NamedTuple):
    """A way driven on ground that may be published: a point every STEP_M, and the second of arriving there."""

    points_m: Floats
    at_s: Floats
    lengths_m: Floats  # of the way that each point stands for


class Passage(NamedTuple):
    """When a stretch was driven: first and last second, and how far it lies from the way on average."""

    from_s: float
    until_s: float
    apart_m: float


def driven_way(driven: Driven) -> Way:
    """The true way, without gaps where it is not open."""
    steps_m = np.linalg.norm(np.diff(driven.way_m, axis=0), axis=1)
    steps_m[~(driven.open_[:-1] & driven.open_[1:])] = 0.0
    run_m = np.concatenate([[0.0], np.cumsum(steps_m)])
    marks_m = np.arange(STEP_M / 2, run_m[-1], STEP_M)
    after = np.searchsorted(run_m, marks_m)  # the first second by which so much is behind the truck
    share = (marks_m - run_m[after - 1]) / (run_m[after] - run_m[after - 1])
    points_m = driven.way_m[after - 1] + share[:, None] * (driven.way_m[after] - driven.way_m[after - 1])
    return Way(points_m, after - 1 + share, np.full(len(marks_m), STEP_M))


def published_lines(driven: Driven) -> shapely.MultiLineString:
    """Everything that left of the track."""
    paths = [driven.path_m(record["path"]) for record in driven.records("track")]
    return shapely.MultiLineString([path for path in paths if len(path) > 1])


def near(points_m: Floats, lines: shapely.Geometry, within_m: float) -> Flags:
    """Which points lie so near to the lines."""
    area = shapely.buffer(lines, within_m, quad_segs=32)
    shapely.prepare(area)
    found: Flags = shapely.contains_xy(area, points_m[:, 0], points_m[:, 1])
    return found


def once(way: Way) -> Flags:
    """The points that stand for ground not driven before: the first in each square of 10 m."""
    squares = np.floor(way.points_m / 10.0).astype(np.int64)
    _, first = np.unique(squares, axis=0, return_index=True)
    found = np.zeros(len(squares), dtype=np.bool_)
    found[first] = True
    return found


def resampled(path_m: Floats) -> Floats:
    """The same line with a point about every STEP_M."""
    pieces = []
    for start_m, end_m in itertools.pairwise(path_m):
        count = max(1, round(float(np.linalg.norm(end_m - start_m)) / STEP_M))
        pieces.append(start_m + (end_m - start_m) * (np.arange(count) / count)[:, None])
    return np.concatenate([*pieces, path_m[-1:]])


def passages(driven: Driven, way: Way) -> list[Passage]:
    """When each stretch of the track was driven, in the order of their numbers."""
    found: list[Passage] = []
    reached = 0
    for record in driven.records("track"):
        path_m = resampled(driven.path_m(record["path"]))
        start = max(0, reached - int(LOOK_BACK_M / STEP_M))
        end = start + len(path_m) + int(LOOK_AHEAD_M / STEP_M)
        match = aligned(path_m, way.points_m[start:end])
        if match[2] > WRONG_M:
            match = aligned(path_m, way.points_m[start:])
        first, reached = start + match[0], start + match[1]
        found.append(Passage(_arrival_s(way, first), _arrival_s(way, reached), match[2]))
    return found


def next_passage(way: Way, path_m: Floats, after_s: float, before_s: float) -> Passage:
    """When a path was driven that left at `before_s`, and the one before it was driven until `after_s`."""
    end = int(np.searchsorted(way.at_s, before_s))
    start = max(0, int(np.searchsorted(way.at_s, after_s)) - int(OVERLAP_M / STEP_M))
    first, last, apart_m = aligned(resampled(path_m), way.points_m[start:end], LATER)
    return Passage(_arrival_s(way, start + first), _arrival_s(way, start + last), apart_m)


def _arrival_s(way: Way, index: int) -> float:
    """When the truck came to a point; where it stood beside it, when it came to stand."""
    near_by = slice(max(0, index - 2), index + 3)
    waited = np.diff(way.at_s[near_by]) > STANDS_S
    beside = np.linalg.norm(np.diff(way.points_m[near_by], axis=0), axis=1) < 2 * STEP_M  # else it is a gap
    stood = np.flatnonzero(waited & beside)
    return float(way.at_s[near_by][stood[0]] if len(stood) else way.at_s[index])


def aligned(path_m: Floats, way_m: Floats, prefer: float = EARLIER) -> tuple[int, int, float]:
    """Where on a way a path lies: first and last point, and how far apart they are on average.

    Dynamic time warping with open ends (subsequence matching): both are followed in order, no point left out.
    """
    numbers = np.arange(len(way_m))
    costs = _apart_m2(path_m[0], way_m) + prefer * numbers
    starts = numbers.copy()
    for place_m in path_m[1:]:
        apart = _apart_m2(place_m, way_m)
        gone_on = np.concatenate([[np.inf], costs[:-1]])
        entered = np.minimum(costs, gone_on)
        entered_starts = np.where(gone_on < costs, np.concatenate([[0], starts[:-1]]), starts)
        whole = np.cumsum(apart)
        begun = entered - np.concatenate([[0.0], whole[:-1]])
        best = np.minimum.accumulate(begun)
        at = np.maximum.accumulate(np.where(begun <= best, numbers, 0))
        costs, starts = whole + best, entered_starts[at]
    last = int(np.argmin(costs))
    first = int(starts[last])
    points = max(len(path_m), last - first + 1)
    return first, last, float(np.sqrt(max(0.0, costs[last] - prefer * first) / points))


def _apart_m2(place_m: Floats, way_m: Floats) -> Floats:
    offsets = way_m - place_m
    found: Floats = np.minimum((offsets * offsets).sum(axis=1), FAR_M * FAR_M)
    return found
