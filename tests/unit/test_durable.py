"""Small files: the old one or the whole new one, never anything between."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from buffer import durable


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "status.json"


def test_a_file_is_replaced_whole_and_nothing_is_left_beside_it(path: Path) -> None:
    durable.replace(path, b"old")
    durable.replace(path, iter([b"ne", b"w"]))
    assert path.read_bytes() == b"new"
    assert [each.name for each in path.parent.iterdir()] == [path.name]


@pytest.mark.parametrize("mode", [0o600, 0o644])
def test_the_file_has_the_mode_it_was_given(path: Path, mode: int) -> None:
    durable.replace(path, b"", mode)
    assert stat.S_IMODE(path.stat().st_mode) == mode


def test_an_error_while_writing_leaves_the_old_file(path: Path) -> None:
    def chunks() -> Iterator[bytes]:
        yield b"half of the n"
        raise RuntimeError("power")

    durable.replace(path, b"old")
    with pytest.raises(RuntimeError, match="power"):
        durable.replace(path, chunks())
    assert path.read_bytes() == b"old"
    assert len(list(path.parent.iterdir())) == 1


def test_what_an_earlier_cut_left_beside_it_is_thrown_away(path: Path) -> None:
    path.with_name(path.name + durable.TEMPORARY_SUFFIX).write_bytes(b"torn")
    durable.replace(path, b"new")
    assert path.read_bytes() == b"new"


def test_file_and_directory_are_synced_round_the_rename(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[str] = []
    sync, rename = os.fsync, Path.replace

    def noted_sync(descriptor: int) -> None:
        calls.append("directory" if stat.S_ISDIR(os.fstat(descriptor).st_mode) else "file")
        sync(descriptor)

    def noted_rename(old: Path, new: Path) -> Path:
        calls.append("rename")
        return rename(old, new)

    monkeypatch.setattr(os, "fsync", noted_sync)
    monkeypatch.setattr(Path, "replace", noted_rename)
    durable.replace(path, b"new")
    assert calls == ["file", "rename", "directory"]


def test_a_directory_that_is_not_there_is_an_error_of_the_system(path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        durable.replace(path.parent / "none" / "status.json", b"")


def test_read_takes_a_file_up_to_its_limit_and_nothing_longer(path: Path) -> None:
    assert durable.read(path, 4) is None
    path.write_bytes(b"1234")
    assert durable.read(path, 4) == b"1234"
    assert durable.read(path, 3) is None
