"""What happens to a truck, as parts that can be put one behind another: fixes, edges, power, clocks, papers.

Seconds of a part count from its beginning. All of them are whole 64ths of a second, which floating point adds and
subtracts exactly, so that moving a part along the clock changes nothing by itself. A part knows nothing of what
may be published.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from agent.agreement import Agreement
from agent.geometry import Plane, Point
from tests.sim.drives import MORNING_MS, PLANE, Spot

STEP_S = 1 / 64


class Heard(NamedTuple):
    """What the receiver says at a second; `odd_ms` is how far its clock is off."""

    at_s: float
    spot: Spot | Point
    odd_ms: int = 0


class Edge(NamedTuple):
    """One edge of a line."""

    at_s: float
    pin: str
    level: int


class Part(NamedTuple):
    """So many seconds of a truck: `dark` are the times without power, `papers` the agreement files put on it."""

    lasts_s: float
    heard: Sequence[Heard] = ()
    edges: Sequence[Edge] = ()
    dark: Sequence[tuple[float, float]] = ()
    papers: Sequence[tuple[float, Agreement]] = ()


class Shift(NamedTuple):
    """Everything that happens to one truck under `agreement`; second 0 is `begins_ms` in UTC.

    `secret` is the time that must not matter, from and until; `plane` is where metres become degrees.
    """

    agreement: Agreement
    whole: Part
    secret: tuple[float, float] = (0.0, 0.0)
    begins_ms: int = MORNING_MS
    plane: Plane = PLANE

    def __repr__(self) -> str:
        """What a failed example is understood by; seconds count from the secret's beginning."""
        since_s, until_s = self.secret
        near = [one for one in self.whole.heard if since_s - 4 <= one.at_s < until_s + 8]
        heard = [(one.at_s - since_s, *one.spot[:2], one.odd_ms) for one in (*near[:8], *near[-12:])]
        edges = [(edge.at_s - since_s, edge.pin, edge.level) for edge in self.whole.edges][:60]
        dark = [(since - since_s, until - since_s) for since, until in self.whole.dark]
        return (
            f"Shift({self.agreement.file.id}, begins_ms={self.begins_ms}, secret={until_s - since_s} s, "
            f"{dark=}, papers={len(self.whole.papers)}, {heard=}, {edges=})"
        )


def exact(seconds: float) -> float:
    """The nearest whole 64th of a second."""
    return round(seconds * 64) / 64


def joined(*parts: Part) -> Part:
    """The parts one behind another."""
    begins_s = 0.0
    heard: list[Heard] = []
    edges: list[Edge] = []
    dark: list[tuple[float, float]] = []
    papers: list[tuple[float, Agreement]] = []
    for part in parts:
        heard += [one._replace(at_s=begins_s + one.at_s) for one in part.heard]
        edges += [one._replace(at_s=begins_s + one.at_s) for one in part.edges]
        dark += [(begins_s + since_s, begins_s + until_s) for since_s, until_s in part.dark]
        papers += [(begins_s + at_s, paper) for at_s, paper in part.papers]
        begins_s += part.lasts_s
    return Part(begins_s, heard, edges, dark, papers)


def each_second(spots: Sequence[Spot | Point], step_s: float = 1.0, edges: Sequence[Edge] = ()) -> Part:
    """A part with a fix every `step_s`."""
    return Part(
        len(spots) * step_s, [Heard(index * step_s, spot) for index, spot in enumerate(spots)], list(edges)
    )


def pulses(pin: str, *times_s: float, held_s: float = 0.25) -> list[Edge]:
    """One pulse at each time."""
    return [
        Edge(exact(at_s + later_s), pin, level)
        for at_s in times_s
        for level, later_s in ((1, 0.0), (0, held_s))
    ]
