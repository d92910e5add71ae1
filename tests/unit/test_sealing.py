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
from agent.recording.way import POINTS_MAX
from agent.records import Record, iso_date
from agent.release import LANES, Daily, Timed, lane_of
from agent.sealing import ROW_BYTES_MAX, Change, Terms, kept, opened, readable, rows, sealed, sealed_at_once
from agent.service_day import Moment
from buffer.outbox import Kept, Outbox
from tests.sim.drives import outbox

TODAY = 20_700
AGREED = wire.AgreementReference("routes", 1, "a" * 64)
STREAMS = ("track", "harsh_braking", "box")
ENVELOPES = {"track": 3, "harsh_braking": 1, "box": 1}
SIZE = 2048


def daily(until_day: int | None = None) -> Terms:
    return Terms(AGREED, STREAMS, Daily({}, ENVELOPES, SIZE, {"harsh_braking": 2}), until_day)


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


def released(terms: Terms, shelf: Outbox, day: int, pending: list[Record], second: int = 0) -> Change:
    """Both lanes, each with its own records."""
    truck, fleet = (
        sealed(
            terms, shelf, Moment(day, second), [one for one in pending if lane_of(one.stream) == lane], lane
        )
        for lane in LANES
    )
    return Change(
        [*truck.seal, *fleet.seal], [*truck.used, *fleet.used], [*truck.keep, *fleet.keep], truck.unreadable
    )


def committed(shelf: Outbox, change: Change) -> list[wire.Payload]:
    shelf.commit(keep=change.keep, seal=change.seal, used=change.used)
    return [wire.decode(batch.payload) for batch in change.seal]


def told(payloads: list[wire.Payload], stream: str) -> list[dict[str, Any]]:
    return [record for payload in payloads if payload.heading.stream == stream for record in payload.records]


def count_of(stream: str, day: int, cell: int, count: int = 1) -> Record:
    place = {"latitude_deg": 40 + cell / 1e3, "longitude_deg": -4.0}
    return Record(stream, day, {"date": iso_date(day), **place, "count": count})


def passed(day: int, cell: int, window: int) -> Record:
    place = {"latitude_deg": 40 + cell / 1e3, "longitude_deg": -4.0}
    return Record("passed", day, {"date": iso_date(day), **place, "window": window})


def shown(shelf: Outbox) -> list[Any]:
    """What the disk tells: each stream's rows, in order."""
    found = (shelf.kept(stream, TODAY + 99) for stream in ("track", "lifts", "harsh_braking", "passed"))
    return [[(row.day, opened(row.body)) for row in of_stream] for of_stream in found]


def test_each_record_of_the_way_has_a_row_of_its_own_in_order() -> None:
    records = [track(2, 1), track(1, 1), track(2, 2)]
    assert [(row.stream, row.day, opened(row.body)) for row in rows(records)] == [
        ("track", record.day, [record.fields]) for record in records
    ]


def test_there_is_one_row_a_record_but_for_what_the_order_would_tell() -> None:
    records = [
        count_of("lifts", 2, 3),
        braking(2, 2),
        track(2, 1),
        count_of("lifts", 2, 1),
        braking(2, 1),
        passed(2, 1, 3),
    ]
    found = rows([*records, passed(1, 1, 1)])
    assert [(row.stream, row.day) for row in found] == [
        ("lifts", 2),
        ("track", 2),
        ("lifts", 2),
        ("passed", 1),
        ("harsh_braking", 2),
        ("passed", 2),
    ]
    assert opened(found[-2].body) == [braking(2, 1).fields, braking(2, 2).fields]


