"""A shift through the real agent, a real broker and the real receiver, with everything that goes wrong on the way."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import tty
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest

from agent.wire import decode
from buffer.outbox import Outbox, Receipt
from buffer.received import ReceivedStore
from config.load import load_yaml
from drivers.simulate import shift, write
from tests.system.certificates import Authority
from tests.system.mosquitto import OPEN, Mosquitto

SEED, HOURS, SPEED = 7, 0.75, 300.0
WAIT_S = 60.0
PUBLISHED = "Received PUBLISH from fairhaul-simulated-city-truck-007"
TICK = threading.Event()  # never set: paces what feeds and polls


class World:
    """A simulated truck's files, its broker and its city, in one folder."""

    def __init__(self, folder: Path, broker: Mosquitto, link: dict[str, Any] | None = None) -> None:
        self.folder = folder
        self.broker = broker
        self.store = folder / "city.db"
        self.receiver_words: tuple[str, ...] = ()
        write(shift(SEED, HOURS), folder)
        agreed = load_yaml(folder / "agreement.yaml").tree
        agreed["release"] = {"kind": "timed", "every": "60 s", "size": "512 B", "fleet_slots": ["21:00"]}
        self.write("timed.yaml", agreed)
        patience = {"acknowledge_within": "600 s", "backoff": {"first": "10 s", "longest": "120 s"}}
        self.write(
            "truck.yaml",
            {
                "extends": "agent.yaml",
                "agreement": "timed.yaml",
                "link": {"brokers": [broker.url], **patience, **(link or {})},
            },
        )

    def write(self, name: str, tree: dict[str, Any]) -> None:
        (self.folder / name).write_text(json.dumps(tree), encoding="utf-8")

    def start(self, *words: object, env: dict[str, str] | None = None) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            [sys.executable, "-m", "agent", *map(str, words)],
            stdin=subprocess.DEVNULL,
            env={**os.environ, **(env or {})},
        )

    def drive(self, from_s: float = 0.0) -> subprocess.Popen[bytes]:
        """The agent over the recorded shift, on duty throughout so that the pulses need no replaying."""
        return self.start(
            "replay",
            self.folder / "shift.nmea",
            *("--config", self.folder / "truck.yaml", "--agreement", self.folder / "timed.yaml"),
            *("--duty", "on", "--live", "--speed", SPEED, "--from", from_s),
        )

    @contextmanager
    def city(self) -> Iterator[None]:
        """The receiver, subscribed before anything is published and ended when all has come."""
        process = self.start(
            "receive", "--broker", self.broker.url, "--store", self.store, *self.receiver_words
        )
        try:
            self.broker.log.wait_for("Sending SUBACK")
            yield
            wait_until(lambda: not self.missing())
        finally:
            process.send_signal(signal.SIGTERM)
            assert process.wait(WAIT_S) == 0

    def receipts(self) -> list[Receipt]:
        """Every batch the truck has sealed, once the agent has ended: all of them must be acknowledged."""
        path = self.folder / "state" / "outbox.db"
        with closing(Outbox.open(path, random_bytes=os.urandom, size_bytes_max=2**28)) as outbox:
            assert outbox.unsent(1) == []
            return list(outbox.receipts())

    def status(self) -> dict[str, Any]:
        """What the running agent says of itself; empty before it has said anything."""
        path = self.folder / "state" / "status.json"
        return json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}

    def until_waiting(self, batches: int) -> None:
        """Until so many sealed batches wait for a broker."""
        wait_until(lambda: self.status().get("outbox", {}).get("unsent", 0) >= batches)

    def arrived(self) -> Counter[str]:
        with closing(ReceivedStore.open(self.store)) as store:
            return Counter(batch.sha256 for batch in store.batches())

    def missing(self) -> set[str]:
        return {receipt.sha256.hex() for receipt in self.receipts()} - set(self.arrived())


def wait_until(true: Callable[[], bool]) -> None:
    for _ in range(int(WAIT_S * 5)):
        if true():
            return
        TICK.wait(0.2)
    raise AssertionError("it did not come about in time")


def everything_arrived_once(world: World) -> None:
    receipts = world.receipts()
    assert len(receipts) >= 15
    arrived = world.arrived()
    assert {receipt.sha256.hex() for receipt in receipts} == set(arrived)
    assert set(arrived.values()) == {1}
    numbers = [receipt.n for receipt in receipts if receipt.stream == "track"]
    assert numbers == list(range(1, len(numbers) + 1))
    stretches = [r["stretch"] for x in receipts if x.stream == "track" for r in decode(x.payload).records]
    assert stretches == list(range(1, len(stretches) + 1))


@pytest.fixture
def at_broker(tmp_path: Path) -> Path:
    """The broker's own folder."""
    folder = tmp_path / "broker"
    folder.mkdir()
    return folder


@pytest.mark.parametrize("protocol", ["5", "3.1.1", "auto"])
def test_a_shift_arrives_whole_over_either_protocol(tmp_path: Path, at_broker: Path, protocol: str) -> None:
    with Mosquitto(at_broker, OPEN) as broker:
        world = World(tmp_path, broker, {"protocol": protocol})
        with world.city():
            assert world.drive().wait(WAIT_S) == 0
        everything_arrived_once(world)


