"""GPIO lines through gpiozero, with its own mock pins.

The mock calls back on the driving thread and ignores `bounce_time`: what real back ends do in a thread of their own
is not modelled here.
"""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from gpiozero import DigitalOutputDevice
from gpiozero.pins.mock import MockFactory, MockPin

from drivers.gpio import BLINK_S_MAX, BLINK_S_MIN, PINS_MAX, Blink, PinOptions, Pins, PinsMissing
from drivers.inputs import Pulse

AT = 7.0


@pytest.fixture
def factory() -> Iterator[MockFactory]:
    made = MockFactory()
    yield made
    made.close()


class Truck:
    """Pins on mock hardware, and what they posted."""

    def __init__(self, factory: MockFactory, *pins: PinOptions) -> None:
        self.factory = factory
        self.posted: list[Any] = []
        self.pins = Pins(pins, self.posted.append, lambda: AT, factory)

    def drive(self, gpio: int, high: int) -> None:
        pin = self.factory.pin(gpio)
        pin.drive_high() if high else pin.drive_low()


def test_edges_are_posted_with_their_time_name_and_level(factory: MockFactory) -> None:
    truck = Truck(factory, PinOptions("brake", 17, "harsh_braking", pull="down"))
    truck.pins.start()
    truck.drive(17, 1)
    truck.drive(17, 0)
    assert truck.posted == [Pulse(AT, "brake", 0), Pulse(AT, "brake", 1), Pulse(AT, "brake", 0)]
    truck.pins.close()


@pytest.mark.parametrize("pull", ["up", "down", "none"])
@pytest.mark.parametrize("active_high", [True, False])
def test_levels_are_logical_for_every_polarity_and_pull(
    factory: MockFactory, pull: Any, active_high: bool
) -> None:
    truck = Truck(factory, PinOptions("crew", 22, "crew_switch", active_high, pull))
    resting_high = pull == "up"
    truck.pins.start()
    truck.drive(22, 1)
    truck.drive(22, 0)
    wires = [resting_high, True, False] if not resting_high else [True, False]
    assert [pulse.level for pulse in truck.posted] == [int(wire is active_high) for wire in wires]
    truck.pins.close()


def test_the_present_level_of_every_input_is_posted_once_at_the_start(factory: MockFactory) -> None:
    truck = Truck(
        factory,
        PinOptions("ignition", 5, "ignition"),
        PinOptions("crew", 6, "crew_switch"),
        PinOptions("lamp", 13, "status_led"),
    )
    truck.drive(5, 1)
    assert truck.posted == []
    truck.pins.start()
    assert truck.posted == [Pulse(AT, "ignition", 1), Pulse(AT, "crew", 0)]
    truck.pins.close()


def test_an_edge_between_reading_and_posting_the_present_level_is_not_undone(factory: MockFactory) -> None:
    posted: list[Any] = []

    def post(pulse: Any) -> None:
        # The line rises just before the level that was read is posted.
        if not posted:
            posted.append("posting")
            factory.pin(17).drive_high()
        posted.append(pulse)

    pins = Pins([PinOptions("crew", 17, "crew_switch")], post, lambda: AT, factory)
    pins.start()
    assert posted[-1] == Pulse(AT, "crew", 1)
    pins.close()


def test_levels_can_be_asked_for_again_after_edges_may_have_been_dropped(factory: MockFactory) -> None:
    truck = Truck(factory, PinOptions("crew", 6, "crew_switch"))
    truck.pins.start()
    truck.posted.clear()
    truck.pins.post_levels()
    assert truck.posted == [Pulse(AT, "crew", 0)]
    truck.pins.close()


@pytest.mark.parametrize("active_high", [True, False])
def test_a_status_led_is_switched_and_starts_off(factory: MockFactory, active_high: bool) -> None:
    truck = Truck(factory, PinOptions("lamp", 13, "status_led", active_high))
    assert truck.pins.leds == ("lamp",)
    assert factory.pin(13).function == "output"
    assert factory.pin(13).state == (not active_high)
    truck.pins.set_led("lamp", True)
    assert factory.pin(13).state == active_high
    truck.pins.set_led("lamp", False)
    assert factory.pin(13).state == (not active_high)
    with pytest.raises(KeyError):
        truck.pins.set_led("brake", True)
    truck.pins.close()


PATIENCE_S = 20.0


class WatchedPin(MockPin):  # type: ignore[misc]
    """A mock pin that says when it was switched `enough` times."""

    enough: threading.Semaphore

    def _change_state(self, value: bool) -> bool:
        changed: bool = super()._change_state(value)
        if changed and self._function == "output":
            self.enough.release()
        return changed


@pytest.fixture
def switched(factory: MockFactory) -> threading.Semaphore:
    """Released each time an output of the factory changes."""
    WatchedPin.enough = threading.Semaphore(0)
    factory.pin_class = WatchedPin
    return WatchedPin.enough


def test_a_blinking_led_goes_on_and_off_by_itself_until_it_is_set(
    factory: MockFactory, switched: threading.Semaphore
) -> None:
    truck = Truck(factory, PinOptions("lamp", 13, "status_led"))
    truck.pins.set_led("lamp", Blink(BLINK_S_MIN, BLINK_S_MIN))
    assert all(switched.acquire(timeout=PATIENCE_S) for _ in range(4))
    truck.pins.set_led("lamp", True)
    assert factory.pin(13).state
    assert [thread for thread in threading.enumerate() if "_blink_device" in thread.name] == []
    truck.pins.close()