def test_the_disk_looks_the_same_whenever_it_was_written() -> None:
    rng = random.Random(3)
    records = [track(TODAY, i) for i in range(12)] + [braking(TODAY, i % 3) for i in range(6)]
    records += [count_of("lifts", TODAY - i % 2, i % 4) for i in range(20)]
    order = rng.sample(records, len(records))
    seen = []
    for cuts in ([], [1, 2, 3], sorted(rng.sample(range(len(order)), 9)), list(range(len(order)))):
        shelf = outbox()
        for start, end in itertools.pairwise([0, *cuts, len(order)]):
            change = kept(shelf, order[start:end])
            shelf.commit(keep=change.keep, used=change.used)
        seen.append(shown(shelf))
    assert all(one == seen[0] for one in seen)
    assert sum(len(fields) for stream in seen[0] for _, fields in stream) == 12 + 6 + 20


def test_what_changes_nothing_on_disk_is_not_written_again() -> None:
    shelf = outbox()
    shelf.commit(keep=rows([passed(TODAY, 1, 3)]))
    assert kept(shelf, [passed(TODAY, 1, 3)]) == Change([], [], [])
    more = kept(shelf, [passed(TODAY, 2, 3)])
    assert (len(more.used), len(more.keep)) == (1, 1)


@pytest.mark.parametrize("count", [1, 2, 3, 50])
def test_a_row_never_grows_past_its_limit_and_loses_nothing(count: int) -> None:
    ways = [track(TODAY, i, 400) for i in range(count)]
    cells = [count_of("lifts", TODAY, i) for i in range(60 * count)]
    fields = {i: {**record.fields, "date": str(random.Random(i).random())} for i, record in enumerate(cells)}
    for records in (ways, [Record("crew_report", TODAY, {**fields[i], "kind": "hazard"}) for i in fields]):
        found = rows(records)
        assert all(len(row.body) <= ROW_BYTES_MAX for row in found)
        told = [fields for row in found for fields in opened(row.body)]
        assert sorted(map(str, told)) == sorted(str(record.fields) for record in records)


def test_a_worn_row_stays_and_what_joins_its_day_gets_a_row_of_its_own() -> None:
    shelf = outbox()
    shelf.commit(keep=[Kept("lifts", TODAY, b"worn")])
    change = kept(shelf, [count_of("lifts", TODAY, 1)])
    assert (change.used, len(change.keep)) == ([], 1)
    assert readable(shelf.kept("lifts", TODAY + 1)).unreadable == 1


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
    change = released(
        daily(), outbox(), TODAY, [track(TODAY - 1, i) for i in range(stretches)] + [box(TODAY)]
    )
    assert [(batch.stream, len(batch.payload)) for batch in change.seal] == [
        *[("track", SIZE)] * 3,
        ("box", SIZE),
        ("harsh_braking", SIZE),
    ]


def test_numbers_go_up_and_each_batch_names_the_one_before() -> None:
    shelf = outbox()
    payloads = []
    for day in range(3):
        pending = [track(TODAY + day - 1, 1), box(TODAY + day)]
        change = released(daily(), shelf, TODAY + day, pending)
        payloads += [(batch, wire.decode(batch.payload)) for batch in change.seal if batch.stream == "track"]
        committed(shelf, change)
    assert [one.heading.n for _, one in payloads] == list(range(1, 10))
    assert payloads[0][1].heading.prev == wire.NO_PREVIOUS
    for (before, _), (_, after) in itertools.pairwise(payloads):
        assert wire.digest(before.payload).startswith(after.heading.prev)
    assert len({one.heading.epoch for _, one in payloads}) == 1


def test_braking_counts_in_an_epoch_of_its_own() -> None:
    change = released(daily(), outbox(), TODAY, [])
    epochs = {batch.stream: wire.decode(batch.payload).heading.epoch for batch in change.seal}
    assert epochs["track"] == epochs["box"] != epochs["harsh_braking"]


def test_what_finds_no_room_waits_and_leaves_in_its_order() -> None:
    shelf = outbox()
    records = [track(TODAY - 1, i, 100) for i in range(60)]
    got = committed(shelf, released(daily(), shelf, TODAY, records))
    first = len(told(got, "track"))
    assert 0 < first < 60
    days = 1
    while len(told(got, "track")) < 60:
        got += committed(shelf, released(daily(), shelf, TODAY + days, []))
        days += 1
        assert days < 10
    assert told(got, "track") == [record.fields for record in records]
    assert shelf.counts().kept == 0


