"""The sender's arithmetic: windows, deadlines, back-off, kicks and refusals, on a counted clock."""

from __future__ import annotations

import logging
from random import Random
from typing import NamedTuple

import pytest

from agent.sending.holding import HELD_BATCHES_MAX, HELD_S, SUSPECT_HELD_S_MAX
from agent.sending.sender import (
    Acked,
    Connect,
    Disconnect,
    Publish,
    Refused,
    Sender,
    SenderLimits,
)
from drivers.inputs import Acknowledged, LinkDown, LinkUp, Tick

LIMITS = SenderLimits()


class Parcel(NamedTuple):
    stream: str
    n: int
    payload: bytes = b""


class Longest(Random):
    """Chance that always draws the longest wait, so that deadlines are known."""

    def uniform(self, a: float, b: float) -> float:
        return b


def parcels(count: int, first: int = 1) -> list[Parcel]:
    return [Parcel("track", n) for n in range(first, first + count)]


def sender_that_is_up(limits: SenderLimits = LIMITS) -> Sender:
    sender = Sender(["mqtt://one"], limits, Longest())
    (connect,) = sender.want(True, 0.0)
    assert isinstance(connect, Connect)
    sender.step(LinkUp(0.0, connect.link, connect.broker), 0.0)
    return sender


def publish(sender: Sender, count: int, now: float, first: int = 1) -> list[tuple[str, int]]:
    keys = []
    for effect in sender.offer(parcels(count, first), now):
        assert isinstance(effect, Publish)
        key = (effect.batch.stream, effect.batch.n)
        sender.published(key, effect.batch.n, now)
        keys.append(key)
    return keys


def test_wanted_connects_at_once_to_the_first_broker():
    sender = Sender(["mqtt://one", "mqtt://two"], LIMITS, Random(1))
    assert sender.state == "off"
    assert sender.want(True, 5.0) == [Connect(1, "mqtt://one")]
    assert sender.state == "connecting"
    assert sender.due == 5.0 + LIMITS.connect_within_s


def test_wanted_twice_connects_once():
    sender = Sender(["mqtt://one"], LIMITS, Random(1))
    sender.want(True, 0.0)
    assert sender.want(True, 0.0) == []


def test_not_wanted_disconnects_and_is_silent():
    sender = sender_that_is_up()
    publish(sender, 3, 1.0)
    assert sender.want(False, 2.0) == [Disconnect(1)]
    assert (sender.state, sender.due, sender.room, sender.in_flight) == ("off", None, 0, set())
    assert sender.step(LinkUp(3.0, 1, "mqtt://one"), 3.0) == []
    assert sender.step(Tick(1e6), 1e6) == []
    assert sender.offer(parcels(1), 1e6) == []


def test_nothing_is_published_while_not_up():
    sender = Sender(["mqtt://one"], LIMITS, Random(1))
    assert sender.offer(parcels(1), 0.0) == []
    sender.want(True, 0.0)
    assert sender.room == 0
    assert sender.offer(parcels(1), 0.0) == []


def test_window_is_filled_and_no_further():
    sender = sender_that_is_up()
    assert len(publish(sender, LIMITS.in_flight, 1.0)) == LIMITS.in_flight
    assert sender.room == 0
    assert sender.offer(parcels(1, first=100), 1.0) == []


def test_one_batch_short_of_the_window_leaves_room_for_one():
    sender = sender_that_is_up()
    publish(sender, LIMITS.in_flight - 1, 1.0)
    assert sender.room == 1


def test_batch_on_its_way_is_not_published_again():
    sender = sender_that_is_up()
    publish(sender, 2, 1.0)
    assert [e.batch.n for e in sender.offer(parcels(3), 1.0) if isinstance(e, Publish)] == [3]


def test_acknowledgement_frees_its_place_and_is_told():
    sender = sender_that_is_up()
    publish(sender, 2, 1.0)
    assert sender.step(Acknowledged(1.5, 1, 2, None), 1.5) == [Acked(("track", 2))]
    assert sender.in_flight == {("track", 1)}


