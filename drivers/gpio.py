"""GPIO lines as inputs, through gpiozero (lgpio on the Pi, its mock pins in tests).

Edges are posted raw: gpiozero's `bounce_time` swallows the falling edge and then every later pulse
(gpiozero#1039), so it stays None, and debounce is arithmetic over (at, level) elsewhere. What this does not
do: bound the rate of edges (the inbox is bounded), or notice a wire that came off.
"""

from __future__ import annotations

import contextlib
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Literal

from drivers.inputs import Input, Pulse

PINS_MAX = 26
"""Lines on a Raspberry Pi's header that are free for use."""
STATUS_LED = "status_led"
BLINK_S_MIN, BLINK_S_MAX = 0.05, 60.0
"""Shortest and longest half of a blink: what an eye sees, and what it waits for."""


class PinsMissing(OSError):
    """The GPIO lines can't be used; says which and why."""


@dataclass(frozen=True, slots=True)
class PinOptions:
    """One line. `kind` is `status_led` for an output; every other kind is an input.

    `gpio` is the BCM number; `active_high`: whether a high line means 1; `pull`: the Pi's own resistor.
    """

    name: str
    gpio: int
    kind: str
    active_high: bool = True
    pull: Literal["up", "down", "none"] = "none"


@dataclass(frozen=True, slots=True)
class Blink:
    """So long lit, so long dark, over and over, in seconds. Raises ValueError for halves no eye can follow."""

    on_s: float
    off_s: float

    def __post_init__(self) -> None:
        if not all(BLINK_S_MIN <= half_s <= BLINK_S_MAX for half_s in (self.on_s, self.off_s)):
            raise ValueError(f"each half of a blink takes {BLINK_S_MIN:g} to {BLINK_S_MAX:g} s")


Pattern = bool | Blink
"""What an output shows until told otherwise: lit, dark, or a blink."""


class Pins:
    """The configured lines, claimed on construction and given back by `close`.

    `factory` is a gpiozero pin factory; None lets gpiozero choose, which is lgpio on a Pi. Without lines
    gpiozero is not even imported. Raises ValueError for more than `PINS_MAX` lines or one given twice,
    PinsMissing where there is no GPIO or a line is taken.
    """

    def __init__(
        self,
        pins: Sequence[PinOptions],
        post: Callable[[Input], None],
        at: Callable[[], float],
        factory: Any | None = None,
    ) -> None:
        _refuse_double(pins)
        self._post = post
        self._at = at
        self._inputs: dict[str, tuple[Any, bool]] = {}
        self._leds: dict[str, Any] = {}
        for pin in pins:
            self._claim(pin, factory)

    @property
    def leds(self) -> tuple[str, ...]:
        """Names of the outputs, in the order given."""
        return tuple(self._leds)

    def start(self) -> None:
        """Begin to post edges, and post the present level of every input line once."""
        for name, (device, inverted) in self._inputs.items():
            device.when_activated = partial(self._edge, name, int(not inverted))
            device.when_deactivated = partial(self._edge, name, int(inverted))
        self.post_levels()

    def post_levels(self) -> None:
        """Post the present level of every input line: at the start, and after edges may have been dropped."""
        for name in self._inputs:
            level = self._level(name)
            self._edge(name, level)
            # An edge posted between our reading and our posting would otherwise be undone by the older level.
            if self._level(name) != level:
                self._edge(name, 1 - level)

    def set_led(self, name: str, pattern: Pattern) -> None:
        """Light an output, darken it, or let it blink on a thread of gpiozero's until it is set again.

        Raises KeyError for a name that is no status LED.
        """
        led = self._leds[name]
        if isinstance(pattern, Blink):
            led.blink(pattern.on_s, pattern.off_s)
        else:
            led.value = int(pattern)

    def close(self) -> None:
        """Give every line back; a second call does nothing."""
        while self._inputs:
            self._inputs.popitem()[1][0].close()
        while self._leds:
            self._leds.popitem()[1].close()

    def _edge(self, name: str, level: int) -> None:
        """Called on gpiozero's own thread: stamp and post, nothing that can fail."""
        self._post(Pulse(self._at(), name, level))

    def _level(self, name: str) -> int:
        device, inverted = self._inputs[name]
        return int(bool(device.is_active) is not inverted)

    def _claim(self, pin: PinOptions, factory: Any | None) -> None:
        try:
            with warnings.catch_warnings():
                # gpiozero warns of every back end that it skips; the one error below says all of it.
                warnings.simplefilter("ignore")
                if pin.kind == STATUS_LED:
                    self._leds[pin.name] = _led(pin, factory)
                else:
                    self._inputs[pin.name] = _input(pin, factory)
        except Exception as error:  # lgpio's own error derives from nothing narrower
            with contextlib.suppress(Exception):
                self.close()
            raise PinsMissing(_words(pin, error)) from error


def _input(pin: PinOptions, factory: Any | None) -> tuple[Any, bool]:
    """The input device, and whether its idea of active is the opposite of ours.

    gpiozero takes a pulled-up line as active low and a pulled-down one as active high, and has no way to
    say otherwise.
    """
    import gpiozero

    pull_up = {"up": True, "down": False, "none": None}[pin.pull]
    active_state = pin.active_high if pull_up is None else None
    device = gpiozero.DigitalInputDevice(
        pin.gpio, pull_up=pull_up, active_state=active_state, bounce_time=None, pin_factory=factory
    )
    return device, pull_up is pin.active_high


def _led(pin: PinOptions, factory: Any | None) -> Any:
    import gpiozero

    return gpiozero.DigitalOutputDevice(
        pin.gpio, active_high=pin.active_high, initial_value=False, pin_factory=factory
    )


def _words(pin: PinOptions, error: Exception) -> str:
    import gpiozero

    if isinstance(error, gpiozero.BadPinFactory):
        return (
            f"no GPIO on this computer for pin {pin.name} (GPIO{pin.gpio}): that takes a Raspberry Pi, "
            "lgpio, the gpio group and a working directory that can be written"
        )
    return f"pin {pin.name} (GPIO{pin.gpio}) can't be used: {error}"


def _refuse_double(pins: Sequence[PinOptions]) -> None:
    if len(pins) > PINS_MAX:
        raise ValueError(f"{len(pins)} pins are configured, at most {PINS_MAX} exist")
    for given in ([pin.name for pin in pins], [f"GPIO{pin.gpio}" for pin in pins]):
        for each in given:
            if given.count(each) > 1:
                raise ValueError(f"{each} is configured twice")
