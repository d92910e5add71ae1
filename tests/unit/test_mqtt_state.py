"""Birth, goodbye and last will of a connection: told on one topic where it is wanted, nowhere where it is not."""

from __future__ import annotations

import json
import re
import socket
import struct
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from drivers.clock import Clock
from drivers.inbox import Inbox
from drivers.inputs import Acknowledged, LinkDown, LinkUp
from drivers.mqtt import Link, LinkError, LinkOptions
from drivers.mqtt_state import STATE_BYTES_MAX, STATES, state_in, state_payload

PAGE = (Path(__file__).parents[2] / "docs" / "wire.md").read_text("utf-8")
WAIT_S = 10.0
TOPIC = "fairhaul/v1/north/truck-007/state"
CONNACK = b"\x20\x03\x00\x00\x00"
WINDOW_OF_TWO = b"\x20\x06\x00\x00\x03\x21\x00\x02"


class Packet(NamedTuple):
    """One packet of the truck's: its first byte and its body; the first byte is 0 once it has hung up."""

    first: int
    body: bytes

    @property
    def publish(self) -> tuple[str, bytes, int, bool]:
        """Topic, payload, QoS and retain of a PUBLISH of MQTT 5 without properties."""
        (length,) = struct.unpack("!H", self.body[:2])
        qos = self.first >> 1 & 3
        rest = self.body[2 + length + (2 if qos else 0) :]
        return self.body[2 : 2 + length].decode(), rest[1:], qos, bool(self.first & 1)

    @property
    def mid(self) -> bytes:
        (length,) = struct.unpack("!H", self.body[:2])
        return self.body[2 + length : 4 + length]


class Broker:
    """Takes one connection, answers as `script` says, and keeps every packet that came."""

    def __init__(self, script: Callable[[Broker], None]) -> None:
        self.packets: list[Packet] = []
        self._script = script
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"mqtt://127.0.0.1:{self._listener.getsockname()[1]}"
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def _serve(self) -> None:
        self._sock, _ = self._listener.accept()
        self._sock.settimeout(WAIT_S)
        with self._sock:
            self.take()
            self._script(self)
            while self.take().first:
                pass

    def take(self) -> Packet:
        head = self._bytes(2)
        packet = (
            Packet(head[0], self._bytes(head[1] & 0x7F | self._more(head[1]))) if head else Packet(0, b"")
        )
        self.packets.append(packet)
        return packet

    def _more(self, length: int) -> int:
        return self._bytes(1)[0] << 7 if length & 0x80 else 0

    def _bytes(self, count: int) -> bytes:
        found = b""
        while len(found) < count and (part := self._sock.recv(count - len(found))):
            found += part
        return found

    def send(self, data: bytes) -> None:
        self._sock.sendall(data)

    def acknowledge(self, packet: Packet, reason: bytes = b"") -> None:
        self.send(bytes([0x40, 2 + len(reason)]) + packet.mid + reason)

    def ended(self) -> list[Packet]:
        """Every packet, once the truck has hung up."""
        self._thread.join(WAIT_S)
        self._listener.close()
        return self.packets


def accept(broker: Broker) -> None:
    """Welcome, and acknowledge whatever asks for it."""
    broker.send(CONNACK)
    while (packet := broker.take()).first & 0xF0 == 0x30:
        broker.acknowledge(packet)


def silent(broker: Broker) -> None:
    """Welcome, and acknowledge nothing."""
    broker.send(WINDOW_OF_TWO)


def refuse_birth(broker: Broker) -> None:
    broker.send(CONNACK)
    broker.acknowledge(broker.take(), b"\x87\x00")


class Truck:
    """A link to a broker of the script, connected as number 1 when `up`."""

    def __init__(self, script: Callable[[Broker], None], topic: str | None = TOPIC, up: bool = True) -> None:
        self.broker = Broker(script)
        self.inbox = Inbox()
        options = LinkOptions(client_id="truck", protocol="5", state_topic=topic, connect_within_s=5)
        self.link = Link(options, self.inbox.post, Clock().at)
        self.link.connect(1, self.broker.url)
        if up:
            assert isinstance(self.inbox.take(WAIT_S), LinkUp)

    def ended(self) -> list[Packet]:
        self.link.close()
        return self.broker.ended()


