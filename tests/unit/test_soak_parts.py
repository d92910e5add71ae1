"""The fakes of the soak behave as they say: the broker, the card, the books, the reader of log lines."""

from __future__ import annotations

import heapq
import itertools
import logging
import random
from collections.abc import Callable
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from agent.records import Record
from agent.sealing import rows
from buffer.outbox import Batch, Kept, Losses, Outbox, OutboxLost
from drivers.inputs import Acknowledged, Delivered, Input, LinkDown, LinkUp
from drivers.mqtt_options import LinkError
from tests.crash.planted import normal
from tests.soak.broker import Broker, Line, matches
from tests.soak.card import TROUBLES, Card, Died
from tests.soak.ledger import Broken, Ledger, WatchedOutbox, amounts
from tests.soak.lines import Lines

DAY = 20_000
TOPIC = "fairhaul/v1/springfield/truck-017/track"


class Hours:
    """Time that goes on when it is told to."""

    def __init__(self) -> None:
        self.s = 0.0
        self._serial = itertools.count()
        self._events: list[tuple[float, int, Callable[[], Any]]] = []

    def later(self, seconds: float, act: Callable[[], Any]) -> None:
        heapq.heappush(self._events, (self.s + seconds, next(self._serial), act))

    def between(self, least: float, most: float) -> float:
        return (least + most) / 2

    def go(self, seconds: float) -> None:
        until_s = self.s + seconds
        while self._events and self._events[0][0] <= until_s:
            self.s, _, act = heapq.heappop(self._events)
            act()
        self.s = until_s


class Street:
    """A broker, a truck that publishes and a city that subscribes."""

    def __init__(self) -> None:
        self.hours = Hours()
        self.broker = Broker(self.hours)
        self.heard: list[Input] = []
        self.delivered: list[Input] = []
        self.truck = Line(self.hours, self.broker, "truck", self.heard.append)
        self.city = Line(self.hours, self.broker, "city", self.delivered.append)
        self.city.connect(1, "mqtt://broker", ["fairhaul/v1/+/#"])
        self.truck.connect(1, "mqtt://broker")
        self.hours.go(1)

    def answers(self) -> list[Acknowledged]:
        return [entry for entry in self.heard if isinstance(entry, Acknowledged)]

    def arrived(self) -> list[bytes]:
        return [entry.payload for entry in self.delivered if isinstance(entry, Delivered)]


def test_the_broker_takes_hands_on_and_acknowledges() -> None:
    street = Street()
    assert [type(entry) for entry in street.heard] == [LinkUp]
    mid = street.truck.publish(TOPIC, b"one")
    street.hours.go(2)
    assert [(answer.mid, answer.refusal) for answer in street.answers()] == [(mid, None)]
    assert street.arrived() == [b"one"]


def test_what_the_city_did_not_acknowledge_comes_again_and_what_it_did_does_not() -> None:
    street = Street()
    for payload in (b"one", b"two"):
        street.truck.publish(TOPIC, payload)
    street.hours.go(2)
    first = street.delivered[1]
    assert isinstance(first, Delivered)
    street.city.acknowledge(1, first.mid)
    street.city.disconnect()
    street.city.connect(2, "mqtt://broker", ["fairhaul/v1/+/#"])
    street.hours.go(2)
    assert street.arrived() == [b"one", b"two", b"two"]
    assert isinstance(street.delivered[3], LinkDown)


def test_a_half_open_link_swallows_and_a_mute_one_only_keeps_its_answer() -> None:
    street = Street()
    street.truck.swallows = True
    street.truck.publish(TOPIC, b"swallowed")
    street.hours.go(600)
    street.truck.swallows, street.truck.mute = False, True
    street.truck.publish(TOPIC, b"taken")
    street.hours.go(600)
    assert street.arrived() == [b"taken"]
    assert street.answers() == []
    assert (street.broker.taken[b"swallowed"], street.broker.taken[b"taken"]) == (0, 1)


