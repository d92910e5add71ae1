"""R11: what is purged is gone from the file and its log, byte for byte; and the arithmetic that sees to it."""

from __future__ import annotations

import random
import re
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from buffer import sweep
from buffer.outbox import Batch, Kept, Note, Outbox
from buffer.sweep import LOCAL_BYTES_MAX, LOCAL_BYTES_MIN, MARGIN_BYTES

CANARY = re.compile(rb"<(kept|track|box|harsh_braking|checkpoint|agreement) (\d{7})>")


def canary(name: str, n: int, chance: random.Random, bytes_max: int) -> bytes:
    return f"<{name} {n:07}>".encode() + chance.randbytes(chance.randint(0, bytes_max))


def on_disk(path: Path) -> set[tuple[str, int]]:
    """Every canary in the file, its log and its index."""
    files = [path.with_name(path.name + suffix) for suffix in ("", "-wal", "-shm")]
    found = b"".join(file.read_bytes() for file in files if file.exists())
    return {(name.decode(), int(n)) for name, n in CANARY.findall(found)}


def alive(outbox: Outbox) -> set[tuple[str, int]]:
    """Every canary that a caller can still read."""
    bodies = [row.body for row in outbox.kept("track", 1_000_000)]
    payloads = [batch.payload for batch in outbox.unsent(1_000_000)]
    receipts = [receipt.payload for receipt in outbox.receipts()]
    notes = [note.body for name in ("checkpoint", "agreement") if (note := outbox.note(name))]
    return {
        (name.decode(), int(n)) for name, n in CANARY.findall(b"".join(bodies + payloads + receipts + notes))
    }


@pytest.fixture
def outbox(path: Path) -> Iterator[Outbox]:
    with closing(Outbox.open(path, random_bytes=bytes, size_bytes_max=1 << 26)) as made:
        yield made


def test_r11_a_purged_receipt_leaves_no_byte_in_file_or_log(outbox: Outbox, path: Path) -> None:
    chance = random.Random(1)
    for n in range(1, 50):
        outbox.commit(seal=[Batch("track", n, 20_000, canary("track", n, chance, 600))])
        outbox.commit(acknowledged=[("track", n)], today=20_000)
    assert ("track", 1) in on_disk(path)
    outbox.purge(20_061, receipt_days={"track": 60}, age_days_max=99)
    assert on_disk(path) == set()


