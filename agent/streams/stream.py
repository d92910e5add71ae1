"""The face of every stream: what it may be told, and that it answers with finished records.

A stream is told only of what the duty gate and the places have let through. It remembers little, and nothing
across a cut.
"""

from __future__ import annotations

from typing import Any

from agent.filters.placed import Placed
from agent.recording.braking import Braking
from agent.recording.way import PublishedStretch
from agent.records import Record


class Stream:
    """Deaf to everything, until a subclass listens to what it needs. `name` is the stream's in all records."""

    name: str

    def stretched(self, closed: PublishedStretch) -> list[Record]:
        """A stretch has closed."""
        return []

    def placed(self, placed: Placed) -> list[Record]:
        """The truck is here, publishable."""
        return []

    def pulsed(self, kind: str, placed: Placed) -> list[Record]:
        """A line of this kind gave a pulse, here: `lift`, `hazard`, `blocked` or `nothing_out`."""
        return []

    def braked(self, braking: Braking) -> list[Record]:
        """A harsh braking was judged."""
        return []

    def cut(self) -> list[Record]:
        """The truck crossed into a place that is not publishable, or its day ended: end and forget everything.

        The stretch that a cut closes is told before it, by `stretched`.
        """
        return []

    def close(self) -> list[Record]:
        """What a timed release takes with it."""
        return []

    def state(self) -> Any:
        """What must outlast a loss of power, in what JSON holds exactly; None when there is nothing.

        There is no place in it, and no time of day.
        """
        return None

    def resume(self, state: Any) -> None:
        """Go on from what `state` gave under the same agreement. Raises TypeError or ValueError for anything else."""