def test_without_coverage_the_link_ends_late_and_a_new_one_is_not_answered() -> None:
    street = Street()
    street.truck.lose_coverage()
    street.truck.publish(TOPIC, b"lost")
    street.hours.go(20)
    assert len(street.heard) == 1
    street.hours.go(60)
    assert isinstance(street.heard[-1], LinkDown)
    street.truck.connect(2, "mqtt://broker")
    street.hours.go(600)
    assert len(street.heard) == 2
    with pytest.raises(LinkError):
        street.truck.publish(TOPIC, b"not connected")
    assert street.arrived() == []


def test_answers_come_late_and_twice_but_never_to_the_next_process() -> None:
    street = Street()
    street.truck.late_s, street.truck.twice = 10.0, True
    street.truck.publish(TOPIC, b"one")
    street.hours.go(5)
    assert street.answers() == []
    street.hours.go(10)
    assert len(street.answers()) == 2
    street.truck.publish(TOPIC, b"two")
    street.hours.go(1)
    street.truck.died()
    street.hours.go(60)
    assert len(street.answers()) == 2
    assert street.arrived() == [b"one", b"two"]


def test_a_refused_message_goes_nowhere_and_a_kick_ends_the_link() -> None:
    street = Street()
    street.broker.refuse_once = "Payload format invalid"
    street.truck.publish(TOPIC, b"refused")
    street.hours.go(2)
    assert street.answers()[0].refusal == "Payload format invalid"
    street.broker.kick_after_s = 3.0
    street.truck.connect(2, "mqtt://broker")
    street.hours.go(1)
    assert isinstance(street.heard[-1], LinkUp)
    street.hours.go(5)
    assert isinstance(street.heard[-1], LinkDown)
    assert street.arrived() == []


@pytest.mark.parametrize("forget", [False, True])
def test_a_broker_that_restarts_forgets_only_what_it_had_not_saved_and_lists_it(forget: bool) -> None:
    street = Street()
    street.city.gone()
    street.truck.publish(TOPIC, b"saved")
    street.hours.go(2)
    street.broker.save()
    street.truck.publish(TOPIC, b"unsaved")
    street.hours.go(2)
    street.broker.stop(forget=forget)
    assert isinstance(street.heard[-1], LinkDown)
    street.truck.connect(2, "mqtt://broker")
    street.hours.go(2)
    assert isinstance(street.heard[-1], LinkDown)
    street.broker.up = True
    street.city.connect(2, "mqtt://broker", ["fairhaul/v1/+/#"])
    street.hours.go(2)
    assert street.arrived() == ([b"saved"] if forget else [b"saved", b"unsaved"])
    assert [message.payload for message in street.broker.lost] == ([b"unsaved"] if forget else [])


def test_a_retained_message_comes_with_the_subscription_to_whoever_asks() -> None:
    street = Street()
    street.broker.take("fairhaul/v1/springfield/truck-017/custody", b"complete", retain=True)
    heard: list[Input] = []
    line = Line(street.hours, street.broker, "truck-017", heard.append)
    line.connect(1, "mqtt://broker", ["fairhaul/v1/springfield/truck-017/custody"])
    street.hours.go(2)
    assert [entry.payload for entry in heard if isinstance(entry, Delivered)] == [b"complete"]


def test_topics_match_as_the_protocol_says() -> None:
    assert matches("a/b/c", "a/+/c")
    assert matches("a/b/c", "a/#")
    assert matches("a/b/c", "+/#")
    assert not matches("a/b/c", "a/+")
    assert not matches("b/b/c", "a/#")


# The card.


def card(tmp_path: Path, pages: int | None = None) -> Card:
    return Card(tmp_path, random.Random(1), pages)


def batch(n: int) -> Batch:
    return Batch("track", n, DAY, bytes([n]) * 900)


