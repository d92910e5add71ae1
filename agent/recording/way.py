"""The way the truck went, as stretches ready to be published: what every stream that follows it looks at.

Chain: standstill → stretches → simplification → numbering. It runs whatever streams are agreed on, so that all of
them tell of the same stretches. It does not match the way to streets, and it does not smooth.
"""

from __future__ import annotations

import itertools
import math
from typing import Any, NamedTuple

from agent.filters.placed import Placed
from agent.filters.simplify import Spot, simplified, synchronised
from agent.filters.standstill import REARM_M, Standstill, Step
from agent.filters.stretches import Stretch, Stretches, whole_steps_s
from agent.geometry import Plane, Point, point_of
from agent.guarded import unpickled

PUBLISHED_STEP_M = 0.8  # half the diagonal of a 1e-5 degree square, rounded up: what rounding can add
TIMED_REARM_M = 15.0  # where standstills show anyway, stops at neighbouring doors are told apart
LENGTH_SLACK = 1.01  # another reader's earth is rounder or flatter than ours
POINTS_MAX = 500  # of a stretch: keeps any record within the smallest batch that can be agreed for a day


class WayRules(NamedTuple):
    """What the agreement says of the way. `clock` is `stretch`, `minute` or `exact`.

    `stretch_length_m` is None where each release closes a stretch: then the notice says that standstills show, and
    no drift is taken off behind them.
    """

    origin: Point
    precision_m: float
    clock: str
    standstill_cap_s: float
    stretch_length_m: float | None
    trim_m: float
    speed_ceiling_mps: float


@unpickled
class PublishedStretch(NamedTuple):
    """A closed stretch as it is published, before any stream looks at it. Shows no coordinates when printed.

    `number` counts within its service day from 1; `running_s` is a multiple of 10 s; `spots` are those that
    simplification kept, `points` the same as `[latitude_deg, longitude_deg]` at 1e-5 degrees; `stands` are the
    places of standstills, in order.
    """

    day: int
    number: int
    running_s: int
    spots: list[Spot]
    points: list[list[float]]
    stands: list[Point]

    def __repr__(self) -> str:
        return f"PublishedStretch(day={self.day}, number={self.number}, {len(self.spots)} points)"


