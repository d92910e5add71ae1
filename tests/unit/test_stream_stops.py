"""A stop is a place: the nearest declared one, or a square; never a time."""

from __future__ import annotations

from typing import Any

import pytest

from agent.geometry import distance_m, point_of
from agent.records import Record, iso_date
from agent.streams.cells import Cells, degrees
from agent.streams.stops import SNAP_M_MAX, Stops
from tests.unit.stream_parts import DAY, ORIGIN, PLANE, XY, closed

SQUARES = Cells(ORIGIN, 10.0)
WAY_M = [(0.0, 0.0), (3000.0, 0.0)]
BINS_M = [(500.0, 0.0), (520.0, 0.0), (1500.0, 10.0)]
SNAPPED = Stops(SQUARES, [PLANE.point(*xy) for xy in BINS_M])


def places(records: list[Record]) -> list[XY]:
    """Where the stops are shown, to the metre or so that 1e-5 degrees are."""
    shown = [point_of([each.fields["latitude_deg"], each.fields["longitude_deg"]]) for each in records]
    return [PLANE.xy_m(point) for point in shown]


def near(*xys_m: XY) -> list[Any]:
    return [pytest.approx(xy, abs=0.6) for xy in xys_m]


def test_a_record_has_exactly_the_fields_of_the_stream() -> None:
    (record,) = SNAPPED.stretched(closed(WAY_M, number=3, stands_m=[(503.0, 4.0)]))
    assert (record.stream, record.day) == ("stops", DAY)
    assert record.fields == {"date": iso_date(DAY), "stretch": 3, **degrees(PLANE.point(500.0, 0.0))}


def test_declared_points_are_told_once_and_in_an_order_that_tells_nothing() -> None:
    stands = [(1502.0, 8.0), (503.0, 4.0), (498.0, 0.0), (519.0, 1.0), (1499.0, 12.0)]
    forth, back = (SNAPPED.stretched(closed(WAY_M, stands_m=order)) for order in (stands, stands[::-1]))
    assert forth == back
    assert sorted(places(forth)) == near((500, 0), (520, 0), (1500, 10))


@pytest.mark.parametrize(("away_m", "told"), [(SNAP_M_MAX - 0.1, 1), (SNAP_M_MAX + 0.1, 0)])
def test_a_standstill_near_no_declared_point_is_not_told(away_m: float, told: int) -> None:
    assert len(SNAPPED.stretched(closed(WAY_M, stands_m=[(1500.0, 10.0 + away_m)]))) == told


def test_without_any_declared_point_no_stop_is_told() -> None:
    assert Stops(SQUARES, []).stretched(closed(WAY_M, stands_m=[(1.0, 1.0)])) == []


def test_where_any_place_may_be_named_it_is_as_exact_as_agreed_and_in_order() -> None:
    stands = [(1503.0, 4.0), (503.0, 4.0), (1503.0, 4.0)]
    records = Stops(SQUARES, None).stretched(closed(WAY_M, stands_m=stands))
    assert places(records) == near((1505, 5), (505, 5), (1505, 5))
    assert Stops(SQUARES, None).stretched(closed(WAY_M, stands_m=[(1501.0, 9.0)])) == records[:1]


@pytest.mark.parametrize("precision_m", [5.0, 10.0, 100.0])
def test_no_stop_is_farther_from_the_standstill_than_the_precision(precision_m: float) -> None:
    stream = Stops(Cells(ORIGIN, precision_m), None)
    for i in range(200):
        stand = PLANE.point(i * 3.7, i * -1.3)
        (record,) = stream.stretched(closed(WAY_M, stands_m=[(i * 3.7, i * -1.3)]))
        shown = point_of([record.fields["latitude_deg"], record.fields["longitude_deg"]])
        assert distance_m(stand, shown) <= precision_m
