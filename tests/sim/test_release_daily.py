"""The daily release over days and weeks: R20, R11, R1, R2, silence on duty, nothing lost."""

from __future__ import annotations

import functools
import random
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from agent.agreement import Agreement
from agent.records import iso_date
from agent.release import LANES, SLOT_S, Lane, lane_of
from agent.replaying import replay, wait
from agent.service_day import DAY_S
from agent.wire import decode
from drivers.inputs import Input, Pulse
from tests.sim.drives import (
    AREA_M,
    TODAY,
    Spot,
    Witness,
    WitnessedOutbox,
    agreement,
    braking,
    by_time,
    epochs,
    fed,
    outbox,
    straight,
    switched_on,
    truck,
)

BEGINS_S = 9 * 3600
AWAY = Spot(2 * AREA_M, 0)
DARK_DAYS = 21
SLOTS_S: dict[Lane, list[int]] = {
    "truck": [hour * 3600 for hour in (4, 6, 15, 22)],
    "fleet": [hour * 3600 + 1800 for hour in (4, 21)],
}
ENVELOPES = {"track": 2, "lifts": 1, "day": 1, "site_visits": 1, "harsh_braking": 1, "box": 1}


@functools.cache
def agreed(scheduled: bool = False) -> Agreement:
    """Slots before, between and after shifts; a braking is held for a day."""

    def change(tree: dict[str, Any]) -> None:
        tree["release"]["slots"] = [_written(second) for second in SLOTS_S["truck"]]
        tree["release"]["fleet_slots"] = [_written(second) for second in SLOTS_S["fleet"]]
        tree["release"]["envelopes"] = ENVELOPES
        tree["streams"]["harsh_braking"]["held"] = "1 day"
        tree["duty"].pop("schedule", None)
        if scheduled:
            tree["duty"]["schedule"] = [{"from": "08:00", "to": "14:00"}]

    return agreement(change=change)


def _written(second: int) -> str:
    return f"{second // 3600:02d}:{second // 60 % 60:02d}"


def second_of_day(at: float) -> float:
    return (at + BEGINS_S) % DAY_S


