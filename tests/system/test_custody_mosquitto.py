"""A broker that acknowledged and then lost what it had: the receiver ends complete all the same.

The truck is the agent's own runtime over its real link, with an outbox that holds batches from before; its clock
is faster than the real one. The receiver is a process of its own.
"""

from __future__ import annotations

import signal
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from agent import wire
from agent.assembly import link_options
from agent.live import AgreedLink
from agent.wire import Heading
from buffer.received import ReceivedStore
from drivers.mqtt import Link
from tests.sim.drives import agreement, configuration
from tests.system.backlog_truck import Truck as BacklogTruck
from tests.system.city import WAIT_S, City, end, end_all
from tests.system.mosquitto import OPEN, Mosquitto

SPEED = 30.0
NEVER_SAVES = f"{OPEN}\npersistence true\nautosave_interval 86400\n"
PATIENT = {
    "connect_within": "120 s",
    "acknowledge_within": "600 s",
    "backoff": {"first": "1 s", "longest": "30 s"},
}


class Truck(BacklogTruck):
    """Truck 17, whose clock is faster than the real one."""

    def __init__(self, url: str, count: int) -> None:
        super().__init__([url], count, PATIENT, speed=SPEED)

    def drive_until(self, true: Callable[[], bool]) -> None:
        deadline_s = time.monotonic() + 4 * WAIT_S  # noqa: TID251 — broker and receiver are real
        while not true():
            assert time.monotonic() < deadline_s, (len(self.sent), self.runtime.counts)  # noqa: TID251
            self.turn(0.02)

    def complete(self, city: City) -> bool:
        """Whether everything that was ever sealed is in the city, the newest minute apart."""
        return set(range(1, self.sealed)) <= set(city.numbers("live"))


@pytest.fixture(autouse=True)
def _nothing_left_running() -> Iterator[None]:
    yield
    end_all()


def whole(city: City, truck: Truck) -> None:
    """Every sealed batch arrived once, byte for byte, and the receiver says so."""
    with closing(ReceivedStore.open(city.store)) as store:
        arrived = [each.sha256 for each in store.batches() if each.vehicle]
    assert len(arrived) == len(set(arrived))
    assert set(arrived) <= {wire.digest(payload) for payload in truck.sent}
    of_truck = [each for each in city.status() if each.get("vehicle") == "truck-017"]
    assert [each["stream"] for each in of_truck if not each["complete"]] == []
    assert "live" in {each["stream"] for each in of_truck}


def sent_without_a_receiver(folder: Path, broker: Mosquitto, batches: int) -> tuple[City, Truck]:
    """The broker has taken so many batches for a receiver that was there once and is away."""
    city = City(folder, broker.url)
    assert end(city.start()) == 0
    truck = Truck(broker.url, batches)
    truck.drive_until(lambda: len(truck.sent) >= batches and truck.sent_all())
    return city, truck


def made_whole(city: City, truck: Truck) -> None:
    """The receiver comes back, asks for what it misses, and ends with everything."""
    process = city.start()
    truck.drive_until(lambda: truck.complete(city))
    truck.link.close()
    assert end(process) == 0
    whole(city, truck)


def test_what_a_broker_acknowledged_and_lost_by_kill_9_before_it_saved_arrives_after_all(
    tmp_path: Path,
) -> None:
    with Mosquitto(tmp_path, NEVER_SAVES) as broker:
        city, truck = sent_without_a_receiver(tmp_path, broker, 300)
        broker.kill9()
        broker.start()
        made_whole(city, truck)
        assert "truck-017, live: complete" in city.said()


def test_what_overflowed_the_broker_s_queue_while_the_receiver_was_away_arrives_after_all(
    tmp_path: Path,
) -> None:
    with Mosquitto(tmp_path, OPEN) as broker:
        city, truck = sent_without_a_receiver(tmp_path, broker, 1_200)
        made_whole(city, truck)
        assert broker.log.wait_for("Outgoing messages are being dropped")


def test_a_receiver_killed_in_the_middle_asks_for_what_is_missing_from_its_store_alone(
    tmp_path: Path,
) -> None:
    with Mosquitto(tmp_path, NEVER_SAVES) as broker:
        city = City(tmp_path, broker.url)
        process = city.start()
        truck = Truck(broker.url, 400)
        truck.drive_until(lambda: len(city.numbers("live")) > 50)
        assert end(process, signal.SIGKILL) == -signal.SIGKILL
        truck.drive_until(lambda: len(truck.sent) >= 400 and truck.sent_all())
        broker.kill9()  # and what waited for the receiver goes with the broker
        broker.start()
        made_whole(city, truck)


def test_a_truck_that_comes_back_finds_what_was_asked_meanwhile(tmp_path: Path) -> None:
    """The request is retained: receiver and truck need never be there at the same time."""
    with Mosquitto(tmp_path, OPEN) as broker:
        city = City(tmp_path, broker.url)
        process = city.start()
        truck = Truck(broker.url, 5)
        heading = Heading(
            "live", truck.box.epoch("live"), 7, wire.NO_PREVIOUS, agreement("operations").reference
        )
        gap_above = wire.encode(heading, [], 512)
        other = AgreedLink(
            lambda: link_options(configuration(vehicle="truck-018"), None),
            lambda options: Link(options, truck.inbox.post, truck.clock.at),
        )
        other.connect(99, broker.url)
        truck.inbox.take(WAIT_S)
        other.publish("fairhaul/v1/springfield/truck-017/live", gap_above)
        city.until(lambda: city.numbers("live") == [7])
        other.close()
        assert end(process) == 0  # says at its end that 1 to 6 are missing
        truck.drive_until(lambda: len(truck.heard) > 0)
        assert truck.heard[0].retained
        truck.link.close()
