"""Standing is not moving: the first filter of every stream that follows the truck.

A standing truck's fixes wander. Fed onwards they would draw a cloud and run an odometer, and either shows how
long the truck stood. So a standstill is judged by displacement alone, one anchor stands for it, and it ends only
30 m away: until then no point within 10 m of the anchor goes on, the way counts as exactly 30 m, and the time as
at most the agreed cap and 10 s. Who stops at every door comes to stand again before that: a second stop, 15 m from
the anchor or more, counts its own time, as little, and is as quiet. A single fix far away ends nothing. Fixes go on
with a lag of eight seconds, so that a standstill is known before its first fix has left.

What the receiver drifted while the truck stood, at either stop, is taken off the way behind it, and fades out over
150 m: a kink would show how long the stand was. A truck that rolls on to the next door looks like drift, too; so the
way behind a stop is never moved by more than 10 m.

A pause makes a standstill of wherever it began, and fills its cap. It does not smooth.
"""

from __future__ import annotations

import math
from collections import deque
from typing import Any, NamedTuple

from agent.guarded import guarded

SETTLE_S = 8.0
SETTLE_RADIUS_M = 4.0
REARM_M = 30.0
REARM_HOLD_S = 2.0
SECOND_STOP_M = 15.0
QUIET_RADIUS_M = 10.0
LEAVING_STEP_M = 2.0
REARM_ALLOWANCE_S = 10.0
FADE_M = 150.0
RESTS_FIXES = 3
RESTS_RADIUS_M = 1.0


@guarded
class Step(NamedTuple):
    """Where the truck is, and what it took to get there from the step before.

    `moved_m` and `elapsed_s` are the published measures: standstills are already capped in them. `second` is the
    second of the service day; `stands`: the truck came to stand here. Shows no coordinates when printed.
    """

    x_m: float
    y_m: float
    moved_m: float
    elapsed_s: float
    second: int
    stands: bool = False


@guarded
class _Seen(NamedTuple):
    """A place as it came in; `_undrifted`, less what the receiver has drifted since the truck came to stand."""

    x_m: float
    y_m: float
    elapsed_s: float
    second: int


