"""What waits for the disk, and what a lost disk means."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from agent.keeping import ACKNOWLEDGED_KEPT_S, CHECKPOINT_NOTE, PENDING_RECORDS_MAX, Counts, Keeping
from agent.records import Record
from agent.storage import STORAGE_NOTE
from buffer.outbox import Note, OutboxLost
from tests.sim.drives import WitnessedOutbox, outbox

EVERY_S = 10.0


class Lossy(WitnessedOutbox):
    """An outbox whose disk may be lost."""

    lost = False

    def commit(self, **change: Any) -> None:
        if self.lost:
            raise OutboxLost("database or disk is full")
        super().commit(**change)


def keeping(box: Any, held: Sequence[Note | None] = (None,)) -> Keeping:
    return Keeping(box, Counts(), EVERY_S, lambda: held[-1])


def record(n: int = 1) -> Record:
    return Record("track", 21_065, {"stretch": n})


def test_with_nothing_to_write_nothing_is_written() -> None:
    box = WitnessedOutbox(outbox())
    assert keeping(box).commit(0.0, None) is not None
    assert box.commits == []


def test_a_checkpoint_rides_with_a_commit_and_only_when_it_is_another() -> None:
    box = WitnessedOutbox(outbox())
    held: list[Note | None] = [Note(21_065, b"a")]
    kept = keeping(box, held)
    for now in (1.0, 2.0):
        kept.add([record()], now)
        kept.commit(now, None)
    held.append(None)
    kept.commit(3.0, None)
    assert [change["notes"] for change in box.commits] == [
        {CHECKPOINT_NOTE: Note(21_065, b"a")},
        {},
        {CHECKPOINT_NOTE: None},
    ]
    assert box.note(CHECKPOINT_NOTE) is None


def test_a_checkpoint_that_is_on_disk_already_is_not_written_again_after_a_restart() -> None:
    box, held = WitnessedOutbox(outbox()), [Note(21_065, b"a")]
    keeping(box, held).commit(0.0, None)
    keeping(box, held).commit(0.0, None)
    assert len(box.commits) == 1


def test_notes_and_checkpoint_that_the_disk_would_not_have_come_with_the_next_commit() -> None:
    box = Lossy(outbox())
    kept = keeping(box, [Note(21_065, b"a")])
    kept.note({"duty_day": Note(21_065, b"")})
    box.lost = True
    kept.commit_notes(0.0, None)
    assert kept.storage_lost
    assert kept.retrying
    kept.commit_notes(1.0, None)  # waits for the next attempt
    assert not kept.is_due(EVERY_S - 1.1)
    assert kept.is_due(EVERY_S - 1.0)
    box.lost = False
    assert kept.commit(EVERY_S, None) is not None
    assert not kept.storage_lost
    assert set(box.commits[0]["notes"]) == {"duty_day", CHECKPOINT_NOTE, STORAGE_NOTE}
    assert not kept.is_due(EVERY_S + 1)


def test_notes_go_alone_and_leave_records_and_checkpoint_to_their_own_time() -> None:
    box = WitnessedOutbox(outbox())
    kept = keeping(box, [Note(21_065, b"a")])
    kept.add([record()], 0.0)
    kept.note({"seen": Note(None, b"b")})
    kept.commit_notes(1.0, None)
    kept.commit_notes(2.0, None)
    assert not kept.is_due(EVERY_S - 1.1)
    assert kept.is_due(EVERY_S - 1.0)
    kept.commit(EVERY_S, None)
    assert [(len(one["keep"]), set(one["notes"])) for one in box.commits] == [
        (0, {"seen"}),
        (1, {CHECKPOINT_NOTE}),
    ]


def test_notes_that_belong_to_a_release_go_with_it_or_not_at_all() -> None:
    box = Lossy(outbox())
    kept = keeping(box)
    box.lost = True
    kept.add([record()], 0.0)
    assert kept.commit(0.0, None, notes={"left_truck": Note(21_065, b"")}) is None
    box.lost = False
    kept.commit(20.0, None)
    assert set(box.commits[0]["notes"]) == {STORAGE_NOTE}


def test_answers_are_written_alone_after_a_while() -> None:
    kept = keeping(outbox())
    kept.settle(("track", 1), refused=False, now=5.0)
    assert not kept.is_due(5.0 + ACKNOWLEDGED_KEPT_S - 0.1)
    assert kept.is_due(5.0 + ACKNOWLEDGED_KEPT_S)


def test_memory_has_room_for_so_many_records_at_most() -> None:
    kept = keeping(outbox())
    kept.add([record()] * (PENDING_RECORDS_MAX - 1), 0.0)
    kept.add([record()] * 2, 0.0)
    assert len(kept.pending) == PENDING_RECORDS_MAX
    assert kept._counts.dropped == 1
