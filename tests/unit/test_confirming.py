"""The receiver's word to its trucks: read from the store, told when it has changed, and never in a flood."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from agent.city import confirming
from agent.city.confirming import AT_ONCE_MAX, PAUSE_S, TOLD_AFTER_S, Confirming
from agent.sending.custody import Series, decode
from buffer.received import Received, ReceivedStore
from drivers.mqtt import LinkError

EPOCH = "00000000000000aa"
TOPIC = "fairhaul/v1/north/truck-007/custody"


class Line:
    """Notes what is published; raises while `gone`."""

    def __init__(self) -> None:
        self.published: list[tuple[str, bytes]] = []
        self.gone = False

    def publish(self, topic: str, payload: bytes, *, retain: bool = False) -> int:
        if self.gone:
            raise LinkError("not connected")
        assert retain
        self.published.append((topic, payload))
        return 1


class City:
    """A store in memory and what is told of it, connected at 0."""

    def __init__(self) -> None:
        self.store = ReceivedStore.open(None)
        self.line = Line()
        self.confirming = Confirming(self.store, self.line)
        self.confirming.came_up(0.0)

    def take(self, *ns: int, vehicle: str = "truck-007", stream: str = "track", now: float = 0.0) -> None:
        for n in ns:
            fleet = "north" if vehicle else ""
            self.store.accept(Received(vehicle, stream, EPOCH, n, "", f"{n:064x}", b"p", [], fleet))
            self.confirming.changed(vehicle, fleet, now)

    def told(self) -> list[Series]:
        read = [decode(payload) for _, payload in self.line.published]
        return [custody[EPOCH]["track"] for custody in read if custody]


@pytest.fixture
def city() -> Iterator[City]:
    made = City()
    yield made
    made.store.close()


def test_a_truck_is_told_a_little_later_what_has_come_and_what_has_not(city: City) -> None:
    city.take(1, 2, 5)
    city.confirming.step(TOLD_AFTER_S - 0.1)
    assert city.line.published == []
    city.confirming.step(TOLD_AFTER_S)
    assert [topic for topic, _ in city.line.published] == [TOPIC]
    assert city.told() == [Series(2, 5, ((3, 4),))]
    assert city.confirming.missing == {"truck-007": 2}
    assert city.confirming.due is None


def test_nothing_is_told_twice_on_a_connection_and_everything_again_on_the_next(city: City) -> None:
    city.take(1)
    city.confirming.step(5.0)
    city.take(1, now=5.0)
    city.confirming.step(10.0)
    assert len(city.line.published) == 1
    city.confirming.came_up(20.0)
    city.confirming.step(30.0)
    assert city.told() == [Series(1, 1, ())] * 2


def test_a_receiver_that_was_killed_tells_the_same_from_its_store_alone(city: City) -> None:
    city.take(1, 4)
    after = Confirming(city.store, city.line)
    after.came_up(0.0)
    after.step(TOLD_AFTER_S)
    assert city.told() == [Series(1, 4, ((2, 3),))]


def test_hundreds_of_trucks_are_told_some_at_a_time(city: City) -> None:
    for number in range(3 * AT_ONCE_MAX):
        city.take(1, vehicle=f"truck-{number:03}")
    now, counts = TOLD_AFTER_S, []
    while city.confirming.due is not None:
        city.confirming.step(now)
        counts.append(len(city.line.published))
        city.confirming.step(now)
        now += PAUSE_S
    assert counts == [AT_ONCE_MAX, 2 * AT_ONCE_MAX, 3 * AT_ONCE_MAX]


def test_what_could_not_be_told_waits(city: City) -> None:
    city.take(1)
    city.line.gone = True
    city.confirming.step(5.0)
    city.confirming.finish()
    assert city.confirming.due is not None
    city.line.gone = False
    city.confirming.step(6.0)
    assert len(city.line.published) == 1


def test_all_that_waits_is_told_at_the_end(city: City) -> None:
    city.take(1)
    city.take(1, vehicle="truck-008")
    city.confirming.finish()
    assert len(city.line.published) == 2


def test_brakings_are_told_to_nobody(city: City) -> None:
    city.take(1, 3, vehicle="", stream="harsh_braking")
    city.confirming.step(5.0)
    city.confirming.finish()
    assert city.line.published == []


def test_trucks_past_the_limit_are_told_when_their_next_batch_comes(
    city: City, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(confirming, "VEHICLES_MAX", 1)
    city.take(1)
    city.take(1, vehicle="truck-008")
    city.confirming.step(5.0)
    city.take(2, vehicle="truck-008", now=5.0)
    city.confirming.step(10.0)
    assert [topic.split("/")[3] for topic, _ in city.line.published] == ["truck-007", "truck-008"]
