"""The simulated shift: what a refuse round must look like, and that equal arguments give equal bytes."""

from __future__ import annotations

import functools
import itertools
import statistics

import pytest

from drivers.simulate import Second, Shift, shift
from drivers.simulate.drive import FADES_OUT_MPS
from drivers.simulate.plane import Spot, distance_m

EIGHT_HOURS = [1, 3, 7]  # rear loader, rear loader with three landfill runs, side loader


@functools.cache
def made(seed: int, hours: float) -> Shift:
    return shift(seed, hours)


@functools.cache
def truth_of(seed: int, hours: float) -> list[Second]:
    return list(made(seed, hours).truth())


def spot_of(second: Second, drive: Shift) -> Spot:
    """The second's place back on the plane."""
    zero, one = drive.city.origin.degrees(0, 0), drive.city.origin.degrees(1000, 1000)
    north_m = (second.latitude_deg - zero[0]) / (one[0] - zero[0]) * 1000
    return Spot((second.longitude_deg - zero[1]) / (one[1] - zero[1]) * 1000, north_m)


def test_equal_arguments_give_equal_sentences_pulses_and_truth() -> None:
    first, second = shift(11, 0.4), shift(11, 0.4)
    assert list(first.nmea()) == list(second.nmea())
    assert list(first.pulses()) == list(second.pulses())
    assert list(first.truth()) == list(second.truth())


def test_another_seed_is_another_city_and_another_day() -> None:
    assert shift(1, 0.1).city.origin != shift(2, 0.1).city.origin
    assert list(shift(1, 0.1).nmea()) != list(shift(2, 0.1).nmea())


def test_another_day_in_the_same_city_takes_the_same_round() -> None:
    monday, tuesday = shift(20, 2, city_seed=5), shift(23, 2, city_seed=5)
    assert monday.city == tuesday.city
    assert monday.day.loader == tuesday.day.loader
    streets = [
        [street for street, _ in itertools.groupby(stop.street for stop in day.day.stops)]
        for day in (monday, tuesday)
    ]
    assert streets[0][:6] == streets[1][:6]
    assert monday.day.stops != tuesday.day.stops


@pytest.mark.parametrize("hours", [0.05, 0.1, 0.4, 1, 1.5, 3, 4, 8, 14])
@pytest.mark.parametrize("seed", [1, 7])
def test_a_shift_lasts_as_long_as_asked_and_has_stops(seed: int, hours: float) -> None:
    drive = made(seed, hours)
    assert drive.seconds == pytest.approx(hours * 3600, abs=0.001)
    assert drive.day.stops


@pytest.mark.parametrize(
    ("hours", "least", "most"), [(0.3, 0, 0), (0.4, 1, 1), (3.9, 1, 1), (4, 2, 2), (8, 2, 2)]
)
def test_breaks_by_length_of_shift(hours: float, least: int, most: int) -> None:
    for seed in range(6):
        assert least <= len(shift(seed, hours).breaks) <= most


@pytest.mark.parametrize("seed", EIGHT_HOURS)
def test_most_stops_are_15_to_100_m_apart(seed: int) -> None:
    spots = [stop.spot for stop in made(seed, 8).day.stops]
    gaps_m = [distance_m(a, b) for a, b in itertools.pairwise(spots)]
    assert statistics.mean(15 <= gap_m <= 100 for gap_m in gaps_m) > 0.9
    assert 350 < len(spots) < 1200


@pytest.mark.parametrize("seed", EIGHT_HOURS)
def test_speed_and_acceleration_stay_within_a_trucks_bounds(seed: int) -> None:
    speeds = [second.speed_mps for second in truth_of(seed, 8)]
    changes = [b - a for a, b in itertools.pairwise(speeds)]
    assert max(speeds) <= 25.0
    assert max(changes) <= 1.2
    assert min(changes) >= -6.0
    assert FADES_OUT_MPS > 25.0


@pytest.mark.parametrize("seed", EIGHT_HOURS)
def test_speed_agrees_with_the_way_gone(seed: int) -> None:
    seconds = truth_of(seed, 8)
    spots = [spot_of(second, made(seed, 8)) for second in seconds]
    for (a, b), (here, there) in zip(itertools.pairwise(seconds), itertools.pairwise(spots), strict=True):
        assert distance_m(here, there) <= max(a.speed_mps, b.speed_mps) + 0.6


