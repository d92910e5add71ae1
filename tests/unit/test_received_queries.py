"""The store's log of exports: only ever added to, with figures of its own counting, and there in older files too."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from buffer import sqlite_file
from buffer.migrations import RECEIVED, Schema
from buffer.received import Query, Received, ReceivedStore, StoreLost

EPOCH = "00000000000000aa"
NOW = "2026-11-02 06:15:00"
BEFORE_THE_LOG = Schema(RECEIVED.application_id, RECEIVED.steps[:1])


def arrived(n: int, stream: str = "day", records: int = 1) -> Received:
    fields = {"date": "2026-11-02", "distance_m": 20_300}
    return Received("truck-7", stream, EPOCH, n, "", f"{n:064x}", b"payload %d" % n, [fields] * records)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "received.db"


@pytest.fixture
def store(path: Path) -> Iterator[ReceivedStore]:
    with closing(ReceivedStore.open(path)) as made:
        yield made


def test_a_query_says_who_asked_when_and_for_how_much(store: ReceivedStore, path: Path) -> None:
    store.accept_many([arrived(1, "track", 3), arrived(1), arrived(2)])
    noted = store.note_query(NOW, "clerk, uid 1000", "out", "operations version 3 (0123456789ab)")
    agreement = "operations version 3 (0123456789ab)"
    assert noted == Query(1, "2026-11-02T06:15:00Z", "clerk, uid 1000", "out", "day, track", agreement, 5)
    with closing(ReceivedStore.open(path)) as again:
        assert again.queries() == [noted]


def test_the_system_s_clock_is_asked_by_the_word_now(store: ReceivedStore) -> None:
    asked_at = store.note_query("now", "clerk", "out", "").asked_at
    assert "2025" < asked_at[:4] < "2100"
    assert len(asked_at) == len("2026-11-02T06:15:00Z")


def test_a_moment_that_is_none_logs_nothing(store: ReceivedStore) -> None:
    with pytest.raises(StoreLost):
        store.note_query("after lunch", "clerk", "out", "")
    assert store.queries() == []


def test_queries_are_numbered_without_a_gap_newest_last(store: ReceivedStore) -> None:
    for folder in ("a", "b", "c"):
        store.note_query(NOW, "clerk", folder, "")
    assert [(query.n, query.folder) for query in store.queries()] == [(1, "a"), (2, "b"), (3, "c")]


def test_a_query_of_an_empty_store_is_one_too(store: ReceivedStore) -> None:
    assert store.note_query(NOW, "clerk", "out", "")[4:] == ("", "", 0)


@pytest.mark.parametrize(
    "sql",
    [
        "UPDATE query SET account = 'nobody'",
        "DELETE FROM query",
        "DELETE FROM query WHERE id = 2",
        "REPLACE INTO query VALUES (1, '', 'nobody', '', '', '', 0)",
        "INSERT INTO query VALUES (1, '', 'nobody', '', '', '', 0) ON CONFLICT DO UPDATE SET account = 'nobody'",
    ],
)
def test_a_logged_query_is_neither_changed_nor_taken_out(store: ReceivedStore, path: Path, sql: str) -> None:
    for folder in ("a", "b"):
        store.note_query(NOW, "clerk", folder, "")
    before = store.queries()
    with closing(sqlite3.connect(path)) as other, pytest.raises(sqlite3.IntegrityError, match="stays as it"):
        other.execute(sql)
    assert store.queries() == before


def test_a_query_that_cannot_be_logged_is_told(store: ReceivedStore) -> None:
    store._db.execute("PRAGMA query_only = ON")
    with pytest.raises(StoreLost):
        store.note_query(NOW, "clerk", "out", "")


def test_a_store_from_before_the_log_opens_keeps_its_records_and_gets_it(path: Path) -> None:
    with closing(sqlite_file.opened(path, BEFORE_THE_LOG)) as db:
        batch = arrived(1)
        db.execute(
            "INSERT INTO batch VALUES (1, ?, ?, ?, ?, ?, ?, 0, ?, ?)",
            (*batch[:6], len(batch.records), batch.payload),
        )
        db.execute("INSERT INTO record VALUES (1, 1, 'track', ?)", (json.dumps(batch.records[0]),))
        assert db.execute("SELECT count(*) FROM sqlite_schema WHERE name = 'query'").fetchone() == (0,)
    with closing(ReceivedStore.open(path)) as store:
        assert store.queries() == []
        assert [record["n"] for record in store.records()] == [1]
        assert store.note_query(NOW, "clerk", "out", "").records == 1


def test_payloads_are_those_of_batches_that_hold_something(store: ReceivedStore) -> None:
    store.accept_many([arrived(1), arrived(2, records=0), arrived(3)])
    assert list(store.payloads()) == [b"payload 1", b"payload 3"]


def test_a_notice_stands_in_the_geojson_before_the_features(store: ReceivedStore, tmp_path: Path) -> None:
    store.to_geojson(tmp_path / "out.geojson", {"forbidden_uses": ["discipline — any"]})
    text = (tmp_path / "out.geojson").read_text(encoding="utf-8")
    assert list(json.loads(text)) == ["type", "fairhaul", "features"]
    assert json.loads(text)["fairhaul"] == {"forbidden_uses": ["discipline — any"]}
