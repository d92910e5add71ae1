"""One test for each row of the field notes on serial ports and GPIO, named after it."""

from __future__ import annotations

import contextlib
import os
import queue
import random
import termios
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import serial
from gpiozero.pins.mock import MockFactory

from agent.recording.braking import LATENESS_S_MAX, BrakingRules, Brakings
from agent.recording.pulses import LevelChanged, LineFault, LineOptions, Lines, PulseSeen
from drivers.clock import Clock
from drivers.gpio import PinOptions, Pins
from drivers.inputs import Chunk, Input, PortLost, PortOpened, Pulse
from drivers.serial_gnss import PortOptions, SerialGnss

SENTENCE = b"$GPZDA,201530.00,04,07,2002,00,00*60\r\n"
PATIENCE_S = 20.0

Say = Callable[[], object]


class Pty:
    """A pseudo-terminal as the receiver's end of a serial line."""

    def __init__(self) -> None:
        self.master, self.slave = os.openpty()
        self.path = os.ttyname(self.slave)

    def say(self, said: bytes = SENTENCE) -> None:
        os.write(self.master, said)

    def close(self) -> None:
        for fd in (self.master, self.slave):
            with contextlib.suppress(OSError):
                os.close(fd)


class Port:
    """A running SerialGnss and what it posts."""

    def __init__(self, path: str, baud: int | None = 115200, speed: float = 1.0) -> None:
        self.inbox: queue.Queue[Input] = queue.Queue()
        options = PortOptions(path, baud, silence_s=10.0, reopen_first_s=0.1, reopen_max_s=0.2)
        self.gnss = SerialGnss(options, self.inbox.put, Clock(speed).at, random.Random(3))
        self.gnss.start()

    def next(self, *kinds: type[Any], say: Say = lambda: None) -> Any:
        """The next input of these kinds, while the receiver speaks."""
        for _ in range(int(PATIENCE_S / 0.05)):
            say()
            with contextlib.suppress(queue.Empty):
                while not isinstance(entry := self.inbox.get(timeout=0.05), kinds):
                    pass
                return entry
        raise AssertionError(f"no {kinds} was posted")


@pytest.fixture
def pty() -> Iterator[Callable[[], Pty]]:
    with contextlib.ExitStack() as stack:

        def make() -> Pty:
            made = Pty()
            stack.callback(made.close)
            return made

        yield make


@pytest.fixture
def port(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Port]]:
    monkeypatch.setattr("drivers.serial_gnss.POLL_S", 0.05)
    with contextlib.ExitStack() as stack:

        def make(path: str, baud: int | None = 115200, speed: float = 1.0) -> Port:
            made = Port(path, baud, speed)
            stack.callback(made.gnss.stop)
            return made

        yield make


@pytest.fixture
def factory() -> Iterator[MockFactory]:
    made = MockFactory()
    yield made
    made.close()


# GNSS receivers and NMEA: the serial rows


def test_115200_baud_framing_does_not_wake_the_reader_for_every_piece(
    pty: Callable[[], Pty], port: Callable[..., Port]
) -> None:
    receiver = pty()
    reader = port(receiver.path)
    reader.next(PortOpened, say=receiver.say)
    epoch = SENTENCE * 15
    pieces = [epoch[start : start + 16] for start in range(0, len(epoch), 16)]
    for piece in pieces:
        receiver.say(piece)
    receiver.say(b"end")
    chunks: list[Chunk] = [reader.next(Chunk)]
    while not chunks[-1].data.endswith(b"end"):
        chunks.append(reader.next(Chunk))
    assert b"".join(chunk.data for chunk in chunks).endswith(epoch + b"end")
    # One for what proved the port, one or two for the whole epoch: not one for each of its 36 pieces.
    assert len(chunks) <= 4 < len(pieces)