class Way:
    """Publishable places in, published stretches out."""

    def __init__(self, rules: WayRules, numbered: tuple[int, int] = (0, 0)) -> None:
        """`numbered` is the service day and number of the newest stretch already kept, from before a restart."""
        self._rules = rules
        self._plane = Plane(rules.origin)
        timed = rules.stretch_length_m is None
        self._standstill = Standstill(
            rules.standstill_cap_s, fades=not timed, rearm_m=TIMED_REARM_M if timed else REARM_M
        )
        self._stretches = Stretches(rules.stretch_length_m, rules.trim_m, rules.speed_ceiling_mps)
        self._day: int | None = None
        self._reached_m: tuple[float, float] | None = None  # the newest place, east and north
        self._saved_m: tuple[float, float] | None = None  # the newest when `state` was asked
        self._numbered_day, self._numbered = numbered
        self.changed = False  # since `state` was asked, in more than how long it stood

    @property
    def stands(self) -> bool:
        """Whether it is known to stand."""
        return self._standstill.standing_s > 0

    @property
    def unsaved_m(self) -> float:
        """How far the newest place lies from where `state` last told of; infinite where it told of none."""
        if self._saved_m is None or self._reached_m is None:
            return math.inf
        return math.dist(self._saved_m, self._reached_m)

    def push(self, placed: Placed) -> list[PublishedStretch]:
        """The stretches that this place completes."""
        closed = [] if self._day in (None, placed.day) else self.cut()
        self._day = placed.day
        x_m, y_m = (round(metres, 2) for metres in self._plane.xy_m(placed.point))
        second = (
            0 if self._rules.clock == "stretch" else placed.second
        )  # no time is held that is not published
        stood, again = self.stands, self._standstill.stopped_again
        steps = self._standstill.resume() if placed.resumed else []
        steps += self._standstill.push(x_m, y_m, self._elapsed_s(x_m, y_m, placed), second)
        self.changed |= not (stood and self.stands) or again != self._standstill.stopped_again
        return closed + self._stretched(steps)

    def _elapsed_s(self, x_m: float, y_m: float, placed: Placed) -> float:
        """The time since the place before, and never less than the way takes at the ceiling.

        So whatever waits for seconds to pass, here or behind, waits as long for any truck above it.
        """
        before_m, self._reached_m = self._reached_m, (x_m, y_m)
        if before_m is None or placed.resumed:
            return round(placed.elapsed_s, 3)
        least_s = math.dist(before_m, (x_m, y_m)) / self._rules.speed_ceiling_mps
        return round(max(placed.elapsed_s, least_s), 3)

    def close(self) -> list[PublishedStretch]:
        """The stretch so far but for what is held back: a timed release asks for it."""
        return self._published(self._stretches.close())

    def cut(self) -> list[PublishedStretch]:
        """The truck crossed into a place that is not publishable, or its day ended: end and forget."""
        closed = self._stretched(self._standstill.cut()) + self._published(self._stretches.cut())
        self._day = self._reached_m = None
        self.changed = True
        return closed

    def _stretched(self, steps: list[Step]) -> list[PublishedStretch]:
        return self._published([stretch for step in steps for stretch in self._stretches.push(step)])

    def _published(self, stretches: list[Stretch]) -> list[PublishedStretch]:
        return [self._publish(self._day, stretch) for stretch in stretches if self._day is not None]

    def _publish(self, day: int, stretch: Stretch) -> PublishedStretch:
        spots = self._simplified(stretch.path)
        self._numbered = self._numbered + 1 if day == self._numbered_day else 1
        self._numbered_day = day
        points = [self._plane.point(spot.x_m, spot.y_m) for spot in spots]
        places = [_degrees(point) for point in points]
        # The first spot is the last of the stretch before, which has told of it.
        stands = [self._plane.point(spot.x_m, spot.y_m) for spot in stretch.path[1:] if spot.stands]
        return PublishedStretch(
            day, self._numbered, max(stretch.running_s, self._least_s(places)), spots, places, stands
        )

    def _least_s(self, places: list[list[float]]) -> int:
        """What the line as published takes at the ceiling: it may be longer than the way that was counted."""
        metres = [self._plane.xy_m(point_of(place)) for place in places]
        length_m = sum(math.dist(a, b) for a, b in itertools.pairwise(metres))
        return whole_steps_s(LENGTH_SLACK * length_m / self._rules.speed_ceiling_mps)

    def _simplified(self, path: list[Spot]) -> list[Spot]:
        """Within the agreed precision, or coarser where a stretch would otherwise not fit into a batch."""
        chosen = synchronised if self._rules.clock == "exact" else simplified
        tolerance_m = max(0.5, self._rules.precision_m - PUBLISHED_STEP_M)
        kept = chosen(path, tolerance_m)
        while len(kept) > POINTS_MAX:
            tolerance_m *= 2
            kept = chosen(path, tolerance_m)
        return kept

    # Across a loss of power.

    def state(self) -> dict[str, Any]:
        """All that is held, in what JSON holds exactly."""
        self.changed, self._saved_m = False, self._reached_m
        return {
            "day": self._day,
            "numbered": [self._numbered_day, self._numbered],
            "standstill": self._standstill.state(),
            "stretches": self._stretches.state(),
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Go on from `state`."""
        self._day = state["day"]
        self._numbered_day, self._numbered = max(
            (self._numbered_day, self._numbered), tuple(state["numbered"])
        )
        self._standstill.restore(state["standstill"])
        self._stretches.restore(state["stretches"])


def _degrees(point: Point) -> list[float]:
    return [round(point.latitude_e7 / 100) / 1e5, round(point.longitude_e7 / 100) / 1e5]
