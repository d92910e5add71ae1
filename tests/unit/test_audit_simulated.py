"""Seeded vehicle-days: places hidden inside their outlines, days of one truck and month, and the same with any help."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import shapely

from agent.agreement import load_agreement
from agent.audit import simulated
from agent.audit.baselines import ZONE_M
from agent.audit.case import Case, Route
from agent.audit.simulated import (
    DEPOT_HINT_TIMES,
    HINT_M,
    HINT_OFF_M,
    Driven,
    Wanted,
    driven,
    planes_of,
    tree_of,
)
from agent.surroundings import EXAMPLE_AGREEMENT
from drivers.simulate import shift

HOURS, DAYS_A_ROUTE = 1.0, 2
SEED = 4
NEAR_M = 6.0  # receiver noise, and a line that is simplified to 5 m
CUT_M = 5.0  # a receiver that is off by a few metres is cut as much too late


@pytest.fixture(scope="module", autouse=True)
def reduced() -> Iterator[None]:
    """Short days, and few of them."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(simulated, "HOURS", HOURS)
        patch.setattr(simulated, "DAYS_A_ROUTE", DAYS_A_ROUTE)
        simulated._ground.cache_clear()
        yield
    simulated._ground.cache_clear()


def wanted(days: int = 2, seed: int = SEED, noise_m: float = 1.5) -> Wanted:
    return Wanted(tree_of(load_agreement(EXAMPLE_AGREEMENT)), days, seed, noise_m)


@pytest.fixture(scope="module")
def made(reduced: None) -> Driven:
    return driven(wanted(days=3), 1)


def cases(kind: list[Route]) -> list[Case]:
    return [case for route in kind for case in route.cases]


def plain(what: Any) -> Any:
    """The same without arrays and polygons, so that it can be compared."""
    if isinstance(what, np.ndarray):
        return np.nan_to_num(what, nan=-1.0).tolist()
    if isinstance(what, shapely.Polygon):
        return what.wkt
    if isinstance(what, tuple | list):
        return [plain(each) for each in what]
    return "NaN" if isinstance(what, float) and math.isnan(what) else what


# How much is driven.


def test_so_many_days_are_driven_as_were_wanted(made: Driven) -> None:
    assert [len(route.cases) for route in made.fairhaul] == [2, 1]
    assert [route.name for route in made.fairhaul] == [f"city {SEED}", f"city {SEED + 1}"]


def test_all_kinds_show_the_same_days_with_the_same_secrets(made: Driven) -> None:
    for ours, raw, zoned, corners in zip(*map(cases, made), strict=True):
        assert ours.seen[:4] == raw.seen[:4] == zoned.seen[:4] == corners.seen[:4]
        assert ours.secrets is raw.secrets is zoned.secrets is corners.secrets
        assert ours.seen.lines
        assert len(raw.seen.lines) == 1
        assert len(zoned.seen.lines) > 1


def test_it_is_told_how_many_days_are_done() -> None:
    told: list[tuple[int, int]] = []
    driven(wanted(days=1), 1, lambda done, whole: told.append((done, whole)))
    assert told == [(1, 1)]


def test_one_process_and_two_drive_the_same(made: Driven) -> None:
    assert plain(driven(wanted(days=3), 2)) == plain(made)


# Days.


def test_a_route_s_days_are_of_one_month_and_one_truck(made: Driven) -> None:
    for route in made.fairhaul:
        dates = [case.seen.date for case in route.cases]
        assert dates == sorted(set(dates))
        assert len({date[:7] for date in dates}) == 1
        assert len({case.seen.vehicle for case in route.cases}) == 1
    assert len({case.seen.vehicle for case in cases(made.fairhaul)}) == len(made.fairhaul)


@pytest.mark.parametrize("city_seed", [1, 2, 11, 12, 24])
def test_a_whole_route_is_of_one_kind_of_truck_and_ends_within_its_month(city_seed: int) -> None:
    shifts = simulated._shifts(city_seed, 6, 1.5)
    days = np.array([made.utc_ms for made in shifts], "datetime64[ms]")
    assert len(shifts) == 6
    assert len({made.day.loader.name for made in shifts}) == 1
    assert len(set(days.astype("datetime64[M]"))) == 1
    assert set(np.diff(days.astype("datetime64[D]")).astype(int)) == {simulated.DAYS_APART}
    assert len({made.seed for made in shifts}) == 6


def test_each_day_has_the_truth_of_its_own_seconds(made: Driven) -> None:
    for case in cases(made.fairhaul):
        begun_s, ended_s = case.seen.duty_s
        secrets = case.secrets
        assert 0 < begun_s < ended_s < len(secrets.way_m) == len(secrets.speed_mps)
        assert ended_s == pytest.approx(HOURS * 3600, rel=0.2)
        for taken in secrets.breaks:
            assert begun_s <= taken.begins_s < taken.ends_s <= ended_s
            assert secrets.way_m[int(taken.begins_s) + 1] == pytest.approx(taken.place_m, abs=1.0)
            assert secrets.speed_mps[int(taken.begins_s) + 1] == 0.0
        for stop_m in secrets.stops_m:
            assert np.hypot(*(secrets.way_m - stop_m).T).min() < 5.0


