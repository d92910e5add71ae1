"""The track says where the truck went, and of time what was agreed."""

from __future__ import annotations

import pytest

from agent.records import iso_date
from agent.streams.track import Track
from tests.unit.stream_parts import DAY, closed

WAY_M = [(0.0, 0.0), (500.0, 0.0), (500.0, 600.0)]


def test_a_record_has_exactly_the_fields_of_the_stream() -> None:
    stretch = closed(WAY_M, number=4, running_s=110)
    (record,) = Track("stretch").stretched(stretch)
    assert (record.stream, record.day) == ("track", DAY)
    assert record.fields == {
        "date": iso_date(DAY),
        "stretch": 4,
        "running_s": 110,
        "path": stretch.points,
    }


@pytest.mark.parametrize(
    ("clock", "seconds"), [("minute", [36_000, 36_060, 36_120]), ("exact", [36_059, 36_060, 36_179])]
)
def test_each_point_carries_its_time_as_fine_as_agreed(clock: str, seconds: list[int]) -> None:
    (record,) = Track(clock).stretched(closed(WAY_M, seconds=[36_059, 36_060, 36_179]))
    assert record.fields["s"] == seconds
    assert len(record.fields["s"]) == len(record.fields["path"])


def test_R4_without_a_clock_the_seconds_of_a_stretch_change_nothing() -> None:
    early, late = ([first + i for i in range(3)] for first in (0, 80_000))
    track = Track("stretch")
    assert track.stretched(closed(WAY_M, seconds=early)) == track.stretched(closed(WAY_M, seconds=late))