def test_r11_what_was_never_sent_leaves_no_byte_past_its_age(outbox: Outbox, path: Path) -> None:
    chance = random.Random(2)
    outbox.commit(keep=[Kept("track", 20_000 + n // 10, canary("kept", n, chance, 200)) for n in range(200)])
    outbox.commit(seal=[Batch("track", n, 20_000, canary("track", n, chance, 8_000)) for n in range(1, 20)])
    outbox.purge(20_010, receipt_days={}, age_days_max=0)
    assert on_disk(path) == {("kept", n) for n in range(100, 200)}


def test_r11_what_was_sealed_leaves_no_copy_of_its_kept_rows_after_a_purge(
    outbox: Outbox, path: Path
) -> None:
    chance = random.Random(3)
    outbox.commit(keep=[Kept("harsh_braking", 20_000, b"held")])
    outbox.commit(keep=[Kept("track", 20_000, canary("kept", n, chance, 200)) for n in range(200)])
    used = [row.id for row in outbox.kept("track", 20_001)]
    outbox.commit(seal=[Batch("track", 1, 20_000, b"sealed")], used=used)
    outbox.purge(20_000, receipt_days={}, age_days_max=9)
    assert on_disk(path) == set()
    assert [row.body for row in outbox.kept("harsh_braking", 20_001)] == [b"held"]


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize("bytes_max", [40, 600, 7_000])
def test_r11_after_any_purge_the_disk_holds_what_a_caller_can_read(
    outbox: Outbox, path: Path, seed: int, bytes_max: int
) -> None:
    """With plain deletion and secure_delete alone, most of these seeds find copies that SQLite left behind."""
    chance = random.Random(seed)
    numbers = {"track": 0, "box": 0, "harsh_braking": 0}
    kept = 0
    for day in range(20_000, 20_012):
        for _ in range(chance.randint(1, 20)):
            kept += 1
            outbox.commit(keep=[Kept("track", day, canary("kept", kept, chance, bytes_max))])
            stream = chance.choices(list(numbers), [8, 3, 1])[0]
            numbers[stream] += 1
            body = canary(stream, numbers[stream], chance, bytes_max)
            outbox.commit(seal=[Batch(stream, numbers[stream], day, body)])
            name, of_day = chance.choices([("checkpoint", day), ("agreement", None)], [9, 1])[0]
            note = Note(of_day, canary(name, kept, chance, bytes_max)) if chance.random() < 0.9 else None
            outbox.commit(notes={name: note})
        rows = outbox.kept("track", day)
        outbox.commit(used=[row.id for row in rows if chance.random() < 0.7])
        batches = [(batch.stream, batch.n) for batch in outbox.unsent(1_000) if chance.random() < 0.8]
        outbox.commit(acknowledged=batches, today=day)
        outbox.purge(day, receipt_days={"track": 2, "box": 5}, receipt_days_default=1, age_days_max=3)
        assert on_disk(path) == alive(outbox)


def test_a_purge_shrinks_the_log_to_nothing_but_not_while_someone_reads(outbox: Outbox, path: Path) -> None:
    outbox.commit(seal=[Batch("track", 1, 20_000, b"<track 0000001>")])
    outbox.commit(acknowledged=[("track", 1)])
    with closing(sqlite3.connect(path)) as reader:
        rows = reader.execute("SELECT payload FROM batch")
        outbox.purge(20_010, receipt_days={}, receipt_days_default=0, age_days_max=9)
        assert list(outbox.receipts()) == []
        assert rows.fetchall() == [(b"<track 0000001>",)]
    outbox.purge(20_010, receipt_days={}, receipt_days_default=0, age_days_max=9)
    assert path.with_name("outbox.db-wal").stat().st_size == 0
    assert on_disk(path) == set()


def frames(path: Path) -> int:
    return path.with_name("outbox.db-wal").stat().st_size // (4096 + 24)


def test_an_acknowledgement_writes_one_page_however_long_the_payload(outbox: Outbox, path: Path) -> None:
    outbox.commit(seal=[Batch("track", 1, 20_000, bytes(8 * 1024))])
    before = frames(path)
    outbox.commit(acknowledged=[("track", 1)], today=20_003)
    assert frames(path) - before == 1


def test_the_commits_of_a_shift_write_few_pages(outbox: Outbox, path: Path) -> None:
    chance = random.Random(4)
    start = frames(path)
    for n in range(1, 36):  # short of a checkpoint, so that the log tells every page
        outbox.commit(keep=[Kept("track", 20_000, chance.randbytes(150))])
        used = [row.id for row in outbox.kept("track", 20_001)]
        batch = Batch("track", n, 20_000, chance.randbytes(512))
        outbox.commit(seal=[batch], used=used, acknowledged=[("track", n - 1)], today=20_000)
    assert (frames(path) - start) / 70 < 2


NEAR = MARGIN_BYTES // 1000 + 1  # so many blank rows keep the next one far enough from content


def table(shape: str) -> list[tuple[int, bool, int]]:
    """Rows from a picture: `x` blank, `o` with content, ids from 1."""
    return [(place, mark == "x", 1000) for place, mark in enumerate(shape, start=1)]


@pytest.mark.parametrize(
    ("shape", "ranges"),
    [
        ("", []),
        ("o" * 9, []),
        ("x" * NEAR, []),
        ("x" * (NEAR + 1), [(1, 1)]),
        ("x" * NEAR + "o", []),
        ("x" * (NEAR + 5) + "o", [(1, 5)]),
        ("o" + "x" * 2 * NEAR + "o", []),
        ("o" + "x" * (2 * NEAR + 1) + "o", [(NEAR + 2, NEAR + 2)]),
        ("x" * (NEAR + 2) + "o" + "x" * (2 * NEAR + 3), [(1, 2), (2 * NEAR + 4, 2 * NEAR + 6)]),
    ],
)
def test_blank_rows_are_removed_only_far_from_content(shape: str, ranges: list[tuple[int, int]]) -> None:
    assert list(sweep.removable(table(shape))) == ranges


@pytest.mark.parametrize(
    ("length", "local"), [(LOCAL_BYTES_MAX, LOCAL_BYTES_MAX), (LOCAL_BYTES_MAX + 1, LOCAL_BYTES_MIN)]
)
def test_a_row_with_overflow_pages_counts_little_for_the_margin(length: int, local: int) -> None:
    rows = MARGIN_BYTES // local + 2
    blanks = [(row_id, True, length) for row_id in range(rows + 1)]
    assert list(sweep.removable(blanks[:-1])) in ([], [(0, 0)])
    assert list(sweep.removable(blanks)) in ([(0, 0)], [(0, 1)])


def test_R11_a_gap_keeps_a_hash_for_no_longer_than_the_batch_beside_it(outbox: Outbox) -> None:
    """Payloads are few enough to be guessed: a hash may not outlive what it vouches for."""
    day = 20_000
    for n in range(1, 7):
        outbox.commit(seal=[Batch("track", n, day + n, b"%d" % n * 600)])
    outbox.commit(acknowledged=[("track", n) for n in (1, 2, 4, 5, 6)], today=day + 6)
    days = {"receipt_days": {}, "receipt_days_default": 60, "age_days_max": 4}
    outbox.purge(day + 8, **days)  # the third was never sent
    (gap,) = outbox.gaps()
    assert (gap.first_n, gap.last_n, len(gap.prev), len(gap.last)) == (3, 3, 16, 32)
    outbox.purge(day + 99, **days)
    told = {(gap.first_n, gap.last_n): (gap.prev, len(gap.last)) for gap in outbox.gaps()}
    assert told == {(1, 2): (b"", 0), (3, 3): (b"", 0), (4, 6): (b"", 32)}
