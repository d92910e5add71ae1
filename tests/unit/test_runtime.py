"""What left its filters arrives at least once, whatever the link and the disk do; and nothing else does."""

from __future__ import annotations

import itertools
import random
from collections import Counter, deque
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from agent.agreement import Agreement
from agent.columns import STREAMS
from agent.keeping import ACKNOWLEDGED_KEPT_S, CHECKPOINT_NOTE, HOUSEKEEPING_S, PENDING_RECORDS_MAX
from agent.recording.recorder import Recorder
from agent.records import Record, iso_date
from agent.release import SLOT_S
from agent.replaying import wait
from agent.runtime import FAULTS_MAX
from agent.sealing import opened
from agent.service_day import DAY_S
from agent.wire import Payload, decode, digest
from buffer.outbox import Outbox, OutboxDamaged, OutboxLost
from drivers.inputs import Acknowledged, Chunk, Input, LinkDown, LinkUp, Pulse, Tick
from drivers.mqtt_options import LinkError
from tests.sim.drives import (
    AREA_M,
    DAY_MS,
    MORNING_MS,
    ON,
    TODAY,
    Spot,
    Witness,
    WitnessedOutbox,
    agreement,
    by_time,
    epochs,
    fed,
    outbox,
    straight,
    switched_on,
    ticks,
    truck,
)

BEGINS_H = 9
ENVELOPES = agreement().file.release.envelopes  # type: ignore[union-attr]
SET = sum(ENVELOPES.values())
TRUCK_SET = SET - ENVELOPES["harsh_braking"]


class LossyLink:
    """A link that loses what it is told to: by chance, drawn from `rng`.

    `kept` is what its broker truly has, `sent` every attempt. It never delivers twice by itself, never reorders,
    and keeps what it has taken. `refusal` names why the broker refuses a payload, or None.
    """

    def __init__(self, rng: random.Random, refusal: Callable[[bytes], str | None] = lambda _: None) -> None:
        self.at = 0.0
        self.answers: deque[Input] = deque()
        self.sent: list[tuple[str, bytes]] = []
        self.kept: list[tuple[str, bytes]] = []
        self.acknowledged: set[bytes] = set()
        self.loss = 0.0
        self._rng = rng
        self._refusal = refusal
        self._link = 0
        self._mid = 0

    def _unlucky(self) -> bool:
        return self._rng.random() < self.loss

    def connect(self, link: int, broker: str) -> None:
        self._link = link
        if self._unlucky():
            self.answers.append(LinkDown(self.at, link, "refused"))
        elif not self._unlucky():
            self.answers.append(LinkUp(self.at, link, broker))  # else no answer at all

    def publish(self, topic: str, payload: bytes) -> int:
        if self._unlucky():
            raise LinkError("not now")
        self._mid += 1
        self.sent.append((topic, payload))
        if self._unlucky():
            if self._unlucky():
                self.answers.append(LinkDown(self.at, self._link, "gone"))
            return self._mid
        refusal = self._refusal(payload)
        if refusal is None:
            self.kept.append((topic, payload))
        if not self._unlucky():
            self.answers.append(Acknowledged(self.at, self._link, self._mid, refusal))
            if refusal is None:
                self.acknowledged.add(payload)
        return self._mid

    def disconnect(self) -> None:
        self._link = -1


class FailingOutbox(WitnessedOutbox):
    """An outbox whose changes numbered in `failing` (from 1) meet a full disk and change nothing."""

    def __init__(self, box: Outbox, failing: set[int] | None = None) -> None:
        super().__init__(box)
        self.failing = failing or set()
        self.changes = 0

    def commit(self, **change: Any) -> None:
        self.changes += 1
        if self.changes in self.failing:
            raise OutboxLost("database or disk is full")
        super().commit(**change)


def timed() -> Agreement:
    return agreement("operations")


