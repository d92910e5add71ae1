"""mosquitto on a free loopback port, a proxy that counts bytes, and a subscriber that counts payloads."""

from __future__ import annotations

import contextlib
import shutil
import socket
import socketserver
import subprocess
import threading
import time
from pathlib import Path
from typing import Any, NamedTuple

import paho.mqtt.client as mqtt

from tests.system.mosquitto import free_port

START_S_MAX = 10.0
RECEIVE_BYTES = 65_536


class Mosquitto:
    """A broker that keeps nothing. Raises FileNotFoundError where it is not installed."""

    def __init__(self, directory: Path) -> None:
        binary = shutil.which("mosquitto") or shutil.which("mosquitto", path="/usr/sbin:/usr/local/sbin")
        if binary is None:
            raise FileNotFoundError("mosquitto is not installed (apt install mosquitto)")
        self.port = free_port()
        settings = directory / "mosquitto.conf"
        settings.write_text(
            f"listener {self.port} 127.0.0.1\nallow_anonymous true\npersistence false\nlog_type error\n",
            encoding="ascii",
        )
        self._process = subprocess.Popen([binary, "-c", str(settings)], stderr=subprocess.DEVNULL)
        _wait_for(self.port)

    def close(self) -> None:
        """Stop it."""
        self._process.terminate()
        self._process.wait(START_S_MAX)


def _wait_for(port: int) -> None:
    until = time.monotonic() + START_S_MAX
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            return
        except OSError:
            if time.monotonic() > until:
                raise
            time.sleep(0.05)


class Meter:
    """A TCP proxy in front of the broker; counts bytes both ways, without the headers of TCP and IP."""

    def __init__(self, broker_port: int) -> None:
        self.sent_bytes = self.received_bytes = 0
        meter = self

        class Connection(socketserver.BaseRequestHandler):
            def handle(self) -> None:
                with (
                    contextlib.suppress(OSError),
                    socket.create_connection(("127.0.0.1", broker_port)) as far,
                ):
                    back = threading.Thread(
                        target=_pump, args=(far, self.request, meter.count_received), daemon=True
                    )
                    back.start()
                    _pump(self.request, far, meter.count_sent)
                    back.join()

        self._server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), Connection)
        self._server.daemon_threads = True
        self._server.block_on_close = False
        self.port = int(self._server.server_address[1])
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    @property
    def wire_bytes(self) -> int:
        """Both ways together."""
        return self.sent_bytes + self.received_bytes

    def count_sent(self, count: int) -> None:
        """From the program to the broker."""
        self.sent_bytes += count

    def count_received(self, count: int) -> None:
        """From the broker to the program."""
        self.received_bytes += count

    def close(self) -> None:
        """Take no more connections."""
        self._server.shutdown()
        self._server.server_close()


def _pump(source: socket.socket, target: socket.socket, count: Any) -> None:
    with contextlib.suppress(OSError):
        while data := source.recv(RECEIVE_BYTES):
            count(len(data))
            target.sendall(data)
    with contextlib.suppress(OSError):
        target.shutdown(socket.SHUT_WR)


class Arrived(NamedTuple):
    """What a subscriber has seen under one topic."""

    messages: int
    payload_bytes: int


class Subscriber:
    """Counts what arrives at the city's end, by topic."""

    def __init__(self, broker_port: int) -> None:
        self._arrived: dict[str, Arrived] = {}
        subscribed = threading.Event()
        self._link = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2)
        self._link.on_message = lambda client, userdata, message: self._count(
            message.topic, len(message.payload)
        )
        self._link.on_subscribe = lambda *_: subscribed.set()
        self._link.connect("127.0.0.1", broker_port)
        self._link.subscribe("#", qos=1)
        self._link.loop_start()
        if not subscribed.wait(START_S_MAX):
            raise ConnectionError("the broker does not answer a subscription")

    def _count(self, topic: str, count: int) -> None:
        before = self._arrived.get(topic, Arrived(0, 0))
        self._arrived[topic] = Arrived(before.messages + 1, before.payload_bytes + count)

    def under(self, prefix: str) -> Arrived:
        """All topics that begin so."""
        found = [arrived for topic, arrived in list(self._arrived.items()) if topic.startswith(prefix)]
        return Arrived(sum(one.messages for one in found), sum(one.payload_bytes for one in found))

    def close(self) -> None:
        """Hang up."""
        self._link.disconnect()
        self._link.loop_stop()
