"""Calls for help on their way: sealed in the step in which they are made, whatever the release says."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from agent.keeping import Keeping, Key
from agent.records import Record
from agent.sealing import AT_ONCE, Change, Terms, kept, sealed_at_once
from buffer.outbox import Batch

CALLS_MAX = 256  # that wait in memory; on disk are all of them, and what finds no room leaves with the rest


class Calling:
    """The calls that have no answer yet, by key."""

    def __init__(self, keeping: Keeping, terms: Terms) -> None:
        """`terms` under which calls from before a restart are taken up again."""
        self._keeping = keeping
        self._waiting: list[Record] = []  # those that the disk would not have so far
        self._calls: dict[Key, Batch] = {}
        if keeping.outbox.head(AT_ONCE).n and AT_ONCE in terms.leaving(None):
            self._take(keeping.leaving({AT_ONCE}, CALLS_MAX) or [])

    def __bool__(self) -> bool:
        """Whether the link is needed for a call."""
        return bool(self._calls)

    @property
    def keys(self) -> Collection[Key]:
        """Those that must not be offered twice."""
        return self._calls.keys()

    def batches(self, on_their_way: Collection[Key]) -> list[Batch]:
        """What there is to send, oldest first."""
        return [batch for key, batch in self._calls.items() if key not in on_their_way]

    def seal(self, records: Sequence[Record], terms: Terms, today: int | None, now: float) -> bool:
        """Seal these records, and what the disk would not have before; whether there is something new to send."""
        if AT_ONCE not in terms.leaving(today):
            self.drop()
            return False
        self._waiting = [*self._waiting, *records][-CALLS_MAX:]
        if not self._waiting:
            return False
        calls, outbox, pending = self._waiting, self._keeping.outbox, self._keeping.pending
        day = calls[-1].day if today is None else today

        def change() -> Change:
            return kept(outbox, pending)._replace(seal=sealed_at_once(terms, outbox, day, calls))

        done = self._keeping.commit(now, today, change)
        if done is None:
            return False
        self._waiting = []
        self._take(done.seal)
        return True

    def settled(self, key: Key) -> None:
        """The broker has answered for this batch."""
        self._calls.pop(key, None)

    def drop(self) -> None:
        """The agreement in force knows no help: none of it leaves."""
        self._waiting = []
        self._calls.clear()

    def _take(self, batches: Sequence[Batch]) -> None:
        room = CALLS_MAX - len(self._calls)
        self._calls |= {(batch.stream, batch.n): batch for batch in batches[:room]}
