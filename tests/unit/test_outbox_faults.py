"""Disks that are full, fail, or have lost bits: all or nothing, and the agent goes on.

Faults are enumerated: the n-th call, the n-th step inside SQLite, the n-th byte of a file, for n = 1, 2, 3 … until
the change goes through; after each, the file is checked and looked at with a fresh connection.
"""

from __future__ import annotations

import contextlib
import random
import resource
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from buffer import sqlite_file
from buffer.outbox import (
    SET_ASIDE_DAYS_MAX,
    SIZE_BYTES_MIN,
    Batch,
    Kept,
    Note,
    Outbox,
    OutboxDamaged,
    OutboxLost,
)

DAY = 20_000
LOG_FRAME_BYTES = 4096 + 24


class FaultyConnection(sqlite3.Connection):
    """Fails once at the n-th statement, before it reaches SQLite. Does not model what a failing disk leaves behind."""

    calls_left = 0

    def _count(self) -> None:
        self.calls_left -= 1
        if self.calls_left == 0:
            raise sqlite3.OperationalError("disk I/O error")

    def execute(self, *arguments: Any) -> sqlite3.Cursor:
        self._count()
        return super().execute(*arguments)

    def executemany(self, *arguments: Any) -> sqlite3.Cursor:
        self._count()
        return super().executemany(*arguments)


def faulty_connect(name: str) -> sqlite3.Connection:
    return sqlite3.connect(name, isolation_level=None, factory=FaultyConnection)


def opened(path: Path, **changes: Any) -> Outbox:
    settings: dict[str, Any] = {
        "random_bytes": bytes,
        "size_bytes_max": SIZE_BYTES_MIN,
        "connect": faulty_connect,
    }
    return Outbox.open(path, **(settings | changes))


def seen(outbox: Outbox) -> tuple[Any, ...]:
    streams = ("track", "box")
    return (
        [outbox.head(stream) for stream in streams],
        outbox.losses(),
        outbox.counts()[:4],
        [tuple(row) for stream in streams for row in outbox.kept(stream, 99_999)],
        [tuple(batch) for batch in outbox.unsent(9_999)],
        [tuple(receipt) for receipt in outbox.receipts()],
        sorted(outbox.gaps()),
        [outbox.note(name) for name in ("checkpoint", "agreement", "seen", "yesterday")],
    )


