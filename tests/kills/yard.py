"""A truck's yard for one test: its files, the cable of its receiver, its broker, its city, and its agents in turn."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
import time
import tty
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from buffer import read_only
from buffer.outbox import Counts
from tests.kills.phases import Fate, Shown
from tests.sim.drives import MORNING_MS, Spot, agreement, sentences
from tests.system.city import City
from tests.system.mosquitto import OPEN, Mosquitto

SPEED = 100.0  # of the truck's clock
BURST_S = 0.02
TURN_S = 300  # drives so long eastwards, then back
SPEED_MPS = 20.0
WAIT_S = 60.0
UNSENT_FEW = 10
TICK = threading.Event()  # never set: paces what feeds and polls
PATIENCE = {
    "connect_within": "120 s",
    "acknowledge_within": "600 s",
    "backoff": {"first": "1 s", "longest": "20 s"},
    "keepalive": "5 s",
    "daily_budget": "none",  # each restart costs a step of it, and here are hundreds on one day
}
BROKER = f"{OPEN}\npersistence true\nmax_queued_messages 100000\n"


class Cable:
    """A pty as the receiver's serial port, fed with fixes as time passes; what nobody reads in time is lost."""

    def __init__(self, port: Path, speed: float) -> None:
        self.port = port
        self.muted = False
        self._speed = speed
        self._master = self._slave = -1
        self._closing = threading.Event()
        self._plugged = threading.Lock()
        self.plug()
        self._thread = threading.Thread(target=self._feed, daemon=True)
        self._thread.start()

    def plug(self) -> None:
        """Put it in, at whatever device it is then."""
        with self._plugged:
            self._master, self._slave = os.openpty()
            tty.setraw(self._slave)
            os.set_blocking(self._master, False)
            self.port.unlink(missing_ok=True)
            self.port.symlink_to(os.ttyname(self._slave))

    def unplug(self) -> None:
        """Pull it out."""
        with self._plugged:
            self.port.unlink(missing_ok=True)
            for descriptor in (self._master, self._slave):
                os.close(descriptor)
            self._master = -1

    def _feed(self) -> None:
        began_s, second = time.monotonic(), 0  # noqa: TID251 — the agents live by the real clock
        while not self._closing.wait(BURST_S):
            due = int((time.monotonic() - began_s) * self._speed)  # noqa: TID251
            burst = b"".join(map(fix, range(second, due)))
            second = due
            with self._plugged, contextlib.suppress(BlockingIOError):
                if self._master >= 0 and not self.muted:
                    os.write(self._master, burst)

    def close(self) -> None:
        """Feed no more."""
        self._closing.set()
        self._thread.join()
        if self._master >= 0:
            self.unplug()


def fix(second: int) -> bytes:
    """Where the truck is then."""
    along = min(second % (2 * TURN_S), 2 * TURN_S - second % (2 * TURN_S))
    return sentences(MORNING_MS + second * 1000, Spot(SPEED_MPS * (along - TURN_S / 2), 0, SPEED_MPS))


class Agent:
    """One forked agent. `status` once it has ended: its exit status, negative for a signal."""

    def __init__(self, zygote: subprocess.Popen[str], asked: dict[str, Any]) -> None:
        assert zygote.stdin is not None
        assert zygote.stdout is not None
        self._lines = zygote.stdout
        zygote.stdin.write(json.dumps(asked) + "\n")
        zygote.stdin.flush()
        self.pid = int(json.loads(self._lines.readline())["pid"])
        self.status: int | None = None
        self.ended_s = 0.0
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._wait, daemon=True)
        self._thread.start()

    def _wait(self) -> None:
        self.status = json.loads(self._lines.readline())["status"]
        self.ended_s = time.monotonic()  # noqa: TID251
        self._ended.set()

    def has_ended_within(self, seconds: float) -> bool:
        """Wait at most so long for it."""
        return self._ended.wait(seconds)

    def send(self, which: signal.Signals) -> None:
        """A signal, if it has not ended yet."""
        if self.status is None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, which)

    def end(self, how: signal.Signals = signal.SIGTERM) -> int:
        """A signal, and what it ended with."""
        self.send(how)
        assert self.has_ended_within(WAIT_S), "the agent does not end"
        assert self.status is not None
        return self.status


