"""The receiver's store: each batch once, what is missing said, and files that others can read."""

from __future__ import annotations

import json
import re
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from buffer import received as received_module
from buffer import sqlite_file
from buffer.migrations import RECEIVED, Schema
from buffer.received import Query, Received, ReceivedStore, StoreLost, Total, feature

EPOCH = "00000000000000aa"
NOW = "2026-11-02 06:15:00"
BEFORE_THE_LOG = Schema(RECEIVED.application_id, RECEIVED.steps[:1])
TRACK = {"date": "2026-11-02", "stretch": 1, "running_s": 610, "path": [[52.5, 13.4], [52.6, 13.5]]}
LIFT = {"date": "2026-11-02", "latitude_deg": 52.5, "longitude_deg": 13.4, "count": 7}
DAY = {"date": "2026-11-02", "distance_m": 20_300, "running_s": 6_000, "stretches": 4}


def arrived(n: int, stream: str = "track", vehicle: str = "truck-7", **changes: Any) -> Received:
    made = Received(vehicle, stream, EPOCH, n, f"{n - 1:064x}", f"{n:064x}", b"payload %d" % n, [TRACK])
    return made._replace(**changes)


def total(stream: str, vehicle: str = "truck-7", **figures: Any) -> Total:
    missing = figures.pop("missing", ())
    return Total(vehicle, stream, EPOCH, **figures, missing=missing, missing_count=len(missing))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "received.db"


@pytest.fixture
def store(path: Path) -> Iterator[ReceivedStore]:
    with closing(ReceivedStore.open(path)) as made:
        yield made


def test_a_batch_and_its_records_are_there_after_reopening(store: ReceivedStore, path: Path) -> None:
    assert store.accept(arrived(1))
    with closing(ReceivedStore.open(path)) as again:
        assert list(again.records()) == [
            {"stream": "track", "vehicle": "truck-7", "epoch": EPOCH, "n": 1, **TRACK}
        ]
        assert [(each.n, each.prev, each.sha256, each.records) for each in again.batches()] == [
            (1, f"{0:064x}", f"{1:064x}", 1)
        ]


def test_a_repeat_is_dropped_and_counted(store: ReceivedStore) -> None:
    assert [store.accept(arrived(1)) for _ in range(3)] == [True, False, False]
    assert store.totals() == [total("track", batches=1, repeats=2, records=1, newest_n=1)]
    assert store.conflicts() == 0


def test_a_repeat_within_one_call_is_dropped_too(store: ReceivedStore) -> None:
    assert store.accept_many([arrived(1), arrived(2), arrived(1)]) == [True, True, False]


@pytest.mark.parametrize(
    "change", [{"vehicle": "truck-8"}, {"stream": "stops"}, {"epoch": "00000000000000bb"}, {"n": 2}]
)
def test_a_batch_that_differs_in_any_part_of_the_key_is_another(
    store: ReceivedStore, change: dict[str, Any]
) -> None:
    assert store.accept_many([arrived(1), arrived(1)._replace(**change)]) == [True, True]


def test_the_same_key_with_other_bytes_is_kept_apart(store: ReceivedStore) -> None:
    store.accept(arrived(1))
    other = arrived(1, sha256="f" * 64, payload=b"forged", records=[DAY, DAY])
    assert [store.accept(other), store.accept(other)] == [False, False]
    assert store.conflicts() == 1
    assert [record["path"] for record in store.records("track")] == [TRACK["path"]]
    assert store.totals()[0].repeats == 0


