"""Each attack on zones finds what it should in a world made for it, and stands worlds in which there is nothing."""

from __future__ import annotations

import math

import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.audit.case import Arrival, Seen, Trip
from agent.audit.zones import ATTACKS, Target, blind, by_map, chance, differenced, discovered
from agent.audit.zones.controls import CONTROLS
from tests.unit.zone_parts import days_of, hint, off_limits, path, seconds_along, seen, within

GROUND = shapely.box(-100, -100, 100, 100)
FAR = path((5_000, 5_000), (6_000, 5_000))


def crossing_at(place_m: tuple[float, float], far_m: float = 250.0) -> list[Seen]:
    """Two days on which a truck was cut on its way to a place, 150 m from it in the west, `far_m` in the south."""
    east_m, north_m = place_m
    west = path((-900, north_m), (-150, north_m))
    south = path((east_m, -900), (east_m, -far_m))
    return [
        seen(west, path((150, north_m), (900, north_m))),
        seen(south, path((east_m, far_m), (east_m, 900))),
    ]


def is_near(guess_m: object, place_m: tuple[float, float], within_m: float) -> bool:
    return isinstance(guess_m, np.ndarray) and bool(np.hypot(*(guess_m - np.array(place_m))) <= within_m)


@pytest.mark.parametrize("attack", ["heading rays", "ray crossings"])
def test_two_crossing_rays_meet_at_the_place(attack: str):
    assert is_near(ATTACKS[attack](crossing_at((40, -30)), off_limits(GROUND)), (40, -30), 3)


def test_rays_that_head_elsewhere_do_not_count():
    days = [*crossing_at((40, -30)), seen(path((-300, -300), (-300, 200)), path((-300, 320), (-900, 320)))]
    assert is_near(ATTACKS["heading rays"](days, off_limits(GROUND)), (40, -30), 3)


def test_parallel_rays_give_the_place_on_the_street_next_to_the_middle():
    days = [seen(path((-900, 60), (-150, 60)), path((150, 60), (900, 60)))]
    assert is_near(ATTACKS["heading rays"](days, off_limits(GROUND)), (0, 60), 5)
    assert ATTACKS["ray crossings"](days, off_limits(GROUND)) is None


def test_the_middle_of_the_cuts_is_found():
    assert is_near(ATTACKS["centroid"](crossing_at((0, 0), 150.0), off_limits(GROUND)), (0, 0), 3)


def test_the_middle_of_the_cuts_is_found_where_most_of_them_are_on_one_side():
    lines = [
        path((-900, north_m), (-math.sqrt(200**2 - north_m**2), north_m)) for north_m in range(-120, 121, 40)
    ]
    days = [
        seen(*lines, path((900, 0), (200, 0)), path((-900, -400), (900, -400)), path((-900, 400), (900, 400)))
    ]
    assert is_near(ATTACKS["centroid"](days, off_limits(GROUND)), (0, 0), 10)


def test_rays_into_a_round_zone_that_meet_after_one_and_the_same_way_meet_in_its_middle():
    days = [
        seen(path((-900, 0), (-200, 0)), path((200, 0), (900, 0))),
        seen(path((-900, 90), (-178, 90)), path((178, 90), (900, 90))),
    ]
    assert is_near(ATTACKS["heading rays"](days, off_limits(GROUND)), (0, 0), 3)


def test_of_many_crossings_the_one_with_arms_of_one_length_is_the_place():
    rows = [seen(path((-900, y), (-x, y)), path((x, y), (900, y))) for y, x in ((0, 200), (90, 178))]
    columns = [seen(path((x, -900), (x, -y)), path((x, y), (x, 900))) for x, y in ((0, 200), (-70, 187))]
    assert is_near(ATTACKS["ray crossings"]([*rows, *columns], off_limits(GROUND)), (0, 0), 10)


def test_the_street_through_the_ground_is_found_without_any_distance():
    days = [seen(path((-900, 60), (-150, 60)), path((150, 60), (900, 60)))]
    assert is_near(ATTACKS["distance and streets"](days, off_limits(GROUND)), (0, 60), 8)


def test_a_published_total_tells_how_far_behind_the_last_cut_the_depot_is():
    ground = shapely.Point(400, 0).buffer(300)
    day = seen(path((0, 0), (-900, 0), (-900, 3), (0, 3)))
    record = {"date": day.date, "distance_m": 1_803 + 2 * 250}
    day = day._replace(arrivals=[Arrival(100_000.0, "t", "day", "e", 1, 99, [record])])
    assert is_near(ATTACKS["distance and streets"]([day], Target("depot", ground)), (250, 0), 23)


