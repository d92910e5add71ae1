"""`track`: the way the truck went on duty, as simplified stretches.

Chain: standstill → stretches → simplification → record. What a record says of time is its date and the
stretch's running time, unless the agreement publishes a time for each point (`clock: minute` or `exact`).

It does not match the way to streets, and it does not smooth.
"""

from __future__ import annotations

from typing import NamedTuple

from agent.filters.placed import Placed
from agent.filters.simplify import Spot, simplified
from agent.filters.standstill import Standstill, Step
from agent.filters.stretches import Stretch, Stretches
from agent.geometry import Plane, Point
from agent.records import Record, iso_date

PUBLISHED_STEP_M = 0.8  # half the diagonal of a 1e-5 degree square, rounded up: what rounding can add
POINTS_MAX = 500  # of a record: keeps any record within the smallest batch that can be agreed for a day
CLOCK_STEP_S = {"minute": 60, "exact": 1}


class TrackRules(NamedTuple):
    """What the agreement says of the track. `clock` is `stretch`, `minute` or `exact`."""

    origin: Point
    precision_m: float
    clock: str
    standstill_cap_s: float
    stretch_length_m: float | None
    trim_m: float
    speed_ceiling_mps: float


class Track:
    """Publishable places in, `track` records out."""

    def __init__(self, rules: TrackRules, numbered: tuple[int, int] = (0, 0)) -> None:
        """`numbered` is the service day and number of the newest stretch already kept, from before a restart."""
        self._rules = rules
        self._plane = Plane(rules.origin)
        self._standstill = Standstill(rules.standstill_cap_s)
        self._stretches = Stretches(rules.stretch_length_m, rules.trim_m, rules.speed_ceiling_mps)
        self._day: int | None = None
        self._numbered_day, self._numbered = numbered

    def push(self, placed: Placed) -> list[Record]:
        """The records that this place completes."""
        records = [] if self._day in (None, placed.day) else self.cut()
        self._day = placed.day
        x_m, y_m = self._plane.xy_m(placed.point)
        steps = self._standstill.push(x_m, y_m, placed.elapsed_s, placed.second)
        return records + self._stretched(steps)

    def close(self) -> list[Record]:
        """The stretch so far but for what is held back: a timed release asks for it."""
        return self._records(self._stretches.close())

    def cut(self) -> list[Record]:
        """The truck crossed into a place that is not publishable, or its day ended: end and forget."""
        records = self._records(self._stretches.cut())
        self._standstill.cut()
        return records

    def _stretched(self, steps: list[Step]) -> list[Record]:
        return self._records([stretch for step in steps for stretch in self._stretches.push(step)])

    def _records(self, stretches: list[Stretch]) -> list[Record]:
        return [self._record(self._day, stretch) for stretch in stretches if self._day is not None]

    def _record(self, day: int, stretch: Stretch) -> Record:
        kept = self._simplified(stretch.path)
        self._numbered = self._numbered + 1 if day == self._numbered_day else 1
        self._numbered_day = day
        fields = {
            "date": iso_date(day),
            "stretch": self._numbered,
            "running_s": stretch.running_s,
            "path": [self._published(spot) for spot in kept],
        }
        step_s = CLOCK_STEP_S.get(self._rules.clock)
        if step_s:
            fields["s"] = [spot.second - spot.second % step_s for spot in kept]
        return Record("track", day, fields)

    def _simplified(self, path: list[Spot]) -> list[Spot]:
        """Within the agreed precision, or coarser where a stretch would otherwise not fit into a batch."""
        tolerance_m = max(0.5, self._rules.precision_m - PUBLISHED_STEP_M)
        kept = simplified(path, tolerance_m)
        while len(kept) > POINTS_MAX:
            tolerance_m *= 2
            kept = simplified(path, tolerance_m)
        return kept

    def _published(self, spot: Spot) -> list[float]:
        point = self._plane.point(spot.x_m, spot.y_m)
        return [round(point.latitude_e7 / 100) / 1e5, round(point.longitude_e7 / 100) / 1e5]
