"""`passed`: which cells the truck passed in which two-hour window of a service day.

For "was my bin missed?", under a timed release only. It follows the published line, so that it tells nothing finer
than that, and leaves out no cell between two points. The window of a cell is that of the nearer end of its piece of
the line: near a window's border it may be the neighbour's.
"""

from __future__ import annotations

import itertools

from agent.agreement import Agreement
from agent.geometry import point_of
from agent.recording.way import PublishedStretch
from agent.records import Record, iso_date
from agent.streams.cells import Cells, degrees
from agent.streams.stream import Stream

WINDOW_S = 7200


class Passed(Stream):
    """Stretches in, the cells that they cross out, sorted, each once a window."""

    name = "passed"

    def __init__(self, cells: Cells) -> None:
        self._cells = cells

    @classmethod
    def agreed(cls, agreement: Agreement) -> Passed | None:
        """As agreed; None when it is not."""
        terms = agreement.file.streams.passed
        return cls(Cells(agreement.file.places.origin.point, terms.cell)) if terms else None

    def stretched(self, closed: PublishedStretch) -> list[Record]:
        """The cells and windows of this stretch."""
        ends = zip(map(point_of, closed.points), closed.spots, strict=True)
        passed = {
            (centre, (start.second if share < 0.5 else end.second) // WINDOW_S)
            for (a, start), (b, end) in itertools.pairwise(ends)
            for share, centre in self._cells.crossed(a, b)
        }
        date = iso_date(closed.day)
        return [
            Record(self.name, closed.day, {"date": date, **degrees(centre), "window": window})
            for centre, window in sorted(passed)
        ]
