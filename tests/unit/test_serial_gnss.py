"""The serial receiver on real pseudo-terminals and real loopback sockets.

A pty has no baud of its own: the receiver here looks at the speed that the driver set and garbles what it says
unless that is its own.
"""

from __future__ import annotations

import contextlib
import os
import queue
import random
import socket
import termios
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from drivers.clock import Clock
from drivers.inputs import Chunk, Input, PortLost, PortOpened
from drivers.serial_gnss import (
    CHUNK_BYTES_MAX,
    HELD_BYTES_MAX,
    PortOptions,
    SerialGnss,
)

SENTENCE = b"$GPZDA,201530.00,04,07,2002,00,00*60\r\n"
GARBAGE = bytes(random.Random(7).choices(range(128, 256), k=64))
TAKE_S = 0.05
PATIENCE_S = 20.0


class Receiver:
    """A GNSS receiver at the far end of a pty, made for one speed."""

    def __init__(self, baud: int | None = None) -> None:
        self.master, self.slave = os.openpty()
        self.path = os.ttyname(self.slave)
        self._speed = None if baud is None else getattr(termios, f"B{baud}")

    def say(self, sentence: bytes = SENTENCE) -> None:
        """Send a sentence, garbled when the driver listens at another speed."""
        heard = self._speed in (None, termios.tcgetattr(self.slave)[4])
        os.write(self.master, sentence if heard else GARBAGE)

    def unplug(self) -> None:
        for fd in (self.master, self.slave):
            with contextlib.suppress(OSError):
                os.close(fd)


class Watch:
    """A running driver and everything that it posted."""

    def __init__(self, options: PortOptions, speed: float = 1.0) -> None:
        self._inbox: queue.Queue[Input] = queue.Queue()
        self.posted: list[Input] = []
        self.gnss = SerialGnss(options, self._inbox.put, Clock(speed).at, random.Random(1))
        self.gnss.start()

    def until(self, done: Callable[[Input], bool], say: Callable[[], None] = lambda: None) -> Input:
        """Let the receiver speak until an input is posted for which `done` holds."""
        for _ in range(int(PATIENCE_S / TAKE_S)):
            say()
            with contextlib.suppress(queue.Empty):
                while True:
                    self.posted.append(self._inbox.get(timeout=TAKE_S))
                    if done(self.posted[-1]):
                        return self.posted[-1]
        raise AssertionError(f"never posted; posted: {self.posted[-5:]}")

    def of(self, *kinds: type) -> list[Input]:
        return [entry for entry in self.posted if isinstance(entry, kinds)]


def opened(entry: Input) -> bool:
    return isinstance(entry, PortOpened)


def lost(entry: Input) -> bool:
    return isinstance(entry, PortLost)