@pytest.mark.parametrize("seed", EIGHT_HOURS)
def test_landfill_runs_reach_80_kmh_and_tip_one_to_three_times(seed: int) -> None:
    seconds = truth_of(seed, 8)
    assert max(second.speed_mps for second in seconds) * 3.6 > 80
    runs = [state for state, _ in itertools.groupby(second.state for second in seconds) if state == "dumping"]
    assert 1 <= len(runs) <= 3
    assert {second.place for second in seconds if second.state == "dumping"} == {"landfill"}


@pytest.mark.parametrize("seed", EIGHT_HOURS)
def test_the_truck_serves_inside_and_starts_and_ends_at_the_depot_outside_the_service_area(seed: int) -> None:
    drive, seconds = made(seed, 8), truth_of(seed, 8)
    assert not drive.city.served_at(drive.city.crossings[drive.city.depot])
    assert (seconds[0].place, seconds[-1].place) == ("depot", "depot")
    assert (seconds[0].state, seconds[-1].state) == ("off", "off")
    assert all(drive.city.served_at(stop.spot) for stop in drive.day.stops)


@pytest.mark.parametrize("seed", EIGHT_HOURS)
def test_the_round_passes_an_off_limits_place(seed: int) -> None:
    passing = [s for s in truth_of(seed, 8) if s.place == "off_limits" and s.break_index is None]
    assert len(passing) > 20


def test_every_second_of_truth_counts_on() -> None:
    seconds = truth_of(3, 8)
    assert [second.at_s for second in seconds] == list(range(len(seconds)))
    assert len({second.utc for second in seconds}) == len(seconds)


def test_stops_in_truth_are_the_stops_of_the_day() -> None:
    served = {second.stop for second in truth_of(7, 8)} - {None}
    assert served == set(range(len(made(7, 8).day.stops)))
    assert all((second.stop is not None) == (second.state == "serving") for second in truth_of(7, 8))


def test_lifts_in_truth_are_the_rises_of_the_line_and_happen_while_serving() -> None:
    drive, seconds = made(7, 8), truth_of(7, 8)
    rises = [pulse.at for pulse in drive.pulses() if pulse.pin == "lift" and pulse.level == 1]
    assert rises
    assert [int(at_s) for at_s in rises] == [second.at_s for second in seconds for _ in range(second.lifts)]
    assert all(  # a stop may begin within the second in which a bin rises
        "serving" in (second.state, after.state)
        for second, after in itertools.pairwise(seconds)
        if second.lifts
    )


@pytest.mark.parametrize("seed", EIGHT_HOURS)
def test_sites_are_outside_the_service_area_and_hold_what_happens_there(seed: int) -> None:
    drive = made(seed, 8)
    assert [site.kind for site in drive.city.sites] == ["depot", "landfill"]
    for site in drive.city.sites:
        assert not any(drive.city.served_at(corner) for corner in site.ring)
        assert site.holds(site.gate)
        assert not site.holds(Spot(site.gate.east_m + 151, site.gate.north_m))
    dumping = [second for second in truth_of(seed, 8) if second.state == "dumping"]
    assert all(drive.city.sites[1].holds(spot_of(second, drive)) for second in dumping)


def test_a_break_on_the_route_begins_and_ends_where_the_round_goes_on() -> None:
    drive = next(made(seed, 2) for seed in range(20) if made(seed, 2).breaks[0].kind == "on_route")
    seconds = list(drive.truth())
    first = next(i for i, second in enumerate(seconds) if second.break_index == 0)
    last = next(i for i in range(len(seconds) - 1, 0, -1) if seconds[i].break_index == 0)
    assert seconds[first - 1].state == "serving"
    assert distance_m(spot_of(seconds[first - 1], drive), spot_of(seconds[last + 1], drive)) < 5


def test_an_off_limits_break_lies_off_limits() -> None:
    for seed in range(12):
        for entry in made(seed, 2).breaks:
            assert (entry.kind == "off_limits") <= made(seed, 2).city.off_limits_at(entry.spot)


@pytest.mark.parametrize(
    "wrong",
    [
        {"hours": 0.049}, {"hours": 14.1}, {"break_minutes": 0.9}, {"break_minutes": 241},
        {"noise_m": -0.1}, {"noise_m": 50.1}, {"rate_hz": 0.4}, {"rate_hz": 10.1},
    ],
)  # fmt: skip
def test_what_is_out_of_range_is_refused_by_name(wrong: dict[str, float]) -> None:
    with pytest.raises(ValueError, match=next(iter(wrong))):
        shift(1, **{"hours": 1.0, **wrong})
