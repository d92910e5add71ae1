"""The way: numbered stretches of a day, the same whether or not power was lost."""

from __future__ import annotations

import itertools
import json
import math
import random
from typing import Any

import pytest

from agent.filters.placed import Placed
from agent.geometry import Plane, Point, distance_m, point_of
from agent.recording.way import POINTS_MAX, PublishedStretch, Way, WayRules

PLANE = Plane(Point(400_000_000, -40_000_000))
DAY = 21_000
RULES = WayRules(PLANE.origin, 5.0, "stretch", 20.0, 1000.0, 50.0, 25.0)


def placed(x_m: float, y_m: float = 0.0, second: int = 0, day: int = DAY, **also: Any) -> Placed:
    return Placed(day, second, also.pop("elapsed_s", 1.0), PLANE.point(x_m, y_m), **also)


def driven(way: Way, from_m: float, to_m: float, **also: Any) -> list[PublishedStretch]:
    steps = range(round(from_m / 10), round(to_m / 10) + 1)
    return [one for i in steps for one in way.push(placed(10.0 * i, second=i, **also))]


def test_stretches_are_numbered_within_their_day() -> None:
    way = Way(RULES)
    first = driven(way, 0, 5000) + way.cut()
    second = driven(way, 0, 5000, day=DAY + 1) + way.cut()
    assert [one.number for one in first] == list(range(1, len(first) + 1))
    assert [one.number for one in second] == [one.number for one in first]
    assert {one.day for one in second} == {DAY + 1}


def test_numbering_goes_on_behind_what_was_kept_before_a_restart() -> None:
    way = Way(RULES, (DAY, 7))
    assert [one.number for one in driven(way, 0, 5000)][:2] == [8, 9]


def test_a_new_day_ends_the_stretch_of_the_day_before() -> None:
    way = Way(RULES)
    driven(way, 0, 1900)
    closed = way.push(placed(1910.0, day=DAY + 1))
    assert [(one.day, one.number) for one in closed] == [(DAY, 1)]


@pytest.mark.parametrize("clock", ["stretch", "minute", "exact"])
def test_no_time_of_day_is_held_that_is_not_published(clock: str) -> None:
    way = Way(RULES._replace(clock=clock))
    (first, *_) = driven(way, 0, 3000)
    assert (max(spot.second for spot in first.spots) > 0) == (clock != "stretch")


def test_the_published_points_lie_where_the_truck_drove() -> None:
    way = Way(RULES)
    for one in driven(way, 0, 4000):
        for spot, (latitude_deg, longitude_deg) in zip(one.spots, one.points, strict=True):
            point = Point(round(latitude_deg * 1e7), round(longitude_deg * 1e7))
            assert distance_m(point, PLANE.point(spot.x_m, spot.y_m)) < 0.8


@pytest.mark.parametrize("step_m", [24.9, 25.0, 26.0])
def test_R4_whoever_measures_a_published_line_finds_no_speed_above_the_ceiling(step_m: float) -> None:
    way = Way(RULES)
    rng = random.Random(1)
    closed = [
        one
        for second in range(600)
        for one in way.push(placed(second * step_m * 0.8, (second % 2) * step_m * 0.6 + rng.uniform(-1, 1)))
    ]
    assert len(closed) > 5
    for one in closed:
        length_m = sum(distance_m(point_of(a), point_of(b)) for a, b in itertools.pairwise(one.points))
        assert length_m <= RULES.speed_ceiling_mps * one.running_s


def test_a_stretch_never_has_more_points_than_a_record_may_hold() -> None:
    way = Way(RULES)
    for i in range(6000):
        if closed := way.push(placed(i * 2.0, 40.0 * (i % 2))):
            assert len(closed[0].spots) <= POINTS_MAX
            return
    raise AssertionError("no stretch was closed")


@pytest.mark.parametrize("lost_m", [0, 90, 700, 1990, 3210])
def test_a_loss_of_power_while_standing_leaves_no_trace(lost_m: int) -> None:
    def stand(way: Way, resumed: bool) -> list[PublishedStretch]:
        stood = [one for _ in range(30) for one in way.push(placed(lost_m))]
        if resumed:
            fresh = Way(RULES)
            fresh.restore(json.loads(json.dumps(way.state())))
            way = fresh
        stood += way.push(placed(lost_m, elapsed_s=0.0, resumed=resumed))
        stood += [one for _ in range(30) for one in way.push(placed(lost_m))]
        return stood + driven(way, lost_m + 10, lost_m + 4000) + way.cut()

    whole, broken = Way(RULES), Way(RULES)
    for way in (whole, broken):
        driven(way, 0, lost_m)
    assert [tuple(one) for one in stand(whole, False)] == [tuple(one) for one in stand(broken, True)]


def test_it_tells_how_far_it_is_from_what_was_written_down() -> None:
    way = Way(RULES)
    assert way.unsaved_m == math.inf
    driven(way, 0, 200)
    assert way.unsaved_m == math.inf
    saved = way.state()
    assert way.unsaved_m == 0.0
    driven(way, 210, 300)
    assert way.unsaved_m == pytest.approx(100.0)
    way.cut()
    assert way.unsaved_m == math.inf
    fresh = Way(RULES)
    fresh.restore(saved)
    assert fresh.unsaved_m == math.inf


def test_it_has_changed_when_it_moved_and_not_while_it_stands() -> None:
    way = Way(RULES)
    driven(way, 0, 100)
    assert way.changed
    for _ in range(30):
        way.push(placed(100.0))
    assert way.stands
    way.state()
    way.push(placed(100.0))
    assert not way.changed
    driven(way, 110, 400)
    assert way.changed


def test_a_second_stop_is_a_change_once_its_time_is_full() -> None:
    way = Way(RULES)
    driven(way, 0, 100)
    for place_m in (*[100.0] * 30, 105.0, 110.0, 115.0):
        way.push(placed(place_m))
    way.state()
    changed = []
    for _ in range(40):
        way.push(placed(120.0))
        changed.append(way.changed)
    assert changed == [False] * 30 + [True] * 10


def test_a_published_stretch_shows_no_coordinates() -> None:
    way = Way(RULES)
    (first, *_) = driven(way, 0, 3000)
    for shown in (repr(first), str(first), f"{first}"):
        assert "40.0" not in shown
        assert "-4.0" not in shown


@pytest.mark.parametrize("speed_mps", [5, 10, 20, 25])
def test_a_cut_withholds_the_last_metres_and_no_seconds(speed_mps: int) -> None:
    way = Way(RULES)
    steps = range(2000 // speed_mps + 1)
    closed = [one for i in steps for one in way.push(placed(i * speed_mps))] + way.cut()
    withheld_m = steps[-1] * speed_mps - closed[-1].spots[-1].x_m
    assert RULES.trim_m <= withheld_m < RULES.trim_m + speed_mps