def test_seconds_and_the_end_of_the_shift_tell_how_far_the_depot_is():
    ground = shapely.Point(500, 0).buffer(300)
    fixes_m = seconds_along(path((-900, 0), (0, 0)), 10.0)
    moments_s = np.arange(len(fixes_m), dtype=np.float64)
    day = seen(fixes_m, seconds=[moments_s], duty_s=moments_s[-1] + 15 + 40)
    assert is_near(ATTACKS["distance and streets"]([day], Target("depot", ground)), (390, 0), 23)


def test_the_metres_of_whole_trips_tell_how_far_behind_the_cuts_the_place_is():
    """In from the west, 230 m to the stay; out to the north, 190 m from it: past the corner at (50, 0)."""
    fixes_m = [path((-900, 0), (-150, 0)), path((50, 160), (50, 900))]
    day = seen(*fixes_m, seconds=[np.array([0.0, 75.0]), np.array([1_000.0, 1_074.0])])
    lines = [
        line._replace(odometer_m=ends_m)
        for line, ends_m in zip(day.lines, ((0.0, 750.0), (1_170.0, 1_910.0)), strict=True)
    ]
    trips = (Trip(0.0, 98.0, 0.0, 980.0), Trip(900.0, 1_100.0, 980.0, 1_910.0))
    days = [
        day._replace(lines=lines, trips=trips),
        seen(path((-900, 0), (-150, 0)), path((250, 0), (900, 0))),
    ]
    assert is_near(ATTACKS["distance and streets"](days, off_limits(GROUND)), (50, -30), 15)
    assert not is_near(ATTACKS["distance and streets"]([day, days[1]], off_limits(GROUND)), (50, -30), 15)


def test_every_attack_has_a_tracker_on_which_it_must_succeed():
    assert list(CONTROLS) == list(ATTACKS)
    assert {control.tracker for control in CONTROLS.values()} == {"raw", "zoned", "corners"}
    assert min(control.least for control in CONTROLS.values()) >= 0.6


def test_the_last_destination_of_raw_days_is_the_depot():
    days = [seen(path((500, 500), (north_m, -900), (502, 498))) for north_m in (0, 300, 700)]
    ground = shapely.Point(400, 600).buffer(300)
    assert is_near(ATTACKS["last destination"](days, Target("depot", ground)), (501, 499), 3)


def test_a_stay_is_found_in_exact_seconds():
    fixes_m = np.concatenate(
        [
            seconds_along(path((-900, 0), (-40, 0))),
            np.full((900, 2), (-40.0, 0.0)),
            seconds_along(path((-40, 0), (900, 0))),
        ]
    )
    day = seen(fixes_m, seconds=[np.arange(len(fixes_m), dtype=np.float64)])
    assert is_near(ATTACKS["stay points"]([day], off_limits(GROUND)), (-40, 0), 10)


def test_a_stay_is_found_between_two_arrivals_on_duty():
    day = seen(path((-900, 0), (-40, 0)), path((-40, 0), (900, 0)))
    lines = [
        line._replace(arrived_s=at_s, running_s=60.0)
        for line, at_s in zip(day.lines, (600.0, 1_800.0), strict=True)
    ]
    assert is_near(ATTACKS["stay points"]([day._replace(lines=lines)], off_limits(GROUND)), (-40, 0), 1)


def test_two_versions_of_an_agreement_differ_where_the_place_was_added():
    wide = seen(path((-900, 20), (900, 20)))
    narrow = seen(path((-900, 20), (-100, 20)), path((100, 20), (900, 20)))
    for before, after in (([wide], [narrow]), ([narrow], [wide])):
        assert is_near(differenced(before, after, off_limits(GROUND)), (0, 20), 25)


def test_a_stay_that_only_one_version_shows_is_the_place():
    fixes_m = np.concatenate(
        [
            seconds_along(path((-900, 20), (50, 20))),
            np.full((600, 2), (50.0, 20.0)),
            seconds_along(path((50, 20), (900, 20))),
        ]
    )
    wide = seen(fixes_m, seconds=[np.arange(len(fixes_m), dtype=np.float64)])
    narrow = seen(path((-900, 20), (-100, 20)), path((100, 20), (900, 20)))
    assert is_near(differenced([wide], [narrow], off_limits(GROUND)), (50, 20), 10)


def test_a_street_map_and_the_outline_name_the_place_farthest_up_a_street_into_the_ground():
    streets_m = np.concatenate([path((-900, -250), (900, -250)), path((60, -250), (60, 80))])
    assert is_near(by_map(off_limits(GROUND), streets_m), (60, 80), 5)


