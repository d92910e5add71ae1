"""A recorded log through the agent, in simulated time or paced."""

from __future__ import annotations

import pytest

from agent.paper import PaperLink, Published
from agent.recording.duty import FixedDuty
from agent.release import SLOT_S
from agent.replaying import TICK_S, Pacer, replay
from drivers.clock import Clock
from drivers.inbox import Inbox
from drivers.inputs import Acknowledged, Chunk, Input, LinkUp, Pulse
from tests.sim.drives import (
    AREA_M,
    Spot,
    Witness,
    agreement,
    braking,
    by_time,
    driven,
    epochs,
    outbox,
    straight,
    switched_on,
    truck,
)

DAY_S = 86_400


def test_slots_begin_and_end_at_their_very_second_however_long_the_wait() -> None:
    assert TICK_S <= SLOT_S
    link = Witness()
    runtime = truck(agreement(), link=link)
    replay(runtime, link, epochs([Spot(2 * AREA_M, 0)] * 4))
    starts = [one[1] + 9 * 3600 for one in link.seen if one[0] == "connect"]
    assert starts
    assert all(second % 900 == 0 for second in starts)


def test_the_days_after_the_log_are_gone_through_until_nothing_waits() -> None:
    link = Witness()
    runtime = truck(agreement(), link=link)
    entries = by_time(
        switched_on(), epochs([*straight(3000, -1500), Spot(2 * AREA_M, 0), Spot(2 * AREA_M, 0)]), braking(30)
    )
    assert replay(runtime, link, entries) == 152.0
    assert runtime.idle
    assert link.records("harsh_braking")
    assert 28 * DAY_S < link.published[-1].at < 30 * DAY_S


def test_a_log_of_nothing_ends_at_once_and_publishes_nothing() -> None:
    for entries in ([], [Chunk(0.0, b"nothing of the kind\r\n")]):
        link = Witness()
        assert replay(truck(agreement(), link=link), link, entries) == 0.0
        assert link.seen == []


def test_the_last_epoch_of_a_log_counts() -> None:
    def fixes(count: int) -> int:
        link = Witness()
        runtime = truck(agreement(), link=link, duty=FixedDuty(True))
        replay(runtime, link, epochs(straight(1000)[:count]))
        return runtime.recorder.tally["fixes"]

    assert fixes(7) == 7


def test_time_in_a_replay_never_goes_back() -> None:
    ats: list[float] = []
    link = Witness()
    runtime = truck(agreement(), link=link)
    step = runtime.step
    runtime.step = lambda entry, now: (ats.append(now), step(entry, now))[1]  # type: ignore[method-assign]
    replay(runtime, link, [Pulse(5.0, "brake", 1), Pulse(3.0, "brake", 0), *epochs(straight(60), 4.0)])
    assert ats == sorted(ats)


@pytest.mark.parametrize("name", ["routes-and-safety", "operations", "safety-only"])
def test_the_same_inputs_give_the_same_bytes(name: str) -> None:
    entries = by_time(switched_on(), epochs([*straight(3000, -1500), Spot(2 * AREA_M, 0)]), braking(30))
    first, second = (driven(agreement(name), entries).seen for _ in range(2))
    assert first
    assert first == second


def test_a_paper_link_acknowledges_all_it_takes() -> None:
    taken: list[Published] = []
    link = PaperLink(taken.append)
    link.at = 2.5
    link.connect(3, "broker")
    assert [link.publish("t", b"a"), link.publish("u", b"b")] == [1, 2]
    link.disconnect()
    assert taken == [Published(2.5, "t", b"a"), Published(2.5, "u", b"b")]
    assert list(link.answers) == [
        LinkUp(2.5, 3, "broker"),
        Acknowledged(2.5, 3, 1, None),
        Acknowledged(2.5, 3, 2, None),
    ]


def collected(inbox: Inbox) -> list[Input]:
    return list(iter(lambda: inbox.take(0.0), None))


def test_a_pacer_posts_what_lies_behind_its_start_in_order() -> None:
    inbox = Inbox()
    pacer = Pacer(epochs(straight(200)), inbox, Clock(10_000.0), from_s=4.0)
    pacer.start()
    pacer._thread.join()
    assert pacer.done
    assert [entry.at for entry in collected(inbox)] == [0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0]


def test_a_pacer_tells_in_what_state_the_lines_are_where_it_begins() -> None:
    inbox = Inbox()
    paused: list[Input] = [Pulse(1.0, "switch", 0), Pulse(2.0, "switch", 1)]
    edges = [*switched_on(0.0), *paused, *braking(2.5)]
    pacer = Pacer(by_time(edges, epochs(straight(200))), inbox, Clock(10_000.0), from_s=4.0)
    pacer.start()
    pacer._thread.join()
    levels = {entry.pin: entry.level for entry in collected(inbox) if isinstance(entry, Pulse)}
    assert levels["ignition"] == levels["switch"] == 1
    assert levels.get("brake", 0) == 0


def test_a_pacer_can_be_stopped_in_the_middle_of_a_wait() -> None:
    inbox = Inbox()
    pacer = Pacer(epochs(straight(200), step_s=3600.0), inbox, Clock(1.0))
    pacer.start()
    pacer.stop()
    assert pacer.done
    assert len(collected(inbox)) < 3


def test_outboxes_of_these_tests_are_the_same_each_time() -> None:
    assert outbox().epoch("track") == outbox().epoch("track")
