"""The recording half fails closed: whatever is doubtful, nothing comes out."""

from __future__ import annotations

import math
import zlib
from typing import Any

import pytest

from agent.agreement import Agreement
from agent.assembly import duty, sensors
from agent.calendar import TRUST_FIXES
from agent.filters.placed import Placed
from agent.geometry import Point
from agent.recording.duty import Duty
from agent.recording.fixes import Fix, Receiver
from agent.recording.recorder import Recorder
from agent.recording.way import PublishedStretch
from agent.records import Record, iso_date
from drivers.inputs import Chunk, Input, PortLost, PortOpened, Pulse, Tick
from tests.sim.drives import (
    AREA_M,
    DAY_MS,
    MORNING_MS,
    ON,
    TODAY,
    Spot,
    agreement,
    braking,
    by_time,
    configuration,
    epochs,
    sentences,
    straight,
    switched_on,
)

WAY = straight(1500, -1500)
OUT = [Spot(2 * AREA_M, 0)] * 3


def recorder(agreed: Agreement | None = None, gate: Duty | None = None, replayed: bool = False) -> Recorder:
    truck = configuration()
    agreed = agreed or agreement()
    return Recorder(agreed, sensors(truck), gate or duty(truck, agreed), floor_day=None, replay=replayed)


def taken(by: Recorder, entries: list[Input]) -> list[Record]:
    return [record for entry in entries for record in by.step(entry, entry.at)]


class Spy:
    """In the place of the way: keeps what comes to it."""

    def __init__(self) -> None:
        self.placed: list[Placed] = []

    def push(self, placed: Placed) -> list[PublishedStretch]:
        self.placed.append(placed)
        return []

    def cut(self) -> list[PublishedStretch]:
        return []


def spied(by: Recorder) -> list[Placed]:
    """What the recorder lets through from now on."""
    spy = Spy()
    assert by._chain is not None
    by._chain._way = spy  # type: ignore[assignment]
    return spy.placed


def streams(records: list[Record]) -> list[str]:
    """Without the totals of the day, which go with every stretch."""
    return [record.stream for record in records if record.stream != "day"]


def test_a_way_on_duty_and_inside_the_area_is_recorded() -> None:
    records = taken(recorder(), by_time(switched_on(), epochs([*WAY, *OUT]), braking(40)))
    assert streams(records) == ["harsh_braking", "track"]


@pytest.mark.parametrize(
    "edges",
    [
        [],
        [Pulse(0, "ignition", 1)],
        [Pulse(0, "switch", 1)],
        [Pulse(0, "ignition", 1), Pulse(0, "switch", 0)],
        [Pulse(0, "ignition", 0), Pulse(0, "switch", 1)],
        [Pulse(0, "ignition", 1), *(Pulse(0.5 + i / 100, "switch", i % 2) for i in range(9_000))],
    ],
    ids=[
        "nothing seen",
        "switch unknown",
        "ignition unknown",
        "switch off",
        "ignition off",
        "switch chatters",
    ],
)
def test_without_every_line_on_nothing_is_recorded(edges: list[Input]) -> None:
    by = recorder()
    assert taken(by, by_time(edges, epochs([*WAY, *OUT]), braking(40))) == []
    assert not by.on_duty


def test_a_switch_stuck_beyond_its_time_pauses() -> None:
    pins = {
        "switch": {"gpio": 22, "kind": "crew_switch", "stuck_after": "60 s"},
        "ignition": {"gpio": 27, "kind": "ignition"},
    }
    truck = configuration(pins=pins)
    agreed = agreement()
    by = Recorder(agreed, sensors(truck), duty(truck, agreed), floor_day=None)
    taken(by, by_time(switched_on(), epochs(WAY[:50])))
    assert by.on_duty
    taken(by, [Tick(61.0)])
    assert not by.on_duty


def test_the_crew_s_switch_takes_effect_within_a_second() -> None:
    by = recorder()
    taken(by, by_time(switched_on(), epochs(WAY[:60])))
    assert by.on_duty
    taken(by, [Pulse(60.0, "switch", 0), Tick(60.99)])
    assert not by.on_duty


def test_without_an_agreement_only_the_date_is_learned() -> None:
    by = Recorder(None, sensors(configuration()), ON, floor_day=None)
    assert taken(by, by_time(switched_on(), epochs([*WAY, *OUT]), braking(40))) == []
    moment = by.moment(100.0)
    assert moment is not None
    assert moment.day == TODAY


