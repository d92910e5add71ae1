"""The outbox against a model in plain Python, with the file reopened between steps."""

from __future__ import annotations

import hashlib
import tempfile
from pathlib import Path
from typing import NamedTuple

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from buffer.outbox import SIZE_BYTES_MIN, Batch, Head, Kept, KeptRow, Losses, Note, Outbox, WrongNumber

STREAMS = ("track", "box", "harsh_braking", "lifts")
LAST_TO_GO = ("box", "harsh_braking")
FIRST_DAY = 20_000
RECEIPT_DAYS = {"track": 3, "box": 0}
RECEIPT_DAYS_DEFAULT = 5
AGE_DAYS_MAX = 4

NAMES = ("checkpoint", "agreement", "duty_day")

streams = st.sampled_from(STREAMS)
bodies = st.one_of(st.binary(max_size=60), st.integers(0, 8_000).map(lambda length: b"\xa5" * length))


class Sealed(NamedTuple):
    batch: Batch
    since: int
    state: str


class OutboxMachine(RuleBasedStateMachine):
    """Every change at the outbox and at lists; then both must tell the same, before and after reopening."""

    def __init__(self) -> None:
        super().__init__()
        self.notes: dict[str, Note] = {}
        self.directory = tempfile.TemporaryDirectory()
        self.path = Path(self.directory.name) / "outbox.db"
        self.kept: list[KeptRow] = []
        self.sealed: list[Sealed] = []
        self.heads = dict.fromkeys(STREAMS, Head(0, None))
        self.losses = Losses(0, 0, 0)
        self.today = FIRST_DAY

    @initialize()
    def start(self) -> None:
        self.outbox = self.opened()

    def opened(self) -> Outbox:
        return Outbox.open(self.path, random_bytes=bytes, size_bytes_max=64 * SIZE_BYTES_MIN)

    def teardown(self) -> None:
        if hasattr(self, "outbox"):
            self.outbox.close()
        self.directory.cleanup()

    def next_batch(self, stream: str, payload: bytes) -> Batch:
        batch = Batch(stream, self.heads[stream].n + 1, self.today, payload)
        self.heads[stream] = Head(batch.n, hashlib.sha256(payload).digest())
        self.sealed.append(Sealed(batch, self.today, "u"))
        return batch

    def answered(self, choice: st.DataObject, state: str) -> list[tuple[str, int]]:
        keys = [(each.batch.stream, each.batch.n) for each in self.sealed if each.state == "u"]
        chosen = choice.draw(st.sets(st.sampled_from(keys), max_size=4)) if keys else set()
        for place, each in enumerate(self.sealed):
            if (each.batch.stream, each.batch.n) in chosen and each.state == "u":
                self.sealed[place] = Sealed(each.batch, max(each.since, self.today), state)
        return sorted(chosen)

    @rule(rows=st.lists(st.tuples(streams, bodies), min_size=1, max_size=5))
    def keep(self, rows: list[tuple[str, bytes]]) -> None:
        known = {row.id for row in self.kept}
        kept = [Kept(stream, self.today, body) for stream, body in rows]
        self.outbox.commit(keep=kept)
        new = [row for s in STREAMS for row in self.outbox.kept(s, self.today + 1) if row.id not in known]
        new.sort()  # by id: what goes last has the larger ones
        assert [Kept(row.stream, row.day, row.body) for row in new] == sorted(
            kept, key=lambda row: row.stream in LAST_TO_GO
        )
        self.kept += new

    @rule(choice=st.data(), payloads=st.lists(st.tuples(streams, bodies), min_size=1, max_size=3))
    def seal_and_answer(self, choice: st.DataObject, payloads: list[tuple[str, bytes]]) -> None:
        acknowledged, refused = self.answered(choice, "a"), self.answered(choice, "r")
        self.losses = self.losses._replace(refused=self.losses.refused + len(refused))
        used = {row.id for row in self.kept if choice.draw(st.booleans())}
        self.kept = [row for row in self.kept if row.id not in used]
        self.outbox.commit(
            seal=[self.next_batch(*each) for each in payloads],
            used=used,
            acknowledged=acknowledged,
            refused=refused,
            today=self.today,
        )

    @rule(
        notes=st.dictionaries(st.sampled_from(NAMES), st.none() | bodies, min_size=1),
        has_day=st.booleans(),
        fails=st.booleans(),
    )
    def note(self, notes: dict[str, bytes | None], has_day: bool, fails: bool) -> None:
        day = self.today if has_day else None
        values = {name: None if body is None else Note(day, body) for name, body in notes.items()}
        if fails:
            with pytest.raises(WrongNumber):
                self.outbox.commit(notes=values, seal=[Batch("track", 0, self.today, b"")])
            return
        self.outbox.commit(notes=values)
        self.notes |= {name: note for name, note in values.items() if note is not None}
        for name in (name for name, note in values.items() if note is None):
            self.notes.pop(name, None)

    @rule(choice=st.data())
    def acknowledge_all_but_some(self, choice: st.DataObject) -> None:
        unsent = [(batch.stream, batch.n) for batch in self.outbox.unsent(100)]
        stays = choice.draw(st.sets(st.sampled_from(unsent), max_size=2)) if unsent else set()
        taken = [key for key in unsent if key not in stays]
        self.outbox.commit(acknowledged=taken)
        for place, each in enumerate(self.sealed):
            if (each.batch.stream, each.batch.n) in taken:
                self.sealed[place] = each._replace(state="a")

    @rule(days=st.integers(0, 3))
    def time_passes(self, days: int) -> None:
        self.today += days

    @rule()
    def purge(self) -> None:
        self.outbox.purge(
            self.today,
            receipt_days=RECEIPT_DAYS,
            receipt_days_default=RECEIPT_DAYS_DEFAULT,
            age_days_max=AGE_DAYS_MAX,
        )
        kept = [row for row in self.kept if self.today - row.day <= AGE_DAYS_MAX]
        sealed = [each for each in self.sealed if not self.is_past(each)]
        unsent_gone = sum(each.state == "u" for each in set(self.sealed) - set(sealed))
        expired = len(self.kept) - len(kept) + unsent_gone
        self.losses = self.losses._replace(expired=self.losses.expired + expired)
        self.kept, self.sealed = kept, sealed
        self.notes = {name: note for name, note in self.notes.items() if not self.is_old(note)}

    def is_old(self, note: Note) -> bool:
        return note.day is not None and self.today - note.day > AGE_DAYS_MAX

    def is_past(self, each: Sealed) -> bool:
        if each.state == "u":
            return self.today - each.batch.day > AGE_DAYS_MAX
        return self.today - each.since > RECEIPT_DAYS.get(each.batch.stream, RECEIPT_DAYS_DEFAULT)

    @rule()
    def reopen(self) -> None:
        self.outbox.close()
        self.outbox = self.opened()
        assert self.outbox.set_aside is None

    @invariant()
    def both_tell_the_same(self) -> None:
        if not hasattr(self, "outbox"):
            return
        outbox = self.outbox
        receipts = [each for each in self.sealed if each.state != "u"]
        unsent = [each.batch for each in self.sealed if each.state == "u"]
        assert outbox.unsent(1_000) == unsent
        assert outbox.unsent(2, skip={(batch.stream, batch.n) for batch in unsent[:1]}) == unsent[1:3]
        found = [(each.stream, each.n, each.state[0], each.payload) for each in outbox.receipts()]
        assert found == [
            (each.batch.stream, each.batch.n, each.state, each.batch.payload) for each in receipts
        ]
        for stream in STREAMS:
            mine = sorted(
                (row for row in self.kept if row.stream == stream), key=lambda row: (row.day, row.id)
            )
            assert outbox.kept(stream, self.today + 1) == mine
            assert outbox.head(stream) == self.heads[stream]
        assert outbox.losses() == self.losses
        assert {name: outbox.note(name) for name in NAMES} == {name: self.notes.get(name) for name in NAMES}
        refused = sum(each.state == "r" for each in receipts)
        assert outbox.counts()[:4] == (len(self.kept), len(unsent), len(receipts) - refused, refused)

    @invariant()
    def every_number_is_here_or_a_gap(self) -> None:
        if not hasattr(self, "outbox"):
            return
        here = [(each.batch.stream, each.batch.n) for each in self.sealed]
        gone = [(gap.stream, n) for gap in self.outbox.gaps() for n in range(gap.first_n, gap.last_n + 1)]
        assert sorted(here + gone) == sorted(
            (stream, n) for stream in STREAMS for n in range(1, self.heads[stream].n + 1)
        )


TestOutbox = OutboxMachine.TestCase
TestOutbox.settings = settings(
    max_examples=40, stateful_step_count=30, deadline=None, suppress_health_check=list(HealthCheck)
)
