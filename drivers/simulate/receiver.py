"""What a GNSS receiver on the truck's roof makes of the truth: drift, noise, a cold start, tunnels, canyons.

The error of each axis is a slow drift (a Gauss-Markov process of `noise_m`, two minutes long) plus a white part
of a fifth of it. Chance is drawn by the reading's number, and a break has chance of its own: two shifts that
differ only in a break's length have the same readings before it, after it, and in its first and last minute.
Not modelled: smoothing by the receiver's own filter, static hold, multipath jumps, leap seconds.
"""

from __future__ import annotations

import math
import random
from typing import NamedTuple

from drivers.simulate.drive import Sample
from drivers.simulate.plane import Spot, chance
from drivers.simulate.sentences import Constellation, Mode, Reading

DRIFT_S = 120.0
WHITE_SHARE = 0.2
SPEED_NOISE_MPS = 0.07
COLD_START_S = (24.0, 34.0)
DEAD_RECKONING_S = 5.0
REACQUIRE_S = 2.0
CANYON_NOISE = 2.2
CANYON_OUTAGES_A_SECOND = 0.006
LULL_EDGE_S = 60.0  # of a break at each end that readings of equal shifts share


class Lull(NamedTuple):
    """Where in a break a reading lies: the break, readings since it began, readings until it ends."""

    break_index: int
    since: int
    until: int


class _Drift:
    """A Gauss-Markov process for east, north and up, of unit deviation."""

    def __init__(self, step_s: float) -> None:
        self.keep = math.exp(-step_s / DRIFT_S)
        self.fresh = math.sqrt(1 - self.keep * self.keep)
        self.east = self.north = self.up = 0.0

    def step(self, rng: random.Random) -> None:
        keep, fresh, gauss = self.keep, self.fresh, rng.gauss
        self.east = keep * self.east + fresh * gauss(0.0, 1.0)
        self.north = keep * self.north + fresh * gauss(0.0, 1.0)
        self.up = keep * self.up + fresh * gauss(0.0, 1.0)


class Receiver:
    """Turns samples of the drive into readings, one after the other."""

    def __init__(self, seed: int, noise_m: float, rate_hz: float, altitude_m: float) -> None:
        self.seed, self.noise_m, self.step_s, self.altitude_m = seed, noise_m, 1.0 / rate_hz, altitude_m
        self.rng = chance(seed, "receiver")
        self.satellites = Constellation(chance(seed, "satellites"))
        self.fix_from_s = self.rng.uniform(*COLD_START_S)
        self.drift, self.lull_drift = _Drift(self.step_s), _Drift(self.step_s)
        self.drift.east, self.drift.north = self.rng.gauss(0.0, 1.0), self.rng.gauss(0.0, 1.0)
        self.spread = 1.0
        self.readings = 0
        self.lost_s = 0.0  # since the sky went, 0 while it is seen
        self.blocked_s = 0.0  # how much longer a canyon hides the sky
        self.last: Reading | None = None

    def read(self, at_s: float, sample: Sample, lull: Lull | None) -> Reading:
        """The next reading; `at_s` counts from the log's first sentence."""
        reading = self._read_moving(at_s, sample) if lull is None else self._read_lull(sample, lull)
        self.last = reading
        return reading

    def _read_moving(self, at_s: float, sample: Sample) -> Reading:
        self.readings += 1
        if self.readings * self.step_s % 60 < self.step_s:
            self.satellites = self.satellites.later()
        self.drift.step(self.rng)
        canyon = sample.knot.sky == "canyon"
        self.spread += ((CANYON_NOISE if canyon else 1.0) - self.spread) * min(1.0, self.step_s / 8)
        mode = self._mode(at_s, sample)
        seen = self._seen(sample, self.rng, 0.0, 0.0)
        if mode == "E" and self.last is not None:
            return self._reckon(self.last)
        return seen._replace(mode=mode)

    def _mode(self, at_s: float, sample: Sample) -> Mode:
        """Whether the sky is seen, was seen a moment ago, or is gone."""
        if sample.knot.sky == "canyon" and self.rng.random() < CANYON_OUTAGES_A_SECOND * self.step_s:
            self.blocked_s = self.rng.uniform(3, 9)
        self.blocked_s = max(0.0, self.blocked_s - self.step_s)
        if at_s < self.fix_from_s:
            return "N"
        if sample.knot.sky == "tunnel":
            self.blocked_s = REACQUIRE_S
        self.lost_s = self.lost_s + self.step_s if self.blocked_s > 0 else 0.0
        if self.lost_s == 0:
            return "A"
        known = self.last is not None and self.last.mode != "N"
        return "E" if known and self.lost_s <= DEAD_RECKONING_S else "N"

    def _reckon(self, last: Reading) -> Reading:
        """Straight on from the last reading; speed and course stay frozen."""
        course, gone_m = math.radians(last.course_deg), last.speed_mps * self.step_s
        east_m = last.spot.east_m + gone_m * math.sin(course)
        return last._replace(mode="E", spot=Spot(east_m, last.spot.north_m + gone_m * math.cos(course)))

    def _read_lull(self, sample: Sample, lull: Lull) -> Reading:
        """A reading in a break: drift stays frozen at both ends and wanders off and back between them."""
        if lull.since == 0:
            self.lull_drift = _Drift(self.step_s)
        edge = min(round(LULL_EDGE_S / self.step_s), (lull.since + lull.until + 1) // 2)
        if lull.since < edge:
            rng, wander = self._lull_chance(lull.break_index, "first", lull.since), 0.0
        elif lull.until < edge:
            rng, wander = self._lull_chance(lull.break_index, "last", lull.until), 0.0
        else:
            rng = self._lull_chance(lull.break_index, "middle", lull.since)
            self.lull_drift.step(rng)
            wander = min(1.0, (lull.since - edge) * self.step_s / 60, (lull.until - edge) * self.step_s / 60)
        return self._seen(sample, rng, self.lull_drift.east * wander, self.lull_drift.north * wander)

    def _lull_chance(self, index: int, part: str, number: int) -> random.Random:
        return chance(self.seed, f"break {index} {part} {number}")

    def _seen(self, sample: Sample, rng: random.Random, east: float, north: float) -> Reading:
        """A reading with a fix: truth, drift, white noise; `east` and `north` add drift in deviations."""
        gauss, scale_m, drift = rng.gauss, self.noise_m * self.spread, self.drift
        spot, white = sample.spot, WHITE_SHARE
        east_m = spot.east_m + scale_m * (drift.east + east + white * gauss(0.0, 1.0))
        north_m = spot.north_m + scale_m * (drift.north + north + white * gauss(0.0, 1.0))
        speed_mps = sample.speed_mps + SPEED_NOISE_MPS * gauss(0.0, 1.0) * (1.0 if sample.speed_mps else 0.4)
        course_deg = (sample.knot.course_deg + 6.0 * gauss(0.0, 1.0) / (1.0 + sample.speed_mps)) % 360.0
        altitude_m = self.altitude_m + 1.6 * scale_m * drift.up
        canyon = sample.knot.sky == "canyon"
        return Reading(
            "A", Spot(east_m, north_m), altitude_m, abs(speed_mps), course_deg, self.satellites, canyon
        )