@pytest.mark.parametrize(
    ("end", "left"),
    [
        ("2027-08-30", []),
        ("2027-08-31", ["harsh_braking", "track"]),
    ],
)
def test_past_the_end_of_the_agreement_nothing_is_recorded(end: str, left: list[str]) -> None:
    agreed = agreement(change=lambda tree: tree.update(valid_until=end))
    assert streams(taken(recorder(agreed), by_time(switched_on(), epochs([*WAY, *OUT]), braking(40)))) == left


@pytest.mark.parametrize(("question", "left"), [(0, ["harsh_braking"]), (1, ["track"])])
def test_a_stream_stops_with_its_last_question_by_the_gnss_date(question: int, left: list[str]) -> None:
    def yesterday(tree: dict[str, Any]) -> None:
        asked = [one for one in tree["questions"] if ("track", "harsh_braking")[question] in one["needs"]]
        for one in asked:
            one["valid_until"] = iso_date(TODAY - 1)

    by = recorder(agreement(change=yesterday))
    assert streams(taken(by, by_time(switched_on(), epochs([*WAY, *OUT]), braking(40)))) == left


def test_a_question_ends_at_midnight_of_the_service_day_in_mid_drive() -> None:
    def today(tree: dict[str, Any]) -> None:
        tree["valid_until"] = iso_date(TODAY)
        del tree["duty"]["schedule"]

    way = epochs(straight(5800, -2900), utc_ms=(TODAY + 1) * DAY_MS - 100_000)
    records = taken(recorder(agreement(change=today)), by_time(switched_on(), way, braking(50), braking(150)))
    assert {record.day for record in records} == {TODAY}
    assert streams(records).count("harsh_braking") == 1


@pytest.mark.parametrize(
    "bad",
    [
        Spot(0, 0, 20.0, quality=0),
        Spot(0, 0, 20.0, quality=6),
        Spot(0, 0, 20.0, hdop=50.0),
        Spot(0, 0, 20.0, satellites=2),
    ],
    ids=["void", "dead reckoning", "weak", "few satellites"],
)
def test_a_way_of_bad_fixes_is_no_way(bad: Spot) -> None:
    way = [spot._replace(hdop=bad.hdop, satellites=bad.satellites, quality=bad.quality) for spot in WAY]
    assert taken(recorder(), by_time(switched_on(), epochs([*way, *OUT]), braking(40))) == []


@pytest.mark.parametrize(
    "reading",
    [
        {"latitude_e7": 900_000_001},
        {"longitude_e7": -1_800_000_001},
        {"latitude_e7": 0, "longitude_e7": 0},
        {"latitude_e7": None},
        {"speed_mps": math.nan},
        {"speed_mps": math.inf},
        {"hdop": math.nan},
        {"utc_ms": None},
        {"trusted": False},
        {"quality": "simulated"},
    ],
)
def test_what_is_no_number_or_out_of_range_goes_no_further(reading: dict[str, Any]) -> None:
    by = recorder(gate=ON)
    good = Fix(0.0, MORNING_MS, True, 400_000_000, -40_000_000, 20.0, None, None, 0.8, 9, "gnss")
    pushed = spied(by)
    for second in range(20):
        fix = good._replace(
            at=float(second), utc_ms=MORNING_MS + 1000 * second, latitude_e7=400_000_000 + 2000 * second
        )
        by._decoded(fix._replace(**reading))
    assert pushed == []


def test_a_simulated_receiver_teaches_a_truck_no_date_but_a_replay() -> None:
    fix = Fix(0.0, MORNING_MS, True, 400_000_000, -40_000_000, 20.0, None, None, 0.8, 9, "simulated")
    for replayed in (False, True):
        by = recorder(gate=ON, replayed=replayed)
        by._decoded(fix)
        assert (by.moment(0.0) is not None) is replayed


def test_bytes_that_are_no_nmea_leave_nothing_and_raise_nothing() -> None:
    by = recorder(gate=ON)
    junk: list[Input] = [Chunk(float(i), bytes([i % 256]) * 600 + b"$GPRMC,\xff*00\r\n") for i in range(300)]
    assert taken(by, junk) == []


