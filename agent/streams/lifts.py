"""`lifts`: how often the lift worked in each cell on a date.

It says nothing of when. A cell with a single bin tells whether that bin was emptied.
"""

from __future__ import annotations

from agent.agreement import Agreement
from agent.filters.placed import Placed
from agent.records import Record, iso_date
from agent.streams.cells import Cells
from agent.streams.stream import Stream


class Lifts(Stream):
    """Pulses of the lift in, counts of one out; the counts of a cell and date add up."""

    name = "lifts"

    def __init__(self, cells: Cells) -> None:
        self._cells = cells

    @classmethod
    def agreed(cls, agreement: Agreement) -> Lifts | None:
        """As agreed; None when it is not."""
        terms = agreement.file.streams.lifts
        return cls(Cells(agreement.file.places.origin.point, terms.cell)) if terms else None

    def pulsed(self, kind: str, placed: Placed) -> list[Record]:
        """One lift more in this cell."""
        if kind != "lift":
            return []
        fields = {"date": iso_date(placed.day), **self._cells.fields(placed.point), "count": 1}
        return [Record(self.name, placed.day, fields)]
