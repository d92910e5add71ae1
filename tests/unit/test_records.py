"""Dates as numbers and as text."""

from __future__ import annotations

import pytest

from agent.filters.placed import Placed
from agent.geometry import Point
from agent.records import day_number, iso_date, iso_month


@pytest.mark.parametrize(
    ("day", "date"), [(0, "1970-01-01"), (20_778, "2026-11-21"), (-1, "1969-12-31"), (47_481, "2099-12-31")]
)
def test_a_day_and_its_date_are_each_other_s_inverse(day: int, date: str) -> None:
    assert iso_date(day) == date
    assert day_number(date) == day
    assert iso_month(day) == date[:7]


@pytest.mark.parametrize("text", ["", "2026-13-01", "21.11.2026", "2026-02-30"])
def test_what_is_no_date_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r".+"):
        day_number(text)


def test_a_placed_fix_shows_no_coordinates() -> None:
    placed = Placed(1, 2, 3.0, Point(404_168_000, -37_038_000))
    for shown in (repr(placed), str(placed), f"{placed}", f"{[placed]}"):
        assert "404" not in shown
