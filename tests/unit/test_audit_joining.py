"""Brakings joined to their vehicle-day: by each leak that is planted, and by none where there is none."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from agent.audit.case import Arrival, Braking, Case, Line, Route, Secrets, Seen
from agent.audit.joining import joined
from agent.geometry import Plane, Point

PLANE = Plane(Point(400_000_000, -40_000_000))
DAY_S, DAYS, RELEASED_DAY = 86_400.0, 4, 40
FLEET_TOPIC = "fairhaul/v1/city/harsh_braking"


def record(east_m: float, north_m: float = 50.0) -> dict[str, Any]:
    point = PLANE.point(east_m, north_m)
    return {
        "stream": "harsh_braking",
        "month": "2026-11",
        "latitude_deg": point.latitude_e7 / 1e7,
        "longitude_deg": point.longitude_e7 / 1e7,
        "severity": "hard",
        "corroborated": "yes",
    }


def track(day: int, vehicle: str, n: int, at_s: float = DAY_S) -> Arrival:
    return Arrival(
        at_s, f"fairhaul/v1/city/{vehicle}/track", "track", f"epoch-of-{vehicle}", n, 4096, [{"date": "x"}]
    )


def braking(day: int, vehicle: str) -> Arrival:
    """All days' brakings come on the same day, from buffers of the same age."""
    at_s = (RELEASED_DAY - day) * DAY_S
    return Arrival(
        at_s,
        FLEET_TOPIC,
        "harsh_braking",
        "of-all",
        RELEASED_DAY,
        4096,
        [record(50 + 100 * k) for k in range(3)],
    )


def route(
    name: str = "a",
    change: Callable[[int, str, Arrival], Arrival] = lambda day, vehicle, arrival: arrival,
    north_m: float = 0.0,
    same_truck: bool = False,
) -> Route:
    """A vehicle a day; the ways lie `north_m` apart."""
    cases = []
    for day in range(DAYS):
        vehicle = "truck" if same_truck else f"truck-{day}"
        points_m = np.array([[0.0, 50 + day * north_m], [1000.0, 50 + day * north_m]])
        arrivals = [track(day, vehicle, day + 1), change(day, vehicle, braking(day, vehicle))]
        seen = Seen(
            name,
            vehicle,
            f"2026-11-{day + 1:02d}",
            (0.0, 1.0),
            [Line(0, points_m, 100.0, None, 0.0)],
            arrivals,
            [],
            20.0,
        )
        cases.append(Case(seen, Secrets([], points_m, np.zeros(2), np.empty((0, 2)), [])))
    return Route(name, cases, [])


def shares(*routes: Route) -> dict[str, float]:
    found = joined(routes, {each.name: PLANE for each in routes}, 1)
    return {name: share.value for name, share in found.items()}


def test_without_a_leak_nothing_joins_better_than_chance() -> None:
    found = shares(route("a"), route("b"))
    assert found["chance"] == 1 / DAYS
    assert found["key"] == found["time"] == found["order_along"] == found["space"] == 1 / DAYS
    assert found["time_coincidence"] <= 1 / DAYS


@pytest.mark.parametrize(
    "leak",
    [
        lambda day, vehicle, arrival: arrival._replace(epoch=f"epoch-of-{vehicle}"),
        lambda day, vehicle, arrival: arrival._replace(topic=f"fairhaul/v1/city/{vehicle}/harsh_braking"),
        lambda day, vehicle, arrival: arrival._replace(
            records=[each | {"date": f"2026-11-{day + 1:02d}"} for each in arrival.records]
        ),
    ],
)
def test_a_shared_key_joins(leak: Callable[[int, str, Arrival], Arrival]) -> None:
    assert shares(route(change=leak))["key"] == 1.0


def test_one_truck_s_days_are_told_apart_by_a_date_beside_its_name() -> None:
    def said(day: int, vehicle: str, arrival: Arrival) -> Arrival:
        dated = [each | {"date": f"2026-11-{day + 1:02d}", "vehicle": vehicle} for each in arrival.records]
        return arrival._replace(records=dated)

    assert shares(route(change=said, same_truck=True))["key"] == 1.0


def test_a_number_that_counts_since_the_buffer_was_made_joins_trucks_fitted_on_different_days() -> None:
    aged = []
    for case in route().cases:
        day = int(case.seen.date[-2:]) - 1
        # Fitted so many days before its first shift; both streams count a batch a day since.
        since = 20 * day
        arrivals = [
            each._replace(n=since + (1 if each.stream == "track" else RELEASED_DAY - day))
            for each in case.seen.arrivals
        ]
        aged.append(case._replace(seen=case.seen._replace(arrivals=arrivals)))
    assert shares(Route("a", aged, []))["key"] == 1.0


def test_brakings_that_come_with_the_track_are_joined_by_time() -> None:
    def with_track(day: int, vehicle: str, arrival: Arrival) -> Arrival:
        return arrival._replace(at_s=DAY_S + 60)

    found = shares(route(change=with_track))
    assert found["time"] == 1.0
    assert found["time_coincidence"] == 1.0


def test_brakings_held_equally_long_each_are_joined_by_time_once_the_delay_is_known() -> None:
    def held(day: int, vehicle: str, arrival: Arrival) -> Arrival:
        return arrival._replace(at_s=29 * DAY_S)

    assert shares(route("a", held), route("b", held))["time"] == 1.0


