"""What connected trucks cost three nodes: memory, store, seconds. Raw sockets: thousands of threads would cost more."""

from __future__ import annotations

import contextlib
import socket
import struct
import time
from collections.abc import Callable

from drivers.clock import Clock
from drivers.inbox import Inbox
from drivers.inputs import Acknowledged, Delivered, Input, LinkUp
from drivers.mqtt import LinkError, LinkOptions, Subscription
from tests.system.nats import Cluster

WORD = bytes(300)  # about as long as the city's word to a truck
KEEPALIVE_S = 600
ANSWER_WITHIN_S = 30.0


def sizes(cluster: Cluster, trucks: int, qos: int, say: Callable[[str], None]) -> None:
    """Connect so many, one after another, each listening at `qos`; then tell each a word that is retained."""
    heard = Inbox()
    city = Subscription(LinkOptions("city"), heard.post, Clock().at)
    city.connect(1, cluster.nodes[0].url, ["fairhaul/v1/+/#"])
    assert isinstance(heard.take(ANSWER_WITHIN_S), LinkUp)
    say(f"empty: {_state(cluster)}")
    with contextlib.ExitStack() as connected:
        connected.callback(city.close)
        began_s = time.monotonic()  # noqa: TID251
        for number in range(trucks):
            port = cluster.nodes[number % len(cluster.nodes)].ports["mqtt"]
            connected.enter_context(_truck(port, number, qos))
        took_s = time.monotonic() - began_s  # noqa: TID251
        say(f"{trucks:,} trucks at QoS {qos}, connected in {took_s:.1f} s: {_state(cluster)}")
        answers = sum(_tell(city, heard, number) for number in range(trucks))
        while answers < trucks:
            answers += _take(city, heard.take(ANSWER_WITHIN_S))
        say(f"a word retained for each: {_state(cluster)}")


def _state(cluster: Cluster) -> str:
    node = cluster.nodes[0]
    memory = ", ".join(f"{each.ask('varz')['mem'] / 1e6:.0f}" for each in cluster.nodes)
    kept = node.ask("jsz")
    return f"{memory} MB; {kept['consumers']:,} consumers, {kept['storage'] / 1e6:.1f} MB kept on {node.name}"


def _truck(port: int, number: int, qos: int) -> socket.socket:
    """A clean session of MQTT 3.1.1 that listens for the city's word."""
    truck = socket.create_connection(("127.0.0.1", port), ANSWER_WITHIN_S)
    truck.sendall(
        _packet(0x10, _text("MQTT") + struct.pack(">BBH", 4, 2, KEEPALIVE_S) + _text(f"truck-{number}"))
    )
    assert truck.recv(4) == b"\x20\x02\x00\x00"
    truck.sendall(_packet(0x82, b"\x00\x01" + _text(_topic(number)) + bytes([qos])))
    assert truck.recv(5) == b"\x90\x03\x00\x01" + bytes([qos])
    return truck


def _tell(city: Subscription, heard: Inbox, number: int) -> int:
    """Say it as soon as there is room; how many answers came meanwhile."""
    answers = 0
    while True:
        try:
            city.publish(_topic(number), WORD, retain=True)
        except LinkError:  # the window is full
            answers += _take(city, heard.take(ANSWER_WITHIN_S))
        else:
            return answers


def _take(city: Subscription, entry: Input | None) -> int:
    assert isinstance(entry, Acknowledged | Delivered)
    if isinstance(entry, Delivered):
        city.acknowledge(entry.link, entry.mid)
    return isinstance(entry, Acknowledged)


def _topic(number: int) -> str:
    return f"fairhaul/v1/springfield/truck-{number}/custody"


def _text(text: str) -> bytes:
    return struct.pack(">H", len(text)) + text.encode()


def _packet(kind: int, body: bytes) -> bytes:
    assert len(body) < 128
    return bytes([kind, len(body)]) + body
