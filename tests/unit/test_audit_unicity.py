"""Unicity: how few cells single out a vehicle-day."""

from __future__ import annotations

import math

import numpy as np
import pytest

from agent.audit.case import Case, Floats, Line, Route, Secrets, Seen
from agent.audit.unicity import unicity


def case(points: list[tuple[float, float]], date: str = "2026-11-02", way_m: Floats | None = None) -> Case:
    points_m = np.array(points, float).reshape(-1, 2)
    lines = [Line(0, points_m, 100.0, None, 0.0)] if len(points_m) else []
    if way_m is None:
        way_m = points_m if len(points_m) < 2 else np.linspace(points_m[0], points_m[-1], 200)
    seen = Seen("r", "t", date, (0.0, 1.0), lines, [], [], 20.0)
    return Case(seen, Secrets([], way_m, np.zeros(len(way_m)), np.empty((0, 2)), []))


EAST, NORTH, BOTH = [(0, 50), (2000, 50)], [(50, 0), (50, 2000)], [(0, 50), (3000, 50)]


def test_days_in_other_streets_are_singled_out() -> None:
    assert unicity([Route("r", [case(EAST), case(NORTH)], [])], 4, 1).value == 1.0


def test_days_on_the_same_streets_are_not() -> None:
    assert unicity([Route("r", [case(EAST), case(EAST)], [])], 4, 1).value == 0.0


def test_the_date_is_not_known() -> None:
    assert unicity([Route("r", [case(EAST), case(EAST, "2026-11-03")], [])], 1, 1).value == 0.0


def test_each_route_is_a_fleet_of_its_own() -> None:
    assert unicity([Route("a", [case(EAST)], []), Route("b", [case(EAST)], [])], 2, 1).value == 1.0


def test_points_come_from_ground_that_was_published_alone() -> None:
    way_m = np.linspace((5000.0, 5000.0), (6000.0, 5000.0), 100)
    assert unicity([Route("r", [case(EAST, way_m=way_m)], [])], 1, 1).trials == 0


def test_the_minutes_tell_days_on_the_same_streets_apart() -> None:
    """One truck goes east while the other goes west; both are on the street in the same minutes."""
    fleet = []
    for way_m in (
        np.linspace((0.0, 50.0), (2000.0, 50.0), 240),
        np.linspace((2000.0, 50.0), (0.0, 50.0), 240),
    ):
        one = case(EAST, way_m=way_m)
        timed = Line(0, way_m, math.nan, np.arange(240.0), 0.0)
        fleet.append(one._replace(seen=one.seen._replace(lines=[timed])))
    assert unicity([Route("r", fleet, [])], 4, 1, timed=True).value == 1.0
    assert unicity([Route("r", fleet, [])], 4, 1).value == 0.0
    assert unicity([Route("r", [case(EAST), case(EAST)], [])], 4, 1, timed=True).value == 0.0


def test_equal_seeds_draw_equal_points() -> None:
    fleet = [Route("r", [case(EAST), case(BOTH), case(NORTH)], [])]
    assert [unicity(fleet, 2, seed) for seed in range(5)] == [unicity(fleet, 2, seed) for seed in range(5)]


@pytest.mark.parametrize("days", [[], [case([])], [case([(0, 0)])], [case([(0, 0), (0, 0)])]])
def test_next_to_nothing_raises_nothing(days: list[Case]) -> None:
    share = unicity([Route("r", days, [])], 4, 1)
    assert math.isnan(share.value)
