"""Systemd hears that the agent is ready, lives and stops, and nothing that tells of the truck."""

from __future__ import annotations

import contextlib
import json
import math
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from agent.loop import Loop
from agent.runtime import IDLE_S
from drivers.inputs import Chunk, Input, Pulse
from drivers.watchdog import FEEDS_A_TIMEOUT, Watchdog
from tests.sim.drives import agreement, by_time, epochs, straight, switched_on, truck
from tests.unit.paced import Paced

WAIT_S = 30.0
TIMEOUT_S = 30.0
PERIOD_S = TIMEOUT_S / FEEDS_A_TIMEOUT


class Ear:
    """Systemd's end of the socket."""

    def __init__(self, address: str) -> None:
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(address)

    def heard(self) -> list[str]:
        """What has come since the last look, without waiting."""
        words: list[str] = []
        self._socket.settimeout(0)
        with contextlib.suppress(BlockingIOError):
            while True:
                words.append(self._socket.recv(4096).decode())
        return words

    def next(self) -> str:
        self._socket.settimeout(WAIT_S)
        return self._socket.recv(4096).decode()

    def close(self) -> None:
        self._socket.close()


@pytest.fixture(params=["path", "abstract"])
def line(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[Ear, str]]:
    """A socket, and its address as NOTIFY_SOCKET has it."""
    path = str(tmp_path / "notify")
    ear = Ear(path if request.param == "path" else f"\0{path}")
    yield ear, path if request.param == "path" else f"@{path}"
    ear.close()


@pytest.fixture
def ear(tmp_path: Path) -> Iterator[Ear]:
    one = Ear(str(tmp_path / "notify"))
    yield one
    one.close()


def told(tmp_path: Path, timeout_s: float | None = TIMEOUT_S) -> Watchdog:
    return Watchdog(str(tmp_path / "notify"), timeout_s)


def test_each_word_arrives(line: tuple[Ear, str]) -> None:
    there, address = line
    watchdog = Watchdog.of({"NOTIFY_SOCKET": address, "WATCHDOG_USEC": "30000000"}, 1)
    watchdog.ready()
    watchdog.feed(1.0)
    watchdog.stop()
    assert there.heard() == ["READY=1", "WATCHDOG=1", "STOPPING=1"]


def test_it_is_fed_with_the_first_step_and_then_at_multiples_of_a_third_of_the_timeout(
    ear: Ear, tmp_path: Path
) -> None:
    watchdog = told(tmp_path)
    watchdog.ready()
    assert watchdog.due == 0.0
    fed = []
    for tenth in range(13, 500):
        watchdog.feed(tenth / 10)
        fed += [tenth / 10] * len([word for word in ear.heard() if word == "WATCHDOG=1"])
    assert fed == [1.3, 10.0, 20.0, 30.0, 40.0]


@pytest.mark.parametrize(
    "environment",
    [
        {},
        {"WATCHDOG_USEC": "30000000"},
        {"NOTIFY_SOCKET": ""},
        {"NOTIFY_SOCKET": "vsock:2:1234", "WATCHDOG_USEC": "30000000"},
        {"NOTIFY_SOCKET": "relative", "WATCHDOG_USEC": "30000000"},
    ],
)
def test_without_a_socket_nobody_is_told_and_the_loop_is_not_woken(environment: dict[str, str]) -> None:
    watchdog = Watchdog.of(environment, 1)
    watchdog.ready()
    watchdog.feed(100.0)
    watchdog.stop()
    assert math.isinf(watchdog.due)


@pytest.mark.parametrize(
    "more",
    [
        {},
        {"WATCHDOG_USEC": "soon"},
        {"WATCHDOG_USEC": "-5"},
        {"WATCHDOG_USEC": "0"},
        {"WATCHDOG_USEC": "30000000", "WATCHDOG_PID": "2"},
    ],
)
def test_a_service_without_a_watchdog_of_its_own_says_ready_and_is_not_fed(
    ear: Ear, tmp_path: Path, more: dict[str, str]
) -> None:
    watchdog = Watchdog.of({"NOTIFY_SOCKET": str(tmp_path / "notify"), **more}, 1)
    watchdog.ready()
    watchdog.feed(100.0)
    assert ear.heard() == ["READY=1"]
    assert math.isinf(watchdog.due)


def test_the_watchdog_of_this_very_process_is_fed() -> None:
    mine = {"NOTIFY_SOCKET": "/absent", "WATCHDOG_USEC": "30000000", "WATCHDOG_PID": "7"}
    watchdog = Watchdog.of(mine, 7)
    watchdog.ready()
    assert watchdog.due == 0.0


@pytest.mark.parametrize("path", ["/absent/notify", "/" + "x" * 300, "/dev/null"])
def test_a_socket_that_is_gone_stops_nobody(path: str) -> None:
    watchdog = Watchdog.of({"NOTIFY_SOCKET": path, "WATCHDOG_USEC": "30000000"}, 1)
    watchdog.ready()
    watchdog.feed(10.0)
    watchdog.stop()
    assert watchdog.due == 20.0