@pytest.fixture(autouse=True)
def _patient_only_as_long_as_needed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Look at the clock often: most clocks here run fast."""
    monkeypatch.setattr("drivers.serial_gnss.POLL_S", 0.05)


@pytest.fixture
def receivers() -> Iterator[Callable[..., Receiver]]:
    made: list[Receiver] = []

    def make(baud: int | None = None) -> Receiver:
        made.append(Receiver(baud))
        return made[-1]

    yield make
    for receiver in made:
        receiver.unplug()


@pytest.fixture
def watch() -> Iterator[Callable[..., Watch]]:
    made: list[Watch] = []

    def make(port: str, baud: int | None = 115200, speed: float = 1.0, silence_s: float = 60.0) -> Watch:
        options = PortOptions(port, baud, silence_s=silence_s, reopen_first_s=0.1, reopen_max_s=0.4)
        made.append(Watch(options, speed))
        return made[-1]

    yield make
    for each in made:
        each.gnss.stop()


def test_a_receiver_on_a_pty_is_announced_once_and_then_heard(
    receivers: Callable[..., Receiver], watch: Callable[..., Watch]
) -> None:
    receiver = receivers()
    gnss = watch(receiver.path)
    first = gnss.until(opened, receiver.say)
    assert first == PortOpened(first.at, receiver.path, 115200)
    chunk = gnss.until(lambda entry: isinstance(entry, Chunk))
    assert isinstance(chunk, Chunk)
    assert SENTENCE in chunk.data
    assert chunk.at >= first.at
    gnss.until(
        lambda entry: isinstance(entry, Chunk) and b"$GPTXT" in entry.data, lambda: receiver.say(b"$GPTXT")
    )
    assert len(gnss.of(PortOpened)) == 1
    assert gnss.of(PortLost) == []


def test_every_byte_is_posted_from_the_first_one_that_was_heard(
    receivers: Callable[..., Receiver], watch: Callable[..., Watch]
) -> None:
    receiver = receivers()
    gnss = watch(receiver.path)
    gnss.until(opened, receiver.say)
    os.write(receiver.master, b"end")
    gnss.until(lambda entry: isinstance(entry, Chunk) and entry.data.endswith(b"end"))
    data = b"".join(entry.data for entry in gnss.of(Chunk) if isinstance(entry, Chunk))
    assert data.count(SENTENCE) * len(SENTENCE) + 3 == len(data)


def test_a_port_that_does_not_exist_is_lost_once_and_found_when_it_comes(
    receivers: Callable[..., Receiver], watch: Callable[..., Watch], tmp_path: Path
) -> None:
    by_id = tmp_path / "usb-gnss"
    gnss = watch(str(by_id))
    loss = gnss.until(lost)
    assert isinstance(loss, PortLost)
    assert loss.reason == f"{by_id}: No such file or directory"
    receiver = receivers()
    by_id.symlink_to(receiver.path)
    gnss.until(opened, receiver.say)
    assert len(gnss.of(PortLost)) == 1


def test_a_receiver_that_is_unplugged_and_comes_back_as_another_tty_is_found_again(
    receivers: Callable[..., Receiver], watch: Callable[..., Watch], tmp_path: Path
) -> None:
    by_id = tmp_path / "usb-gnss"
    first = receivers()
    by_id.symlink_to(first.path)
    gnss = watch(str(by_id))
    gnss.until(opened, first.say)
    second = receivers()
    assert second.path != first.path
    first.unplug()
    gnss.until(lost)
    by_id.unlink()
    by_id.symlink_to(second.path)
    gnss.until(opened, second.say)
    assert [type(entry) for entry in gnss.of(PortOpened, PortLost)] == [PortOpened, PortLost, PortOpened]


def test_a_silent_receiver_is_lost_once_and_back_when_it_speaks(
    receivers: Callable[..., Receiver], watch: Callable[..., Watch]
) -> None:
    receiver = receivers()
    gnss = watch(receiver.path, speed=50.0, silence_s=10.0)
    loss = gnss.until(lost)
    assert isinstance(loss, PortLost)
    assert loss.reason == f"{receiver.path} is silent: is the receiver powered, and its TX wired to our RX?"
    gnss.until(opened, receiver.say)
    assert gnss.until(lost) != loss
    assert [type(entry) for entry in gnss.of(PortOpened, PortLost)] == [PortLost, PortOpened, PortLost]


def test_a_wrong_baud_says_which_key_to_check_and_posts_no_garbage(
    receivers: Callable[..., Receiver], watch: Callable[..., Watch]
) -> None:
    receiver = receivers(115200)
    gnss = watch(receiver.path, baud=9600, speed=20.0, silence_s=10.0)
    loss = gnss.until(lost, receiver.say)
    assert isinstance(loss, PortLost)
    assert loss.reason == "bytes arrive but no NMEA at 9600 baud: check gnss.baud"
    assert gnss.of(Chunk, PortOpened) == []


@pytest.mark.parametrize("baud", [9600, 115200, 230400])
def test_the_speed_is_found_and_kept(
    receivers: Callable[..., Receiver], watch: Callable[..., Watch], baud: int
) -> None:
    receiver = receivers(baud)
    gnss = watch(receiver.path, baud=None, speed=12.0)
    first = gnss.until(opened, receiver.say)
    assert isinstance(first, PortOpened)
    assert first.baud == baud
    for _ in range(3):
        chunk = gnss.until(lambda entry: isinstance(entry, Chunk), receiver.say)
        assert isinstance(chunk, Chunk)
        assert GARBAGE[:8] not in chunk.data
    assert gnss.of(PortLost) == []


def test_a_speed_that_changes_is_hunted_again(
    receivers: Callable[..., Receiver], watch: Callable[..., Watch]
) -> None:
    receiver = receivers(9600)
    gnss = watch(receiver.path, baud=None, speed=12.0, silence_s=5.0)
    gnss.until(opened, receiver.say)
    receiver._speed = termios.B115200
    found = gnss.until(opened, receiver.say)
    assert isinstance(found, PortOpened)
    assert found.baud == 115200
    (loss,) = gnss.of(PortLost)
    assert isinstance(loss, PortLost)
    assert loss.reason == "bytes arrive but no NMEA at any usual baud: does the receiver speak NMEA?"


def test_a_hunt_through_silence_ends_and_is_told_once(
    receivers: Callable[..., Receiver], watch: Callable[..., Watch]
) -> None:
    receiver = receivers()
    gnss = watch(receiver.path, baud=None, speed=100.0)
    loss = gnss.until(lost)
    assert isinstance(loss, PortLost)
    assert "is silent" in loss.reason
    gnss.until(opened, receiver.say)
    assert len(gnss.of(PortLost)) == 1


@contextlib.contextmanager
def served() -> Iterator[socket.socket]:
    """A listening loopback socket."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(PATIENCE_S)
        yield server


