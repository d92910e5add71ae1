"""Standing is not moving: the first filter of every stream that follows the truck.

A standing truck's fixes wander. Fed onwards they would draw a cloud and run an odometer, and either shows how
long the truck stood. So a standstill is judged by displacement alone, one anchor stands for it, and it ends only
30 m away: until then no point within 10 m of the anchor goes on, the way counts as exactly 30 m, and the time as
at most the agreed cap and 10 s. Fixes go on with a lag of eight seconds, so that a standstill is known before its
first fix has left.

It does not smooth, and it does not take out the drift that gathered while standing.
"""

from __future__ import annotations

import math
from collections import deque
from typing import NamedTuple

SETTLE_S = 8.0
SETTLE_RADIUS_M = 4.0
REARM_M = 30.0
QUIET_RADIUS_M = 10.0
LEAVING_STEP_M = 2.0
REARM_ALLOWANCE_S = 10.0


class Step(NamedTuple):
    """Where the truck is, and what it took to get there from the step before.

    `moved_m` and `elapsed_s` are the published measures: standstills are already capped in them. `second` is the
    second of the service day. Shows no coordinates when printed.
    """

    x_m: float
    y_m: float
    moved_m: float
    elapsed_s: float
    second: int

    def __repr__(self) -> str:
        return "Step(…)"

    def __str__(self) -> str:
        return repr(self)


class _Seen(NamedTuple):
    x_m: float
    y_m: float
    elapsed_s: float
    second: int


class Standstill:
    """Places in, steps out; `cap_s` is the most that a standstill's own time counts."""

    def __init__(self, cap_s: float) -> None:
        self._cap_s = cap_s
        self.cut()

    def cut(self) -> None:
        """Forget everything."""
        self._window: deque[_Seen] = deque()
        self._window_s = 0.0
        self._anchor: _Seen | None = None
        self._leaving: list[_Seen] = []
        self._leaving_m = 0.0
        self._stood_s = 0.0
        self._last: tuple[float, float] | None = None

    def push(self, x_m: float, y_m: float, elapsed_s: float, second: int) -> list[Step]:
        """The steps that are certain now; `elapsed_s` is the time since the place before, 0 for the first."""
        seen = _Seen(x_m, y_m, elapsed_s, second)
        return self._moving(seen) if self._anchor is None else self._standing(self._anchor, seen)

    def _moving(self, seen: _Seen) -> list[Step]:
        steps = []
        self._window.append(seen)
        self._window_s += seen.elapsed_s if len(self._window) > 1 else 0.0
        while self._window_s >= SETTLE_S:
            if self._settled():
                steps.append(self._stand())
                break
            steps.append(self._step(self._window.popleft()))
            self._window_s -= self._window[0].elapsed_s
        return steps

    def _settled(self) -> bool:
        first = self._window[0]
        return all(_apart_m(first, seen) <= SETTLE_RADIUS_M for seen in self._window)

    def _stand(self) -> Step:
        """The window's oldest place becomes the anchor; the rest of the window is standing time."""
        anchor = self._window.popleft()
        self._stood_s = sum(seen.elapsed_s for seen in self._window)
        self._window.clear()
        self._window_s = 0.0
        self._anchor = anchor
        return self._step(anchor)

    def _standing(self, anchor: _Seen, seen: _Seen) -> list[Step]:
        self._stood_s += seen.elapsed_s
        away_m = _apart_m(anchor, seen)
        if away_m < QUIET_RADIUS_M:
            self._leaving.clear()
            self._leaving_m = 0.0
        elif away_m >= self._leaving_m + LEAVING_STEP_M:
            self._leaving.append(seen)
            self._leaving_m = away_m
        return self._rearm(seen) if away_m >= REARM_M else []

    def _rearm(self, seen: _Seen) -> list[Step]:
        """The way from the anchor to here, which counts as 30 m and as little time as was agreed."""
        way = self._leaving if self._leaving and self._leaving[-1] is seen else [*self._leaving, seen]
        elapsed_s = min(self._stood_s, self._cap_s + REARM_ALLOWANCE_S)
        share = 1 / len(way)
        steps = [Step(s.x_m, s.y_m, REARM_M * share, elapsed_s * share, s.second) for s in way]
        self.cut()
        self._last = (seen.x_m, seen.y_m)
        return steps

    def _step(self, seen: _Seen) -> Step:
        moved_m = 0.0
        if self._last is not None:
            moved_m = math.hypot(seen.x_m - self._last[0], seen.y_m - self._last[1])
        self._last = (seen.x_m, seen.y_m)
        return Step(seen.x_m, seen.y_m, moved_m, seen.elapsed_s, seen.second)


def _apart_m(a: _Seen, b: _Seen) -> float:
    return math.hypot(a.x_m - b.x_m, a.y_m - b.y_m)
