"""`make wear`: what a day costs the card, counted by the kernel on a file system of its own, and by traced writes."""

from __future__ import annotations

import argparse
import contextlib
import datetime
import json
import os
import platform
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple

from drivers.simulate import shift, write
from tests.bench.__main__ import with_table
from tests.bench.disk import LoopDisk
from tests.bench.driving import SEED, SHIFT_HOURS, operations, write_yaml
from tests.wear import traced
from tests.wear.traced import BLOCK_BYTES, Traced

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs" / "wear.md"
MIB = 2**20
RUN_S_MAX = 300.0
HOUR_S = 3_600
FAST = 10_000.0
RUNNING: set[subprocess.Popen[str]] = set()
MODES = {
    "daily": "*routes-and-safety*, daily",
    "timed": "*operations*, every 60 s",
}


class Day(NamedTuple):
    """One day of a truck under one agreement."""

    counts: dict[str, Any]  # see tests.wear.truck
    device_bytes: int  # commits as fast as the computer goes, so that the kernel's own timers hardly fire
    settled_bytes: int  # the whole file system synced behind each commit
    paced_bytes: float  # with what the kernel's own timers add, from a sample
    traced: Traced


class Row(NamedTuple):
    """One figure under each agreement, and what none may exceed."""

    what: str
    figures: Sequence[float]
    digits: int
    most: float | None = None

    @property
    def met(self) -> bool:
        """Whether no figure exceeds it."""
        return self.most is None or max(self.figures) <= self.most


def main() -> int:
    """Measure, print the table, write what was asked for; 1 when a target is missed."""
    parser = argparse.ArgumentParser(prog="python -m tests.wear", description=__doc__)
    parser.add_argument("--hours", type=float, default=SHIFT_HOURS, help="length of the shift")
    parser.add_argument(
        "--paced-minutes", type=float, default=15.0, help="length of the sample at its own pace"
    )
    parser.add_argument("--write-docs", action="store_true", help="put the table into docs/wear.md")
    given = parser.parse_args()
    lacking = [program for program in ("mkfs.ext4", "mount", "strace") if not shutil.which(program)]
    if os.geteuid() != 0 or lacking:
        parser.error(f"needs root and {', '.join(lacking) or 'nothing else'}: it mounts an image of its own")
    with tempfile.TemporaryDirectory(prefix="fairhaul-wear-") as work:
        found = rows(measure(Path(work), given.hours, given.paced_minutes))
    text = f"{conditions(given.hours, given.paced_minutes)}\n\n{markdown(found)}"
    sys.stdout.write(text)
    if given.write_docs:
        DOCS.write_text(with_table(DOCS.read_text(encoding="utf-8"), text), encoding="utf-8")
    return int(not all(row.met for row in found))


def measure(work: Path, hours: float, paced_minutes: float) -> dict[str, Day]:
    """A day under each agreement."""
    driven = work / "shift"
    write(shift(SEED, hours), driven)
    agreed = (driven / "agreement.yaml").read_text(encoding="utf-8")
    timed = write_yaml(driven / "timed.yaml", operations(agreed))
    trucks = {"daily": (driven, driven / "agreement.yaml"), "timed": (driven, timed)}
    with ThreadPoolExecutor(len(MODES)) as pool, ended_early():
        sampled = {
            mode: pool.submit(timers, work / f"{mode}-timers", *trucks[mode], paced_minutes) for mode in MODES
        }
        days = {mode: day(work / f"{mode}-day", *trucks[mode]) for mode in MODES}
        return {
            mode: one._replace(paced_bytes=one.device_bytes + HOUR_S * hours * sampled[mode].result())
            for mode, one in days.items()
        }


@contextlib.contextmanager
def ended_early() -> Iterator[None]:
    """On an error or a signal, end what runs, so that what waits for it gives its disk back."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    try:
        yield
    except BaseException:
        for process in list(RUNNING):
            process.kill()
        raise


def day(work: Path, driven: Path, paper: Path) -> Day:
    """The same day three times: as it is, settled behind each commit, and traced."""
    work.mkdir()
    counts, device_bytes = on_device(work / "plain", driven, paper)
    _, settled_bytes = on_device(work / "settled", driven, paper, "--settled")
    found = on_trace(work / "traced", driven, paper)
    return Day(counts, device_bytes, settled_bytes, 0.0, found)


def timers(work: Path, driven: Path, paper: Path, minutes: float) -> float:
    """Bytes a second that the kernel's own timers add: the same commits at their own pace, and as fast as they go."""
    work.mkdir()
    say(f"{paper.stem} for {minutes:g} min at its own pace")
    slow, fast = (part(work / f"at-{speed:g}", driven, paper, minutes, speed) for speed in (1.0, FAST))
    return (slow - fast) / (60 * minutes)