def test_only_so_many_conflicts_are_kept(store: ReceivedStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(received_module, "CONFLICTS_MAX", 3)
    store.accept(arrived(1))
    for n in range(4):
        store.accept(arrived(1, sha256=f"f{n:063x}"))
        assert store.conflicts() == min(n + 1, 3)


def test_totals_name_the_numbers_that_are_missing(store: ReceivedStore) -> None:
    store.accept_many(arrived(n) for n in (2, 5, 6))
    store.accept(arrived(1, "harsh_braking", vehicle="", records=[LIFT, LIFT]))
    assert store.totals() == [
        total("harsh_braking", vehicle="", batches=1, repeats=0, records=2, newest_n=1),
        total("track", batches=3, repeats=0, records=3, newest_n=6, missing=(1, 3, 4)),
    ]


def test_a_number_that_arrives_late_is_no_longer_missing(store: ReceivedStore) -> None:
    store.accept(arrived(3))
    store.accept_many([arrived(1), arrived(2)])
    assert store.totals()[0].missing == ()


def test_missing_numbers_are_listed_up_to_a_limit_and_all_counted(
    store: ReceivedStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(received_module, "MISSING_LISTED_MAX", 4)
    store.accept_many(arrived(n) for n in (4, 10**9))
    figures = store.totals()[0]
    assert figures.missing == (1, 2, 3, 5)
    assert figures.missing_count == 10**9 - 2


def test_a_change_that_fails_half_way_leaves_nothing(store: ReceivedStore) -> None:
    unwritable = arrived(2, records=[{"path": object()}])
    with pytest.raises(TypeError):
        store.accept_many([arrived(1), unwritable])
    assert store.totals() == []
    assert store.accept(arrived(1))


def test_what_cannot_be_decoded_is_kept_within_bounds(
    store: ReceivedStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(received_module, "QUARANTINE_ROWS_MAX", 2)
    for k in range(3):
        store.quarantine("some/topic", b"junk", "not zlib")
        assert store.quarantined() == min(k + 1, 2)
    store.quarantine("some/topic", bytes(received_module.QUARANTINE_BYTES_MAX + 1), "too long")
    sql = "SELECT max(length(payload)) FROM quarantine"
    assert store._db.execute(sql).fetchone()[0] == received_module.QUARANTINE_BYTES_MAX


def test_braking_has_no_vehicle_anywhere(store: ReceivedStore) -> None:
    store.accept(arrived(1, "harsh_braking", vehicle="", records=[LIFT]))
    assert "vehicle" not in next(store.records())


def test_records_of_one_stream_leave_the_others_out(store: ReceivedStore) -> None:
    store.accept_many([arrived(1), arrived(1, "lifts", records=[LIFT])])
    assert [record["stream"] for record in store.records("lifts")] == ["lifts"]
    assert len(list(store.records())) == 2


def test_ndjson_has_a_record_a_line(store: ReceivedStore, tmp_path: Path) -> None:
    store.accept_many([arrived(1), arrived(1, "day", records=[DAY])])
    assert store.to_ndjson(tmp_path / "out.ndjson") == 2
    lines = (tmp_path / "out.ndjson").read_text().splitlines()
    assert [json.loads(line) for line in lines] == list(store.records())


def test_an_empty_store_exports_empty_files(store: ReceivedStore, tmp_path: Path) -> None:
    assert store.to_ndjson(tmp_path / "out.ndjson") == 0
    assert (tmp_path / "out.ndjson").read_bytes() == b""
    assert store.to_geojson(tmp_path / "out.geojson") == 0
    assert json.loads((tmp_path / "out.geojson").read_text()) == {"type": "FeatureCollection", "features": []}


def test_geojson_has_longitude_first_and_leaves_out_what_has_no_place(
    store: ReceivedStore, tmp_path: Path
) -> None:
    store.accept(arrived(1, records=[TRACK, {**TRACK, "stretch": 2, "path": [[52.5, 13.4]]}]))
    store.accept_many([arrived(1, "lifts", records=[LIFT]), arrived(1, "day", records=[DAY])])
    assert store.to_geojson(tmp_path / "out.geojson") == 3
    features = json.loads((tmp_path / "out.geojson").read_text())["features"]
    assert [each["geometry"] for each in features] == [
        {"type": "LineString", "coordinates": [[13.4, 52.5], [13.5, 52.6]]},
        {"type": "Point", "coordinates": [13.4, 52.5]},
        {"type": "Point", "coordinates": [13.4, 52.5]},
    ]
    track = {"date": "2026-11-02", "stretch": 1, "running_s": 610, "vehicle": "truck-7", "stream": "track"}
    assert features[0]["properties"] == {**track, "epoch": EPOCH, "n": 1}
    assert features[2]["properties"]["count"] == 7


@pytest.mark.parametrize(
    "record", [{}, DAY, {"path": []}, {"latitude_deg": 52.5}, {"latitude_deg": None, "longitude_deg": 1}]
)
def test_a_record_without_a_place_is_no_feature(record: dict[str, Any]) -> None:
    assert feature(record) is None


def test_a_file_that_is_no_store_is_left_alone(path: Path) -> None:
    path.write_bytes(b"not a database, and not ours" * 100)
    with pytest.raises(StoreLost):
        ReceivedStore.open(path)
    assert path.read_bytes() == b"not a database, and not ours" * 100


def test_a_repr_shows_no_coordinates() -> None:
    assert "52.5" not in f"{arrived(1)!r} {arrived(1)}"


PAGE = (Path(__file__).parents[2] / "docs" / "city-back-end.md").read_text("utf-8")
QUERIES = re.findall(r'sqlite3 -readonly received.db (?:\\\n)?\s*"(.*?)"', PAGE, re.DOTALL)
CELL = {"date": "2026-11-02", "latitude_deg": 52.5, "longitude_deg": 13.4}
VISIT = {"date": "2026-11-02", "site": "landfill", "visits": 1, "dwell_class": "under 15 min"}


def answer(store: ReceivedStore, stream: str) -> list[tuple[Any, ...]]:
    """What the page's query about a stream answers."""
    (query,) = (query for query in QUERIES if f"'{stream}'" in query)
    return store._db.execute(query).fetchall()


def test_totals_that_came_in_parts_add_up_with_the_queries_of_the_page(store: ReceivedStore) -> None:
    passed = {**CELL, "window": 3}
    parts = {"lifts": LIFT, "day": DAY, "site_visits": VISIT, "passed": passed}
    for stream, record in parts.items():
        store.accept_many([arrived(1, stream, records=[record]), arrived(2, stream, records=[record])])
    store.accept(arrived(3, "lifts", "truck-8", records=[LIFT]))
    assert answer(store, "lifts") == [
        ("truck-7", "2026-11-02", 52.5, 13.4, 14),
        ("truck-8", "2026-11-02", 52.5, 13.4, 7),
    ]
    assert answer(store, "day") == [("truck-7", "2026-11-02", 40_600, 12_000, 8)]
    assert answer(store, "site_visits") == [("truck-7", "2026-11-02", "landfill", "under 15 min", 2)]
    assert answer(store, "passed") == [("2026-11-02", 52.5, 13.4, 3)]


def test_every_query_of_the_page_runs(store: ReceivedStore) -> None:
    assert len(QUERIES) == 5
    for query in QUERIES:
        assert store._db.execute(query).fetchall() == []


def test_a_batch_is_known_by_its_key_and_its_bytes(store: ReceivedStore) -> None:
    store.accept(arrived(1))
    assert store.knows(arrived(1))
    assert not store.knows(arrived(2))
    assert not store.knows(arrived(1, sha256="f" * 64))


# The log of exports: only ever added to, with figures of its own counting, and there in older files too.


def test_a_query_says_who_asked_when_and_for_how_much(store: ReceivedStore, path: Path) -> None:
    store.accept_many([arrived(1, records=[TRACK] * 3), arrived(1, "day"), arrived(2, "day")])
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
    store.accept_many([arrived(1), arrived(2, records=[]), arrived(3)])
    assert list(store.payloads()) == [b"payload 1", b"payload 3"]


def test_a_notice_stands_in_the_geojson_before_the_features(store: ReceivedStore, tmp_path: Path) -> None:
    store.to_geojson(tmp_path / "out.geojson", {"forbidden_uses": ["discipline — any"]})
    text = (tmp_path / "out.geojson").read_text(encoding="utf-8")
    assert list(json.loads(text)) == ["type", "fairhaul", "features"]
    assert json.loads(text)["fairhaul"] == {"forbidden_uses": ["discipline — any"]}
