"""What the box says of its storage, remembered until it has been said; and who goes when memory is full."""

from __future__ import annotations

from typing import Any, Protocol

from agent.records import Record
from buffer.outbox import Note
from buffer.room import LAST_TO_GO

STORAGE_NOTE = "storage"
GOOD, FAILED, RENEWED = "good", "failed", "renewed"
_DIGITS_MAX = 12


class Opened(Protocol):
    """What is asked of the outbox: see `buffer.outbox.Outbox`."""

    @property
    def set_aside(self) -> object | None:
        """Where a damaged file went."""
        ...

    def note(self, name: str) -> Note | None:
        """What was last committed under that name."""
        ...


class Storage:
    """What became of the disk since the box last spoke of it: good, failed (for a while), or renewed.

    `stored` is the note as it is on disk. The truck may be without power when the box speaks next, so the note rides
    with the first commit that succeeds. `dropped` counts records that were lost in memory, from before too.
    """

    def __init__(self, outbox: Opened) -> None:
        self.stored = outbox.note(STORAGE_NOTE)
        word, _, dropped = (
            (self.stored.body if self.stored else b"").decode("ascii", "replace").partition(" ")
        )
        self._word = word if word in (FAILED, RENEWED) else GOOD
        self.dropped = int(dropped) if dropped.isdecimal() and len(dropped) <= _DIGITS_MAX else 0
        if outbox.set_aside:
            self._word = RENEWED

    def failed(self) -> None:
        """The disk would not have a change."""
        if self._word == GOOD:
            self._word = FAILED

    def tell(self, fields: dict[str, Any]) -> None:
        """Put what is known into the fields of a box record; it is said with that."""
        fields["storage"], self._word = self._word, GOOD
        fields["lost"]["evicted"] += self.dropped

    @property
    def note(self) -> Note | None:
        """What is to be on disk: nothing while there is nothing to say."""
        if self._word == GOOD and not self.dropped:
            return None
        return Note(None, f"{self._word} {self.dropped}".encode("ascii"))


def fitting(records: list[Record], records_max: int) -> list[Record]:
    """At most so many of them, in their order: the oldest go first, in turns as in the outbox (buffer/room.py)."""
    over = len(records) - records_max
    if over <= 0:
        return records
    turns = {stream: turn for turn, stream in enumerate(reversed(LAST_TO_GO), start=1)}
    by_turn = sorted(
        range(len(records)), key=lambda place: (turns.get(records[place].stream, 0), records[place].day)
    )
    gone = set(by_turn[:over])
    return [record for place, record in enumerate(records) if place not in gone]