def seen_on_disk(path: Path) -> tuple[Any, ...]:
    """What a fresh connection to a copy of the file finds, as after a power cut."""
    copy = path.with_name("copy.db")
    sqlite_file.remove(copy)
    for suffix in ("", "-wal"):
        with contextlib.suppress(FileNotFoundError):
            shutil.copyfile(f"{path}{suffix}", f"{copy}{suffix}")
    with closing(sqlite3.connect(copy)) as db:
        assert db.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    with closing(opened(copy)) as outbox:
        assert outbox.set_aside is None
        return seen(outbox)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file at its limit: notes, kept rows, receipts, unsent batches."""
    path = tmp_path_factory.mktemp("made") / "full.db"
    with closing(opened(path)) as outbox:
        outbox.commit(notes={"checkpoint": Note(DAY, b"way" * 900), "agreement": Note(None, b"text" * 900)})
        outbox.commit(notes={"yesterday": Note(DAY - 9, b"past" * 900)})
        for k in range(4):
            outbox.commit(keep=[Kept("track", DAY, bytes([k]) * 9_000)])
        n = 0
        while not outbox.gaps():
            n += 1
            outbox.commit(seal=[Batch("track", n, DAY, bytes([n % 256]) * 3_000)])
            if n < 100:
                outbox.commit(acknowledged=[("track", n)], today=DAY)
    return path


@pytest.fixture
def full(made: Path, tmp_path: Path) -> Path:
    """That file, for one test to spoil."""
    return Path(shutil.copyfile(made, tmp_path / "full.db"))


def change(outbox: Outbox) -> None:
    """All that a commit can do at once, eviction included."""
    n = outbox.head("track").n + 1
    outbox.commit(
        keep=[Kept("box", DAY, b"kept" * 2_000)] * 3,
        seal=[Batch("track", n + k, DAY, b"seal" * 2_000) for k in range(6)],
        used=[row.id for row in outbox.kept("track", DAY + 1)],
        acknowledged=[("track", n - 1)],
        refused=[("track", n - 2)],
        today=DAY + 1,
        notes={"checkpoint": Note(DAY + 1, b"further" * 900), "agreement": None, "seen": Note(None, b"7")},
    )


def purge(outbox: Outbox) -> None:
    outbox.purge(DAY + 2, receipt_days={}, receipt_days_default=1, age_days_max=9)


CHANGES: dict[str, Callable[[Outbox], None]] = {"commit": change, "purge": purge}


def copied(full: Path, n: int) -> Path:
    path = full.with_name(f"copy-{n}.db")
    shutil.copyfile(full, path)
    return path


def attempt(
    path: Path, act: Callable[[Outbox], None], fault: Callable[[Outbox], Any], heal: Callable[[Outbox], Any]
) -> bool:
    """Act under a fault, then look: all, or nothing and a second try does all. Whether the fault was felt."""
    with closing(opened(path)) as outbox:
        before = seen(outbox)
        fault(outbox)
        try:
            act(outbox)
        except OutboxLost:
            heal(outbox)
            assert not outbox._db.in_transaction
            if act is change:
                assert seen(outbox) == before
                assert seen_on_disk(path) == before
            else:
                assert seen(outbox) == seen_on_disk(path)
            act(outbox)
            assert seen_on_disk(path) == seen(outbox)
            return True
        heal(outbox)
        assert seen_on_disk(path) == seen(outbox)
        return False


@pytest.mark.parametrize("name", CHANGES)
def test_a_failure_of_the_nth_statement_leaves_all_or_nothing(full: Path, name: str) -> None:
    def fault(outbox: Outbox) -> None:
        outbox._db.calls_left = n  # type: ignore[attr-defined]

    def heal(outbox: Outbox) -> None:
        outbox._db.calls_left = 0  # type: ignore[attr-defined]

    n = 1
    while attempt(copied(full, n), CHANGES[name], fault, heal):
        n += 1
    assert n > 10


@pytest.mark.parametrize("name", CHANGES)
def test_an_interruption_inside_sqlite_leaves_all_or_nothing(full: Path, name: str) -> None:
    steps = 0

    def step() -> int:
        nonlocal steps
        steps += 1
        return int(steps == n)

    def fault(outbox: Outbox) -> None:
        nonlocal steps
        steps = 0
        outbox._db.set_progress_handler(step, 2)

    def heal(outbox: Outbox) -> None:
        outbox._db.set_progress_handler(None, 0)

    n = 1
    while attempt(copied(full, n), CHANGES[name], fault, heal):
        n += 1 + n // 8
    assert n > 20


@contextlib.contextmanager
def files_at_most(length: int) -> Iterator[None]:
    """Let the system refuse every write that would make a file longer, as a full disk does in the middle of one."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (length, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@pytest.mark.parametrize("name", CHANGES)
def test_a_disk_that_refuses_at_any_byte_of_the_log_leaves_all_or_nothing(full: Path, name: str) -> None:
    length, felt = 0, 0
    while True:
        with contextlib.ExitStack() as limits:
            path = copied(full, length)

            def fault(_outbox: Outbox, stack: contextlib.ExitStack = limits, length: int = length) -> None:
                stack.enter_context(files_at_most(length))

            def heal(_outbox: Outbox, stack: contextlib.ExitStack = limits) -> None:
                stack.close()

            if not attempt(path, CHANGES[name], fault, heal):
                break
        felt += 1
        length += length // 8 // LOG_FRAME_BYTES * LOG_FRAME_BYTES + LOG_FRAME_BYTES // 2 + 7
    assert felt > 10


def test_a_full_disk_at_the_first_start_is_told_and_the_next_start_succeeds(tmp_path: Path) -> None:
    path = tmp_path / "outbox.db"
    felt = 0
    for length in range(0, 120_000, 1_500):
        with files_at_most(length):
            try:
                opened(path).close()
            except OutboxLost:
                felt += 1
                continue
        break
    assert felt > 3
    with closing(opened(path)) as outbox:
        assert outbox.set_aside is None
        assert outbox.epoch("track") == "0" * 16
    assert list(tmp_path.glob("*damaged*")) == []


def test_a_directory_that_is_not_there_or_a_file_that_is_one_is_a_lost_disk(tmp_path: Path) -> None:
    for path in (tmp_path / "none" / "outbox.db", tmp_path):
        with pytest.raises(OutboxLost):
            opened(path)


def garbage(path: Path) -> None:
    path.write_bytes(random.Random(1).randbytes(40_000))


def truncated(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: 3 * 4096 + 100])


