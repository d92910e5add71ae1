"""Records into rows, rows into batches of one size, numbered and chained."""

from __future__ import annotations

import itertools
import json
import math
import random
import zlib
from typing import Any

import pytest

from agent import wire
from agent.records import Record, iso_date
from agent.release import Daily, Timed
from agent.sealing import ROW_BYTES_MAX, Sealed, Terms, kept, opened, sealed
from agent.streams.track import POINTS_MAX
from buffer.outbox import Outbox
from tests.sim.drives import outbox

TODAY = 20_700
AGREED = wire.AgreementReference("routes", 1, "a" * 64)
STREAMS = ("track", "harsh_braking", "box")
ENVELOPES = {"track": 3, "harsh_braking": 1, "box": 1}
SIZE = 2048


def daily(until_day: int | None = None) -> Terms:
    return Terms(AGREED, STREAMS, Daily([300], ENVELOPES, SIZE, {"harsh_braking": 2}), until_day)


def timed() -> Terms:
    return Terms(AGREED, STREAMS, Timed(60, 512, {"harsh_braking": 2}))


def track(day: int, stretch: int, points: int = 20, seed: int = 0) -> Record:
    rng = random.Random(f"{day} {stretch} {seed}")
    path = [[40 + rng.randrange(1000) / 1e5, -4 + rng.randrange(1000) / 1e5] for _ in range(points)]
    return Record("track", day, {"date": iso_date(day), "stretch": stretch, "running_s": 100, "path": path})


def braking(day: int, cell: int) -> Record:
    place = {"latitude_deg": 40 + cell / 1e3, "longitude_deg": -4.0}
    return Record(
        "harsh_braking", day, {"month": "2026-09", **place, "severity": "hard", "corroborated": "yes"}
    )


def box(day: int) -> Record:
    lost = {"evicted": 0, "expired": 0, "refused": 0}
    own = {
        "version": "1",
        "agreement": "routes",
        "self_test": "none",
        "storage": "good",
        "certificate_days": -1,
    }
    return Record("box", day, {"date": iso_date(day), **own, "lost": lost})


def committed(shelf: Outbox, change: Sealed) -> list[wire.Payload]:
    shelf.commit(keep=change.keep, seal=change.seal, used=change.used)
    return [wire.decode(batch.payload) for batch in change.seal]


def told(payloads: list[wire.Payload], stream: str) -> list[dict[str, Any]]:
    return [record for payload in payloads if payload.heading.stream == stream for record in payload.records]


def test_rows_hold_one_stream_and_day_each_in_order_of_appearance() -> None:
    records = [track(2, 1), braking(2, 1), track(1, 1), track(2, 2)]
    rows = kept(records)
    assert [(row.stream, row.day) for row in rows] == [("track", 2), ("harsh_braking", 2), ("track", 1)]
    assert opened(rows[0].body) == [records[0].fields, records[3].fields]


@pytest.mark.parametrize("count", [1, 2, 3, 50])
def test_a_row_never_grows_past_its_limit_and_loses_nothing(count: int) -> None:
    records = [track(TODAY, i, 400) for i in range(count)]
    rows = kept(records)
    assert all(len(row.body) <= ROW_BYTES_MAX for row in rows)
    assert [fields for row in rows for fields in opened(row.body)] == [record.fields for record in records]


@pytest.mark.parametrize(
    "body", [b"", b"x", zlib.compress(b"{}"), zlib.compress(b"nope"), zlib.compress(b"1")]
)
def test_a_row_that_is_none_of_ours_is_refused(body: bytes) -> None:
    with pytest.raises(ValueError, match=r".*"):
        opened(body)


def test_a_row_that_grows_without_end_when_opened_is_refused() -> None:
    with pytest.raises(ValueError, match=r".*"):
        opened(zlib.compress(json.dumps(["x" * 5_000_000]).encode()))


@pytest.mark.parametrize("stretches", [0, 1, 4, 30, 200])
def test_a_daily_release_is_the_same_number_of_envelopes_of_one_size_whatever_is_in_them(
    stretches: int,
) -> None:
    change = sealed(daily(), outbox(), TODAY, [track(TODAY - 1, i) for i in range(stretches)] + [box(TODAY)])
    assert [(batch.stream, len(batch.payload)) for batch in change.seal] == [
        *[("track", SIZE)] * 3,
        ("harsh_braking", SIZE),
        ("box", SIZE),
    ]


def test_numbers_go_up_and_each_batch_names_the_one_before() -> None:
    shelf = outbox()
    payloads = []
    for day in range(3):
        pending = [track(TODAY + day - 1, 1), box(TODAY + day)]
        change = sealed(daily(), shelf, TODAY + day, pending)
        payloads += [(batch, wire.decode(batch.payload)) for batch in change.seal if batch.stream == "track"]
        committed(shelf, change)
    assert [one.heading.n for _, one in payloads] == list(range(1, 10))
    assert payloads[0][1].heading.prev == wire.NO_PREVIOUS
    for (before, _), (_, after) in itertools.pairwise(payloads):
        assert wire.digest(before.payload).startswith(after.heading.prev)
    assert len({one.heading.epoch for _, one in payloads}) == 1