def published(packets: list[Packet]) -> list[tuple[str, bytes, int, bool]]:
    return [packet.publish for packet in packets if packet.first & 0xF0 == 0x30]


@pytest.fixture
def trucks() -> Iterator[list[Truck]]:
    made: list[Truck] = []
    yield made
    for truck in made:
        truck.ended()


def test_connection_tells_its_birth_and_its_end_retained(trucks):
    truck = Truck(accept)
    trucks.append(truck)
    mid = truck.link.publish("a", b"batch")
    assert truck.inbox.take(WAIT_S)[1:] == (1, mid, None)
    packets = truck.ended()
    assert published(packets) == [
        (TOPIC, state_payload("online"), 1, True),
        ("a", b"batch", 1, False),
        (TOPIC, state_payload("offline"), 1, True),
    ]
    assert [packet.first for packet in packets[-2:]] == [0xE0, 0]  # DISCONNECT: the broker drops the will


def test_last_will_says_lost_retained_at_qos_1(trucks):
    truck = Truck(accept)
    trucks.append(truck)
    connect = truck.ended()[0]
    assert connect.body[7] & 0x3C == 0x2C  # will, QoS 1, retained
    assert TOPIC.encode() in connect.body
    assert connect.body.endswith(state_payload("lost"))


def test_silent_link_has_no_will_no_birth_and_no_goodbye(trucks):
    truck = Truck(accept, topic=None)
    trucks.append(truck)
    truck.link.publish("a", b"batch")
    assert isinstance(truck.inbox.take(WAIT_S), Acknowledged)
    packets = truck.ended()
    assert packets[0].body[7] & 0x3C == 0
    assert b"state" not in packets[0].body
    assert published(packets) == [("a", b"batch", 1, False)]


def test_answers_to_birth_and_goodbye_stay_in_the_driver(trucks):
    truck = Truck(accept)
    trucks.append(truck)
    truck.link.disconnect()
    assert isinstance(truck.inbox.take(WAIT_S), LinkDown)
    assert truck.inbox.take(0.1) is None


def test_refused_birth_is_no_news_and_the_link_stays(trucks):
    truck = Truck(refuse_birth)
    trucks.append(truck)
    assert truck.inbox.take(0.2) is None
    truck.link.publish("a", b"batch")


def test_birth_counts_as_one_that_the_broker_has_to_acknowledge(trucks):
    truck = Truck(silent)
    trucks.append(truck)
    truck.link.publish("a", b"1")
    with pytest.raises(LinkError, match="takes no more"):
        truck.link.publish("a", b"2")


def test_goodbye_asks_for_no_acknowledgement_where_the_broker_takes_no_more(trucks):
    truck = Truck(silent)
    trucks.append(truck)
    truck.link.publish("a", b"1")
    packets = truck.ended()
    assert published(packets)[-1] == (TOPIC, state_payload("offline"), 0, True)
    assert packets[-2].first == 0xE0  # nothing is ever acknowledged: it disconnects after a moment


def test_connection_that_never_came_up_goes_without_a_word(trucks):
    """A DISCONNECT would drop the will, and a birth on its way at that moment would stand for ever."""
    truck = Truck(lambda broker: None, up=False)
    trucks.append(truck)
    truck.link.disconnect()
    assert isinstance(truck.inbox.take(WAIT_S), LinkDown)
    assert all(packet.first in (0x10, 0) for packet in truck.ended())


@pytest.mark.parametrize("state", STATES)
def test_state_is_read_back_and_stands_on_the_page(state):
    payload = state_payload(state)
    assert state_in(payload) == state
    assert f"`{payload.decode()}`" in PAGE
    assert json.loads(payload) == {"v": 1, "state": state}
    assert len(payload) < STATE_BYTES_MAX


@pytest.mark.parametrize(
    "payload", [b"", b"on", b'{"v":2,"state":"online"}', b'{"v":1,"state":"asleep"}', b"\xff" * 1000]
)
def test_anything_else_is_no_state(payload):
    assert state_in(payload) is None


def test_state_holds_no_time_no_count_and_no_place():
    assert not any(re.search(rb"\d", state_payload(state).replace(b'"v":1', b"")) for state in STATES)