def test_acknowledgement_of_an_unknown_or_answered_publish_is_passed_over():
    sender = sender_that_is_up()
    publish(sender, 1, 1.0)
    assert sender.step(Acknowledged(1.5, 1, 77, None), 1.5) == []
    sender.step(Acknowledged(1.5, 1, 1, None), 1.5)
    assert sender.step(Acknowledged(1.6, 1, 1, None), 1.6) == []


def test_inputs_of_an_earlier_connection_are_passed_over():
    sender = sender_that_is_up()
    publish(sender, 1, 1.0)
    sender.step(LinkDown(2.0, 1, "gone"), 2.0)
    sender.step(Tick(10.0), 10.0)
    sender.step(LinkUp(10.0, 2, "mqtt://one"), 10.0)
    publish(sender, 1, 10.0)
    assert sender.step(Acknowledged(11.0, 1, 1, None), 11.0) == []
    assert sender.step(LinkDown(11.0, 1, "again"), 11.0) == []
    assert sender.state == "up"


def test_connection_down_twice_counts_once():
    sender = sender_that_is_up()
    sender.step(LinkDown(1.0, 1, "gone"), 1.0)
    due = sender.due
    assert sender.step(LinkDown(1.1, 1, "gone"), 1.1) == []
    assert sender.due == due


def test_lost_connection_gives_its_batches_back_to_be_offered_again():
    sender = sender_that_is_up()
    publish(sender, 3, 1.0)
    sender.step(LinkDown(2.0, 1, "gone"), 2.0)
    assert sender.in_flight == set()
    sender.step(Tick(5.0), 5.0)
    sender.step(LinkUp(5.0, 2, "mqtt://one"), 5.0)
    assert publish(sender, 3, 5.0) == [("track", 1)]  # alone, until one is acknowledged
    sender.step(Acknowledged(5.1, 2, 1, None), 5.1)
    assert publish(sender, 2, 5.1, first=2) == [("track", 2), ("track", 3)]


def test_connection_that_never_answers_is_dropped_at_its_deadline():
    sender = Sender(["mqtt://one"], LIMITS, Longest())
    sender.want(True, 0.0)
    just_before = LIMITS.connect_within_s - 0.001
    assert sender.step(Tick(just_before), just_before) == []
    assert sender.step(Tick(20.0), 20.0) == [Disconnect(1)]
    assert sender.state == "waiting"
    assert sender.trouble == "no answer in time"


def test_connection_without_acknowledgement_is_dropped_at_its_deadline():
    sender = sender_that_is_up()
    publish(sender, 2, 10.0)
    deadline = 10.0 + LIMITS.acknowledge_within_s
    assert sender.due == deadline
    assert sender.step(Tick(deadline - 0.001), deadline - 0.001) == []
    assert sender.step(Tick(deadline), deadline) == [Disconnect(1)]
    assert sender.trouble == "no acknowledgement in time"


def test_slow_link_that_keeps_acknowledging_is_kept():
    sender = sender_that_is_up()
    publish(sender, 4, 0.0)
    for n, now in ((1, 50.0), (2, 100.0), (3, 150.0)):
        sender.step(Acknowledged(now, 1, n, None), now)
    assert sender.step(Tick(200.0), 200.0) == []
    assert sender.state == "up"


def test_batch_passed_over_by_the_broker_ends_the_connection_at_last():
    sender = sender_that_is_up()
    publish(sender, 1, 0.0)
    now = 0.0
    for n in range(2, 1000):
        publish(sender, 1, now, first=n)
        now += 10.0
        sender.step(Acknowledged(now, 1, n, None), now)
        if sender.step(Tick(now), now):
            break
    assert now == LIMITS.acknowledge_within_s * 5


def test_idle_connection_needs_no_tick():
    assert sender_that_is_up().due is None