def test_braking_counts_in_an_epoch_of_its_own() -> None:
    change = sealed(daily(), outbox(), TODAY, [])
    epochs = {batch.stream: wire.decode(batch.payload).heading.epoch for batch in change.seal}
    assert epochs["track"] == epochs["box"] != epochs["harsh_braking"]


def test_what_finds_no_room_waits_and_leaves_in_its_order() -> None:
    shelf = outbox()
    records = [track(TODAY - 1, i, 100) for i in range(60)]
    got = committed(shelf, sealed(daily(), shelf, TODAY, records))
    first = len(told(got, "track"))
    assert 0 < first < 60
    days = 1
    while len(told(got, "track")) < 60:
        got += committed(shelf, sealed(daily(), shelf, TODAY + days, []))
        days += 1
        assert days < 10
    assert told(got, "track") == [record.fields for record in records]
    assert shelf.counts().kept == 0


def test_today_s_records_wait_for_tomorrow() -> None:
    shelf = outbox()
    got = committed(shelf, sealed(daily(), shelf, TODAY, [track(TODAY - 1, 1), track(TODAY, 1), box(TODAY)]))
    assert [record["date"] for record in told(got, "track")] == [iso_date(TODAY - 1)]
    assert [record["date"] for record in told(got, "box")] == [iso_date(TODAY)]
    got = committed(shelf, sealed(daily(), shelf, TODAY + 1, []))
    assert [record["date"] for record in told(got, "track")] == [iso_date(TODAY)]


@pytest.mark.parametrize("terms", [daily(), timed()])
def test_braking_is_held_for_whole_days_and_leaves_sorted_by_place(terms: Terms) -> None:
    shelf = outbox()
    committed(shelf, sealed(terms, shelf, TODAY, [braking(TODAY, 3), braking(TODAY, 1), braking(TODAY, 2)]))
    left = {}
    for day in range(1, 5):
        left[day] = told(committed(shelf, sealed(terms, shelf, TODAY + day, [])), "harsh_braking")
    day, records = next((day, records) for day, records in left.items() if records)
    assert day in (2, 3)  # at least two days
    assert [record["latitude_deg"] for record in records] == [40.001, 40.002, 40.003]
    assert sum(map(len, left.values())) == 3


def test_the_order_of_brakings_says_nothing_of_when_they_happened() -> None:
    cells = [3, 1, 2, 1]
    payloads = set()
    for seed in range(6):
        shuffled = random.Random(seed).sample(cells, 4)
        change = sealed(daily(), outbox(), TODAY, [braking(TODAY - 5, cell) for cell in shuffled])
        payloads.add(next(batch.payload for batch in change.seal if batch.stream == "harsh_braking"))
    assert len(payloads) == 1


def test_a_timed_release_seals_as_much_as_there_is_and_nothing_when_there_is_nothing() -> None:
    assert sealed(timed(), outbox(), TODAY, []) == Sealed([], [], [])
    shelf = outbox()
    change = sealed(timed(), shelf, TODAY, [track(TODAY, i, 60) for i in range(9)])
    assert len(change.seal) > 1
    assert all(len(batch.payload) % 512 == 0 for batch in change.seal)
    assert len(told(committed(shelf, change), "track")) == 9


def test_a_stream_that_is_not_agreed_is_kept_and_not_sealed() -> None:
    terms = Terms(AGREED, ("box",), Timed(60, 512, {}))
    change = sealed(terms, outbox(), TODAY, [track(TODAY, 1), box(TODAY)])
    assert [batch.stream for batch in change.seal] == ["box"]
    assert [row.stream for row in change.keep] == ["track"]


def test_behind_the_end_of_the_agreement_only_the_box_is_sealed() -> None:
    shelf = outbox()
    shelf.commit(keep=kept([track(TODAY - 1, 1), braking(TODAY - 9, 1)]))
    last_day = sealed(daily(TODAY), shelf, TODAY, [box(TODAY)])
    assert {batch.stream for batch in last_day.seal} == set(STREAMS)
    expired = sealed(daily(TODAY - 1), shelf, TODAY, [box(TODAY)])
    assert [batch.stream for batch in expired.seal] == ["box"]
    assert expired.used == []


@pytest.mark.parametrize("seed", range(5))
def test_a_record_of_as_many_points_as_may_be_fits_the_smallest_daily_envelope(seed: int) -> None:
    """The longest stretch that can be agreed, 21 km, all of it zigzag: nothing compresses worse."""
    rng, step_m = random.Random(seed), 21_000 / POINTS_MAX
    north = east = 0.0
    path = []
    for _ in range(POINTS_MAX):
        turn = rng.uniform(0, math.tau)
        north, east = north + step_m * math.sin(turn), east + step_m * math.cos(turn)
        path.append([40 + round(north / 1.11) / 1e5, -4 + round(east / 0.85) / 1e5])
    fields = {"date": iso_date(TODAY - 1), "stretch": 999, "running_s": 123_450, "path": path}
    change = sealed(daily(), outbox(), TODAY, [Record("track", TODAY - 1, fields)])
    assert {len(batch.payload) for batch in change.seal} == {SIZE}
