"""What a hostile review found, each as a test: hidden inputs that moved what left, and gates that reopened."""

from __future__ import annotations

from collections.abc import Iterable
from zoneinfo import ZoneInfo

import pytest

from agent.paper import PaperLink
from agent.records import Record, iso_date
from agent.release import Daily
from agent.runtime import Runtime
from agent.sealing import readable, rows
from agent.service_day import BELIEVED_AFTER_S, Moment, ServiceDays
from buffer.outbox import Kept
from drivers.inbox import Inbox
from drivers.inputs import Chunk, Input, Pulse, Stop, Tick
from tests.sim.drives import (
    DAY_MS,
    MORNING_MS,
    TODAY,
    Spot,
    Witness,
    agreement,
    braking,
    by_time,
    epochs,
    fed,
    outbox,
    sentences,
    straight,
    switched_on,
    truck,
)

HIDDEN = Spot(0, 3000)


def paced(runtime: Runtime, link: PaperLink, entries: Iterable[Input], end: float) -> None:
    """As the live loop steps: it waits as long as the runtime says, then ticks."""
    waiting, now = list(entries), 0.0
    while now < end:
        due = now + runtime.wait_s(now)
        if waiting and waiting[0].at <= due:
            entry = waiting.pop(0)
            now = max(now, entry.at)
        else:
            now = min(max(due, now + 1e-3), end)
            entry = Tick(now)
        link.at = now
        runtime.step(entry, now)
        while link.answers:
            runtime.step(link.answers.popleft(), now)


@pytest.mark.parametrize("receiver_heard", [True, False])
def test_a_hidden_pulse_moves_no_release_of_the_live_loop(receiver_heard: bool) -> None:
    def seen(hidden: list[Input]) -> list[object]:
        link = Witness()
        runtime = truck(agreement("operations"), outbox(), link, replayed=False)
        way = straight(1000, -1000)
        fixes = epochs(way) + (epochs([HIDDEN] * 200, start_s=float(len(way))) if receiver_heard else [])
        heard = [entry._replace(at=entry.at + 0.3) for entry in fixes]
        off = [Pulse(len(way) - 0.5, "switch", 0)]
        paced(runtime, link, by_time(switched_on(), heard, off, hidden), 200)
        return [one[:3] for one in link.seen]

    silent = seen([])
    assert len(silent) > 2
    assert seen(braking(60.02)) == silent


@pytest.mark.parametrize("off_duty", [True, False])
@pytest.mark.parametrize("jump_days", [-1, 1, 60, 7168])
def test_dates_of_hidden_fixes_release_nothing_and_purge_nothing(off_duty: bool, jump_days: int) -> None:
    def left(days: int) -> list[object]:
        link, box = Witness(), outbox()
        held = agreement("operations", lambda tree: tree["streams"]["harsh_braking"].update(held="28 days"))
        runtime = truck(held, box, link, replayed=False)
        way = straight(3000, -3000)
        off = [Pulse(len(way) - 0.5, "switch", 0)] if off_duty else []
        hidden = [
            Chunk(float(len(way) + i), sentences(MORNING_MS + (len(way) + i) * 1000 + days * DAY_MS, HIDDEN))
            for i in range(8)
        ]
        fed(runtime, link, by_time(switched_on(), epochs(way), braking(20.3), off, hidden))
        return [link.seen, box.losses(), box.counts().kept]

    assert left(jump_days) == left(0)


def test_a_time_far_from_the_expected_one_is_believed_after_ten_minutes() -> None:
    days = ServiceDays(ZoneInfo("UTC"))
    days.learn(MORNING_MS, 0.0)
    today = days.now(0.0)
    assert today is not None
    for second in range(1, int(BELIEVED_AFTER_S) + 1):
        days.learn(MORNING_MS + 730 * DAY_MS + second * 1000, float(second))
        assert days.now(float(second)) == Moment(today.day, today.second + second)
    days.learn(MORNING_MS + 730 * DAY_MS + 601_000, 601.0)
    later = days.now(601.0)
    assert later is not None
    assert later.day == today.day + 730


def test_a_release_day_far_ahead_does_not_stop_releases() -> None:
    release = Daily({"truck": [18_000]}, {}, 2048, {})
    release.resume("truck", 20_000 + 4000)
    assert release.due(Moment(20_000, 18_000))
    release.resume("truck", 20_001)  # a service day may run ahead by one
    assert not release.due(Moment(20_000, 18_000))


def test_inputs_older_than_a_loss_reopen_no_gate() -> None:
    link = Witness()
    runtime = truck(agreement("operations"), outbox(), link, replayed=False)
    fed(runtime, link, by_time(switched_on(), epochs(straight(400, -400))))
    assert runtime.recording
    runtime.recorder.doubt()
    fed(runtime, link, [Pulse(31.0, "switch", 0), Pulse(33.0, "switch", 1), *switched_on(35.0), Tick(40.0)])
    assert not runtime.recording


def test_a_row_that_can_t_be_read_stops_neither_the_start_nor_a_release() -> None:
    link, box = Witness(), outbox()
    fields = {"date": iso_date(TODAY), "stretch": 1, "running_s": 10, "path": [[40.0, -4.0]]}
    box.commit(keep=[Kept("track", TODAY, b"worn"), *rows([Record("track", TODAY, fields)])])
    runtime = truck(agreement("operations"), box, link, replayed=False)
    fed(runtime, link, by_time(switched_on(), epochs(straight(4000, -2000))))
    assert runtime.counts.dropped == 1
    assert [record["stretch"] for record in link.records("track")][:1] == [1]


def test_a_stop_finds_room_in_a_full_inbox() -> None:
    inbox = Inbox(limit=1)
    inbox.post(Tick(0.0))
    inbox.post(Tick(1.0))
    inbox.post(Stop(2.0))
    assert [inbox.take(0.0), inbox.take(0.0)] == [Tick(0.0), Stop(2.0)]
    assert inbox.dropped == 1


def test_bytes_and_records_show_nothing_of_where_the_truck_is() -> None:
    chunk = Chunk(1.0, b"$GPRMC,120000,A,4043.2100,N,00401.1234,W,,,010127,,,A*00")
    record = Record("track", 1, {"path": [[40.72035, -4.01872]]})
    for shown in (repr(chunk), str(chunk), f"{chunk}", repr([chunk]), repr(record), str(record), f"{record}"):
        assert "40" not in shown
        assert "4.01" not in shown


@pytest.mark.parametrize(("at_s", "left"), [(52.5, 1), (72.5, 0)])
def test_a_square_whose_middle_is_off_limits_is_not_named(at_s: float, left: int) -> None:
    """Beside the hall's margin, on open ground: in a square of which most is hidden, and in one of which nothing is."""
    box, link = outbox(), Witness()
    runtime = truck(agreement(), box, link)
    way = [Spot(-160, 1500 + 20 * second) for second in range(121)]
    fed(runtime, link, by_time(switched_on(), epochs(way), braking(at_s)))
    runtime.flush(link.at)
    kept = box.kept("harsh_braking", TODAY + 1)
    assert len(readable(kept).records) == left
    assert readable(box.kept("track", TODAY + 1)).records
