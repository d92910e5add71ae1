"""What became of each record: counted past the agent, from what it emitted, what lies on the card, what arrived.

Records that are put together on the way (two lifts in one cell are one record with a count) are compared as
amounts: so many lifts in this cell on this date. What was passed in a window is told once however often it was
passed, so there it is only asked whether it is there at all.
"""

from __future__ import annotations

import functools
import json
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple

from agent.records import Record
from agent.sealing import AT_ONCE, opened
from agent.wire import decode
from buffer.outbox import Batch, Losses, Outbox, OutboxLost
from tests.soak.card import Died

SUMS = {"day": ("distance_m", "running_s", "stretches"), "lifts": ("count",), "site_visits": ("visits",)}
TOLD_ONCE = "passed"
AT_RISK_S = 10.0
AT_RISK_SLACK_S = 1.0

Amounts = Counter[tuple[str, str]]
Key = tuple[str, int]
Row = tuple[str, int, bytes]  # stream, day, body


class Broken(BaseException):
    """An invariant does not hold. Derived so that nothing in the agent can take it for an exception of its own."""


def amounts(stream: str, records: Iterable[Mapping[str, Any]]) -> Amounts:
    """What records say, as amounts that add up."""
    found: Amounts = Counter()
    sums = SUMS.get(stream, ())
    for fields in records:
        rest = {k: round(v, 6) if isinstance(v, float) else v for k, v in fields.items() if k not in sums}
        name = json.dumps(rest, sort_keys=True)
        for each in sums:
            found[f"{stream}.{each}", name] += fields[each]
        if not sums:
            found[stream, name] += 1
    return found


@functools.lru_cache(maxsize=4096)
def _of_row(stream: str, body: bytes) -> Amounts:
    return amounts(stream, opened(body))


class Sealed(NamedTuple):
    """A batch that was committed: its key for the city, what it says, and its bytes."""

    stream: str
    epoch: str
    n: int
    day: int
    prev: str
    says: Amounts
    payload: bytes


class _Shelf(NamedTuple):
    """What lies on the card and has not been answered."""

    kept: dict[int, Row]
    unsent: set[Key]


class _Unsure(NamedTuple):
    """What the agent was writing when it died: the file alone knows whether it is there. None: a purge."""

    change: Mapping[str, Any] | None
    losses: Losses
    waiting: list[tuple[float, Record]]


