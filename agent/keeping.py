"""The runtime's way to the disk: what waits for a commit, and what a lost disk means.

Records are at risk for as long as agreed; acknowledgements and notes ride with the next commit, or go alone after a
while. A disk that can't be written or read is said once, and everything waits until it can.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import NamedTuple, TypeVar

from agent.records import Record
from agent.sealing import Change, kept
from agent.sending.sharing import SPENT_NOTE, Sharing, SharingLimits
from agent.storage import STORAGE_NOTE, Storage, fitting
from buffer.outbox import RECEIPT_DAYS_DEFAULT, Batch, Note, Outbox, OutboxDamaged, OutboxLost

logger = logging.getLogger(__name__)

Answer = TypeVar("Answer")
Key = tuple[str, int]

HOUSEKEEPING_S = 1.0  # with inputs coming in
RELEASE_IS_NEAR_S = 120.0  # behind one that closed the way: the next brings what is held back
ACKNOWLEDGED_KEPT_S = 120.0
PENDING_RECORDS_MAX = 10_000
WITHHELD_STEP = 500  # sealed batches looked at a time, while some of them may not leave
CHECKPOINT_NOTE = "checkpoint"


class Retention(NamedTuple):
    """How many days receipts stay, by stream, and how old anything may grow on the truck."""

    receipt_days: Mapping[str, int]
    age_days_max: int


@dataclass
class Counts:
    """What happened since the start, for the status file and the demo."""

    committed: int = 0
    commits: int = 0
    sealed: int = 0
    published: int = 0
    acknowledged: int = 0
    refused: int = 0
    faults: int = 0
    dropped: int = 0  # records that found no room in memory while the disk was lost


class Keeping:
    """What is on its way to one outbox, and what may leave of what is there.

    `commit_every_s`: how soon what left its filters is kept, at the latest. `checkpoint` gives the note that rides
    with every commit, None for none. `sharing` chooses what leaves next where the connection stands all day.
    `storage_lost`: the disk would not have the last commit. `closed_at`: when a release took the unfinished way too.
    """

    def __init__(
        self,
        outbox: Outbox,
        counts: Counts,
        commit_every_s: float,
        checkpoint: Callable[[], Note | None],
        sharing: Sharing | None = None,
    ) -> None:
        self.outbox = outbox
        self.sharing = sharing or Sharing(SharingLimits())
        self.storage = Storage(outbox)
        self.pending: list[Record] = []
        self._counts = counts
        self._commit_every_s = commit_every_s
        self.closed_at = -math.inf
        self._checkpoint = checkpoint
        self._checkpointed = outbox.note(CHECKPOINT_NOTE)
        self._spent = outbox.note(SPENT_NOTE)
        self._pending_since = 0.0
        self._acked: set[Key] = set()
        self._refused: set[Key] = set()
        self._answered_since = 0.0
        self._notes: dict[str, Note | None] = {}
        self._withheld: dict[frozenset[str], set[Key]] = {}
        self._retry_at: float | None = None
        self.storage_lost = False

    # What waits.

    def add(self, records: Sequence[Record], now: float) -> None:
        """Take in records that left their filters; for want of room the oldest go, and are counted."""
        if not records:
            return
        if not self.pending:
            self._pending_since = now
        self.pending += records
        self._drop(max(0, len(self.pending) - PENDING_RECORDS_MAX))
        self.pending = fitting(self.pending, PENDING_RECORDS_MAX)

    def _drop(self, count: int) -> None:
        self._counts.dropped += count
        self.storage.dropped += count

    def note(self, notes: Mapping[str, Note | None]) -> None:
        """Notes for the next commit; `commit_notes` waits for none."""
        self._notes.update(notes)

    def settle(self, key: Key, *, refused: bool, now: float) -> None:
        """The broker has answered for a batch."""
        if not (self._acked or self._refused):
            self._answered_since = now
        (self._refused if refused else self._acked).add(key)
        self.sharing.settled(key)

    @property
    def due(self) -> float | None:
        """When records must be on disk: early by what passes until the next housekeeping. None when none wait."""
        if self._retry_at is not None:
            return self._retry_at
        return self._pending_since + self._commit_every_s - HOUSEKEEPING_S if self.pending else None

    @property
    def retrying(self) -> bool:
        """Whether the disk would not have the last commit, and the next attempt has its time."""
        return self._retry_at is not None

    def is_due(self, now: float) -> bool:
        """Whether something has waited for long enough."""
        if self._retry_at is not None:
            return now >= self._retry_at
        answered = bool(self._acked or self._refused) and now - self._answered_since >= ACKNOWLEDGED_KEPT_S
        return answered or (self.due is not None and now >= self.due)

    def release_is_near(self, now: float) -> bool:
        """Whether the next release soon brings the way that is held back: the one before did."""
        return now - self.closed_at <= RELEASE_IS_NEAR_S

    # Commits.

    def commit(
        self,
        now: float,
        today: int | None,
        make: Callable[[], Change] | None = None,
        *,
        notes: Mapping[str, Note | None] | None = None,
    ) -> Change | None:
        """Write what waits; `make` says how, else everything is kept. None when the disk would not have it.

        `notes` go with this commit or not at all.
        """
        change = self._tried("read", make or partial(kept, self.outbox, self.pending))
        if change is None:
            self._try_later(now)
            return None
        checkpoint = self._checkpoint()
        riding = {**self._notes, **(notes or {})}
        if checkpoint != self._checkpointed:
            riding[CHECKPOINT_NOTE] = checkpoint
        if self.storage.note != self.storage.stored:
            riding[STORAGE_NOTE] = self.storage.note
        if not (change.keep or change.seal or change.used or self._acked or self._refused or riding):
            self.pending, self._retry_at = [], None
            return change
        spent = self.sharing.note
        if spent not in (None, self._spent):  # never worth a commit of its own
            riding[SPENT_NOTE] = spent
        if not self._written(change, today, riding):
            self._try_later(now)
            return None
        self._retry_at = None
        self._checkpointed, self._spent = checkpoint, riding.get(SPENT_NOTE, self._spent)
        self.storage.stored = riding.get(STORAGE_NOTE, self.storage.stored)
        self._committed(change)
        self.sharing.sealed(change.seal, now)
        return change

    def commit_notes(self, now: float, today: int | None) -> None:
        """Write the notes that wait, if any, and no record: when an agreement's file came must not show in the rows."""
        if not self._notes or self._retry_at is not None:
            return
        if not self._written(Change([], [], []), today, self._notes):
            self._try_later(now)
            return
        self._counts.commits += 1
        self._acked, self._refused, self._notes = set(), set(), {}

    def _try_later(self, now: float) -> None:
        self._retry_at = now + self._commit_every_s - HOUSEKEEPING_S

    def _written(self, change: Change, today: int | None, notes: Mapping[str, Note | None]) -> bool:
        try:
            self.outbox.commit(
                keep=change.keep,
                seal=change.seal,
                used=change.used,
                acknowledged=self._acked,
                refused=self._refused,
                today=today,
                notes=notes,
            )
        except OutboxDamaged:
            raise  # a restart sets the file aside and goes on with a new one
        except OutboxLost as error:
            self._lose_storage("written", error)
            return False
        if self.storage_lost:
            logger.info("the outbox can be written again")
        self.storage_lost = False
        return True

    def _committed(self, change: Change) -> None:
        self._counts.commits += 1
        self._counts.committed += len(self.pending)
        self._counts.sealed += len(change.seal)
        self._drop(change.unreadable)
        self.pending = []
        self._acked, self._refused, self._notes = set(), set(), {}

    def purge(self, today: int, keep: Retention) -> None:
        """Let go what is too old."""
        self._withheld.clear()
        self._tried(
            "purged",
            lambda: self.outbox.purge(
                today,
                receipt_days=keep.receipt_days,
                age_days_max=keep.age_days_max,
                receipt_days_default=min(RECEIPT_DAYS_DEFAULT, keep.age_days_max),
            ),
        )

    def _tried(self, what: str, ask: Callable[[], Answer]) -> Answer | None:
        """The outbox's answer; None when the disk won't have it for now. Only a commit shows that it is back."""
        try:
            return ask()
        except OutboxDamaged:
            raise
        except OutboxLost as error:
            self._lose_storage(what, error)
            return None

    def _lose_storage(self, done: str, error: OutboxLost) -> None:
        if not self.storage_lost:
            logger.error("the outbox can't be %s (%s); trying again", done, error)
        self.storage_lost = True
        self.storage.failed()

    # What leaves.

    def leaving(
        self, streams: Collection[str], limit: int, on_their_way: Iterable[Key] = ()
    ) -> list[Batch] | None:
        """Sealed batches of these streams without an answer, oldest first; None when the disk is lost.

        What else was sealed stays: for its lane's slot, or under an agreement that has ended until it is too old.
        """
        known = self._withheld.setdefault(frozenset(streams), set())
        settled = self._acked | self._refused | set(on_their_way)
        while True:
            found = self._tried("read", partial(self.outbox.unsent, limit, settled | known))
            withheld = {(batch.stream, batch.n) for batch in found or () if batch.stream not in streams}
            if not withheld:
                return found
            known |= withheld
            limit = max(limit, WITHHELD_STEP)
