"""What the crew sees and holds in the cab: the lamp and the help button.

The lamp is lit while the truck records and dark while it does not; troubles are short interruptions of either, so
that it never says the one while the other is true. It is told of duty, of faults and of the link, and of nothing
that a fix decides: off limits looks exactly like any other street.

Pure: lines and times in, patterns out. What it does not do: say whether the lamp itself is alive.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from agent.recording.pulses import LevelChanged
from drivers.gpio import Blink, Pattern

OFFLINE_AFTER_S = 120.0
"""A link that is wanted may be down for so long before the lamp says so."""
END_HOLD_S = 10.0
"""The help button held anew for so long ends the call: longer than anyone presses again to be sure."""

LampState = Literal["help", "fault", "offline", "recording", "paused"]

PATTERNS: Mapping[LampState, tuple[Pattern, Pattern]] = {
    "help": (Blink(0.1, 0.1), Blink(0.1, 0.1)),
    "fault": (Blink(0.8, 0.2), Blink(0.2, 0.8)),
    "offline": (Blink(2.8, 0.2), Blink(0.2, 2.8)),
    "recording": (True, True),
    "paused": (False, False),
}
"""What the lamp does in each state: while the truck records, and while it does not."""


class Lamp:
    """The lamp's pattern over time."""

    def __init__(self) -> None:
        self.state: LampState = "paused"
        self._pattern: Pattern = False
        self._down_since: float | None = None

    def step(self, now: float, *, recording: bool, help: bool, fault: bool, down: bool) -> Pattern | None:
        """The pattern to show from `now` on; None when it is the one that is shown already.

        `recording`: an agreement is in force and the crew is on duty, wherever the truck is. `help`: a call for
        help is on. `fault`: something needs a technician. `down`: the link is wanted now and is not up.
        """
        if not down:
            self._down_since = None
        elif self._down_since is None:
            self._down_since = now
        offline = self._down_since is not None and now - self._down_since >= OFFLINE_AFTER_S
        self.state = _state(recording, help, fault, offline)
        shown, self._pattern = self._pattern, PATTERNS[self.state][0 if recording else 1]
        return self._pattern if self._pattern != shown else None


def _state(recording: bool, help: bool, fault: bool, offline: bool) -> LampState:
    if help:
        return "help"
    if fault:
        return "fault"
    if offline:
        return "offline"
    return "recording" if recording else "paused"


class HelpButton:
    """Calls for help once it was held for `hold_s`, and ends the call once it is held anew for `END_HOLD_S`.

    One press does one thing at most, and a short one nothing. A button that is active when first read is no press,
    and a line at fault neither begins nor ends a call.
    """

    def __init__(self, hold_s: float) -> None:
        self.calling = False
        self.at_fault = False  # the line can't be read
        self._hold_s = hold_s
        self._level: int | None = None
        self._pressed_at: float | None = None

    @property
    def due(self) -> float | None:
        """When holding on will begin or end a call; None while it is not pressed."""
        if self._pressed_at is None:
            return None
        return self._pressed_at + (END_HOLD_S if self.calling else self._hold_s)

    def change(self, seen: LevelChanged) -> bool:
        """The debounced line changed; whether the call began or ended before that."""
        turned = self.tick(seen.at)
        pressed = self._level == 0 and seen.level == 1
        self._level, self.at_fault = seen.level, seen.level is None
        self._pressed_at = seen.at if pressed else None
        return turned

    def tick(self, now: float) -> bool:
        """Time went on; whether the call began or ended by it. `calling` says which."""
        if self.due is None or now < self.due:
            return False
        self.calling = not self.calling
        self._pressed_at = None
        return True
