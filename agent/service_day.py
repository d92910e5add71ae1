"""What day it is on the truck: GNSS time carried on by the monotonic clock, cut into service days."""

from __future__ import annotations

import datetime
from typing import NamedTuple

DAY_S = 86_400
HOUR_MS = 3_600_000
STEP_MS_MAX = 60_000  # a time farther than this from the expected one is odd
BELIEVED_AFTER_S = 600.0  # and believed once it has held so long


class Moment(NamedTuple):
    """A service day in days since 1970-01-01 and the second of it, counted from when service days begin."""

    day: int
    second: int


class ServiceDays:
    """Service days of a time zone. Knows nothing until a trusted fix has given the time.

    `starts_s` is the second of the local day at which a service day begins; its date is the date at that second.
    """

    def __init__(self, zone: datetime.tzinfo, starts_s: int = 0) -> None:
        self._zone = zone
        self._starts_s = starts_s
        self._utc_ms: int | None = None
        self._at = 0.0
        self._odd: tuple[int, float] | None = None
        self._asked: tuple[float, Moment] | None = None  # several ask for the same moment, one after another
        self._hour = -1
        self._offset_s = 0

    def learn(self, utc_ms: int, at: float) -> None:
        """A trusted fix had this time. One far from what the monotonic clock says must hold for ten minutes."""
        if self._utc_ms is None or self._fits(utc_ms, at, (self._utc_ms, self._at)):
            self._odd = None
        elif self._odd is None or not self._fits(utc_ms, at, self._odd):
            self._odd = (utc_ms, at)
            return
        elif at - self._odd[1] < BELIEVED_AFTER_S:
            return
        self._utc_ms, self._at, self._asked = utc_ms, at, None

    def follow(self, before: ServiceDays) -> None:
        """Know what those before knew, in this zone."""
        self._utc_ms, self._at, self._odd, self._asked = before._utc_ms, before._at, before._odd, None

    @staticmethod
    def _fits(utc_ms: int, at: float, known: tuple[int, float]) -> bool:
        return abs(utc_ms - known[0] - (at - known[1]) * 1000) <= STEP_MS_MAX

    def now(self, at: float) -> Moment | None:
        """The moment at `at`, None as long as no date was trusted."""
        if self._utc_ms is None:
            return None
        if self._asked is None or self._asked[0] != at:
            self._asked = at, self.moment(self._utc_ms + round((at - self._at) * 1000))
        return self._asked[1]

    def utc_s(self, at: float) -> float | None:
        """Seconds since 1970-01-01 at `at`, None as long as no date was trusted."""
        return None if self._utc_ms is None else self._utc_ms / 1000 + at - self._at

    def moment(self, utc_ms: int) -> Moment:
        """The service day and second of a UTC time in milliseconds since 1970-01-01."""
        hour = utc_ms // HOUR_MS
        if hour != self._hour:
            utc = datetime.datetime.fromtimestamp(hour * 3600, datetime.UTC)
            offset = utc.astimezone(self._zone).utcoffset()
            self._hour = hour
            self._offset_s = (round(offset.total_seconds()) if offset else 0) - self._starts_s
        return Moment(*divmod(utc_ms // 1000 + self._offset_s, DAY_S))
