"""The bad road and the raw broker do what they say: a fake that forgives hides every loss."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator

import pytest

from drivers.clock import Clock
from tests.system.proxy import Proxy
from tests.system.raw_broker import DISCONNECT, END, PUBACK, RawBroker, Says

WAIT_S = 10.0
CONNECT_5 = b"\x10\x0e\x00\x04MQTT\x05\x02\x00\x1e\x00\x00\x01t"
CONNECT_3 = b"\x10\x0d\x00\x04MQTT\x04\x02\x00\x1e\x00\x01t"


class Echo:
    """Answers every byte with itself, on any number of connections."""

    def __init__(self) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self._threads: list[threading.Thread] = [threading.Thread(target=self._serve, daemon=True)]
        self._threads[0].start()

    def _serve(self) -> None:
        while True:
            try:
                sock, _ = self._listener.accept()
            except OSError:
                return
            thread = threading.Thread(target=self._echo, args=(sock,), daemon=True)
            self._threads.append(thread)
            thread.start()

    def _echo(self, sock: socket.socket) -> None:
        with sock:
            sock.settimeout(WAIT_S)
            try:
                while data := sock.recv(65_536):
                    sock.sendall(data)
            except OSError:
                return

    def close(self) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for thread in self._threads:
            thread.join(WAIT_S)


@pytest.fixture
def echo() -> Iterator[Echo]:
    echo = Echo()
    yield echo
    echo.close()


def through(proxy: Proxy) -> socket.socket:
    return socket.create_connection(("127.0.0.1", proxy.port), WAIT_S)


def test_road_carries_everything_both_ways_and_tells_the_end(echo: Echo):
    with Proxy(echo.port) as proxy, through(proxy) as sock:
        sock.sendall(bytes(100_000))
        sock.shutdown(socket.SHUT_WR)
        assert len(b"".join(iter(lambda: sock.recv(65_536), b""))) == 100_000
        assert proxy.accepted == 1


def test_road_delays_each_way(echo: Echo):
    with Proxy(echo.port, delay_s=0.15) as proxy, through(proxy) as sock:
        clock = Clock()
        began = clock.at()
        sock.sendall(b"1")
        assert sock.recv(1) == b"1"
        assert 0.3 <= clock.at() - began < 3.0


def test_road_that_swallows_says_nothing_and_never_wakes_what_it_swallowed(echo: Echo):
    with Proxy(echo.port) as proxy, through(proxy) as sock:
        sock.sendall(b"1")
        assert sock.recv(1) == b"1"
        proxy.swallow()
        sock.sendall(b"2")
        sock.settimeout(0.2)
        with pytest.raises(TimeoutError):
            sock.recv(1)
        with through(proxy) as later:
            later.sendall(b"3")
            later.settimeout(0.2)
            with pytest.raises(TimeoutError):
                later.recv(1)
        proxy.heal()
        sock.sendall(b"4")
        with pytest.raises(TimeoutError):
            sock.recv(1)
        with through(proxy) as healed:
            healed.sendall(b"5")
            assert healed.recv(1) == b"5"


def test_road_cuts_with_a_reset_after_so_many_bytes_and_loses_what_was_under_way(echo: Echo):
    with Proxy(echo.port, cut_after_bytes=lambda chance: 10) as proxy, through(proxy) as sock:
        sock.sendall(b"12345")
        assert sock.recv(5) == b"12345"
        sock.sendall(b"67890!")
        with pytest.raises(ConnectionResetError):
            sock.recv(1)


def test_road_to_nobody_is_a_reset():
    with socket.create_server(("127.0.0.1", 0)) as nobody:
        port = nobody.getsockname()[1]
    # the reset may come before connect has returned: it is expected round both
    with Proxy(port) as proxy, pytest.raises(ConnectionResetError), through(proxy) as sock:
        sock.recv(1)


def publish(mid: int, payload: bytes, five: bool) -> bytes:
    body = b"\x00\x01a" + mid.to_bytes(2, "big") + (b"\x00" if five else b"") + payload
    return bytes([0x32, len(body)]) + body


def talk(broker: RawBroker, *packets: bytes) -> list[bytes]:
    """Send each and read what comes back, until the other end closes."""
    answers = []
    with socket.create_connection(("127.0.0.1", int(broker.url.rpartition(":")[2])), WAIT_S) as sock:
        for packet in packets:
            sock.sendall(packet)
            answers.append(sock.recv(100))
    return answers


def test_raw_broker_keeps_what_it_acknowledges():
    with RawBroker() as broker:
        assert talk(broker, CONNECT_5, publish(7, b"x", True)) == [
            b"\x20\x03\x00\x00\x00",
            b"\x40\x02\x00\x07",
        ]
        assert talk(broker, CONNECT_3, publish(8, b"y", False)) == [b"\x20\x02\x00\x00", b"\x40\x02\x00\x08"]
        assert (broker.kept, broker.connections) == ([b"x", b"y"], 2)


def test_raw_broker_refuses_a_connection_with_its_code():
    with RawBroker(greet=lambda connection: 0x89 if connection == 1 else 0) as broker:
        assert talk(broker, CONNECT_5) == [b"\x20\x03\x00\x89\x00"]
        assert talk(broker, CONNECT_5) == [b"\x20\x03\x00\x00\x00"]


@pytest.mark.parametrize(
    ("says", "answer"),
    [
        (Says(PUBACK, 0x97), b"\x40\x03\x00\x07\x97"),
        (Says(DISCONNECT, 0x95), b"\xe0\x01\x95"),
        (Says(END), b""),
    ],
)
def test_raw_broker_refuses_a_publish_as_it_is_told_and_keeps_nothing(says: Says, answer: bytes):
    with RawBroker(answer=lambda connection, payload: says if payload == b"bad" else None) as broker:
        assert talk(broker, CONNECT_5, publish(7, b"bad", True))[1] == answer
        assert (broker.kept, broker.seen) == ([], [b"bad"])