def url_of(server: socket.socket) -> str:
    return f"socket://127.0.0.1:{server.getsockname()[1]}"


def test_a_silent_socket_is_asked_for_neither_power_nor_wires(watch: Callable[..., Watch]) -> None:
    with served() as server:
        loss = watch(url_of(server), speed=100.0).until(lost)
        assert isinstance(loss, PortLost)
        assert loss.reason == f"{url_of(server)} is silent: does what answers there have a receiver?"


def test_a_socket_is_read_like_a_port_without_a_baud_and_joined_again_when_it_closes(
    watch: Callable[..., Watch],
) -> None:
    with served() as server:
        gnss = watch(url_of(server), baud=None)
        for _ in range(2):
            truck, _ = server.accept()
            with truck:
                truck.sendall(SENTENCE)
                found = gnss.until(opened)
                assert found == PortOpened(found.at, url_of(server), None)
            loss = gnss.until(lost)
            assert isinstance(loss, PortLost)
            assert loss.reason.startswith(f"{url_of(server)}: read failed")
        gnss.gnss.stop()


def test_a_socket_that_speaks_something_else_says_so(watch: Callable[..., Watch]) -> None:
    with served() as server:
        gnss = watch(url_of(server), speed=20.0, silence_s=10.0)
        truck, _ = server.accept()
        with truck:
            truck.sendall(b"HTTP/1.1 200 OK\r\n")
            loss = gnss.until(lost)
        assert isinstance(loss, PortLost)
        assert loss.reason == f"bytes arrive but no NMEA from {url_of(server)}: is that a GNSS source?"
        gnss.gnss.stop()