def flipped_header(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[:16] = bytes(byte ^ 0xFF for byte in data[:16])
    path.write_bytes(data)


def flipped_pages(path: Path) -> None:
    data = bytearray(path.read_bytes())
    for page in range(4096, len(data), 4096):
        data[page : page + 8] = b"\xff" * 8
    path.write_bytes(data)


def renamed_table(path: Path) -> None:
    path.write_bytes(path.read_bytes().replace(b"batch_first", b"botch_first"))


def renamed_column(path: Path) -> None:
    path.write_bytes(path.read_bytes().replace(b"prev", b"pret"))


def unreadable_name(path: Path) -> None:
    """SQLite's message then quotes bytes that are no UTF-8, and Python raises about those."""
    path.write_bytes(path.read_bytes().replace(b"TABLE", b"T\xc1BLE"))


def log_without_file(path: Path) -> None:
    path.with_name(path.name + "-wal").write_bytes(path.read_bytes()[:9_000])
    path.write_bytes(b"")


DAMAGES = [
    garbage,
    truncated,
    flipped_header,
    flipped_pages,
    renamed_table,
    renamed_column,
    unreadable_name,
    log_without_file,
]


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_file_is_set_aside_and_a_new_one_made(full: Path, damage: Callable[[Path], None]) -> None:
    damage(full)
    content = full.read_bytes()
    with closing(opened(full, random_bytes=lambda n: b"\x07" * n)) as outbox:
        assert outbox.set_aside == full.with_name("full.damaged-1.db")
        assert outbox.set_aside.read_bytes() == content
        assert outbox.epoch("track") == "07" * 8
        assert outbox.head("track").n == 0
        outbox.commit(seal=[Batch("track", 1, DAY, b"goes on")])
    with closing(opened(full)) as again:
        assert again.set_aside is None
        assert again.head("track").n == 1


def test_an_empty_file_is_a_new_one(tmp_path: Path) -> None:
    path = tmp_path / "outbox.db"
    path.touch()
    with closing(opened(path)) as outbox:
        assert outbox.set_aside is None
        assert outbox.head("track").n == 0


@pytest.mark.parametrize("seed", range(40))
def test_turned_bits_anywhere_never_stop_the_agent(full: Path, seed: int) -> None:
    chance = random.Random(seed)
    data = bytearray(full.read_bytes())
    for _ in range(chance.choice([1, 3, 40])):
        data[chance.randrange(len(data)) if seed % 2 else chance.randrange(4096 * 14)] ^= (
            1 << chance.randrange(8)
        )
    full.write_bytes(data)
    for _ in range(3):
        with closing(opened(full)) as outbox:
            try:
                change(outbox)
                purge(outbox)
                seen(outbox)
            except OutboxDamaged:
                continue
        return
    pytest.fail("damaged again and again")


def test_only_so_many_damaged_files_stay_the_newest_with_the_largest_number(tmp_path: Path) -> None:
    path = tmp_path / "outbox.db"
    for k in range(sqlite_file.SET_ASIDE_MAX + 2):
        path.write_bytes(b"damage number %d" % k * 100)
        with closing(opened(path)) as outbox:
            assert outbox.set_aside is not None
        contents = [each.read_bytes()[14:16] for each in sqlite_file.damaged_files(path)]
        assert contents == [b"%d" % each + b"d" for each in range(k + 1)][-sqlite_file.SET_ASIDE_MAX :]


def test_damaged_files_go_after_their_days_counted_from_the_first_purge_that_sees_them(full: Path) -> None:
    garbage(full)
    with closing(opened(full)) as outbox:
        for today, there in (
            (DAY, True),
            (DAY + SET_ASIDE_DAYS_MAX, True),
            (DAY + SET_ASIDE_DAYS_MAX + 1, False),
        ):
            outbox.purge(today, receipt_days={}, age_days_max=99)
            assert (sqlite_file.damaged_files(full) != []) is there


def test_damaged_files_stay_no_longer_than_unsent_rows_may(full: Path) -> None:
    garbage(full)
    with closing(opened(full)) as outbox:
        outbox.purge(DAY, receipt_days={}, age_days_max=1)
        outbox.purge(DAY + 2, receipt_days={}, age_days_max=1)
        assert sqlite_file.damaged_files(full) == []


def test_damage_that_shows_while_open_says_so(full: Path) -> None:
    with closing(opened(full)) as outbox:
        flipped_pages(full)
        outbox._db.execute("PRAGMA shrink_memory")
        with pytest.raises(OutboxDamaged):
            seen(outbox)
    with closing(opened(full)) as again:
        assert again.set_aside is not None