def test_after_doubt_recording_waits_for_every_line_to_be_read_again() -> None:
    by = recorder()
    taken(by, by_time(switched_on(), epochs(WAY[:10])))
    by.doubt()
    assert not by.on_duty
    taken(by, [Tick(20.0)])
    assert not by.on_duty
    taken(by, [*switched_on(21.0), Tick(23.0)])  # these may be older than what was lost
    assert not by.on_duty
    by.trust()
    taken(by, [*switched_on(24.0), Tick(26.0)])  # the same levels as before: they count as seen again
    assert by.on_duty


def test_a_fix_measured_before_the_switch_came_on_is_not_used() -> None:
    by = recorder()
    placed = spied(by)
    entries = by_time([Pulse(0, "ignition", 1), Pulse(5.5, "switch", 1)], epochs(straight(220)))
    taken(by, entries)
    first_at = 7  # the fix of second 6 may have been measured up to a second earlier
    assert placed[0].second % 60 == first_at
    assert len(placed) == 12 - 1 - first_at


def test_a_few_fixes_behind_a_place_that_is_hidden_count_only_once_the_next_are_trusted() -> None:
    by = recorder(gate=ON)
    taken(by, epochs([*WAY[:20], Spot(0, 3000)]))
    placed = spied(by)
    taken(by, epochs(WAY[20:23], 21.0))
    assert placed == []  # one of the three is still an open epoch
    taken(by, epochs(WAY[23:24], 24.0))
    assert len(placed) == TRUST_FIXES
    taken(by, epochs([Spot(0, 3000), *WAY[24:26], Spot(0, 3000), *WAY[26:28], Spot(0, 3000)], 25.0))
    assert len(placed) == TRUST_FIXES + 1  # the open one; of the stray ones among hidden fixes none


def test_a_pulse_with_no_fix_or_a_stale_one_leaves_nothing() -> None:
    alone = by_time(switched_on(), braking(3), [Tick(30.0)])
    assert taken(recorder(), alone) == []
    stale = by_time(switched_on(), epochs(WAY[:30]), braking(36), [Tick(60.0)])
    assert taken(recorder(), stale) == []


def test_a_pulse_just_before_the_switch_goes_off_leaves_nothing() -> None:
    entries = by_time(switched_on(), epochs(WAY), braking(40), [Pulse(42, "switch", 0)])
    assert "harsh_braking" not in streams(taken(recorder(), entries))


def test_what_a_pulse_told_waits_for_the_next_publishable_place() -> None:
    by = recorder()
    taken(by, by_time(switched_on(), epochs(WAY[:41]), braking(38)))
    assert by.step(Tick(200.0), 200.0) == []
    assert "harsh_braking" in streams(taken(by, epochs(WAY[45:51], 201.0)))


@pytest.mark.parametrize("hidden", [epochs(OUT, 50.0), [Pulse(50.0, "switch", 0), Tick(52.0)]])
def test_what_a_pulse_told_is_dropped_where_nothing_may_be_published(hidden: list[Input]) -> None:
    by = recorder()
    taken(by, by_time(switched_on(), epochs(WAY[:41]), braking(39)))
    taken(by, [Tick(49.0), *hidden, Pulse(60.0, "switch", 1), Tick(62.0)])
    assert "harsh_braking" not in streams(taken(by, epochs(WAY[41:], 63.0)))


def test_a_pulse_tells_of_the_place_between_the_two_fixes_round_it() -> None:
    def cell(at: float) -> list[Record]:
        fast = straight(1300, -850, speed_mps=25.0)
        return [r for r in taken(recorder(), by_time(switched_on(), epochs(fast), braking(at))) if r.fields]

    before, behind = (  # second 34 is the cell's edge, at 0 m east
        [r.fields["longitude_deg"] for r in cell(at) if r.stream == "harsh_braking"] for at in (33.8, 34.2)
    )
    assert len(before) == len(behind) == 1
    assert before < behind


@pytest.mark.parametrize("hidden", [1, 2, 3, 9])
def test_hidden_fixes_after_a_start_lend_no_trust_to_those_behind_them(hidden: int) -> None:
    by = recorder(gate=ON)
    placed = spied(by)
    taken(by, epochs([*[Spot(0, 3000)] * hidden, *WAY[:3]]))
    assert placed == []
    taken(by, epochs(WAY[3:5], hidden + 3.0))
    assert len(placed) == TRUST_FIXES + 1


