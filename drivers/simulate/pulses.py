"""The input lines of a day as edges: ignition, crew switch, brake contact, lift.

Edges are clean: contact bounce, chatter and stuck lines are not modelled. Levels are logical, 1 is active.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import NamedTuple

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
    found = [edge for entry in breaks for edge in _break_edges(entry, seed)]
    for pin, from_ms, until_ms in _spans(day):
        found += Edge(shown_ms(from_ms), pin, 1), Edge(shown_ms(until_ms), pin, 0)
    return [Edge(0, pin, 0) for pin in PINS] + sorted(found)


def _spans(day: Day) -> Iterator[tuple[str, int, int]]:
    """A line, and from when until when it is active, as planned."""
    for pin, (on_s, off_s) in (("ignition", day.ignition_s), ("crew_switch", day.switch_s)):
        yield pin, round(on_s * 1000), round(off_s * 1000)
    for braking in day.brakings:
        yield "brake", braking.at_ms, braking.ends_ms
    for stop in day.stops:
        for up_ms, down_ms in stop.lifts_ms:
            yield "lift", up_ms, down_ms


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
