"""R11, on the raw bytes of the file, its log and its index: what was used, purged or replaced is nowhere."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from buffer.outbox import SIZE_BYTES_MIN, Batch, Kept, Note, Outbox, WrongNumber

DAY = 20_000
LENGTHS = [40, 700, 3_900, 7_900]
# Whatever fragment SQLite leaves of a text that repeats one of these, the fragment holds it or part of it.
SECRET, LIVE = b"\xc5ecr&7!", b"\xa1ive+9?"
FRAGMENT_BYTES = 4


def filled(with_: bytes, length: int) -> bytes:
    return (with_ * (length // len(with_) + 1))[:length]


def raw(path: Path) -> bytes:
    """All bytes of all files beside the outbox."""
    return b"\n".join(file.read_bytes() for file in sorted(path.parent.iterdir()))


def fragments(text: bytes) -> set[bytes]:
    return {(text * 2)[start : start + FRAGMENT_BYTES] for start in range(len(text))}


def traces(path: Path, text: bytes = SECRET) -> int:
    """How many bytes of files, log and index are part of `text`, however it was torn."""
    found = raw(path)
    return sum(found.count(each) for each in fragments(text))


def connect_without(setting: str, instead: str) -> Callable[[str], sqlite3.Connection]:
    """Connections that do one thing less than the outbox asks for."""

    class Weakened(sqlite3.Connection):
        def execute(self, sql: str, *arguments: Any) -> sqlite3.Cursor:
            return super().execute(sql.replace(setting, instead), *arguments)

    return lambda name: sqlite3.connect(name, isolation_level=None, factory=Weakened)


def opened(path: Path, **changes: Any) -> Outbox:
    return Outbox.open(path, random_bytes=bytes, size_bytes_max=SIZE_BYTES_MIN, **changes)


@pytest.fixture
def outbox(path: Path) -> Iterator[Outbox]:
    """With rows of every kind that stay."""
    with closing(opened(path)) as made:
        with_live_rows(made)
        yield made


def with_live_rows(outbox: Outbox) -> None:
    live = filled(LIVE, 300)
    outbox.commit(
        keep=[Kept("track", DAY, live), Kept("harsh_braking", DAY, live)],
        seal=[Batch("lifts", 1, DAY, live), Batch("lifts", 2, DAY, live)],
        acknowledged=[("lifts", 1)],
        notes={"agreement": Note(None, live)},
    )


def purge(outbox: Outbox, today: int = DAY) -> None:
    outbox.purge(today, receipt_days={"track": 0}, age_days_max=5)


def uses_kept_rows(outbox: Outbox, secret: bytes) -> int:
    outbox.commit(keep=[Kept("track", DAY - 1, secret), Kept("harsh_braking", DAY - 1, secret)] * 5)
    used = [row.id for stream in ("track", "harsh_braking") for row in outbox.kept(stream, DAY)]
    outbox.commit(seal=[Batch("stops", 1, DAY, b"sealed")], used=used)
    return DAY


def lets_kept_rows_expire(outbox: Outbox, secret: bytes) -> int:
    outbox.commit(keep=[Kept("track", DAY - 6, secret), Kept("box", DAY - 6, secret)] * 5)
    return DAY


def lets_batches_expire(outbox: Outbox, secret: bytes) -> int:
    outbox.commit(seal=[Batch("track", n, DAY - 6, secret) for n in range(1, 6)])
    return DAY


def lets_receipts_pass(outbox: Outbox, secret: bytes) -> int:
    outbox.commit(seal=[Batch("track", n, DAY - 1, secret) for n in range(1, 6)])
    outbox.commit(acknowledged=[("track", n) for n in (1, 2, 4)], refused=[("track", n) for n in (3, 5)])
    return DAY


def evicts(outbox: Outbox, secret: bytes) -> int:
    """Fill the file with batches and receipts, then make all of them go for what is younger."""
    n, secret = 0, filled(SECRET, max(700, len(secret)))
    while not outbox.losses().evicted and not outbox.gaps():
        outbox.commit(seal=[Batch("stops", n + k, DAY - 1, secret) for k in range(1, 9)])
        outbox.commit(acknowledged=[("stops", n + 1), ("stops", n + 5)])
        n += 8
    live = filled(LIVE, 3_000)
    while any(batch.stream == "stops" for batch in outbox.unsent(9_999)):
        first = outbox.head("track").n + 1
        outbox.commit(seal=[Batch("track", first + k, DAY, live) for k in range(10)])
    return DAY


def replaces_a_note(outbox: Outbox, secret: bytes) -> int:
    for length in (1, len(secret) // 2, len(secret), 3 * len(secret)):
        outbox.commit(notes={"checkpoint": Note(DAY, filled(SECRET, length))})
    outbox.commit(notes={"checkpoint": Note(DAY, filled(LIVE, len(secret)))})
    return DAY


def shortens_a_note(outbox: Outbox, secret: bytes) -> int:
    outbox.commit(notes={"checkpoint": Note(DAY, secret)})
    outbox.commit(notes={"checkpoint": Note(DAY, b"")})
    return DAY


def removes_a_note(outbox: Outbox, secret: bytes) -> int:
    outbox.commit(notes={"checkpoint": Note(DAY, secret), "duty_day": Note(None, secret)})
    outbox.commit(notes={"checkpoint": None, "duty_day": None})
    return DAY


def lets_a_note_expire(outbox: Outbox, secret: bytes) -> int:
    outbox.commit(notes={"checkpoint": Note(DAY - 6, secret)})
    return DAY


def fails_with_a_change_larger_than_the_page_cache(outbox: Outbox, secret: bytes) -> int:
    outbox.commit(seal=[Batch("stops", 1, DAY, b"in turn")])
    with pytest.raises(WrongNumber):
        outbox.commit(
            keep=[Kept("track", DAY, secret)] * 500,
            notes={"checkpoint": Note(DAY, filled(SECRET, 200_000))},
            seal=[Batch("stops", 1, DAY, secret)],
        )
    return DAY


LIVES = [
    uses_kept_rows,
    lets_kept_rows_expire,
    lets_batches_expire,
    lets_receipts_pass,
    evicts,
    replaces_a_note,
    shortens_a_note,
    removes_a_note,
    lets_a_note_expire,
    fails_with_a_change_larger_than_the_page_cache,
]


@pytest.mark.parametrize("life", LIVES)
@pytest.mark.parametrize("length", LENGTHS)
def test_r11_no_fragment_of_what_is_gone_is_on_disk_after_a_purge(
    outbox: Outbox, path: Path, life: Callable[[Outbox, bytes], int], length: int
) -> None:
    today = life(outbox, filled(SECRET, length))
    if length == max(LENGTHS):
        assert traces(path) > 0, "the search must have something to find"
    purge(outbox, today)
    assert traces(path) == 0
    assert path.with_name("outbox.db-wal").stat().st_size == 0
    assert outbox.note("agreement") == Note(None, filled(LIVE, 300))


@pytest.mark.parametrize("life", LIVES)
def test_r11_nor_after_the_file_was_closed_and_opened(
    path: Path, life: Callable[[Outbox, bytes], int]
) -> None:
    with closing(opened(path)) as outbox:
        with_live_rows(outbox)
        today = life(outbox, filled(SECRET, 2_500))
    with closing(opened(path)) as again:
        purge(again, today)
        assert traces(path) == 0
        assert traces(path, LIVE) > 0
    assert traces(path) == 0


def test_the_log_of_a_change_that_failed_is_emptied_though_nothing_was_committed(path: Path) -> None:
    with closing(opened(path)) as outbox:
        purge(outbox)
        fails_with_a_change_larger_than_the_page_cache(outbox, filled(SECRET, 7_900))
        assert traces(path) > 0
        purge(outbox)
        assert traces(path) == 0


def a_long_life(outbox: Outbox) -> None:
    """Many rows of many lengths, all of which have gone by its end."""
    for n in range(1, 120):
        length = 37 * n % 900 + 9
        outbox.commit(
            seal=[Batch("track", n, DAY - 1, filled(SECRET, length))],
            notes={"checkpoint": Note(DAY, filled(SECRET, 29 * n))},
        )
    outbox.commit(acknowledged=[("track", n) for n in range(1, 120)], notes={"checkpoint": None})
    purge(outbox)


WEAKENINGS = {
    "the deleted is not overwritten": ("secure_delete = ON", "secure_delete = OFF"),
    "the log is not emptied": ("wal_checkpoint(TRUNCATE)", "wal_checkpoint(PASSIVE)"),
}


def test_r11_a_long_life_leaves_no_trace(path: Path) -> None:
    with closing(opened(path)) as outbox:
        a_long_life(outbox)
        assert traces(path) == 0


@pytest.mark.parametrize("name", WEAKENINGS)
def test_the_search_finds_what_a_weakened_outbox_leaves(path: Path, name: str) -> None:
    """The control: were one setting missing, the tests above would fail."""
    with closing(opened(path, connect=connect_without(*WEAKENINGS[name]))) as outbox:
        a_long_life(outbox)
        assert traces(path) > 0


def test_the_search_finds_a_torn_copy(tmp_path: Path) -> None:
    (tmp_path / "outbox.db-shm").write_bytes(b"..." + filled(SECRET, 3 * len(SECRET))[5:10] + b"...")
    assert traces(tmp_path / "outbox.db") > 0
