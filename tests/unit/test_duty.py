"""Every doubt about a line is a line that is off; a press pauses, and nothing from afar undoes it."""

from __future__ import annotations

import ast
import inspect
import itertools
import logging
from collections.abc import Iterable
from typing import get_args, get_type_hints

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import agent.recording.duty
import agent.recording.pulses
from agent.recording.duty import DUTY_KINDS, Duty, FixedDuty
from agent.recording.pulses import SWITCH_SETTLES_WITHIN_S, LevelChanged, LineFault, LineOptions, Lines
from config.pins import CrewSwitchPin
from config.shape import fields, in_field, limits

KINDS = {"ignition": "ignition", "switch": "crew_switch", "brake": "harsh_braking"}
BOTH = ("ignition", "crew_switch")


def duty(*on: str, requires: tuple[str, ...] = BOTH, kinds: dict[str, str] = KINDS) -> Duty:
    gate = Duty(requires, kinds)
    for pin in on:
        gate.change(LevelChanged(0.0, pin, 1))
    return gate


def test_recording_is_on_only_while_all_lines_are() -> None:
    assert not duty().on
    assert not duty("ignition").on
    assert not duty("switch").on
    assert duty("ignition", "switch").on
    assert duty("switch", requires=("crew_switch",)).on


@pytest.mark.parametrize("pin", ["ignition", "switch"])
@pytest.mark.parametrize("level", [0, None])
def test_a_line_that_goes_off_or_unknown_pauses(pin: str, level: int | None) -> None:
    gate = duty("ignition", "switch")
    gate.change(LevelChanged(1.0, pin, level))
    assert not gate.on
    gate.change(LevelChanged(2.0, pin, 1))
    assert gate.on


@pytest.mark.parametrize("fault", ["stuck", "chatter"])
def test_a_faulted_line_counts_as_off_until_it_recovers(fault: str) -> None:
    gate = duty("ignition", "switch")
    gate.change(LineFault(1.0, "switch", fault, True))  # type: ignore[arg-type]
    assert not gate.on
    gate.change(LevelChanged(1.5, "switch", 1))
    assert not gate.on
    gate.change(LineFault(2.0, "switch", fault, False))  # type: ignore[arg-type]
    assert gate.on


def test_a_line_that_the_truck_does_not_have_is_off() -> None:
    assert not duty("ignition", kinds={"ignition": "ignition"}).on


def test_all_lines_of_a_kind_count() -> None:
    kinds = KINDS | {"second": "crew_switch"}
    assert not duty("ignition", "switch", kinds=kinds).on
    assert duty("ignition", "switch", "second", kinds=kinds).on


def test_after_doubt_every_line_must_be_seen_again() -> None:
    gate = duty("ignition", "switch")
    gate.doubt()
    gate.change(LevelChanged(1.0, "switch", 1))
    gate.change(LevelChanged(1.0, "ignition", 1))
    assert not gate.on  # these may be older than what was lost
    gate.trust()
    assert not gate.on
    gate.change(LevelChanged(2.0, "switch", 1))
    assert not gate.on
    gate.change(LevelChanged(2.0, "ignition", 1))
    assert gate.on


def test_lines_of_other_kinds_change_nothing() -> None:
    gate = duty("ignition", "switch")
    gate.change(LevelChanged(1.0, "brake", 0))
    gate.change(LineFault(1.0, "brake", "chatter", True))
    assert gate.on


@pytest.mark.parametrize("on", [True, False])
def test_a_duty_decided_beforehand_stays(on: bool) -> None:
    gate = FixedDuty(on)
    gate.change(LevelChanged(0.0, "switch", 1 - on))
    gate.doubt()
    assert gate.on is on


def test_duty_kinds_are_those_that_can_be_required() -> None:
    assert set(BOTH) == DUTY_KINDS


@pytest.mark.parametrize("pin", ["ignition", "switch"])
def test_only_lines_that_are_required_count_as_faults(pin: str) -> None:
    gate = duty("ignition", "switch", requires=("crew_switch",))
    gate.change(LineFault(1.0, pin, "stuck", True))
    assert gate.at_fault is (pin == "switch")
    gate.change(LineFault(2.0, pin, "stuck", False))
    assert not gate.at_fault


# A fault amid lost inputs.


def told(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records]


def test_a_fault_that_ended_among_lost_inputs_ends_once_the_line_is_seen_off(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO)
    gate = duty("ignition", "switch")
    gate.change(LineFault(1.0, "switch", "chatter", True))
    gate.doubt()
    gate.trust()
    gate.change(LevelChanged(2.0, "ignition", 1))
    gate.change(LevelChanged(2.0, "switch", 1))
    assert not gate.on  # it may be stuck there
    gate.change(LevelChanged(3.0, "switch", 0))
    gate.change(LevelChanged(4.0, "switch", 1))
    assert gate.on
    assert told(caplog) == [
        "line switch is at fault (chatter): recording is off until it is well",
        "line switch is well again",
    ]