def test_wrong_baud_is_hunted_until_nmea_is_heard(pty: Callable[[], Pty], port: Callable[..., Port]) -> None:
    receiver = pty()
    reader = port(receiver.path, None, speed=12.0)

    def say_at_38400() -> None:
        right = termios.tcgetattr(receiver.slave)[4] == termios.B38400
        receiver.say(SENTENCE if right else b"\xf8\x00\x8e\xe0" * 8)

    assert reader.next(PortOpened, say=say_at_38400).baud == 38400


def test_wrong_baud_that_is_fixed_names_the_key_to_check(
    pty: Callable[[], Pty], port: Callable[..., Port]
) -> None:
    receiver = pty()
    reader = port(receiver.path, 9600, speed=20.0)
    lost = reader.next(PortLost, say=lambda: receiver.say(b"\xf8\x00\x8e\xe0" * 8))
    assert lost.reason == "bytes arrive but no NMEA at 9600 baud: check gnss.baud"


def test_receiver_silent_is_lost_once_and_back_once(
    pty: Callable[[], Pty], port: Callable[..., Port]
) -> None:
    receiver = pty()
    reader = port(receiver.path, speed=50.0)
    assert "is silent" in reader.next(PortLost, PortOpened).reason
    assert isinstance(reader.next(PortLost, PortOpened, say=receiver.say), PortOpened)


def test_usb_unplugged_and_back_as_another_tty_is_found_by_its_stable_path(
    pty: Callable[[], Pty], port: Callable[..., Port], tmp_path: Path
) -> None:
    by_id, first, second = tmp_path / "usb-u-blox_7-if00", pty(), pty()
    by_id.symlink_to(first.path)
    reader = port(str(by_id))
    reader.next(PortOpened, say=first.say)
    first.close()
    reader.next(PortLost)
    by_id.unlink()
    by_id.symlink_to(second.path)
    assert isinstance(reader.next(PortOpened, PortLost, say=second.say), PortOpened)


def test_readline_is_never_called(
    pty: Callable[[], Pty], port: Callable[..., Port], monkeypatch: pytest.MonkeyPatch
) -> None:
    called: list[str] = []
    for slow in ("readline", "readlines", "read_until", "readinto"):
        monkeypatch.setattr(serial.Serial, slow, lambda *_, slow=slow: called.append(slow), raising=False)
    receiver = pty()
    reader = port(receiver.path)
    reader.next(PortOpened, say=receiver.say)
    reader.next(Chunk, say=receiver.say)
    assert called == []


# GPIO

BRAKE = LineOptions(minimum_pulse_s=0.05, debounce_s=0.02, rearm_s=2.0, stuck_after_s=60.0, edges_max_hz=20)


class Wire:
    """A braking line from its mock pin to what it means, on a clock that the test winds."""

    def __init__(
        self, factory: MockFactory, options: LineOptions = BRAKE, kind: str = "harsh_braking"
    ) -> None:
        self.at = 0.0
        self.seen: list[Any] = []
        self._pin = factory.pin(17)
        self._lines = Lines({"line": options})
        self.pins = Pins([PinOptions("line", 17, kind)], self._step, lambda: self.at, factory)
        self.pins.start()

    def _step(self, pulse: Any) -> None:
        assert isinstance(pulse, Pulse)
        self.seen += self._lines.step(pulse.at, pulse.pin, pulse.level)

    def hold(self, level: int, for_s: float) -> None:
        """Drive the line and let time pass."""
        self._pin.drive_high() if level else self._pin.drive_low()
        self.at = round(self.at + for_s, 6)
        self.seen += self._lines.tick(self.at)


def test_bounce_time_stays_none_so_that_no_falling_edge_and_no_later_pulse_is_lost(
    factory: MockFactory,
) -> None:
    wire = Wire(factory)
    assert factory.pin(17).bounce is None
    for _ in range(5):
        wire.hold(0, 3.0)
        wire.hold(1, 0.004)
        wire.hold(0, 0.003)
        wire.hold(1, 0.3)
    wire.hold(0, 1.0)
    assert len(wire.seen) == 5
    assert all(isinstance(seen, PulseSeen) for seen in wire.seen)
    wire.pins.close()


