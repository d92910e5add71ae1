"""`harsh_braking`: where in the fleet trucks brake hard, and how sure that is.

A record has a cell, a severity class, the month and whether GNSS saw the deceleration too; no truck, no time, no
order. It is held back for the agreed days and leaves sorted by cell and severity.

It says nothing of who braked or why, and a cell that only one truck ever visits still points to that truck.
"""

from __future__ import annotations

from agent.agreement import Agreement
from agent.filters.placed import Placed
from agent.recording.braking import Braking
from agent.records import Record, iso_month
from agent.streams.cells import Cells
from agent.streams.stream import Stream


class HarshBraking(Stream):
    """Judged brakings in, `harsh_braking` records out."""

    name = "harsh_braking"

    def __init__(self, cells: Cells) -> None:
        self._cells = cells

    @classmethod
    def agreed(cls, agreement: Agreement) -> HarshBraking | None:
        """As agreed; None when it is not."""
        terms = agreement.file.streams.harsh_braking
        return cls(Cells(agreement.file.places.origin.point, terms.cell)) if terms else None

    def braked(self, braking: Braking) -> list[Record]:
        """The record of one braking; none when it is implausible or its place was not publishable."""
        if braking.refused is not None or not isinstance(braking.where, Placed):
            return []
        fields = {
            "month": iso_month(braking.where.day),
            **self._cells.fields(braking.where.point),
            "severity": braking.severity,
            "corroborated": braking.corroborated,
        }
        return [Record(self.name, braking.where.day, fields)]
