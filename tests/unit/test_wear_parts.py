"""The arithmetic of the wear bench; its measurements are no tests."""

from __future__ import annotations

import pytest

from tests.wear import __main__ as wear
from tests.wear import traced
from tests.wear.__main__ import Day, Row
from tests.wear.traced import Traced

STATE = "/state"


def read(*lines: str) -> Traced:
    return traced.read(lines, STATE)


def test_writes_below_the_directory_count_and_no_others() -> None:
    assert read(
        '12 pwrite64(5</state/outbox.db-wal>, ""..., 24, 0) = 24',
        'pwrite64(5</state/outbox.db-wal>, ""..., 4096, 24) = 4096',
        '12 write(1<pipe:[77]>, ""..., 100) = 100',
        '12 pwrite64(5</elsewhere/outbox.db>, ""..., 4096, 0) = 4096',
    ) == Traced(4120, 2, 0)


def test_a_call_that_failed_or_is_unfinished_does_not_count() -> None:
    assert read(
        '12 pwrite64(5</state/outbox.db>, ""..., 4096, 0) = -1 EIO (Input/output error)',
        "12 fdatasync(5</state/outbox.db> <unfinished ...>",
    ) == Traced(0, 0, 0)


def test_a_block_counts_once_between_two_syncs_of_its_file() -> None:
    write = '12 pwrite64(5</state/outbox.db>, ""..., 100, 4000) = 100'
    sync = "12 fdatasync(5</state/outbox.db>) = 0"
    assert read(write, write, sync, write) == Traced(300, 4, 1)


def test_plain_writes_go_on_where_the_last_one_ended() -> None:
    write = '12 write(5</state/outbox.new>, ""..., 4096) = 4096'
    assert read(write, write, "12 fsync(5</state/outbox.new>) = 0") == Traced(8192, 2, 1)


def days(commits: int, mib: float) -> dict[str, Day]:
    counts = {"commits": commits, "commits_parked": 0, "at_risk_s": 9.0, "batches": 1, "payload_bytes": 1000}
    one = Day(counts, 0, 0, mib * wear.MIB, Traced(0, 0, 0))
    return dict.fromkeys(wear.MODES, one)


@pytest.mark.parametrize(("commits", "mib", "missed"), [(1_000, 25.0, 0), (1_001, 25.0, 1), (1_000, 25.1, 1)])
def test_a_target_is_met_at_its_limit_and_missed_one_past_it(commits: int, mib: float, missed: int) -> None:
    found = wear.rows(days(commits, mib))
    assert sum(not row.met for row in found) == missed
    assert ("**missed**" in wear.markdown(found)) is bool(missed)


def test_a_figure_without_a_target_is_never_missed() -> None:
    assert Row("syncs", [1e9, 1e9], 0).met
