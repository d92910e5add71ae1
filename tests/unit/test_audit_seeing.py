"""What an attacker sees: two days of one truck, driven in one runtime, are told apart as they were driven."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from agent.audit.case import Seen
from agent.audit.seeing import Log, WitnessLink, later, metres, seen
from agent.geometry import Plane, Point
from agent.recording.duty import FixedDuty
from agent.service_day import DAY_S
from drivers.inputs import Chunk, Input, Pulse
from tests.sim.drives import (
    DAY_MS,
    MORNING_MS,
    PLANE,
    agreement,
    braking,
    by_time,
    configuration,
    epochs,
    straight,
    switched_on,
)

ROUTE, TRUCK = "eastwards", "truck-017"
DAYS_APART = 4
BEGUN_MS = (MORNING_MS, MORNING_MS + DAYS_APART * DAY_MS + 7_000)  # the second log begins at an odd second
DATES = ("2027-08-31", "2027-09-04")
NORTH_M = (0.0, 500.0)
DROVE_M, STOOD_S, OFF_S = 5_000, 400, 150
ENDED_S = DROVE_M / 20 + STOOD_S + 2.0
EVERY_S = 60
MORNING_S = 9 * 3600  # of the service day, in UTC


def day(number: int) -> Log:
    """Eastwards along a street of its own, with a stand half way and a braking; then off duty for a while."""
    way = straight(DROVE_M, north_m=NORTH_M[number])
    half = len(way) // 2
    way = way[:half] + [way[half]._replace(speed_mps=0.0)] * STOOD_S + way[half:]
    way += [way[-1]._replace(speed_mps=0.0)] * OFF_S
    off = [Pulse(ENDED_S, "ignition", 0), Pulse(ENDED_S, "switch", 0)]
    entries = by_time(switched_on(1.0), epochs(way, utc_ms=BEGUN_MS[number]), braking(60.0), off)
    return Log(ROUTE, TRUCK, BEGUN_MS[number], (1.0, ENDED_S), entries)


def both(name: str) -> list[Seen]:
    return seen([day(0), day(1)], configuration(), agreement(name))


@pytest.fixture(scope="module")
def daily() -> list[Seen]:
    return both("routes-and-safety")


@pytest.fixture(scope="module")
def timed() -> list[Seen]:
    return both("operations")


def plain(days: list[Seen]) -> list[Any]:
    """The same without arrays, so that it can be compared."""
    return [
        (
            each._replace(lines=[]),
            [
                (line.number, line.points_m.tolist(), line.running_s, line.arrived_s, line.part)
                for line in each.lines
            ],
            [line.seconds.tolist() if line.seconds is not None else None for line in each.lines],
        )
        for each in days
    ]


# Both releases.


@pytest.mark.parametrize("name", ["daily", "timed"])
def test_each_line_is_in_the_day_on_which_it_was_driven(name: str, request: pytest.FixtureRequest) -> None:
    for each, date, north_m in zip(request.getfixturevalue(name), DATES, NORTH_M, strict=True):
        assert (each.route, each.vehicle, each.date) == (ROUTE, TRUCK, date)
        assert each.duty_s == (1.0, ENDED_S)
        assert sum(line.length_m for line in each.lines) == pytest.approx(DROVE_M, rel=0.3)
        for line in each.lines:
            assert line.points_m[:, 1] == pytest.approx(north_m, abs=6.0)
        assert [line.number for line in each.lines] == sorted(line.number for line in each.lines)
        starts_m = [line.points_m[0, 0] for line in each.lines]
        assert starts_m == sorted(starts_m)


@pytest.mark.parametrize("name", ["daily", "timed"])
def test_each_arrival_is_in_the_time_before_the_next_day(name: str, request: pytest.FixtureRequest) -> None:
    apart_s = (BEGUN_MS[1] - BEGUN_MS[0]) / 1000
    for each, ends_s in zip(request.getfixturevalue(name), (apart_s, math.inf), strict=True):
        assert {"track", "box"} <= {arrival.stream for arrival in each.arrivals}
        assert all(0.0 <= arrival.at_s < ends_s for arrival in each.arrivals)
        for arrival in each.arrivals:
            assert arrival.topic.endswith(arrival.stream)
            assert arrival.size_bytes > 0
            if arrival.stream == "track":
                assert {record["date"] for record in arrival.records} <= {each.date}


@pytest.mark.parametrize("name", ["daily", "timed"])
def test_each_line_came_with_a_payload(name: str, request: pytest.FixtureRequest) -> None:
    for each in request.getfixturevalue(name):
        came_s = {arrival.at_s for arrival in each.arrivals if arrival.stream == "track"}
        assert {line.arrived_s for line in each.lines} <= came_s


@pytest.mark.parametrize("name", ["daily", "timed"])
def test_every_payload_came_over_a_connection_of_its_day(name: str, request: pytest.FixtureRequest) -> None:
    for each in request.getfixturevalue(name):
        for arrival in each.arrivals:
            assert any(since <= arrival.at_s <= until for since, until in each.connections)


@pytest.mark.parametrize("name", ["routes-and-safety", "operations"])
def test_the_same_inputs_are_seen_the_same(name: str, request: pytest.FixtureRequest) -> None:
    first = request.getfixturevalue("timed" if name == "operations" else "daily")
    assert plain(both(name)) == plain(first)


# Daily.


def test_a_daily_agreement_shows_lines_on_a_later_day_and_no_seconds(daily: list[Seen]) -> None:
    for each, begun_ms in zip(daily, BEGUN_MS, strict=True):
        rest_s = DAY_S - begun_ms // 1000 % DAY_S
        for line in each.lines:
            assert line.arrived_s > ENDED_S
            assert line.seconds is None
            assert line.part is None
            assert line.running_s % 10 == 0
        assert min(since for since, _ in each.connections) > ENDED_S
        assert max(line.arrived_s for line in each.lines) < rest_s + DAY_S


def test_what_a_standstill_counts_at_most_is_the_agreement_s(daily: list[Seen]) -> None:
    assert [each.cap_s for each in daily] == [20.0, 20.0]


# Timed.


def test_a_timed_agreement_s_lines_come_at_multiples_of_its_period(timed: list[Seen]) -> None:
    for each, begun_ms in zip(timed, BEGUN_MS, strict=True):
        begun_s = begun_ms // 1000 % DAY_S
        assert len({line.arrived_s for line in each.lines}) > 3
        assert {(line.arrived_s + begun_s) % EVERY_S for line in each.lines} == {0.0}


def test_published_seconds_count_from_the_log_s_first_sentence(timed: list[Seen]) -> None:
    for each, begun_ms in zip(timed, BEGUN_MS, strict=True):
        begun_s = begun_ms // 1000 % DAY_S
        for line in each.lines:
            assert line.seconds is not None
            assert len(line.seconds) == len(line.points_m)
            assert set((line.seconds + begun_s) % EVERY_S) == {0.0}  # the clock is agreed to the minute
            drove_s = line.points_m[:, 0] / 20.0
            drove_s = np.where(drove_s > ENDED_S / 2 - STOOD_S / 2, drove_s + STOOD_S, drove_s)
            assert (line.seconds <= drove_s + 1.0).all()
            assert (drove_s - line.seconds).min() < EVERY_S + 1.0


def test_a_connection_that_goes_on_for_days_is_in_each_of_them(timed: list[Seen]) -> None:
    first, second = (each.connections for each in timed)
    apart_s = (BEGUN_MS[1] - BEGUN_MS[0]) / 1000
    assert first[-1][1] == apart_s
    assert second[0][0] == 0.0


# Parts.


def test_a_log_without_a_line_of_its_own_can_be_taken_to_be_on_duty() -> None:
    entries = epochs(straight(DROVE_M), utc_ms=MORNING_MS)
    log = Log(ROUTE, TRUCK, MORNING_MS, (0.0, 250.0), entries)
    agreed = agreement()
    assert not seen([log], configuration(), agreed)[0].lines
    assert seen([log._replace(duty=FixedDuty(True))], configuration(), agreed)[0].lines


def test_later_inputs_are_the_same_but_for_their_time() -> None:
    entries: list[Input] = [Chunk(1.0, b"x"), Pulse(2.5, "brake", 1)]
    assert list(later(entries, 100.0)) == [Chunk(101.0, b"x"), Pulse(102.5, "brake", 1)]


def test_a_witness_notes_from_when_until_when_there_was_a_connection() -> None:
    link = WitnessLink()
    link.disconnect()
    for since, until in ((5.0, 9.0), (20.0, 20.0)):
        link.at = since
        link.connect(1, "mqtt://broker")
        link.at = until
        link.disconnect()
    assert link.connections == [(5.0, 9.0), (20.0, 20.0)]


@pytest.mark.parametrize(
    "plane",
    [PLANE, Plane(Point(-335_000_000, 1_799_990_000)), Plane(Point(600_000_000, -1_799_990_000))],
    ids=["Spain", "south, near the date line", "north, beyond it"],
)
def test_degrees_become_metres_of_the_plane(plane: Plane) -> None:
    places_m = [(0.0, 0.0), (1500.0, -700.0), (-2500.0, 1200.0)]
    points = [plane.point(*place_m) for place_m in places_m]
    places_deg = [(point.latitude_e7 / 1e7, point.longitude_e7 / 1e7) for point in points]
    assert metres(plane, places_deg) == pytest.approx(np.array(places_m), abs=0.02)


def test_no_place_is_no_row() -> None:
    assert metres(PLANE, []).shape == (0, 2)
