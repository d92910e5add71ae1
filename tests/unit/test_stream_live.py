"""Live tells the newest cell once."""

from __future__ import annotations

import pytest

from agent.streams.cells import Cells, degrees
from agent.streams.live import Live
from tests.unit.stream_parts import DAY, ORIGIN, PLANE, placed


def live() -> Live:
    return Live(Cells(ORIGIN, 200.0))


def test_a_release_takes_the_newest_place_and_its_time() -> None:
    stream = live()
    assert stream.placed(placed(10.0, second=36_000)) == []
    stream.placed(placed(410.0, second=36_060))
    (record,) = stream.close()
    assert (record.stream, record.day) == ("live", DAY)
    assert record.fields == {"utc": "2027-09-04T10:01:00Z", **degrees(PLANE.point(500.0, 100.0))}


def test_nothing_is_told_twice() -> None:
    stream = live()
    stream.placed(placed(10.0))
    assert len(stream.close()) == 1
    assert stream.close() == []


def test_a_cut_forgets_the_newest_place() -> None:
    stream = live()
    stream.placed(placed(10.0))
    assert stream.cut() == []
    assert stream.close() == []


def test_a_loss_of_power_leaves_no_place_on_disk() -> None:
    stream = live()
    stream.placed(placed(10.0))
    assert stream.state() is None


@pytest.mark.parametrize(
    ("utc_ms", "text"), [(0, "1970-01-01T00:00:00Z"), (1_789_999, "1970-01-01T00:29:49Z")]
)
def test_utc_is_cut_to_the_second(utc_ms: int, text: str) -> None:
    by = live()
    by.placed(placed(0.0)._replace(utc_ms=utc_ms))
    assert by.close()[0].fields["utc"] == text
