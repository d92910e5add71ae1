"""A crew's fingerprint on braking records: read where crews brake differently, and only there."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from agent.audit.case import Arrival, Case, Route, Secrets, Seen
from agent.audit.fingerprint import fingerprinted
from agent.geometry import Plane, Point

PLANE = Plane(Point(400_000_000, -40_000_000))


def record(severity: str, east_m: float) -> dict[str, Any]:
    point = PLANE.point(east_m, 50.0)
    return {
        "month": "2026-11",
        "latitude_deg": point.latitude_e7 / 1e7,
        "longitude_deg": point.longitude_e7 / 1e7,
        "severity": severity,
        "corroborated": "yes",
    }


def case(vehicle: str, day: int, records: list[dict[str, Any]]) -> Case:
    arrival = Arrival(40 * 86_400.0 - day, "f/harsh_braking", "harsh_braking", "e", day, 4096, records)
    seen = Seen("r", vehicle, f"2026-11-{day:02d}", (0.0, 1.0), [], [arrival], [], 20.0)
    return Case(seen, Secrets([], np.empty((0, 2)), np.empty(0), np.empty((0, 2)), []))


def fleet(severities: tuple[str, str], easts_m: tuple[float, float]) -> list[Route]:
    cases = [
        case(f"truck-{number}", 2 * day + number + 1, [record(severities[number], easts_m[number])] * 5)
        for day in range(6)
        for number in (0, 1)
    ]
    return [Route("r", cases, [])]


def test_crews_that_brake_differently_are_told_apart() -> None:
    found = fingerprinted(fleet(("hard", "moderate"), (50.0, 50.0)), {"r": PLANE}, 1)
    assert found.by_style.value == 1.0
    assert found.chance.value == 0.5


def test_crews_that_brake_alike_are_not_but_their_districts_are() -> None:
    found = fingerprinted(fleet(("hard", "hard"), (50.0, 950.0)), {"r": PLANE}, 1)
    assert found.by_style.value == 0.5
    assert found.by_place.value == 1.0


def test_without_days_brakings_or_a_second_half_there_are_no_trials() -> None:
    empty = Route("r", [case("t", 1, []), case("t", 2, [])], [])
    alone = Route("r", [case("t", 1, [record("hard", 50.0)])], [])
    for routes in ([], [Route("r", [], [])], [empty], [alone]):
        assert math.isnan(fingerprinted(routes, {"r": PLANE}, 1).by_place.value)
