"""Brakings as a tracker without Fairhaul sends them: every attack that joins them finds whose they are."""

from __future__ import annotations

import numpy as np

from agent.audit import planted
from agent.audit.case import Braking, Case, Line, Route, Secrets, Seen
from agent.audit.fingerprint import fingerprinted
from agent.audit.joining import joined
from agent.geometry import Plane, Point

PLANE = Plane(Point(400_000_000, -40_000_000))
DAYS, DUTY_S = 4, 8_000.0


def case(day: int, name: str) -> Case:
    """A street driven from west to east, a braking every 400 m, others each day."""
    seconds = np.arange(DUTY_S)
    way_m = np.column_stack([seconds, np.full(len(seconds), 50.0)])
    brakings = [Braking(at_s, (at_s, 50.0)) for at_s in np.arange(150.0 + 100 * day, DUTY_S, 400.0)]
    lines = [Line(1, way_m, np.nan, seconds, DUTY_S)]
    seen = Seen(name, "truck", f"2026-11-{4 * day + 1:02d}", (0.0, DUTY_S), lines, [], [], 20.0)
    return Case(seen, Secrets([], way_m, np.ones(len(seconds)), np.empty((0, 2)), brakings))


RAW = [Route(name, [case(day, name) for day in range(DAYS)], []) for name in ("a", "b", "c")]
PLANES = {route.name: PLANE for route in RAW}


def test_brakings_sent_with_their_day_are_joined_by_key_time_and_order() -> None:
    found = joined(planted.named(RAW, PLANES, 1), PLANES, 1)
    assert found["chance"].value == 1 / DAYS
    assert found["chance"].trials == sum(len(case.secrets.brakings) for route in RAW for case in route.cases)
    for attack in ("key", "time", "time_coincidence", "truck_by_name", "truck_by_age"):
        assert found[attack].value == 1.0
    assert found["order"].value > 0.8


def test_days_in_parts_of_their_own_are_joined_by_space() -> None:
    together = joined(planted.named(RAW, PLANES, 1), PLANES, 1)
    apart = joined(planted.named(planted.apart(RAW), PLANES, 1), PLANES, 1)
    assert together["space"].value <= 1 / DAYS + 0.05
    assert apart["space"].value > 0.9


def test_peaks_tell_one_crew_from_another() -> None:
    found = fingerprinted(planted.named(RAW, PLANES, 1), PLANES, 1)
    assert found.by_style.value > 0.8
    assert found.chance.value < 0.5


def test_equal_seeds_give_equal_brakings_and_without_any_there_is_nothing_to_join() -> None:
    first, second = (planted.named(RAW, PLANES, 1) for _ in range(2))
    assert [one.cases[0].seen.arrivals for one in first] == [one.cases[0].seen.arrivals for one in second]
    empty = [
        route._replace(
            cases=[each._replace(secrets=each.secrets._replace(brakings=[])) for each in route.cases]
        )
        for route in RAW
    ]
    assert joined(planted.named(empty, PLANES, 1), PLANES, 1)["key"].trials == 0
