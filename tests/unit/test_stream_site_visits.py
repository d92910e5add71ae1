"""A visit is a minute at a declared site; its class is of the time that may be published."""

from __future__ import annotations

import json

import pytest

from agent.geometry import Point
from agent.records import Record, iso_date
from agent.streams.site_visits import VISIT_S_MIN, SiteVisits, dwell_classes
from tests.unit.stream_parts import DAY, PLANE, placed, stayed

BOUNDS_S = [600.0, 1800.0]
LANDFILL_M, DEPOT_M, STREET_M = 1000.0, -1000.0, 0.0


def site_of(point: Point) -> str | None:
    x_m, _ = PLANE.xy_m(point)
    return {LANDFILL_M: "landfill", DEPOT_M: "depot"}.get(round(x_m, -1))


def visits() -> SiteVisits:
    return SiteVisits(site_of, BOUNDS_S)


def told(records: list[Record]) -> list[tuple[str, str]]:
    assert all(record.fields["visits"] == 1 for record in records)
    return [(record.fields["site"], record.fields["dwell_class"]) for record in records]


def test_a_record_has_exactly_the_fields_of_the_stream() -> None:
    stream = visits()
    assert stayed(stream, 700, LANDFILL_M) == []
    (record,) = stayed(stream, 100, STREET_M)
    assert (record.stream, record.day) == ("site_visits", DAY)
    assert record.fields == {
        "date": iso_date(DAY),
        "site": "landfill",
        "visits": 1,
        "dwell_class": "10 to 30 min",
    }


@pytest.mark.parametrize(
    ("dwelt_s", "told_of"),
    [
        (VISIT_S_MIN - 1, []),
        (VISIT_S_MIN, ["under 10 min"]),
        (599, ["under 10 min"]),
        (600, ["10 to 30 min"]),
        (1799, ["10 to 30 min"]),
        (1800, ["over 30 min"]),
        (9000, ["over 30 min"]),
    ],
)
def test_the_class_follows_the_time_at_the_site(dwelt_s: int, told_of: list[str]) -> None:
    stream = visits()
    stayed(stream, dwelt_s + 1, LANDFILL_M)  # the first fix there has no time there behind it
    assert [word for _, word in told(stream.cut())] == told_of


@pytest.mark.parametrize(("away_s", "number"), [(VISIT_S_MIN - 1, 1), (VISIT_S_MIN, 2)])
def test_noise_at_the_fence_makes_no_second_visit(away_s: int, number: int) -> None:
    stream = visits()
    records = stayed(stream, 300, LANDFILL_M) + stayed(stream, away_s, STREET_M)
    records += stayed(stream, 300, LANDFILL_M) + stream.cut()
    assert told(records) == [("landfill", "under 10 min")] * number


def test_another_site_ends_the_visit_at_once() -> None:
    stream = visits()
    stayed(stream, 300, LANDFILL_M)
    assert told(stayed(stream, 300, DEPOT_M) + stream.cut()) == [
        ("landfill", "under 10 min"),
        ("depot", "under 10 min"),
    ]


def test_a_pause_adds_nothing_to_a_visit() -> None:
    stream = visits()
    stayed(stream, 500, LANDFILL_M)
    stream.placed(placed(LANDFILL_M, elapsed_s=0.0))  # an hour later
    stayed(stream, 50, LANDFILL_M)
    assert told(stream.cut()) == [("landfill", "under 10 min")]


def test_a_day_s_end_ends_the_visit_under_the_date_it_began() -> None:
    stream = visits()
    stayed(stream, 700, LANDFILL_M)
    (record,) = stayed(stream, 300, LANDFILL_M, day=DAY + 1)
    assert (record.day, told([record])) == (DAY, [("landfill", "10 to 30 min")])
    (record,) = stream.cut()
    assert (record.day, told([record])) == (DAY + 1, [("landfill", "under 10 min")])


def test_a_cut_ends_the_visit_and_forgets_it() -> None:
    stream = visits()
    stayed(stream, 100, LANDFILL_M)
    assert len(stream.cut()) == 1
    stayed(stream, VISIT_S_MIN, LANDFILL_M)
    assert stream.cut() == []


@pytest.mark.parametrize("power_lost_after_s", [0, 30, 61, 599])
def test_a_loss_of_power_changes_no_visit(power_lost_after_s: int) -> None:
    before, after = visits(), visits()
    stayed(before, power_lost_after_s, LANDFILL_M)
    state = json.loads(json.dumps(before.state()))
    if state is not None:
        after.resume(state)
    stayed(after, 601 - power_lost_after_s, LANDFILL_M)
    assert told(after.cut()) == [("landfill", "10 to 30 min")]


def test_what_outlasts_a_loss_of_power_is_a_name_a_date_and_two_durations() -> None:
    stream = visits()
    stayed(stream, 100, LANDFILL_M)
    stayed(stream, 7, STREET_M)
    assert stream.state() == ["landfill", DAY, 99_000, 7_000]


def test_how_long_a_visit_lasted_beyond_the_last_class_is_not_remembered() -> None:
    stream, longer = visits(), visits()
    stayed(stream, 1801, LANDFILL_M)
    stayed(longer, 4000, LANDFILL_M)
    assert stream.state() == longer.state()


def test_the_words_of_the_classes() -> None:
    assert dwell_classes([600.0]) == ["under 10 min", "over 10 min"]
    assert dwell_classes([300.0, 900.0, 3600.0]) == [
        "under 5 min",
        "5 to 15 min",
        "15 min to 1 h",
        "over 1 h",
    ]
