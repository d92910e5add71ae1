"""Ways that look driven: speed up, cruise, brake, stand, corner; and a receiver whose error wanders.

The truck moves on a plane of metres; a fix a second. Errors are correlated from fix to fix, as a receiver's are,
so that a standing truck drifts instead of jumping.
"""

from __future__ import annotations

import functools
import math
import random
from typing import NamedTuple

from tests.sim.drives import Spot

SPEED_UP_MPS2 = 3.0
BRAKE_MPS2 = 4.0
ERROR_KEPT = 0.95  # from one second to the next


class Go(NamedTuple):
    """Speed up to `cruise_mps` and go so far."""

    metres: float
    cruise_mps: float = 24.0


class Stand(NamedTuple):
    """Brake to a stop and stand for so long."""

    seconds: int


class Turn(NamedTuple):
    """A corner, in degrees to the left."""

    degrees: float


Leg = Go | Stand | Turn


class _Truck:
    """A truck at the origin, heading east."""

    def __init__(self, speed_mps: float) -> None:
        self.at = complex(0, 0)
        self.heading = complex(1, 0)
        self.speed_mps = speed_mps
        self.path: list[tuple[complex, float]] = [(self.at, speed_mps)]

    def second(self, speed_mps: float) -> float:
        """One second at an even change of speed; the metres of it."""
        metres = (self.speed_mps + speed_mps) / 2
        self.at += self.heading * metres
        self.speed_mps = speed_mps
        self.path.append((self.at, speed_mps))
        return metres

    def drive(self, leg: Leg) -> None:
        if isinstance(leg, Turn):
            self.heading *= complex(math.cos(math.radians(leg.degrees)), math.sin(math.radians(leg.degrees)))
        elif isinstance(leg, Go):
            left_m = leg.metres
            while left_m > 0:
                faster = self.speed_mps < leg.cruise_mps
                left_m -= self.second(
                    min(leg.cruise_mps, self.speed_mps + SPEED_UP_MPS2) if faster else leg.cruise_mps
                )
        else:
            while self.speed_mps > 0:
                self.second(max(0.0, self.speed_mps - BRAKE_MPS2))
            for _ in range(leg.seconds):
                self.second(0.0)


@functools.lru_cache(maxsize=4096)
def _driven(legs: tuple[Leg, ...], speed_mps: float) -> tuple[tuple[complex, float], ...]:
    truck = _Truck(speed_mps)
    for leg in legs:
        truck.drive(leg)
    return tuple(truck.path)


@functools.lru_cache(maxsize=4096)
def _errors(count: int, sigma_m: float, seed: int) -> tuple[complex, ...]:
    rng = random.Random(seed)
    fresh_m = sigma_m * math.sqrt(1 - ERROR_KEPT**2)
    error = complex(rng.gauss(0, sigma_m), rng.gauss(0, sigma_m))
    errors = []
    for _ in range(count):
        errors.append(error)
        error = ERROR_KEPT * error + complex(rng.gauss(0, fresh_m), rng.gauss(0, fresh_m))
    return tuple(errors)


class Receiver(NamedTuple):
    """How far off the receiver is: standard deviation in metres, and the seed of its wandering."""

    sigma_m: float = 0.0
    seed: int = 0


def _spots(path: list[tuple[complex, float]], receiver: Receiver) -> list[Spot]:
    errors = _errors(len(path), receiver.sigma_m, receiver.seed)
    return [
        Spot(at.real + error.real, at.imag + error.imag, speed_mps)
        for (at, speed_mps), error in zip(path, errors, strict=True)
    ]


class Place(NamedTuple):
    """Metres east and north of the origin, and a heading in degrees to the left of east."""

    east_m: float
    north_m: float
    heading_deg: float = 0.0

    @property
    def at(self) -> complex:
        """On the complex plane."""
        return complex(self.east_m, self.north_m)

    @property
    def heading(self) -> complex:
        """As a complex number of length 1."""
        return complex(math.cos(math.radians(self.heading_deg)), math.sin(math.radians(self.heading_deg)))


def way_to(place: Place, legs: tuple[Leg, ...], receiver: Receiver, speed_mps: float = 24.0) -> list[Spot]:
    """A way whose last second is at `place`, heading as it says."""
    path = _driven(legs, speed_mps)
    end, before = path[-1][0], next((at for at, _ in reversed(path) if at != path[-1][0]), path[-1][0] - 1)
    turn = place.heading / ((end - before) / abs(end - before))
    return _spots([(place.at + (at - end) * turn, speed) for at, speed in path], receiver)


def way_from(place: Place, legs: tuple[Leg, ...], receiver: Receiver, speed_mps: float = 0.0) -> list[Spot]:
    """A way whose first second is at `place`, heading as it says."""
    path = [(place.at + at * place.heading, speed) for at, speed in _driven(legs, speed_mps)]
    return _spots(path, receiver)
