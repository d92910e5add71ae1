"""What only a hand can prove: that a switch switches, a button presses, and a lamp is seen."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Protocol

from agent.doctor.finding import Finding, failed, not_tested, passed
from drivers.clock import Clock
from drivers.gpio import STATUS_LED, Blink, PinOptions, Pins, PinsMissing
from drivers.inbox import Inbox
from drivers.inputs import Pulse

HAND_WITHIN_S = 30.0
BLINK = Blink(0.5, 0.5)
ASK_FOR = {
    "ignition": "Switch the ignition on, then off again, or off and on",
    "crew_switch": "Turn the crew's switch over, and back",
    "harsh_braking": "Press the brake test now, or tap the sensor",
    "lift": "Work the lift once",
    "help_button": "Press the help button, and let go",
    "hazard_button": "Press the hazard button, and let go",
    "blocked_button": "Press the button for a blocked way, and let go",
    "nothing_out_button": "Press the button for nothing put out, and let go",
}
BY_HAND = "Run `sudo fairhaul doctor --hands` in the truck, and do as it says."


class Technician(Protocol):
    """The person in front of the truck."""

    def told(self, sentence: str) -> None:
        """Show a sentence."""
        ...

    def agrees(self, question: str, within_s: float) -> bool | None:
        """Yes or no; None when no answer came in time."""
        ...


def hands(
    options: Sequence[PinOptions], technician: Technician, clock: Clock, factory: Any | None = None
) -> Iterator[Finding]:
    """Each line moved by hand, each lamp seen, with a limit of time for each."""
    for pin in options:
        try:
            if pin.kind == STATUS_LED:
                yield _seen(pin, technician, clock, factory)
            else:
                yield _moved(pin, technician, clock, factory)
        except PinsMissing:
            yield not_tested(_check(pin), "the line could not be had", BY_HAND)


def without_hands(options: Sequence[PinOptions]) -> Iterator[Finding]:
    """What would have been asked for."""
    for pin in options:
        yield not_tested(_check(pin), "it takes a hand", BY_HAND)


def _check(pin: PinOptions) -> str:
    return f"{pin.name} by hand"


def _moved(pin: PinOptions, technician: Technician, clock: Clock, factory: Any | None) -> Finding:
    inbox, levels = Inbox(), [-1]
    lines = Pins([pin], inbox.post, clock.at, factory)
    try:
        lines.start()
        technician.told(f"{ASK_FOR[pin.kind]} ({HAND_WITHIN_S:.0f} s).")
        ends_at = clock.at() + HAND_WITHIN_S
        while len(levels) < 4 and (left_s := ends_at - clock.at()) > 0:
            entry = inbox.take(clock.real_s(left_s))
            if isinstance(entry, Pulse) and entry.level != levels[-1]:
                levels.append(entry.level)
    finally:
        lines.close()
    if len(levels) == 4:  # nothing, as it was found, over, and back
        return passed(_check(pin), "it was moved, and went back")
    if len(levels) == 3:
        says, wire = "it was moved, but did not go back", "It hangs, or was not let go"
    else:
        says, wire = "nothing was noticed", "Its wire may be off"
    return failed(
        _check(pin), says, f"{wire}: check the wire of {pin.name}, and that it is on GPIO {pin.gpio}."
    )


def _seen(pin: PinOptions, technician: Technician, clock: Clock, factory: Any | None) -> Finding:
    lines = Pins([pin], lambda _: None, clock.at, factory)
    try:
        lines.set_led(pin.name, BLINK)
        answer = technician.agrees("Does the lamp blink, once a second?", HAND_WITHIN_S)
    finally:
        lines.close()
    if answer is None:
        return not_tested(_check(pin), "nobody answered", BY_HAND)
    if answer:
        return passed(_check(pin), "the lamp was seen")
    remedy = f"Check the lamp, its resistor, its wire on GPIO {pin.gpio}, and `active` in agent.yaml."
    return failed(_check(pin), "the lamp was not seen", remedy)