class Standstill:
    """Places in, steps out; `cap_s` is the most that a standstill's own time counts.

    `fades`: whether drift is taken off behind a standstill. `rearm_m`: how far away it ends.
    """

    def __init__(self, cap_s: float, fades: bool = True, rearm_m: float = REARM_M) -> None:
        self._cap_s = cap_s
        self._enough_s = (
            cap_s + REARM_ALLOWANCE_S + REARM_HOLD_S + SETTLE_S
        )  # more tells nothing, so it is not counted
        self._fades = fades
        self._rearm_m = rearm_m
        self._forget()

    def cut(self) -> list[Step]:
        """The steps up to here, then forget everything.

        What waits in the window goes on: left out, it would withhold more metres from a faster truck.
        """
        steps = [] if self._anchor else [self._step(seen) for seen in self._window]
        self._forget()
        return steps

    def _forget(self) -> None:
        self._window: deque[_Seen] = deque()  # the newest places: of the last SETTLE_S
        self._window_s = 0.0
        self._last: tuple[float, float] | None = None  # as it went on
        self._last_seen: _Seen | None = None  # the same, as it came in
        self._shift = (0.0, 0.0)  # what is taken off places that come in, east and north
        self._begin(None)

    def _begin(self, anchor: _Seen | None) -> None:
        self._anchor = anchor
        self._drift = (0.0, 0.0)  # of the receiver, since it came to stand there
        self._leaving: list[tuple[float, _Seen]] = []  # how far away, and the place as it will go on
        self._beyond: list[_Seen] = []
        self._stood_s = 0.0
        self._second: _Seen | None = None  # a stop too near for a standstill of its own
        self._first_s = 0.0  # of the stop at the anchor, once there is a second one
        self._off_second = False
        self._fresh = False  # a pause lies before the next places, and a few of them tell of the drift

    @property
    def standing_s(self) -> float:
        """For how long it has stood by the time that counts; 0 while it moves."""
        return self._stood_s if self._anchor else 0.0

    @property
    def stopped_again(self) -> bool:
        """Whether it stands a second time, too near for a standstill of its own, for as long as counts."""
        return self._second is not None and self._stood_s >= self._cap_s + REARM_ALLOWANCE_S

    def push(self, x_m: float, y_m: float, elapsed_s: float, second: int) -> list[Step]:
        """The steps that are certain now; `elapsed_s` is the time since the place before, 0 for the first."""
        return self._push(_Seen(x_m, y_m, elapsed_s, second))

    def _push(self, seen: _Seen) -> list[Step]:
        return self._moving(seen) if self._anchor is None else self._standing(self._anchor, seen)

    def resume(self) -> list[Step]:
        """A pause that ends where it began lies before the next place: the truck counts as having stood."""
        steps = []
        if self._anchor is None and self._window:
            while not _settled(self._window):
                steps.append(self._step(self._window.popleft()))
            steps.append(self._stand())
        if self._anchor is not None:
            self._stood_s = max(self._stood_s, self._cap_s + REARM_ALLOWANCE_S)
            self._forget_window()
            self._beyond, self._fresh = [], True
        return steps

    def _moving(self, seen: _Seen) -> list[Step]:
        steps = []
        self._take(seen)
        while self._window_s >= SETTLE_S:
            if _settled(self._window):
                steps.append(self._stand())
                break
            steps.append(self._step(self._window.popleft()))
            self._window_s = round(self._window_s - self._window[0].elapsed_s, 3)
        return steps

    def _take(self, seen: _Seen) -> None:
        self._window.append(seen)
        # Whole milliseconds: what one odd second adds is then gone with it, to the last bit.
        self._window_s = round(self._window_s + (seen.elapsed_s if len(self._window) > 1 else 0.0), 3)

    def _forget_window(self) -> None:
        self._window.clear()
        self._window_s = 0.0

    def _stand(self) -> Step:
        """The window's oldest place becomes the anchor; the rest of the window is standing time."""
        stood_s = sum(seen.elapsed_s for seen in list(self._window)[1:])
        self._begin(self._window[0])
        self._stood_s = stood_s
        return self._step(self._window[0])._replace(stands=True)

    def _standing(self, anchor: _Seen, seen: _Seen) -> list[Step]:
        self._stood_s = min(self._stood_s + seen.elapsed_s, self._enough_s)
        self._follow_drift(self._second or anchor, seen)
        there = self._undrifted(seen)
        away_m = _apart_m(there, anchor)
        if away_m >= self._rearm_m and self._is_off_second(there):
            self._beyond.append(seen)
            return self._rearm() if self._held_s >= REARM_HOLD_S else []
        self._beyond.clear()
        if self._second is None and self._stands_again(away_m):
            self._begin_second(anchor)
        elif self._second is None or self._has_left(there):
            self._follow_leaving(away_m, there)
        return []

    def _follow_leaving(self, away_m: float, there: _Seen) -> None:
        """The places on the way out, in order of their distance; a truck that comes back takes its own away."""
        while self._leaving and self._leaving[-1][0] > away_m:
            self._leaving.pop()
        if away_m < QUIET_RADIUS_M:
            self._leaving.clear()
        elif not self._leaving or away_m >= self._leaving[-1][0] + LEAVING_STEP_M:
            self._leaving.append((away_m, self._corrected(there)))

    def _follow_drift(self, stop: _Seen, seen: _Seen) -> None:
        """Drift is where the newest eight quiet seconds lie from the stop, as long as that is near it."""
        self._take(seen)
        while len(self._window) > 1 and round(self._window_s - self._window[1].elapsed_s, 3) >= SETTLE_S:
            self._window.popleft()
            self._window_s = round(self._window_s - self._window[0].elapsed_s, 3)
        if not self._fades or not (self._rests or (self._window_s >= SETTLE_S and _settled(self._window))):
            return
        self._fresh = False
        here = _middle(self._window)
        if _apart_m(here, stop) <= QUIET_RADIUS_M:
            self._drift = (here.x_m - stop.x_m, here.y_m - stop.y_m)

    def _stands_again(self, away_m: float) -> bool:
        return away_m >= SECOND_STOP_M and self._window_s >= SETTLE_S and _settled(self._window)

    def _begin_second(self, anchor: _Seen) -> None:
        """A second stop begins with the newest eight seconds; what drifted at the first one is settled."""
        self._first_s, self._stood_s = self._counted_s(self._stood_s - self._window_s), self._window_s
        anchor = self._anchor = _moved(anchor, self._drift)
        self._take_off_drift()
        second = self._second = _middle(self._window)
        second_m = _apart_m(second, anchor)
        before = [each for each in self._leaving if each[0] < second_m - LEAVING_STEP_M]
        self._leaving = [*before, (second_m, self._corrected(second))]

    def _is_off_second(self, there: _Seen) -> bool:
        return self._second is None or _apart_m(there, self._second) >= QUIET_RADIUS_M

    def _has_left(self, there: _Seen) -> bool:
        """Whether this place and the one before lie off the second stop: one alone tells nothing."""
        was_off, self._off_second = self._off_second, self._is_off_second(there)
        return was_off and self._off_second

    def _undrifted(self, seen: _Seen) -> _Seen:
        return _moved(seen, (-self._drift[0], -self._drift[1]))

    def _take_off_drift(self) -> None:
        """From here on, off all places."""
        east, north = self._shift[0] + self._drift[0], self._shift[1] + self._drift[1]
        share = QUIET_RADIUS_M / max(QUIET_RADIUS_M, math.hypot(east, north))
        self._shift = (east * share, north * share)
        self._drift = (0.0, 0.0)

    def _counted_s(self, stood_s: float) -> float:
        return min(stood_s, self._cap_s + REARM_ALLOWANCE_S)

    @property
    def _rests(self) -> bool:
        """Whether the first places behind a pause lie together: the truck has not moved off again at once."""
        first = self._window[0]
        return (
            self._fresh
            and len(self._window) >= RESTS_FIXES
            and all(_apart_m(first, each) <= RESTS_RADIUS_M for each in self._window)
        )

    @property
    def _held_s(self) -> float:
        return sum(seen.elapsed_s for seen in self._beyond[1:])

    def _rearm(self) -> list[Step]:
        """The way from the anchor to here, which counts as 30 m and as little time as was agreed."""
        first, *rest = self._beyond
        self._take_off_drift()
        way = [place for _, place in self._leaving] + [self._corrected(first)]
        elapsed_s = self._first_s + self._counted_s(self._stood_s - self._held_s)
        share = 1 / len(way)
        steps = [
            Step(each.x_m, each.y_m, self._rearm_m * share, elapsed_s * share, each.second) for each in way
        ]
        self._last, self._last_seen = (way[-1].x_m, way[-1].y_m), first
        self._forget_window()
        self._begin(None)
        return steps + [step for seen in rest for step in self._push(seen)]

    def _step(self, seen: _Seen) -> Step:
        if self._last_seen is not None and self._shift != (0.0, 0.0):
            left = math.exp(-_apart_m(seen, self._last_seen) / FADE_M)
            self._shift = (self._shift[0] * left, self._shift[1] * left)
        x_m, y_m, *_ = self._corrected(seen)
        moved_m = 0.0 if self._last is None else math.hypot(x_m - self._last[0], y_m - self._last[1])
        self._last, self._last_seen = (x_m, y_m), seen
        return Step(x_m, y_m, moved_m, seen.elapsed_s, seen.second)

    def _corrected(self, seen: _Seen) -> _Seen:
        """As it goes on."""
        return seen._replace(x_m=round(seen.x_m - self._shift[0], 3), y_m=round(seen.y_m - self._shift[1], 3))

    # Across a loss of power.

    def state(self) -> dict[str, Any]:
        """All of it, in what JSON holds exactly."""
        stands = self._anchor is not None  # then how long is nobody's business, and a pause will fill its cap
        return {
            "window": [] if stands else [list(seen) for seen in self._window],
            "window_s": 0.0 if stands else self._window_s,
            "last": self._last,
            "last_seen": self._last_seen,
            "shift": self._shift,
            "anchor": self._anchor,
            "drift": self._drift,
            "leaving": self._leaving,
            "second": self._second,
            "first_s": self._first_s,
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Go on from `state`; what the truck did at the very end of a standstill is begun anew by `resume`."""
        self._forget()
        self._window = deque(_Seen(*row) for row in state["window"])
        self._window_s = state["window_s"]
        self._last = _pair(state["last"])
        self._last_seen = _Seen(*state["last_seen"]) if state["last_seen"] else None
        self._shift = (state["shift"][0], state["shift"][1])
        self._begin(_Seen(*state["anchor"]) if state["anchor"] else None)
        self._drift = (state["drift"][0], state["drift"][1])
        self._leaving = [(away_m, _Seen(*row)) for away_m, row in state["leaving"]]
        self._second = _Seen(*state["second"]) if state["second"] else None
        self._first_s = state["first_s"]


def _pair(values: Any) -> tuple[float, float] | None:
    return None if values is None else (values[0], values[1])


def _moved(seen: _Seen, by_m: tuple[float, float]) -> _Seen:
    return seen._replace(x_m=seen.x_m + by_m[0], y_m=seen.y_m + by_m[1])


def _apart_m(one: _Seen, other: _Seen) -> float:
    return math.hypot(one.x_m - other.x_m, one.y_m - other.y_m)


def _middle(window: deque[_Seen]) -> _Seen:
    """Where it stands: one place alone may be noise, or still braking."""
    number = len(window)
    return window[0]._replace(
        x_m=sum(seen.x_m for seen in window) / number, y_m=sum(seen.y_m for seen in window) / number
    )


def _settled(window: deque[_Seen]) -> bool:
    return all(_apart_m(window[0], seen) <= SETTLE_RADIUS_M for seen in window)
