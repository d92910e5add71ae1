"""The demo's network cable: in, out, and in again."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Iterator

import pytest

from drivers.cable import Cable


def _echo(server: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while True:
            end, _ = server.accept()
            with end, contextlib.suppress(OSError):
                while block := end.recv(100):
                    end.sendall(block)


@pytest.fixture
def far_port() -> Iterator[int]:
    """Of a server that says again whatever it hears, to one at a time."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        threading.Thread(target=_echo, args=(server,), daemon=True).start()
        yield server.getsockname()[1]
        with contextlib.suppress(OSError):
            server.shutdown(socket.SHUT_RDWR)


@pytest.fixture
def cable() -> Iterator[Cable]:
    made = Cable()
    yield made
    made.pull()


def _spoken(cable: Cable, words: bytes) -> bytes:
    with socket.create_connection(("127.0.0.1", cable.port), timeout=5) as end:
        end.sendall(words)
        return end.recv(100)


def test_what_is_said_on_one_side_is_heard_on_the_other(cable: Cable, far_port: int) -> None:
    cable.plug(far_port)
    assert cable.url == f"mqtt://127.0.0.1:{cable.port}"
    assert _spoken(cable, b"hello") == b"hello"
    assert _spoken(cable, b"again") == b"again"


def test_pulled_out_it_ends_connections_and_refuses_new_ones(cable: Cable, far_port: int) -> None:
    cable.plug(far_port)
    with socket.create_connection(("127.0.0.1", cable.port), timeout=5) as end:
        end.sendall(b"hello")
        assert end.recv(100) == b"hello"
        cable.pull()
        assert end.recv(100) == b""
    with pytest.raises(ConnectionRefusedError):
        _spoken(cable, b"hello")
    cable.pull()


def test_put_in_again_it_has_the_same_port(cable: Cable, far_port: int) -> None:
    cable.plug(far_port)
    port = cable.port
    cable.pull()
    cable.plug(far_port)
    assert cable.port == port
    assert _spoken(cable, b"back") == b"back"
