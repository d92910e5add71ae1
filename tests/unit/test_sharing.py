"""What is new and what has piled up on one connection: order, places, pace, and the day's budget."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import pytest

from agent.release import Daily, Release, Timed
from agent.sending.sharing import (
    FRAME_BYTES,
    FRESH_BATCHES_MAX,
    FRESH_IN_A_ROW,
    NOTE_STEPS,
    TRICKLE_S,
    Sharing,
    SharingLimits,
    cost,
)
from buffer.rows import Batch, Note

TODAY = 21_065
EVERY_S = 60
FRESH_S = 2 * EVERY_S
TIMED = Timed(EVERY_S, 1024, {})
DAILY = Daily({"truck": [0]}, {}, 1024, {})
Key = tuple[str, int]


def batch(n: int, stream: str = "track", payload_bytes: int = 1024 - FRAME_BYTES) -> Batch:
    return Batch(stream, n, TODAY, bytes(payload_bytes))


class Road:
    """The sender's window and the outbox: what is sealed and has no answer yet."""

    def __init__(self, window: int = 20) -> None:
        self.size = window
        self.outstanding: set[Key] = set()
        self.held: set[Key] = set()
        self.unsent: list[Batch] = []

    @property
    def room(self) -> int:
        return self.size - len(self.outstanding)

    @property
    def in_flight(self) -> set[Key]:
        return self.outstanding | self.held

    def oldest(self, limit: int, without: Collection[Key]) -> list[Batch]:
        return [each for each in self.unsent if (each.stream, each.n) not in without][:limit]


def sharing(
    road: Road,
    every_s: float = 1.0,
    budget: int | None = None,
    noted: Note | None = None,
    release: Release = TIMED,
) -> Sharing:
    shared = Sharing(SharingLimits(every_s, budget, road.size), noted)
    shared.follow(TODAY, release)
    return shared


def offered(shared: Sharing, road: Road, now: float, streams: Collection[str] = ("track",)) -> list[int]:
    """Choose and send, as the runtime does; the numbers that went."""
    chosen = shared.chosen(road.oldest, streams, road, (), now)
    assert chosen is not None
    assert len(chosen) <= road.room
    road.outstanding |= {(each.stream, each.n) for each in chosen}
    shared.sent(chosen, road.outstanding, now)
    return [each.n for each in chosen]


def answered(shared: Sharing, road: Road, numbers: Sequence[int]) -> None:
    keys = {("track", n) for n in numbers}
    road.outstanding -= keys
    road.unsent = [each for each in road.unsent if (each.stream, each.n) not in keys]
    for key in keys:
        shared.settled(key)


def sealed(shared: Sharing, road: Road, now: float, *batches: Batch) -> None:
    road.unsent += batches
    shared.sealed(batches, now)


def test_newest_periods_go_first_and_the_backlog_oldest_first():
    road = Road()
    shared = sharing(road)
    road.unsent = [batch(n) for n in range(1, 5)]
    sealed(shared, road, 0.0, batch(5), batch(6))
    assert offered(shared, road, 1.0) == [5, 6, 1, 2, 3, 4]


def test_batch_is_new_for_two_periods_and_then_backlog():
    road = Road()
    shared = sharing(road)
    sealed(shared, road, 0.0, batch(1))
    sealed(shared, road, EVERY_S, batch(2))
    assert offered(shared, road, FRESH_S) == [2, 1]


def test_backlog_keeps_its_pace_after_a_first_burst():
    road = Road(window=100)
    shared = sharing(road, every_s=1.0)
    road.unsent = [batch(n) for n in range(1, 1000)]
    counts = []
    for now in (1000.0, 1000.5, 1001.0, 1002.0, 1009.0):
        sent = offered(shared, road, now)
        counts.append(len(sent))
        answered(shared, road, sent)
    assert counts == [5, 0, 1, 1, 5]


def test_backlog_takes_at_most_half_of_the_window_and_one_that_is_held_back_takes_no_place():
    road = Road(window=4)
    shared = sharing(road, every_s=0.0)
    road.unsent = [batch(n) for n in range(1, 10)]
    assert offered(shared, road, 0.0) == [1, 2]
    assert shared.waiting
    sealed(shared, road, 1.0, batch(10))
    assert offered(shared, road, 1.0) == [10]
    road.outstanding.remove(("track", 1))
    road.held.add(("track", 1))
    assert offered(shared, road, 2.0) == [3]


@pytest.mark.parametrize("window", [1, 2, 20])
def test_backlog_gets_a_turn_while_new_ones_never_end(window: int):
    road = Road(window)
    shared = sharing(road, every_s=0.0)
    road.unsent = [batch(n) for n in range(1, 4)]
    order: list[int] = []
    for now in range(60):
        sealed(shared, road, now, *(batch(100 + now * 40 + i) for i in range(30)))
        sent = offered(shared, road, now)
        answered(shared, road, sent)
        order += sent
    old = [order.index(n) for n in (1, 2, 3)]
    assert old[0] <= FRESH_IN_A_ROW
    assert old == [old[0] + i * (FRESH_IN_A_ROW + 1) for i in range(3)]


def test_more_new_ones_than_memory_holds_count_as_backlog():
    road = Road(window=1000)
    shared = sharing(road, every_s=60.0)
    sealed(shared, road, 0.0, *(batch(n) for n in range(1, FRESH_BATCHES_MAX + 3)))
    sent = offered(shared, road, 0.0)
    assert sent[FRESH_IN_A_ROW] == 1  # the oldest, as backlog
    assert sorted(sent) == [1, *range(3, FRESH_BATCHES_MAX + 3)]


