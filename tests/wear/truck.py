"""One truck's day on one disk, in simulated time: `python -m tests.wear.truck history|drive SHIFT AGREEMENT STATE`.

`history` fills the outbox with what a truck has after two months: receipts of every day, the oldest due to go.
`drive` takes the shift through the real runtime and outbox, then waits parked until a day has passed, slots included;
the broker is of paper and acknowledges at once. With `--settled` the whole file system is synced behind each commit.
With `--window STAT SECONDS SPEED` only what a window of that length brings to the device counts, and the end of it is
the end. Driven at speed 1, what the kernel writes on its own is in the count. STAT is the device's `stat`.
"""

from __future__ import annotations

import ctypes
import json
import os
import random
import sqlite3
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any, NamedTuple

from agent.agreement import Agreement, load_agreement
from agent.agreement.schema import DailyRelease
from agent.assembly import assemble
from agent.paper import PaperLink, Published
from agent.records import day_number
from agent.runtime import IDLE_S, Runtime
from buffer.outbox import OUTBOX_FILE, Batch, Outbox
from config.load import load_configuration
from drivers.clock import Clock
from drivers.inputs import Input, Tick
from drivers.replay import merge, open_log, pulses
from drivers.replay import replay as chunks
from tests.bench.process import read_device_bytes

DAY_S = 86_400.0
SHIFT_S = 8 * 3_600
HISTORY_DAYS = 61  # one more than receipts of the way are kept: a day's worth goes on each day
SEED = 1
WINDOW_START_S = 3_600.0  # on duty, collecting, with drives between


class CountingConnection(sqlite3.Connection):
    """Counts what reached the disk as a transaction."""

    commits = 0

    def execute(self, *arguments: Any) -> sqlite3.Cursor:
        cursor = super().execute(*arguments)
        self.commits += arguments[0] == "COMMIT"
        return cursor


def connect(name: str) -> sqlite3.Connection:
    """As the truck's own connection, with a count."""
    return sqlite3.connect(name, isolation_level=None, factory=CountingConnection)


def opened(state: Path) -> Outbox:
    """The truck's outbox in the directory `state`."""
    return Outbox.open(
        state / OUTBOX_FILE,
        random_bytes=random.Random(SEED).randbytes,
        size_bytes_max=2**28,
        connect=connect,
    )


def envelopes(agreement: Agreement) -> dict[str, int]:
    """Batches of a day by stream; in timed mode those of a shift."""
    release = agreement.file.release
    if isinstance(release, DailyRelease):
        return dict(release.envelopes)
    return {"track": round(SHIFT_S / release.every), "box": 1}


def first_day(shift: Path) -> int:
    """The day on which the shift begins."""
    with (shift / "truth.ndjson").open(encoding="utf-8") as truth:
        return day_number(json.loads(next(truth))["utc"][:10])


def fill(outbox: Outbox, agreement: Agreement, today: int) -> None:
    """Receipts of HISTORY_DAYS days, as large as the agreement's batches; of chance, so that nothing compresses."""
    chance = random.Random(SEED)
    size_bytes = agreement.file.release.size
    for day in range(today - HISTORY_DAYS, today):
        batches = [
            Batch(stream, outbox.head(stream).n + 1 + k, day, chance.randbytes(size_bytes))
            for stream, count in envelopes(agreement).items()
            for k in range(count)
        ]
        outbox.commit(seal=batches)
        outbox.unsent(len(batches))  # remembers where they lie
        outbox.commit(acknowledged=[(batch.stream, batch.n) for batch in batches], today=day)


def entries(shift: Path) -> Iterator[Input]:
    """The shift's bytes and pulses, in the order of their time."""
    with open_log(shift / "shift.nmea") as log:
        yield from merge(chunks(log), pulses(shift / "pulses.csv"))


class Drive:
    """The runtime over its outbox, watched: how long records wait, and what is committed when."""

    def __init__(self, runtime: Runtime, link: PaperLink, behind: Callable[[], None]) -> None:
        self._runtime = runtime
        self._link = link
        self._behind = behind
        self.at_risk_s = 0.0

    @property
    def commits(self) -> int:
        """Transactions so far."""
        return int(self._runtime.outbox._db.commits)  # type: ignore[attr-defined]

    def step(self, entry: Input, now: float) -> None:
        """One input, and what the broker answers."""
        self._link.at = now
        keeping, before = self._runtime._keeping, self.commits
        if keeping.pending:
            self.at_risk_s = max(self.at_risk_s, now - keeping._pending_since)
        self._runtime.step(entry, now)
        while self._link.answers:
            self._runtime.step(self._link.answers.popleft(), now)
        if self.commits != before:
            self._behind()

    def whole(self, found: Iterator[Input]) -> dict[str, Any]:
        """The shift, then parked until a day has passed."""
        at = 0.0
        for entry in found:
            at = max(at, entry.at)
            self.step(entry, at)
        self._runtime.flush(at)
        driven = self.commits
        while at < DAY_S:
            at += IDLE_S
            self.step(Tick(at), at)
        return {
            "commits": self.commits,
            "commits_parked": self.commits - driven,
            "at_risk_s": self.at_risk_s,
            "batches": self._runtime.counts.acknowledged,
        }


class Window(NamedTuple):
    """A part of the shift, driven so many times as fast as real."""

    stat: Path
    seconds: float
    speed: float


def sync_all(state: Path) -> None:
    """Write all that is dirty on the file system of `state`."""
    folder = os.open(state, os.O_RDONLY)
    ctypes.CDLL(None).syncfs(folder)
    os.close(folder)


def drive(
    shift: Path, agreement: Agreement, state: Path, settled: bool, part: Window | None
) -> dict[str, Any]:
    """What the day, or the window, came to."""
    taken: list[Published] = []
    link = PaperLink(taken.append)
    with closing(opened(state)) as outbox:
        runtime = assemble(
            load_configuration(shift / "agent.yaml"),
            agreement,
            outbox,
            link,
            chance=random.Random(SEED),
            replay=True,
        )
        day = Drive(runtime, link, (lambda: sync_all(state)) if settled else lambda: None)
        found = window(day, entries(shift), state, part) if part else day.whole(entries(shift))
    return found | {"payload_bytes": sum(len(one.payload) for one in taken)}


def window(day: Drive, found: Iterator[Input], state: Path, part: Window) -> dict[str, Any]:
    """Commits, and bytes that reached the device, in a part of the shift."""

    def mark() -> tuple[int, int]:
        sync_all(state)
        return day.commits, read_device_bytes(part.stat.read_text(encoding="ascii"))

    never, clock, before = threading.Event(), None, (0, 0)
    for entry in found:
        if entry.at >= WINDOW_START_S:
            if clock is None:
                before, clock = mark(), Clock(part.speed)
            never.wait(clock.real_s(max(0.0, entry.at - WINDOW_START_S - clock.at())))
        if entry.at >= WINDOW_START_S + part.seconds:
            break
        day.step(entry, entry.at)
    after = mark()
    return {"commits": after[0] - before[0], "device_bytes": after[1] - before[1]}


def main() -> None:
    """Do as told; the counts go to standard output as JSON."""
    act, shift, paper, state = sys.argv[1], *map(Path, sys.argv[2:5])
    agreement = load_agreement(paper)
    if act == "history":
        with closing(opened(state)) as outbox:
            fill(outbox, agreement, first_day(shift))
        return
    part = Window(Path(sys.argv[6]), *map(float, sys.argv[7:9])) if "--window" in sys.argv else None
    sys.stdout.write(json.dumps(drive(shift, agreement, state, "--settled" in sys.argv, part)))


if __name__ == "__main__":
    main()