def test_above_the_speed_ceiling_a_braking_is_none_that_shows() -> None:
    def fast(fall: float) -> list[Record]:
        spots = [*straight(900, -900, speed_mps=30.0), Spot(30.0, 0, 30.0 - fall), *straight(900, 60.0)]
        return taken(recorder(), by_time(switched_on(), epochs(spots), braking(30.2)))

    (unmoved,), (slower,) = ([r.fields for r in fast(fall) if r.stream == "harsh_braking"] for fall in (0, 5))
    assert unmoved == slower


def test_a_checkpoint_holds_no_time_of_day_and_no_word_of_hidden_places() -> None:
    by = recorder()
    taken(by, by_time(switched_on(), epochs(WAY)))
    held = by.checkpoint()
    assert held is not None
    day, body = held
    assert day == TODAY
    tree = zlib.decompress(body).decode()
    assert not any(str(9 * 3600 + second) in tree for second in range(70))
    taken(by, epochs(OUT, 80.0))
    assert by.checkpoint_due()
    assert by.checkpoint() is None
    assert not by.checkpoint_due()


@pytest.mark.parametrize("body", [b"", b"nonsense", zlib.compress(b"[]"), zlib.compress(b'{"v":9}')])
def test_a_checkpoint_that_is_not_understood_counts_as_none(body: bytes) -> None:
    by = Recorder(agreement(), sensors(configuration()), ON, floor_day=None, resumed=body)
    assert by.checkpoint() is None
    assert streams(taken(by, epochs([*WAY, *OUT]))) == ["track"]


def test_a_checkpoint_under_another_agreement_counts_as_none() -> None:
    by = recorder()
    taken(by, by_time(switched_on(), epochs(WAY)))
    held = by.checkpoint()
    assert held is not None
    other = agreement(change=lambda tree: tree.update(version=2))
    fresh = Recorder(other, sensors(configuration()), ON, floor_day=None, resumed=held[1])
    assert fresh.checkpoint() is None


def test_when_the_next_day_has_begun_what_was_held_back_leaves() -> None:
    by = recorder()
    taken(by, by_time(switched_on(), epochs(WAY)))
    assert by.day_over(TODAY) == []
    assert streams(by.day_over(TODAY + 1)) == ["track"]
    assert by.day_over(TODAY + 2) == []


def test_a_parked_truck_is_off_duty_for_good() -> None:
    by = recorder(gate=ON)
    taken(by, epochs(WAY[:20]))
    by.park()
    assert not by.on_duty
    placed = spied(by)
    taken(by, epochs(WAY[20:], 21.0))
    assert placed == []


def test_a_port_that_was_lost_has_to_earn_its_trust_again() -> None:
    by = recorder(gate=ON)
    taken(by, [PortOpened(0.0, "usb", 9600), *epochs(WAY[:20])])
    assert by.port_ready
    taken(by, [PortLost(20.5, "unplugged")])
    assert not by.port_ready
    counted = spied(by)
    taken(by, epochs(WAY[20:26], 21.0))
    assert len(counted) == 6 - 1
    assert by.step(PortLost(30.0, "unplugged"), 30.0) == []
    taken(by, epochs(WAY[26:29], 31.0))  # two epochs and an open one: too few
    assert len(counted) == 6 - 1


def test_the_recorder_says_when_it_wants_to_be_asked_again() -> None:
    by = recorder()
    assert by.due is None
    by.step(Pulse(1.0, "ignition", 1), 1.0)
    assert by.due == 1.5  # the ignition's debounce


def test_dates_are_moved_on_past_a_rollover_by_the_floor() -> None:
    by = Recorder(agreement(), sensors(configuration()), ON, floor_day=TODAY - 100)
    long_ago_ms = MORNING_MS - 1024 * 7 * DAY_MS
    taken(by, epochs(WAY[:10], utc_ms=long_ago_ms))
    moment = by.moment(10.0)
    assert moment is not None
    assert moment.day == TODAY


def test_sentences_of_these_tests_hold_a_place_to_its_last_digit() -> None:
    point = Point(-400_000_001, 1_799_999_999)
    receiver = Receiver()
    receiver.feed(0.0, sentences(MORNING_MS, point))
    fix = receiver.flush(1.0)
    assert fix is not None
    assert (fix.latitude_e7, fix.longitude_e7, fix.utc_ms) == (*point, MORNING_MS)
