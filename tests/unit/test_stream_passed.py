"""Every cell that the published line crosses, by two-hour window."""

from __future__ import annotations

from agent.records import iso_date
from agent.streams.cells import Cells, degrees
from agent.streams.passed import WINDOW_S, Passed
from tests.unit.stream_parts import DAY, ORIGIN, PLANE, closed

PASSED = Passed(Cells(ORIGIN, 100.0))


def test_a_record_has_exactly_the_fields_of_the_stream() -> None:
    (record,) = PASSED.stretched(closed([(110.0, 10.0), (190.0, 90.0)], seconds=[36_000, 36_010]))
    assert (record.stream, record.day) == ("passed", DAY)
    assert record.fields == {"date": iso_date(DAY), **degrees(PLANE.point(150.0, 50.0)), "window": 5}


def test_no_cell_between_two_points_is_left_out_and_none_is_told_twice() -> None:
    there_and_back = [(50.0, 50.0), (2050.0, 50.0), (50.0, 50.0)]
    records = PASSED.stretched(closed(there_and_back))
    assert len(records) == 21
    assert len({tuple(record.fields.values()) for record in records}) == 21


def test_the_order_tells_nothing_of_the_direction() -> None:
    way = [(50.0, 50.0), (950.0, 50.0), (950.0, 750.0)]
    assert PASSED.stretched(closed(way)) == PASSED.stretched(closed(way[::-1]))


def test_at_a_window_s_border_each_half_of_the_line_has_the_window_of_its_end() -> None:
    way = closed([(50.0, 50.0), (390.0, 50.0)], seconds=[5 * WINDOW_S - 1, 5 * WINDOW_S])
    records = PASSED.stretched(way)
    east = sorted((r.fields["longitude_deg"], r.fields["window"]) for r in records)
    assert [window for _, window in east] == [4, 4, 5, 5]


def test_a_pause_within_a_stretch_gives_no_window_in_between() -> None:
    way = closed([(0.0, 50.0), (250.0, 50.0), (270.0, 50.0)], seconds=[100, 130, 130 + 5 * WINDOW_S])
    assert {record.fields["window"] for record in PASSED.stretched(way)} == {0, 5}


def test_R8_only_the_published_points_decide() -> None:
    way = closed([(50.0, 50.0), (950.0, 50.0)])
    moved = way._replace(spots=[spot._replace(x_m=9e5, y_m=-9e5, run_m=1e6) for spot in way.spots])
    assert PASSED.stretched(moved) == PASSED.stretched(way)
