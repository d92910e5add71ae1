"""Planted leaks of standing: what a truck that does not move gives away."""

from __future__ import annotations

import math
from typing import Any

import pytest

from agent.filters import standstill
from agent.filters.continuity import Continuity, Join
from agent.filters.standstill import Standstill, Step
from agent.geometry import Point
from agent.recording.chain import Chain

Patch = pytest.MonkeyPatch


def cut_on_pause(patch: Patch) -> None:
    """A pause ends the way."""
    reach = Continuity.reach

    def reached(self: Any, utc_ms: int, point: Point) -> Join:
        join = reach(self, utc_ms, point)
        return Join(broken=True) if join.resumed else join

    patch.setattr(Continuity, "reach", reached)


def trim_on_pause(patch: Patch) -> None:
    """The first metres behind a pause are withheld."""
    place = Chain.place

    def placed(self: Any, *arguments: Any) -> Any:
        paused = self._continuity._paused
        records = place(self, *arguments)
        if paused:
            self._way._stretches._skip_m = 50.0
        return records

    patch.setattr(Chain, "place", placed)


def checkpoint_lost(patch: Patch) -> None:
    """What was held back is gone with the power."""
    patch.setattr(Chain, "restore", lambda self, body: None)


def odometer_runs(patch: Patch) -> None:
    """The metres between the fixes of a standing truck count as way."""
    push, rearm = Standstill._standing, Standstill._rearm

    def standing(self: Any, anchor: Any, seen: Any) -> list[Step]:
        before = getattr(self, "seen_before", seen)
        self.raw_m = getattr(self, "raw_m", 0.0) + math.hypot(seen.x_m - before.x_m, seen.y_m - before.y_m)
        self.seen_before = seen
        return push(self, anchor, seen)

    def rearmed(self: Any) -> list[Step]:
        first, *rest = rearm(self)
        raw_m, self.raw_m = getattr(self, "raw_m", 0.0), 0.0
        return [first._replace(moved_m=first.moved_m + raw_m), *rest]

    patch.setattr(Standstill, "_standing", standing)
    patch.setattr(Standstill, "_rearm", rearmed)


def one_fix_rearms(patch: Patch) -> None:
    """One fix 30 m away ends a standstill."""
    patch.setattr(standstill, "REARM_HOLD_S", 0.0)


def drift_emits(patch: Patch) -> None:
    """A standing truck's fixes go on as points."""
    push = Standstill._standing

    def standing(self: Any, anchor: Any, seen: Any) -> list[Step]:
        steps = push(self, anchor, seen)
        return steps or [Step(seen.x_m, seen.y_m, 0.0, 0.0, seen.second)]

    patch.setattr(Standstill, "_standing", standing)


def dwell_decides_stops(patch: Patch) -> None:
    """Only who stood for two minutes has stopped."""
    stand, push, rearm = Standstill._stand, Standstill._standing, Standstill._rearm

    def standing(self: Any, anchor: Any, seen: Any) -> list[Step]:
        self.dwell_s = getattr(self, "dwell_s", 0.0) + seen.elapsed_s
        return push(self, anchor, seen)

    def rearmed(self: Any) -> list[Step]:
        first, *rest = rearm(self)
        dwell_s, self.dwell_s = getattr(self, "dwell_s", 0.0), 0.0
        return [first._replace(stands=dwell_s > 120), *rest]

    patch.setattr(Standstill, "_stand", lambda self: stand(self)._replace(stands=False))
    patch.setattr(Standstill, "_standing", standing)
    patch.setattr(Standstill, "_rearm", rearmed)


def uncapped(patch: Patch) -> None:
    """All of a standstill is running time."""
    init = Standstill.__init__

    def fresh(self: Standstill, cap_s: float, *rest: Any, **named: Any) -> None:
        init(self, 3600.0, *rest, **named)

    patch.setattr(Standstill, "__init__", fresh)


def uncapped_second_stop(patch: Patch) -> None:
    """All of a second stop is running time."""
    push, rearm = Standstill._standing, Standstill._rearm

    def standing(self: Any, anchor: Any, seen: Any) -> list[Step]:
        self.second_s = getattr(self, "second_s", 0.0) + seen.elapsed_s if self._second else 0.0
        return push(self, anchor, seen)

    def rearmed(self: Any) -> list[Step]:
        second_s = max(0.0, getattr(self, "second_s", 0.0) - self._cap_s)
        first, *rest = rearm(self)
        return [first._replace(elapsed_s=first.elapsed_s + second_s), *rest]

    patch.setattr(Standstill, "_standing", standing)
    patch.setattr(Standstill, "_rearm", rearmed)


def first_stop_lost(patch: Patch) -> None:
    """A loss of power at a second stop forgets how long the first one was."""
    restore = Standstill.restore
    patch.setattr(
        Standstill, "restore", lambda self, state: restore(self, {**state, "first_s": 0.0, "second": None})
    )


def no_fade(patch: Patch) -> None:
    """What the receiver drifted while standing stays in the way."""
    init = Standstill.__init__

    def fresh(self: Standstill, *arguments: Any, **named: Any) -> None:
        init(self, *arguments, **{**named, "fades": False})

    patch.setattr(Standstill, "__init__", fresh)


def second_stop_drifts(patch: Patch) -> None:
    """What the receiver drifted at a second stop stays in the way."""
    follow = Standstill._follow_drift
    patch.setattr(
        Standstill, "_follow_drift", lambda self, stop, seen: follow(self, self._anchor or stop, seen)
    )
