"""Every doubt about a line is a line that is off."""

from __future__ import annotations

import pytest

from agent.duty import Duty, FixedDuty
from agent.pulses import LevelChanged, LineFault

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
