"""Simplification keeps its bound whatever the path looks like."""

from __future__ import annotations

import itertools
import math

from hypothesis import example, given, settings
from hypothesis import strategies as st

from agent.filters.simplify import Spot, simplified, synchronised
from agent.geometry import segment_distance_m

# Steps of a few metres with sharp turns, standing still and turning back: where bounds break first.
steps_m = st.sampled_from([-40.0, -7.0, -5.0, -1.0, 0.0, 0.3, 1.0, 4.9, 5.0, 5.1, 12.0, 40.0])
paths = st.lists(st.tuples(steps_m, steps_m), min_size=0, max_size=60)


def walked(steps: list[tuple[float, float]]) -> list[Spot]:
    x = y = 0.0
    path = [Spot(x, y, 0.0, 0.0, 0)]
    for east, north in steps:
        x, y = x + east, y + north
        path.append(Spot(x, y, 0.0, 0.0, len(path)))
    return path


@settings(max_examples=600, deadline=None)
@given(paths, st.sampled_from([0.5, 3.0, 5.0, 20.0]))
@example([(4.9, 0.0), (4.9, 0.0), (-40.0, 0.0), (0.0, 5.0)], 5.0)
def test_no_point_lies_farther_from_the_line_than_the_tolerance(
    steps: list[tuple[float, float]], tolerance_m: float
) -> None:
    path = walked(steps)
    kept = simplified(path, tolerance_m)
    assert kept[0] == path[0]
    assert kept[-1] == path[-1]
    places = [path.index(spot) for spot in kept]
    assert places == sorted(places)
    for first, last in itertools.pairwise(places):
        a, b = path[first], path[last]
        for spot in path[first : last + 1]:
            off_m = segment_distance_m((spot.x_m, spot.y_m), (a.x_m, a.y_m), (b.x_m, b.y_m))
            assert off_m <= tolerance_m + 1e-6


@settings(max_examples=200, deadline=None)
@given(st.integers(2, 200), st.floats(-3.1, 3.1))
def test_a_straight_line_keeps_only_its_ends(points: int, turn: float) -> None:
    path = [Spot(i * 3.0 * turn, i * 2.0, 0.0, 0.0, i) for i in range(points)]
    assert simplified(path, 1.0) == [path[0], path[-1]]


seconds = st.lists(st.sampled_from([0, 1, 1, 1, 2, 40, 600]), min_size=61, max_size=61)


@settings(max_examples=400, deadline=None)
@given(paths, seconds, st.sampled_from([0.5, 5.0, 20.0]))
def test_with_exact_times_the_line_is_right_at_each_second_too(
    steps: list[tuple[float, float]], waits_s: list[int], tolerance_m: float
) -> None:
    times = list(itertools.accumulate(waits_s))
    path = [spot._replace(second=second) for spot, second in zip(walked(steps), times, strict=False)]
    kept = synchronised(path, tolerance_m)
    assert kept[0] == path[0]
    assert kept[-1] == path[-1]
    for a, b in itertools.pairwise(kept):
        if b.second <= a.second:
            continue
        for spot in path:
            if not a.second < spot.second < b.second:
                continue
            share = (spot.second - a.second) / (b.second - a.second)
            said = (a.x_m + share * (b.x_m - a.x_m), a.y_m + share * (b.y_m - a.y_m))
            assert math.dist(said, (spot.x_m, spot.y_m)) <= tolerance_m + 1e-6
