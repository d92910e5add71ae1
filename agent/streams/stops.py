"""`stops`: where the truck stood, without when or how long.

What a standstill is, displacement alone decides: how long it lasted has no part in it. Where the agreement
declares points, only those are published: the nearest to each standstill, when it is near enough, once for each
stretch and in an order that tells nothing. Otherwise a stop is the centre of a square of the agreed precision.

A break taken where the truck stood is one stop like any other, and a stop at a place where no work is tells of it.
"""

from __future__ import annotations

from collections.abc import Sequence

from agent.agreement import Agreement
from agent.geometry import Point, distance_m
from agent.recording.way import PublishedStretch
from agent.records import Record, iso_date
from agent.streams.cells import Cells, degrees
from agent.streams.stream import Stream

SNAP_M_MAX = 50.0


class Stops(Stream):
    """Stretches in, their stops out. `declared`: the only points that may be named; None where any place may be."""

    name = "stops"

    def __init__(self, squares: Cells, declared: Sequence[Point] | None) -> None:
        self._squares = squares
        self._declared = declared

    @classmethod
    def agreed(cls, agreement: Agreement) -> Stops | None:
        """As agreed; None when it is not."""
        terms = agreement.file.streams.stops
        if terms is None:
            return None
        squares = Cells(agreement.file.places.origin.point, terms.precision)
        return cls(squares, terms.snapped_to.points() if terms.snapped_to else None)

    def stretched(self, closed: PublishedStretch) -> list[Record]:
        """The stops of this stretch."""
        named = {"date": iso_date(closed.day), "stretch": closed.number}
        return [
            Record(self.name, closed.day, {**named, **degrees(point)}) for point in self._shown(closed.stands)
        ]

    def _shown(self, stands: list[Point]) -> list[Point]:
        if self._declared is None:
            return [self._squares.centre(point) for point in stands]
        nearest = {_nearest(self._declared, point) for point in stands}
        return sorted(point for point in nearest if point is not None)


def _nearest(declared: Sequence[Point], point: Point) -> Point | None:
    """The declared point nearest to `point`, the first of several; None when none is near enough."""
    apart_m, _, nearest = min(
        ((distance_m(point, each), number, each) for number, each in enumerate(declared)),
        default=(SNAP_M_MAX + 1, 0, None),
    )
    return nearest if apart_m <= SNAP_M_MAX else None
