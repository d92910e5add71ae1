"""Which day it is, from what GNSS says, and whether to believe it. Pure; looks at no clock.

Only a valid RMC or a ZDA beside a valid fix carries a date. Between them the day is carried by the time of
day, which falls by more than twelve hours at midnight. Receivers that lost count of the GPS weeks send
dates 1024 weeks back; a floor (the newest of release date and last good date) tells by how many times.
"""

from __future__ import annotations

DAY_MS = 86_400_000
HALF_DAY_MS = DAY_MS // 2
ROLLOVER_DAYS = 1024 * 7

GPS_COUNTED_FROM_DAY = 3664
"""1980-01-13: earlier is what a receiver says that does not know the week (GPS time began a week before)."""

LAST_DAY = 47_481
"""2099-12-31; a ZDA may name any year, and one beyond this is noise."""

TRUST_FIXES = 3
"""Consecutive valid, advancing fixes after which the time is believed."""

TRUST_STEP_MS_MAX = 3_600_000
"""A longer step forward than an hour is a new start: the time must earn its trust again."""


class Calendar:
    """Times of day and the dates beside them to UTC.

    `floor_day` is days since 1970-01-01; dates before it are moved on by whole 1024-week steps until they are
    not. None keeps dates as recorded, for old logs.
    """

    def __init__(self, floor_day: int | None = None) -> None:
        self._floor_day = floor_day
        self._day: int | None = None
        self._time_of_day_ms = 0
        self._last_utc_ms: int | None = None
        self._advances = 0

    def utc_ms(self, time_of_day_ms: int, date: int | None) -> int | None:
        """Milliseconds since 1970-01-01 UTC of a valid fix; None until some date is known."""
        day = self.believable(date)
        if day is None and self._day is not None:
            day = day_beside(time_of_day_ms, self._time_of_day_ms, self._day)
        if day is None:
            return None
        self._day = day
        self._time_of_day_ms = time_of_day_ms
        return day * DAY_MS + time_of_day_ms

    def believable(self, date: int | None) -> int | None:
        """The date after week rollover; None when it is none or what receivers say before they know."""
        if date is None or not GPS_COUNTED_FROM_DAY <= date <= LAST_DAY:
            return None
        if self._floor_day is None or date >= self._floor_day:
            return date
        steps = -(-(self._floor_day - date) // ROLLOVER_DAYS)
        return date + steps * ROLLOVER_DAYS

    def trusts(self, utc_ms: int | None) -> bool:
        """Note the UTC of the next valid fix and say whether it may be believed.

        A repeated time changes nothing; one that goes back, or on by more than TRUST_STEP_MS_MAX, starts
        over.
        """
        if utc_ms is None:
            self._advances = 0
            return False
        step_ms = None if self._last_utc_ms is None else utc_ms - self._last_utc_ms
        if step_ms is not None and 0 < step_ms <= TRUST_STEP_MS_MAX:
            self._advances += 1
        elif step_ms != 0:
            self._advances = 1
        self._last_utc_ms = utc_ms
        return self._advances >= TRUST_FIXES

    def doubt(self) -> None:
        """What was seen so far may not bear on what comes: the time must earn its trust again."""
        self._advances = 0
        self._last_utc_ms = None

    def forget(self) -> None:
        """What was seen so far is nobody's business: neither its trust nor its day bears on what comes."""
        self.doubt()
        self._day = None

    def lapse(self) -> None:
        """A void fix came: what was not yet trusted starts over."""
        if self._advances < TRUST_FIXES:
            self.doubt()


def day_beside(time_of_day_ms: int, known_time_of_day_ms: int, known_day: int) -> int:
    """The day of a time of day that lies within twelve hours of a known day and time of day."""
    step_ms = time_of_day_ms - known_time_of_day_ms
    if step_ms < -HALF_DAY_MS:
        return known_day + 1
    if step_ms > HALF_DAY_MS:
        return known_day - 1
    return known_day
