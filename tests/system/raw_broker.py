"""A broker that speaks MQTT in raw bytes and says what no real one can be made to say: any code, at any moment.

It keeps what it acknowledges and nothing else, one connection at a time, QoS 1 only. Limits: no subscriptions, no
sessions, no retained messages, no keepalive of its own.
"""

from __future__ import annotations

import contextlib
import socket
import struct
import threading
from collections.abc import Callable
from typing import NamedTuple

WAIT_S = 10.0
PUBACK, PUBLISH, PINGREQ, DISCONNECT = 0x40, 0x30, 0xC0, 0xE0
END = "end"  # close without a word


class Says(NamedTuple):
    """What is answered to a publish: a code in a PUBACK or a DISCONNECT, or END. MQTT 3.1.1 has END alone."""

    packet: int | str
    code: int = 0


Answer = Callable[[int, bytes], Says | None]  # number of the connection and payload; None: taken
Greeting = Callable[[int], int]  # number of the connection; the code of its CONNACK


def always_welcome(connection: int) -> int:
    """Every connection is accepted."""
    return 0


def everything_taken(connection: int, payload: bytes) -> Says | None:
    """Every publish is acknowledged."""
    return None


class RawBroker:
    """Listens on a loopback port of its own. `kept` holds what was acknowledged, in order; `connections` counts."""

    def __init__(self, greet: Greeting = always_welcome, answer: Answer = everything_taken) -> None:
        self.kept: list[bytes] = []
        self.seen: list[bytes] = []
        self.connections = 0
        self._greet = greet
        self._answer = answer
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"mqtt://127.0.0.1:{self._listener.getsockname()[1]}"
        self._thread = threading.Thread(target=self._serve, daemon=True)

    def __enter__(self) -> RawBroker:
        self._thread.start()
        return self

    def __exit__(self, *exception: object) -> None:
        # shutdown wakes the thread that waits in accept; close alone would not.
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join(WAIT_S)

    def _serve(self) -> None:
        while True:
            try:
                sock, _ = self._listener.accept()
            except OSError:
                return
            sock.settimeout(WAIT_S)
            with sock, contextlib.suppress(OSError, EOFError, struct.error):
                self.connections += 1
                self._talk(sock)

    def _talk(self, sock: socket.socket) -> None:
        connect = _packet(sock)
        five = connect[7] == 5
        code = self._greet(self.connections)
        sock.sendall(bytes([0x20, 3, 0, code, 0]) if five else bytes([0x20, 2, 0, code]))
        while not code:
            packet = _packet(sock)
            kind = packet[0] & 0xF0
            if kind == DISCONNECT:
                return
            if kind == PINGREQ:
                sock.sendall(b"\xd0\x00")
            if kind == PUBLISH and not self._take(sock, packet, five):
                return

    def _take(self, sock: socket.socket, publish: bytes, five: bool) -> bool:
        """Answer one publish; whether the connection goes on."""
        (topic_bytes,) = struct.unpack("!H", publish[1:3])
        mid = publish[3 + topic_bytes : 5 + topic_bytes]
        payload = publish[5 + topic_bytes + five :]  # MQTT 5: the length of no properties
        self.seen.append(payload)
        says = self._answer(self.connections, payload)
        if says is None:
            self.kept.append(payload)
            sock.sendall(bytes([PUBACK, 2]) + mid)
        elif says.packet == PUBACK:
            sock.sendall(bytes([PUBACK, 3]) + mid + bytes([says.code]))
        elif says.packet == DISCONNECT:
            sock.sendall(bytes([DISCONNECT, 1, says.code]))
            _read_to_the_end(sock)  # else the reset would overtake the code
        return says is None or says.packet == PUBACK


def _read_to_the_end(sock: socket.socket) -> None:
    sock.shutdown(socket.SHUT_WR)
    while sock.recv(4_096):
        pass


def _packet(sock: socket.socket) -> bytes:
    """One whole packet: its first byte, then its body. Raises EOFError when the other end has gone."""
    head = _exactly(sock, 1)
    length = shift = 0
    while True:
        byte = _exactly(sock, 1)[0]
        length |= (byte & 0x7F) << shift
        shift += 7
        if not byte & 0x80:
            return head + _exactly(sock, length)


def _exactly(sock: socket.socket, count: int) -> bytes:
    data = b""
    while len(data) < count:
        piece = sock.recv(count - len(data))
        if not piece:
            raise EOFError
        data += piece
    return data
