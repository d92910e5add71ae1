"""A truck's days: short drives with pulses, then parked, and the receiver of GNSS that tells of them.

The truck drives straight lines a few kilometres long, brakes, lifts bins and parks where nothing is published. It
has no traffic, and its receiver's error is nothing: what filters make of noise is tested elsewhere.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from typing import Any

from agent.agreement import Agreement
from agent.agreement.promises import HELD_SPARE_DAYS
from drivers.inputs import Chunk, Input, Pulse
from tests.sim.drives import AREA_M, PLANE, TRUCK, Spot, agreement, sentences, straight

DAY_S = 86_400
ROLLOVER_MS = 1024 * 7 * DAY_S * 1000
PARKED_EVERY_S = 900.0  # a parked receiver is heard more often; what it says is always the same
PARKED = Spot(2 * AREA_M, 0, 0.0)
PINS: dict[str, Any] = {
    **TRUCK["pins"],
    "lift": {"gpio": 5, "kind": "lift"},
    "help": {"gpio": 6, "kind": "help_button"},
}


def agreed(daily: bool, version: int = 1, *, brakings: bool = True, days: int = 5) -> Agreement:
    """An example agreement whose retention is `days`; without brakings nothing unsent may stay longer either."""

    def change(tree: dict[str, Any]) -> None:
        tree["version"] = version
        tree["duty"].pop("schedule", None)
        if version > 1:
            tree["streams"]["track"]["precision"] = "10 m"
        for terms in tree["streams"].values():
            terms["retention"] = f"{days} days"
        tree["limits"]["device_retention"] = f"{1 + HELD_SPARE_DAYS} days"  # the configuration says less
        if brakings:
            tree["streams"]["harsh_braking"]["held"] = "1 day"
            return
        del tree["streams"]["harsh_braking"]
        tree["questions"] = [each for each in tree["questions"] if each["needs"] != ["harsh_braking"]]
        del tree["release"]["fleet_slots"]
        tree["release"].get("envelopes", {}).pop("harsh_braking", None)

    return agreement("routes-and-safety" if daily else "operations", change)


class Gnss:
    """The receiver. `rolled`: it lost count of the weeks; `stale`: so many fixes more carry an old time."""

    def __init__(self, rolled: bool) -> None:
        self.rolled = rolled
        self.stale = 0
        self.plugged = True

    def says(self, utc_ms: int, spot: Spot) -> bytes:
        """One epoch."""
        if self.stale:
            self.stale -= 1
            utc_ms -= 400 * DAY_S * 1000
        return sentences(utc_ms - (ROLLOVER_MS if self.rolled else 0), spot, PLANE)


class Truck:
    """What drives. `post` takes inputs at the moment they are stamped for; `levels` are the lines' own."""

    def __init__(
        self,
        gnss: Gnss,
        chance: random.Random,
        utc_ms: Callable[[], int],
        at: Callable[[], float],
        post: Callable[[Input], None],
        later: Callable[[float, Callable[[], None]], None],
    ) -> None:
        self.gnss = gnss
        self.levels = dict.fromkeys(PINS, 0)
        self._spot = PARKED
        self._driving = False
        self._chance = chance
        self._utc_ms = utc_ms
        self._at = at
        self._post = post
        self._later = later

    def heard(self) -> None:
        """The receiver says where the truck is."""
        if self.gnss.plugged:
            self._post(Chunk(self._at(), self.gnss.says(self._utc_ms(), self._spot)))

    def heard_parked(self) -> None:
        """The same once and again while nothing else asks for it."""
        if not self._driving:
            self.heard()
        self._later(PARKED_EVERY_S, self.heard_parked)

    def edge(self, pin: str, level: int) -> None:
        """A line changes."""
        self.levels[pin] = level
        self._post(Pulse(self._at(), pin, level))

    def pulse(self, pin: str, held_s: float = 0.25) -> None:
        """A line is on for so long."""
        self.edge(pin, 1)
        self._later(held_s, lambda: self.edge(pin, 0))

    def read_lines(self) -> None:
        """Every line's level, as at a start."""
        for pin, level in self.levels.items():
            self._post(Pulse(self._at(), pin, level))

    def drive(self, metres: int) -> None:
        """On duty, straight through the town, off duty where nothing is published."""
        way = straight(metres, -metres / 2, 10.0 * self._chance.randrange(-100, 100))
        self._driving = True
        self.edge("ignition", 1)
        self.edge("switch", 1)
        for what, often in (("brake", self._chance.randrange(3)), ("lift", self._chance.randrange(6))):
            for _ in range(often):
                self._later(self._chance.uniform(15, len(way)), lambda what=what: self.pulse(what))  # type: ignore[misc]
        self._along(iter([*way, PARKED, PARKED]))

    def _along(self, way: Iterator[Spot]) -> None:
        spot = next(way, None)
        if spot is None:
            self.edge("switch", 0)
            self.edge("ignition", 0)
            self._driving = False
            return
        self._spot = spot
        self.heard()
        self._later(1.0, lambda: self._along(way))