@pytest.mark.parametrize("streets_m", [path((-900, 150), (900, 150)), path((-50, 0), (50, 0))])
def test_a_map_without_streets_inside_and_outside_names_nothing(streets_m: np.ndarray):
    assert by_map(off_limits(GROUND), streets_m) is None


def test_equal_versions_give_nothing():
    day = seen(path((-900, 20), (900, 20)))
    assert differenced([day], [day], off_limits(GROUND)) is None
    assert differenced([], [], off_limits(GROUND)) is None


NOTHING_MUCH = {
    "no day": [],
    "no line": [seen()],
    "a line without points": [seen(np.empty((0, 2)))],
    "a line of one point": [seen(path((0, 0)))],
    "a line without length": [seen(path((0, 0), (0, 0)))],
    "one line": [seen(path((-900, 0), (900, 0)))],
    "one line far away": [seen(FAR)],
    "one day cut far away": [seen(FAR, path((7_000, 5_000), (8_000, 5_000)))],
    "cuts at one place": [seen(path((-900, 0), (-200, 0)), path((-200.5, 0), (-900, 0)))] * 2,
    "cuts without heading": [seen(path((-200, 0), (-200, 0)), path((200, 0), (200, 0)))],
    "seconds that stand still": [seen(path((-200, 0), (0, 0)), seconds=[np.zeros(2)])],
}


@pytest.mark.parametrize("kind", ["off_limits", "depot"])
@pytest.mark.parametrize("attack", ATTACKS)
@pytest.mark.parametrize("days", NOTHING_MUCH.values(), ids=NOTHING_MUCH)
def test_next_to_nothing_gives_no_guess_or_one_on_the_ground(attack: str, days: list[Seen], kind: str):
    guess_m = ATTACKS[attack](days, Target(kind, GROUND))
    assert guess_m is None or (guess_m.shape == (2,) and GROUND.distance(shapely.Point(guess_m)) < 1e-6)


def test_nothing_is_discovered_where_nothing_is_cut():
    assert discovered([]).shape == (0, 2)
    assert discovered([seen()]).shape == (0, 2)


def test_guesses_outside_the_ground_move_to_its_edge():
    days = [seen(path((-900, 0), (900, 0)))]
    ground = shapely.box(-100, 100, 100, 300)
    assert is_near(ATTACKS["last destination"](days, Target("depot", ground)), (0, 100), 101)
    assert ground.touches(shapely.Point(ATTACKS["last destination"](days, Target("depot", ground))))


def test_chance_is_the_share_of_the_ground_near_the_secret():
    assert chance(off_limits(GROUND), (0, 0), 50) == pytest.approx(np.pi * 50**2 / 200**2, rel=0.01)
    assert chance(off_limits(GROUND), (100, 100), 50) == pytest.approx(np.pi * 50**2 / 200**2 / 4, rel=0.01)
    assert chance(off_limits(GROUND), (0, 0), 500) == pytest.approx(1.0)


def test_the_blind_guess_lies_on_the_ground_even_where_its_middle_does_not():
    horseshoe = shapely.box(-100, -100, 100, 100) - shapely.box(-80, -80, 80, 100)
    assert horseshoe.intersects(shapely.Point(blind(off_limits(horseshoe))).buffer(1e-6))


def _moved(days: list[Seen], by_m: np.ndarray) -> list[Seen]:
    return [
        day._replace(lines=[line._replace(points_m=line.points_m + by_m) for line in day.lines])
        for day in days
    ]


WORLD = days_of(np.random.default_rng(5), within(np.zeros(2), 200.0), count=1)
HINT = hint(np.random.default_rng(6), np.zeros(2))
STILL = {name: attack(WORLD, off_limits(HINT)) for name, attack in ATTACKS.items()}


@settings(max_examples=20, deadline=None)  # the street graph takes a while
@given(st.integers(-300, 300), st.integers(-300, 300), st.sampled_from(sorted(ATTACKS)))
def test_a_guess_moves_with_the_world(east_cells: int, north_cells: int, attack: str):
    by_m = np.array([10.0 * east_cells, 10.0 * north_cells])  # in whole cells of the street graph
    ground = shapely.transform(HINT, lambda points_m: points_m + by_m)
    still_m, guess_m = STILL[attack], ATTACKS[attack](_moved(WORLD, by_m), off_limits(ground))
    assert (guess_m is None) == (still_m is None)
    assert guess_m is None or still_m is None or np.abs(guess_m - by_m - still_m).max() < 0.5
