"""`track`: the way the truck went on duty, as simplified stretches.

What a record says of time is its date and the stretch's running time, unless the agreement publishes a time for
each point (`clock: minute` or `exact`). The way itself is `agent.recording.way`'s: standstill → stretches →
simplification.
"""

from __future__ import annotations

from typing import Any

from agent.agreement import Agreement
from agent.recording.way import PublishedStretch
from agent.records import Record, iso_date
from agent.streams.stream import Stream

CLOCK_STEP_S = {"minute": 60, "exact": 1}


class Track(Stream):
    """Stretches in, `track` records out. `clock` is `stretch`, `minute` or `exact`."""

    name = "track"

    def __init__(self, clock: str) -> None:
        self._step_s = CLOCK_STEP_S.get(clock)

    @classmethod
    def agreed(cls, agreement: Agreement) -> Track | None:
        """As agreed; None when it is not."""
        terms = agreement.file.streams.track
        return cls(terms.clock) if terms else None

    def stretched(self, closed: PublishedStretch) -> list[Record]:
        """The record of this stretch."""
        fields: dict[str, Any] = {
            "date": iso_date(closed.day),
            "stretch": closed.number,
            "running_s": closed.running_s,
            "path": closed.points,
        }
        if self._step_s:
            fields["s"] = [spot.second - spot.second % self._step_s for spot in closed.spots]
        return [Record(self.name, closed.day, fields)]
