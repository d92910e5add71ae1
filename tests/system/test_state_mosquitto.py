"""Whether a truck is connected, as apt's mosquitto tells it: birth, goodbye, last will; and silence where agreed."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from drivers.clock import Clock
from drivers.inbox import Inbox
from drivers.inputs import Acknowledged, Delivered, Input, LinkDown, LinkUp
from drivers.mqtt import Link, LinkOptions
from drivers.mqtt_state import state_in
from tests.system.mosquitto import OPEN, Mosquitto

WAIT_S = 20.0
STATE = "fairhaul/v1/north/truck-007/state"
TIMED = LinkOptions(client_id="truck-007", connect_within_s=5, state_topic=STATE)
DAILY = replace(TIMED, state_topic=None)
CITY = LinkOptions(client_id="city", connect_within_s=5)
EVERY_PROTOCOL = pytest.mark.parametrize("protocol", ["5", "3.1.1"])
TRUCK_PROCESS = """
import sys
from drivers.clock import Clock
from drivers.inbox import Inbox
from drivers.mqtt import Link, LinkOptions
inbox = Inbox()
topic = sys.argv[3] or None
link = Link(LinkOptions(client_id="truck-007", protocol=sys.argv[2], state_topic=topic), inbox.post, Clock().at)
link.connect(1, sys.argv[1])
print(type(inbox.take(20)).__name__, flush=True)
sys.stdin.read()
"""


class End:
    """A Link with its inbox."""

    def __init__(self, options: LinkOptions) -> None:
        self._inbox = Inbox()
        self.link = Link(options, self._inbox.post, Clock().at)

    def next(self, kind: type[Input]) -> Input:
        entry = self._inbox.take(WAIT_S)
        assert isinstance(entry, kind), entry
        return entry

    def connect(self, url: str, number: int = 1) -> End:
        self.link.connect(number, url)
        self.next(LinkUp)
        return self

    def heard(self, times: int) -> list[tuple[str, bytes]]:
        messages = [self.next(Delivered) for _ in range(times)]
        return [(message.topic, message.payload) for message in messages if isinstance(message, Delivered)]

    def states(self, times: int) -> list[str | None]:
        """What the next messages, all of them on the state topic, say."""
        heard = self.heard(times)
        assert {topic for topic, _ in heard} == {STATE}
        return [state_in(payload) for _, payload in heard]

    def quiet(self) -> bool:
        return self._inbox.take(0.5) is None


@contextmanager
def truck_process(url: str, protocol: str, topic: str = STATE) -> Iterator[None]:
    """A truck of its own process, up, and in the end killed without a word."""
    words = [sys.executable, "-c", TRUCK_PROCESS, url, protocol, topic]
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "LinkUp\n"
        yield
        process.kill()


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Mosquitto]:
    with Mosquitto(tmp_path, OPEN) as broker:
        yield broker


@pytest.fixture
def city(broker: Mosquitto) -> Iterator[End]:
    end = End(CITY).connect(broker.url)
    end.link.subscribe(["fairhaul/#"])
    broker.log.wait_for("Sending SUBACK to city")
    yield end
    end.link.close()


@EVERY_PROTOCOL
def test_timed_truck_is_online_and_lost_when_it_is_killed(broker: Mosquitto, city: End, protocol: str):
    with truck_process(broker.url, protocol):
        assert city.states(1) == ["online"]
    assert city.states(1) == ["lost"]


@EVERY_PROTOCOL
def test_timed_truck_that_hangs_up_is_offline_every_time(broker: Mosquitto, city: End, protocol: str):
    truck = End(replace(TIMED, protocol=protocol))
    for number in range(1, 11):
        truck.connect(broker.url, number)
        truck.link.disconnect()
        truck.next(LinkDown)
    assert city.states(20) == ["online", "offline"] * 10
    assert city.quiet()
    truck.link.close()


def test_batches_on_their_way_do_not_turn_a_goodbye_into_a_loss(broker: Mosquitto, city: End):
    truck = End(TIMED).connect(broker.url)
    for number in range(15):
        truck.link.publish("fairhaul/v1/north/truck-007/track", b"%d" % number)
    truck.link.close()
    heard = city.heard(17)
    assert [state_in(payload) for topic, payload in heard if topic == STATE] == ["online", "offline"]
    assert city.quiet()


def test_who_asks_later_hears_the_latest_state_only(broker: Mosquitto):
    truck = End(TIMED).connect(broker.url)
    truck.link.publish("fairhaul/v1/north/truck-007/track", b"batch")
    truck.next(Acknowledged)  # and so has the broker what came before it
    late = End(CITY).connect(broker.url)
    late.link.subscribe(["fairhaul/#"])
    assert late.states(1) == ["online"]
    truck.link.close()
    assert late.states(1) == ["offline"]
    late.link.close()


def test_truck_whose_old_connection_hangs_is_online_in_the_end(broker: Mosquitto, city: End):
    old = End(TIMED).connect(broker.url)
    assert city.states(1) == ["online"]
    new = End(TIMED).connect(broker.url)
    assert city.states(2) == ["lost", "online"]
    old.next(LinkDown)
    old.link.close()
    assert city.quiet()
    new.link.close()


@EVERY_PROTOCOL
def test_daily_truck_says_nothing_on_state_alive_or_dead(broker: Mosquitto, city: End, protocol: str):
    truck = End(replace(DAILY, protocol=protocol)).connect(broker.url)
    truck.link.publish("fairhaul/v1/north/truck-007/track", b"batch")
    truck.next(Acknowledged)
    truck.link.close()
    with truck_process(broker.url, protocol, topic=""):
        pass
    assert city.heard(1) == [("fairhaul/v1/north/truck-007/track", b"batch")]
    assert city.quiet()
    late = End(replace(CITY, client_id="late")).connect(broker.url)
    late.link.subscribe(["fairhaul/#"])
    assert late.quiet()
    late.link.close()


@EVERY_PROTOCOL
def test_state_that_the_access_rules_refuse_costs_no_batch(tmp_path: Path, protocol: str):
    rules = tmp_path / "acl"
    rules.write_text("topic write fairhaul/v1/north/truck-007/track\n")
    with Mosquitto(tmp_path, f"{OPEN}\nacl_file {rules}") as broker:
        truck = End(replace(TIMED, protocol=protocol)).connect(broker.url)
        mid = truck.link.publish("fairhaul/v1/north/truck-007/track", b"batch")
        assert truck.next(Acknowledged)[1:] == (1, mid, None)
        truck.link.close()
