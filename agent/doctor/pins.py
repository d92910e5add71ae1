"""The lines on the header, looked at without a hand: taken, stuck, chattering, floating."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from agent.doctor.finding import STOP_IT, Finding, failed, not_here, not_tested, passed, warned
from drivers.clock import Clock
from drivers.gpio import STATUS_LED, PinOptions, Pins, PinsMissing
from drivers.inbox import Inbox
from drivers.inputs import Pulse

WATCHED_S = 2.0
LEVEL_KINDS = ("ignition", "crew_switch")
NO_HEADER = "This computer has no pins. Run this on the Raspberry Pi in the truck."
_WIRE = "Check the wire of {name} (GPIO {gpio}): loose contact, short, and its isolator."


@dataclass
class Watched:
    """One input line over a while: its logical level at the end, and how often it changed."""

    level: int | None = None
    changes: int = -1  # the first is the level as it was found

    def take(self, level: int) -> None:
        """One posted level."""
        self.changes += level != self.level
        self.level = level


def pins(
    options: Sequence[PinOptions], edges_max_hz: Mapping[str, float], clock: Clock, factory: Any | None = None
) -> Iterator[Finding]:
    """A finding for each line. `edges_max_hz`: more changes a second are chatter."""
    yield from _none_named(options)
    for pin in options:
        yield _line(pin, edges_max_hz.get(pin.name, 0.0), clock, factory)


def while_agent_runs(options: Sequence[PinOptions]) -> Iterator[Finding]:
    """The agent has them, and nobody else can look."""
    yield from _none_named(options)
    for pin in options:
        remedy = f"{STOP_IT}, run this again, and start it afterwards."
        yield not_tested(pin.name, "the agent is running and has the pins", remedy)


def _none_named(options: Sequence[PinOptions]) -> Iterator[Finding]:
    if not options:
        remedy = "Name under `pins:` in agent.yaml what is wired to the header."
        yield warned("pins", "agent.yaml names no pins: nothing is recorded", remedy)


def _line(pin: PinOptions, edges_max_hz: float, clock: Clock, factory: Any | None) -> Finding:
    try:
        if pin.kind == STATUS_LED:
            Pins([pin], lambda _: None, clock.at, factory).close()
            return passed(pin.name, f"{_named(pin)} is free")
        if pin.pull == "none" and _floats(pin, clock, factory):
            remedy = (
                f"Nothing holds the line. {_WIRE.format(name=pin.name, gpio=pin.gpio)} Or write `pull: up`."
            )
            return failed(pin.name, f"{_named(pin)} floats", remedy)
        return _judged(pin, watched(pin, clock, factory), edges_max_hz)
    except PinsMissing as error:
        return _missing(pin, str(error))


def watched(pin: PinOptions, clock: Clock, factory: Any | None, seconds: float = WATCHED_S) -> Watched:
    """A line as it is for a while. Raises PinsMissing."""
    inbox, seen = Inbox(), Watched()
    lines = Pins([pin], inbox.post, clock.at, factory)
    try:
        lines.start()
        ends_at = clock.at() + seconds
        while (left_s := ends_at - clock.at()) > 0:
            entry = inbox.take(clock.real_s(left_s))
            if isinstance(entry, Pulse):
                seen.take(entry.level)
    finally:
        lines.close()
    return seen


def _floats(pin: PinOptions, clock: Clock, factory: Any | None) -> bool:
    """Whether the line follows the Pi's own resistor: then nothing else holds it."""
    levels = []
    for pull in ("up", "down"):
        with_pull = replace(pin, pull=pull, active_high=True)
        levels.append(watched(with_pull, clock, factory, 0.1).level)
    return levels == [1, 0]


def _judged(pin: PinOptions, seen: Watched, edges_max_hz: float) -> Finding:
    name, wire = _named(pin), _WIRE.format(name=pin.name, gpio=pin.gpio)
    if seen.changes > edges_max_hz * WATCHED_S:
        return failed(pin.name, f"{name} chatters: {seen.changes} changes in {WATCHED_S:g} s", wire)
    if seen.changes > 1:
        return warned(pin.name, f"{name} changed {seen.changes} times; did somebody move it?", wire)
    if pin.kind in LEVEL_KINDS:
        return passed(pin.name, f"{name} is {'on' if seen.level else 'off'} and quiet")
    if seen.level:
        return failed(pin.name, f"{name} is stuck: on, though nobody should be pressing it", wire)
    return passed(pin.name, f"{name} is at rest and quiet")


def _missing(pin: PinOptions, words: str) -> Finding:
    if words.startswith("no GPIO"):
        return not_here(pin.name, f"{_named(pin)}: this computer has no pins", NO_HEADER)
    return failed(pin.name, words, f"End the other program that has GPIO {pin.gpio}, or take another pin.")


def _named(pin: PinOptions) -> str:
    return f"GPIO {pin.gpio}, {pin.kind}"
