"""Dates come from GNSS and are cut into days where the crews live."""

from __future__ import annotations

import datetime
import zoneinfo

import pytest

from agent.records import day_number
from agent.service_day import Moment, ServiceDays


def utc_ms(text: str) -> int:
    return round(datetime.datetime.fromisoformat(text + "+00:00").timestamp() * 1000)


def test_nothing_is_known_until_a_fix_told_it() -> None:
    days = ServiceDays(datetime.UTC)
    assert days.now(1e6) is None
    days.learn(utc_ms("2026-11-21T10:00:00"), 100.0)
    assert days.now(161.4) == Moment(day_number("2026-11-21"), 36_061)


@pytest.mark.parametrize(
    ("zone", "utc", "day", "second"),
    [
        ("UTC", "2026-11-21T23:59:59", "2026-11-21", 86_399),
        ("UTC", "2026-11-22T00:00:00", "2026-11-22", 0),
        ("Europe/Madrid", "2026-07-01T21:59:59", "2026-07-01", 86_399),
        ("Europe/Madrid", "2026-07-01T22:00:00", "2026-07-02", 0),
        ("Europe/Madrid", "2026-12-01T22:30:00", "2026-12-01", 84_600),
        ("America/New_York", "2026-11-22T02:00:00", "2026-11-21", 75_600),
        ("Pacific/Kiritimati", "2026-11-21T10:00:00", "2026-11-22", 0),
        ("Asia/Kathmandu", "2026-11-21T18:15:00", "2026-11-22", 0),
        ("Europe/Madrid", "2026-10-25T00:59:59", "2026-10-25", 10_799),
        ("Europe/Madrid", "2026-10-25T01:00:00", "2026-10-25", 7_200),
    ],
)
def test_a_service_day_begins_at_midnight_of_its_zone(zone: str, utc: str, day: str, second: int) -> None:
    days = ServiceDays(zoneinfo.ZoneInfo(zone))
    assert days.moment(utc_ms(utc)) == Moment(day_number(day), second)


def test_the_offset_is_looked_up_anew_each_hour_in_any_order() -> None:
    days = ServiceDays(zoneinfo.ZoneInfo("Europe/Madrid"))
    summer, winter = utc_ms("2026-07-01T12:00:00"), utc_ms("2026-12-01T12:00:00")
    assert [days.moment(at).second for at in (summer, winter, summer)] == [50_400, 46_800, 50_400]


def test_time_goes_on_over_midnight_by_the_monotonic_clock() -> None:
    days = ServiceDays(datetime.UTC)
    days.learn(utc_ms("2026-12-31T23:59:59"), 0.0)
    assert days.now(0.9) == Moment(day_number("2026-12-31"), 86_399)
    assert days.now(1.0) == Moment(day_number("2027-01-01"), 0)


@pytest.mark.parametrize(
    ("utc", "day", "second"),
    [
        ("2026-12-01T10:59:59", "2026-11-30", 86_399),
        ("2026-12-01T11:00:00", "2026-12-01", 0),
        ("2026-12-01T23:30:00", "2026-12-01", 45_000),
    ],
)
def test_a_service_day_may_begin_at_noon_for_those_who_work_at_night(utc: str, day: str, second: int) -> None:
    days = ServiceDays(zoneinfo.ZoneInfo("Europe/Madrid"), starts_s=12 * 3600)
    assert days.moment(utc_ms(utc)) == Moment(day_number(day), second)
