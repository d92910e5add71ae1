"""Whether the truck's way goes on where it stopped: the stitch.

A pause that ends within 30 m of where it began leaves no trace, whatever its length; one that ends elsewhere, or
a place cut between, starts the way anew. A few seconds without a fix are no pause.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from agent.geometry import Point, distance_m

STITCH_M = 30.0
GAP_S_MAX = 10.0


class Join(NamedTuple):
    """How a position joins the one before: the seconds between that count, or a pause, or a break of the way."""

    elapsed_s: float = 0.0
    resumed: bool = False
    broken: bool = False


class Continuity:
    """Publishable positions in; how each joins the one before out."""

    def __init__(self) -> None:
        self._last: tuple[int, Point] | None = None
        self._paused = False

    def pause(self) -> None:
        """Recording is off: the next position is judged by where it is."""
        self._paused = True

    def cut(self) -> None:
        """The truck was at a place that is not publishable: the next position starts anew."""
        self._last = None
        self._paused = False

    def reach(self, utc_ms: int, point: Point) -> Join:
        """How this position joins the one before; it is the one before for the next."""
        last, paused = self._last, self._paused
        self._last, self._paused = (utc_ms, point), False
        if last is None:
            return Join(broken=True)
        elapsed_s = (utc_ms - last[0]) / 1000
        if not paused and 0 <= elapsed_s <= GAP_S_MAX:
            return Join(elapsed_s)
        broken = distance_m(last[1], point) > STITCH_M
        return Join(resumed=not broken, broken=broken)

    def state(self) -> Point | None:
        """The last position, for after a loss of power; None when there is none."""
        return None if self._last is None else self._last[1]

    def restore(self, state: Sequence[int]) -> None:
        """Go on from `state`: a loss of power is a pause."""
        self._last, self._paused = (0, Point(*state)), True