@pytest.mark.parametrize("trouble", TROUBLES)
def test_a_card_in_trouble_fails_the_outbox_and_changes_nothing(tmp_path: Path, trouble: str) -> None:
    wear = card(tmp_path)
    with closing(wear.opened()) as outbox:
        outbox.commit(seal=[batch(1)])
        wear.trouble = trouble
        ask = partial(outbox.unsent, 9) if trouble == "read" else partial(outbox.commit, seal=[batch(2)])
        with pytest.raises(OutboxLost):
            ask()
        wear.trouble = None
        assert [each.n for each in outbox.unsent(9)] == [1]
        outbox.commit(seal=[batch(2)])
    assert wear.felt[f"disk {trouble}"] > 0


def lost_power(tmp_path: Path, cut_in: int) -> list[int]:
    """The batches there after power went so many statements into the second commit."""
    wear = card(tmp_path)
    outbox = wear.opened()
    outbox.commit(seal=[batch(1)])
    wear.cut_in = cut_in
    with pytest.raises(Died):
        outbox.commit(seal=[batch(2)])
    wear.died("power")
    with closing(wear.opened()) as again:
        assert again.set_aside is None
        return [each.n for each in again.unsent(9)]


@pytest.mark.parametrize("cut_in", [0, 1, 2])
def test_power_that_goes_in_a_commit_takes_it_back(tmp_path: Path, cut_in: int) -> None:
    assert lost_power(tmp_path, cut_in) == [1]


def test_power_that_goes_behind_a_commit_leaves_it(tmp_path: Path) -> None:
    assert lost_power(tmp_path, -1) == [1, 2]


def survivors(tmp_path: Path, why: str) -> set[int]:
    """How many of twenty commits a death left, over several cards."""
    left = set()
    for k in range(8):
        (tmp_path / str(k)).mkdir()
        wear = Card(tmp_path / str(k), random.Random(k))
        outbox = wear.opened()
        for n in range(1, 21):
            outbox.commit(seal=[batch(n)])
        wear.died(why)
        with closing(wear.opened()) as again:
            left.add(again.head("track").n)
    return left


def test_a_card_drops_what_was_not_synced_when_power_goes_and_nothing_that_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("full", "kill", "power"):
        (tmp_path / name).mkdir()
    assert survivors(tmp_path / "full", "power") == {20}
    normal(monkeypatch)
    assert survivors(tmp_path / "kill", "kill") == {20}
    assert min(survivors(tmp_path / "power", "power")) < 20


def test_a_damaged_card_has_its_file_set_aside(tmp_path: Path) -> None:
    wear = card(tmp_path)
    wear.opened().commit(seal=[batch(1)])
    wear.died("power")
    wear.damage()
    with closing(wear.opened()) as outbox:
        assert outbox.set_aside is not None
        assert outbox.head("track").n == 0


def test_a_small_card_evicts(tmp_path: Path) -> None:
    with closing(card(tmp_path, pages=30).opened()) as outbox:
        for n in range(1, 80):
            outbox.commit(seal=[batch(n)])
        assert outbox.losses().evicted > 0


# The books.


def lift(count: int) -> Record:
    return Record(
        "lifts", DAY, {"date": "2024-10-04", "latitude_deg": 1.5, "longitude_deg": 2.5, "count": count}
    )


def row(count: int) -> Kept:
    return rows([lift(count)])[0]


class Books:
    """A ledger over a card, and the outbox under its eye."""

    def __init__(self, tmp_path: Path, *, oldest_day: int = DAY + 99) -> None:
        self.card = card(tmp_path)
        self.ledger = Ledger(self.card.rows, lambda _: True, lambda: oldest_day)
        self.outbox: Outbox = self.card.opened()
        self.ledger.opened(self.outbox)
        self.watched: Any = WatchedOutbox(self.outbox, self.ledger)


def test_the_books_balance_where_counts_are_put_together(tmp_path: Path) -> None:
    books = Books(tmp_path)
    books.ledger.emitted([lift(2)], 0.0)
    books.watched.commit(keep=[row(2)])
    books.ledger.emitted([lift(3)], 0.0)
    there = books.outbox.kept("lifts", DAY + 1)
    books.watched.commit(keep=[row(5)], used=[there[0].id])
    books.ledger.balance()
    assert sum(books.ledger.committed.values()) == 5


