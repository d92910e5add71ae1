"""When what was recorded leaves: the two modes of an agreement behind one face.

`daily`: once on each day, at the first of fixed slots, what earlier days left; a fixed number of envelopes of one
size, and silence outside the slots. `timed`: every N seconds, at multiples of N of the service day, so that the
phase says nothing of when the truck started.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from agent.service_day import Moment

SLOT_S = 600  # how long a slot lasts
BOX_EVERY_S = 3600


class Release(Protocol):
    """What the runtime asks of a release."""

    size_bytes: int
    closes_stretches: bool
    within_s: float  # a release comes within so many seconds; 0 where that may be a day

    def resume(self, released_day: int | None) -> None:
        """After a restart: the newest day at which a release was sealed, from the outbox."""
        ...

    def due(self, now: Moment) -> bool:
        """Whether to seal now; says so once for each release."""
        ...

    def link_wanted(self, now: Moment) -> bool:
        """Whether there may be a connection at this moment."""
        ...

    def before_day(self, stream: str, today: int) -> int:
        """Records of a stream leave that are of service days before this one."""
        ...

    def envelopes(self, stream: str) -> int | None:
        """How many batches of a stream leave at a release: exactly so many, or None for as many as needed."""
        ...


class Timed:
    """Every `every_s` seconds while there is a connection. `held_days` holds streams back."""

    closes_stretches = True

    def __init__(self, every_s: int, size_bytes: int, held_days: Mapping[str, int]) -> None:
        self._every_s = every_s
        self.within_s = 2.0 * every_s
        self.size_bytes = size_bytes
        self._held_days = held_days
        self._last: tuple[int, int] | None = None

    def resume(self, released_day: int | None) -> None:
        """After a restart: nothing to know, the next multiple of the period comes by itself."""

    def due(self, now: Moment) -> bool:
        """At each multiple of the period of the service day."""
        period = (now.day, now.second // self._every_s)
        if self._last is None:
            self._last = period
            return False
        changed = period > self._last
        self._last = max(period, self._last)
        return changed

    def link_wanted(self, now: Moment) -> bool:
        """Always."""
        return True

    def before_day(self, stream: str, today: int) -> int:
        """Today's records leave too, unless the stream is held."""
        return today + 1 - self._held_days.get(stream, 0)

    def envelopes(self, stream: str) -> int | None:
        """As many as needed."""
        return None


class Daily:
    """Once a day at the first slot. `slots` are minutes of the service day, `envelopes` counts by stream."""

    closes_stretches = False
    within_s = 0.0

    def __init__(
        self,
        slots: Sequence[int],
        envelopes: Mapping[str, int],
        size_bytes: int,
        held_days: Mapping[str, int],
    ) -> None:
        self._slots_s = sorted(60 * minute for minute in slots)
        self._envelopes = envelopes
        self.size_bytes = size_bytes
        self._held_days = held_days
        self._released_day: int | None = None

    def resume(self, released_day: int | None) -> None:
        """After a restart: the newest day at which a release was sealed."""
        self._released_day = released_day

    def due(self, now: Moment) -> bool:
        """In the first slot of the day at which there is power."""
        ahead_days = -1 if self._released_day is None else self._released_day - now.day
        released_before = 0 <= ahead_days <= 1  # one farther ahead was a date gone wrong
        if released_before or not self.link_wanted(now):
            return False
        self._released_day = now.day
        return True

    def link_wanted(self, now: Moment) -> bool:
        """Only within a slot."""
        return any(start_s <= now.second < start_s + SLOT_S for start_s in self._slots_s)

    def before_day(self, stream: str, today: int) -> int:
        """Only earlier days' records, and later those that are held."""
        return today - self._held_days.get(stream, 0)

    def envelopes(self, stream: str) -> int | None:
        """The agreed number."""
        return self._envelopes.get(stream, 1)
