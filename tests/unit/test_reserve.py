"""A reserve on disk: taken where there is room, given up once, taken again."""

from __future__ import annotations

import os
from pathlib import Path
from types import SimpleNamespace

import pytest

from buffer import reserve
from buffer.reserve import RESERVE_BYTES, Reserve


def room_for(monkeypatch: pytest.MonkeyPatch, free_bytes: int) -> None:
    monkeypatch.setattr(reserve.os, "statvfs", lambda _: SimpleNamespace(f_bavail=free_bytes, f_frsize=1))


def test_it_takes_its_room_and_is_only_the_owner_s(tmp_path: Path) -> None:
    held = Reserve(tmp_path / "outbox.db")
    assert held.held
    file = tmp_path / "outbox.reserve"
    assert file.stat().st_blocks * 512 >= RESERVE_BYTES
    assert file.stat().st_mode & 0o777 == 0o600
    assert not any(file.read_bytes())


def test_a_restart_finds_it_and_takes_nothing_more(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    Reserve(tmp_path / "outbox.db")
    room_for(monkeypatch, 0)
    assert Reserve(tmp_path / "outbox.db").held


def test_it_is_given_once_and_taken_again_when_there_is_room_for_two(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    held = Reserve(tmp_path / "outbox.db")
    assert held.give()
    assert list(tmp_path.iterdir()) == []
    assert not held.give()
    room_for(monkeypatch, 2 * RESERVE_BYTES - 1)
    held.take()
    assert not held.held
    room_for(monkeypatch, 2 * RESERVE_BYTES)
    held.take()
    assert held.held


def test_one_that_a_power_cut_left_short_is_taken_anew(tmp_path: Path) -> None:
    (tmp_path / "outbox.reserve").touch()
    assert Reserve(tmp_path / "outbox.db").held
    assert (tmp_path / "outbox.reserve").stat().st_size == RESERVE_BYTES


def test_a_disk_that_has_none_stops_nothing_and_keeps_no_scrap(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "posix_fallocate", full)
    assert not Reserve(tmp_path / "outbox.db").held
    assert list(tmp_path.iterdir()) == []


def test_a_file_in_memory_needs_none() -> None:
    held = Reserve(None)
    assert held.held
    assert not held.give()
    assert held.held
