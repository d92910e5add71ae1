"""A pulse of the harsh-braking input, set against what GNSS saw round it.

Deceleration is the steepest fall of speed between two fixes that lie about a second apart: near enough to
see a braking, far enough that a 10 Hz receiver's noise is not divided by a tenth of a second. Vendors' limits
go from 2.7 m/s² (car) to 4.4 m/s²; 0.3 g (2.9 m/s²) has been seen to flag ordinary stops.

Where it happened is none of this module's business: `where` is carried through and never looked at or shown.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import Literal, NamedTuple

from agent.guarded import guarded, unpickled

Corroborated = Literal["yes", "no", "unknown"]

UNRATED = "unrated"
STANDING = "standing"
PAIR_S_MIN = 0.75
"""Fixes nearer than this are not compared: a 1 Hz epoch may arrive that much early."""
PAIR_S_MAX = 2.5
"""Fixes further apart than this say nothing of the time between: one 0.5 Hz epoch and some lateness."""
AFTER_S = 1.0
"""Fixes must reach this far past a pulse before they can say that nothing happened."""
LATENESS_S_MAX = 2.0
"""A fix is known only when its epoch has ended and its burst has been read."""
PLAUSIBLE_MPS2_MAX = 12.0
"""No truck on tyres brakes harder; speeds before and after a steeper fall are not compared."""
FIXES_MAX = 512
"""Speeds remembered: 10 Hz for the longest window and its lateness."""
MATCH_WITHIN_S_MAX = 20.0
PENDING_MAX = 32
"""Pulses waiting for their window to close; one more decides the oldest at once."""


@unpickled
class Braking(NamedTuple):
    """A harsh braking and what speaks for it. `refused` is why it can't have been one, or None."""

    at: float
    corroborated: Corroborated
    severity: str
    refused: str | None
    where: object | None

    def __repr__(self) -> str:
        return f"Braking(at={self.at}, {self.corroborated}, {self.severity}, refused={self.refused})"


@dataclass(frozen=True, slots=True)
class BrakingRules:
    """Thresholds: seconds, m/s and m/s².

    `severity`: (name, at least so many m/s²), ascending. Raises ValueError for rules that can't be meant.
    """

    match_within_s: float = 3.0
    corroborated_at_mps2: float = 2.0
    standing_below_mps: float = 1.0
    severity: tuple[tuple[str, float], ...] = (("harsh", 2.7), ("severe", 4.4))

    def __post_init__(self) -> None:
        if not 0 < self.match_within_s <= MATCH_WITHIN_S_MAX:
            raise ValueError(f"match_within_s must be above 0 and at most {MATCH_WITHIN_S_MAX:g} s")
        if not 0 < self.corroborated_at_mps2 <= PLAUSIBLE_MPS2_MAX:
            raise ValueError(f"corroborated_at_mps2 must be above 0 and at most {PLAUSIBLE_MPS2_MAX:g} m/s²")
        if not self.standing_below_mps >= 0:
            raise ValueError("standing_below_mps must not be negative")
        thresholds = [at_least_mps2 for _, at_least_mps2 in self.severity]
        if thresholds != sorted(set(thresholds)):
            raise ValueError("the classes of severity must ascend")


@guarded
class _Speed(NamedTuple):
    at: float
    mps: float


@guarded
class _Pending(NamedTuple):
    at: float
    where: object | None