def test_the_books_find_what_was_kept_twice_or_not_at_all(tmp_path: Path) -> None:
    for name, kept in (("less", [row(1)]), ("more", [row(2), row(2)])):
        (tmp_path / name).mkdir()
        books = Books(tmp_path / name)
        books.ledger.emitted([lift(2)], 0.0)
        with pytest.raises(Broken, match="afterwards"):
            books.watched.commit(keep=kept)


def test_the_books_find_rows_that_went_uncounted_or_too_early(tmp_path: Path) -> None:
    books = Books(tmp_path)
    books.ledger.emitted([lift(2)], 0.0)
    books.watched.commit(keep=[row(2)])
    books.outbox._db.execute("DELETE FROM kept_first")
    with pytest.raises(Broken, match="0 are counted"):
        books.ledger.purged(Losses(0, 0, 0))
    (tmp_path / "early").mkdir()
    books = Books(tmp_path / "early", oldest_day=DAY)
    books.ledger.emitted([lift(2)], 0.0)
    books.watched.commit(keep=[row(2)])
    with pytest.raises(Broken, match="expired"):
        books.watched.purge(DAY + 9, receipt_days={}, age_days_max=1)


def test_the_books_ask_the_file_whether_a_commit_in_which_the_process_died_is_there(tmp_path: Path) -> None:
    for cut_in, there in ((-1, 2), (1, 0)):
        folder = tmp_path / str(there)
        folder.mkdir()
        books = Books(folder)
        books.ledger.emitted([lift(2)], 0.0)
        books.card.cut_in = cut_in
        with pytest.raises(Died):
            books.watched.commit(keep=[row(2)])
        books.ledger.cut_short(0.0, well=True)
        books.card.died("power")
        with closing(books.card.opened()) as again:
            books.ledger.opened(again)
            assert sum(books.ledger.committed.values()) == there
            books.ledger.balance()


def test_the_books_find_a_card_that_forgot_and_records_at_risk_for_too_long(tmp_path: Path) -> None:
    books = Books(tmp_path)
    books.ledger.emitted([lift(2)], 0.0)
    with pytest.raises(Broken, match=r"at risk for 30\.0 s"):
        books.ledger.cut_short(30.0, well=True)
    books.watched.commit(keep=[row(2)])
    books.outbox._db.execute("DELETE FROM kept_first")
    with pytest.raises(Broken, match="before the process died"):
        books.ledger.opened(books.outbox)


def test_what_records_say_adds_up_by_what_they_count() -> None:
    one, three = lift(1).fields, lift(3).fields
    assert amounts("lifts", [one, three]) == amounts("lifts", [{**one, "count": 4}])
    assert amounts("track", [{"path": [[1.0, 2.0]]}]) != amounts("track", [{"path": [[1.0, 2.1]]}])


# Log lines.


def told(*texts: str) -> Lines:
    lines = Lines()
    for text in texts:
        lines.emit(logging.LogRecord("agent", logging.WARNING, "", 0, text, None, None))
    return lines


GOOD = [
    "the broker is out of reach (no answer in time); trying again until it is back",
    "the broker is back",
    "the outbox can't be written (disk I/O error); trying again",
    "the outbox can be written again",
    "line switch is at fault (flood): recording is off until it is well",
    "line switch is well again",
]


def test_troubles_that_end_before_they_are_said_again_pass() -> None:
    told(*GOOD, *GOOD).check()


@pytest.mark.parametrize("text", GOOD)
def test_a_trouble_said_twice_or_an_end_of_none_does_not_pass(text: str) -> None:
    with pytest.raises(Broken):
        told(text, text).check()


def test_a_line_with_a_place_does_not_pass() -> None:
    for text in ("at 40.0123", "$GPRMC,1", "4000.12,N"):
        with pytest.raises(Broken):
            told(text).check()


def test_the_next_process_says_its_troubles_anew() -> None:
    lines = told(GOOD[0])
    lines.died()
    lines.emit(logging.LogRecord("agent", logging.WARNING, "", 0, GOOD[0], None, None))
    lines.check()