def test_back_off_doubles_up_to_its_maximum():
    sender = Sender(["mqtt://one"], LIMITS, Longest())
    sender.want(True, 0.0)
    now = 0.0
    waits = []
    for link in range(1, 13):
        sender.step(LinkDown(now, link, "refused"), now)
        assert sender.due is not None
        waits.append(sender.due - now)
        now = sender.due
        assert sender.step(Tick(now), now) == [Connect(link + 1, "mqtt://one")]
    assert waits == [1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300, 300]


def test_back_off_is_drawn_from_the_whole_range():
    limits = SenderLimits(backoff_s_first=100.0)
    waits = []
    for seed in range(200):
        sender = Sender(["mqtt://one"], limits, Random(seed))
        sender.want(True, 0.0)
        sender.step(LinkDown(0.0, 1, "refused"), 0.0)
        assert sender.due is not None
        waits.append(sender.due)
    assert min(waits) < 10
    assert max(waits) > 90


def fail_until_backed_off(sender: Sender, failures: int) -> float:
    now = 0.0
    sender.want(True, now)
    for link in range(1, failures + 1):
        sender.step(LinkDown(now, link, "refused"), now)
        assert sender.due is not None
        now = sender.due
        sender.step(Tick(now), now)
    sender.step(LinkUp(now, failures + 1, "mqtt://one"), now)
    return now


@pytest.mark.parametrize(("lasted_s", "wait_s"), [(59.9, 32.0), (60.0, 1.0)])
def test_back_off_starts_again_only_after_a_stable_connection(lasted_s: float, wait_s: float):
    sender = Sender(["mqtt://one"], LIMITS, Longest())
    ended = fail_until_backed_off(sender, 5) + lasted_s
    sender.step(LinkDown(ended, 6, "gone"), ended)
    assert sender.due == pytest.approx(ended + wait_s)


def test_connection_that_lasted_but_acknowledged_nothing_is_not_stable():
    sender = Sender(["mqtt://one"], LIMITS, Longest())
    up_at = fail_until_backed_off(sender, 5)
    publish(sender, 1, up_at + 1)
    ended = up_at + 61
    sender.step(Tick(ended), ended)
    assert sender.due == pytest.approx(ended + 32)


def test_brokers_take_turns():
    sender = Sender(["mqtt://one", "mqtt://two"], LIMITS, Longest())
    sender.want(True, 0.0)
    sender.step(LinkDown(0.0, 1, "refused"), 0.0)
    assert sender.step(Tick(1.0), 1.0) == [Connect(2, "mqtt://two")]
    sender.step(LinkDown(1.0, 2, "refused"), 1.0)
    assert sender.step(Tick(3.0), 3.0) == [Connect(3, "mqtt://one")]


def test_wanted_again_still_keeps_the_back_off():
    sender = Sender(["mqtt://one"], LIMITS, Longest())
    sender.want(True, 0.0)
    sender.step(LinkDown(0.0, 1, "refused"), 0.0)
    sender.want(False, 0.1)
    assert sender.want(True, 0.2) == []
    assert sender.due == 1.0


def test_accepted_and_kicked_three_times_waits_long_and_says_so_once(caplog: pytest.LogCaptureFixture):
    sender = Sender(["mqtt://one"], LIMITS, Longest())
    now = 0.0
    sender.want(True, now)
    waits = []
    for link in range(1, 6):
        sender.step(LinkUp(now, link, "mqtt://one"), now)
        sender.step(LinkDown(now + 1, link, "closed"), now + 1)
        assert sender.due is not None
        waits.append(sender.due - now - 1)
        now = sender.due
        sender.step(Tick(now), now)
    assert waits == [1, 2, 300, 300, 300]
    assert sum("client id" in record.getMessage() for record in caplog.records) == 1


def test_session_taken_over_waits_long_at_once():
    sender = sender_that_is_up()
    sender.step(LinkDown(10.0, 1, "Session taken over"), 10.0)
    assert sender.due == 310.0