# Switches that are pressed and spring back.


class Button:
    """A truck with a momentary switch, whose lines go through their debounce."""

    def __init__(self, requires: Iterable[str] = BOTH, stuck_after_s: float | None = 60.0) -> None:
        self.gate = Duty(tuple(requires), KINDS, momentary={"switch"})
        self._options = {"ignition": IGNITION, "switch": switch(stuck_after_s=stuck_after_s)}
        self.read_anew()

    def read_anew(self) -> None:
        self.lines = Lines(self._options)

    def set(self, at: float, pin: str, level: int) -> bool:
        for seen in self.lines.step(at, pin, level):
            self.feed(seen)
        return self.tick(at)

    def feed(self, seen: object) -> None:
        assert isinstance(seen, LevelChanged | LineFault)
        self.gate.change(seen)

    def tick(self, at: float) -> bool:
        for seen in self.lines.tick(at):
            self.feed(seen)
        return self.gate.on

    def press(self, at: float, held_s: float = 0.2) -> bool:
        self.set(at, "switch", 1)
        self.set(at + held_s, "switch", 0)
        return self.tick(at + 1.0)


IGNITION = LineOptions(debounce_s=0.5, stuck_after_s=None, level=True)


def switch(
    debounce_s: float = 0.05, stuck_after_s: float | None = None, edges_max_hz: int = 50
) -> LineOptions:
    return LineOptions(
        debounce_s=debounce_s,
        edges_max_hz=edges_max_hz,
        stuck_after_s=stuck_after_s,
        level=True,
        settles_within_s=SWITCH_SETTLES_WITHIN_S,
    )


def recording() -> Button:
    """A truck whose ignition came on at second 10 under the agent's eyes."""
    truck = Button()
    truck.set(0.0, "switch", 0)
    truck.set(0.0, "ignition", 0)
    truck.set(10.0, "ignition", 1)
    assert truck.tick(11.0)
    return truck


def test_a_press_pauses_and_the_next_one_resumes() -> None:
    truck = recording()
    assert not truck.press(20.0)
    assert not truck.tick(10_000.0)
    assert truck.press(10_001.0)
    assert not truck.press(10_010.0)


def test_a_press_that_is_held_counts_once_and_when_it_begins() -> None:
    truck = recording()
    truck.set(20.0, "switch", 1)
    assert not truck.tick(20.05)
    assert not truck.tick(50.0)
    truck.set(50.0, "switch", 0)
    assert not truck.tick(60.0)


def test_the_ignition_coming_on_resumes_and_its_going_off_does_not() -> None:
    truck = recording()
    truck.press(20.0)
    truck.set(30.0, "ignition", 0)
    assert not truck.tick(31.0)
    truck.set(40.0, "ignition", 1)
    assert truck.tick(41.0)


def test_the_ignition_resumes_also_where_duty_does_not_require_it() -> None:
    truck = Button(requires=("crew_switch",))
    truck.set(0.0, "switch", 0)
    truck.set(0.0, "ignition", 0)
    assert not truck.tick(1.0)
    truck.set(10.0, "ignition", 1)
    assert truck.tick(11.0)
    assert not truck.press(20.0)


def test_a_press_outlasts_an_ignition_that_came_on_before_it() -> None:
    truck = recording()
    truck.set(30.0, "ignition", 0)
    truck.tick(31.0)
    truck.set(40.0, "ignition", 1)
    truck.set(40.2, "switch", 1)  # the ignition's debounce of half a second is not over yet
    truck.set(40.4, "switch", 0)
    assert not truck.tick(50.0)


def test_a_press_with_the_ignition_off_holds_until_it_comes_on() -> None:
    truck = recording()
    truck.set(20.0, "ignition", 0)
    assert not truck.press(30.0)
    truck.set(40.0, "ignition", 1)
    assert truck.tick(41.0)


def test_R2_a_restart_in_a_pause_stays_paused_although_the_ignition_is_on() -> None:
    truck = Button()
    truck.set(0.0, "ignition", 1)
    truck.set(0.0, "switch", 0)
    assert not truck.tick(10_000.0)
    assert truck.press(10_001.0)


def test_a_switch_that_was_never_read_is_off_although_the_ignition_came_on() -> None:
    truck = Button()
    truck.set(0.0, "ignition", 0)
    truck.set(10.0, "ignition", 1)
    assert not truck.tick(20.0)


@pytest.mark.parametrize("paused", [False, True])
def test_R2_lost_inputs_pause_and_never_resume(paused: bool) -> None:
    truck = recording()
    if paused:
        truck.press(20.0)
    truck.gate.doubt()
    assert not truck.press(30.0)  # may be older than what was lost
    truck.set(40.0, "ignition", 0)
    truck.set(50.0, "ignition", 1)
    assert not truck.tick(60.0)
    truck.gate.trust()
    truck.read_anew()
    truck.set(61.0, "ignition", 1)
    truck.set(61.0, "switch", 0)
    assert not truck.tick(10_000.0)
    assert truck.press(10_001.0)


