"""`day`: how far the truck drove on duty on a date, how long it ran, and in how many stretches.

Every total is taken from what is published, so that what is withheld cannot be had by subtraction: the distance
is that along the published points and the running time that of the published stretches. Each closed stretch gives
its part, and the parts of a date add up. What rounding a distance to the agreed step takes away or adds is
carried to the next stretch, up to the next cut.

It is not the odometer's distance: simplified corners are shorter, and the metres beside a cut are missing.
"""

from __future__ import annotations

import itertools
from typing import Any

from agent.agreement import Agreement
from agent.geometry import distance_m, point_of
from agent.recording.way import PublishedStretch
from agent.records import Record, iso_date
from agent.streams.stream import Stream


class Day(Stream):
    """Stretches in, their parts of the day's totals out; distances in multiples of `step_m`."""

    name = "day"

    def __init__(self, step_m: int) -> None:
        self._step_m = step_m
        self._day: int | None = None
        self._carried_m = 0

    @classmethod
    def agreed(cls, agreement: Agreement) -> Day | None:
        """As agreed; None when it is not."""
        terms = agreement.file.streams.day
        return cls(round(terms.precision)) if terms else None

    def stretched(self, closed: PublishedStretch) -> list[Record]:
        """What this stretch adds to the totals of its date."""
        if closed.day != self._day:
            self._day, self._carried_m = closed.day, 0
        fields = {
            "date": iso_date(closed.day),
            "distance_m": self._stepped_m(published_m(closed.points)),
            "running_s": closed.running_s,
            "stretches": 1,
        }
        return [Record(self.name, closed.day, fields)]

    def cut(self) -> list[Record]:
        """Forget what was carried."""
        self._day, self._carried_m = None, 0
        return []

    def state(self) -> Any:
        """The day, and the metres that rounding has left over: a function of what was published."""
        return None if self._day is None else [self._day, self._carried_m]

    def resume(self, state: Any) -> None:
        """Go on with what was left over."""
        day, carried_m = state
        self._day, self._carried_m = int(day), int(carried_m)

    def _stepped_m(self, exact_m: float) -> int:
        owed_m = round(exact_m) + self._carried_m
        shown_m = (owed_m + self._step_m // 2) // self._step_m * self._step_m
        self._carried_m = owed_m - shown_m
        return shown_m


def published_m(points: list[list[float]]) -> float:
    """Metres along published points."""
    return sum(distance_m(a, b) for a, b in itertools.pairwise(map(point_of, points)))