def test_loss_is_logged_once_and_return_once(caplog: pytest.LogCaptureFixture):
    caplog.set_level(logging.INFO)
    sender = Sender(["mqtt://one"], LIMITS, Longest())
    up_at = fail_until_backed_off(sender, 4)
    publish(sender, 2, up_at)
    sender.step(Acknowledged(up_at, 5, 1, None), up_at)
    sender.step(Acknowledged(up_at, 5, 2, None), up_at)
    assert [record.levelname for record in caplog.records] == ["WARNING", "INFO"]
    assert sender.trouble is None


def test_quiet_connection_counts_as_back_once_stable(caplog: pytest.LogCaptureFixture):
    caplog.set_level(logging.INFO)
    sender = Sender(["mqtt://one"], LIMITS, Longest())
    up_at = fail_until_backed_off(sender, 1)
    assert sender.due == up_at + LIMITS.stable_after_s
    sender.step(Tick(up_at + 60), up_at + 60)
    assert caplog.records[-1].getMessage() == "the broker is back"
    assert sender.due is None


def test_publish_that_failed_pauses_and_then_tries_again():
    sender = sender_that_is_up()
    sender.offer(parcels(1), 1.0)
    sender.failed(("track", 1), 1.0)
    assert (sender.room, sender.in_flight) == (0, set())
    assert sender.due == 2.0
    sender.step(Tick(2.0), 2.0)
    assert sender.room == LIMITS.in_flight


def test_link_on_which_every_publish_fails_is_dropped():
    sender = sender_that_is_up()
    now = 1.0
    effects: list[object] = []
    while not effects and now < 1000:
        sender.offer(parcels(1), now)
        sender.failed(("track", 1), now)
        assert sender.due is not None
        now = sender.due
        effects = list(sender.step(Tick(now), now))
    assert effects == [Disconnect(1)]
    assert now == pytest.approx(1.0 + LIMITS.acknowledge_within_s, abs=1.0)


def test_batch_refused_for_good_is_handed_over_and_the_rest_goes_on():
    sender = sender_that_is_up()
    publish(sender, 2, 1.0)
    assert sender.step(Acknowledged(1.0, 1, 1, "Payload format invalid"), 1.0) == [
        Refused(("track", 1), "Payload format invalid")
    ]
    assert sender.step(Acknowledged(1.0, 1, 2, None), 1.0) == [Acked(("track", 2))]


def test_batch_refused_for_now_is_held_back_and_the_rest_goes_on():
    sender = sender_that_is_up()
    publish(sender, 1, 1.0)
    assert sender.step(Acknowledged(1.0, 1, 1, "Not authorized"), 1.0) == []
    assert sender.in_flight == {("track", 1)}
    assert sender.room == LIMITS.in_flight
    assert sender.offer(parcels(1), 2.0) == []
    assert sender.due == 1.0 + HELD_S
    sender.step(Tick(1.0 + HELD_S), 1.0 + HELD_S)
    assert len(publish(sender, 1, 302.0)) == 1


@pytest.mark.parametrize(("held", "paused"), [(HELD_BATCHES_MAX, False), (HELD_BATCHES_MAX + 1, True)])
def test_more_held_batches_than_the_limit_pause_everything(held: int, paused: bool):
    sender = sender_that_is_up(SenderLimits(in_flight=100))
    publish(sender, held, 1.0)
    for n in range(1, held + 1):
        sender.step(Acknowledged(1.0, 1, n, "Not authorized"), 1.0)
    assert (sender.room == 0) is paused
    assert len(sender.in_flight) == HELD_BATCHES_MAX


def test_quota_exceeded_pauses_everything_longer_each_time():
    sender = sender_that_is_up()
    now = 1.0
    waits = []
    for mid in range(1, 11):
        publish(sender, 1, now, first=mid)
        sender.step(Acknowledged(now, 1, mid, "Quota exceeded"), now)
        assert (sender.room, sender.due is None) == (0, False)
        assert sender.due is not None
        waits.append(sender.due - now)
        now = sender.due
        assert sender.step(Tick(now), now) == []
    assert waits == [2, 4, 8, 16, 32, 64, 128, 256, 300, 300]


