"""`crew_report`: what the crew reported of its own accord, by a button: a hazard, a blocked way, nothing put out.

The button is the crew's own act, and its record has the cell and the date. It says nothing of when, or of who
pressed.
"""

from __future__ import annotations

from agent.agreement import Agreement
from agent.filters.placed import Placed
from agent.records import Record, iso_date
from agent.streams.cells import Cells
from agent.streams.stream import Stream

KINDS = frozenset({"hazard", "blocked", "nothing_out"})


class CrewReport(Stream):
    """Presses of the crew's buttons in, records out."""

    name = "crew_report"

    def __init__(self, cells: Cells) -> None:
        self._cells = cells

    @classmethod
    def agreed(cls, agreement: Agreement) -> CrewReport | None:
        """As agreed; None when it is not."""
        terms = agreement.file.streams.crew_report
        return cls(Cells(agreement.file.places.origin.point, terms.cell)) if terms else None

    def pulsed(self, kind: str, placed: Placed) -> list[Record]:
        """A button was pressed here."""
        if kind not in KINDS:
            return []
        fields = {"date": iso_date(placed.day), **self._cells.fields(placed.point), "kind": kind}
        return [Record(self.name, placed.day, fields)]
