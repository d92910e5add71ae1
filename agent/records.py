"""What has left its filters and may leave the truck."""

from __future__ import annotations

import datetime
from typing import Any, NamedTuple

from agent.guarded import unpickled

EPOCH_DATE = datetime.date(1970, 1, 1)


@unpickled
class Record(NamedTuple):
    """One published record of a stream.

    `day` is its service day in days since 1970-01-01, for holding back, age and retention. `fields` are exactly
    the published fields in published units (see `agent.columns`), dates as ISO 8601 text.
    """

    stream: str
    day: int
    fields: dict[str, Any]

    def __repr__(self) -> str:
        return f"Record({self.stream!r}, day={self.day})"


def iso_date(day: int) -> str:
    """`2026-11-21` for a day counted from 1970-01-01."""
    return (EPOCH_DATE + datetime.timedelta(days=day)).isoformat()


def day_number(iso: str) -> int:
    """Days since 1970-01-01 of an ISO 8601 date. ValueError when it is none."""
    return (datetime.date.fromisoformat(iso) - EPOCH_DATE).days


def iso_month(day: int) -> str:
    """`2026-11` for a day counted from 1970-01-01."""
    return iso_date(day)[:7]


def month_begins(day: int) -> int:
    """The first day of the month in which that day lies; both counted from 1970-01-01."""
    return day + 1 - (EPOCH_DATE + datetime.timedelta(days=day)).day


def month_over(day: int) -> int:
    """The first day of the month after the one in which that day lies."""
    return month_begins(month_begins(day) + 31)


def iso_utc(seconds: int) -> str:
    """`2026-11-21T09:15:00Z` for seconds since 1970-01-01."""
    return (datetime.datetime(1970, 1, 1) + datetime.timedelta(seconds=seconds)).isoformat() + "Z"
