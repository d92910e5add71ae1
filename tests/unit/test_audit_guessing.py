"""Guesses and how they are judged: candidates along every line, the best of them apart, shares with their interval."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.audit.case import Floats, Line, Seen
from agent.audit.guessing import (
    APART_M,
    GUESSES,
    NEAR_M,
    STEP_M,
    Share,
    best,
    candidates,
    is_near,
    spaced,
)

METRES = st.integers(-5_000, 5_000).map(float)
PLACES = st.lists(st.tuples(METRES, METRES), min_size=1, max_size=40)
LINES = st.lists(st.lists(st.tuples(METRES, METRES), min_size=2, max_size=8), max_size=5)


def line(points_m: list[tuple[float, float]], number: int = 1) -> Line:
    return Line(number, np.array(points_m, float), math.nan, None, 0.0)


def seen(*lines: Line) -> Seen:
    return Seen("r", "v", "2027-03-01", (0.0, 28_800.0), list(lines), [], [], math.inf)


def scored(count: int, chance: int) -> Floats:
    """Scores of which many are equal."""
    return np.random.default_rng(chance).integers(0, 4, count).astype(float)


# Candidates.


@given(LINES)
def test_candidates_cover_every_line_from_end_to_end(drawn: list[list[tuple[float, float]]]) -> None:
    found = candidates(seen(*(line(points_m) for points_m in drawn)))
    assert set(found.line) == set(range(len(drawn)))
    for number, points_m in enumerate(drawn):
        places_m, along_m = found.places_m[found.line == number], found.along_m[found.line == number]
        assert places_m[0] == pytest.approx(points_m[0])
        assert places_m[-1] == pytest.approx(points_m[-1])
        assert along_m[0] == 0.0
        assert along_m[-1] == pytest.approx(line(points_m).length_m)
        assert (np.diff(along_m) <= STEP_M + 1e-6).all()


@given(LINES)
def test_candidates_are_in_the_order_of_the_way(drawn: list[list[tuple[float, float]]]) -> None:
    found = candidates(seen(*(line(points_m) for points_m in drawn)))
    assert (np.diff(found.line) >= 0).all()
    same = np.diff(found.line) == 0
    assert (np.diff(found.along_m)[same] >= 0).all()


def test_a_day_without_a_line_has_no_candidates() -> None:
    found = candidates(seen())
    assert found.places_m.shape == (0, 2)
    assert len(found.line) == len(found.along_m) == 0


def test_a_place_between_two_points_lies_on_the_line() -> None:
    along_m, places_m = spaced(np.array([(0, 0), (60, 0), (60, 40)]))
    assert along_m.tolist() == [0.0, 25.0, 50.0, 75.0, 100.0]
    assert places_m.tolist() == [[0, 0], [25, 0], [50, 0], [60, 15], [60, 40]]


@pytest.mark.parametrize("length_m", [0.0, 24.9, 25.0, 25.1])
def test_a_short_line_has_both_of_its_ends(length_m: float) -> None:
    _, places_m = spaced(np.array([(5, 5), (5 + length_m, 5)]))
    assert places_m[[0, -1], 0] == pytest.approx([5, 5 + length_m])
    assert len(places_m) == (2 if length_m <= STEP_M else 3)


# The best of them.


@given(PLACES, st.integers(0, 1000), st.integers(0, 6))
def test_guesses_are_apart_and_no_more_than_asked_for(
    drawn: list[tuple[float, float]], chance: int, count: int
) -> None:
    places_m = np.array(drawn)
    found = best(places_m, scored(len(places_m), chance), count)
    assert len(found) <= count
    for number, guess_m in enumerate(found):
        assert (np.hypot(*(found[:number] - guess_m).T) >= APART_M).all()


@given(PLACES, st.integers(0, 1000))
def test_a_place_that_is_no_guess_is_near_a_better_one_or_one_too_many(
    drawn: list[tuple[float, float]], chance: int
) -> None:
    places_m, scores = np.array(drawn), scored(len(drawn), chance)
    found = best(places_m, scores)
    if len(found) < GUESSES:
        for place_m in places_m:
            assert np.hypot(*(found - place_m).T).min() < APART_M
    assert scores[(places_m == found[0]).all(axis=1)].max() == scores.max()


@given(PLACES, st.integers(0, 1000), st.integers(-4000, 4000), st.integers(-4000, 4000))
def test_moving_the_world_moves_the_guesses(
    drawn: list[tuple[float, float]], chance: int, east_m: int, north_m: int
) -> None:
    places_m, scores, by_m = np.array(drawn), scored(len(drawn), chance), np.array([east_m, north_m], float)
    assert (best(places_m + by_m, scores) == best(places_m, scores) + by_m).all()


def test_ties_go_in_the_order_of_the_way() -> None:
    places_m = np.array([(0.0, 0.0), (300.0, 0.0), (600.0, 0.0), (900.0, 0.0)])
    assert best(places_m, np.array([1.0, 2.0, 2.0, 1.0]), 3)[:, 0].tolist() == [300.0, 600.0, 0.0]


def test_exactly_apart_is_apart() -> None:
    places_m = np.array([(0.0, 0.0), (APART_M - 0.1, 0.0), (APART_M, 0.0)])
    assert best(places_m, np.array([3.0, 2.0, 1.0]))[:, 0].tolist() == [0.0, APART_M]


def test_without_a_place_there_is_no_guess() -> None:
    assert best(np.empty((0, 2)), np.empty(0)).shape == (0, 2)


# Judging.


def test_near_is_within_the_distance_or_exactly_at_it() -> None:
    guesses_m = np.array([(1000.0, 0.0), (0.0, NEAR_M)])
    assert is_near(guesses_m, (0.0, 0.0))
    assert not is_near(guesses_m, (0.0, -0.1))
    assert is_near(guesses_m, (1000.0, 23.0), within_m=23.0)
    assert not is_near(np.empty((0, 2)), (0.0, 0.0))


@given(st.integers(1, 5000).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_the_interval_holds_the_share_and_shrinks_with_trials(counted: tuple[int, int]) -> None:
    hits, trials = counted
    low, high = Share(hits, trials).interval
    assert 0.0 <= low <= hits / trials + 1e-12
    assert hits / trials - 1e-12 <= high <= 1.0
    surer_low, surer_high = Share(10 * hits, 10 * trials).interval
    assert surer_high - surer_low < high - low


@pytest.mark.parametrize(
    ("hits", "trials", "low", "high"),
    [
        (81, 263, 0.2553, 0.3662),
        (15, 148, 0.0624, 0.1605),
        (0, 20, 0.0, 0.1611),
        (1, 29, 0.0061, 0.1718),
        (5, 10, 0.2366, 0.7634),
    ],
)
def test_the_interval_is_wilson_s(hits: int, trials: int, low: float, high: float) -> None:
    """The first four are the examples of Newcombe, Statistics in Medicine 1998, table I."""
    assert Share(hits, trials).interval == pytest.approx((low, high), abs=1e-4)


def test_without_a_trial_nothing_is_known() -> None:
    assert math.isnan(Share(0, 0).value)
    assert Share(0, 0).interval == (0.0, 1.0)
