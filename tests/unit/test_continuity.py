"""The stitch: a pause that ends where it began leaves no trace."""

from __future__ import annotations

import pytest

from agent.filters.continuity import GAP_S_MAX, STITCH_M, Continuity, Join
from agent.geometry import Plane, Point

PLANE = Plane(Point(400_000_000, -40_000_000))
HERE = PLANE.point(0, 0)


def begun() -> Continuity:
    way = Continuity()
    way.reach(0, HERE)
    return way


def test_the_first_position_begins_a_way() -> None:
    assert Continuity().reach(0, HERE) == Join(broken=True)


@pytest.mark.parametrize("elapsed_s", [0.1, 1.0, GAP_S_MAX])
def test_a_few_seconds_without_a_fix_are_no_pause(elapsed_s: float) -> None:
    assert begun().reach(round(elapsed_s * 1000), PLANE.point(500, 0)) == Join(elapsed_s)


@pytest.mark.parametrize("pause_ms", [round(GAP_S_MAX * 1000) + 1, 7_200_000])
@pytest.mark.parametrize(
    ("metres", "broken"), [(0.0, False), (STITCH_M - 0.1, False), (STITCH_M + 0.1, True)]
)
def test_a_longer_gap_is_judged_by_where_it_ends(pause_ms: int, metres: float, broken: bool) -> None:
    assert begun().reach(pause_ms, PLANE.point(metres, 0)) == Join(resumed=not broken, broken=broken)


@pytest.mark.parametrize(("metres", "broken"), [(STITCH_M - 0.1, False), (STITCH_M + 0.1, True)])
def test_a_pause_of_the_crew_s_counts_no_time_however_short(metres: float, broken: bool) -> None:
    way = begun()
    way.pause()
    assert way.reach(1000, PLANE.point(metres, 0)) == Join(resumed=not broken, broken=broken)
    assert way.reach(2000, PLANE.point(metres + 20, 0)) == Join(1.0)


def test_behind_a_place_that_is_not_publishable_the_way_begins_anew_even_in_the_same_place() -> None:
    way = begun()
    way.cut()
    assert way.reach(1000, HERE) == Join(broken=True)


def test_a_pause_does_not_heal_a_cut_nor_a_cut_outlive_the_next_position() -> None:
    way = begun()
    way.cut()
    way.pause()
    assert way.reach(1000, HERE) == Join(broken=True)
    assert way.reach(2000, HERE) == Join(1.0)


def test_time_that_goes_back_counts_nothing() -> None:
    assert begun().reach(-5000, HERE) == Join(resumed=True)
    assert begun().reach(-5000, PLANE.point(31, 0)) == Join(broken=True)


@pytest.mark.parametrize(
    ("metres", "broken"), [(0.0, False), (STITCH_M - 0.1, False), (STITCH_M + 0.1, True)]
)
def test_a_loss_of_power_is_a_pause(metres: float, broken: bool) -> None:
    before, after = begun(), Continuity()
    state = before.state()
    assert state is not None
    after.restore(state)
    assert after.reach(7_200_000, PLANE.point(metres, 0)) == Join(resumed=not broken, broken=broken)


def test_behind_a_cut_there_is_nothing_to_go_on_from() -> None:
    way = begun()
    way.cut()
    assert way.state() is None
