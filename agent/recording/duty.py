"""The duty gate: recording only while every line that the agreement requires is on.

The lines are levels: an ignition and the crew's switch. A line that was never seen, that the truck does not have
or that is at fault counts as off, so that every doubt pauses recording.

A momentary switch has no position that could be read, so what it says is remembered here and nowhere else: a press
pauses, the next press resumes, and so does the ignition coming on. Where a press may have been missed it counts as
paused: when the agent starts, when inputs were lost, while and after its line is at fault. An agent that starts
with the ignition already on therefore waits for a press; it can't tell a new shift from a restart in a break.

Nothing but edges of the truck's own lines gets in here, so nobody can open the gate from afar.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Collection, Mapping

from agent.recording.pulses import LevelChanged, LineFault

logger = logging.getLogger(__name__)

DUTY_KINDS = frozenset({"ignition", "crew_switch"})
"""The kinds of line that can be required for duty."""


class Duty:
    """On duty or not. `kinds` says which kind each level line is of; several lines of a kind must all be on.

    `momentary` names the crew switches that are pressed and spring back.
    """

    def __init__(
        self, requires: Collection[str], kinds: Mapping[str, str], momentary: Collection[str] = ()
    ) -> None:
        self._kinds = dict(kinds)
        self.require(requires)
        self._ignitions = frozenset(pin for pin, of in kinds.items() if of == "ignition")
        self._momentary = frozenset(momentary)
        self._paused_at = self._all_paused()
        self._level: dict[str, int | None] = {}
        self._faulted: set[str] = set()
        self._told: set[str] = set()
        self._suspended = False

    def require(self, requires: Collection[str]) -> None:
        """Another agreement is in force: the kinds of line it requires. What the lines say, and a pause, stay."""
        self._lines = {kind: [pin for pin, of in self._kinds.items() if of == kind] for kind in requires}

    @property
    def on(self) -> bool:
        """Whether recording is on."""
        return not self._suspended and all(
            pins and all(self._active(pin) for pin in pins) for pins in self._lines.values()
        )

    @property
    def at_fault(self) -> bool:
        """Whether a line that is required is at fault, for the crew's lamp."""
        return any(pin in self._faulted for pins in self._lines.values() for pin in pins)

    def change(self, seen: LevelChanged | LineFault) -> None:
        """A level line changed, failed or recovered."""
        if isinstance(seen, LineFault):
            self._fault(seen)
            return
        rose = self._level.get(seen.pin) == 0 and seen.level == 1
        self._level[seen.pin] = seen.level
        if seen.level == 0:
            # Its fault may have ended among inputs that were lost. At rest on "on" it may still be stuck.
            self._well(seen.pin)
        if rose and not self._suspended:
            self._rise(seen)

    def _rise(self, seen: LevelChanged) -> None:
        """A press, or the ignition coming on; one that came before the press does not undo it."""
        if seen.pin in self._ignitions:
            self._paused_at = {pin: at for pin, at in self._paused_at.items() if at >= seen.at}
        elif seen.pin in self._paused_at:
            del self._paused_at[seen.pin]
        elif seen.pin in self._momentary:
            self._paused_at[seen.pin] = seen.at

    def _fault(self, seen: LineFault) -> None:
        """What a line does off duty is not told, so only a fault that ends duty is logged, and its end."""
        if seen.active:
            was_on = self.on
            self._faulted.add(seen.pin)
            if seen.pin in self._momentary:
                self._paused_at[seen.pin] = seen.at
            if was_on and not self.on:
                self._told.add(seen.pin)
                logger.warning(
                    "line %s is at fault (%s): recording is off until it is well", seen.pin, seen.fault
                )
        else:
            self._well(seen.pin)

    def _well(self, pin: str) -> None:
        self._faulted.discard(pin)
        if pin in self._told:
            self._told.discard(pin)
            logger.info("line %s is well again", pin)

    def doubt(self) -> None:
        """Inputs were lost, perhaps the crew's switch: off until `trust`, whatever older inputs still say."""
        self._suspended = True
        self._level.clear()
        self._paused_at = self._all_paused()

    def trust(self) -> None:
        """Every line is about to be read anew: what they say counts again. One at fault has to be seen off first."""
        self._suspended = False
        self._level.clear()

    def _all_paused(self) -> dict[str, float]:
        return dict.fromkeys(sorted(self._momentary), -math.inf)

    def _active(self, pin: str) -> bool:
        if pin in self._faulted:
            return False
        if pin in self._momentary:
            return self._level.get(pin) is not None and pin not in self._paused_at
        return self._level.get(pin) == 1


class FixedDuty(Duty):
    """Duty decided beforehand, for replays without ignition pulses."""

    def __init__(self, on: bool) -> None:
        super().__init__((), {})
        self._on = on

    @property
    def on(self) -> bool:
        """As decided."""
        return self._on
