"""Damaged files that were set aside go after their days, wherever a power cut fell in between."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import pytest

from buffer import durable, sqlite_file
from buffer.outbox import SET_ASIDE_DAYS_MAX, SIZE_BYTES_MIN, Outbox, OutboxLost

DAY = 20_000
OVER = DAY + SET_ASIDE_DAYS_MAX + 1


def opened(path: Path) -> Outbox:
    return Outbox.open(path, random_bytes=bytes, size_bytes_max=SIZE_BYTES_MIN)


def damaged(path: Path) -> Outbox:
    path.write_bytes(b"no database" * 1000)
    outbox = opened(path)
    assert outbox.set_aside is not None
    return outbox


def purge(outbox: Outbox, today: int) -> None:
    outbox.purge(today, receipt_days={}, age_days_max=99)


def beside(path: Path) -> list[str]:
    return sorted(each.name for each in path.parent.glob("*damaged*"))


def test_a_log_that_was_set_aside_alone_is_purged_too(path: Path) -> None:
    """As a cut leaves it that came when the file had its new name and the log had not."""
    path.with_name(path.name + "-wal").write_bytes(b"frames" * 1000)
    with closing(opened(path)) as outbox:
        assert beside(path) == ["outbox.damaged-1.db-wal"]
        purge(outbox, DAY)
        assert beside(path) == ["outbox.damaged-1.db-wal"]
        purge(outbox, OVER)
        assert beside(path) == []


def test_a_cut_while_they_are_removed_gives_them_no_new_days(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def cut(_: Path) -> None:
        raise OSError(5, "no power")

    with closing(damaged(path)) as outbox:
        purge(outbox, DAY)
        with monkeypatch.context() as patch:
            patch.setattr(sqlite_file, "remove", cut)
            with pytest.raises(OutboxLost):
                purge(outbox, OVER)
        assert beside(path) == ["outbox.damaged-1.db"]
    with closing(opened(path)) as outbox:
        purge(outbox, OVER)
        assert beside(path) == []


def test_a_cut_behind_the_removal_takes_no_days_from_the_next_one(path: Path) -> None:
    with closing(damaged(path)) as outbox:
        purge(outbox, DAY)
        sqlite_file.remove(path.with_name("outbox.damaged-1.db"))
        purge(outbox, OVER)
    path.with_name("outbox.damaged-1.db").write_bytes(b"another one")
    with closing(opened(path)) as outbox:
        purge(outbox, OVER)
        assert beside(path) == ["outbox.damaged-1.db"]


def test_the_removal_is_synced_before_it_is_forgotten(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found: list[tuple[int]] = []
    with closing(damaged(path)) as outbox:
        purge(outbox, DAY)
        monkeypatch.setattr(
            durable,
            "sync_directory",
            lambda _: found.extend(outbox._db.execute("SELECT since FROM set_aside").fetchall()),
        )
        purge(outbox, OVER)
        assert found == [(DAY,)]
        assert outbox._db.execute("SELECT since FROM set_aside").fetchall() == []