def test_today_s_records_wait_for_tomorrow() -> None:
    shelf = outbox()
    got = committed(
        shelf, released(daily(), shelf, TODAY, [track(TODAY - 1, 1), track(TODAY, 1), box(TODAY)])
    )
    assert [record["date"] for record in told(got, "track")] == [iso_date(TODAY - 1)]
    assert [record["date"] for record in told(got, "box")] == [iso_date(TODAY)]
    got = committed(shelf, released(daily(), shelf, TODAY + 1, []))
    assert [record["date"] for record in told(got, "track")] == [iso_date(TODAY)]


@pytest.mark.parametrize("terms", [daily(), timed()])
def test_braking_is_held_for_whole_days_and_leaves_sorted_by_place(terms: Terms) -> None:
    shelf = outbox()
    committed(shelf, released(terms, shelf, TODAY, [braking(TODAY, 3), braking(TODAY, 1), braking(TODAY, 2)]))
    left = {}
    for day in range(1, 35):
        left[day] = told(committed(shelf, released(terms, shelf, TODAY + day, [])), "harsh_braking")
    day, records = next((day, records) for day, records in left.items() if records)
    assert iso_date(TODAY + day - 2).endswith("-01")  # the month is over, and since two days
    assert [record["latitude_deg"] for record in records] == [40.001, 40.002, 40.003]
    assert sum(map(len, left.values())) == 3


def test_R18_each_release_of_brakings_has_an_epoch_of_its_own() -> None:
    shelf = outbox()
    seen = []
    for day in range(3):
        change = released(daily(), shelf, TODAY + day, [])
        committed(shelf, change)
        seen += [
            wire.decode(batch.payload).heading for batch in change.seal if batch.stream == "harsh_braking"
        ]
    assert len({heading.epoch for heading in seen}) == 3
    assert len(shelf.secret("harsh_braking")) == 32  # 128 bits that nobody tries out
    assert not any(heading.epoch in shelf.secret("harsh_braking") for heading in seen)
    assert {(heading.n, heading.prev) for heading in seen} == {(1, wire.NO_PREVIOUS)}


def test_the_order_of_brakings_says_nothing_of_when_they_happened() -> None:
    cells = [3, 1, 2, 1]
    payloads = set()
    for seed in range(6):
        shuffled = random.Random(seed).sample(cells, 4)
        change = released(daily(), outbox(), TODAY, [braking(TODAY - 40, cell) for cell in shuffled])
        payloads.add(next(batch.payload for batch in change.seal if batch.stream == "harsh_braking"))
    assert len(payloads) == 1


def test_a_timed_release_seals_as_much_as_there_is_and_nothing_when_there_is_nothing() -> None:
    assert released(timed(), outbox(), TODAY, []) == Change([], [], [])
    shelf = outbox()
    change = released(timed(), shelf, TODAY, [track(TODAY, i, 60) for i in range(9)])
    assert len(change.seal) > 1
    assert all(len(batch.payload) % 512 == 0 for batch in change.seal)
    assert len(told(committed(shelf, change), "track")) == 9


def test_a_stream_that_is_not_agreed_is_kept_and_not_sealed() -> None:
    terms = Terms(AGREED, ("box",), Timed(60, 512, {}))
    change = released(terms, outbox(), TODAY, [track(TODAY, 1), box(TODAY)])
    assert [batch.stream for batch in change.seal] == ["box"]
    assert [row.stream for row in change.keep] == ["track"]


def test_behind_the_end_of_the_agreement_only_the_box_is_sealed() -> None:
    shelf = outbox()
    shelf.commit(keep=rows([track(TODAY - 1, 1), braking(TODAY - 9, 1)]))
    last_day = released(daily(TODAY), shelf, TODAY, [box(TODAY)])
    assert {batch.stream for batch in last_day.seal} == set(STREAMS)
    expired = released(daily(TODAY - 1), shelf, TODAY, [box(TODAY)])
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
    change = released(daily(), outbox(), TODAY, [Record("track", TODAY - 1, fields)])
    assert {len(batch.payload) for batch in change.seal} == {SIZE}


