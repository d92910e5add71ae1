"""Looking into the truck's file and the receiver's without touching them."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from buffer import read_only
from buffer.gaps import EVICTED, GAPS_MAX
from buffer.outbox import Batch, Head, Outbox
from buffer.read_only import NotReadable
from buffer.received import ReceivedStore

DAY = 20_000


def opened(path: Path) -> Outbox:
    return Outbox.open(path, random_bytes=bytes, size_bytes_max=1 << 24)


def sealed(n: int) -> Batch:
    return Batch("track", n, DAY, b"canary %d" % n)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "out box?#%.db"  # what a URI would take for something else


@pytest.fixture
def outbox(path: Path) -> Iterator[Outbox]:
    with closing(opened(path)) as made:
        made.commit(seal=[sealed(n) for n in (1, 2, 3)])
        made.commit(acknowledged=[("track", 1)])
        yield made


def there(path: Path) -> dict[str, bytes]:
    return {each.name: each.read_bytes() for each in path.parent.iterdir() if not each.name.endswith("-shm")}


def test_what_the_owner_has_committed_is_seen_while_it_has_the_file_open(outbox: Outbox, path: Path) -> None:
    before = there(path)
    with read_only.outbox(path) as file:
        assert [(row.n, row.state) for row in file.sealed()] == [
            (1, "acknowledged"),
            (2, "unsent"),
            (3, "unsent"),
        ]
        assert [row.n for row in file.receipts()] == [1]
        assert list(file.sealed("box")) == []
        assert file.epoch("track") == outbox.epoch("track")
        assert file.secret("harsh_braking") == outbox.secret("harsh_braking")
    assert there(path) == before


def test_one_moment_is_seen_whatever_is_written_meanwhile(outbox: Outbox, path: Path) -> None:
    with read_only.outbox(path) as file:
        rows = file.sealed()
        first = next(rows)
        outbox.commit(seal=[sealed(4)])
        outbox.purge(DAY + 99, receipt_days={}, receipt_days_default=1, age_days_max=9)
        assert [first.n, *(row.n for row in rows)] == [1, 2, 3]
        assert file.gaps() == []
    with read_only.outbox(path) as file:
        assert list(file.sealed()) == []
        assert [(gap.first_n, gap.last_n) for gap in file.gaps()] == [(2, 4), (1, 1)]
        assert file.heads_on_record()["track"].n == 4
    outbox.purge(DAY + 99, receipt_days={}, receipt_days_default=1, age_days_max=9)
    assert b"canary" not in b"".join(there(path).values())


def test_nothing_can_be_written(outbox: Outbox, path: Path) -> None:
    with (
        pytest.raises(NotReadable),
        read_only.outbox(path) as file,
    ):
        file._db.execute("DELETE FROM batch_first")
    assert outbox.counts().unsent == 2


def test_a_file_that_was_closed_is_read_as_it_lies_there(outbox: Outbox, path: Path) -> None:
    outbox.close()
    path.chmod(0o400)
    before = there(path)
    with read_only.outbox(path) as file:
        assert [row.n for row in file.sealed()] == [1, 2, 3]
    assert there(path) == before
    assert f"{path.name}-shm" not in {each.name for each in path.parent.iterdir()}


def test_what_a_crash_left_in_the_log_is_seen(outbox: Outbox, path: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    copy.mkdir()
    for suffix in ("", "-wal"):
        shutil.copy(path.with_name(path.name + suffix), copy)
    with read_only.outbox(copy / path.name) as file:
        assert [row.n for row in file.sealed()] == [1, 2, 3]


def test_heads_and_gaps_are_as_the_outbox_wrote_them(outbox: Outbox, path: Path) -> None:
    outbox.commit(acknowledged=[("track", 2), ("track", 3)])
    outbox.purge(DAY + 9, receipt_days={}, receipt_days_default=1, age_days_max=99)
    head = outbox.head("track")
    outbox.commit(seal=[sealed(4)])
    with read_only.outbox(path) as file:
        assert file.heads_on_record() == {"track": head} == {"track": Head(3, head.sha256)}
        assert [gap[:4] for gap in file.gaps()] == [("track", 1, 3, "purged")]
        assert not file.gaps_forgotten()


def test_gaps_that_had_to_go_are_known_to_have_been(outbox: Outbox, path: Path) -> None:
    outbox.close()
    with closing(sqlite3.connect(path)) as db, db:
        gaps = [("track", 2 * n, 2 * n, EVICTED) for n in range(1, GAPS_MAX + 1)]
        db.executemany("INSERT INTO gap (stream, first_n, last_n, why) VALUES (?, ?, ?, ?)", gaps)
    with read_only.outbox(path) as file:
        assert not file.gaps_forgotten()
    with closing(opened(path)) as again:
        again.purge(DAY + 9, receipt_days={}, receipt_days_default=1, age_days_max=99)
    with read_only.outbox(path) as file:
        assert len(file.gaps()) == GAPS_MAX
        assert file.gaps_forgotten()


def test_who_may_not_read_is_told_how(outbox: Outbox, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(path: Path, mode: str) -> None:  # root, as whom tests may run, is refused nothing
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(Path, "open", refuse)
    with pytest.raises(NotReadable, match="put sudo before the command"), read_only.outbox(path):
        pass


def test_an_error_of_another_file_is_not_blamed_on_this_one(outbox: Outbox, path: Path) -> None:
    elsewhere = path.with_name("nowhere") / "export"
    with pytest.raises(FileNotFoundError, match="nowhere"), read_only.outbox(path):
        elsewhere.write_bytes(b"receipts")


def test_damage_that_shows_while_reading_is_said(outbox: Outbox, path: Path) -> None:
    outbox.commit(seal=[Batch("track", n, DAY, bytes(8_000)) for n in range(4, 40)])
    outbox.close()
    content = bytearray(path.read_bytes())
    content[-20 * 4096 :] = b"\xff" * (20 * 4096)
    path.write_bytes(bytes(content))
    with pytest.raises(NotReadable, match="it is damaged"), read_only.outbox(path) as file:
        list(file.sealed())


def test_a_receiver_s_store_is_no_outbox_and_the_other_way_round(
    outbox: Outbox, path: Path, tmp_path: Path
) -> None:
    store = tmp_path / "received.db"
    ReceivedStore.open(store).close()
    with read_only.received(store) as received:
        assert list(received.batches()) == []
    with pytest.raises(NotReadable, match="is not a truck's outbox"), read_only.outbox(store):
        pass
    with pytest.raises(NotReadable, match="is not a receiver's store"), read_only.received(path):
        pass