def end_by_end(sender: Sender, reason: str, times: int, *, lasted_s: float = 0.0) -> list[float]:
    """Connect and be ended with `reason`, so many times; the waits in between."""
    now, waits = 0.0, []
    sender.want(True, now)
    for link in range(1, times + 1):
        if lasted_s:
            sender.step(LinkUp(now, link, "mqtt://one"), now)
        now += lasted_s
        sender.step(LinkDown(now, link, reason), now)
        assert sender.due is not None
        waits.append(sender.due - now)
        now = sender.due
        sender.step(Tick(now), now)
    return waits


@pytest.mark.parametrize("reason", ["Not authorized", "Bad user name or password", "Banned"])
def test_truck_that_is_turned_away_waits_long_at_once_and_says_so_once(
    reason: str, caplog: pytest.LogCaptureFixture
):
    sender = Sender(["mqtt://one"], LIMITS, Longest())
    assert end_by_end(sender, reason, 3) == [300, 300, 300]
    assert [record.getMessage() for record in caplog.records] == [
        f"the broker is out of reach ({reason}); trying again until it is back",
        f"the broker turns this truck away ({reason}): it is asked again every few minutes",
    ]


def test_truck_that_one_of_two_brokers_turns_away_asks_the_other_soon():
    sender = Sender(["mqtt://one", "mqtt://two"], LIMITS, Longest())
    assert end_by_end(sender, "Banned", 4) == [1, 300, 300, 300]


def test_broker_that_is_busy_is_given_longer_waits():
    sender = Sender(["mqtt://one"], LIMITS, Longest())
    assert end_by_end(sender, "Server busy", 7) == [16, 32, 64, 128, 256, 300, 300]


def test_broker_that_ends_connections_for_the_rate_is_given_longer_waits():
    sender = Sender(["mqtt://one"], LIMITS, Longest())
    assert end_by_end(sender, "Message rate too high", 2, lasted_s=20.0) == [16, 32]


def reconnect(sender: Sender, link: int) -> float:
    now = sender.due
    assert now is not None
    sender.step(Tick(now), now)
    sender.step(LinkUp(now, link, "mqtt://one"), now)
    return now


def ended_behind_what_was_sent(sender: Sender, reason: str, now: float, times: int) -> float:
    """So many connections that end right behind the first publish; the time of the next one."""
    for link in range(1, times + 1):
        publish(sender, 3, now)
        sender.step(LinkDown(now + 0.1, link, reason), now + 0.1)
        now = reconnect(sender, link + 1)
    return now


def test_batch_over_which_connections_end_is_found_and_held_back_and_the_rest_goes_on(
    caplog: pytest.LogCaptureFixture,
):
    sender = sender_that_is_up()
    now = ended_behind_what_was_sent(sender, "the broker closed the connection", 0.0, times=3)
    assert sender.in_flight == {("track", 1)}
    assert publish(sender, 3, now) == [("track", 2)]
    sender.step(Acknowledged(now, 4, 2, None), now)
    assert publish(sender, 1, now, first=3) == [("track", 3)]
    said = [record.getMessage() for record in caplog.records]
    assert [line for line in said if "held back" in line] == [
        "the broker ends the connection (the broker closed the connection) over batch 1 of track:"
        " it is held back, others go on"
    ]
    assert not any("client id" in line for line in said)


def test_batch_is_still_sent_alone_after_attempts_in_between_that_came_to_nothing():
    sender = sender_that_is_up()
    publish(sender, 3, 0.0)
    sender.step(LinkDown(0.1, 1, "closed"), 0.1)
    now = sender.due
    assert now is not None
    sender.step(Tick(now), now)
    sender.step(LinkDown(now, 2, "connection refused"), now)
    now = reconnect(sender, 3)
    assert publish(sender, 3, now) == [("track", 1)]


def test_batch_that_the_broker_s_words_point_at_is_held_back_the_first_time_it_was_alone():
    sender = sender_that_is_up()
    ended_behind_what_was_sent(sender, "Packet too large", 0.0, times=2)
    assert sender.in_flight == {("track", 1)}