# Lanes.


@pytest.mark.parametrize("lane", LANES)
def test_a_release_seals_its_own_lane_and_keeps_what_goes_by_the_other(lane: Any) -> None:
    pending = [track(TODAY - 1, 1), braking(TODAY - 9, 1), box(TODAY)]
    change = sealed(daily(), outbox(), Moment(TODAY, 0), pending, lane)
    assert {lane_of(batch.stream) for batch in change.seal} == {lane}
    assert {lane_of(row.stream) for row in change.keep} == set(LANES) - {lane}


# Streams that a timed release lets out late.


ALL = ("track", "lifts", "passed", "box")


def late() -> Terms:
    return Terms(AGREED, ALL, Timed(60, 512, {}))


def test_day_totals_leave_on_the_next_day_as_one_record_for_each_cell() -> None:
    shelf = outbox()
    first = released(late(), shelf, TODAY, [count_of("lifts", TODAY, 1), count_of("lifts", TODAY, 1)])
    assert committed(shelf, first) == []
    second = released(late(), shelf, TODAY, [count_of("lifts", TODAY, 1)])
    assert committed(shelf, second) == []
    got = committed(shelf, released(late(), shelf, TODAY + 1, []))
    assert told(got, "lifts") == [count_of("lifts", TODAY, 1, 3).fields]
    assert shelf.counts().kept == 0


def test_windows_leave_an_hour_after_their_end_and_until_then_their_row_is_not_touched() -> None:
    shelf = outbox()
    shelf.commit(keep=rows([passed(TODAY, cell, window) for window in (3, 4) for cell in (1, 2)]))
    before = shelf.kept("passed", TODAY + 1)
    early = released(late(), shelf, TODAY, [], 8 * 3600 + 3599)
    assert early == Change([], [], [])
    change = released(late(), shelf, TODAY, [], 8 * 3600 + 3600)
    assert change.used == [row.id for row in before]
    got = committed(shelf, change)
    assert [record["window"] for record in told(got, "passed")] == [3, 3]
    assert [fields["window"] for row in shelf.kept("passed", TODAY + 1) for fields in opened(row.body)] == [
        4,
        4,
    ]


def test_a_call_for_help_is_in_no_release_and_is_sealed_alone() -> None:
    terms = Terms(AGREED, ("track", "help", "box"), Daily({}, ENVELOPES, SIZE, {}))
    call = Record("help", 0, {"state": "raised"})
    assert "help" not in {
        batch.stream for batch in released(terms, outbox(), TODAY, [track(TODAY - 1, 1)]).seal
    }
    batches = sealed_at_once(terms, outbox(), TODAY, [call])
    assert [(batch.stream, batch.n, len(batch.payload)) for batch in batches] == [("help", 1, SIZE)]
    assert wire.decode(batches[0].payload).records == [call.fields]


def test_brakings_that_find_no_room_stay_of_the_day_on_which_they_were() -> None:
    shelf = outbox()
    rng = random.Random(5)
    many = [
        Record(
            "harsh_braking",
            TODAY - 9 - i % 3,
            {**braking(0, rng.randrange(40_000)).fields, "month": "2026-09"},
        )
        for i in range(3000)
    ]
    change = released(daily(), shelf, TODAY, many)
    left = {row.day: opened(row.body) for row in change.keep}
    assert set(left) <= {TODAY - 9, TODAY - 10, TODAY - 11}
    of_day = {day: [one.fields for one in many if one.day == day] for day in left}
    assert all(fields in of_day[row.day] for row in change.keep for fields in opened(row.body))
    assert (
        sum(len(opened(row.body)) for row in change.keep)
        + len(told(committed(shelf, change), "harsh_braking"))
        == 3000
    )
