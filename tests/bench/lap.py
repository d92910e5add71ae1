"""One lap: programs side by side on the same bursts, each with its own port, disk and meter, read at two marks."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from tests.bench.broker import Meter, Subscriber
from tests.bench.disk import open_disk
from tests.bench.feed import Port, feed
from tests.bench.process import Memory, cpu_s, memory, written_bytes
from tests.bench.programs import PROGRAMS, Running, Start

WARM_UP_BURSTS = 20
QUIET_CPU_S = 0.002
QUIET_LOOK_S = 0.5
START_S_MAX = 30.0
CATCH_UP_S_MAX = 3.0
FIXES_SHARE_MIN = 0.97


class Mark(NamedTuple):
    """Everything that counts up, at one moment."""

    cpu_s: float
    wire_bytes: int
    payload_bytes: int
    messages: int
    process_bytes: int
    device_bytes: int | None
    commits: int
    fixes: int | None


class FirstStart(NamedTuple):
    """What the very first start takes, in which the file on disk is made."""

    cpu_s: float
    peak_mib: float


class Lap(NamedTuple):
    """What one program did over the bursts of a lap."""

    speed: float
    driven_s: int
    first_start: FirstStart
    start_cpu_s: float  # of the second start, as on every later day
    done: Mark  # the differences of the two marks
    memory: Memory
    held_s: float  # how long the port had to wait for the program
    disk: str


class Stand:
    """One program's place: port, disk, meter, and the program running there."""

    def __init__(self, name: str, work: Path, broker_port: int, speed: float, agreement: str) -> None:
        self.name = name
        work.mkdir()
        self._closing = contextlib.ExitStack()
        with self._closing as closing:  # gives everything back when one of these fails
            self.port = closing.enter_context(contextlib.closing(Port()))
            self.meter = closing.enter_context(contextlib.closing(Meter(broker_port)))
            self.disk = closing.enter_context(contextlib.closing(open_disk(work / "disk")))
            start = Start(self.port.name, self.meter.port, self.disk.path, work, speed, agreement)
            self.first_start = first_start(name, start)
            self.running = closing.enter_context(contextlib.closing(Running(name, start)))
            self._closing = closing.pop_all()

    def mark(self, subscriber: Subscriber) -> Mark:
        """Everything that counts up, now."""
        pid, counts = self.running.pid, self.running.counts()
        arrived = subscriber.under(PROGRAMS[self.name].topic)
        return Mark(
            cpu_s=cpu_s(pid),
            wire_bytes=self.meter.wire_bytes,
            payload_bytes=arrived.payload_bytes,
            messages=arrived.messages,
            process_bytes=written_bytes(pid),
            device_bytes=self.disk.device_bytes(),
            commits=counts.commits,
            fixes=counts.fixes,
        )

    def close(self) -> None:
        """Stop the program, then give back what it stood on."""
        self._closing.close()


def difference(later: Mark, earlier: Mark) -> Mark:
    """What happened between two marks; None where it is not known."""
    pairs = zip(later, earlier, strict=True)
    return Mark(*(None if a is None or b is None else a - b for a, b in pairs))  # type: ignore[arg-type]


def doubts(laps: Mapping[str, Lap]) -> list[str]:
    """Why the figures would be unfair: a program that did not do its work is cheap."""
    found = []
    for name, lap in laps.items():
        if lap.done.fixes is not None and lap.done.fixes < FIXES_SHARE_MIN * lap.driven_s:
            found.append(f"{name} understood {lap.done.fixes} fixes in {lap.driven_s} s of driving")
        if not (lap.done.messages and lap.done.commits):
            found.append(
                f"{name} brought {lap.done.messages} messages and committed {lap.done.commits} times"
            )
    return found


def first_start(name: str, start: Start) -> FirstStart:
    """Start a program for the first time and stop it again."""
    with contextlib.closing(Running(name, start)) as running:
        (started_s,) = settle([running.pid], START_S_MAX)
        running.counts()
        return FirstStart(started_s, memory(running.pid).peak_mib)


def settle(pids: Sequence[int], s_max: float) -> list[float]:
    """Wait until no program has anything to do, at most `s_max`; the CPU seconds of each until then."""
    until = time.monotonic() + s_max
    now = [cpu_s(pid) for pid in pids]
    while time.monotonic() < until:
        before = now
        time.sleep(QUIET_LOOK_S)
        now = [cpu_s(pid) for pid in pids]
        if all(later - early < QUIET_CPU_S for later, early in zip(now, before, strict=True)):
            break
    return now


def drive(
    names: Sequence[str], work: Path, broker_port: int, bursts: Sequence[bytes], speed: float, agreement: str
) -> dict[str, Lap]:
    """Feed the bursts to all the programs at once, `speed` times as fast as driven; the first few are not counted."""
    work.mkdir()
    with contextlib.ExitStack() as closing:
        subscriber = closing.enter_context(contextlib.closing(Subscriber(broker_port)))
        stands = [
            closing.enter_context(contextlib.closing(Stand(name, work / name, broker_port, speed, agreement)))
            for name in names
        ]
        pids = [stand.running.pid for stand in stands]
        start_cpu_s = settle(pids, START_S_MAX)
        ports = [stand.port for stand in stands]
        feed(ports, bursts[:WARM_UP_BURSTS], speed)
        settle(pids, CATCH_UP_S_MAX)
        before = [stand.mark(subscriber) for stand in stands]
        feed(ports, bursts[WARM_UP_BURSTS:], speed)
        settle(pids, CATCH_UP_S_MAX)
        after = [stand.mark(subscriber) for stand in stands]
        return {
            stand.name: Lap(
                speed=speed,
                driven_s=len(bursts) - WARM_UP_BURSTS,
                first_start=stand.first_start,
                start_cpu_s=started_s,
                done=difference(late, early),
                memory=memory(stand.running.pid),
                held_s=stand.port.held_s,
                disk=stand.disk.kind,
            )
            for stand, started_s, late, early in zip(stands, start_cpu_s, after, before, strict=True)
        }
