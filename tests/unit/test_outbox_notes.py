"""Notes: named values that are rewritten all day long, found again after the file was reopened."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from buffer import notes as noted
from buffer import sqlite_file
from buffer.migrations import OUTBOX, Schema
from buffer.outbox import SIZE_BYTES_MIN, Batch, Kept, Note, Outbox, OutboxLost, TooLarge, WrongNumber
from buffer.rows import NOTE_BYTES_MAX, STREAM_CHARS_MAX

DAY = 20_000
FRAME_BYTES = 4096 + 24
# Where a row grows: to the next step, from a row of its page alone to one with an overflow page, and one past that.
LENGTHS = [0, 1, 508, 509, 3_580, 3_581, 3_580 + 4_092, 3_581 + 4_092, 20_000]


def opened(path: Path | None, size_bytes_max: int = 1 << 24) -> Outbox:
    return Outbox.open(path, random_bytes=bytes, size_bytes_max=size_bytes_max)


def purge(outbox: Outbox, today: int = DAY, age_days_max: int = 9) -> None:
    outbox.purge(today, receipt_days={}, age_days_max=age_days_max)


@pytest.fixture
def outbox(path: Path) -> Iterator[Outbox]:
    with closing(opened(path)) as made:
        yield made


def rows(path: Path) -> int:
    with closing(sqlite3.connect(path)) as db:
        return int(db.execute("SELECT count(*) FROM note").fetchone()[0])


def test_there_is_no_note_before_one_was_committed(outbox: Outbox) -> None:
    assert outbox.note("checkpoint") is None


def test_a_note_is_found_under_its_name_and_after_reopening(outbox: Outbox, path: Path) -> None:
    outbox.commit(notes={"checkpoint": Note(DAY, b"\0way\0"), "agreement": Note(None, b"")})
    with closing(opened(path)) as again:
        for each in (outbox, again):
            assert each.note("checkpoint") == Note(DAY, b"\0way\0")
            assert each.note("agreement") == Note(None, b"")
            assert each.note("duty_day") is None


@pytest.mark.parametrize("second", LENGTHS)
@pytest.mark.parametrize("first", LENGTHS)
def test_a_note_takes_the_place_of_the_one_before_whatever_their_lengths(first: int, second: int) -> None:
    with closing(opened(None)) as outbox:
        outbox.commit(notes={"checkpoint": Note(DAY, b"a" * first), "other": Note(DAY, b"o" * 600)})
        outbox.commit(notes={"checkpoint": Note(DAY + 1, b"b" * second)})
        assert outbox.note("checkpoint") == Note(DAY + 1, b"b" * second)
        assert outbox.note("other") == Note(DAY, b"o" * 600)


@pytest.mark.parametrize("second", [None, -1, 0, 127, 128, DAY, 32_767, 32_768])
@pytest.mark.parametrize("first", [None, 0, DAY, 32_768])
def test_a_note_may_change_its_day_or_lose_it(first: int | None, second: int | None) -> None:
    with closing(opened(None)) as outbox:
        outbox.commit(notes={"checkpoint": Note(first, b"before")})
        outbox.commit(notes={"checkpoint": Note(second, b"after")})
        assert outbox.note("checkpoint") == Note(second, b"after")


def test_none_removes_a_note_and_removing_it_twice_is_fine(outbox: Outbox, path: Path) -> None:
    outbox.commit(notes={"checkpoint": Note(DAY, b"way"), "seen": Note(None, b"7")})
    for _ in range(2):
        outbox.commit(notes={"checkpoint": None})
        assert outbox.note("checkpoint") is None
    with closing(opened(path)) as again:
        assert again.note("checkpoint") is None
        assert again.note("seen") == Note(None, b"7")


def test_notes_share_the_transaction_of_the_rows_they_come_with(outbox: Outbox, path: Path) -> None:
    outbox.commit(keep=[Kept("track", DAY, b"first")], notes={"checkpoint": Note(DAY, b"one")})
    with pytest.raises(WrongNumber):
        outbox.commit(
            keep=[Kept("track", DAY, b"second")],
            seal=[Batch("track", 7, DAY, b"out of turn")],
            notes={"checkpoint": Note(DAY, b"two"), "seen": Note(None, b"x")},
        )
    with closing(opened(path)) as again:
        for each in (outbox, again):
            assert each.note("checkpoint") == Note(DAY, b"one")
            assert each.note("seen") is None
            assert [row.body for row in each.kept("track", DAY + 1)] == [b"first"]


def test_a_note_without_a_day_outlives_every_purge_and_others_go_past_their_age(
    outbox: Outbox, path: Path
) -> None:
    outbox.commit(notes={"checkpoint": Note(DAY, b"way"), "agreement": Note(None, b"text")})
    purge(outbox, DAY + 9)
    assert outbox.note("checkpoint") == Note(DAY, b"way")
    purge(outbox, DAY + 10)
    with closing(opened(path)) as again:
        for each in (outbox, again):
            assert each.note("checkpoint") is None
            assert each.note("agreement") == Note(None, b"text")
    assert outbox.losses() == (0, 0, 0)


def test_a_purge_with_notes_alone_touches_nothing_the_second_time(outbox: Outbox, path: Path) -> None:
    outbox.commit(notes={"checkpoint": Note(DAY, b"way")})
    purge(outbox)
    wal = path.with_name("outbox.db-wal")
    before = path.read_bytes(), wal.read_bytes()
    purge(outbox)
    assert (path.read_bytes(), wal.read_bytes()) == before


def test_a_note_at_its_limit_is_taken_and_one_past_it_is_not(outbox: Outbox) -> None:
    longest = Note(DAY, b"\xa5" * NOTE_BYTES_MAX)
    outbox.commit(notes={"n" * STREAM_CHARS_MAX: longest})
    assert outbox.note("n" * STREAM_CHARS_MAX) == longest
    with pytest.raises(TooLarge):
        outbox.commit(notes={"checkpoint": Note(DAY, bytes(NOTE_BYTES_MAX + 1))})
    with pytest.raises(TooLarge):
        outbox.commit(notes={"n" * (STREAM_CHARS_MAX + 1): Note(DAY, b"")})
    assert outbox.note("checkpoint") is None


def test_so_many_notes_are_taken_and_not_one_more(outbox: Outbox) -> None:
    outbox.commit(notes={f"note {n}": Note(DAY, b"") for n in range(noted.NOTES_MAX)})
    with pytest.raises(TooLarge):
        outbox.commit(keep=[Kept("track", DAY, b"lost?")], notes={"one more": Note(DAY, b"")})
    assert outbox.note("one more") is None
    assert outbox.counts().kept == 0
    outbox.commit(notes={"note 0": None, "one more": Note(DAY, b"")})
    assert outbox.note("one more") == Note(DAY, b"")


def test_notes_count_towards_the_size_of_the_file_and_others_make_room(path: Path) -> None:
    longest = Note(DAY, b"\xa5" * NOTE_BYTES_MAX)
    with closing(opened(path, SIZE_BYTES_MIN)) as outbox:
        for n in range(1, 300):
            outbox.commit(seal=[Batch("track", n, DAY, bytes(3_000))])
        evicted = outbox.losses().evicted
        outbox.commit(notes={"agreement": longest, "checkpoint": longest})
        assert outbox.losses().evicted >= evicted + 2 * NOTE_BYTES_MAX // 4096
        with pytest.raises(OutboxLost, match="no room"):
            outbox.commit(notes={f"more {n}": longest for n in range(3)})
        assert [outbox.note(name) for name in ("agreement", "checkpoint")] == [longest] * 2
        assert outbox.note("more 0") is None
    with closing(opened(path, SIZE_BYTES_MIN)) as again:
        assert again.note("checkpoint") == longest
    assert path.stat().st_size <= SIZE_BYTES_MIN


def test_a_repr_tells_a_notes_length_only() -> None:
    assert repr(Note(DAY, b"secret")) == "Note(day=20000, 6 bytes)"
    assert repr(Note(None, b"")) == "Note(day=None, 0 bytes)"


def frames(path: Path) -> int:
    return path.with_name("outbox.db-wal").stat().st_size // FRAME_BYTES


@pytest.mark.parametrize(("length", "pages"), [(100, 1), (3_500, 1), (3_600, 2), (6_000, 2), (7_600, 2)])
def test_a_rewrite_writes_the_fewest_pages_its_length_allows(
    outbox: Outbox, path: Path, length: int, pages: int
) -> None:
    outbox.commit(notes={"agreement": Note(None, b"a" * 3_000), "checkpoint": Note(DAY, bytes(length))})
    start = frames(path)
    for n in range(1, 21):  # short of a checkpoint
        outbox.commit(notes={"checkpoint": Note(DAY, bytes([n]) * length)})
    assert frames(path) - start == 20 * pages


def test_a_part_that_stays_the_same_is_not_written(outbox: Outbox, path: Path) -> None:
    same = bytes(range(256)) * 400
    outbox.commit(notes={"checkpoint": Note(DAY, b"1" + same)})
    start = frames(path)
    outbox.commit(notes={"checkpoint": Note(DAY, b"2" + same)})
    assert frames(path) - start == 1


def test_notes_that_come_and_go_reuse_their_rows(outbox: Outbox, path: Path) -> None:
    for n in range(200):
        outbox.commit(notes={"checkpoint": Note(DAY, b"c" * (37 * n % 9_000)), "duty_day": Note(None, b"1")})
        outbox.commit(notes={"checkpoint": None})
    assert rows(path) <= 11


def test_a_file_from_before_notes_gets_them_and_keeps_what_it_holds(path: Path) -> None:
    with closing(sqlite_file.opened(path, Schema(OUTBOX.application_id, OUTBOX.steps[:1]))) as old:
        old.execute("INSERT INTO epoch VALUES ('', '0123456789abcdef')")
        old.execute("INSERT INTO kept_first VALUES (1, 'track', ?, 'k', x'aa')", (DAY,))
        old.execute("INSERT INTO kept_last VALUES (2, 'harsh_braking', ?, 'k', x'bb')", (DAY,))
    with closing(opened(path)) as outbox:
        outbox.commit(
            keep=[Kept("track", DAY, b"\xcc"), Kept("harsh_braking", DAY, b"\xdd")],
            notes={"checkpoint": Note(DAY, b"way")},
        )
    with closing(opened(path)) as again:
        assert again.set_aside is None
        assert again.note("checkpoint") == Note(DAY, b"way")
        assert again.counts().kept == 4
        track, braking = (again.kept(stream, DAY + 1) for stream in ("track", "harsh_braking"))
        assert [row.body for row in track + braking] == [b"\xaa", b"\xcc", b"\xbb", b"\xdd"]
        assert len({row.id for row in track + braking}) == 4
        again.commit(used=[row.id for row in track + braking])
        assert again.counts().kept == 0


@pytest.mark.parametrize("stream", ["harsh_braking", "box"])
def test_what_goes_last_is_counted_in_a_series_of_its_own(outbox: Outbox, path: Path, stream: str) -> None:
    """The ids are the same whatever track came between."""
    for bodies in ([b"1", b"2"], [b"3"]):
        outbox.commit(keep=[Kept("track", DAY, b"t")] * 3)
        outbox.commit(keep=[Kept(stream, DAY, body) for body in bodies])
    with closing(opened(path)) as again:
        again.commit(keep=[Kept("track", DAY, b"t"), Kept(stream, DAY, b"4")])
        ids = [row.id for row in again.kept(stream, DAY + 1)]
        assert ids == [ids[0] + step for step in range(4)]
        assert [row.id for row in again.kept("track", DAY + 1)] == list(range(1, 8))
        assert ids[0] > 1 << 32


def test_rows_of_both_series_are_used_at_once_and_one_that_is_gone_changes_nothing(outbox: Outbox) -> None:
    outbox.commit(keep=[Kept("track", DAY, b"t"), Kept("harsh_braking", DAY, b"h")])
    ids = [row.id for stream in ("track", "harsh_braking") for row in outbox.kept(stream, DAY + 1)]
    with pytest.raises(WrongNumber):
        outbox.commit(used=[*ids, ids[1] + 1])
    assert outbox.counts().kept == 2
    outbox.commit(used=ids)
    assert outbox.counts().kept == 0