def test_a_shift_arrives_over_tls_with_client_certificates(tmp_path: Path, at_broker: Path) -> None:
    (tmp_path / "pki").mkdir()
    authority = Authority(tmp_path / "pki")
    certificate, key = authority.issue("broker", "127.0.0.1")
    truck, truck_key = authority.issue("truck-007")
    settings = (
        f"cafile {authority.file}\ncertfile {certificate}\nkeyfile {key}\n"
        "require_certificate true\nuse_identity_as_username true\n"
    )
    with Mosquitto(at_broker, settings, scheme="mqtts") as broker:
        own = {"ca_file": authority.file, "certificate_file": truck, "key_file": truck_key}
        world = World(tmp_path, broker, own)
        login = ("--ca-file", authority.file, "--certificate-file", truck, "--key-file", truck_key)
        world.receiver_words = login
        with world.city():
            assert world.drive().wait(WAIT_S) == 0
        everything_arrived_once(world)


def test_a_broker_that_stops_and_starts_in_mid_shift_loses_nothing(tmp_path: Path, at_broker: Path) -> None:
    with Mosquitto(at_broker, OPEN + "\npersistence true\n") as broker:
        world = World(tmp_path, broker)
        with world.city():
            agent = world.drive()
            broker.log.wait_for(PUBLISHED, times=5)
            broker.stop()
            world.until_waiting(5)
            broker.start()
            assert agent.wait(WAIT_S) == 0
        everything_arrived_once(world)


@pytest.mark.parametrize("phase", ["offline", "draining"])
def test_kill_9_loses_and_repeats_nothing(tmp_path: Path, at_broker: Path, phase: str) -> None:
    with Mosquitto(at_broker, OPEN + "\npersistence true\n") as broker:
        world = World(tmp_path, broker)
        with world.city():
            agent = world.drive()
            broker.log.wait_for(PUBLISHED, times=5)
            broker.stop()
            world.until_waiting(8)
            if phase == "draining":
                broker.start()
                broker.log.wait_for(PUBLISHED)
            agent.send_signal(signal.SIGKILL)
            agent.wait()
            if phase == "offline":
                broker.start()
            assert world.drive(from_s=HOURS * 3600 / 2).wait(WAIT_S) == 0
        everything_arrived_once(world)


class Cable:
    """A pty as the receiver's serial port, behind a link that survives being plugged into another port."""

    def __init__(self, port: Path) -> None:
        self.port = port
        self._master = -1

    def plug(self) -> None:
        self._master, slave = os.openpty()
        tty.setraw(slave)
        self.port.unlink(missing_ok=True)
        self.port.symlink_to(os.ttyname(slave))
        self._slave = slave

    def unplug(self) -> None:
        self.port.unlink()
        os.close(self._slave)
        os.close(self._master)

    def feed(self, lines: Iterator[bytes], seconds: int, speed: float) -> None:
        for _ in range(seconds):
            os.write(self._master, b"".join(next(lines) for _ in range(9)))
            TICK.wait(1 / speed)


def test_the_agent_reads_a_serial_port_that_is_unplugged_and_comes_back(
    tmp_path: Path, at_broker: Path
) -> None:
    speed = 40.0
    with Mosquitto(at_broker, OPEN) as broker:
        world = World(tmp_path, broker)
        cable = Cable(tmp_path / "gps")
        line = {"active": "high", "pull": "up"}  # gpiozero's mock pins float to their pull: both lines are on
        world.write(
            "run.yaml",
            {
                "extends": "truck.yaml",
                "gnss": {
                    "port": str(cable.port),
                    "baud": 115200,
                    "reopen": {"first": "1 s", "longest": "10 s"},
                },
                "pins": {
                    "ignition": {"gpio": 5, "kind": "ignition", **line},
                    "crew_switch": {"gpio": 6, "kind": "crew_switch", **line},
                },
            },
        )
        lines = shift(SEED, HOURS).nmea()
        cable.plug()
        with world.city():
            agent = world.start(
                *("run", "--config", tmp_path / "run.yaml"),
                env={"GPIOZERO_PIN_FACTORY": "mock", "FAIRHAUL_CLOCK_SPEED": str(speed)},
            )
            cable.feed(lines, 480, speed)
            wait_until(lambda: world.status().get("gnss") == "heard")
            cable.unplug()
            wait_until(lambda: world.status().get("gnss") == "silent")
            before = world.status()["outbox"]["receipts"]
            cable.plug()
            wait_until(lambda: (cable.feed(lines, 10, speed), world.status()["gnss"] == "heard")[1])
            cable.feed(lines, 480, speed)
            agent.send_signal(signal.SIGTERM)
            assert agent.wait(5) == 0
        receipts = world.receipts()
        assert before >= 1
        assert len(receipts) > before + 1
        assert {receipt.stream for receipt in receipts} == {"track", "box"}
