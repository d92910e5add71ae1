"""A bounded file: who goes first when it is full, and what is said of it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from buffer import gaps, reading, room, sqlite_file
from buffer.outbox import EVICT_PAGES_SPARE, SIZE_BYTES_MIN, Batch, Kept, Outbox, OutboxLost

PAGE_BYTES = 4096
DAY = 20_000


def opened(path: Path, size_bytes_max: int = SIZE_BYTES_MIN, **changes: Any) -> Outbox:
    return Outbox.open(path, random_bytes=bytes, size_bytes_max=size_bytes_max, **changes)


@pytest.fixture
def outbox(path: Path) -> Iterator[Outbox]:
    with closing(opened(path)) as made:
        yield made


def seal(outbox: Outbox, stream: str, day: int = DAY, length: int = 3_000) -> int:
    n = outbox.head(stream).n + 1
    outbox.commit(seal=[Batch(stream, n, day, n.to_bytes(4, "big") * (length // 4))])
    return n


def fill(outbox: Outbox, stream: str, day: int = DAY) -> int:
    """Seal batches until the next one would evict; how many there are then."""
    while not outbox.losses().evicted and not outbox.gaps():
        n = seal(outbox, stream, day)
    return n - 1


def size_bytes(path: Path) -> int:
    """Of the file, once its log is in it."""
    with closing(opened(path)):
        pass
    return path.stat().st_size


def test_a_size_below_the_least_is_refused(path: Path) -> None:
    with pytest.raises(ValueError, match="an outbox needs"):
        opened(path, SIZE_BYTES_MIN - 1)
    opened(path, SIZE_BYTES_MIN).close()


def test_the_file_fills_to_its_limit_before_anything_goes_and_never_passes_it(path: Path) -> None:
    with closing(opened(path)) as outbox:
        while not outbox.losses().evicted:
            last = outbox.counts()
            seal(outbox, "track")
        for _ in range(200):
            seal(outbox, "track")
    assert last.unsent >= (SIZE_BYTES_MIN // PAGE_BYTES) - 16
    assert size_bytes(path) == SIZE_BYTES_MIN


def test_one_page_less_evicts_one_batch_earlier(tmp_path: Path) -> None:
    """At the limit nothing goes; one past it something does."""
    most = []
    for pages in (300, 301):
        with closing(opened(tmp_path / f"{pages}.db", pages * PAGE_BYTES)) as outbox:
            most.append(fill(outbox, "track"))
    assert most[1] == most[0] + 1


def test_receipts_go_before_anything_that_has_not_arrived(outbox: Outbox) -> None:
    for _ in range(20):
        n = seal(outbox, "harsh_braking")
        outbox.commit(acknowledged=[("harsh_braking", n)])
    while not outbox.gaps():
        seal(outbox, "track", DAY - 1)
    assert outbox.losses().evicted == 0
    assert outbox.gaps()[0][:2] == ("harsh_braking", 1)
    assert outbox.gaps()[0].why == "evicted"
    assert outbox.head("harsh_braking").n == 20


def test_refused_batches_go_with_the_receipts_and_are_counted_once(outbox: Outbox) -> None:
    outbox.commit(refused=[("track", seal(outbox, "track")) for _ in range(20)])
    while not outbox.gaps():
        seal(outbox, "track")
    assert outbox.counts().refused < 20
    assert outbox.losses() == (0, 0, 20)


def test_the_oldest_day_goes_first_sealed_before_kept(outbox: Outbox) -> None:
    outbox.commit(keep=[Kept("track", DAY - 2, bytes(3_000))] * 2)
    seal(outbox, "stops", DAY - 3)
    outbox.commit(keep=[Kept("track", DAY, bytes(3_000))] * 2)
    fill(outbox, "track", DAY + 1)
    assert outbox.counts().kept < 4
    assert ("stops", 1, 1, "evicted") in [gap[:4] for gap in outbox.gaps()]
    assert all(row.day == DAY for row in outbox.kept("track", DAY + 9))


def test_braking_and_box_stay_while_any_track_is_left_and_braking_longest(outbox: Outbox) -> None:
    for stream in ("box", "harsh_braking"):
        for _ in range(40):
            seal(outbox, stream, DAY - 9)
    outbox.commit(keep=[Kept("harsh_braking", DAY - 9, b"held")])
    for _ in range(400):
        seal(outbox, "track")
    left = [batch.stream for batch in outbox.unsent(1_000)]
    assert left.count("harsh_braking") == left.count("box") == 40
    assert outbox.losses().evicted == 400 - left.count("track")
    while left.count("box") > 20:
        seal(outbox, "harsh_braking")
        left = [batch.stream for batch in outbox.unsent(1_000)]
        assert left.count("harsh_braking") + outbox.counts().kept == outbox.head("harsh_braking").n + 1
    assert "track" not in left
    for _ in range(400):
        seal(outbox, "harsh_braking")
    numbers = [batch.n for batch in outbox.unsent(1_000)]
    assert numbers == list(range(numbers[0], outbox.head("harsh_braking").n + 1))
    assert numbers[0] > 1
    assert outbox.counts().kept == 0


def test_what_was_evicted_is_counted_with_the_change_that_evicted_it(outbox: Outbox, path: Path) -> None:
    fill(outbox, "track")
    for _ in range(40):
        seal(outbox, "track")
        counts = outbox.counts()
        assert outbox.head("track").n == counts.unsent + outbox.losses().evicted
    told = outbox.losses(), outbox.gaps(), outbox.counts()[:4], outbox.head("track")
    with closing(opened(path)) as again:
        assert (again.losses(), again.gaps(), again.counts()[:4], again.head("track")) == told
        assert [gap[:4] for gap in again.gaps()] == [("track", 1, again.losses().evicted, "evicted")]


def test_an_answer_for_an_evicted_batch_is_ignored(outbox: Outbox) -> None:
    outbox.unsent(10)
    fill(outbox, "track")
    before = outbox.counts()
    outbox.commit(acknowledged=[("track", 1)], refused=[("track", 2)])
    assert outbox.counts() == before
    assert outbox.losses().refused == 0


def test_rows_that_a_batch_replaces_are_not_evicted_for_it(outbox: Outbox) -> None:
    outbox.commit(keep=[Kept("track", DAY, bytes(15_000))] * 30)
    used = [row.id for row in outbox.kept("track", DAY + 1)]
    outbox.commit(keep=[Kept("track", DAY + 1, bytes(15_000))] * 30)
    outbox.commit(
        keep=[Kept("box", DAY, bytes(15_000))] * 30, seal=[Batch("track", 1, DAY, b"it")], used=used
    )
    assert 0 < outbox.losses().evicted <= 30
    assert outbox.losses().evicted + outbox.counts().kept == 60
    assert [batch.payload for batch in outbox.unsent(9)] == [b"it"]


def test_a_change_that_cannot_fit_at_all_changes_nothing(outbox: Outbox) -> None:
    seal(outbox, "track")
    before = outbox.counts()[:4], outbox.losses()  # the log on disk may have grown
    with pytest.raises(OutboxLost, match="no room"):
        outbox.commit(keep=[Kept("track", DAY, bytes(15_000))] * 100)
    assert (outbox.counts()[:4], outbox.losses()) == before
    seal(outbox, "track")


def test_a_limit_lowered_below_the_file_stops_its_growth(path: Path) -> None:
    with closing(opened(path, 2 * SIZE_BYTES_MIN)) as large:
        fill(large, "track")
    size = path.stat().st_size
    with closing(opened(path, SIZE_BYTES_MIN)) as outbox:
        for _ in range(50):
            seal(outbox, "track")
    assert size_bytes(path) == size


def test_only_so_many_gaps_stay_on_record(outbox: Outbox, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gaps, "GAPS_MAX", 3)
    for _ in range(5):
        n = seal(outbox, "track", length=40)
        seal(outbox, "track", DAY + 50, length=40)
        outbox.commit(acknowledged=[("track", n)])
        outbox.purge(DAY + 1, receipt_days={}, receipt_days_default=0, age_days_max=9)
    assert [gap[:4] for gap in outbox.gaps()] == [("track", n, n, "purged") for n in (5, 7, 9)]


def test_only_so_many_rows_are_remembered_and_the_rest_found(
    outbox: Outbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reading, "REMEMBERED_MAX", 2)
    for _ in range(4):
        seal(outbox, "track", length=40)
    given = outbox.unsent(10)
    outbox.commit(acknowledged=[(batch.stream, batch.n) for batch in given])
    assert outbox.counts()[:4] == (0, 0, 4, 0)


def fill_with(outbox: Outbox, length: int) -> int:
    """Seal until the file is full or nearly so; how many batches there are then."""
    n = 0
    while not outbox.losses().evicted and sqlite_file.page_count(outbox._db) * PAGE_BYTES < SIZE_BYTES_MIN:
        outbox.commit(seal=[Batch("track", n + k, DAY, bytes(length)) for k in range(1, 11)])
        n += 10
    return n


@pytest.mark.parametrize("length", [300, 700, 3_000])
def test_receipts_between_unsent_batches_make_room_though_each_leaves_a_gap(
    outbox: Outbox, path: Path, length: int
) -> None:
    n = fill_with(outbox, length)
    outbox.commit(acknowledged=[(batch.stream, batch.n) for batch in outbox.unsent(n)[::2]])
    for _ in range(300):
        seal(outbox, "track")
    assert size_bytes(path) == SIZE_BYTES_MIN


def test_a_purge_whose_gaps_take_pages_of_a_full_file_does_not_stop_the_outbox(
    outbox: Outbox, path: Path
) -> None:
    n = fill_with(outbox, 300)
    outbox.commit(acknowledged=[(batch.stream, batch.n) for batch in outbox.unsent(n)[::2]])
    outbox.purge(DAY + 1, receipt_days={}, receipt_days_default=0, age_days_max=99)
    for _ in range(300):
        seal(outbox, "track")
    assert len(outbox.gaps()) == gaps.GAPS_MAX
    assert size_bytes(path) <= SIZE_BYTES_MIN + EVICT_PAGES_SPARE * PAGE_BYTES


def test_on_a_full_disk_the_oldest_make_room_and_the_file_stays_as_it_is(outbox: Outbox, path: Path) -> None:
    """SQLite's own limit of pages stands for the disk: it gives the same error."""
    for _ in range(40):
        seal(outbox, "harsh_braking", DAY - 9)
        seal(outbox, "track")
    room.reuse_log(outbox._db)
    pages = sqlite_file.page_count(outbox._db)
    outbox._db.execute(f"PRAGMA max_page_count = {pages}")
    for _ in range(20):
        seal(outbox, "track", DAY + 1)
    assert sqlite_file.page_count(outbox._db) == pages
    left = outbox.unsent(1_000)
    assert sum(batch.stream == "harsh_braking" for batch in left) == 40
    assert [batch.n for batch in left if batch.stream == "track"][-1] == 60
    assert outbox.losses().evicted == 100 - len(left) > 0


def test_with_room_on_the_disk_again_nothing_more_goes(outbox: Outbox) -> None:
    for _ in range(40):
        seal(outbox, "track")
    outbox._db.execute(f"PRAGMA max_page_count = {sqlite_file.page_count(outbox._db)}")
    seal(outbox, "track")
    evicted = outbox.losses().evicted
    outbox._db.execute("PRAGMA max_page_count = 100000")
    for _ in range(40):
        seal(outbox, "track")
    assert outbox.losses().evicted == evicted > 0


def test_a_full_disk_with_nothing_to_let_go_is_said_and_changes_nothing(outbox: Outbox) -> None:
    outbox._db.execute(f"PRAGMA max_page_count = {sqlite_file.page_count(outbox._db)}")
    with pytest.raises(OutboxLost):
        outbox.commit(keep=[Kept("track", DAY, bytes(15_000))] * 5)
    assert outbox.counts().kept == 0