def test_one_batch_in_the_order_of_the_days_is_joined_by_order() -> None:
    cases = route(change=lambda day, vehicle, arrival: arrival._replace(at_s=(30 + day) * DAY_S)).cases
    assert shares(Route("a", cases, []))["order"] == 1.0


def test_records_in_the_order_of_the_way_are_joined_by_it_and_shuffled_ones_are_not() -> None:
    cases = []
    for number, case in enumerate(route().cases):
        backwards = case.seen.lines[0]
        if number % 2:  # half of the days go the other way round
            backwards = backwards._replace(points_m=backwards.points_m[::-1])
        arrivals = [
            each._replace(records=each.records[::-1] if number % 2 else each.records, n=each.n + number)
            for each in case.seen.arrivals
        ]
        cases.append(case._replace(seen=case.seen._replace(lines=[backwards], arrivals=arrivals)))
    found = shares(Route("a", cases, []))
    assert found["order_along"] == 2 / DAYS
    assert found["order_along_shuffled"] < 2 / DAYS


def test_a_cell_that_one_day_alone_crosses_joins_by_space() -> None:
    def there(day: int, vehicle: str, arrival: Arrival) -> Arrival:
        return arrival._replace(records=[record(550, 50 + 300 * day)])

    assert shares(route(change=there, north_m=300.0))["space"] == 1.0


def test_what_comes_together_is_joined_together() -> None:
    def one_told_two_not(day: int, vehicle: str, arrival: Arrival) -> Arrival:
        places = [record(-5000, 50 + 300 * day), record(550, 50 + 300 * day), record(550, 200)]
        return arrival._replace(records=places, n=arrival.n + day)

    found = shares(route(change=one_told_two_not, north_m=300.0))
    assert found["space_together"] > found["space"]


def test_days_of_another_month_are_no_candidates() -> None:
    cases = route().cases
    december = cases[0]._replace(seen=cases[0].seen._replace(date="2026-12-01", arrivals=[]))
    assert shares(Route("a", [*cases, december], []))["chance"] == 1 / DAYS


def test_without_brakings_or_days_there_are_no_trials() -> None:
    def none(day: int, vehicle: str, arrival: Arrival) -> Arrival:
        return arrival._replace(records=[])

    assert all(math.isnan(value) for value in shares().values())
    assert all(math.isnan(value) for value in shares(Route("a", [], []), route("b", none)).values())


def test_brakings_of_days_without_lines_or_other_payloads_raise_nothing() -> None:
    cases = [
        case._replace(seen=case.seen._replace(lines=[], arrivals=case.seen.arrivals[1:]))
        for case in route().cases
    ]
    found = shares(Route("a", cases, []))
    assert found["space"] == found["key"] == found["time"] == 1 / DAYS


def late(north_m: float) -> Route:
    """Each day brakes somewhere else, and all the records come with the payloads of the last day."""
    cases = route(north_m=north_m, same_truck=True).cases
    records = [record(550, 50 + north_m * day) for day in range(DAYS)]
    found = []
    for day, case in enumerate(cases):
        arrivals = case.seen.arrivals[:1]
        if day == DAYS - 1:
            arrivals = [*arrivals, case.seen.arrivals[1]._replace(records=records)]
        secrets = case.secrets._replace(brakings=[Braking(1.0, (550.0, 50 + north_m * day))])
        found.append(Case(case.seen._replace(arrivals=arrivals), secrets))
    return Route("a", found, [])


def test_a_record_is_of_the_day_that_braked_there_whatever_it_came_with() -> None:
    assert shares(late(300.0))["space"] == 1.0
    assert shares(late(0.0))["space"] == 1 / DAYS


def test_records_sorted_as_the_days_were_are_joined_by_order_though_they_come_at_once() -> None:
    assert shares(late(300.0))["order"] == 1.0


def test_records_that_no_braking_explains_are_no_trials() -> None:
    pooled = late(300.0)
    nowhere = [record(9_050.0, 9_050.0)]
    cases = [
        case._replace(
            seen=case.seen._replace(arrivals=[each._replace(records=nowhere) for each in case.seen.arrivals])
        )
        for case in pooled.cases
    ]
    assert joined([pooled._replace(cases=cases)], {"a": PLANE}, 1)["chance"].trials == 0


def test_a_name_in_the_topic_shows_among_trucks_where_the_days_of_one_share_it() -> None:
    def named(truck: str) -> Route:
        cases = route(truck, lambda day, vehicle, each: each._replace(topic=f"f/{truck}/harsh_braking")).cases
        return Route(truck, [each._replace(seen=each.seen._replace(vehicle=truck)) for each in cases], [])

    found = shares(named("a"), named("b"))
    assert found["key"] == 1 / DAYS
    assert found["truck_by_name"] == 1.0
    assert found["truck_chance"] == 0.5


def test_the_age_of_its_buffer_shows_a_truck() -> None:
    def fitted(truck: str, days_ago: int) -> Route:
        cases = route(
            truck, lambda day, vehicle, each: each._replace(n=RELEASED_DAY + days_ago), same_truck=True
        ).cases
        aged = []
        for day, case in enumerate(cases):
            first, last = case.seen.arrivals
            arrivals = [first._replace(n=days_ago + day + 1), last]
            aged.append(case._replace(seen=case.seen._replace(arrivals=arrivals, vehicle=truck)))
        return Route(truck, aged, [])

    found = shares(fitted("a", 0), fitted("b", 30))
    assert found["truck_by_age"] == 1.0
    assert found["truck_by_name"] == 0.5