class Brakings:
    """Pulses waiting for the fixes that come after them, and the speeds seen lately."""

    def __init__(self, rules: BrakingRules) -> None:
        self._rules = rules
        self._speeds: deque[_Speed] = deque(maxlen=FIXES_MAX)
        self._pending: deque[_Pending] = deque()
        self._decided: list[Braking] = []

    @property
    def due(self) -> float | None:
        """When `step` will have something at the latest; None while nothing waits."""
        if self._decided:
            return self._decided[0].at
        if not self._pending:
            return None
        return min(pulse.at for pulse in self._pending) + self._rules.match_within_s + LATENESS_S_MAX

    def push_pulse(self, at: float, where: object | None = None) -> None:
        """A pulse rose at `at`, `where` the truck was by then."""
        if len(self._pending) >= PENDING_MAX:
            self._decided.append(self._decide(self._pending.popleft()))
        self._pending.append(_Pending(at, where))

    def push_fix(self, at: float, speed_mps: float | None) -> None:
        """A fix of the epoch that began at `at`; None speeds and times that don't advance say nothing."""
        if speed_mps is None or (self._speeds and at <= self._speeds[-1].at):
            return
        self._speeds.append(_Speed(at, speed_mps))
        oldest_at = (
            min([at, *(pulse.at for pulse in self._pending)])
            - 2 * self._rules.match_within_s
            - LATENESS_S_MAX
        )
        while self._speeds[0].at < oldest_at:
            self._speeds.popleft()

    def step(self, now: float) -> list[Braking]:
        """The brakings whose windows have closed by `now`: all their fixes are in, or can no longer come."""
        ripe = [pulse for pulse in self._pending if self._closed(pulse, now)]
        self._pending = deque(pulse for pulse in self._pending if not self._closed(pulse, now))
        decided, self._decided = self._decided, []
        return decided + [self._decide(pulse) for pulse in ripe]

    def _closed(self, pulse: _Pending, now: float) -> bool:
        seen_until = self._speeds[-1].at if self._speeds else float("-inf")
        ends_at = pulse.at + self._rules.match_within_s
        return ends_at <= seen_until or ends_at + LATENESS_S_MAX <= now

    def cut(self) -> None:
        """Forget everything, pulses and speeds: the truck is where nothing may be kept."""
        self._speeds.clear()
        self._pending.clear()
        self._decided.clear()

    def _decide(self, pulse: _Pending) -> Braking:
        within_s = self._rules.match_within_s
        speeds = [each for each in self._speeds if abs(each.at - pulse.at) <= within_s]
        fall_mps2 = _steepest_fall_mps2(speeds)
        bracketed = _brackets(speeds, pulse.at, pulse.at + min(AFTER_S, within_s))
        standing = bracketed and all(each.mps < self._rules.standing_below_mps for each in speeds)
        corroborated: Corroborated = "no" if bracketed else "unknown"
        if fall_mps2 >= self._rules.corroborated_at_mps2:
            corroborated = "yes"
        severity = UNRATED if corroborated == "unknown" else self._severity(fall_mps2)
        return Braking(pulse.at, corroborated, severity, STANDING if standing else None, pulse.where)

    def _severity(self, fall_mps2: float) -> str:
        reached = [name for name, at_least_mps2 in self._rules.severity if fall_mps2 >= at_least_mps2]
        return reached[-1] if reached else UNRATED


def _steepest_fall_mps2(speeds: list[_Speed]) -> float:
    """The largest deceleration between two speeds `PAIR_S_MIN` to `PAIR_S_MAX` apart, at least 0."""
    steepest = 0.0
    for index, earlier in enumerate(speeds):
        last = earlier
        for later in speeds[index + 1 :]:
            if later.at - earlier.at > PAIR_S_MAX or not _joined(last, later):
                break
            if later.at - earlier.at >= PAIR_S_MIN:
                steepest = max(steepest, _fall_mps2(earlier, later))
            last = later
    return steepest


def _brackets(speeds: list[_Speed], since_at: float, until_at: float) -> bool:
    """Whether the speeds reach unbroken from before `since_at` to `until_at`."""
    reached: _Speed | None = None
    for each in speeds:
        if each.at > since_at and (reached is None or not _joined(reached, each)):
            return False
        reached = each
        if each.at >= until_at:
            return True
    return False


def _joined(earlier: _Speed, later: _Speed) -> bool:
    """Whether nothing can have happened between two successive speeds that they don't show."""
    return later.at - earlier.at <= PAIR_S_MAX and _fall_mps2(earlier, later) <= PLAUSIBLE_MPS2_MAX


def _fall_mps2(earlier: _Speed, later: _Speed) -> float:
    """Loss of speed over time, never over less than `PAIR_S_MIN`.

    Rounded to mm/s², so that a threshold met exactly is met whatever the clock's last bits are.
    """
    return round((earlier.mps - later.mps) / max(later.at - earlier.at, PAIR_S_MIN), 3)
