"""A harsh braking leaves as a square, a class and a month."""

from __future__ import annotations

import random

import pytest

from agent.braking import STANDING, Braking
from agent.filters.placed import Placed
from agent.geometry import Plane, Point
from agent.streams.harsh_braking import HarshBraking, shuffled

ORIGIN = Point(404_168_000, -37_038_000)
PLANE = Plane(ORIGIN)
DAY = 20_700  # 2026-09-04


def braking(
    x_m: float = 130.0, y_m: float = -20.0, refused: str | None = None, second: int = 40_000
) -> Braking:
    return Braking(12.5, "yes", "hard", refused, Placed(DAY, second, 1.0, PLANE.point(x_m, y_m)))


def test_a_record_has_exactly_the_fields_of_the_stream() -> None:
    (record,) = HarshBraking(ORIGIN, 100.0).push(braking())
    assert record.stream == "harsh_braking"
    assert record.day == DAY
    assert list(record.fields) == ["month", "latitude_deg", "longitude_deg", "severity", "corroborated"]
    assert record.fields["month"] == "2026-09"
    assert (record.fields["severity"], record.fields["corroborated"]) == ("hard", "yes")


def test_all_places_and_times_of_a_cell_give_the_same_record() -> None:
    stream = HarshBraking(ORIGIN, 100.0)
    places = [(100.1, -99.9), (150.0, -50.0), (199.9, -0.1)]
    records = [stream.push(braking(*place, second=second)) for place in places for second in (0, 86_399)]
    assert all(record == records[0] for record in records)
    centre = PLANE.point(150.0, -50.0)
    assert records[0][0].fields["latitude_deg"] == pytest.approx(centre.latitude_e7 / 1e7, abs=5.1e-6)
    assert records[0][0].fields["longitude_deg"] == pytest.approx(centre.longitude_e7 / 1e7, abs=5.1e-6)


def test_an_implausible_braking_leaves_nothing() -> None:
    assert HarshBraking(ORIGIN, 100.0).push(braking(refused=STANDING)) == []


@pytest.mark.parametrize("where", [None, object(), (1, 2)])
def test_a_braking_without_a_publishable_place_leaves_nothing(where: object) -> None:
    assert HarshBraking(ORIGIN, 100.0).push(Braking(1.0, "yes", "hard", None, where)) == []


def test_any_order_of_records_leaves_in_the_same_order() -> None:
    stream = HarshBraking(ORIGIN, 100.0)
    records = [stream.push(braking(x_m, y_m))[0] for x_m in (0, 500, 1000) for y_m in (0, 300)]
    orders = {tuple(map(str, shuffled(random.Random(seed).sample(records, 6)))) for seed in range(10)}
    assert len(orders) == 1