class Ledger:
    """The books of one truck. `look` runs a query on the card past the agent; `taken`: whether the broker has
    a payload; `oldest_day` is the first day of which nothing may expire yet.
    """

    def __init__(
        self,
        look: Callable[[str], list[tuple[Any, ...]]],
        taken: Callable[[bytes], bool],
        oldest_day: Callable[[], int],
    ) -> None:
        self.sealed: dict[tuple[str, str, int], Sealed] = {}
        self.by_payload: dict[bytes, Sealed] = {}
        self.committed: Amounts = Counter()
        self.gone: Amounts = Counter()  # rows that were never sealed, and are counted as lost
        self.gone_batches: dict[bytes, str] = {}
        self.waiting: list[tuple[float, Record]] = []
        self.at_risk = 0
        self.lost: Counter[str] = Counter()
        self.file_lost: Counter[str] = Counter()  # of the present file
        self.commits = 0
        self.unsure: _Unsure | None = None
        self._look = look
        self._taken = taken
        self._oldest_day = oldest_day
        self._keys: dict[Key, Sealed] = {}  # of this file
        self._shelf = _Shelf({}, set())
        self._epoch: str | None = None

    # What the recorder emitted.

    def emitted(self, records: Iterable[Record], now: float) -> None:
        """It left its filters."""
        self.waiting += [(now, record) for record in records]

    def dropped(self, count: int) -> None:
        """So many of the newest found no room, and are counted."""
        self.lost["dropped"] += count
        del self.waiting[len(self.waiting) - count :]

    def withdrawn(self, still: list[Record]) -> None:
        """Another agreement counts: what it does not allow is gone."""
        kept_ids = {id(record) for record in still}
        self.waiting = [pair for pair in self.waiting if id(pair[1]) in kept_ids]

    def cut_short(self, now: float, *, well: bool) -> None:
        """The process died: what was not committed is lost, and may not be older than agreed."""
        oldest_s = max((now - since for since, _ in self.waiting), default=0.0)
        if well and oldest_s > AT_RISK_S + AT_RISK_SLACK_S:
            raise Broken(f"a record was at risk for {oldest_s:.1f} s")
        self.at_risk += len(self.waiting)
        self.waiting.clear()

    # What the card did.

    def died_in(self, change: Mapping[str, Any] | None, losses: Losses) -> None:
        """The process died while it wrote this; None: while it purged."""
        self.unsure, self.waiting = _Unsure(change, losses, self.waiting), []

    def opened(self, outbox: Outbox) -> None:
        """A life begins over this file."""
        epoch, self._epoch = self._epoch, outbox.epoch("box")
        if epoch not in (None, self._epoch):
            self._set_aside()
            return
        unsure, self.unsure = self.unsure, None
        if unsure is not None and self._seen() != self._shelf:
            lost = less(outbox.losses(), unsure.losses)
            if unsure.change is None:
                self.purged(lost)
            else:
                self.waiting = unsure.waiting
                self.committed_now(unsure.change, lost)
        if self._seen() != self._shelf:
            raise Broken("what was on the card before the process died is not what is there now")

    def _set_aside(self) -> None:
        before, self._shelf = self._shelf, self._seen()
        self.lost["set aside"] += len(before.kept) + len(before.unsent)
        self.gone.update(_says(before.kept.values()))
        for key in before.unsent:
            self.gone_batches[self._keys[key].payload] = "set aside"
        self._keys.clear()
        self.file_lost.clear()

    def _seen(self) -> _Shelf:
        kept = {
            row[0]: row[1:] for row in self._look("SELECT id, stream, day, body FROM kept WHERE state = 'k'")
        }
        unsent = {(stream, n) for stream, n in self._look("SELECT stream, n FROM batch WHERE state = 'u'")}
        return _Shelf(kept, unsent)

    def committed_now(self, change: Mapping[str, Any], lost: Losses) -> None:
        """A commit went through; `lost` is by how much it raised the losses."""
        self.commits += 1
        before, self._shelf = self._shelf, self._seen()
        fresh = [self._note(batch) for batch in change.get("seal", ())]
        told = amounts_of(record for _, record in self.waiting)
        for call in (each for each in fresh if each.stream == AT_ONCE):  # these come by no other way
            told.update(call.says)
        self.committed.update(told)
        self.waiting.clear()
        used = set(change.get("used", ()))
        gone = [row for row_id, row in before.kept.items() if row_id not in used | set(self._shelf.kept)]
        gone_says = _says(gone)
        self.gone.update(gone_says)
        for each in fresh:
            gone_says.update(each.says)
        self._compare(
            _says(_beside(before, self._shelf)) + told, _says(_beside(self._shelf, before)) + gone_says
        )
        self._settle(before, change, len(gone), lost)

    def _settle(self, before: _Shelf, change: Mapping[str, Any], gone: int, lost: Losses) -> None:
        there = before.unsent | {(batch.stream, batch.n) for batch in change.get("seal", ())}
        answered, refused = (there & set(change.get(name, ())) for name in ("acknowledged", "refused"))
        for key in answered:
            if not self._taken(self._keys[key].payload):
                raise Broken(f"{key} is marked acknowledged, and no broker has it")
        vanished = there - self._shelf.unsent - answered - refused
        self._lose(vanished, "evicted")
        self._lose(refused, "refused")
        if (len(vanished) + gone, len(refused)) != (lost.evicted, lost.refused):
            raise Broken(
                f"{len(vanished) + gone} rows were evicted and {len(refused)} refused, {lost} are counted"
            )
        self._count(lost)

    def purged(self, lost: Losses) -> None:
        """A purge has run."""
        before, self._shelf = self._shelf, self._seen()
        gone = [row for row_id, row in before.kept.items() if row_id not in self._shelf.kept]
        vanished = before.unsent - self._shelf.unsent
        if len(gone) + len(vanished) != lost.expired:
            raise Broken(f"{len(gone) + len(vanished)} rows expired, {lost.expired} are counted")
        days = [day for _, day, _ in gone] + [self._keys[key].day for key in vanished]
        if max(days, default=0) >= self._oldest_day():
            raise Broken(f"a row of day {max(days)} expired; from day {self._oldest_day()} on they stay")
        self.gone.update(_says(gone))
        self._lose(vanished, "expired")
        self._count(lost)

    def _count(self, lost: Losses) -> None:
        self.lost.update(lost._asdict())
        self.file_lost.update(lost._asdict())

    def _lose(self, keys: Iterable[Key], why: str) -> None:
        for key in keys:
            self.gone_batches[self._keys[key].payload] = why

    def _note(self, batch: Batch) -> Sealed:
        heading, records = decode(batch.payload)
        says = amounts(heading.stream, records)
        sealed = Sealed(
            heading.stream, heading.epoch, heading.n, batch.day, heading.prev, says, batch.payload
        )
        if sealed[:3] in self.sealed:
            raise Broken(f"{sealed[:3]} was sealed twice")
        self.sealed[sealed[:3]] = self.by_payload[batch.payload] = sealed
        self._keys[batch.stream, batch.n] = sealed
        return sealed

    @staticmethod
    def _compare(before: Amounts, after: Amounts) -> None:
        for key in before.keys() | after.keys():
            most = 1 if key[0] == TOLD_ONCE else max(before[key], after[key])
            if min(before[key], most) != min(after[key], most):
                raise Broken(f"of {before[key]} in {key[0]} there are {after[key]} afterwards")

    # What is asked of it.

    @property
    def calling(self) -> bool:
        """Whether a call for help has no answer yet."""
        return any(stream == AT_ONCE for stream, _ in self._shelf.unsent)

    @property
    def unsent(self) -> int:
        """How many batches have no answer yet."""
        return len(self._shelf.unsent)

    def unanswered(self) -> set[bytes]:
        """The payloads that lie on the card without an answer."""
        return {self._keys[key].payload for key in self._shelf.unsent}

    def known(self, stream: str, n: int) -> Sealed | None:
        """A batch of the present file."""
        return self._keys.get((stream, n))

    def balance(self) -> None:
        """What was ever committed lies on the card, was sealed, or is counted as lost."""
        found = _says(self._shelf.kept.values())
        for each in self.sealed.values():
            found.update(each.says)
        found.update(self.gone)
        self._compare(self.committed, found)