def day_of(at: float) -> int:
    return int((at + BEGINS_S) // DAY_S)


def connections(link: Witness) -> list[float]:
    return [second_of_day(one[1]) for one in link.seen if one[0] == "connect"]


def sets(link: Witness) -> dict[int, Counter[str]]:
    """What left on each day, counted from the first."""
    found: dict[int, Counter[str]] = {}
    for one in link.published:
        found.setdefault(day_of(one.at), Counter())[decode(one.payload).heading.stream] += 1
    return found


def shift(rng: random.Random, start_s: float = 0.0) -> list[Input]:
    """A short drive with brakings, ending parked outside."""
    way = straight(3000 + 100 * rng.randrange(20), -1900, 10.0 * rng.randrange(20))
    return by_time(
        switched_on(start_s),
        epochs([*way, AWAY, AWAY], start_s),
        *(braking(start_s + rng.uniform(20, 120)) for _ in range(rng.randrange(3))),
        [Pulse(start_s + len(way) + 3, "switch", 0), Pulse(start_s + len(way) + 3, "ignition", 0)],
    )


def assert_fixed(link: Witness) -> None:
    """R20: one size; one fixed set a day and lane; each connection within a slot of one lane alone."""
    for day, found in sets(link).items():
        lanes = {lane_of(stream) for stream in found}
        assert found == {stream: count for stream, count in ENVELOPES.items() if lane_of(stream) in lanes}, (
            day
        )
    assert {len(one.payload) for one in link.published} <= {4096}
    for one in link.published:
        starts_s = SLOTS_S[lane_of(decode(one.payload).heading.stream)]
        assert any(0 <= second_of_day(one.at) - start_s < SLOT_S for start_s in starts_s)
    for what, at, *_ in link.seen:
        if what == "connect":
            assert (
                sum(0 <= second_of_day(at) - start_s < SLOT_S for lane in LANES for start_s in SLOTS_S[lane])
                == 1
            )


@pytest.mark.parametrize("seed", range(6))
def test_R20_daily_count_size_and_slots_are_fixed(seed: int, tmp_path: Path) -> None:
    """With and without data, power at random hours, restarts."""
    rng, link = random.Random(seed), Witness()
    for day in range(20):
        box = outbox(5, tmp_path / "outbox.db")
        runtime = truck(agreed(), box, link)
        start_s = float(day * DAY_S + rng.randrange(-2, 3) * 3600)
        if rng.random() < 0.5:
            fed(runtime, link, shift(rng, start_s))
        else:
            link.at = start_s
            fed(runtime, link, epochs([AWAY] * 4, start_s))
        wait(runtime, link, rng.choice([0.0, 3.0, 14.0, 19.5, 19.5]) * 3600)
        runtime.finish(link.at)
        box.close()
    assert_fixed(link)
    assert len(sets(link)) >= 3


def test_R20_days_with_and_without_a_drive_look_the_same() -> None:
    looks = []
    for entries in (shift(random.Random(1)), by_time(switched_on(), epochs([AWAY] * 4))):
        link = Witness()
        runtime = truck(agreed(), link=link)
        fed(runtime, link, entries)
        runtime.flush(link.at)
        wait(runtime, link, 3 * DAY_S - link.at)
        looks.append([(one[:3], len(one[3]) if one[0] == "publish" else None) for one in link.seen])
    assert looks[0] == looks[1]


def test_R20_a_slot_begins_at_its_second_whenever_the_truck_was_started() -> None:
    for phase_s in (0.0, 0.3, 17.9, 1234.5):
        link = Witness()
        runtime = truck(agreed(), link=link)
        fed(runtime, link, epochs([AWAY] * 4, phase_s))
        wait(runtime, link, DAY_S)
        starts = [int(second) for second in connections(link)]
        assert starts == [15 * 3600, 21 * 3600 + 1800, 4 * 3600, 4 * 3600 + 1800]


def test_brakings_and_the_truck_s_own_streams_never_share_a_connection() -> None:
    link = Witness()
    replay(truck(agreed(), link=link), link, shift(random.Random(2)))
    lanes: list[set[Lane]] = []
    for one in link.seen:
        if one[0] == "connect":
            lanes.append(set())
        elif one[0] == "publish":
            lanes[-1].add(lane_of(one[2].rpartition("/")[2]))
    assert [{"truck"}, {"fleet"}] == sorted(lanes[:2], key=lambda lane: "fleet" in lane)
    assert all(len(each) == 1 for each in lanes)


def test_weeks_of_missed_slots_lose_nothing() -> None:
    """21 days without coverage, then all of it leaves, one set a day, each record exactly once."""
    rng, box, dark, link = random.Random(7), outbox(), Witness(), Witness()
    dark.connect = lambda link, broker: None  # type: ignore[method-assign]
    runtime = truck(agreed(), box, dark)
    for day in range(DARK_DAYS):
        fed(runtime, dark, shift(rng, float(day * DAY_S)))
        wait(runtime, dark, 13 * 3600)
    assert dark.published == []
    runtime.finish(dark.at)
    runtime = truck(agreed(), box, link)
    link.at = float(DARK_DAYS * DAY_S)
    fed(runtime, link, epochs([AWAY] * 4, link.at))
    before = box.counts().kept
    assert before > 100
    wait(runtime, link, 40 * DAY_S)
    assert box.counts()[:2] == (0, 0)
    assert box.losses() == (0, 0, 0)
    assert_fixed(link)
    told = [(record["date"], record["stretch"]) for record in link.records("track")]
    assert told == sorted(set(told))
    days = [record["date"] for record in link.records("day")]
    assert days == [iso_date(TODAY + day) for day in range(DARK_DAYS)]
    assert Counter(date for date, _ in told) == {
        record["date"]: record["stretches"] for record in link.records("day")
    }


# Silence.


def test_a_day_with_duty_has_no_slot_any_more_whatever_the_switch_does() -> None:
    """Shifts over a slot, with a break right in it."""
    for pause in ([], [Pulse(200.0, "switch", 0)], [Pulse(200.0, "switch", 0), Pulse(200.0, "ignition", 0)]):
        link = Witness()
        runtime = truck(agreed(), link=link)
        on = by_time(switched_on(), epochs(straight(3000, -1900)), pause)
        fed(runtime, link, on)
        link.at = 210.0
        wait(runtime, link, 14.9 * 3600)  # until just before midnight
        assert link.seen == []
        runtime.recorder.park()
        wait(runtime, link, 12 * 3600)
        assert connections(link)[0] == 4 * 3600


def test_a_restart_in_a_break_uses_no_slot_either() -> None:
    box, link = outbox(), Witness()
    fed(truck(agreed(), box, link), link, by_time(switched_on(), epochs(straight(3000, -1900))))
    runtime = truck(agreed(), box, link)  # power was cut, and the switch is off
    fed(runtime, link, epochs([Spot(1000, 0)] * 4, 3000.0))
    wait(runtime, link, 14 * 3600)
    assert link.seen == []


def test_with_a_schedule_slots_outside_it_are_used_on_a_day_with_duty_too() -> None:
    link = Witness()
    runtime = truck(agreed(True), link=link)
    fed(runtime, link, shift(random.Random(3)))
    wait(runtime, link, 14 * 3600)
    assert connections(link) == [15 * 3600, 21 * 3600 + 1800]


def test_duty_is_noted_once_a_day_and_its_note_says_the_day_alone() -> None:
    box, link = WitnessedOutbox(outbox()), Witness()
    runtime = truck(agreed(), box, link)
    pause = [Pulse(60.0, "switch", 0), Pulse(70.0, "switch", 1)]
    fed(runtime, link, by_time(switched_on(), epochs(straight(3000, -1900)), pause))
    notes = [change["notes"]["duty_day"] for change in box.commits if "duty_day" in change["notes"]]
    assert notes == [(TODAY, b"")]


# R1, R2.


def moved(secret: list[Spot], edges: list[Input]) -> list[Any]:
    """All that leaves and all that is on disk of a drive with a pause that ends where it began."""
    box, link = WitnessedOutbox(outbox()), Witness()
    runtime = truck(agreed(), box, link)
    before, after = straight(2000, -2000), straight(1900, 0)
    off = [Pulse(len(before) - 0.5, "switch", 0), Pulse(len(before) + len(secret) - 0.5, "switch", 1)]
    way = epochs([*before, *secret, *after, AWAY, AWAY])
    replay(runtime, link, by_time(switched_on(), way, off, edges))
    return [*link.seen, *box.commits, *box.receipts(), box.counts()]


def test_R1_off_duty_nothing_that_depends_on_a_fix_is_recorded_kept_or_sent() -> None:
    stood = moved([Spot(0, 0, 0.0)] * 60, [])
    drove = moved([Spot(30.0 * i, 900.0, 30.0, 0.6, 12) for i in range(60)], braking(130.0))
    assert stood == drove


def test_R1_a_truck_that_is_never_on_duty_leaves_empty_envelopes() -> None:
    link = Witness()
    replay(truck(agreed(), link=link), link, by_time(epochs(straight(7800, -3900)), braking(100.0)))
    assert {payload.heading.stream for payload in link.payloads if payload.records} == {"box"}


@pytest.mark.parametrize("switched_s", [100.0, 100.35, 100.9])
def test_R2_a_pause_takes_effect_within_a_second(switched_s: float) -> None:
    runtime = truck(agreed())
    link = Witness()
    ons: list[tuple[float, bool]] = []
    for entry in by_time(switched_on(), epochs(straight(4000, -1900)), [Pulse(switched_s, "switch", 0)]):
        fed(runtime, link, [entry])
        ons.append((entry.at, runtime.recording))
    assert any(on for at, on in ons if at < switched_s)
    assert not any(on for at, on in ons if at >= switched_s + 1.0)


def test_R2_nothing_that_the_link_brings_switches_recording_on() -> None:
    link = Witness()
    runtime = truck(agreed(), link=link)
    fed(runtime, link, epochs(straight(2000, -1900)))
    wait(runtime, link, DAY_S)
    assert link.seen
    assert not runtime.recording


# R11.


def test_R11_what_has_left_is_gone_after_its_retention_and_what_has_not_after_the_maximum_age() -> None:
    def short(tree: dict[str, Any]) -> None:
        tree["duty"].pop("schedule", None)
        tree["streams"]["harsh_braking"]["held"] = "1 day"
        tree["limits"]["device_retention"] = "39 days"
        tree["streams"]["track"]["retention"] = "10 days"

    box, link = outbox(), Witness()
    runtime = truck(agreement(change=short), box, link)
    fed(runtime, link, shift(random.Random(1)))
    runtime.flush(link.at)
    wait(runtime, link, 9 * DAY_S)
    assert list(box.receipts("track"))
    wait(runtime, link, 4 * DAY_S)
    days = {receipt.day for receipt in box.receipts("track")}
    assert min(days) >= TODAY + 2
    dark = Witness()
    dark.connect = lambda link, broker: None  # type: ignore[method-assign]
    box = outbox()
    runtime = truck(agreement(change=short), box, dark)
    fed(runtime, dark, shift(random.Random(1)))
    runtime.flush(dark.at)
    wait(runtime, dark, 38 * DAY_S)
    assert box.losses().expired == 0
    wait(runtime, dark, 4 * DAY_S)
    assert box.losses().expired > 0
    assert box.kept("track", TODAY + 1) == []
