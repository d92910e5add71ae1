"""`live`: the cell in which the truck is, as often as a timed release leaves.

It shows breaks, and the notice of such an agreement says so. Only the newest place is remembered, until it was told.
"""

from __future__ import annotations

from agent.agreement import Agreement
from agent.filters.placed import Placed
from agent.records import Record, iso_utc
from agent.streams.cells import Cells
from agent.streams.stream import Stream


class Live(Stream):
    """Places in; at each release the newest one out, unless it has been told."""

    name = "live"

    def __init__(self, cells: Cells) -> None:
        self._cells = cells
        self._untold: Placed | None = None

    @classmethod
    def agreed(cls, agreement: Agreement) -> Live | None:
        """As agreed; None when it is not."""
        terms = agreement.file.streams.live
        return cls(Cells(agreement.file.places.origin.point, terms.cell)) if terms else None

    def placed(self, placed: Placed) -> list[Record]:
        """This place is the newest now."""
        self._untold = placed
        return []

    def cut(self) -> list[Record]:
        """Forget the newest place."""
        self._untold = None
        return []

    def close(self) -> list[Record]:
        """Where the truck was last, and when."""
        placed, self._untold = self._untold, None
        if placed is None:
            return []
        return [
            Record(
                self.name,
                placed.day,
                {"utc": iso_utc(placed.utc_ms // 1000), **self._cells.fields(placed.point)},
            )
        ]
