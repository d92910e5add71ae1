"""`make herd`: hundreds of trucks lose one broker at once and have it back at once, with jitter and without.

1 when a batch is lost, a truck does not come back, or jitter spreads nothing out.
"""

from __future__ import annotations

import argparse
import datetime
import json
import os
import platform
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path

from drivers.mqtt import LinkOptions
from tests.bench.__main__ import with_table
from tests.bench.process import cpu_s
from tests.herd.city import City
from tests.herd.figures import Return, Told, returned, table, time_line
from tests.herd.trucks import STABLE_AFTER_S, Job
from tests.system.certificates import Authority
from tests.system.mosquitto import Mosquitto

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs" / "herd.md"
TRUCKS, PROCESSES, BATCHES, LONGEST_S, AWAY_S, SEED = 300, 3, 60, 60.0, 90.0, 1
PATIENCE_S = 120.0  # beyond the longest wait
TICK = threading.Event()  # never set: paces what polls
BROKER = (
    "require_certificate true\nuse_identity_as_username true\npersistence true\n"
    "max_queued_messages 0\nmax_queued_bytes 0\nlog_type none\nlog_type information\nlog_type error\n"
)


class Herd:
    """The processes with the trucks, and what they have told."""

    def __init__(self, jobs: list[Job]) -> None:
        self.told: list[Told] = []
        self._processes = [
            subprocess.Popen(
                [sys.executable, "-m", "tests.herd.trucks"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
                cwd=ROOT,
            )
            for _ in jobs
        ]
        self._threads = [
            threading.Thread(target=self._read, args=(process,), daemon=True) for process in self._processes
        ]
        for thread, process, job in zip(self._threads, self._processes, jobs, strict=True):
            thread.start()
            _say(process, json.dumps(job._asdict()))

    def _read(self, process: subprocess.Popen[str]) -> None:
        assert process.stdout is not None
        for line in process.stdout:
            self.told.append(Told(**json.loads(line)))

    def say(self, word: str) -> None:
        """To all of them."""
        for process in self._processes:
            _say(process, word)

    def count(self, what: str) -> int:
        """Trucks that have done it."""
        return len({one.truck for one in list(self.told) if one.what == what})

    @property
    def up(self) -> int:
        """Trucks whose last word is that they are up."""
        last = {one.truck: one.what for one in list(self.told) if one.what in ("up", "down")}
        return sum(what == "up" for what in last.values())

    def close(self) -> None:
        """End all of them."""
        for process in self._processes:
            _say(process, "end")
        for process, thread in zip(self._processes, self._threads, strict=True):
            try:
                process.wait(PATIENCE_S)
            finally:
                process.kill()
                thread.join()


def _say(process: subprocess.Popen[str], word: str) -> None:
    assert process.stdin is not None
    process.stdin.write(word + "\n")
    process.stdin.flush()


def one_return(folder: Path, given: argparse.Namespace, *, jitter: bool) -> Return:
    """All connected, all lose the broker, all have it back, all drained."""
    authority = Authority(folder)
    for number in range(1, given.trucks + 1):
        authority.issue(f"truck-{number}")
    certificate, key = authority.issue("broker", "127.0.0.1")
    files = f"cafile {authority.file}\ncertfile {certificate}\nkeyfile {key}\n"
    broker = Mosquitto(folder, files + BROKER, scheme="mqtts").start()
    certificate, key = authority.issue("city")
    own = LinkOptions("city", ca_file=authority.file, certificate_file=certificate, key_file=key)
    city, herd = City(broker.url, own), Herd(_jobs(broker.url, folder, given, jitter))
    try:
        _until(city.up.is_set, PATIENCE_S, "the city's end did not connect")
        herd.say("connect")
        _until(lambda: herd.up == given.trucks, PATIENCE_S, "not all trucks came up")
        TICK.wait(2 * STABLE_AFTER_S)
        broker.stop()
        return _back(broker, city, herd, given)
    finally:
        herd.close()
        city.close()
        broker.__exit__()


def _jobs(url: str, folder: Path, given: argparse.Namespace, jitter: bool) -> list[Job]:
    ends = [given.trucks * part // PROCESSES for part in range(PROCESSES + 1)]
    return [
        Job(url, str(folder), before + 1, end, given.batches, given.longest, jitter, given.seed)
        for before, end in pairwise(ends)
    ]


def _back(broker: Mosquitto, city: City, herd: Herd, given: argparse.Namespace) -> Return:
    """The outage, the return, and what came of it."""
    away_s = _now_s()
    _until(lambda: herd.up == 0, PATIENCE_S, "not all trucks noticed")
    herd.say("record")
    TICK.wait(given.away - (_now_s() - away_s))
    back_s = _now_s()
    broker.start()
    assert broker._process is not None
    used_s, patience_s = cpu_s(broker._process.pid), given.longest + PATIENCE_S
    _until(lambda: herd.count("drained") == given.trucks, patience_s, "not all trucks drained")
    sealed = given.trucks * given.batches
    _until(lambda: len(city.kept) >= sealed, PATIENCE_S, "not all batches arrived")
    used_s = cpu_s(broker._process.pid) - used_s
    told = [one._replace(at=one.at - back_s) for one in list(herd.told)]
    return returned(told, given.trucks, back_s - away_s, given.batches, city.kept, used_s)


def _until(true: Callable[[], bool], within_s: float, complaint: str) -> None:
    """Wait for other processes; says so when it takes too long, and goes on, because the figures tell the rest."""
    until_s = _now_s() + within_s
    while not true():
        if _now_s() > until_s:
            sys.stderr.write(f"{complaint}\n")
            return
        TICK.wait(0.2)


def _now_s() -> float:
    return time.monotonic()  # noqa: TID251 — everything here is real


def main() -> int:
    """Both herds, one after the other; print the table, write what was asked for."""
    parser = argparse.ArgumentParser(prog="python -m tests.herd", description=__doc__)
    parser.add_argument("--trucks", type=int, default=TRUCKS)
    parser.add_argument("--batches", type=int, default=BATCHES, help="that each truck has to send then")
    parser.add_argument("--longest", type=float, default=LONGEST_S, help="longest wait, seconds")
    parser.add_argument("--away", type=float, default=AWAY_S, help="how long the broker is away, seconds")
    parser.add_argument("--seed", type=int, default=SEED, help="of the waits")
    parser.add_argument("--write-docs", action="store_true", help="put the table into docs/herd.md")
    given = parser.parse_args()
    runs: dict[str, Return] = {}
    for name, jitter in (("with jitter", True), ("planted: without", False)):
        with tempfile.TemporaryDirectory(prefix="fairhaul-herd-") as folder:
            runs[name] = one_return(Path(folder), given, jitter=jitter)
    text = "\n".join(_said(given, runs)) + "\n"
    sys.stdout.write(text)
    if given.write_docs:
        DOCS.write_text(with_table(DOCS.read_text(encoding="utf-8"), text), encoding="utf-8")
    return 0 if all(_is_good(run) for run in runs.values()) and _spread(*runs.values()) else 1


def _is_good(run: Return) -> bool:
    """Whether every truck came back and every batch arrived."""
    return len(run.drained_at) == run.trucks and run.arrived == run.batches


def _spread(ours: Return, planted: Return) -> bool:
    """Whether chance makes the difference that it is there for."""
    return 2 * max(ours.attempts.values()) < max(planted.attempts.values())


def _said(given: argparse.Namespace, runs: dict[str, Return]) -> Iterator[str]:
    machine = f"{os.cpu_count()} {platform.machine()} cores, Linux {platform.release()}"
    date = datetime.datetime.now(datetime.UTC).date()  # noqa: TID251 — the date of the log
    words = (
        f"--trucks {given.trucks} --batches {given.batches} --longest {given.longest:g} --away {given.away:g}"
    )
    yield f"Measured {date} with `python -m tests.herd {words} --seed {given.seed}`"
    yield f"on {machine}."
    yield ""
    yield from table(runs)
    for name, run in runs.items():
        yield from ("", f"{name.capitalize()}:", "", "```text", *time_line(run), "```")


if __name__ == "__main__":
    sys.exit(main())
