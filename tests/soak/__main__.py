"""`make soak SEEDS=n`: run so many seeds, print the table of what happened in them. 1 when an invariant broke.

A seed that fails prints itself, what broke and the command that replays it. `--bugs` plants known bugs instead and
shows how many seeds each needs to be found.
"""

from __future__ import annotations

import argparse
import concurrent.futures
import logging
import os
import sys
from collections import Counter
from collections.abc import Sequence

from tests.soak.bugs import BUGS, SEEDS_MAX, hunted
from tests.soak.run import Outcome, soaked

PROCESSES = int(os.environ.get("TEST_JOBS", "2"))
PROGRESS_EVERY = 20
FAULTS_SEEN = (  # all of these must have happened in a run of NEEDED_SEEDS seeds
    "outages",
    "half-open links",
    "publishes into a half-open link",
    "acknowledgements lost",
    "acknowledgements late",
    "acknowledgements again",
    "kicks",
    "refusals",
    "broker restarts",
    "broker killed unsaved",
    "city away",
    "kills",
    "killed at a publish",
    "power cuts",
    "power cut in a commit",
    "power cut behind a commit",
    "disk full",
    "disk write",
    "disk sync",
    "disk read",
    "file damaged",
    "clock steps",
    "suspended",
    "suspended, the clock too",
    "rollover receivers",
    "receiver restarts with an old time",
    "unplugs",
    "pins that chatter",
    "agreement changes",
    "agreements rolled back",
    "agreement files that are none",
    "calls for help",
    "rows evicted",
    "rows expired",
    "rows refused",
    "rows set aside",
    "clean ends",
)
NEEDED_SEEDS = 200


def _say(text: str) -> None:
    print(text, flush=True)  # noqa: T201 - the table is what this is for


def _quiet() -> None:
    logging.lastResort = None


def _run(seeds: Sequence[int]) -> int:
    happened: Counter[str] = Counter()
    broken: list[Outcome] = []
    days = 0.0
    with concurrent.futures.ProcessPoolExecutor(PROCESSES, initializer=_quiet) as pool:
        for done, outcome in enumerate(pool.map(soaked, seeds), start=1):
            happened.update(outcome.happened)
            days += outcome.days
            if outcome.broken is not None:
                broken.append(outcome)
                _say(f"seed {outcome.seed} BROKEN: {outcome.broken}\n    make soak SEED={outcome.seed}")
            if done % PROGRESS_EVERY == 0:
                _say(f"{done} of {len(seeds)} seeds, {days:.0f} days, {len(broken)} violations")
    for name in sorted(happened.keys() | set(FAULTS_SEEN)):
        _say(f"{name:44}{happened[name]:>12}")
    absent = [name for name in FAULTS_SEEN if not happened[name]]
    _say(f"{'seeds':44}{len(seeds):>12}\n{'days':44}{days:>12.0f}\n{'violations':44}{len(broken):>12}")
    if absent and len(seeds) >= NEEDED_SEEDS:
        _say(f"never happened: {', '.join(absent)}")
        return 1
    return 1 if broken else 0


def _hunt(names: Sequence[str]) -> int:
    _say(f"{'planted bug':44}{'seeds':>6}  found as")
    survivors = 0
    with concurrent.futures.ProcessPoolExecutor(PROCESSES, initializer=_quiet) as pool:
        for found in pool.map(hunted, names):
            survivors += found.broken is None
            _say(f"{found.bug:44}{found.seeds:>6}  {found.broken or f'SURVIVES {SEEDS_MAX} seeds'}")
    return 1 if survivors else 0


def main(words: Sequence[str]) -> int:
    """What the command line asks for."""
    parser = argparse.ArgumentParser(prog="python -m tests.soak", description=__doc__)
    parser.add_argument("--seeds", type=int, default=200, help="how many seeds, from the first on")
    parser.add_argument("--first", type=int, default=0, help="the first seed")
    parser.add_argument("--seed", type=int, help="this one alone")
    parser.add_argument("--bugs", nargs="*", metavar="NAME", help="plant bugs, all when none is named")
    asked = parser.parse_args(words)
    if asked.bugs is not None:
        return _hunt(asked.bugs or list(BUGS))
    if asked.seed is not None:
        return _run([asked.seed])
    return _run(range(asked.first, asked.first + asked.seeds))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
