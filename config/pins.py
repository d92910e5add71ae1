"""The pins of a truck: one model for each kind, with defaults that suit what is wired to it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import AfterValidator, Field, WrapValidator, model_validator

from config.located import Mistake, dotted
from config.quantities import Hertz, Seconds
from config.section import Section, gathered
from config.values import OrNone
from config.wording import shown

PINS_MAX = 24
"""Most pins: all that the header has besides 0, 1 and the UART's two."""

GPIO_MIN, GPIO_MAX = 2, 27
"""BCM numbers on a Raspberry Pi's header; 0 and 1 belong to its add-on boards."""

SINGLE_KINDS = ("ignition", "crew_switch", "help_button")
"""Kinds of which a truck has one: two would leave open which of them counts, or end each other's call for help."""

_PIN_NAME = re.compile(r"[a-z][a-z0-9_]{0,31}")


Debounce = Annotated[Seconds, Field(ge=0, le=1)]
SwitchDebounce = Annotated[Seconds, Field(ge=0, le=0.2)]  # a crew's switch has taken effect after one second
Rearm = Annotated[Seconds, Field(ge=0, le=600)]
Hold = Annotated[Seconds, Field(ge=1, le=5)]
Stuck = Annotated[Seconds, Field(ge=1, le=86400)]
StuckOrNone = Annotated[Stuck | None, OrNone()]
HelpStuck = Annotated[Seconds, Field(ge=30, le=86400)]  # longer than any call is held
HelpStuckOrNone = Annotated[HelpStuck | None, OrNone()]
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
    debounce: Debounce = Field(
        default=0.01, description="the line must hold still for so long before a change counts"
    )
    stuck_after: StuckOrNone = Field(
        default=None, description="active for longer is a fault of the wiring, or none"
    )
    edges_max: EdgeRate = Field(
        default=50.0, description="more changes a second are chatter, a fault of the wiring"
    )


class PulsePin(InputPin):
    """A line whose activations are counted."""

    minimum_pulse: Debounce = Field(default=0.02, description="a shorter activation is noise")
    rearm: Rearm = Field(default=0.0, description="after one activation the next is ignored for so long")


class LevelPin(InputPin):
    """A line whose level counts for as long as it lasts: nothing is too short for it once it is debounced."""

    minimum_pulse: ClassVar[float] = 0.0
    rearm: ClassVar[float] = 0.0


class HarshBrakingPin(PulsePin):
    """A brake sensor or the pulse output of a braking module."""

    kind: Literal["harsh_braking"] = Field(description="pulse from a brake sensor")
    rearm: Rearm = Field(default=2.0, description="after one braking the next is ignored for so long")
    stuck_after: StuckOrNone = Field(
        default=60.0, description="active for longer is a fault of the wiring, or none"
    )


class IgnitionPin(LevelPin):
    """Terminal 15 behind an opto-isolator."""

    kind: Literal["ignition"] = Field(description="active while the ignition is on")
    debounce: Debounce = Field(
        default=0.5,
        description="the line must hold still for so long before a change counts (the starter dips the supply)",
    )


class CrewSwitchPin(LevelPin):
    """The crew's own switch: recording on or off."""

    kind: Literal["crew_switch"] = Field(description="active while the crew lets the truck record")
    momentary: bool = Field(
        default=False,
        description="true for a button without a position of its own: a press pauses, "
        "the next press or the ignition coming on resumes",
    )
    debounce: SwitchDebounce = Field(
        default=0.05, description="the line must hold still for so long before a change counts"
    )

    @model_validator(mode="after")
    def _button_that_hangs(self) -> Self:
        """A toggle may be on for days; a button that is, can't be pressed any more."""
        if self.momentary and self.stuck_after is None:
            raise Mistake("write `stuck_after: 60 s` too: a button that hangs must read as off", "momentary")
        return self


class LiftPin(PulsePin):
    """A bin lift's or a tipper's sensor."""

    kind: Literal["lift"] = Field(description="active while the lift is up")
    minimum_pulse: Debounce = Field(default=0.2, description="a shorter activation is noise")
    debounce: Debounce = Field(
        default=0.05, description="the line must hold still for so long before a change counts"
    )
    rearm: Rearm = Field(default=3.0, description="after one lift the next is ignored for so long")
    stuck_after: StuckOrNone = Field(
        default=600.0, description="active for longer is a fault of the wiring, or none"
    )


class HelpButtonPin(LevelPin):
    """The crew's call for help. Two buttons are wired side by side to one pin."""

    kind: Literal["help_button"] = Field(description="active while the button is pressed")
    hold: Hold = Field(
        default=3.0, description="held for so long it calls; held anew for 10 s it ends the call"
    )
    debounce: Debounce = Field(
        default=0.05, description="the line must hold still for so long before a change counts"
    )
    stuck_after: HelpStuckOrNone = Field(
        default=120.0, description="pressed for longer is a fault of the wiring, or none"
    )


class ReportButtonPin(PulsePin):
    """A button the crew presses to report something."""

    minimum_pulse: Debounce = Field(default=0.05, description="a shorter press is noise")
    debounce: Debounce = Field(
        default=0.03, description="the line must hold still for so long before a change counts"
    )
    rearm: Rearm = Field(default=3.0, description="after one press the next is ignored for so long")
    stuck_after: StuckOrNone = Field(
        default=120.0, description="pressed for longer is a fault of the wiring, or none"
    )


class HazardButtonPin(ReportButtonPin):
    """The crew's report of a danger."""

    kind: Literal["hazard_button"] = Field(description="pressed: there is a hazard here")


class BlockedButtonPin(ReportButtonPin):
    """The crew's report of a blocked way."""

    kind: Literal["blocked_button"] = Field(description="pressed: the way is blocked here")


class NothingOutButtonPin(ReportButtonPin):
    """The crew's report that nothing was put out."""

    kind: Literal["nothing_out_button"] = Field(description="pressed: nothing was put out here")


class StatusLedPin(Pin):
    """A lamp that shows the crew whether the truck records, and what is wrong."""

    kind: Literal["status_led"] = Field(description="a lamp, driven by the agent")
    active: Literal["high", "low"] = Field(default="high", description="level that lights the lamp")


AnyPin = Annotated[
    HarshBrakingPin
    | IgnitionPin
    | CrewSwitchPin
    | LiftPin
    | HelpButtonPin
    | HazardButtonPin
    | BlockedButtonPin
    | NothingOutButtonPin
    | StatusLedPin,
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