def part(disk: Path, driven: Path, paper: Path, minutes: float, speed: float) -> int:
    """Bytes to the device of its own for some minutes of the shift."""
    with contextlib.closing(LoopDisk(disk)) as loop:
        truck("history", driven, paper, disk)
        words = ("--window", str(loop._stat), str(60 * minutes), str(speed))
        counts = json.loads(truck("drive", driven, paper, disk, *words, s_max=60 * minutes + RUN_S_MAX))
    return int(counts["device_bytes"])


def on_device(disk: Path, driven: Path, paper: Path, *words: str) -> tuple[dict[str, Any], int]:
    """What the truck counted, and the bytes that reached the device of its own that the state lies on."""
    say(f"{paper.stem} {' '.join(words)}")
    with contextlib.closing(LoopDisk(disk)) as loop:
        truck("history", driven, paper, disk)
        before = loop.device_bytes()
        counts = json.loads(truck("drive", driven, paper, disk, *words))
        return counts, loop.device_bytes() - before


def on_trace(state: Path, driven: Path, paper: Path) -> Traced:
    """The writes and syncs of the same day in a plain directory."""
    say(f"{paper.stem} traced")
    state.mkdir()
    truck("history", driven, paper, state)
    trace = state.with_suffix(".trace")
    truck("drive", driven, paper, state, before=(*traced.STRACE, "-o", str(trace)))
    with trace.open(encoding="utf-8", errors="replace") as lines:
        return traced.read(map(str.rstrip, lines), str(state))


def truck(
    act: str,
    driven: Path,
    paper: Path,
    state: Path,
    *words: str,
    before: Sequence[str] = (),
    s_max: float = RUN_S_MAX,
) -> str:
    """Run one truck to its end. Raises CalledProcessError or TimeoutExpired."""
    command = [*before, sys.executable, "-m", "tests.wear.truck", act, str(driven), str(paper), str(state)]
    with subprocess.Popen([*command, *words], stdout=subprocess.PIPE, cwd=ROOT, text=True) as process:
        RUNNING.add(process)
        try:
            told, _ = process.communicate(timeout=s_max)
        finally:
            process.kill()
            RUNNING.discard(process)
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, command)
    return told


def rows(days: dict[str, Day]) -> list[Row]:
    """All figures, with the targets of a shift."""
    found = list(days.values())
    mib: list[tuple[str, list[float], float | None]] = [
        ("MiB to the device, at its own pace", [one.paced_bytes for one in found], 25),
        ("the same, as fast as the computer goes", [one.device_bytes for one in found], 25),
        ("the same, all settled behind each commit", [one.settled_bytes for one in found], None),
        ("MiB in write calls", [one.traced.write_bytes for one in found], 25),
        ("MiB in blocks of 4 KiB touched by them", [one.traced.blocks * BLOCK_BYTES for one in found], 25),
    ]
    return [
        Row("commits", [one.counts["commits"] for one in found], 0, 1_000),
        Row("of these while parked", [one.counts["commits_parked"] for one in found], 0),
        Row("longest a record waited for its commit, s", [one.counts["at_risk_s"] for one in found], 1, 10),
        *(Row(what, [figure / MIB for figure in figures], 1, most) for what, figures, most in mib),
        Row("syncs", [one.traced.syncs for one in found], 0),
        Row("batches acknowledged", [one.counts["batches"] for one in found], 0),
        Row("kB of payload", [one.counts["payload_bytes"] / 1000 for one in found], 1),
    ]


def markdown(found: Sequence[Row]) -> str:
    """The table as it stands in docs/wear.md."""
    lines = [["", *MODES.values(), "at most"], ["---"] + ["---:"] * (len(MODES) + 1)]
    for row in found:
        limit = "" if row.most is None else f"{row.most:g} {'met' if row.met else '**missed**'}"
        lines.append([row.what, *(f"{figure:,.{row.digits}f}" for figure in row.figures), limit])
    return "".join(f"| {' | '.join(cells)} |\n" for cells in lines)


def conditions(hours: float, paced_minutes: float) -> str:
    """When, where and how it was measured."""
    return (
        f"Measured on {datetime.date.today()} with `make wear`: a shift of {hours:g} h at seed {SEED} and the rest "
        f"of its day, {paced_minutes:g} min of it at its own pace; Python {platform.python_version()}, "
        f"SQLite {sqlite3.sqlite_version}, {platform.machine()}, Linux {platform.release().split('-')[0]}; "
        "ext4 with blocks of 4 KiB on a loop device, lazytime."
    )


def say(what: str) -> None:
    """Tell whoever waits."""
    sys.stderr.write(f"wear: {what}\n")


if __name__ == "__main__":
    sys.exit(main())
