"""What the box says of its storage, over restarts; and who goes when memory is full."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from agent.recording.duty import FixedDuty
from agent.records import Record
from agent.runtime import Runtime
from agent.storage import STORAGE_NOTE, Storage, fitting
from buffer.outbox import Note, Outbox, OutboxLost
from tests.sim.drives import (
    SIZE_BYTES,
    Witness,
    WitnessedOutbox,
    agreement,
    epochs,
    fed,
    outbox,
    straight,
    ticks,
    truck,
)

DAY = 21_061
DAY_S = 86_400


def said(storage: Storage) -> tuple[str, int]:
    fields: dict[str, Any] = {"storage": "?", "lost": {"evicted": 1}}
    storage.tell(fields)
    return fields["storage"], fields["lost"]["evicted"] - 1


def again(storage: Storage) -> Storage:
    """After a restart, once its note has been committed."""
    box = outbox()
    box.commit(notes={STORAGE_NOTE: storage.note})
    return Storage(box)


def test_with_nothing_to_say_there_is_no_note() -> None:
    storage = Storage(outbox())
    assert storage.note is None
    assert said(storage) == ("good", 0)


def test_a_failure_is_remembered_over_a_restart_until_it_has_been_said() -> None:
    storage = Storage(outbox())
    storage.failed()
    storage = again(storage)
    assert said(storage) == ("failed", 0)
    assert storage.note is None
    assert said(storage) == ("good", 0)


def test_what_memory_lost_is_counted_on_for_good() -> None:
    storage = Storage(outbox())
    storage.dropped += 3
    storage = again(storage)
    assert said(storage) == ("good", 3)
    storage = again(storage)
    storage.dropped += 2
    assert said(storage) == ("good", 5)


def test_a_new_file_in_place_of_a_damaged_one_says_more_than_a_failure(tmp_path: Path) -> None:
    (tmp_path / "outbox.db").write_bytes(b"no database" * 999)
    box = Outbox.open(tmp_path / "outbox.db", random_bytes=bytes, size_bytes_max=SIZE_BYTES)
    storage = Storage(box)
    storage.failed()
    box.close()
    assert said(again(storage)) == ("renewed", 0)


@pytest.mark.parametrize("body", [b"", b"failed", b"x 1", b"\xff\xfe 1", b"good -1", b"good " + b"9" * 5_000])
def test_a_note_that_a_worn_card_has_changed_stops_nothing(body: bytes) -> None:
    box = outbox()
    box.commit(notes={STORAGE_NOTE: Note(None, body)})
    word, dropped = said(Storage(box))
    assert word in ("good", "failed")
    assert 0 <= dropped <= 1


def records(*streams: str) -> list[Record]:
    return [Record(stream, DAY, {"n": n}) for n, stream in enumerate(streams)]


def test_what_fits_stays_as_it_is() -> None:
    three = records("track", "box", "harsh_braking")
    assert fitting(three, 3) is three


def test_one_too_many_and_the_oldest_place_goes() -> None:
    four = records("harsh_braking", "track", "box", "track")
    assert fitting(four, 3) == [four[0], four[2], four[3]]
    assert fitting(four, 2) == [four[0], four[2]]
    assert fitting(four, 1) == [four[0]]
    assert fitting(four, 0) == []


def test_of_the_same_turn_the_oldest_day_goes_first() -> None:
    mixed = [Record("track", DAY, {}), Record("lifts", DAY - 1, {}), Record("track", DAY - 2, {})]
    assert fitting(mixed, 2) == mixed[:2]


class Failing(WitnessedOutbox):
    """An outbox whose disk is lost for a while."""

    lost = False

    def commit(self, **change: Any) -> None:
        if self.lost:
            raise OutboxLost("disk I/O error")
        super().commit(**change)


def drive(runtime: Runtime, link: Witness) -> None:
    fed(runtime, link, epochs(straight(1_200)))


def test_a_disk_that_failed_and_came_back_is_said_by_the_box_on_the_next_day_after_a_restart() -> None:
    box, link = Failing(outbox()), Witness()
    daily = agreement()
    runtime = truck(daily, box, link, FixedDuty(True))
    box.lost = True
    drive(runtime, link)
    box.lost = False
    fed(runtime, link, ticks(60, 180, 5))
    assert box.note(STORAGE_NOTE) == Note(None, b"failed 0")
    runtime = truck(daily, box, link, FixedDuty(False))
    fed(runtime, link, epochs(straight(100), start_s=DAY_S))
    fed(runtime, link, ticks(DAY_S, 3 * DAY_S, 60))
    assert [record["storage"] for record in link.records("box")][:2] == ["failed", "good"]
    assert box.note(STORAGE_NOTE) is None