def amounts_of(records: Iterable[Record]) -> Amounts:
    """The same of records as they leave their filters."""
    found: Amounts = Counter()
    for record in records:
        found.update(amounts(record.stream, [record.fields]))
    return found


def _says(rows: Iterable[Row]) -> Amounts:
    found: Amounts = Counter()
    for stream, _, body in rows:
        found.update(_of_row(stream, body))
    return found


def _beside(shelf: _Shelf, other: _Shelf) -> list[Row]:
    """The kept rows that another shelf has not; and all of the stream that is told once, which may be in both."""
    return [row for row_id, row in shelf.kept.items() if row_id not in other.kept or row[0] == TOLD_ONCE]


class WatchedOutbox:
    """An outbox whose commits and purges are booked."""

    def __init__(self, outbox: Outbox, ledger: Ledger) -> None:
        self._outbox = outbox
        self._ledger = ledger

    def __getattr__(self, name: str) -> Any:
        return getattr(self._outbox, name)

    def commit(self, **change: Any) -> None:
        """Done, then booked."""
        change = {name: list(value) if isinstance(value, set) else value for name, value in change.items()}
        before = self._outbox.losses()
        try:
            self._outbox.commit(**change)
        except Died:
            self._ledger.died_in(change, before)
            raise
        self._ledger.committed_now(change, less(self._outbox.losses(), before))

    def purge(self, today: int, **limits: Any) -> None:
        """Done, or done in part, then booked."""
        before = self._outbox.losses()
        try:
            self._outbox.purge(today, **limits)
        except Died:
            self._ledger.died_in(None, before)
            raise
        except OutboxLost:
            self._ledger.purged(less(self._outbox.losses(), before))
            raise
        self._ledger.purged(less(self._outbox.losses(), before))


def less(after: Losses, before: Losses) -> Losses:
    """What was lost in between."""
    return Losses(*(a - b for a, b in zip(after, before, strict=True)))
