"""`harsh_braking`: where in the fleet trucks brake hard, and how sure that is.

A record has a cell, a severity class, the month and whether GNSS saw the deceleration too; no truck, no time, no
order. It is held back for the agreed days and leaves sorted by cell and severity.

It says nothing of who braked or why, and a cell that only one truck ever visits still points to that truck.
"""

from __future__ import annotations

from collections.abc import Iterable

from agent.braking import Braking
from agent.filters.placed import Placed
from agent.geometry import Grid, Point
from agent.records import Record, iso_month

_ORDER = ("latitude_deg", "longitude_deg", "severity", "corroborated", "month")


class HarshBraking:
    """Judged brakings in, `harsh_braking` records out."""

    def __init__(self, origin: Point, cell_m: float) -> None:
        self._grid = Grid(origin, cell_m)

    def push(self, braking: Braking) -> list[Record]:
        """The record of one braking; none when it is implausible or its place was not publishable."""
        if braking.refused is not None or not isinstance(braking.where, Placed):
            return []
        centre = self._grid.centre(braking.where.point)
        fields = {
            "month": iso_month(braking.where.day),
            "latitude_deg": round(centre.latitude_e7 / 100) / 1e5,
            "longitude_deg": round(centre.longitude_e7 / 100) / 1e5,
            "severity": braking.severity,
            "corroborated": braking.corroborated,
        }
        return [Record("harsh_braking", braking.where.day, fields)]


def shuffled(records: Iterable[Record]) -> list[Record]:
    """The records in an order that tells nothing of when they happened."""
    return sorted(records, key=lambda record: [record.fields[name] for name in _ORDER])
