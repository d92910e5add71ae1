"""What is sent again: the same bytes, once a connection, only what the broker has had and the lane lets out."""

from __future__ import annotations

import pytest

from agent.keeping import Key
from agent.sending import resending
from agent.sending.custody import Series, encode
from agent.sending.resending import LISTEN_S, LOOK_EVERY_S, UNDER_WAY_S, Resending
from buffer.outbox import Batch, Outbox
from drivers.inputs import Delivered
from tests.sim.drives import outbox

OPEN = frozenset({"track", "box", "harsh_braking"})
ALL = 1_000


class Truck:
    """An outbox with batches 1 to 6 of `track`, 1 of `box` and 1 of `harsh_braking`, and a connection at 0."""

    def __init__(self) -> None:
        self.box: Outbox = outbox()
        track = [Batch("track", n, 20_000, b"payload %d" % n) for n in range(1, 7)]
        self.box.commit(
            seal=[*track, Batch("box", 1, 20_000, b"box"), Batch("harsh_braking", 1, 20_000, b"b")]
        )
        self.again = Resending(self.box)
        self.again.follow(1, 0.0)

    def acknowledged(self, *ns: int) -> None:
        self.box.commit(acknowledged=[("track", n) for n in ns])

    def told(self, *missing: tuple[int, int], newest: int = 6, live: bool = False, link: int = 1) -> bool:
        upto = missing[0][0] - 1 if missing else newest
        known = {"track": Series(upto, newest, missing), "box": Series(1, 1, ())}
        payload = encode({self.box.epoch("box"): known})
        return self.again.hear(Delivered(0.0, link, "t", payload, retained=not live))

    def sends(
        self, now: float = 0.0, room: int = ALL, on_their_way: frozenset[Key] = frozenset()
    ) -> list[bytes]:
        """What is offered, all of it answered at once."""
        batches = self.again.batches(OPEN, room, on_their_way, now)
        assert all(self.again.answered((batch.stream, batch.n), now) for batch in batches)
        return [batch.payload for batch in batches]


@pytest.fixture
def truck() -> Truck:
    return Truck()


def test_what_is_missing_goes_again_oldest_first_and_once(truck: Truck) -> None:
    truck.acknowledged(1, 2, 3, 4, 5, 6)
    assert truck.told((2, 3), (5, 5))
    assert truck.sends() == [b"payload 2", b"payload 3", b"payload 5"]
    truck.told((2, 3), (5, 5))
    truck.told((1, 3), (5, 5))
    assert truck.sends(now=LOOK_EVERY_S) == [b"payload 1"]
    assert not truck.again.busy


def test_a_new_connection_may_send_it_again(truck: Truck) -> None:
    truck.acknowledged(2)
    truck.told((2, 2))
    assert truck.sends() == [b"payload 2"]
    truck.again.follow(None, 1.0)
    truck.again.follow(2, 2.0)
    assert truck.sends(2.0) == []
    truck.told((2, 2), link=2)
    assert truck.sends(2.0) == [b"payload 2"]


def test_what_the_broker_has_not_answered_for_is_left_to_the_ordinary_way(truck: Truck) -> None:
    truck.acknowledged(1)
    truck.told((1, 4))
    assert truck.sends() == [b"payload 1"]


def test_an_answer_that_is_not_committed_yet_counts(truck: Truck) -> None:
    assert not truck.again.answered(("track", 2), 0.0)
    truck.told((1, 4))
    assert truck.sends() == [b"payload 2"]


def test_what_is_gone_here_is_not_sent_and_nothing_else_happens(truck: Truck) -> None:
    truck.acknowledged(1, 2, 3)
    truck.box.purge(20_100, receipt_days={}, age_days_max=1_000)
    assert truck.told((1, 3))
    assert truck.sends() == []
    assert not truck.again.busy


def test_what_the_receiver_has_never_heard_of_is_missing_only_for_one_that_is_there(truck: Truck) -> None:
    truck.acknowledged(4, 5, 6)
    truck.told(newest=3)
    assert truck.sends() == []
    truck.told(newest=3, live=True)
    assert truck.sends(LOOK_EVERY_S) == [b"payload 4", b"payload 5", b"payload 6"]