def test_a_line_stuck_active_is_one_fault_and_one_pulse(factory: MockFactory) -> None:
    wire = Wire(factory)
    wire.hold(0, 5.0)
    for _ in range(100):
        wire.hold(1, 3_600.0)
    wire.hold(0, 1.0)
    assert wire.seen == [
        PulseSeen(5.0, "line"),
        LineFault(65.0, "line", "stuck", True),
        LineFault(360_005.0, "line", "stuck", False),
    ]
    wire.pins.close()


def test_chatter_of_hundreds_of_edges_a_second_is_one_fault_and_no_flood(factory: MockFactory) -> None:
    wire = Wire(factory)
    wire.hold(0, 5.0)
    for _ in range(30 * 200):
        wire.hold(1, 0.0025)
        wire.hold(0, 0.0025)
    wire.hold(0, 10.0)
    assert [type(seen) for seen in wire.seen] == [LineFault, LineFault]
    assert [seen.active for seen in wire.seen] == [True, False]
    wire.pins.close()


def test_pulses_of_5_ms_are_ignored(factory: MockFactory) -> None:
    wire = Wire(factory)
    wire.hold(0, 5.0)
    for _ in range(50):
        wire.hold(1, 0.005)
        wire.hold(0, 0.5)
    assert wire.seen == []
    wire.pins.close()


def test_a_crew_switch_that_chatters_counts_as_unknown_so_that_nothing_is_recorded(
    factory: MockFactory,
) -> None:
    wire = Wire(factory, LineOptions(stuck_after_s=None, edges_max_hz=20, level=True), "crew_switch")
    wire.hold(1, 5.0)
    for _ in range(30):
        wire.hold(0, 0.005)
        wire.hold(1, 0.005)
    assert isinstance(wire.seen[-1], LevelChanged)
    assert wire.seen[-1].level is None
    wire.pins.close()


RULES = BrakingRules(match_within_s=3.0, corroborated_at_mps2=2.0, severity=(("harsh", 2.7), ("severe", 4.4)))


def judge(speeds_mps: list[float], from_s: float = -3.0) -> tuple[str, str, str | None]:
    """What a pulse at 60 s is worth amid these speeds, one a second from `from_s` relative to it."""
    brakings = Brakings(RULES)
    brakings.push_pulse(60.0)
    for second, speed_mps in enumerate(speeds_mps):
        brakings.push_fix(60.0 + from_s + second, speed_mps)
    (braking,) = brakings.step(60.0 + RULES.match_within_s + LATENESS_S_MAX)
    return braking.corroborated, braking.severity, braking.refused


def test_a_brake_pulse_with_no_fix_is_kept_as_unknown() -> None:
    assert judge([]) == ("unknown", "unrated", None)


def test_a_brake_pulse_with_a_stale_fix_is_kept_as_unknown() -> None:
    assert judge([12.0, 12.0], from_s=-30.0) == ("unknown", "unrated", None)


def test_a_brake_pulse_while_standing_still_is_refused() -> None:
    assert judge([0.2] * 7) == ("no", "unrated", "standing")


def test_a_brake_pulse_is_corroborated_against_gnss_deceleration() -> None:
    assert judge([12.0, 12.0, 12.0, 8.0, 4.0, 0.0, 0.0]) == ("yes", "harsh", None)
    assert judge([12.0] * 7) == ("no", "unrated", None)


def test_a_normal_stop_is_not_flagged_as_harsh_under_the_default_thresholds() -> None:
    # A loaded truck's ordinary stop: 1.5 m/s² from 12 m/s.
    ordinary = BrakingRules()
    assert (ordinary.corroborated_at_mps2, ordinary.severity[0][1]) == (2.0, 2.7)
    assert judge([12.0, 12.0, 10.5, 9.0, 7.5, 6.0, 4.5]) == ("no", "unrated", None)