def test_a_socket_that_pours_is_read_in_bounded_chunks(watch: Callable[..., Watch]) -> None:
    with served() as server:
        gnss = watch(url_of(server))
        truck, _ = server.accept()
        with truck:
            truck.sendall(SENTENCE * (2 * CHUNK_BYTES_MAX // len(SENTENCE)))
            gnss.until(lambda entry: isinstance(entry, Chunk))
            gnss.until(lambda entry: isinstance(entry, Chunk))
        gnss.gnss.stop()
    sizes = [len(entry.data) for entry in gnss.of(Chunk) if isinstance(entry, Chunk)]
    assert max(sizes) == CHUNK_BYTES_MAX


def test_noise_before_the_first_sentence_is_kept_only_up_to_its_limit(watch: Callable[..., Watch]) -> None:
    with served() as server:
        gnss = watch(url_of(server))
        truck, _ = server.accept()
        with truck:
            truck.sendall(b"\x00" * (3 * HELD_BYTES_MAX))
            truck.sendall(b"\n" + SENTENCE)
            gnss.until(opened)
            gnss.until(lambda entry: isinstance(entry, Chunk) and SENTENCE in entry.data)
        gnss.gnss.stop()
    data = b"".join(entry.data for entry in gnss.of(Chunk) if isinstance(entry, Chunk))
    assert data.count(b"\x00") <= HELD_BYTES_MAX


def test_stopping_is_quick_and_may_be_repeated_whatever_the_port_does(
    receivers: Callable[..., Receiver], watch: Callable[..., Watch], tmp_path: Path
) -> None:
    for port in (receivers().path, str(tmp_path / "never")):
        gnss = watch(port)
        gnss.gnss.start()
        gnss.gnss.stop()
        gnss.gnss.stop()
        gnss.gnss.start()
    assert [thread.name for thread in threading.enumerate() if thread.name == "serial-gnss"] == []


def test_a_driver_that_never_started_can_be_stopped() -> None:
    gnss = SerialGnss(PortOptions("/dev/null"), lambda _: None, lambda: 0.0, random.Random(1))
    gnss.stop()


def test_a_file_that_is_no_terminal_is_lost_not_raised(watch: Callable[..., Watch]) -> None:
    loss = watch("/dev/null").until(lost)
    assert isinstance(loss, PortLost)
    assert loss.reason.startswith("/dev/null: Could not configure port")


def test_the_pause_before_reopening_doubles_to_its_limit_and_half_of_it_is_chance() -> None:
    options = PortOptions("/dev/null", reopen_first_s=1.0, reopen_max_s=30.0)
    gnss = SerialGnss(options, lambda _: None, lambda: 0.0, random.Random(1))
    pauses_s = [gnss._backoff_s() for _ in range(100)]
    gnss.stop()
    for pause_s, full_s in zip(pauses_s, [1, 2, 4, 8, 16] + [30] * 95, strict=True):
        assert full_s / 2 <= pause_s <= full_s
    assert len(set(pauses_s)) == 100


@pytest.mark.parametrize(
    ("port", "words"),
    [
        ("", "is empty"),
        ("rfc2217://10.0.0.1:2217", "a device path or socket://host:port"),
        ("socket://localhost", "is written socket://host:port"),
        ("socket://:2000", "is written socket://host:port"),
        ("socket://localhost:2000?logging=debug", "is written socket://host:port"),
        ("socket://localhost:70000", "Port out of range"),
    ],
)
def test_a_port_that_can_never_be_opened_is_refused_at_once(port: str, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        SerialGnss(PortOptions(port), lambda _: None, lambda: 0.0, random.Random(1))


def test_a_reader_that_fails_by_a_fault_of_its_own_says_that_it_is_deaf(
    receivers: Callable[..., Receiver], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(threading, "excepthook", lambda _: None)
    losses: queue.Queue[Input] = queue.Queue()

    def post(entry: Input) -> None:
        if opened(entry):
            raise AssertionError("a mistake of ours")
        losses.put(entry)

    receiver = receivers()
    gnss = SerialGnss(PortOptions(receiver.path, 115200), post, lambda: 0.0, random.Random(1))
    gnss.start()
    for _ in range(int(PATIENCE_S / TAKE_S)):
        if losses.empty():
            receiver.say()
            gnss._halt.wait(TAKE_S)
    gnss.stop()
    assert losses.get_nowait() == PortLost(0.0, "the serial reader ended by a fault of its own")
