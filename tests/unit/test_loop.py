"""One thread takes what the world posts, and stops cleanly."""

from __future__ import annotations

import itertools
import json
import logging
from pathlib import Path
from typing import Any

import pytest

from agent.cab import PATTERNS
from agent.loop import STATUS_EVERY_S, Loop, StatusFile
from agent.recording.duty import FixedDuty
from agent.records import Record
from agent.runtime import Runtime
from drivers.gpio import Pattern
from drivers.inbox import Inbox
from drivers.inputs import Input, PortLost, PortOpened, Pulse, Stop, Tick
from tests.sim.drives import (
    MORNING_MS,
    Witness,
    WitnessedOutbox,
    agreement,
    epochs,
    outbox,
    straight,
    switched_on,
    truck,
)


class SteppedClock:
    """A clock that goes on by `step_s` whenever it is looked at. It never waits."""

    def __init__(self, step_s: float = 0.0) -> None:
        self._at = 0.0
        self._step_s = step_s

    def at(self) -> float:
        self._at += self._step_s
        return self._at

    def real_s(self, seconds: float) -> float:
        return 0.0


def looped(runtime: Runtime, inbox: Inbox, step_s: float = 0.0, **more: Any) -> Loop:
    return Loop(runtime, inbox, SteppedClock(step_s), more.pop("status", lambda: None), **more)  # type: ignore[arg-type]


def posted(inbox: Inbox, entries: list[Input]) -> Inbox:
    for entry in entries:
        inbox.post(entry)
    return inbox


def test_the_loop_steps_every_input_in_order_and_stops_when_told() -> None:
    runtime = truck(agreement(), duty=FixedDuty(True))
    seen: list[Input] = []
    runtime.step = lambda entry, now: seen.append(entry)  # type: ignore[method-assign]
    entries: list[Input] = [*epochs(straight(100)), Pulse(6.0, "brake", 1)]
    looped(runtime, posted(Inbox(), [*entries, Stop(7.0), Tick(8.0)])).run()
    assert seen == entries


def test_when_nothing_comes_in_the_runtime_is_told_the_time() -> None:
    runtime = truck(agreement())
    seen: list[Input] = []
    runtime.step = lambda entry, now: seen.append(entry)  # type: ignore[method-assign]
    looped(runtime, Inbox(), step_s=1.0).run(lambda now: now > 6)
    assert seen
    assert all(isinstance(entry, Tick) for entry in seen)


def test_a_stop_leaves_everything_on_disk() -> None:
    box = WitnessedOutbox(outbox())
    runtime = truck(agreement(), box, duty=FixedDuty(True))
    runtime._keeping.add([Record("track", 1, {"stretch": 1})], 0.0)
    looped(runtime, posted(Inbox(), [Stop(0.0)])).run()
    assert [len(change["keep"]) for change in box.commits] == [1]


def test_a_stop_ends_the_connection() -> None:
    link = Witness()
    runtime = truck(agreement("operations"), link=link, duty=FixedDuty(True))
    inbox = posted(Inbox(), [*epochs(straight(200))])
    inbox.post(Stop(0.0))
    looped(runtime, inbox, step_s=0.6).run()
    assert [one[0] for one in link.seen] == ["connect", "disconnect"]


def test_a_full_inbox_pauses_recording_until_the_lines_were_read_again(
    caplog: pytest.LogCaptureFixture,
) -> None:
    runtime = truck(agreement())
    inbox = Inbox(limit=40)
    asked: list[bool] = []

    def read_lines() -> None:
        asked.append(runtime.recording)
        posted(inbox, switched_on(30.0))

    posted(inbox, [*switched_on(), *epochs(straight(800))])  # more than fit
    assert inbox.dropped > 0
    loop = looped(runtime, inbox, step_s=0.5, read_lines=read_lines)
    with caplog.at_level(logging.INFO, "agent.loop"):
        loop.run(lambda now: now > 100)
    assert asked == [False]
    assert runtime.recording
    said = [record.getMessage() for record in caplog.records if record.name == "agent.loop"]
    assert [text.split(":")[0].split(",")[0] for text in said] == [
        "the inbox was full",
        "the inbox has room again",
    ]