def test_stream_that_may_not_leave_now_stays():
    road = Road()
    shared = sharing(road)
    sealed(shared, road, 0.0, batch(1, "harsh_braking"), batch(1))
    chosen = shared.chosen(road.oldest, ("track",), road, (), 0.0)
    assert [each.stream for each in chosen or ()] == ["track"]


def test_call_that_is_offered_otherwise_is_not_offered_twice():
    road = Road()
    shared = sharing(road)
    sealed(shared, road, 0.0, batch(1), batch(2))
    chosen = shared.chosen(road.oldest, ("track",), road, {("track", 1)}, 0.0)
    assert [each.n for each in chosen or ()] == [2]


def test_lost_disk_offers_nothing():
    assert sharing(Road()).chosen(lambda limit, without: None, ("track",), Road(), (), 0.0) is None


# The day's budget: batches of this test cost 1024 bytes each.


def test_budget_stops_the_backlog_and_not_what_is_new():
    road = Road()
    shared = sharing(road, every_s=0.0, budget=4 * 1024)
    shared._trickle_at = 1e9  # the trickle is tested below
    road.unsent = [batch(n) for n in range(1, 10)]
    sealed(shared, road, 0.0, batch(10))
    assert offered(shared, road, 0.0) == [10, 1, 2, 3]
    assert shared.waiting
    sealed(shared, road, 1.0, batch(11))
    assert offered(shared, road, 1.0) == [11]


def test_above_the_budget_one_batch_of_the_backlog_goes_in_a_while():
    road = Road()
    shared = sharing(road, every_s=0.0, budget=1024)
    road.unsent = [batch(n) for n in range(1, 10)]
    went = {now: offered(shared, road, now) for now in (0.0, 1.0, 2.0, TRICKLE_S, 1.0 + TRICKLE_S)}
    assert went == {0.0: [1], 1.0: [2], 2.0: [], TRICKLE_S: [], 1.0 + TRICKLE_S: [3]}


def test_next_service_day_has_a_budget_of_its_own():
    road = Road()
    shared = sharing(road, every_s=0.0, budget=2 * 1024)
    road.unsent = [batch(n) for n in range(1, 10)]
    assert offered(shared, road, 0.0) == [1, 2]
    assert offered(shared, road, 1.0) == [3]
    assert offered(shared, road, 2.0) == []
    shared.follow(None, TIMED)
    assert offered(shared, road, 3.0) == []
    shared.follow(TODAY + 1, TIMED)
    assert offered(shared, road, 4.0) == [4, 5]


def test_what_could_not_be_sent_is_not_counted():
    road = Road()
    shared = sharing(road, budget=4 * 1024)
    road.unsent = [batch(1)]
    chosen = shared.chosen(road.oldest, ("track",), road, (), 0.0)
    shared.sent(chosen or (), set(), 0.0)
    assert shared.note is None


def test_budget_is_noted_in_steps_and_a_restart_costs_the_rest_of_a_step_at_most():
    budget = NOTE_STEPS * 10 * 1024
    road = Road()
    shared = sharing(road, every_s=0.0, budget=budget)
    notes = []
    for n in range(1, 22):
        sealed(shared, road, 0.0, batch(n))
        answered(shared, road, offered(shared, road, 0.0))
        assert shared.note is not None
        notes.append(shared.note)
    assert len(set(notes)) == 3
    assert int.from_bytes(notes[-1].body) == 30 * 1024
    again = sharing(road, every_s=0.0, budget=budget, noted=notes[-1])
    assert again.note == notes[-1]
    another_day = Sharing(SharingLimits(0.0, budget), notes[-1])
    another_day.follow(TODAY + 1, TIMED)
    assert another_day.note is None


def test_without_a_budget_nothing_is_noted():
    road = Road()
    shared = sharing(road, budget=None)
    sealed(shared, road, 0.0, batch(1))
    offered(shared, road, 0.0)
    assert shared.note is None


def test_under_a_daily_release_the_oldest_go_first_and_nothing_is_limited_or_noted():
    road = Road(window=100)
    shared = sharing(road, every_s=60.0, budget=1024, release=DAILY)
    sealed(shared, road, 0.0, *(batch(n) for n in range(1, 51)))
    assert offered(shared, road, 0.0) == list(range(1, 51))
    assert not shared.waiting
    assert shared.note is None


# What the city asks for again.


def test_what_is_asked_for_again_gets_what_the_backlog_leaves():
    road = Road()
    shared = sharing(road, every_s=1.0)
    road.unsent = [batch(100), batch(101)]
    shared.chosen(road.oldest, ("track",), road, (), 0.0)
    assert [each.n for each in shared.spare([batch(n) for n in range(1, 10)])] == [1, 2, 3]


def test_what_is_asked_for_again_waits_for_the_budget():
    road = Road()
    shared = sharing(road, every_s=0.0, budget=3 * 1024)
    sealed(shared, road, 0.0, batch(100), batch(101))
    shared.chosen(road.oldest, ("track",), road, (), 0.0)
    assert [each.n for each in shared.spare([batch(n) for n in range(1, 10)])] == [1]


def test_within_a_slot_all_that_is_asked_for_again_may_go():
    shared = sharing(Road(), release=DAILY)
    assert len(shared.spare([batch(n) for n in range(1, 10)])) == 9


def test_a_batch_costs_its_payload_and_the_frames_round_it():
    assert cost(batch(1, payload_bytes=100)) == 100 + FRAME_BYTES
