"""The lamp says whether the truck records, in every state; the help button is held, never brushed."""

from __future__ import annotations

import inspect
import itertools

from agent.cab import END_HOLD_S, OFFLINE_AFTER_S, PATTERNS, HelpButton, Lamp
from agent.recording.pulses import LevelChanged
from config.pins import HelpButtonPin
from config.shape import fields, in_field, limits
from drivers.gpio import Blink, Pattern

TICK_S = 1 / 1024


def shown(*, recording: bool = False, help: bool = False, fault: bool = False, down: bool = False) -> Lamp:
    """A lamp that has seen this for as long as the link may be down."""
    lamp = Lamp()
    for now in (0.0, OFFLINE_AFTER_S):
        lamp.step(now, recording=recording, help=help, fault=fault, down=down)
    return lamp


def lit_share(pattern: Pattern) -> float:
    return pattern.on_s / (pattern.on_s + pattern.off_s) if isinstance(pattern, Blink) else float(pattern)


def test_help_goes_before_fault_before_offline_before_recording_before_paused() -> None:
    for recording, help, fault, down in itertools.product([True, False], repeat=4):
        before = [
            (help, "help"),
            (fault, "fault"),
            (down, "offline"),
            (recording, "recording"),
            (True, "paused"),
        ]
        state = shown(recording=recording, help=help, fault=fault, down=down).state
        assert state == next(name for is_so, name in before if is_so)


def test_a_lamp_that_is_mostly_lit_records_and_one_that_is_mostly_dark_does_not() -> None:
    for state, (while_recording, while_not) in PATTERNS.items():
        if state == "recording":
            assert while_recording is True
        elif state == "paused":
            assert while_not is False
        elif state != "help":
            assert lit_share(while_recording) >= 0.75
            assert lit_share(while_not) <= 0.25


def test_no_two_states_look_alike() -> None:
    told = [PATTERNS["help"][0], PATTERNS["recording"][0], PATTERNS["paused"][1]]
    told += [*PATTERNS["fault"], *PATTERNS["offline"]]
    assert len(set(told)) == len(told)


def test_the_pattern_is_told_when_it_changes_and_only_then() -> None:
    lamp = Lamp()
    seen = [
        lamp.step(now, recording=recording, help=False, fault=False, down=False)
        for now, recording in enumerate([False, True, True, False, False])
    ]
    assert seen == [None, True, None, False, None]


def test_a_fault_while_recording_and_one_while_paused_look_different() -> None:
    lamp = Lamp()
    assert lamp.step(0.0, recording=True, help=False, fault=True, down=False) == Blink(0.8, 0.2)
    assert lamp.step(1.0, recording=False, help=False, fault=True, down=False) == Blink(0.2, 0.8)


def test_a_link_is_offline_from_exactly_its_limit_and_a_moment_of_it_starts_anew() -> None:
    lamp = Lamp()

    def state(now: float, down: bool) -> str:
        lamp.step(now, recording=True, help=False, fault=False, down=down)
        return lamp.state

    assert state(100.0, True) == "recording"
    assert state(100.0 + OFFLINE_AFTER_S - TICK_S, True) == "recording"
    assert state(100.0 + OFFLINE_AFTER_S, True) == "offline"
    assert state(500.0, False) == "recording"
    assert state(501.0, True) == "recording"


def test_R7_the_lamp_is_told_nothing_of_places() -> None:
    told = list(inspect.signature(Lamp.step).parameters)
    assert told == ["self", "now", "recording", "help", "fault", "down"]


# The help button.


def button(*changes: tuple[float, int | None]) -> list[tuple[float, bool]]:
    """When a call began (True) or ended, for these levels of a button that was seen released at 0 s."""
    held = HelpButton(3.0)
    turned = []
    for at, level in ((0.0, 0), *changes, (1e6, None)):
        due = held.due
        if held.change(LevelChanged(at, "help", level)):
            assert due is not None
            turned.append((due, held.calling))
    return turned


def test_a_button_held_for_exactly_its_time_calls_and_one_tick_less_does_not() -> None:
    assert button((10.0, 1), (13.0, 0)) == [(13.0, True)]
    assert button((10.0, 1), (13.0 - TICK_S, 0)) == []


def test_a_call_begins_while_the_button_is_held_and_says_so_once() -> None:
    held = HelpButton(3.0)
    held.change(LevelChanged(0.0, "help", 0))
    held.change(LevelChanged(10.0, "help", 1))
    assert held.due == 13.0
    assert not held.tick(13.0 - TICK_S)
    assert held.tick(13.0)
    assert held.calling
    assert held.due is None
    assert not held.tick(1e6)


def test_pressing_again_to_be_sure_does_not_end_the_call_and_holding_long_does() -> None:
    assert button((10.0, 1), (13.0, 0), (14.0, 1), (14.0 + END_HOLD_S - TICK_S, 0)) == [(13.0, True)]
    assert button((10.0, 1), (13.0, 0), (14.0, 1), (14.0 + END_HOLD_S, 0)) == [(13.0, True), (24.0, False)]


def test_holding_on_after_the_call_began_does_not_end_it() -> None:
    assert button((10.0, 1), (1000.0, 0)) == [(13.0, True)]


def test_the_longest_hold_that_can_be_configured_is_shorter_than_the_one_that_ends() -> None:
    assert limits(in_field(fields(HelpButtonPin)["hold"]))[1] < END_HOLD_S
    assert limits(in_field(fields(HelpButtonPin)["stuck_after"]))[0] > END_HOLD_S


def test_a_fault_of_the_line_neither_begins_nor_ends_a_call() -> None:
    faulty = ((21.0, 1), (22.0, None), (23.0, 1), (100.0, 0))
    assert button(*faulty) == []
    assert button((10.0, 1), (13.0, 0), *faulty) == [(13.0, True)]


def test_a_button_that_is_active_when_first_read_is_no_press() -> None:
    held = HelpButton(3.0)
    assert not held.at_fault
    held.change(LevelChanged(0.0, "help", 1))
    assert held.due is None
    assert not held.at_fault
    held.change(LevelChanged(1.0, "help", None))
    assert held.at_fault
