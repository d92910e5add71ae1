"""Whether the truck's way goes on where it stopped: the stitch.

A pause that ends within 30 m of where it began leaves no trace, whatever its length; one that ends elsewhere, or
a place cut between, starts the way anew. A few seconds without a fix are no pause.
"""

from __future__ import annotations

from agent.geometry import Point, distance_m

STITCH_M = 30.0
GAP_S_MAX = 10.0


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

    def reach(self, utc_ms: int, point: Point) -> tuple[float, bool]:
        """Seconds since the position before that count (0 across a pause), and whether the way is broken here."""
        last, paused = self._last, self._paused
        self._last, self._paused = (utc_ms, point), False
        if last is None:
            return 0.0, True
        elapsed_s = (utc_ms - last[0]) / 1000
        if not paused and 0 <= elapsed_s <= GAP_S_MAX:
            return elapsed_s, False
        return 0.0, distance_m(last[1], point) > STITCH_M
