"""The lines on the header, with gpiozero's mock pins: at rest, stuck, chattering, floating, taken, moved by hand."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from gpiozero import DigitalInputDevice
from gpiozero.pins.mock import MockFactory, MockPin

from agent.doctor import hands, pins
from agent.doctor.finding import Finding
from agent.doctor.hands import ASK_FOR
from config.pins import StatusLedPin
from config.schema import Configuration
from drivers.clock import Clock
from drivers.gpio import PinOptions

SPEED = 20.0
CREW = PinOptions("crew", 22, "crew_switch", active_high=False, pull="up")
BRAKE = PinOptions("brake", 17, "harsh_braking", active_high=False, pull="up")
LAMP = PinOptions("lamp", 25, "status_led")


@pytest.fixture
def factory() -> Iterator[MockFactory]:
    made = MockFactory()
    yield made
    made.close()


class Driven(MockPin):  # type: ignore[misc]
    """A line that something holds, whatever the Pi's own resistor wants."""

    def _set_pull(self, value: str) -> None:
        self._pull = value


def looked_at(pin: PinOptions, factory: MockFactory) -> Finding:
    (found,) = pins.pins([pin], {pin.name: 50.0}, Clock(SPEED), factory)
    return found


@pytest.mark.parametrize(
    ("pin", "high", "outcome", "words"),
    [
        (CREW, True, "pass", "is off and quiet"),
        (CREW, False, "pass", "is on and quiet"),
        (BRAKE, True, "pass", "is at rest and quiet"),
        (BRAKE, False, "fail", "is stuck"),
    ],
)
def test_a_quiet_line_passes_and_a_button_that_is_down_is_stuck(
    factory: MockFactory, pin: PinOptions, high: bool, outcome: str, words: str
) -> None:
    line = factory.pin(pin.gpio, pin_class=Driven)
    line.drive_high() if high else line.drive_low()
    found = looked_at(pin, factory)
    assert found.outcome == outcome
    assert words in found.says


def test_a_line_that_nothing_holds_floats(factory: MockFactory) -> None:
    loose = PinOptions("loose", 5, "lift", pull="none")
    found = looked_at(loose, factory)
    assert (found.outcome, found.says) == ("fail", "GPIO 5, lift floats")
    factory.pin(6, pin_class=Driven).drive_high()
    assert looked_at(PinOptions("held", 6, "ignition", pull="none"), factory).outcome == "pass"


def test_a_line_that_changes_all_the_time_chatters(
    factory: MockFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    start = pins.Pins.start

    def shaken(lines: pins.Pins) -> None:
        start(lines)
        for _ in range(60):
            factory.pin(CREW.gpio).drive_low()
            factory.pin(CREW.gpio).drive_high()

    monkeypatch.setattr(pins.Pins, "start", shaken)
    found = looked_at(CREW, factory)
    assert found.outcome == "fail"
    assert "chatters: 120 changes" in found.says


def test_a_line_that_another_program_has_is_told(factory: MockFactory) -> None:
    taken = DigitalInputDevice(CREW.gpio, pull_up=True, pin_factory=factory)
    found = looked_at(CREW, factory)
    assert found.outcome == "fail"
    assert "End the other program" in found.remedy
    taken.close()


def test_a_computer_without_a_header_has_no_pins_here() -> None:
    found = list(pins.pins([CREW, LAMP], {}, Clock(SPEED)))
    assert {finding.outcome for finding in found} == {"not here"}
    assert {finding.remedy for finding in found} == {pins.NO_HEADER}
    assert all(finding.needed for finding in found)


def test_while_the_agent_runs_no_pin_is_taken_from_it() -> None:
    found = list(pins.while_agent_runs([CREW, LAMP]))
    assert {finding.outcome for finding in found} == {"not tested"}
    assert "Ctrl-C where it was started, or `sudo systemctl stop fairhaul`" in found[0].remedy


def test_while_the_agent_runs_too_a_configuration_without_pins_is_a_warning() -> None:
    (found,) = pins.while_agent_runs([])
    assert (found.check, found.outcome) == ("pins", "warn")


def test_a_configuration_without_pins_is_a_warning() -> None:
    (found,) = pins.pins([], {}, Clock(SPEED))
    assert found.outcome == "warn"


# By hand.


class Someone:
    """A technician who does this when told to, and gives this answer."""

    def __init__(self, does: Callable[[], None] = lambda: None, answer: bool | None = None) -> None:
        self.heard: list[str] = []
        self._does = does
        self._answer = answer

    def told(self, sentence: str) -> None:
        self.heard.append(sentence)
        self._does()

    def agrees(self, question: str, within_s: float) -> bool | None:
        self.heard.append(question)
        return self._answer


def by_hand(pin: PinOptions, someone: Someone, factory: MockFactory) -> Finding:
    (found,) = hands.hands([pin], someone, Clock(300), factory)
    assert found.check == f"{pin.name} by hand"
    return found


def test_a_brake_test_that_is_pressed_and_let_go_passes(factory: MockFactory) -> None:
    line = factory.pin(BRAKE.gpio)
    someone = Someone(lambda: (line.drive_low(), line.drive_high()))  # type: ignore[arg-type,return-value]
    assert by_hand(BRAKE, someone, factory).outcome == "pass"
    assert someone.heard == ["Press the brake test now, or tap the sensor (30 s)."]


def test_a_switch_that_nobody_turns_and_one_that_does_not_go_back_fail(factory: MockFactory) -> None:
    assert by_hand(CREW, Someone(), factory).says == "nothing was noticed"
    hangs = Someone(lambda: factory.pin(CREW.gpio).drive_low())
    assert by_hand(CREW, hangs, factory).says == "it was moved, but did not go back"


@pytest.mark.parametrize(("answer", "outcome"), [(True, "pass"), (False, "fail"), (None, "not tested")])
def test_a_lamp_passes_only_when_somebody_saw_it(
    factory: MockFactory, answer: bool | None, outcome: str
) -> None:
    found = by_hand(LAMP, Someone(answer=answer), factory)
    assert (found.outcome, found.needed) == (outcome, True)
    assert factory.pin(LAMP.gpio).function == "input"  # it is given back


def test_without_a_hand_nothing_that_takes_one_counts_as_tested() -> None:
    found = list(hands.without_hands([CREW, LAMP]))
    assert {(each.outcome, each.needed, each.remedy) for each in found} == {
        ("not tested", True, hands.BY_HAND)
    }


def test_every_kind_of_line_has_its_sentence() -> None:
    schema = Configuration.model_json_schema()
    kinds = {
        definition["properties"]["kind"]["const"]
        for name, definition in schema["$defs"].items()
        if name.endswith("Pin")
    }
    assert kinds - {"status_led"} == set(ASK_FOR)
    assert StatusLedPin.model_fields["kind"]
