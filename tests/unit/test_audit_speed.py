"""Speed read from the track: found where it is published, not found where it is not."""

from __future__ import annotations

import math

import numpy as np
import pytest

from agent.audit.case import Case, Floats, Line, Route, Secrets, Seen
from agent.audit.speed import in_order, local_speed, speeding

CEILING_MPS = 25.0


def line(
    points: list[tuple[float, float]], running_s: float = math.nan, seconds: list[float] | None = None
) -> Line:
    return Line(
        1, np.array(points, float), running_s, None if seconds is None else np.array(seconds, float), 0.0
    )


def case(lines: list[Line], way_m: Floats | None = None, speed_mps: Floats | None = None) -> Case:
    way_m = np.empty((0, 2)) if way_m is None else way_m
    speed_mps = np.empty(0) if speed_mps is None else speed_mps
    seen = Seen("r", "truck-1", "2026-11-02", (0.0, 1e4), lines, [], [], 20.0)
    return Case(seen, Secrets([], way_m, speed_mps, np.empty((0, 2)), []))


def said(*lines: Line) -> float:
    return speeding([Route("r", [case(list(lines))], [])], CEILING_MPS).value


@pytest.mark.parametrize(("running_s", "share"), [(40.0, 0.0), (30.0, 1.0), (0.0, 1.0)])
def test_a_running_time_below_what_the_ceiling_takes_shows_speeding(running_s: float, share: float) -> None:
    assert said(line([(0, 0), (1000, 0)], running_s)) == share


def test_two_points_too_near_in_time_show_speeding_although_the_line_does_not() -> None:
    assert said(line([(0, 0), (10, 0), (60, 0), (70, 0)], 100.0, [0, 40, 41, 100])) == 1.0
    assert said(line([(0, 0), (10, 0), (30, 0), (70, 0)], 100.0, [0, 40, 41, 100])) == 0.0


def test_times_in_whole_minutes_are_given_a_minute() -> None:
    assert said(line([(0, 0), (1600, 0), (1700, 0)], math.nan, [0, 60, 180])) == 0.0
    assert said(line([(0, 0), (3100, 0), (3200, 0)], math.nan, [0, 60, 180])) == 1.0


def test_lines_without_any_time_are_no_trials() -> None:
    assert speeding([Route("r", [case([line([(0, 0), (9, 0)])])], [])], CEILING_MPS).trials == 0
    assert speeding([], CEILING_MPS).trials == 0
    assert math.isnan(speeding([Route("r", [], [])], CEILING_MPS).value)


def test_a_way_out_and_back_is_matched_in_order() -> None:
    out = np.column_stack([np.arange(0, 100, 5.0), np.zeros(20)])
    places_m = np.concatenate([out, out[::-1]])
    at, off_m = in_order(places_m[::2], places_m)
    assert (np.abs(at - np.arange(0, 40, 2)) <= 1).all()
    assert off_m.max() <= 5.0


def test_what_was_not_published_bends_nothing() -> None:
    places_m = np.column_stack([np.arange(0, 100, 5.0), np.zeros(20)])
    way_m = np.insert(places_m, 10, [[5000.0, 5000.0]], axis=0)
    _, off_m = in_order(way_m, places_m)
    assert off_m[10] > 1000
    assert np.delete(off_m, 10).max() == 0.0


def drive(seed: int) -> tuple[Floats, Floats]:
    """A winding way of 25 minutes whose speed wanders without regard to its shape."""
    rng = np.random.default_rng(seed)
    mps = np.clip(8 + 5 * np.sin(np.arange(1500) / rng.uniform(15, 40) + rng.uniform(0, 6)), 1, 14)
    run_m = mps.cumsum()
    return np.column_stack([run_m, 30 * np.sin(run_m / 150)]), mps


def routes(exact: bool) -> list[Route]:
    found = []
    for number in range(3):
        cases = []
        for day in range(2):
            way_m, mps = drive(10 * number + day)
            if exact:
                lines = [Line(0, way_m, math.nan, np.arange(len(way_m)).astype(float), 0.0)]
            else:  # stretches of 100 s, a point each 40 m of the way
                run_m = mps.cumsum()
                lines = []
                for first in range(0, 1500, 100):
                    last = min(1499, first + 100)
                    along_m = np.unique(np.append(np.arange(run_m[first], run_m[last], 40), run_m[last]))
                    points_m = np.column_stack([np.interp(along_m, run_m, axis) for axis in way_m.T])
                    lines.append(Line(first, points_m, 100.0, None, 0.0))
            cases.append(case(lines, way_m, mps))
        found.append(Route(str(number), cases, []))
    return found


def test_exact_times_tell_the_speed_at_a_place() -> None:
    found = local_speed(routes(exact=True), 1)
    assert found.by_place > 0.9
    assert found.gain > 0.5
    assert found.gain_over_street > 0.5
    assert found.seconds > 5000


def test_evenly_spaced_points_without_times_tell_nothing_beyond_the_line() -> None:
    assert abs(local_speed(routes(exact=False), 1).gain) < 0.1


@pytest.mark.parametrize(
    "lines", [[], [line([(0, 0), (9, 0)], 10.0)], [line([(0, 0)])], [line([(0, 0), (0, 0)], 0.0)]]
)
def test_next_to_nothing_raises_nothing(lines: list[Line]) -> None:
    way_m, mps = np.array([[0.0, 0.0], [5.0, 0.0]]), np.array([5.0, 5.0])
    days = [case(lines, way_m, mps), case([], way_m, mps), case(lines)]
    found = local_speed([Route("a", days, []), Route("b", days[:1], []), Route("c", [], [])], 1)
    assert found.seconds <= 8
    assert math.isnan(local_speed([], 1).gain)