def test_lines_are_not_read_into_an_inbox_that_is_still_full() -> None:
    runtime = truck(agreement())
    inbox = posted(Inbox(limit=10), epochs(straight(400)))
    waiting: list[int] = []

    def read_lines() -> None:
        waiting.append(inbox.waiting)
        posted(inbox, switched_on(30.0) * (8 if len(waiting) < 3 else 1))  # at first it is full again

    looped(runtime, inbox, step_s=0.1, read_lines=read_lines).run(lambda now: now > 100)
    assert waiting == [0, 0, 0]
    assert runtime.recording


def test_after_a_fault_in_recording_the_lines_are_read_again() -> None:
    runtime = truck(agreement())
    asked: list[int] = []

    def step(entry: Input, now: float) -> None:
        runtime.counts.faults = 1

    runtime.step = step  # type: ignore[method-assign]
    looped(runtime, Inbox(), 1.0, read_lines=lambda: asked.append(1)).run(lambda now: now > 9)
    assert asked == [1]


def test_when_another_agreement_comes_into_force_the_lines_are_read_again() -> None:
    runtime = truck(agreement())
    asked: list[int] = []

    def step(entry: Input, now: float) -> None:
        runtime.renewals = 1

    runtime.step = step  # type: ignore[method-assign]
    looped(runtime, Inbox(), 1.0, read_lines=lambda: asked.append(1)).run(lambda now: now > 9)
    assert asked == [1]


def test_the_lamp_tells_of_a_receiver_that_is_lost() -> None:
    runtime = truck(agreement())
    lamp: list[Pattern] = []
    inbox = posted(Inbox(), [PortLost(0.0, "unplugged"), *switched_on(0.0), PortOpened(3.0, "usb", 9600)])
    looped(runtime, inbox, 0.4, lamp=lamp.append).run(lambda now: now > 9)
    assert lamp[0] == PATTERNS["fault"][1]
    assert lamp[-2:] == [True, False]


def test_the_lamp_tells_that_no_agreement_is_in_force() -> None:
    lamp: list[Pattern] = []
    looped(truck(None), Inbox(), 0.4, lamp=lamp.append).run(lambda now: now > 9)
    assert lamp == [PATTERNS["fault"][1], False]


def test_the_lamp_follows_recording_and_is_dark_at_the_end() -> None:
    runtime = truck(agreement())
    lamp: list[Pattern] = []
    inbox = posted(Inbox(), [*switched_on(0.0), Tick(1.0)])
    looped(runtime, inbox, 0.4, lamp=lamp.append).run(lambda now: now > 9)
    assert lamp == [True, False]


def test_the_status_is_written_now_and_then_and_at_the_end() -> None:
    runtime = truck(agreement())
    times: list[float] = []
    clock = SteppedClock(0.5)
    Loop(runtime, Inbox(), clock, lambda: times.append(clock._at)).run(lambda now: now > 4 * STATUS_EVERY_S)  # type: ignore[arg-type]
    assert len(times) == 5
    assert all(b - a >= STATUS_EVERY_S for a, b in itertools.pairwise(times))


def test_the_status_file_is_replaced_as_a_whole(tmp_path: Path) -> None:
    path = tmp_path / "run" / "status.json"
    file = StatusFile(path)
    for count in range(3):
        file.write({"count": count})
        assert json.loads(path.read_text(encoding="utf-8")) == {"count": count}
    assert [entry.name for entry in path.parent.iterdir()] == ["status.json"]


def test_a_status_that_can_t_be_written_is_said_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "in the way").write_text("")
    file = StatusFile(tmp_path / "in the way" / "status.json")
    for _ in range(3):
        file.write({})
    assert len(caplog.records) == 1


def test_the_date_of_these_tests_is_one_that_a_truck_would_believe() -> None:
    from agent.assembly import FLOOR_DAY

    assert MORNING_MS // 86_400_000 > FLOOR_DAY