def test_a_listener_that_never_reads_is_not_waited_for(ear: Ear, tmp_path: Path) -> None:
    watchdog = told(tmp_path)
    watchdog.ready()
    for period in range(5000):
        watchdog.feed(period * PERIOD_S)
    assert 0 < len(ear.heard()) < 5000


# The loop.


def words_of(ear: Ear, tmp_path: Path, entries: list[Input], until_s: float) -> list[tuple[float, str]]:
    """When each word was said, to a hundredth of a second."""
    world = Paced(entries, until_s)
    said: list[tuple[float, str]] = []

    class Heard(Watchdog):
        def _say(self, word: str) -> None:
            super()._say(word)
            said.extend((round(world.at(), 2), each) for each in ear.heard())

    watchdog = Heard(str(tmp_path / "notify"), TIMEOUT_S)
    Loop(truck(agreement()), world, world, lambda: None, watchdog=watchdog).run()  # type: ignore[arg-type]
    return said


def test_in_a_truck_in_which_nothing_happens_the_watchdog_never_starves(ear: Ear, tmp_path: Path) -> None:
    said = words_of(ear, tmp_path, [], 3600.0)
    assert said[0] == (0.0, "READY=1")
    assert said[-1] == (3600.0, "STOPPING=1")
    fed = [at for at, word in said if word == "WATCHDOG=1"]
    assert fed == [period * PERIOD_S for period in range(360)]
    assert PERIOD_S + IDLE_S < TIMEOUT_S


def test_what_systemd_hears_does_not_depend_on_fixes_pulses_and_pauses(ear: Ear, tmp_path: Path) -> None:
    drive = [
        Chunk(entry.at + 0.3, entry.data) for entry in epochs(straight(2000)) if isinstance(entry, Chunk)
    ]
    pause = [Pulse(19.97, "switch", 0), Pulse(29.99, "brake", 1), Pulse(40.01, "switch", 1)]
    quiet = words_of(ear, tmp_path, [], 300.0)
    hidden = by_time(switched_on(), drive, pause)
    assert words_of(ear, tmp_path, hidden, 300.0) == quiet


def test_the_watchdog_is_fed_only_when_a_step_has_ended(ear: Ear, tmp_path: Path) -> None:
    runtime, fed_before = truck(agreement()), []
    watchdog = told(tmp_path)

    def step(entry: Input, now: float) -> None:
        fed_before.append(ear.heard())
        if now >= 3 * PERIOD_S:
            raise SystemExit  # it never comes back

    runtime.step = step  # type: ignore[method-assign]
    world = Paced([], 3600.0)
    with pytest.raises(SystemExit):
        Loop(runtime, world, world, lambda: None, watchdog=watchdog).run()  # type: ignore[arg-type]
    assert fed_before[0] == ["READY=1"]
    assert [word for words in fed_before[1:] for word in words] == ["WATCHDOG=1"] * 3
    assert ear.heard() == []


# The agent, as systemd starts it.


@pytest.fixture
def started(ear: Ear, tmp_path: Path) -> Iterator[Callable[[], subprocess.Popen[bytes]]]:
    """A truck without receiver, pins, network and agreement."""
    (tmp_path / "agent.yaml").write_text(
        json.dumps(
            {
                "fleet": "springfield",
                "vehicle": "truck-017",
                "state": "state",
                "gnss": {"port": "/dev/absent"},
                "link": {"brokers": ["mqtt://127.0.0.1:9"]},
            }
        ),
        encoding="utf-8",
    )
    processes: list[subprocess.Popen[bytes]] = []

    def start() -> subprocess.Popen[bytes]:
        environment = {
            **os.environ,
            "NOTIFY_SOCKET": str(tmp_path / "notify"),
            "WATCHDOG_USEC": "600000",
        }
        words = [sys.executable, "-m", "agent", "run", "--config", str(tmp_path / "agent.yaml")]
        processes.append(
            subprocess.Popen(words, env=environment, stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        )
        return processes[-1]

    yield start
    for process in processes:
        process.kill()
        process.wait()


def test_the_agent_is_ready_without_receiver_and_network_lives_and_stops(
    ear: Ear, started: Callable[[], subprocess.Popen[bytes]]
) -> None:
    agent = started()
    assert [ear.next() for _ in range(5)] == ["READY=1", *["WATCHDOG=1"] * 4]
    agent.send_signal(signal.SIGTERM)
    assert agent.wait(WAIT_S) == 0
    assert ear.heard()[-1] == "STOPPING=1"


def test_an_agent_that_does_not_get_its_outbox_is_never_ready(
    ear: Ear, started: Callable[[], subprocess.Popen[bytes]]
) -> None:
    started()
    assert ear.next() == "READY=1"
    ear.heard()
    second = started()
    assert second.wait(WAIT_S) == 1
    assert "READY=1" not in ear.heard()
