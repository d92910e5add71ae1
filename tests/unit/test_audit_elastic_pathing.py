"""Elastic pathing: the end of a drive from its speed, on streets with few turns and with none."""

from __future__ import annotations

import math

import numpy as np
import pytest

from agent.audit.case import Case, Floats, Line, Route, Secrets, Seen, interpolated, run_m
from agent.audit.elastic_pathing import WITHIN_M, attacked, paths, street_graph

# Unequal on its two sides: where streets mirror each other, speed alone can't tell which of them it was.
EASTS_M = np.array([0.0, 230.0, 430.0, 720.0, 930.0, 1210.0, 1400.0, 1700.0, 1900.0])
NORTHS_M = np.array([0.0, 310.0, 470.0, 850.0, 1330.0])


def grid() -> list[Floats]:
    rows = [np.array([[0.0, at_m], [EASTS_M[-1], at_m]]) for at_m in NORTHS_M]
    return rows + [np.array([[at_m, 0.0], [at_m, NORTHS_M[-1]]]) for at_m in EASTS_M]


def driven(corners: list[tuple[float, float]]) -> tuple[Floats, Floats]:
    """Each second's place and speed: 11 m/s, slowing to 3 m/s at each corner."""
    points_m = np.array(corners, float)
    at_m = run_m(points_m)
    driven_m, mps, along_m = [], [], 0.0
    while along_m < at_m[-1]:
        near_m = np.abs(at_m[1:-1] - along_m).min(initial=math.inf)
        speed_mps = min(11.0, 3.0 + near_m / 5)
        along_m += speed_mps
        driven_m.append(along_m)
        mps.append(speed_mps)
    return interpolated(driven_m, at_m, points_m), np.array(mps)


# From a corner of the town: the other ways of turning like this lead out of it.
CORNERS = [(0, 0), (720, 0), (720, 1250)]


def day(lines: list[Line], way_m: Floats, mps: Floats) -> Case:
    seen = Seen("r", "t", "2026-11-02", (0.0, 1e4), lines, [], [], 20.0)
    return Case(seen, Secrets([], way_m, mps, np.empty((0, 2)), []))


def fleet(seconds: bool = False) -> list[Route]:
    way_m, mps = driven([(float(e), float(n)) for e, n in CORNERS])
    lines = [Line(i, points_m, 300.0, None, 0.0) for i, points_m in enumerate(grid())]
    if seconds:
        lines.append(Line(99, way_m, math.nan, np.arange(len(way_m)).astype(float), 0.0))
    return [Route("r", [day(lines, way_m, mps)], [])]


def test_the_streets_of_a_grid_are_found() -> None:
    graph = street_graph(grid())
    assert graph.number_of_nodes() == len(EASTS_M) * len(NORTHS_M) - 4  # its corners are bends
    length_m = len(NORTHS_M) * EASTS_M[-1] + len(EASTS_M) * NORTHS_M[-1]
    assert sum(m for _, _, m in graph.edges(data="length_m")) == pytest.approx(length_m, rel=0.02)


def test_slow_corners_lead_to_the_end() -> None:
    way_m, mps = driven([(float(e), float(n)) for e, n in CORNERS])
    ends_m = paths(mps, street_graph(grid()), way_m[0])
    assert math.dist(ends_m[0], way_m[-1]) < 250
    assert np.hypot(*(ends_m - way_m[-1]).T).min() < 100


def test_without_a_slow_second_there_is_no_turn() -> None:
    ends_m = paths(np.full(150, 11.0), street_graph(grid()), np.array([0.0, 850.0]))
    assert math.dist(ends_m[0], (1650.0, 850.0)) < 250


def test_lines_without_times_give_nothing_to_work_on() -> None:
    assert attacked(fleet()) == []


def test_times_of_points_give_a_speed() -> None:
    named = attacked(fleet(seconds=True))
    assert [each.within_m for each in named] == list(WITHIN_M)
    assert [each.found.trials for each in named] == [1, 1]
    assert named[1].chance.value <= named[0].chance.value < 0.5


@pytest.mark.parametrize(("apart_m", "trials"), [(40.0, 1), (60.0, 0)])
def test_lines_that_go_on_where_one_ended_are_one_drive(apart_m: float, trials: int) -> None:
    (route,) = fleet(seconds=True)
    *streets, drive = route.cases[0].seen.lines
    assert drive.seconds is not None
    pieces = [
        drive._replace(points_m=drive.points_m[rows] + [by_m, 0.0], seconds=drive.seconds[rows])
        for rows, by_m in ((slice(0, 90), 0.0), (slice(91, None), apart_m))
    ]
    seen = route.cases[0].seen._replace(lines=[*streets, *pieces])
    named = attacked([route._replace(cases=[route.cases[0]._replace(seen=seen)])])
    assert [each.found.trials for each in named] == [1, 1][: 2 * trials]


@pytest.mark.parametrize("points", [[(0, 0), (100, 0)], [(0, 0)], [(0, 0), (0, 0)]])
def test_next_to_nothing_raises_nothing(points: list[tuple[float, float]]) -> None:
    points_m = np.array(points, float)
    line = Line(0, points_m, 10.0, np.zeros(len(points_m)), 0.0)
    still = day([line], points_m, np.zeros(len(points_m)))
    assert attacked([Route("r", [still, day([], np.empty((0, 2)), np.empty(0))], [])]) == []
    assert attacked([Route("r", [], [])]) == []
    assert not len(paths(np.zeros(5), street_graph([points_m]), points_m[0]))
    assert not len(paths(np.ones(5), street_graph([]), points_m[0]))


def test_a_ring_without_crossings_can_be_driven_round() -> None:
    ring_m = np.array([(0, 0), (300, 0), (300, 300), (0, 300), (0, 0)], float)
    assert len(paths(np.full(200, 9.0), street_graph([ring_m]), np.array([0.0, 0.0])))