def lap(seconds: int = 900) -> list[Input]:
    """There and back again within the service area, 20 m/s."""
    way = [Spot(20.0 * i if i < 150 else 20.0 * (300 - i), 0) for i in [*range(300)] * (seconds // 300)]
    return epochs(way)


def numbers(payloads: list[bytes]) -> dict[str, list[int]]:
    found: dict[str, list[int]] = {}
    for payload in map(decode, payloads):
        found.setdefault(payload.heading.stream, []).append(payload.heading.n)
    return found


def sealed_all(box: Any) -> dict[str, list[int]]:
    heads = {stream: box.head(stream).n for stream in STREAMS}
    return {stream: list(range(1, n + 1)) for stream, n in heads.items() if n}


# The fakes.


def test_a_lossy_link_without_losses_keeps_and_acknowledges_everything() -> None:
    link = LossyLink(random.Random(1))
    link.connect(1, "a")
    assert [link.publish("t", bytes([i])) for i in range(3)] == [1, 2, 3]
    assert link.kept == link.sent == [("t", b"\0"), ("t", b"\1"), ("t", b"\2")]
    assert [type(answer) for answer in link.answers] == [LinkUp, Acknowledged, Acknowledged, Acknowledged]


def test_a_lossy_link_loses_in_every_way() -> None:
    link = LossyLink(random.Random(1))
    link.loss = 0.4
    seen: Counter[str] = Counter()
    for i in range(300):
        link.answers.clear()
        link.connect(i, "a")
        seen["up" if any(isinstance(a, LinkUp) for a in link.answers) else "not up"] += 1
        before = len(link.kept), len(link.answers)
        try:
            link.publish("t", b"")
        except LinkError:
            seen["raised"] += 1
            continue
        kept, answered = len(link.kept) > before[0], len(link.answers) > before[1]
        seen[f"{'kept' if kept else 'lost'} and {'answered' if answered else 'silent'}"] += 1
    assert set(seen) == {
        "up",
        "not up",
        "raised",
        "kept and answered",
        "kept and silent",
        "lost and answered",
        "lost and silent",
    }


def test_an_acknowledgement_of_what_was_not_kept_never_comes() -> None:
    link = LossyLink(random.Random(2))
    link.loss = 0.5
    for i in range(200):
        try:
            link.publish("t", str(i).encode())
        except LinkError:
            continue
    assert link.acknowledged <= {payload for _, payload in link.kept}


# The link.


@pytest.mark.parametrize("seed", range(4))
def test_whatever_the_link_loses_every_batch_arrives_and_retries_are_the_same_bytes(seed: int) -> None:
    box, link = WitnessedOutbox(outbox()), LossyLink(random.Random(seed))
    runtime = truck(timed(), box, link, ON)
    link.loss = 0.3
    for entry in lap(900):
        fed(runtime, link, [entry])
        receipts = {receipt.payload for receipt in box.receipts()}
        assert receipts <= link.acknowledged  # marked only when acknowledged
    link.loss = 0.0
    fed(runtime, link, ticks(900, 900 + 3 * 3600, 20))
    kept = numbers([payload for _, payload in link.kept])
    assert {stream: sorted(set(found)) for stream, found in kept.items()} == sealed_all(box)
    assert sum(map(len, sealed_all(box).values())) >= 14
    assert len(link.sent) > len(set(link.sent))  # there were retries
    by_key: dict[tuple[str, int], set[bytes]] = {}
    for _, payload in link.sent:
        heading = decode(payload).heading
        by_key.setdefault((heading.stream, heading.n), set()).add(payload)
    assert {len(payloads) for payloads in by_key.values()} == {1}
    assert box.counts().unsent == 0


def test_without_a_broker_everything_waits_and_then_leaves_in_order() -> None:
    box, link = outbox(), LossyLink(random.Random(1))
    runtime = truck(timed(), box, link, ON)
    link.loss = 1.0
    fed(runtime, link, lap(600))
    assert box.counts().unsent >= 9
    assert link.kept == []
    link.loss = 0.0
    fed(runtime, link, ticks(600, 600 + 7200, 20))
    assert numbers([payload for _, payload in link.kept]) == sealed_all(box)


def test_what_the_broker_refuses_for_good_is_set_aside_and_the_rest_goes_on() -> None:
    def refusal(payload: bytes) -> str | None:
        heading = decode(payload).heading
        return "Payload format invalid" if (heading.stream, heading.n) == ("track", 3) else None

    box, link = outbox(), LossyLink(random.Random(1), refusal)
    runtime = truck(timed(), box, link, ON)
    fed(runtime, link, lap(900))
    fed(runtime, link, ticks(900, 1800, 20))
    assert [(receipt.stream, receipt.n) for receipt in box.receipts() if receipt.state == "refused"] == [
        ("track", 3)
    ]
    assert box.losses().refused == 1
    assert sum(decode(payload).heading.n == 3 for topic, payload in link.sent if topic.endswith("track")) == 1
    assert box.counts().unsent == 0
    assert runtime.counts.refused == 1


def test_topics_carry_the_truck_except_for_braking() -> None:
    link = Witness()
    fed(truck(agreement(), outbox(), link, ON), link, [*lap(300), *ticks(300, 3 * DAY_S)])
    assert {one.topic for one in link.published} == {
        "fairhaul/v1/springfield/harsh_braking",
        *(f"fairhaul/v1/springfield/truck-017/{stream}" for stream in ENVELOPES if stream != "harsh_braking"),
    }


# The disk.


def test_records_are_at_risk_for_no_longer_than_agreed() -> None:
    box, link = WitnessedOutbox(outbox()), Witness()
    runtime = truck(agreement(), box, link, ON)
    left_at: list[float] = []
    ask = runtime.recorder.step

    def noted(entry: Input, now: float) -> list[Record]:
        records = ask(entry, now)
        left_at.extend([now] * len(records))
        return records

    runtime.recorder.step = noted  # type: ignore[method-assign]
    risked = []
    for entry in lap(1200):
        before = len(box.commits)
        fed(runtime, link, [entry])
        if len(box.commits) > before:
            risked += [entry.at - at for at in left_at]
            left_at.clear()
    assert risked
    assert max(risked) <= 10.0
    assert min(risked) >= 10.0 - 2 * HOUSEKEEPING_S  # and no commit sooner than need be


def test_the_loop_wakes_in_time_to_commit_when_nothing_comes_in() -> None:
    runtime = truck(agreement(), outbox(), Witness(), ON)
    runtime._keeping.add([Record("track", TODAY, {})], 100.0)
    assert runtime.wait_s(105.0) <= 4.0
    assert runtime.wait_s(109.0) == 0.0


def test_nothing_is_committed_while_there_is_nothing_to_keep() -> None:
    box, link = WitnessedOutbox(outbox()), Witness()
    runtime = truck(agreement(), box, link, ON)
    fed(runtime, link, epochs([Spot(0, 0, 0.0)] * 1200))
    assert [(change["keep"], change["seal"]) for change in box.commits] == [([], [])] * len(box.commits)
    assert "duty_day" in box.commits[0]["notes"]
    assert len(box.commits) <= 3  # what is held back, once the truck stands


def test_acknowledgements_ride_with_the_next_commit() -> None:
    box, link = WitnessedOutbox(outbox()), Witness()
    runtime = truck(timed(), box, link, ON)
    fed(runtime, link, lap(900))
    releases = sum(bool(change["seal"]) for change in box.commits)
    assert releases >= 14
    assert len(box.commits) - releases <= 2
    fed(runtime, link, ticks(900, 900 + ACKNOWLEDGED_KEPT_S + 70, 10))
    assert box.counts().unsent == 0  # and alone when there is no next one


@pytest.mark.parametrize("agreed", [timed(), agreement()], ids=["timed", "daily"])
def test_the_disk_may_fail_at_any_change_and_nothing_is_lost(
    agreed: Agreement, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    entries = [*lap(600), *ticks(600, 2 * DAY_S)]
    number, whole = 0, None
    while True:
        box, link = FailingOutbox(outbox(), {number, number + 1} if number else set()), Witness()
        caplog.clear()
        fed(truck(agreed, box, link, ON), link, entries)
        assert box.counts().unsent == 0
        whole = whole or link.records("track")
        assert link.records("track") == whole
        said = [record.getMessage().split(" (")[0] for record in caplog.records]
        lost = number and number <= box.changes
        assert said == (["the outbox can't be written", "the outbox can be written again"] if lost else [])
        if number > box.changes:
            break
        number += 1 if number < 4 else 5
    assert number > 4


def test_a_release_that_the_disk_refused_is_tried_again_in_the_slot() -> None:
    box, link = FailingOutbox(outbox()), Witness()
    runtime = truck(agreement(), box, link, ON)
    fed(runtime, link, epochs([Spot(0, 0)] * 4))
    slot = morning(1, 4.5)
    box.failing = set(range(box.changes, box.changes + 6))
    fed(runtime, link, ticks(slot, slot + 120, 1.0))
    assert [len(change["seal"]) for change in box.commits if change["seal"]] == [TRUCK_SET]
    assert len(link.records("box")) == 1


class Unreadable(WitnessedOutbox):
    """An outbox that can't be read while `lost`."""

    lost = False

    def unsent(self, *words: Any) -> Any:
        if self.lost:
            raise OutboxLost("disk I/O error")
        return self._outbox.unsent(*words)

    def kept(self, *words: Any) -> Any:
        if self.lost:
            raise OutboxLost("disk I/O error")
        return self._outbox.kept(*words)


def test_a_release_whose_disk_could_not_be_read_is_tried_again_in_the_slot() -> None:
    box, link = Unreadable(outbox()), Witness()
    runtime = truck(agreement(), box, link, ON)
    fed(runtime, link, epochs([Spot(0, 0)] * 4))
    slot = morning(1, 4.5)
    box.lost = True
    fed(runtime, link, ticks(slot, slot + 60, 1.0))
    box.lost = False
    fed(runtime, link, ticks(slot + 60, slot + 180, 1.0))
    assert [len(change["seal"]) for change in box.commits if change["seal"]] == [TRUCK_SET]
    assert len(link.records("box")) == 1


def test_a_disk_that_can_t_be_read_stops_nothing() -> None:
    box, link = Unreadable(outbox()), Witness()
    runtime = truck(timed(), box, link, ON)
    entries = lap(900)
    fed(runtime, link, entries[:300])
    box.lost = True
    fed(runtime, link, entries[300:600])
    box.lost = False
    fed(runtime, link, entries[600:])
    fed(runtime, link, ticks(900, 1500, 10))
    assert numbers([one.payload for one in link.published]) == sealed_all(box)
    assert box.counts().unsent == 0


def test_a_damaged_file_ends_the_agent_so_that_a_restart_sets_it_aside() -> None:
    class Damaged(WitnessedOutbox):
        def commit(self, **change: Any) -> None:
            raise OutboxDamaged("malformed")

    link = Witness()
    with pytest.raises(OutboxDamaged):
        fed(truck(timed(), Damaged(outbox()), link, ON), link, lap(300))


def test_memory_is_bounded_while_the_disk_is_lost_and_what_found_no_room_is_told() -> None:
    box, link = FailingOutbox(outbox(), set(range(1, 10_000))), Witness()
    runtime = truck(timed(), box, link, ON)
    fields = {"date": iso_date(TODAY), "stretch": 1, "running_s": 10, "path": [[40.0, -4.0]], "s": [0]}
    runtime._keeping.add([Record("track", TODAY, fields)] * (PENDING_RECORDS_MAX - 1), 0.0)
    runtime._keeping.add([Record("track", TODAY, fields)] * 3, 0.0)
    assert runtime.counts.dropped == 2
    assert len(runtime._keeping.pending) == PENDING_RECORDS_MAX
    box.failing = set()
    fed(runtime, link, epochs(straight(1400)))
    assert link.records("box")[0]["lost"]["evicted"] == 2


# Faults in the recording half.


def broken(self: Recorder, fix: Any) -> list[Record]:
    raise ValueError("at 40.123456, -4.123456")


def test_an_exception_in_recording_leaves_nothing_and_tells_nothing_of_the_place(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    box, link = WitnessedOutbox(outbox()), Witness()
    runtime = truck(timed(), box, link, ON)
    monkeypatch.setattr(Recorder, "_decoded", broken)
    fed(runtime, link, lap(300)[: FAULTS_MAX // 2])
    assert link.seen == []
    assert box.commits == []
    assert "ValueError" in caplog.text
    assert "40.1" not in caplog.text
    assert "4.12" not in caplog.text
    assert "Traceback" not in caplog.text


def test_too_many_faults_end_the_agent_without_a_word_of_what_they_held(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    link = Witness()
    runtime = truck(timed(), outbox(), link, ON)
    monkeypatch.setattr(Recorder, "_decoded", broken)
    with pytest.raises(RuntimeError, match=f"failed {FAULTS_MAX} times, last with ValueError") as caught:
        fed(runtime, link, lap(300))
    assert caught.value.__context__ is None
    assert runtime.counts.faults == FAULTS_MAX + 1


def test_after_a_fault_recording_starts_anew_and_numbers_go_on(monkeypatch: pytest.MonkeyPatch) -> None:
    link = Witness()
    runtime = truck(agreement(), outbox(), link, ON)
    way = straight(7800, -3900)
    entries = epochs(way)
    sound = Recorder._decoded
    for i, entry in enumerate(entries):
        if i == 200:
            monkeypatch.setattr(Recorder, "_decoded", lambda self, fix: 1 / 0)
        fed(runtime, link, [entry])
        if i == 200:
            monkeypatch.setattr(Recorder, "_decoded", sound)
    fed(runtime, link, ticks(len(way), 2 * DAY_S))
    stretches = [record["stretch"] for record in link.records("track")]
    assert stretches == list(range(1, len(stretches) + 1))
    assert len(stretches) >= 3
    assert runtime.counts.faults == 1


def test_after_a_fault_the_switch_has_to_be_seen_again(monkeypatch: pytest.MonkeyPatch) -> None:
    link = Witness()
    runtime = truck(timed(), outbox(), link)
    fed(runtime, link, by_time(switched_on(), lap(300)[:30]))
    assert runtime.recorder.on_duty
    monkeypatch.setattr(Recorder, "_line", lambda self, seen: 1 / 0)
    fed(runtime, link, [Pulse(30.0, "switch", 0), Tick(30.5)])
    monkeypatch.undo()
    fed(runtime, link, [Chunk(31.0, b""), Tick(40.0)])
    assert not runtime.recorder.on_duty  # although nobody has told it that the switch is off
    runtime.recorder.trust()
    fed(runtime, link, [*switched_on(41.0), Tick(43.0)])
    assert runtime.recorder.on_duty


# What may leave.


def test_without_an_agreement_only_the_box_leaves_and_says_so() -> None:
    link = Witness()
    fed(truck(None, outbox(), link, ON), link, [*lap(600), *ticks(600, 2 * DAY_S)])
    assert {payload.heading.stream for payload in link.payloads} == {"box"}
    assert {record["agreement"] for record in link.records("box")} == {"none"}
    assert {payload.heading.agreement.id for payload in link.payloads} == {"none"}


def test_what_was_sealed_under_an_agreement_that_is_gone_stays() -> None:
    box, dark = outbox(), LossyLink(random.Random(1))
    dark.loss = 1.0
    fed(truck(timed(), box, dark, ON), dark, lap(900))
    assert box.counts().unsent >= 14
    link = Witness()
    runtime = truck(None, box, link, ON)
    fed(runtime, link, [*epochs(straight(200), 0, utc_ms=MORNING_MS + 1_000_000), *ticks(20, 2 * DAY_S)])
    assert {payload.heading.stream for payload in link.payloads} == {"box"}
    assert len(link.payloads) >= 2
    assert runtime.quiet


def test_past_its_end_nothing_but_the_box_leaves_under_an_agreement_not_even_what_was_kept() -> None:
    link = Witness()
    ending = agreement(change=lambda tree: tree.update(valid_until=iso_date(TODAY)))
    runtime = truck(ending, outbox(), link, ON)
    fed(runtime, link, [*lap(600), *ticks(600, 3 * DAY_S)])
    assert runtime.outbox.counts().kept > 0
    later = [p for one, p in zip(link.published, link.payloads, strict=True) if one.at > morning(1, 0)]
    assert {payload.heading.stream for payload in later} == {"box"}
    assert link.records("track") == []


def stops(every_s: int, stand_s: int, seconds: int, mps: float = 5.0) -> list[Input]:
    """A round eastwards that stands for so long in so many seconds."""
    east_m, way = 0.0, []
    for second in range(seconds):
        east_m += mps if second % every_s < every_s - stand_s else 0.0
        way.append(Spot(east_m, 0.0, mps))
    return epochs(way)


@pytest.mark.parametrize(
    ("agreed", "stands", "least", "most"),
    [
        ("routes-and-safety", (40, 20, 5.0), 14, 40),
        ("operations", (40, 20, 5.0), 9, 14),
        ("operations", (20, 12, 20.0), 20, 40),
    ],
)
def test_a_stand_is_worth_a_commit_unless_a_release_is_near_and_so_is_the_last_place_on_disk(
    agreed: str, stands: tuple[int, int, float], least: int, most: int
) -> None:
    """Ten minutes with a stand every 100 or 160 m: a release each minute brings the way that was held back."""
    link = Witness()
    runtime = truck(agreement(agreed), outbox(), link, ON)
    every_s, stand_s, mps = stands
    fed(runtime, link, stops(every_s, stand_s, 600, mps))
    assert least <= runtime.counts.commits <= most


def test_without_releases_for_two_minutes_a_stand_waits_no_longer() -> None:
    """A date that was a day ahead and is corrected leaves a truck without releases for the rest of the day."""
    link = Witness()
    runtime = truck(timed(), outbox(), link, ON)
    fed(runtime, link, stops(40, 20, 300))
    runtime._terms.release.due = lambda now: []  # type: ignore[method-assign]
    before = runtime.counts.commits
    later = [entry._replace(at=entry.at + 300.0) for entry in stops(40, 20, 600)]
    fed(runtime, link, later)
    assert runtime.counts.commits - before >= 8


def test_a_pause_waits_for_no_release() -> None:
    link = Witness()
    runtime = truck(timed(), outbox(), link)
    fed(runtime, link, by_time(switched_on(), epochs(straight(500))))
    before = runtime.outbox.note(CHECKPOINT_NOTE)
    paused = [Pulse(26.0, "switch", 0), *(Tick(26.0 + i / 2) for i in range(1, 8))]
    fed(runtime, link, paused)
    assert runtime.outbox.note(CHECKPOINT_NOTE) != before


def test_a_pulse_moves_no_moment_at_which_something_is_kept_or_leaves() -> None:
    seen = []
    for edges in ([], [Pulse(0.3 + 0.9 * i, "brake", i % 2) for i in range(800)]):
        box, link = WitnessedOutbox(outbox()), Witness()
        runtime = truck(timed(), box, link, ON)
        slow = epochs([Spot(20.0 * i, 0) for i in range(180)], step_s=1.7)
        fed(runtime, link, by_time(slow, edges))
        seen.append((link.seen, [change["seal"] for change in box.commits if change["seal"]]))
    assert seen[0] == seen[1]


# The daily release.


def morning(day: int, hour: float) -> float:
    """Seconds since the drive began (09:00 UTC) of an hour of a later day."""
    return (hour - BEGINS_H) * 3600 + day * DAY_S


def connected(link: Witness) -> list[tuple[float, float]]:
    times = [(one[0], one[1]) for one in link.seen if one[0] in ("connect", "disconnect")]
    ups, downs = ([at for what, at in times if what == each] for each in ("connect", "disconnect"))
    return list(zip(ups, downs, strict=True))


def test_a_daily_release_is_one_set_of_equal_envelopes_a_day_in_the_first_slot_and_silence_otherwise() -> (
    None
):
    link = Witness()
    runtime = truck(agreement(), outbox(), link, ON)
    fed(runtime, link, epochs([*straight(7800, -3900), Spot(2 * AREA_M, 0)]))
    wait(runtime, link, morning(4, 8) - link.at)
    sets: dict[float, Counter[str]] = {}
    for one in link.published:
        sets.setdefault((one.at + BEGINS_H * 3600) // DAY_S, Counter())[
            decode(one.payload).heading.stream
        ] += 1
        assert len(one.payload) == 4096
    # On the day of the drive at 15:00, in the slot after its start; then every day in the first slot.
    assert sets == dict.fromkeys((0, 1, 2, 3, 4), ENVELOPES)
    assert [record["date"] for record in link.records("box")] == [iso_date(TODAY + day) for day in range(5)]
    slots_h = [15.0, 15.25, *[4.0, 4.25] * 4]
    for (start, end), slot_h in zip(connected(link), slots_h, strict=True):
        hour_s = (start + BEGINS_H * 3600) % DAY_S
        assert hour_s == slot_h * 3600
        assert start <= end <= start + SLOT_S


def test_after_days_without_power_one_set_leaves_and_what_finds_no_room_waits() -> None:
    def small(tree: dict[str, Any]) -> None:
        tree["release"]["envelopes"] = dict.fromkeys(ENVELOPES, 1)
        tree["release"]["size"] = "2048 B"

    box, link = outbox(), Witness()
    agreed = agreement(change=small)
    rng = random.Random(4)
    way = [Spot(20.0 * i - 3900, 400 * rng.random()) for i in range(390)]
    for day in range(5):  # parked far from any slot
        runtime = truck(agreed, box, link, ON)
        noon = MORNING_MS + 3 * 3_600_000 + day * DAY_MS
        fed(runtime, link, epochs([*way, Spot(2 * AREA_M, 0), Spot(2 * AREA_M, 0)], utc_ms=noon))
        runtime.finish(400.0)
    assert link.published == []
    kept = sum(len(opened(row.body)) for row in box.kept("track", TODAY + 9))
    runtime = truck(agreed, box, link, ON)
    dawn = epochs([Spot(2 * AREA_M, 0)] * 4, utc_ms=MORNING_MS - 6 * 3_600_000 + 5 * DAY_MS)
    counts = []
    fed(runtime, link, dawn)
    for day in range(4):
        fed(runtime, link, ticks(day * DAY_S, (day + 1) * DAY_S))
        counts.append(len(link.published))
    assert counts == [6, 12, 18, 24]
    told = [(record["date"], record["stretch"]) for record in link.records("track")]
    assert told == sorted(told)
    assert 0 < len(told) <= kept


def test_a_restart_on_the_same_day_releases_nothing_again() -> None:
    box, link = outbox(), Witness()
    for _ in range(3):
        runtime = truck(agreement(), box, link, ON)
        fed(runtime, link, epochs([Spot(0, 0)] * 4, utc_ms=MORNING_MS + 6 * 3_600_000))
        fed(runtime, link, ticks(10, 500, 10))
        runtime.finish(500.0)
    assert len(link.published) == TRUCK_SET


def test_a_set_that_did_not_arrive_leaves_in_a_later_slot_and_no_second_one_that_day() -> None:
    box, link = outbox(), LossyLink(random.Random(1))
    runtime = truck(agreement(), box, link, ON)
    link.loss = 1.0
    fed(runtime, link, [*epochs([Spot(0, 0)] * 4), *ticks(10, morning(0, 23), 60)])
    assert link.kept == []
    link.loss = 0.0
    fed(runtime, link, ticks(morning(0, 23), morning(1, 23), 60))
    a_day = ENVELOPES["track"]
    assert numbers([payload for _, payload in link.kept])["track"] == list(range(1, a_day + 1))
    fed(runtime, link, ticks(morning(1, 23), morning(2, 23), 60))
    assert numbers([payload for _, payload in link.kept])["track"] == list(range(1, 2 * a_day + 1))


def test_braking_waits_for_its_days_and_leaves_with_the_fleet_s_own_numbers() -> None:
    box, link = outbox(), Witness()
    runtime = truck(agreement(), box, link)
    edges = [Pulse(40.0, "brake", 1), Pulse(40.2, "brake", 0)]
    fed(runtime, link, by_time(switched_on(), epochs(straight(2000)), edges))
    fed(runtime, link, ticks(200, 31 * DAY_S))
    found = [
        ((one.at + BEGINS_H * 3600) // DAY_S, payload.records)
        for one, payload in zip(link.published, link.payloads, strict=True)
        if payload.heading.stream == "harsh_braking" and payload.records
    ]
    assert [(day, len(records)) for day, records in found] == [(29, 1)]


# Restarts.


def chained(payloads: list[tuple[bytes, Payload]]) -> bool:
    return all(
        digest(before[0]).startswith(after[1].heading.prev) and after[1].heading.n == before[1].heading.n + 1
        for before, after in itertools.pairwise(payloads)
    )


@pytest.mark.parametrize("agreed", [timed(), agreement()], ids=["timed", "daily"])
@pytest.mark.parametrize("killed", [True, False])
def test_a_restart_in_mid_drive_goes_on_with_numbers_chain_and_stretches(
    agreed: Agreement, killed: bool, tmp_path: Path
) -> None:
    entries = epochs(
        [*straight(7800, -3900), *straight(7800, -3900, 50.0), Spot(2 * AREA_M, 0), Spot(2 * AREA_M, 0)]
    )
    link = Witness()
    for part in (entries[:330], entries[330:]):
        box = outbox(5, tmp_path / "outbox.db")
        runtime = truck(agreed, box, link, ON)
        fed(runtime, link, part)
        if not killed:
            runtime.finish(part[-1].at)
        if part[-1] is entries[-1]:
            fed(runtime, link, ticks(part[-1].at, 2 * DAY_S))
        box.close()
    for stream in ("track", "box"):
        found = {
            (p.heading.epoch, p.heading.n): (one.payload, p)
            for one, p in zip(link.published, link.payloads, strict=True)
            if p.heading.stream == stream
        }
        assert len({epoch for epoch, _ in found}) == 1
        assert chained(sorted(found.values(), key=lambda pair: pair[1].heading.n))
    stretches = [r["stretch"] for r in _without_repeats(link) if r["date"] == iso_date(TODAY)]
    assert stretches == list(range(1, len(stretches) + 1))
    assert len(stretches) >= 5


def _without_repeats(link: Witness) -> list[dict[str, Any]]:
    found = {p.heading.n: p.records for p in link.payloads if p.heading.stream == "track"}
    return [record for n in sorted(found) for record in found[n]]


def test_a_restart_after_midnight_of_the_service_day_does_not_throw_the_date_years_ahead() -> None:
    """What was sealed has a service day ahead of UTC; it once became the floor that dates were moved beyond."""

    def far_east(tree: dict[str, Any]) -> None:
        tree["duty"]["time_zone"] = "Pacific/Kiritimati"  # UTC + 14

    agreed = agreement("operations", far_east)
    box, link = outbox(), Witness()
    late_ms = MORNING_MS + 3 * 3_600_000  # 12:00 UTC is 02:00 of the next service day there
    for _ in range(2):
        runtime = truck(agreed, box, link, ON, replayed=False)
        fed(runtime, link, epochs([Spot(20.0 * i, 0) for i in range(150)], utc_ms=late_ms))
        runtime.finish(200.0)
    assert runtime.now is not None
    assert runtime.now.day == TODAY + 1
    assert {record["date"] for record in link.records("track")} == {iso_date(TODAY + 1)}