def test_a_blink_lasts_as_long_as_it_says(factory: MockFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    blinks: list[tuple[float, float]] = []
    monkeypatch.setattr(DigitalOutputDevice, "blink", lambda _, on_s, off_s: blinks.append((on_s, off_s)))
    truck = Truck(factory, PinOptions("lamp", 13, "status_led"))
    truck.pins.set_led("lamp", Blink(0.2, 2.8))
    assert blinks == [(0.2, 2.8)]
    truck.pins.close()


def test_closing_ends_a_blink_at_once(factory: MockFactory, switched: threading.Semaphore) -> None:
    truck = Truck(factory, PinOptions("lamp", 13, "status_led"))
    before = threading.active_count()
    truck.pins.set_led("lamp", Blink(BLINK_S_MAX, BLINK_S_MAX))
    assert switched.acquire(timeout=PATIENCE_S)
    assert threading.active_count() == before + 1
    truck.pins.close()
    assert threading.active_count() == before


@pytest.mark.parametrize("half_s", [BLINK_S_MIN - 0.001, BLINK_S_MAX + 0.001, 0.0, float("nan")])
def test_a_blink_that_no_eye_can_follow_is_refused(half_s: float) -> None:
    for halves_s in ((half_s, 1.0), (1.0, half_s)):
        with pytest.raises(ValueError, match=r"takes 0\.05 to 60 s"):
            Blink(*halves_s)
    assert Blink(BLINK_S_MIN, BLINK_S_MAX) == Blink(BLINK_S_MIN, BLINK_S_MAX)


def test_closing_gives_the_pins_back_and_ends_the_posting(factory: MockFactory) -> None:
    options = (PinOptions("brake", 17, "harsh_braking"), PinOptions("lamp", 13, "status_led"))
    truck = Truck(factory, *options)
    truck.pins.start()
    truck.pins.close()
    truck.pins.close()
    truck.posted.clear()
    truck.drive(17, 1)
    assert truck.posted == []
    Truck(factory, *options).pins.close()


def test_a_line_that_is_taken_says_which_and_gives_the_others_back(factory: MockFactory) -> None:
    first = Truck(factory, PinOptions("brake", 17, "harsh_braking"))
    with pytest.raises(PinsMissing, match=r"pin crew \(GPIO17\) can't be used"):
        Truck(factory, PinOptions("lift", 4, "lift"), PinOptions("crew", 17, "crew_switch"))
    first.pins.close()
    Truck(factory, PinOptions("lift", 4, "lift")).pins.close()


def test_a_line_that_no_pi_has_says_which(factory: MockFactory) -> None:
    with pytest.raises(PinsMissing, match=r"pin crew \(GPIO99\)"):
        Truck(factory, PinOptions("crew", 99, "crew_switch"))


def test_a_name_or_a_line_given_twice_is_refused(factory: MockFactory) -> None:
    with pytest.raises(ValueError, match="crew is configured twice"):
        Truck(factory, PinOptions("crew", 4, "crew_switch"), PinOptions("crew", 5, "lift"))
    with pytest.raises(ValueError, match="GPIO4 is configured twice"):
        Truck(factory, PinOptions("crew", 4, "crew_switch"), PinOptions("lift", 4, "lift"))


def test_as_many_pins_as_a_header_has_are_accepted_and_one_more_is_refused(factory: MockFactory) -> None:
    # GPIO2 and 3 have pull-up resistors of their own on the board.
    pins = [PinOptions(f"pin{gpio}", gpio, "lift", pull="up") for gpio in range(2, 2 + PINS_MAX)]
    Truck(factory, *pins).pins.close()
    with pytest.raises(ValueError, match="27 pins are configured, at most 26 exist"):
        Truck(factory, *pins, PinOptions("one more", 1, "lift"))


def test_a_computer_without_gpio_says_so_in_one_sentence(tmp_path: Path) -> None:
    # In a process and folder of its own: lgpio leaves a thread and a pipe behind when it is merely imported.
    said = run_python(
        tmp_path,
        "from drivers.gpio import *\n"
        "try: Pins([PinOptions('brake', 17, 'harsh_braking')], print, float)\n"
        "except PinsMissing as error: print(isinstance(error, OSError), error)\n",
    )
    assert said.startswith("True no GPIO on this computer for pin brake (GPIO17): that takes a Raspberry Pi")


def test_without_pins_gpiozero_is_not_imported(tmp_path: Path) -> None:
    said = run_python(
        tmp_path,
        "import sys, drivers.gpio\n"
        "pins = drivers.gpio.Pins([], print, float); pins.start(); pins.close()\n"
        "print('gpiozero' in sys.modules)\n",
    )
    assert said == "False\n"


def run_python(folder: Path, code: str) -> str:
    """What a fresh interpreter prints for this code, in a folder that it may litter."""
    root = Path(__file__).parents[2]
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code],
        cwd=folder,
        env={"PYTHONPATH": str(root), "PATH": ""},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.stderr == ""
    return done.stdout