def test_batch_that_was_held_back_is_tried_again_and_held_longer_each_time():
    sender = sender_that_is_up()
    now = ended_behind_what_was_sent(sender, "Packet too large", 0.0, times=2)
    holds = []
    for link in range(3, 9):
        began = now
        while ("track", 1) in sender.in_flight:
            assert sender.due is not None
            now = sender.due
            sender.step(Tick(now), now)
        holds.append(round(now - began))
        assert publish(sender, 1, now) == [("track", 1)]
        sender.step(LinkDown(now, link, "Packet too large"), now)
        now = reconnect(sender, link + 1)
    assert holds[:3] == [pytest.approx(HELD_S * 2**n, abs=20) for n in range(3)]
    assert holds[-1] == pytest.approx(SUSPECT_HELD_S_MAX, abs=320)


def test_when_connections_end_over_any_batch_none_is_blamed_and_the_truck_waits_long(
    caplog: pytest.LogCaptureFixture,
):
    sender = sender_that_is_up()
    now, waits = 0.0, []
    for link in range(1, 12):
        publish(sender, 3, now)
        sender.step(LinkDown(now + 0.1, link, "the broker closed the connection"), now + 0.1)
        assert sender.due is not None
        waits.append(sender.due - now - 0.1)
        now = reconnect(sender, link + 1)
    assert sender.in_flight == set()
    assert [round(wait) for wait in waits[6:]] == [300] * 5
    said = [record.getMessage() for record in caplog.records]
    assert sum("held back" in line for line in said) == 1
    assert sum("client id" in line for line in said) == 1


def test_connection_that_ends_long_after_a_publish_puts_no_batch_under_suspicion():
    sender = sender_that_is_up()
    now = 0.0
    for link in range(1, 6):
        publish(sender, 1, now)
        sender.step(LinkDown(now + 6, link, "connection reset by peer"), now + 6)
        now = reconnect(sender, link + 1)
    assert sender.in_flight == set()


def test_batch_that_was_acknowledged_in_between_is_under_no_suspicion():
    sender = sender_that_is_up()
    now = ended_behind_what_was_sent(sender, "closed", 0.0, times=2)
    publish(sender, 1, now)
    sender.step(Acknowledged(now, 3, 1, None), now)
    publish(sender, 1, now)  # the acknowledgement was lost with the power: the same batch again
    sender.step(LinkDown(now + 0.1, 3, "closed"), now + 0.1)
    assert sender.in_flight == set()


def test_trouble_tells_what_is_refused_until_it_is_taken():
    sender = sender_that_is_up()
    publish(sender, 2, 1.0)
    sender.step(Acknowledged(1.0, 1, 1, "Not authorized"), 1.0)
    sender.step(Acknowledged(1.0, 1, 2, None), 1.0)
    assert sender.trouble == "batches are refused: Not authorized"
    later = 1.0 + HELD_S
    sender.step(Tick(later), later)
    publish(sender, 1, later)
    sender.step(Acknowledged(later, 1, 1, None), later)
    assert sender.trouble is None


def test_batch_beyond_the_broker_s_limit_is_set_aside_and_the_limit_is_told(caplog: pytest.LogCaptureFixture):
    why = "Packet too large: 4115 bytes, the broker takes 500"
    sender = sender_that_is_up()
    publish(sender, 2, 1.0)
    assert sender.step(Acknowledged(1.0, 1, 1, why), 1.0) == [Refused(("track", 1), why)]
    assert sender.step(Acknowledged(1.0, 1, 2, None), 1.0) == [Acked(("track", 2))]
    assert sender.trouble == f"batches are refused: {why}"
    assert [record.getMessage() for record in caplog.records] == [
        f"the broker refused batch 1 of track ({why})"
    ]


def test_sender_needs_a_broker():
    with pytest.raises(ValueError, match="at least one"):
        Sender([], LIMITS, Random(1))