def test_what_was_acknowledged_just_now_is_given_time_to_arrive(truck: Truck) -> None:
    truck.acknowledged(4)
    truck.again.answered(("track", 5), 10.0)
    truck.told(newest=3, live=True)
    assert truck.sends(20.0) == [b"payload 4"]
    truck.told(newest=3, live=True)
    assert truck.sends(10.0 + UNDER_WAY_S) == [b"payload 5"]


def test_the_fleet_s_stream_is_never_sent_again(truck: Truck) -> None:
    truck.box.commit(acknowledged=[("harsh_braking", 1)])
    epoch = truck.box.epoch("box")
    payload = encode({epoch: {"harsh_braking": Series(0, 1, ((1, 1),))}})
    assert truck.again.hear(Delivered(0.0, 1, "t", payload))
    assert truck.sends() == []


def test_only_streams_that_may_leave_now_are_sent(truck: Truck) -> None:
    truck.acknowledged(1)
    truck.told((1, 1))
    assert truck.again.batches({"box"}, ALL, set(), 0.0) == []
    truck.again.follow(2, 1.0)
    truck.told((1, 1), link=2)
    truck.again.batches(OPEN, 0, set(), 1.0)
    assert truck.again.batches({"box"}, ALL, set(), 1.0) == []  # the lane has closed meanwhile


@pytest.mark.parametrize(
    "payload", [b"", b"nonsense", b"x" * 10_000, encode({"f" * 16: {"track": Series(0, 6, ())}})]
)
def test_nonsense_and_another_epoch_change_nothing(truck: Truck, payload: bytes) -> None:
    truck.acknowledged(1, 2, 3, 4, 5, 6)
    assert not truck.again.hear(Delivered(0.0, 1, "t", payload))
    assert truck.sends() == []
    assert not truck.again.busy


def test_word_of_an_earlier_connection_is_passed_over(truck: Truck) -> None:
    truck.acknowledged(1)
    assert not truck.told((1, 1), link=0)


def test_one_that_asks_for_everything_for_ever_gets_everything_once_and_within_bounds(
    truck: Truck, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(resending, "RESENT_MAX", 4)
    truck.acknowledged(1, 2, 3, 4, 5, 6)
    sent = []
    for second in range(200):
        for newest in (6, 2**53 - 1):
            truck.told((1, newest), newest=newest, live=second % 2 == 0)
            sent += truck.sends(float(second), room=2)
    assert sorted(sent) == [b"payload 3", b"payload 4", b"payload 5", b"payload 6"]


def test_the_outbox_is_searched_no_more_often_than_agreed(
    truck: Truck, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks = []
    find = truck.box.find
    monkeypatch.setattr(truck.box, "find", lambda *given: looks.append(given) or find(*given))
    for tenth in range(100):
        truck.told((1 + tenth % 5, 6), newest=6 + tenth)
        truck.sends(tenth / 10)
    assert len(looks) <= 1 + 10 / LOOK_EVERY_S


def test_an_offer_that_found_no_way_is_made_again(truck: Truck) -> None:
    truck.acknowledged(1, 2)
    truck.told((1, 2))
    first = truck.again.batches(OPEN, 1, set(), 0.0)
    assert first == truck.again.batches(OPEN, 1, set(), 0.0)
    assert [b.n for b in truck.again.batches(OPEN, 1, {("track", 1)}, 0.0)] == [2]
    assert truck.again.busy


def test_a_connection_listens_for_the_same_time_behind_its_beginning_and_each_answer(truck: Truck) -> None:
    truck.again.follow(1, LISTEN_S - 0.1)
    assert truck.again.listening
    truck.again.answered(("track", 1), LISTEN_S - 0.1)
    truck.again.follow(1, LISTEN_S)
    assert truck.again.listening
    assert truck.again.due == 2 * LISTEN_S - 0.1
    truck.again.follow(1, 2 * LISTEN_S)
    assert not truck.again.listening
    assert truck.again.due is None


def test_without_a_connection_there_is_nothing_to_listen_to(truck: Truck) -> None:
    truck.acknowledged(1)
    truck.again.follow(None, 1.0)
    assert not truck.told((1, 1))
    assert not truck.again.listening
