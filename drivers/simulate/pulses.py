"""The input lines of a day as edges: ignition, crew switch, brake contact, lift.

Edges are clean: contact bounce, chatter and stuck lines are not modelled. Levels are logical, 1 is active.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import NamedTuple

from drivers.inputs import Pulse
from drivers.simulate.day import Break, Day
from drivers.simulate.plane import chance

PINS = ("ignition", "crew_switch", "brake", "lift")


class Edge(NamedTuple):
    """A change of one line, in whole milliseconds from the log's first sentence."""

    at_ms: int
    pin: str
    level: int


def edges(day: Day, seed: int, shown_ms: Callable[[int], int], breaks: list[Break]) -> list[Edge]:
    """Every edge of a day in order, after four lines with the state at the start.

    `shown_ms` moves planned milliseconds to where stretched breaks put them; `breaks` are stretched already.
    """
    found = [
        *_span(
            "ignition", shown_ms(round(day.ignition_s[0] * 1000)), shown_ms(round(day.ignition_s[1] * 1000))
        ),
        *_span(
            "crew_switch", shown_ms(round(day.switch_s[0] * 1000)), shown_ms(round(day.switch_s[1] * 1000))
        ),
    ]
    for braking in day.brakings:
        found += _span("brake", shown_ms(braking.at_ms), shown_ms(braking.ends_ms))
    for stop in day.stops:
        for up_ms, down_ms in stop.lifts_ms:
            found += _span("lift", shown_ms(up_ms), shown_ms(down_ms))
    for entry in breaks:
        found += _break_edges(entry, seed)
    return [Edge(0, pin, 0) for pin in PINS] + sorted(found)


def _span(pin: str, from_ms: int, until_ms: int) -> list[Edge]:
    return [Edge(from_ms, pin, 1), Edge(until_ms, pin, 0)]


def _break_edges(entry: Break, seed: int) -> Iterator[Edge]:
    """Switch and ignition off soon after a break begins, on again shortly before it ends, unless forgotten."""
    rng = chance(seed, f"break {entry.number} pulses")
    begins_ms, ends_ms = round(entry.starts_s * 1000), round(entry.ends_s * 1000)
    if entry.switched_off:
        yield Edge(begins_ms + rng.randrange(8_000, 16_000), "crew_switch", 0)
        yield Edge(ends_ms - rng.randrange(5_000, 14_000), "crew_switch", 1)
    if entry.ignition_off:
        yield Edge(begins_ms + rng.randrange(18_000, 28_000), "ignition", 0)
        yield Edge(ends_ms - rng.randrange(16_000, 28_000), "ignition", 1)


def as_pulses(found: list[Edge]) -> Iterator[Pulse]:
    """The same as the inputs that the agent takes."""
    for edge in found:
        yield Pulse(edge.at_ms / 1000, edge.pin, edge.level)
