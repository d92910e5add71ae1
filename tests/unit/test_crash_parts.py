"""The card of the crash test keeps what was synced, and nothing else for sure."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from tests.crash.card import CACHE_STEPS, Card, Kept, State
from tests.crash.promises import Told
from tests.crash.trace import (
    Create,
    Grow,
    Promise,
    Reader,
    Rename,
    Step,
    Sync,
    SyncFolder,
    Truncate,
    Unlink,
    Write,
)

SEEDS = 40


def states(steps: list[Step], *, ignores_sync: bool = False) -> list[State]:
    """Everything that many cuts behind these steps leave."""
    card = Card(ignores_sync=ignores_sync)
    for step in steps:
        card.do(step)
    return [card.state(kept) for seed in range(SEEDS) for kept in card.choices(random.Random(seed))]


NEW: list[Step] = [Create("a", 1), SyncFolder()]


def test_what_was_synced_is_there_in_every_state() -> None:
    assert states([*NEW, Write(1, 0, b"word"), Sync(1)]) == [{"a": b"word"}] * SEEDS


def test_what_was_not_synced_is_there_in_some_states_only() -> None:
    found = [state["a"] for state in states([*NEW, Write(1, 0, b"old"), Sync(1), Write(1, 0, b"new")])]
    assert set(found) == {b"old", b"new"}


def test_of_two_writes_the_later_may_arrive_alone_and_leave_a_hole() -> None:
    found = [state["a"] for state in states([*NEW, Write(1, 0, b"x" * 512), Write(1, 512, b"y" * 512)])]
    assert b"\0" * 512 + b"y" * 512 in found


def test_a_write_is_torn_between_sectors_and_nowhere_else() -> None:
    found = {state["a"] for state in states([*NEW, Write(1, 100, b"x" * 1000)])}
    lengths = {len(data) for data in found}
    assert lengths <= {0, 512, 1024, 1100}
    assert {512, 1024} <= lengths
    assert b"\0" * 512 + b"x" * 512 in found


def test_a_file_that_was_synced_in_a_folder_that_was_not_may_be_absent() -> None:
    found = states([Create("a", 1), Write(1, 0, b"word"), Sync(1)])
    assert {} in found
    assert {"a": b"word"} in found


def test_a_rename_is_whole_or_absent_until_the_folder_is_synced() -> None:
    steps: list[Step] = [
        *NEW,
        Create("a.new", 2),
        SyncFolder(),
        Write(2, 0, b"2"),
        Sync(2),
        Rename("a.new", "a", 2),
    ]
    before, after = {"a": b"", "a.new": b"2"}, {"a": b"2"}
    found = states(steps)
    assert before in found
    assert all(state in (before, after) for state in found)
    assert all(state == after for state in states([*steps, SyncFolder()]))


def test_a_removed_file_may_be_back_until_the_folder_is_synced() -> None:
    steps = [*NEW, Unlink("a", 1)]
    assert {"a": b""} in states(steps)
    assert set(map(str, states([*steps, SyncFolder()]))) == {"{}"}


def test_a_truncated_file_is_short_or_not() -> None:
    found = states([*NEW, Write(1, 0, b"word"), Sync(1), Truncate(1, 1)])
    assert {state["a"] for state in found} == {b"word", b"w"}


def test_a_file_that_was_made_longer_is_so_or_not() -> None:
    assert {state["a"] for state in states([*NEW, Grow(1, 3)])} == {b"", b"\0\0\0"}


def test_a_card_that_ignores_syncs_loses_what_was_synced_but_nothing_that_is_old() -> None:
    steps: list[Step] = [*NEW, Write(1, 0, b"old"), Sync(1)]
    assert any(state.get("a") != b"old" for state in states(steps, ignores_sync=True))
    steps += [Write(1, 10, b"x")] * CACHE_STEPS
    assert all(state["a"][:3] == b"old" for state in states(steps, ignores_sync=True))


def test_a_state_changes_nothing_on_the_card() -> None:
    card = Card()
    for step in [*NEW, Write(1, 0, b"old"), Sync(1)]:
        card.do(step)
    assert card.state([Kept(Write(1, 0, b"new"))]) == {"a": b"new"}
    assert card.state([]) == {"a": b"old"}


def test_promises_add_up() -> None:
    told = Told()
    for said in (
        {"add": {"1": ["kept_first", "c"], "2": ["note", ""]}, "gone": [], "records": {}, "is_all": True},
        {"add": {"3": ["batch_first", "d"]}, "gone": ["1"], "records": {}, "is_all": False},
        {"took": [["topic", "epoch", 1], ["d", "called", "before", ["r"]]]},
        {"file": "small", "digest": "s"},
        {"aside": "damaged"},
        {"now_ms": 5},
    ):
        told = told.after(said)
    assert set(told.rows or ()) == {"2", "3"}
    assert told.broker["topic", "epoch", 1].records == ("r",)
    assert (told.files, told.aside, told.now_ms) == ({"small": "s"}, "damaged", 5)
    assert told.after({"damaged": True}).rows is None
    assert told.after({"add": {}, "gone": [], "records": {}, "is_all": True}).rows == {}
    assert told.after({"aside_over": True}).aside_over


def hexed(text: str) -> str:
    return "".join(f"\\x{byte:02x}" for byte in text.encode())


def line(call: str, *arguments: str, result: str = "0") -> str:
    return f"7  {call}({', '.join(arguments)}) = {result}\n"


def on(descriptor: int, path: str) -> str:
    return f"{descriptor}<{hexed(path)}>"


def quoted(text: str) -> str:
    return f'"{hexed(text)}"'


def read(tmp_path: Path, *lines: str) -> list[Step]:
    trace = tmp_path / "trace"
    trace.write_text("".join(lines), encoding="ascii")
    return list(Reader(Path("/card"), Path("/said")).read(trace))


OPENED = line(
    "openat",
    "AT_FDCWD</>",
    quoted("/card/a"),
    "O_WRONLY|O_CREAT|O_TRUNC",
    "0600",
    result=f"4<{hexed('/card/a')}>",
)


def test_calls_become_steps(tmp_path: Path) -> None:
    steps = read(
        tmp_path,
        OPENED,
        line("write", on(4, "/card/a"), quoted("one"), "3", result="3"),
        line("write", on(4, "/card/a"), quoted("two"), "3", result="3"),
        line("pwrite64", on(4, "/card/a"), quoted("!"), "1", "9", result="1"),
        line("ftruncate", on(4, "/card/a"), "8"),
        line("fallocate", on(4, "/card/a"), "0", "4", "12"),
        line("fdatasync", on(4, "/card/a")),
        line("rename", quoted("/card/a"), quoted("/card/b")),
        line("fsync", on(5, "/card")),
        line("write", on(3, "/said"), quoted('{"now_ms": 1}'), "13", result="13"),
        line("write", on(2, "/elsewhere"), quoted("x"), "1", result="1"),
        line("unlink", quoted("/card/c"), result="-1 ENOENT (No such file or directory)"),
        line("unlink", quoted("/card/b")),
    )
    assert steps == [
        Create("a", 1),
        Write(1, 0, b"one"),
        Write(1, 3, b"two"),
        Write(1, 9, b"!"),
        Truncate(1, 8),
        Grow(1, 16),
        Sync(1),
        Rename("a", "b", 1),
        SyncFolder(),
        Promise({"now_ms": 1}),
        Unlink("b", 1),
    ]


def test_a_call_that_is_not_understood_makes_no_states(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="writev"):
        read(tmp_path, OPENED, line("writev", on(4, "/card/a"), quoted("x"), "1", result="1"))
    with pytest.raises(ValueError, match="linkat"):
        read(tmp_path, OPENED, line("linkat", "AT_FDCWD</>", quoted("/card/a"), quoted("/card/b"), "0"))
