"""The pins of a truck: one model for each kind, with defaults that suit what is wired to it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, WrapValidator

from config.located import Mistake, dotted
from config.quantities import Hertz, Seconds
from config.section import Section, gathered
from config.values import OrNone
from config.wording import shown

PINS_MAX = 24
"""Most pins: all that the header has besides 0, 1 and the UART's two."""

GPIO_MIN, GPIO_MAX = 2, 27
"""BCM numbers on a Raspberry Pi's header; 0 and 1 belong to its add-on boards."""

SINGLE_KINDS = ("ignition", "crew_switch")
"""Kinds of which a truck has one: two would leave open which of them counts."""

_PIN_NAME = re.compile(r"[a-z][a-z0-9_]{0,31}")


Debounce = Annotated[Seconds, Field(ge=0, le=1)]
Rearm = Annotated[Seconds, Field(ge=0, le=600)]
Stuck = Annotated[Seconds, Field(ge=1, le=86400)]
StuckOrNone = Annotated[Stuck | None, OrNone()]
EdgeRate = Annotated[Hertz, Field(ge=1, le=1000)]


class Pin(Section):
    """Anything wired to the header."""

    kind: str
    gpio: int = Field(
        description="BCM number of the pin, 2 to 27 (not its position on the header)",
        ge=GPIO_MIN,
        le=GPIO_MAX,
    )
    active: Literal["high", "low"] = Field(
        default="low", description="level that means on; opto-isolators pull low"
    )


class InputPin(Pin):
    """A line that the truck switches. Times are seconds of the debounced line, `edges_max` of the raw one."""

    pull: Literal["up", "down", "none"] = Field(
        default="up", description="the Pi's own resistor: up, down, or none where the board has one"
    )
    minimum_pulse: Debounce = Field(default=0.02, description="a shorter activation is noise")
    debounce: Debounce = Field(
        default=0.01, description="the line must hold still for so long before a change counts"
    )
    rearm: Rearm = Field(default=0.0, description="after one activation the next is ignored for so long")
    stuck_after: StuckOrNone = Field(
        default=None, description="active for longer is a fault of the wiring, or none"
    )
    edges_max: EdgeRate = Field(
        default=50.0, description="more changes a second are chatter, a fault of the wiring"
    )


class HarshBrakingPin(InputPin):
    """A brake sensor or the pulse output of a braking module."""

    kind: Literal["harsh_braking"] = Field(description="pulse from a brake sensor")
    rearm: Rearm = Field(default=2.0, description="after one braking the next is ignored for so long")
    stuck_after: StuckOrNone = Field(
        default=60.0, description="active for longer is a fault of the wiring, or none"
    )


class IgnitionPin(InputPin):
    """Terminal 15 behind an opto-isolator."""

    kind: Literal["ignition"] = Field(description="active while the ignition is on")
    minimum_pulse: Debounce = Field(
        default=0.5, description="a shorter activation is noise (the starter dips the supply)"
    )
    debounce: Debounce = Field(
        default=0.5, description="the line must hold still for so long before a change counts"
    )


class CrewSwitchPin(InputPin):
    """The crew's own switch: recording on or off."""

    kind: Literal["crew_switch"] = Field(description="active while the crew lets the truck record")
    minimum_pulse: Debounce = Field(default=0.05, description="a shorter activation is noise")
    debounce: Debounce = Field(
        default=0.05, description="the line must hold still for so long before a change counts"
    )


class LiftPin(InputPin):
    """A bin lift's sensor."""

    kind: Literal["lift"] = Field(description="active while the lift is up")
    minimum_pulse: Debounce = Field(default=0.2, description="a shorter activation is noise")
    debounce: Debounce = Field(
        default=0.05, description="the line must hold still for so long before a change counts"
    )
    rearm: Rearm = Field(default=3.0, description="after one lift the next is ignored for so long")
    stuck_after: StuckOrNone = Field(
        default=600.0, description="active for longer is a fault of the wiring, or none"
    )


class CrewButtonPin(InputPin):
    """A button the crew presses to report something."""

    kind: Literal["crew_button"] = Field(description="a button of the crew's")
    reports: Literal["hazard", "blocked", "nothing_out", "help"] = Field(
        description="what the button says: hazard, blocked, nothing_out or help"
    )
    minimum_pulse: Debounce = Field(default=0.05, description="a shorter press is noise")
    debounce: Debounce = Field(
        default=0.03, description="the line must hold still for so long before a change counts"
    )
    rearm: Rearm = Field(default=1.0, description="after one press the next is ignored for so long")
    stuck_after: StuckOrNone = Field(
        default=120.0, description="pressed for longer is a fault of the wiring, or none"
    )


class StatusLedPin(Pin):
    """A lamp that shows the crew whether the truck records."""

    kind: Literal["status_led"] = Field(description="a lamp, driven by the agent")
    active: Literal["high", "low"] = Field(default="high", description="level that lights the lamp")


AnyPin = Annotated[
    HarshBrakingPin | IgnitionPin | CrewSwitchPin | LiftPin | CrewButtonPin | StatusLedPin,
    Field(discriminator="kind"),
]


def _pin_name(name: str) -> str:
    if _PIN_NAME.fullmatch(name):
        return name
    meant = re.sub(r"[^a-z0-9]+", "_", name.lower()).strip("_")
    hint = f"; did you mean '{meant}'?" if _PIN_NAME.fullmatch(meant) else ""
    raise ValueError(f"found {shown(name)}: a pin's name is 1 to 32 of a-z, 0-9 and _, a letter first{hint}")


PinName = Annotated[str, AfterValidator(_pin_name)]


def _pins_apart(value: Any, validate: Callable[[Any], Any]) -> Any:
    return gathered(value, validate, _clashes(value) if isinstance(value, dict) else ())


def _clashes(pins: dict[str, Any]) -> Iterator[Mistake]:
    """Two pins on one GPIO, or two of a kind that a truck has once."""
    yield from _shared(
        pins, "gpio", lambda gpio: True, "{} is already used by `pins.{}`: every pin has its own"
    )
    yield from _shared(
        pins, "kind", lambda kind: kind in SINGLE_KINDS, "`pins.{1}` is of kind {0} already: a truck has one"
    )


def _shared(pins: dict[str, Any], key: str, counts: Callable[[Any], bool], says: str) -> Iterator[Mistake]:
    first: dict[Any, str] = {}
    for name, pin in pins.items():
        value = pin.get(key) if isinstance(pin, dict) else getattr(pin, key, None)
        if not isinstance(value, str | int) or not counts(value):
            continue
        if value in first:
            yield Mistake(says.format(value, dotted((first[value],))), name, key)
        first.setdefault(value, name)


Pins = Annotated[dict[PinName, AnyPin], WrapValidator(_pins_apart), Field(max_length=PINS_MAX)]
