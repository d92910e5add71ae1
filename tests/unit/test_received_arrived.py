"""Which numbers have come: exact in every order, beyond the batches themselves, and the store within its bounds."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from buffer import sqlite_file
from buffer.migrations import RECEIVED, Schema
from buffer.received import Received, ReceivedStore, StoreLost

EPOCH = "00000000000000aa"
BEFORE_RANGES = Schema(RECEIVED.application_id, RECEIVED.steps[:2])
DAY_0, DAY_9, DAY_10 = "2026-11-01 06:00:00", "2026-11-10 06:00:00", "2026-11-11 06:00:00"


def batch(n: int, stream: str = "track", epoch: str = EPOCH, payload: bytes = b"payload") -> Received:
    return Received(
        "truck-7", stream, epoch, n, "", f"{n:064x}", payload, [{"date": "2026-11-01", "n": n}], "north"
    )


def filled(store: ReceivedStore) -> int:
    """How many batches it took before it was full."""
    for n in range(1, 1_000):
        try:
            store.accept(batch(n, payload=bytes(4096)))
        except StoreLost:
            return n - 1
    raise AssertionError("it never was")


@pytest.fixture
def store(tmp_path: Path) -> Iterator[ReceivedStore]:
    with closing(ReceivedStore.open(tmp_path / "received.db")) as made:
        yield made


@given(st.lists(st.integers(1, 30), min_size=1, max_size=60))
def test_ranges_hold_exactly_what_has_come_in_any_order(ns: list[int]) -> None:
    with closing(ReceivedStore.open(None)) as store:
        news = [store.accept(batch(n)) for n in ns]
        ranges = store.arrived("truck-7", 1)[EPOCH]["track"]
    assert news == [n not in ns[:i] for i, n in enumerate(ns)]
    assert [n for first, last in ranges for n in range(first, last + 1)] == sorted(set(ns))
    assert all(b + 1 < c for (_, b), (c, _) in itertools.pairwise(ranges))


def test_a_store_from_before_the_ranges_gets_them_from_its_batches(tmp_path: Path) -> None:
    with closing(sqlite_file.opened(tmp_path / "old.db", BEFORE_RANGES)) as db:
        for n in (1, 2, 3, 7, 8, 11):
            db.execute(
                "INSERT INTO batch (vehicle, stream, epoch, n, prev, sha256, repeats, records, payload)"
                " VALUES ('truck-7', 'track', ?, ?, '', '', 0, 0, x'00')",
                (EPOCH, n),
            )
    with closing(ReceivedStore.open(tmp_path / "old.db")) as store:
        assert store.arrived("truck-7", 1) == {EPOCH: {"track": [(1, 3), (7, 8), (11, 11)]}}
        assert store.fleets() == {}
        store.accept(batch(12))
        assert store.fleets() == {"truck-7": "north"}


def test_the_epochs_in_which_something_came_last_are_told(store: ReceivedStore) -> None:
    for epoch in ("a" * 16, "b" * 16, "c" * 16, "a" * 16):
        store.accept(batch(1 + len(store.arrived("truck-7", 9)), epoch=epoch))
    assert set(store.arrived("truck-7", 2)) == {"a" * 16, "c" * 16}


def test_what_was_not_exported_is_never_removed(store: ReceivedStore) -> None:
    store.accept_many([batch(n) for n in range(1, 6)])
    assert store.purge(DAY_10, 0) == 0
    assert len(list(store.batches())) == 5


def test_what_was_exported_long_enough_ago_goes_with_its_records_and_stays_known(
    store: ReceivedStore,
) -> None:
    store.accept_many([batch(n) for n in range(1, 1_203)])
    store.note_exported(DAY_0, store.newest_batch())
    store.accept_many([batch(n) for n in range(1_203, 1_206)])
    store.note_exported(DAY_9, store.newest_batch())
    store.accept(batch(1_206))
    assert store.purge(DAY_9, 9) == 1_202
    assert [each.n for each in store.batches()] == [1_203, 1_204, 1_205, 1_206]
    assert [record["n"] for record in store.records()] == [1_203, 1_204, 1_205, 1_206]
    (total,) = store.totals()
    assert (total.batches, total.newest_n, total.missing_count, total.records) == (1_206, 1_206, 0, 4)
    assert not store.accept(batch(7))  # it came again, and does not come back
    assert next(each.n for each in store.batches()) == 1_203


def test_a_row_is_never_used_twice_so_that_nothing_new_counts_as_exported(store: ReceivedStore) -> None:
    store.accept_many([batch(1), batch(2)])
    store.note_exported(DAY_0, store.newest_batch())
    assert store.purge(DAY_10, 1) == 1
    store.accept(batch(3))
    assert store.purge(DAY_10, 1) == 1
    assert [each.n for each in store.batches()] == [3]


def test_a_full_store_takes_nothing_and_loses_nothing(tmp_path: Path) -> None:
    with closing(ReceivedStore.open(tmp_path / "small.db", 200 * 4096)) as store:
        taken = filled(store)
        assert 50 < taken < 200
        assert [each.n for each in store.batches()] == list(range(1, taken + 1))
        assert store.arrived("truck-7", 1) == {EPOCH: {"track": [(1, taken)]}}
        store.note_exported(DAY_0, taken)
        store.purge(DAY_10, 1)
        assert store.accept(batch(taken + 1, payload=bytes(4096)))
    assert (tmp_path / "small.db").stat().st_size <= 200 * 4096