class Yard:
    """Everything of one truck in `folder`; a context manager, running from its beginning."""

    def __init__(self, folder: Path, speed: float = SPEED) -> None:
        self.folder = folder
        self.outbox = folder / "state" / "outbox.db"
        self.log = folder / "agent.log"
        self.promises = folder / "promises"
        (folder / "broker").mkdir()
        self.broker = Mosquitto(folder / "broker", BROKER)
        self.city = City(folder, self.broker.url)
        self._speed = speed
        self._phase = folder / "phase"
        self.shown = Shown(self._phase)
        (folder / "agreement.json").write_text(agreement("operations").canonical, encoding="utf-8")
        self.configure("truck")

    def configure(self, name: str, **link: Any) -> None:
        """Write the configuration `name`, with other words on the link where given."""
        line = {"active": "high", "pull": "up"}  # gpiozero's mock pins float to their pull: both lines are on
        tree = {
            "fleet": "springfield",
            "vehicle": "truck-017",
            "state": str(self.outbox.parent),
            "agreement": str(self.folder / "agreement.json"),
            "gnss": {
                "port": str(self.folder / "gnss"),
                "baud": 115200,
                "silence": "600 s",
                "reopen": {"first": "1 s", "longest": "10 s"},
            },
            "link": {"brokers": [self.broker.url], **PATIENCE, **link},
            "pins": {
                "ignition": {"gpio": 5, "kind": "ignition", **line},
                "crew_switch": {"gpio": 6, "kind": "crew_switch", **line},
            },
        }
        (self.folder / f"{name}.yaml").write_text(json.dumps(tree), encoding="utf-8")

    def __enter__(self) -> Yard:
        self.cable = Cable(self.folder / "gnss", self._speed)
        self.broker.start()
        self.receiver = self.city.start()
        self._zygote = subprocess.Popen(
            [sys.executable, "-m", "tests.kills.truck", str(self._phase), str(self.promises)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={
                **os.environ,
                "GPIOZERO_PIN_FACTORY": "mock",
                "FAIRHAUL_CLOCK_SPEED": str(self._speed),
            },
        )
        return self

    def __exit__(self, *exception: object) -> None:
        self._zygote.kill()
        self._zygote.communicate()
        if self.receiver.poll() is None:
            self.receiver.kill()
            self.receiver.wait(WAIT_S)
        self.broker.__exit__()
        self.cable.close()

    def agent(self, fate: Fate | None = None, config: str = "truck", unnamed: bool = False) -> Agent:
        """The next agent; the one before must have ended."""
        asked = {
            "config": str(self.folder / f"{config}.yaml"),
            "log": str(self.log),
            "fate": fate,
            "unnamed": unnamed,
        }
        return Agent(self._zygote, asked)

    @contextlib.contextmanager
    def running(self, config: str = "truck", unnamed: bool = False) -> Iterator[Agent]:
        """An agent that ends by itself or is killed behind the block."""
        (self.outbox.parent / "status.json").unlink(missing_ok=True)
        agent = self.agent(None, config, unnamed)
        try:
            yield agent
        finally:
            agent.send(signal.SIGCONT)
            agent.end(signal.SIGKILL)

    def status(self) -> dict[str, Any]:
        """What the running agent says of itself; empty before it has said anything."""
        path = self.outbox.parent / "status.json"
        return json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}

    def counts(self) -> Counts:
        """What is in the outbox."""
        with read_only.outbox(self.outbox) as file:
            return file.counts()

    def settle(self) -> None:
        """Broker there, agent there, until everything that is sealed has been answered; then all of them end."""
        with self.running() as agent:
            wait_until(lambda: self.status().get("broker") == "up" and self.status()["date"] is not None)
            wait_until(lambda: self.counts().unsent <= UNSENT_FEW)
            self.cable.muted = True  # else each acknowledgement rides with a commit that seals the next
            wait_until(lambda: self.counts().unsent == 0)
            assert agent.end() == 0
        wait_until(lambda: not self.on_their_way())
        self.receiver.send_signal(signal.SIGTERM)
        assert self.receiver.wait(WAIT_S) == 0

    def on_their_way(self) -> set[str]:
        """Digests of batches that the broker has acknowledged and the city has not kept yet."""
        with read_only.outbox(self.outbox) as file:
            answered = {receipt.sha256.hex() for receipt in file.receipts()}
        with read_only.received(self.city.store) as store:
            return answered - {batch.sha256 for batch in store.batches()}


def wait_until(true: Callable[[], bool]) -> None:
    """Wait for another process."""
    until = time.monotonic() + WAIT_S  # noqa: TID251 — it has a real clock
    while not true():
        assert time.monotonic() < until, "it did not come about in time"  # noqa: TID251
        TICK.wait(0.05)
