"""`make kills`: kill -9, SIGTERM and SIGSTOP in every phase on one state directory. 1 when anything is wrong."""

from __future__ import annotations

import argparse
import os
import platform
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from random import Random
from statistics import median

from tests.kills.ledger import Outcome, outcome
from tests.kills.loops import Killed, kill_over_and_over
from tests.kills.phases import PHASES
from tests.kills.stops import CASES, Ended, Resumed, end_in_every_phase, stop_and_go_on, wrong
from tests.kills.yard import Yard

CYCLES, TIMES, STOPPED_S = 300, 5, 35.0


def main() -> int:
    """Kill, end, stop; print what came of it."""
    parser = argparse.ArgumentParser(prog="python -m tests.kills", description=__doc__)
    parser.add_argument("--cycles", type=int, default=CYCLES, help="agents that are killed")
    parser.add_argument("--times", type=int, default=TIMES, help="SIGTERMs in each phase")
    parser.add_argument(
        "--stopped", type=float, default=STOPPED_S, help="seconds between SIGSTOP and SIGCONT"
    )
    parser.add_argument("--seed", type=int, default=1, help="of all that is drawn")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="fairhaul-kills-") as folder, Yard(Path(folder)) as yard:
        try:
            complaints = list(_told(yard, given))
        except BaseException:
            sys.stderr.write(
                f"{yard.log.read_text(errors='replace')[-4_000:]}\n{yard.status()}\n{yard.counts()}\n"
            )
            raise
    sys.stdout.writelines(f"WRONG: {complaint}\n" for complaint in complaints)
    return 1 if complaints else 0


def _told(yard: Yard, given: argparse.Namespace) -> Iterator[str]:
    """Do it all, print each part as it is over, and say what was wrong."""
    chance, began_s = Random(given.seed), time.monotonic()  # noqa: TID251
    _print(f"seed {given.seed}, {os.cpu_count()} {platform.machine()} cores, Linux {platform.release()}")
    killed = kill_over_and_over(yard, given.cycles, chance)
    _print(*_kills(killed))
    ended = end_in_every_phase(yard, CASES, given.times, chance)
    _print(*_ends(ended))
    resumed = stop_and_go_on(yard, given.stopped)
    _print(_resumed(resumed))
    yard.settle()
    found = outcome(yard)
    _print(*_found(found), f"{time.monotonic() - began_s:.0f} s")  # noqa: TID251
    yield from (*killed.wrong, *wrong(ended, CASES), *resumed.wrong, *found.wrong)


def _print(*lines: str) -> None:
    sys.stdout.write("\n".join(lines) + "\n\n")
    sys.stdout.flush()


def _kills(killed: Killed) -> Iterable[str]:
    brokers = ", ".join(f"{state} {count}" for state, count in sorted(killed.brokers.items()))
    yield f"kill -9, {sum(killed.phases.values())} times; the broker meanwhile: {brokers}; ended before: {killed.ended}"
    for phase in PHASES:
        yield f"  {phase:15}{killed.phases[phase]:5}   aimed at and met {killed.aimed[phase]:4}"


def _ends(ended: dict[str, Ended]) -> Iterable[str]:
    yield f"{'SIGTERM':46}{'times':>6}{'median s':>10}{'most s':>8}  exit status"
    for name, each in ended.items():
        statuses = ", ".join(f"{status}: {count}" for status, count in sorted(each.statuses.items()))
        times = f"{len(each.seconds):6}{median(each.seconds):10.2f}{max(each.seconds):8.2f}"
        yield f"  {name:44}{times}  {statuses}"


def _resumed(resumed: Resumed) -> str:
    return (
        f"SIGSTOP for {resumed.stopped_s:.0f} s: up again {resumed.up_again_s:.1f} s behind SIGCONT, "
        f"{resumed.connects} connections, CPU {resumed.share_before:.0%} before and {resumed.share_after:.0%} after"
    )


def _found(found: Outcome) -> Iterable[str]:
    yield f"{found.commits} commits; of {found.batches} batches {found.arrived} arrived and {found.waiting} wait"
    yield f"{found.repeats} arrived again and were dropped; {found.records} records followed from their first commit"


if __name__ == "__main__":
    sys.exit(main())
