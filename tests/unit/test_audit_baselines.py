"""Trackers without Fairhaul: raw data keep every fix, round zones cut every hidden place out."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.audit.baselines import ZONE_M, raw, received, zoned
from agent.audit.case import Arrival, Floats, Seen
from agent.geometry import Plane, Point
from drivers.simulate.sentences import with_checksum
from tests.sim.drives import MORNING_MS, PLANE, Spot, sentences

SHOWN = Seen(
    "route",
    "truck",
    "2027-03-01",
    (5.0, 900.0),
    [],
    [Arrival(60_000.0, "t/track", "track", "e", 1, 4096, [])],
    [(60_000.0, 60_001.0)],
    20.0,
)


def drive(seconds: int, missing: list[int] | None = None) -> Floats:
    """Eastwards at 10 m/s; NaN at seconds that are missing."""
    fixes_m = np.column_stack([10.0 * np.arange(seconds), np.zeros(seconds)])
    fixes_m[missing or []] = np.nan
    return fixes_m


# Raw.


def test_raw_data_keep_every_fix_with_its_second() -> None:
    fixes_m = drive(100, missing=[0, 40, 41])
    (line,) = raw(SHOWN, fixes_m).lines
    assert line.seconds is not None
    there = [second for second in range(100) if second not in (0, 40, 41)]
    assert line.seconds.tolist() == there
    assert (line.points_m == fixes_m[there]).all()
    assert math.isnan(line.running_s)
    assert line.arrived_s == 99.0


def test_raw_data_are_sent_at_once_and_nothing_is_capped() -> None:
    bare = raw(SHOWN, drive(100))
    assert bare.connections == [(0.0, 99.0)]
    assert bare.arrivals == []
    assert bare.cap_s == math.inf
    assert bare[:4] == SHOWN[:4]


@pytest.mark.parametrize("fixes_m", [np.empty((0, 2)), np.full((50, 2), np.nan), drive(1)])
def test_less_than_two_fixes_make_no_line(fixes_m: Floats) -> None:
    assert raw(SHOWN, fixes_m).lines == []
    assert zoned(SHOWN, fixes_m, [(0.0, 0.0)]).lines == []


# Round zones.


@given(
    st.lists(st.tuples(st.integers(0, 3000), st.integers(-300, 300)), max_size=4),
    st.lists(st.integers(0, 299), max_size=30, unique=True),
)
def test_no_place_lies_within_a_zone_and_none_outside_is_missing(
    hidden_m: list[tuple[float, float]], missing: list[int]
) -> None:
    fixes_m = drive(300, missing)
    lines = zoned(SHOWN, fixes_m, hidden_m).lines
    shown_m = np.concatenate([np.empty((0, 2)), *(line.points_m for line in lines)])
    free = ~np.isnan(fixes_m[:, 0])
    for place_m in hidden_m:
        assert (np.hypot(*(shown_m - place_m).T) > ZONE_M).all()
        free &= np.hypot(*(fixes_m - np.array(place_m)).T) > ZONE_M
    alone = free.sum() - len(shown_m)  # a fix between two zones makes no line
    assert 0 <= alone <= len(hidden_m) + len(missing) // 10 + 1
    for line in lines:
        assert line.seconds is not None
        assert (line.points_m == fixes_m[line.seconds.astype(int)]).all()


def test_a_zone_parts_two_lines_at_its_edge() -> None:
    lines = zoned(SHOWN, drive(300), [(1500.0, 0.0)]).lines
    assert [line.number for line in lines] == [1, 2]
    assert [line.points_m[0, 0] for line in lines] == [0.0, 1710.0]
    assert [line.points_m[-1, 0] for line in lines] == [1290.0, 2990.0]
    assert [line.arrived_s for line in lines] == [129.0, 299.0]


def test_a_tracker_counts_the_metres_of_a_whole_trip_hidden_ones_too() -> None:
    """300 s driven, 400 s stood, 300 s driven, 100 s stood, and driven on: less than five minutes end no trip."""
    speed_mps = np.repeat([10.0, 0.0, 10.0, 0.0, 10.0], [300, 400, 300, 100, 100])
    odometer_m = np.cumsum(speed_mps) + 2.0
    fixes_m = np.column_stack([odometer_m, np.zeros(len(odometer_m))])
    day = zoned(SHOWN, fixes_m, [(3000.0, 0.0)], odometer_m)
    assert [(trip.begins_m, trip.ends_m) for trip in day.trips] == [(10.0, 3000.0), (3000.0, 7000.0)]
    assert [(trip.begins_s, trip.ends_s) for trip in day.trips] == [(0.0, 299.0), (699.0, 1199.0)]
    assert [line.odometer_m for line in day.lines] == [(10.0, 2790.0), (3200.0, 7000.0)]


def test_without_an_odometer_and_in_raw_data_no_metres_are_counted() -> None:
    for day in (raw(SHOWN, drive(300)), zoned(SHOWN, drive(300), [(1500.0, 0.0)])):
        assert day.trips == ()
        assert {line.odometer_m for line in day.lines} == {None}


def test_a_truck_that_never_moves_makes_no_trip() -> None:
    assert zoned(SHOWN, drive(300), [], np.zeros(300)).trips == ()


def test_some_seconds_without_a_fix_part_nothing() -> None:
    assert len(zoned(SHOWN, drive(300, missing=list(range(100, 109))), []).lines) == 1
    assert len(zoned(SHOWN, drive(300, missing=list(range(100, 111))), []).lines) == 2


def test_a_truck_that_never_leaves_a_zone_shows_nothing() -> None:
    assert zoned(SHOWN, drive(20), [(100.0, 0.0)]).lines == []


# What the receiver said.


def rmc(spot: Spot, plane: Plane = PLANE) -> bytes:
    return sentences(MORNING_MS, spot, plane).splitlines()[0]


@pytest.mark.parametrize(
    "plane",
    [PLANE, Plane(Point(-335_000_000, 1_512_000_000)), Plane(Point(-335_000_000, 1_799_990_000))],
    ids=["north-west", "south-east", "date line"],
)
def test_a_sentence_tells_where_the_receiver_was(plane: Plane) -> None:
    spots = [Spot(0, 0), Spot(1200, -400), Spot(-30, 2000)]
    places_m = received((rmc(spot, plane) for spot in spots), plane)
    assert places_m == pytest.approx(np.array([spot[:2] for spot in spots]), abs=0.02)


def test_without_a_fix_of_its_own_there_is_no_place() -> None:
    void = rmc(Spot(0, 0, quality=0))
    estimated = with_checksum(rmc(Spot(0, 0)).decode().partition("*")[0][1:].replace(",A,V", ",E,V"))
    assert b",E,V" in estimated
    assert np.isnan(received([void, estimated], PLANE)).all()
    assert not np.isnan(received([rmc(Spot(0, 0))], PLANE)).any()


def test_of_no_sentence_there_is_no_row() -> None:
    assert received([], PLANE).shape == (0, 2)
