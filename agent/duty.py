"""The duty gate: recording only while every line that the agreement requires is on.

The lines are levels: an ignition and the crew's switch. A line that was never seen, that the truck does not have
or that is at fault counts as off, so that every doubt pauses recording.
"""

from __future__ import annotations

import logging
from collections.abc import Collection, Mapping

from agent.pulses import LevelChanged, LineFault

logger = logging.getLogger(__name__)


class Duty:
    """On duty or not. `kinds` says which kind each level line is of; several lines of a kind must all be on."""

    def __init__(self, requires: Collection[str], kinds: Mapping[str, str]) -> None:
        self._lines = {kind: [pin for pin, of in kinds.items() if of == kind] for kind in requires}
        self._level: dict[str, int] = {}
        self._faulted: set[str] = set()
        self._told: set[str] = set()
        self._suspended = False

    @property
    def on(self) -> bool:
        """Whether recording is on."""
        return not self._suspended and all(
            pins and all(self._active(pin) for pin in pins) for pins in self._lines.values()
        )

    def change(self, seen: LevelChanged | LineFault) -> None:
        """A level line changed, failed or recovered."""
        if isinstance(seen, LevelChanged):
            self._level[seen.pin] = 1 if seen.level == 1 else 0
        else:
            self._fault(seen)

    def _fault(self, seen: LineFault) -> None:
        """What a line does off duty is not told, so only a fault that ends duty is logged, and its end."""
        if seen.active:
            was_on = self.on
            self._faulted.add(seen.pin)
            if was_on and not self.on:
                self._told.add(seen.pin)
                logger.warning(
                    "line %s is at fault (%s): recording is off until it is well", seen.pin, seen.fault
                )
            return
        self._faulted.discard(seen.pin)
        if seen.pin in self._told:
            self._told.discard(seen.pin)
            logger.info("line %s is well again", seen.pin)

    def doubt(self) -> None:
        """Inputs were lost, perhaps the crew's switch: off until `trust`, whatever older inputs still say."""
        self._suspended = True
        self._level.clear()

    def trust(self) -> None:
        """Every line is about to be read anew: what they say counts again."""
        self._suspended = False
        self._level.clear()

    def _active(self, pin: str) -> bool:
        return self._level.get(pin) == 1 and pin not in self._faulted


class FixedDuty(Duty):
    """Duty decided beforehand, for replays without ignition pulses."""

    def __init__(self, on: bool) -> None:
        super().__init__((), {})
        self._on = on

    @property
    def on(self) -> bool:
        """As decided."""
        return self._on