def test_R2_a_switch_at_fault_pauses_and_being_well_again_does_not_resume() -> None:
    truck = recording()
    truck.set(20.0, "switch", 1)
    truck.set(20.2, "switch", 0)
    assert truck.press(30.0)  # pressed twice: recording
    truck.set(40.0, "switch", 1)
    truck.set(40.2, "switch", 0)
    assert truck.press(50.0)
    truck.gate.change(LineFault(60.0, "switch", "chatter", True))
    truck.gate.change(LevelChanged(60.0, "switch", None))
    assert truck.gate.at_fault
    truck.gate.change(LineFault(62.0, "switch", "chatter", False))
    truck.gate.change(LevelChanged(61.0, "switch", 0))
    assert not truck.tick(100.0)
    assert truck.press(101.0)


def test_R2_a_button_that_hangs_is_off_from_its_limit_on() -> None:
    truck = recording()
    truck.press(20.0)
    truck.set(30.0, "switch", 1)  # resumes, and hangs
    assert truck.tick(89.9)
    assert not truck.tick(90.0)
    truck.set(100.0, "switch", 0)
    assert not truck.tick(200.0)


def test_R2_another_agreement_neither_ends_a_pause_nor_begins_one() -> None:
    truck = recording()
    truck.gate.require(("crew_switch",))
    assert truck.gate.on
    truck.press(20.0)
    truck.gate.require(BOTH)
    assert not truck.tick(10_000.0)


# What is promised to the crew.


LONGEST_DEBOUNCE_S = limits(in_field(fields(CrewSwitchPin)["debounce"]))[1]


class Switched:
    """A truck that needs nothing but its crew's switch, with this debounce."""

    def __init__(self, debounce_s: float, momentary: tuple[str, ...] = (), edges_max_hz: int = 50) -> None:
        self.lines = Lines({"switch": switch(debounce_s, edges_max_hz=edges_max_hz)})
        self.gate = Duty(("crew_switch",), KINDS, momentary)

    def set(self, *edges: tuple[float, int], until: float) -> bool:
        seen = [seen for at, level in edges for seen in self.lines.step(at, "switch", level)]
        for each in [*seen, *self.lines.tick(until)]:
            assert isinstance(each, LevelChanged | LineFault)
            self.gate.change(each)
        return self.gate.on


@pytest.mark.parametrize("debounce_s", [0.0, 0.05, LONGEST_DEBOUNCE_S])
def test_R2_one_action_pauses_within_a_second_whatever_the_debounce(debounce_s: float) -> None:
    toggle = Switched(debounce_s)
    assert toggle.set((0.0, 1), until=19.0)
    assert not toggle.set((20.0, 0), until=20.0 + debounce_s)
    button = Switched(debounce_s, momentary=("switch",))
    assert button.set((0.0, 0), (5.0, 1), (6.0, 0), until=19.0)
    assert not button.set((20.0, 1), until=20.0 + debounce_s)
    assert LONGEST_DEBOUNCE_S + SWITCH_SETTLES_WITHIN_S < 1.0


@given(
    debounce_s=st.sampled_from([0.01, 0.05, LONGEST_DEBOUNCE_S]),
    shares=st.lists(st.sampled_from([0.4, 0.7, 0.999]) | st.floats(0.1, 0.999), min_size=1, max_size=8),
    edges_max_hz=st.sampled_from([50, 1000]),
)
@settings(deadline=None, max_examples=200)
def test_R2_a_switch_turned_off_is_off_within_a_second_however_it_bounces(
    debounce_s: float, shares: list[float], edges_max_hz: int
) -> None:
    """Off at second 10; from then on it touches again and again, but never for as long as its debounce."""
    toggle = Switched(debounce_s, edges_max_hz=edges_max_hz)
    assert toggle.set((0.0, 1), until=9.0)
    edges = [(10.0, 0)]
    for share in itertools.cycle(shares):
        at, level = edges[-1]
        if at >= 11.0:
            break
        edges.append((at + share * debounce_s, 1 - level))
    assert not toggle.set(*edges[:-1], until=11.0)


def test_R2_nothing_but_the_truck_s_own_lines_gets_into_the_gate() -> None:
    assert set(get_args(get_type_hints(Duty.change)["seen"])) == {LevelChanged, LineFault}
    public = {name for name, _ in inspect.getmembers(Duty) if not name.startswith("_")}
    assert public == {"on", "at_fault", "change", "doubt", "trust", "require"}
    assert list(inspect.signature(Duty.trust).parameters) == ["self"]


@pytest.mark.parametrize("module", [agent.recording.duty, agent.recording.pulses])
def test_R2_the_gate_and_its_lines_know_nothing_of_the_network(module: object) -> None:
    tree = ast.parse(inspect.getsource(module))  # type: ignore[arg-type]
    froms = {node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    assert froms <= {
        "__future__",
        "collections",
        "collections.abc",
        "dataclasses",
        "typing",
        "agent.recording.pulses",
    }
