"""The embedded broker with the real Link and Subscription: what it acknowledges, it delivers."""

from __future__ import annotations

import logging
import socket
from collections.abc import Iterator

import pytest

from drivers.clock import Clock
from drivers.embedded_broker import EmbeddedBroker
from drivers.inbox import Inbox
from drivers.inputs import Acknowledged, Delivered, Input, LinkDown, LinkUp
from drivers.mqtt import Link, LinkOptions, Subscription

WAIT_S = 10.0


class End:
    """One end of a conversation: its inbox and everything taken from it."""

    def __init__(self, client_id: str, lasting: bool = False) -> None:
        self.inbox = Inbox()
        options = LinkOptions(client_id=client_id, keepalive_s=20, connect_within_s=5)
        self.pipe = (Subscription if lasting else Link)(options, self.inbox.post, Clock().at)
        self.taken: list[Input] = []

    def until(self, kind: type, count: int = 1) -> list[Input]:
        found = []
        while len(found) < count:
            entry = self.inbox.take(WAIT_S)
            assert entry is not None, f"no {kind.__name__} within {WAIT_S} s; had {self.taken}"
            self.taken.append(entry)
            if isinstance(entry, kind):
                found.append(entry)
        return found


@pytest.fixture
def broker() -> Iterator[EmbeddedBroker]:
    with EmbeddedBroker() as broker:
        yield broker


@pytest.fixture
def truck() -> Iterator[End]:
    end = End("truck")
    yield end
    end.pipe.close()


@pytest.fixture
def receiver() -> Iterator[End]:
    end = End("receiver", lasting=True)
    yield end
    end.pipe.close()


def payloads(entries: list[Input]) -> list[bytes]:
    return sorted(entry.payload for entry in entries if isinstance(entry, Delivered))


def up(end: End, broker: EmbeddedBroker, link: int = 1) -> None:
    if isinstance(end.pipe, Subscription):
        end.pipe.connect(link, broker.url, ["a/#"])
    else:
        end.pipe.connect(link, broker.url)
    end.until(LinkUp)


def publish(truck: End, first: int, count: int) -> list[bytes]:
    sent = [b"%04d" % n for n in range(first, first + count)]
    for payload in sent:
        truck.pipe.publish("a/b", payload)
    truck.until(Acknowledged, count)
    return sent


def take(receiver: End, count: int, link: int = 1) -> list[bytes]:
    delivered: list[Input] = []
    for _ in range(count):
        (entry,) = receiver.until(Delivered)
        assert isinstance(entry, Delivered)
        receiver.pipe.acknowledge(link, entry.mid)
        delivered.append(entry)
    return payloads(delivered)


def test_truck_falls_back_to_the_older_protocol_and_delivers(broker, truck, receiver):
    up(receiver, broker)
    up(truck, broker)
    assert take(receiver, len(sent := publish(truck, 0, 50))) == sent


def test_lasting_session_gets_what_came_while_it_was_away(broker, truck, receiver):
    up(receiver, broker)
    receiver.pipe.disconnect()
    receiver.until(LinkDown)
    up(truck, broker)
    sent = publish(truck, 0, 30)
    receiver.pipe.connect(2, broker.url, ["a/#"])
    assert take(receiver, 30, link=2) == sent


def test_what_a_subscriber_left_unacknowledged_comes_again(broker, truck, receiver):
    up(receiver, broker)
    up(truck, broker)
    sent = publish(truck, 0, 40)
    receiver.until(Delivered, 10)
    receiver.pipe.disconnect()
    receiver.until(LinkDown)
    receiver.pipe.connect(2, broker.url, ["a/#"])
    assert take(receiver, 40, link=2) == sent


def test_truck_that_leaves_in_mid_burst_loses_nothing_acknowledged(broker, truck, receiver):
    up(receiver, broker)
    up(truck, broker)
    sent = publish(truck, 0, 200)
    truck.pipe.disconnect()
    truck.until(LinkDown)
    assert take(receiver, 200) == sent


def test_stop_closes_connections_and_port_and_start_opens_the_port_again(broker, truck, receiver):
    up(receiver, broker)
    up(truck, broker)
    port = broker.port
    broker.stop()
    truck.until(LinkDown)
    receiver.until(LinkDown)
    with pytest.raises(OSError, match="refused"):
        socket.create_connection(("127.0.0.1", port), timeout=1)
    truck.pipe.connect(2, broker.url)
    truck.until(LinkDown)

    assert broker.start().port == port
    up(receiver, broker, link=3)
    up(truck, broker, link=3)
    assert take(receiver, len(sent := publish(truck, 0, 20)), link=3) == sent


def test_stop_twice_and_start_when_running_are_told_apart(broker):
    with pytest.raises(RuntimeError, match="already running"):
        broker.start()
    broker.stop()
    broker.stop()


def test_port_in_use_is_an_error_at_start():
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        with pytest.raises(OSError, match="did not start"):
            EmbeddedBroker(other.getsockname()[1]).start()


def test_broker_says_nothing_to_the_log(broker, truck, caplog: pytest.LogCaptureFixture):
    caplog.set_level(logging.DEBUG)
    up(truck, broker)
    publish(truck, 0, 1)
    assert not [record for record in caplog.records if record.name.startswith(("amqtt", "transitions"))]
