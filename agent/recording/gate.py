"""The quality gate: which fixes may count as where the truck was. Pure, with a state of its own.

It refuses, never repairs: no smoothing, no snapping, no made-up points. What it cannot see: a receiver that
is wrong consistently (spoofed, or a metre off), and a frozen position while the receiver also claims to
stand.
"""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass

from agent.recording.fixes import Fix

METRES_PER_E7 = 6_371_008.8 * math.pi / 180 / 10_000_000
"""Metres of latitude in 1e-7 degrees, on the sphere of the Earth's mean radius."""

REASONS = (
    "void",
    "estimated",
    "simulated",
    "no_position",
    "null_island",
    "out_of_range",
    "not_a_number",
    "hdop",
    "few_satellites",
    "no_date",
    "duplicate_epoch",
    "time_back",
    "frozen",
    "speed_disagrees",
    "teleport",
    "untrusted_date",
)
"""Every reason a fix may be refused for."""


@dataclass(frozen=True, slots=True)
class GateLimits:
    """Limits of the gate. Each reading that is unknown (None) is left to the others.

    `hdop_max` none; `satellites_min` used in the fix (0 beside a valid fix means that the receiver does not
    count); `implied_mps_max` between accepted fixes; `jump_fixes` in a row that agree with each other after
    which a jump, or a step back in time, is believed; `frozen_m` that the speed claims while the position
    stays the same to the last digit; `speed_excess_mps` of the stated speed over the implied when the
    latter is at most `standing_mps`; `paired_s` between fixes up to which the two are compared.
    """

    hdop_max: float = 10.0
    satellites_min: int = 4
    implied_mps_max: float = 70.0
    jump_fixes: int = 5
    frozen_m: float = 30.0
    standing_mps: float = 2.0
    speed_excess_mps: float = 10.0
    paired_s: float = 5.0


class Gate:
    """Judges fixes in the order they come.

    `replay` accepts simulated fixes, which keep their mark in `fix.quality`; a live truck never does.
    `accepted` and `refused` (by reason) count what was judged.
    """

    def __init__(self, limits: GateLimits | None = None, replay: bool = False) -> None:
        self.accepted = 0
        self.refused: Counter[str] = Counter()
        self._limits = limits or GateLimits()
        self._replay = replay
        self._before: Fix | None = None  # the last fix with a place and a time, accepted or not
        self._accepted: Fix | None = None
        self._candidate: Fix | None = None
        self._agreeing = 0
        self._frozen_m = 0.0

    def judge(self, fix: Fix) -> str | None:
        """Why the fix is refused, one of REASONS; None when it is accepted."""
        reason = self._alone(fix) or self._following(fix) or (None if fix.trusted else "untrusted_date")
        if reason is None:
            self.accepted += 1
        else:
            self.refused[reason] += 1
        return reason

    def _alone(self, fix: Fix) -> str | None:
        """What is wrong with the fix by itself."""
        return self._quality(fix) or _place(fix) or self._weakness(fix)

    def _quality(self, fix: Fix) -> str | None:
        if fix.quality == "none":
            return "void"
        if fix.quality == "estimated" or (fix.quality == "simulated" and not self._replay):
            return fix.quality
        return None

    def _weakness(self, fix: Fix) -> str | None:
        if fix.hdop is not None and fix.hdop > self._limits.hdop_max:
            return "hdop"
        if fix.satellites is not None and 0 < fix.satellites < self._limits.satellites_min:
            return "few_satellites"
        return "no_date" if fix.utc_ms is None else None

    def _following(self, fix: Fix) -> str | None:
        """What is wrong with the fix after those before it."""
        before, self._before = self._before, fix
        if before is not None:
            reason = self._motion(before, fix)
            if reason is not None:
                return reason
        reason = self._step(self._accepted, fix) if self._accepted is not None else None
        if reason is not None and not self._persists(fix):
            return reason
        self._accepted = fix
        self._candidate = None
        self._agreeing = 0
        return None

    def _motion(self, before: Fix, fix: Fix) -> str | None:
        """Whether stated speed and position contradict each other since the fix just before."""
        elapsed_s = _elapsed_s(before, fix)
        if elapsed_s == 0:
            return "duplicate_epoch"
        if not 0 < elapsed_s <= self._limits.paired_s:
            self._frozen_m = 0.0
            return None
        speed_mps = fix.speed_mps or 0.0
        if (before.latitude_e7, before.longitude_e7) == (fix.latitude_e7, fix.longitude_e7):
            self._frozen_m += speed_mps * elapsed_s
            return "frozen" if self._frozen_m > self._limits.frozen_m else None
        self._frozen_m = 0.0
        implied_mps = _metres(before, fix) / elapsed_s
        excess_mps = speed_mps - implied_mps
        if implied_mps <= self._limits.standing_mps and excess_mps > self._limits.speed_excess_mps:
            return "speed_disagrees"
        return None

    def _step(self, earlier: Fix, fix: Fix) -> str | None:
        """Whether nothing drives, or no clock goes, from the one fix to the other."""
        elapsed_s = _elapsed_s(earlier, fix)
        if elapsed_s == 0:
            return "duplicate_epoch"
        if elapsed_s < 0:
            # A date that never earned trust is no measure for the one that comes after it.
            return "time_back" if earlier.trusted else None
        return "teleport" if _metres(earlier, fix) > self._limits.implied_mps_max * elapsed_s else None

    def _persists(self, fix: Fix) -> bool:
        """Whether `jump_fixes` fixes in a row now say the same as this one, against the last accepted."""
        agrees = self._candidate is not None and self._step(self._candidate, fix) is None
        self._agreeing = self._agreeing + 1 if agrees else 1
        self._candidate = fix
        return self._agreeing >= self._limits.jump_fixes


def _place(fix: Fix) -> str | None:
    """Whether the fix names a place on Earth, in numbers."""
    latitude_e7, longitude_e7 = fix.latitude_e7, fix.longitude_e7
    if latitude_e7 is None or longitude_e7 is None:
        return "no_position"
    if latitude_e7 == 0 and longitude_e7 == 0:
        return "null_island"
    # Written so that NaN, which compares as false, is refused too.
    if not (-900_000_000 <= latitude_e7 <= 900_000_000 and -1_800_000_000 <= longitude_e7 <= 1_800_000_000):
        return "out_of_range"
    readings = (fix.speed_mps, fix.course_deg, fix.altitude_m, fix.hdop)
    if any(reading is not None and not math.isfinite(reading) for reading in readings):
        return "not_a_number"
    return None


def _elapsed_s(earlier: Fix, later: Fix) -> float:
    """Seconds of GNSS time between two dated fixes; negative when it went back."""
    return ((later.utc_ms or 0) - (earlier.utc_ms or 0)) / 1000


def _metres(one: Fix, other: Fix) -> float:
    """Distance on the local plane: right to 0.1 % within 100 km of each other, ample for a jump."""
    north_e7 = (other.latitude_e7 or 0) - (one.latitude_e7 or 0)
    # Across the date line the short way round.
    east_e7 = ((other.longitude_e7 or 0) - (one.longitude_e7 or 0) + 1_800_000_000) % 3_600_000_000
    east_m = (east_e7 - 1_800_000_000) * math.cos(math.radians((other.latitude_e7 or 0) / 1e7))
    return math.hypot(north_e7, east_m) * METRES_PER_E7
