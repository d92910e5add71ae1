"""`help`: the crew calls for help, with the exact place, at once, until it says that all is well.

The crew's own act, and no stream like the others: it passes by duty, places and release. The button held raises
the call, held anew for longer it clears it (`agent.cab`). Until it is held nothing is kept but the newest place
and time, in memory; when it is cleared both are forgotten. Under an agreement without `help` it does not exist.

It does not outlast a loss of power: who still needs help holds the button again.
"""

from __future__ import annotations

import logging
from typing import Any

from agent.cab import HelpButton
from agent.geometry import Point
from agent.recording.fixes import Fix, place_of
from agent.recording.pulses import LevelChanged
from agent.records import Record, iso_utc
from agent.streams.cells import degrees

HOLD_S = 3.0  # held so long counts, unless the pin says otherwise
ONGOING_S = 30.0  # between one record and the next, until cleared
PLACE_S_MAX = 60.0  # a place older than this is not where help is needed
RAISED, ONGOING, CLEARED = "raised", "ongoing", "cleared"
logger = logging.getLogger(__name__)


class Help:
    """Fixes and a debounced button in, `help` records out."""

    def __init__(self, hold_s: float = HOLD_S) -> None:
        self._button = HelpButton(hold_s)
        self._says = RAISED  # the state in the next record, due at:
        self._next_at: float | None = None
        self._forget()

    def _forget(self) -> None:
        self._place: tuple[float, Point] | None = None
        self._time: tuple[float, int] | None = None
        self._unplaced = False  # the record before had no place

    @property
    def raised(self) -> bool:
        """Whether the crew has called and not yet cleared it."""
        return self._button.calling

    @property
    def at_fault(self) -> bool:
        """Whether the button can't be read, for the crew's lamp."""
        return self._button.at_fault

    @property
    def due(self) -> float | None:
        """When `tick` has something to do; None when it waits for the button alone."""
        return min((at for at in (self._button.due, self._next_at) if at is not None), default=None)

    def seen(self, fix: Fix) -> None:
        """Any fix, wherever it is; the newest place replaces the one before. Its date need not be trusted."""
        if fix.utc_ms is not None:
            self._time = (fix.at, fix.utc_ms)
        point = place_of(fix)
        if point is None:
            return
        self._place = (fix.at, point)
        if self.raised and self._unplaced:
            self._next_at, self._unplaced = fix.at, False

    def change(self, seen: LevelChanged) -> None:
        """The button went down or up, or its level can't be known."""
        was_at_fault = self.at_fault
        if self._button.change(seen):
            self._turned(seen.at)
        if self.at_fault and not was_at_fault:
            logger.warning("line %s is at fault: nobody can call for help until it is well", seen.pin)
        elif was_at_fault and not self.at_fault:
            logger.info("line %s is well again", seen.pin)

    def tick(self, now: float, day: int = 0) -> list[Record]:
        """The record that is due, if one is; `day` is the service day, 0 where none is known."""
        if self._button.tick(now):
            self._turned(now)
        if self._next_at is None or now < self._next_at:
            return []
        fields = self._fields(now)
        if self.raised:
            self._says, self._next_at = ONGOING, now + ONGOING_S
        else:
            self._next_at = None
            self._forget()
        return [Record("help", day, fields)]

    def _turned(self, at: float) -> None:
        """The call was raised or cleared: told at once."""
        self._says, self._next_at = RAISED if self.raised else CLEARED, at

    def _fields(self, now: float) -> dict[str, Any]:
        """What is known by now: time and place are left out where they are not."""
        fields: dict[str, Any] = {}
        if self._time is not None:
            at, utc_ms = self._time
            fields["utc"] = iso_utc((utc_ms + round((now - at) * 1000)) // 1000)
        fresh = self._place is not None and now - self._place[0] <= PLACE_S_MAX
        if self._place is not None and fresh:
            fields |= degrees(self._place[1])
        self._unplaced = not fresh
        return {**fields, "state": self._says}
