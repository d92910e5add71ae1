"""A call for help waits for nothing and takes nothing with it."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest

from agent.agreement import Agreement
from agent.assembly import terms
from agent.keeping import Counts, Keeping
from agent.recording.duty import FixedDuty
from agent.records import Record
from agent.replaying import wait
from agent.runtime import Runtime
from agent.sending.calling import CALLS_MAX, Calling
from agent.wire import decode
from buffer.outbox import Outbox
from drivers.inputs import Input, Pulse, Tick
from tests.sim.drives import (
    TRUCK,
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
from tests.unit.test_runtime import FailingOutbox, Unreadable

PINS = {**TRUCK["pins"], "help": {"gpio": 5, "kind": "help_button"}}
AWAY = Spot(100_000, 0)
HALL = Spot(0, 3000)


def without_schedule(tree: dict[str, Any]) -> None:
    tree["duty"].pop("schedule", None)


DAILY = agreement(change=without_schedule)


def calling(agreed: Agreement | None = DAILY, box: Any = None, link: Any = None, **more: Any) -> Runtime:
    return truck(agreed, box, link, pins=PINS, **more)


def pressed(at: float) -> list[Input]:
    return [Pulse(at, "help", 1), Pulse(at + 4.0, "help", 0)]


def left(link: Witness) -> Counter[str]:
    return Counter(decode(one.payload).heading.stream for one in link.published)


WHERE: dict[str, list[Input]] = {
    "on duty": by_time(switched_on(), epochs(straight(1200, -600))),
    "off duty": epochs(straight(1200, -600)),
    "off limits": by_time(switched_on(), epochs([HALL] * 60)),
    "outside": by_time(switched_on(), epochs([AWAY] * 60)),
    "without a date": [],
}


def test_a_call_that_was_made_without_coverage_leaves_with_it_though_the_disk_can_t_be_read() -> None:
    class Dark(Witness):
        dark = True

        def connect(self, link: int, broker: str) -> None:
            if not self.dark:
                super().connect(link, broker)

    box, link = Unreadable(outbox()), Dark()
    runtime = calling(agreement("operations"), box, link)
    quiet: list[Input] = [Pulse(0.0, "help", 0)]
    fed(runtime, link, [*by_time(quiet, switched_on(), epochs(straight(600))), *pressed(40.0)])
    assert not left(link)["help"]
    box.lost, link.dark = True, False
    fed(runtime, link, ticks(50, 600, 1.0))
    assert left(link)["help"] >= 1


@pytest.mark.parametrize("where", sorted(WHERE))
def test_a_call_leaves_at_once_wherever_the_truck_is_and_takes_nothing_with_it(where: str) -> None:
    box, link = WitnessedOutbox(outbox()), Witness()
    runtime = calling(box=box, link=link)
    first: list[Input] = [Pulse(0.0, "help", 0)]
    fed(runtime, link, by_time(first, WHERE[where], pressed(50.0), ticks(0, 60, 0.5)))
    assert left(link) == {"help": 1}
    call = link.published[0]
    assert call.topic == "fairhaul/v1/springfield/truck-017/help"
    assert 53.0 <= call.at <= 54.0
    assert [one[0] for one in link.seen] == ["connect", "publish", "disconnect"]
    assert len({one[1] for one in link.seen}) == 1  # in the step in which it was made
    record = link.records("help")[0]
    assert record["state"] == "raised"
    assert ("utc" in record) is (where != "without a date")


def test_a_button_that_sticks_or_chatters_is_a_fault_that_the_lamp_tells() -> None:
    link = Witness()
    runtime = calling(link=link)
    level: list[Input] = [Pulse(at, "help", int(at == 10.0)) for at in (0.0, 10.0, 150.0)]
    rattle: list[Input] = [Pulse(200.0 + i / 200, "help", i % 2) for i in range(400)]
    told = []
    for entry in by_time(switched_on(), level, rattle, ticks(0, 220, 0.5)):
        fed(runtime, link, [entry])
        if isinstance(entry, Tick) and entry.at in (100.0, 140.0, 151.0, 201.5, 215.0):
            told.append((entry.at, runtime.ailing))
    assert told == [(100.0, False), (140.0, True), (151.0, False), (201.5, True), (215.0, False)]


def test_while_a_call_goes_on_only_calls_leave() -> None:
    link = Witness()
    runtime = calling(link=link)
    drive = by_time([Pulse(0.0, "help", 0)], switched_on(), epochs(straight(7800, -3900)), pressed(200.0))
    fed(runtime, link, drive)
    assert set(left(link)) == {"help"}
    assert left(link)["help"] >= 5


def test_a_call_under_a_timed_release_does_not_end_its_connection() -> None:
    link = Witness()
    runtime = calling(agreement("operations"), link=link)
    drive = by_time([Pulse(0.0, "help", 0)], switched_on(), epochs(straight(7800, -3900)), pressed(200.0))
    fed(runtime, link, drive)
    assert [one[0] for one in link.seen].count("connect") == 1
    assert "disconnect" not in [one[0] for one in link.seen]
    assert left(link)["help"] >= 5


@pytest.mark.parametrize(
    "agreed", [None, agreement("safety-only"), agreement(change=lambda t: t.update(stop_all=True))]
)
def test_without_an_agreement_on_it_the_button_does_nothing(agreed: Agreement | None) -> None:
    link = Witness()
    runtime = calling(agreed, link=link, duty=FixedDuty(False))
    fed(runtime, link, by_time([Pulse(0.0, "help", 0)], pressed(50.0), ticks(0, 60, 0.5)))
    assert "help" not in left(link)


def test_a_call_that_had_no_answer_is_sent_again_after_a_restart() -> None:
    box, dark = outbox(), Witness()
    runtime = calling(box=box, link=dark)
    dark.connect = lambda link, broker: None  # type: ignore[method-assign]
    fed(runtime, dark, by_time([Pulse(0.0, "help", 0)], pressed(50.0), ticks(0, 60, 0.5)))
    assert (dark.published, box.counts().unsent) == ([], 1)
    link = Witness()
    fed(calling(box=box, link=link), link, ticks(0, 10, 1.0))
    assert left(link) == {"help": 1}


def test_a_call_that_the_disk_would_not_have_is_tried_again() -> None:
    box, link = FailingOutbox(outbox(), set(range(1, 10_000))), Witness()
    runtime = calling(box=box, link=link)
    fed(runtime, link, by_time([Pulse(0.0, "help", 0)], pressed(50.0), ticks(0, 60, 0.5)))
    assert link.published == []
    box.failing = set()
    fed(runtime, link, ticks(60, 65, 1.0))
    assert left(link) == {"help": 1}


def test_calls_that_wait_in_memory_are_so_many_at_most() -> None:
    def made(count: int) -> tuple[Outbox, int]:
        box = outbox()
        calls = Calling(Keeping(box, Counts(), 10.0, lambda: None), terms(DAILY))
        for _ in range(count):
            calls.seal([Record("help", 21_065, {"state": "ongoing"})], terms(DAILY), 21_065, 0.0)
        return box, len(calls.batches(()))

    for count in (CALLS_MAX, CALLS_MAX + 1):
        box, waiting = made(count)
        assert waiting == CALLS_MAX
        assert box.counts().unsent == count


def test_calls_for_which_memory_has_no_room_leave_in_the_next_slot() -> None:
    box, link = outbox(), Witness()
    runtime = calling(box=box, link=link, duty=FixedDuty(False))
    link.at = 0.0
    fed(runtime, link, epochs([AWAY] * 5))
    runtime._calls.drop()
    runtime._calls.seal([Record("help", 21_065, {"state": "raised"})], runtime._terms, 21_065, 5.0)
    runtime._calls._calls.clear()
    wait(runtime, link, 8 * 3600)
    assert left(link)["help"] == 1


def test_while_help_is_called_the_way_is_recorded_as_always() -> None:
    def way(edges: list[Input]) -> list[Any]:
        link = Witness()
        runtime = calling(link=link)
        drive = epochs([*straight(7800, -3900), AWAY, AWAY])
        fed(runtime, link, by_time([Pulse(0.0, "help", 0)], switched_on(), drive, edges))
        runtime.flush(400.0)
        wait(runtime, link, 2 * 86_400)
        return link.records("track")

    assert way([])
    assert way(pressed(100.0)) == way([])