def test_what_is_published_lies_on_the_true_way(made: Driven) -> None:
    for case in cases(made.fairhaul):
        way = shapely.LineString(case.secrets.way_m)
        places_m = np.concatenate([line.points_m for line in case.seen.lines])
        off_m = shapely.distance(way, shapely.points(places_m))
        assert np.median(off_m) < NEAR_M
        assert off_m.max() < 5 * NEAR_M


# Hidden places.


def test_every_route_has_its_city_s_places_private_ones_and_a_depot(made: Driven) -> None:
    for route in made.fairhaul:
        kinds = [hidden.kind for hidden in route.hidden]
        assert kinds.count("depot") == 1
        assert kinds.count("off_limits") >= 2
        for one, other in itertools.combinations(route.hidden, 2):
            assert np.hypot(*np.subtract(one.place_m, other.place_m)) > 100.0


def test_every_hidden_place_lies_on_the_ground_that_is_known(made: Driven) -> None:
    for kind in made:
        for route in kind:
            for hidden in route.hidden:
                assert hidden.ground.contains(shapely.Point(hidden.place_m))


def test_an_outline_is_known_where_it_is_published_and_a_wide_disc_elsewhere(made: Driven) -> None:
    for ours, raw, zoned in zip(*made[:3], strict=True):
        for outlined, plain_, other in zip(ours.hidden, raw.hidden, zoned.hidden, strict=True):
            assert outlined.place_m == plain_.place_m == other.place_m
            assert plain_ == other
            disc, times = plain_.ground, DEPOT_HINT_TIMES if plain_.kind == "depot" else 1.0
            assert disc.area == pytest.approx(np.pi * (times * HINT_M) ** 2, rel=0.01)
            assert disc.centroid.distance(shapely.Point(plain_.place_m)) <= times * HINT_OFF_M
            assert (outlined.ground == disc) == (outlined.kind == "depot")
            assert outlined.ground.area <= disc.area


def test_no_published_point_lies_on_ground_that_is_off_limits(made: Driven) -> None:
    for route in made.fairhaul:
        grounds = [hidden.ground.buffer(-CUT_M) for hidden in route.hidden if hidden.kind == "off_limits"]
        for case in route.cases:
            for line, ground in itertools.product(case.seen.lines, grounds):
                assert not shapely.intersects_xy(ground, line.points_m).any()


def test_round_zones_keep_their_distance_and_raw_data_do_not(made: Driven) -> None:
    for raw, zoned in zip(made.raw, made.zoned, strict=True):
        for hidden in zoned.hidden:
            places_m = np.concatenate([line.points_m for case in zoned.cases for line in case.seen.lines])
            assert np.hypot(*(places_m - hidden.place_m).T).min() > ZONE_M
        every_m = np.concatenate([line.points_m for case in raw.cases for line in case.seen.lines])
        nearest_m = [np.hypot(*(every_m - hidden.place_m).T).min() for hidden in raw.hidden]
        assert min(nearest_m) < 20.0


def test_the_planes_are_those_on_which_places_count(made: Driven) -> None:
    planes = planes_of(made.fairhaul, SEED)
    assert set(planes) == {route.name for route in made.fairhaul}
    for number, plane in enumerate(planes.values()):
        origin = shift(SEED + number, HOURS, city_seed=SEED + number).city.origin
        assert plane.origin == pytest.approx((origin.latitude_deg * 1e7, origin.longitude_deg * 1e7), abs=1)


def test_street_corners_are_hidden_on_a_tracker_of_their_own_where_two_straight_streets_cross() -> None:
    ground = simulated._ground(1)
    spots_m = [hidden.place_m for hidden in ground.corners()]
    assert len(spots_m) >= 2
    for one, other in itertools.combinations(spots_m, 2):
        assert np.hypot(*np.subtract(one, other)) >= simulated.PRIVATE_APART_M - 1
    for hidden in ground.corners():
        assert hidden.ground.contains(shapely.Point(hidden.place_m))
    city = shift(1, HOURS, city_seed=1).city
    crossings = [node for node in range(len(city.crossings)) if len(city.neighbours[node]) == 4]
    bent = [
        node
        for node in crossings
        if not all(simulated._is_straight(city, node, n) for n in city.neighbours[node])
    ]
    assert bent  # the old town's


def test_trackers_with_round_zones_count_the_whole_way_of_each_trip(made: Driven) -> None:
    for case in [*cases(made.zoned), *cases(made.corners)]:
        whole_m = case.secrets.speed_mps.sum()
        assert sum(trip.ends_m - trip.begins_m for trip in case.seen.trips) == pytest.approx(whole_m, abs=10)
        assert case.seen.lines[-1].odometer_m is not None
    assert all(case.seen.trips == () for case in [*cases(made.fairhaul), *cases(made.raw)])
