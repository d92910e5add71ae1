"""A day's totals are those of what was published, and rounding does not build up."""

from __future__ import annotations

import json

import pytest

from agent.records import iso_date
from agent.streams.day import Day
from agent.streams.merging import MERGED
from tests.unit.stream_parts import DAY, closed

STEP_M = 100


def straight(metres: float) -> list[tuple[float, float]]:
    return [(0.0, 0.0), (metres / 2, 0.0), (metres, 0.0)]


def total_m(day: Day, lengths_m: list[float]) -> int:
    records = [r for length_m in lengths_m for r in day.stretched(closed(straight(length_m)))]
    (merged,) = MERGED["day"](record.fields for record in records)
    assert merged["stretches"] == len(lengths_m)
    return int(merged["distance_m"])


def test_a_record_has_exactly_the_fields_of_the_stream() -> None:
    (record,) = Day(STEP_M).stretched(closed(straight(1234.0), running_s=170))
    assert (record.stream, record.day) == ("day", DAY)
    assert record.fields == {"date": iso_date(DAY), "distance_m": 1200, "running_s": 170, "stretches": 1}


@pytest.mark.parametrize("length_m", [30.0, 49.0, 51.0, 1049.0, 1051.0])
def test_what_rounding_leaves_over_does_not_build_up(length_m: float) -> None:
    shown_m = total_m(Day(STEP_M), [length_m] * 100)
    assert (
        abs(shown_m - 100 * length_m) <= STEP_M / 2 + 100
    )  # and metres of 100 points rounded to 1e-5 degrees


def test_every_distance_is_a_multiple_of_the_agreed_step_and_none_is_negative() -> None:
    day = Day(STEP_M)
    shown = [
        day.stretched(closed(straight(m)))[0].fields["distance_m"] for m in (60.0, 1.0, 1.0, 55.0, 1000.0)
    ]
    assert all(each % STEP_M == 0 and each >= 0 for each in shown)


def test_R8_a_total_knows_nothing_but_the_published_points() -> None:
    """Neither the odometer nor where between the points the truck was."""
    told = [Day(STEP_M).stretched(closed(straight(1500.0), run_m=run_m)) for run_m in (0.0, 1e6)]
    assert told[0] == told[1]
    assert told[0][0].fields["distance_m"] == 1500


def test_nothing_is_carried_over_a_cut_or_into_another_day() -> None:
    cut, later, fresh = Day(STEP_M), Day(STEP_M), Day(STEP_M)
    for day in (cut, later):
        day.stretched(closed(straight(1040.0)))
    cut.cut()
    assert cut.stretched(closed(straight(1020.0))) == fresh.stretched(closed(straight(1020.0)))
    next_day = closed(straight(1020.0), day=DAY + 1)
    assert later.stretched(next_day) == Day(STEP_M).stretched(next_day)


def test_a_loss_of_power_changes_no_total() -> None:
    through, before, after = Day(STEP_M), Day(STEP_M), Day(STEP_M)
    for day in (through, before):
        day.stretched(closed(straight(1040.0)))
    assert before.state() == [DAY, 40]
    after.resume(json.loads(json.dumps(before.state())))
    assert after.stretched(closed(straight(1020.0))) == through.stretched(closed(straight(1020.0)))
    assert Day(STEP_M).state() is None
